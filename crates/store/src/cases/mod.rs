//! The index of cases that lists ask: derived from case rows and kept with them in one transaction. Which statement
//! answers a list is decided in `choose`; counters are `count`'s. Decides nothing about a case.

mod at_place;
mod choose;
pub mod count;
mod timed;
mod walk;
mod words;

pub use at_place::{Within, load_self_fixed, load_site_cases, within};
pub use choose::Chosen;
pub use timed::{load_due, load_near, load_to_draw};
pub use walk::{CaseLine, ListKey, ListPage, load_bodies, load_cases, load_page};

use crate::{Result, Stmt, Tx};
use blindspot_core::apply::{next_draw, next_lapse};
use blindspot_core::case::{Case, CaseFile, CaseState};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::projection::grams::{Wanted, grams, having, plain, words_of};
use blindspot_core::projection::head::{CaseHead, Lateness};
use blindspot_core::{CaseId, PhotoId};
use std::collections::BTreeSet;

const SQL: &str = include_str!("../../sql/cases.sql");
static ADD: Stmt = Stmt::new(SQL, "add_case");
static SAVE: Stmt = Stmt::new(SQL, "save_case");
static SAVE_WORD: Stmt = Stmt::new(SQL, "save_span_word");
static END_WORD: Stmt = Stmt::new(SQL, "end_span_word");
static ADD_LINK: Stmt = Stmt::new(SQL, "add_link");
static SAVE_LINK: Stmt = Stmt::new(SQL, "save_link");
static END_LINK: Stmt = Stmt::new(SQL, "end_link");
static SAVE_SHOWN: Stmt = Stmt::new(SQL, "save_shown");
static SHOWING: Stmt = Stmt::new(SQL, "cases_showing");
static AFTER: Stmt = Stmt::new(SQL, "cases_after");

/// The spans by which words are kept, milliseconds: three hours, in which a large city gets some hundred cases.
pub(crate) const SPAN_MS: i64 = 10_800_000;

/// What a list asks for; `None` and nothing ask for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// One of these states; all when there is none.
    pub states: Vec<CaseState>,
    /// Town code.
    pub town: Option<String>,
    /// Duty grid id.
    pub grid: Option<String>,
    /// Lead unit.
    pub lead: Option<String>,
    /// Catalogue item.
    pub item: Option<String>,
    /// Where the report came from.
    pub source: Option<String>,
    /// 紧急·有危险
    pub urgent: Option<bool>,
    /// Whether somebody still has to do something.
    pub open: Option<bool>,
    /// 督办
    pub supervised: Option<bool>,
    /// 挂账 now.
    pub hung: Option<bool>,
    /// A unit has asked to return it.
    pub returned: Option<bool>,
    /// 回潮
    pub relapsed: Option<bool>,
    /// How it stands to its clock, and at which moment that is asked.
    pub late: Option<(Lateness, i64)>,
    /// Digits of the spoken number.
    pub short_n: Option<u32>,
    /// Changed at or after this server time, milliseconds.
    pub since_ms: Option<i64>,
    /// What its words must answer.
    pub words: Option<Wanted>,
}

/// Of which cases a list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of the city.
    City,
    /// Those of some feeds.
    Feeds(Vec<Feed>),
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Newest receipt first.
    #[default]
    Received,
    /// Cases whose clock runs, the one longest over first.
    Due,
}

/// A case as the index keeps it.
#[derive(Clone, Debug)]
pub struct Entry<'c> {
    /// The case.
    pub case: &'c Case,
    /// The caller knows that the index has nothing of it yet.
    pub fresh: bool,
    /// Its catalogue item, as the caller reads it.
    pub item: Option<String>,
    /// Its words in plain form.
    pub words: String,
    /// Grams of its words: gone, new.
    pub grams: [Vec<String>; 2],
    /// Feeds that no column tells: gone, new.
    pub links: [Vec<Feed>; 2],
    /// Photos of other cases that it newly names.
    pub shown: Vec<PhotoId>,
}

impl<'c> Entry<'c> {
    /// What changed from a case file to another; nothing before it was there.
    #[must_use]
    pub fn between(before: Option<&CaseFile>, after: &'c CaseFile, item: Option<String>) -> Self {
        let words = plain(&words_of(&after.case));
        let was = before.map(|file| plain(&words_of(&file.case)));
        // Most ops say nothing of the text: what it was is not taken apart again.
        let grams = match was {
            Some(was) if was == words => [vec![], vec![]],
            was => differences(&was.map_or_else(BTreeSet::new, |was| grams(&was)), &grams(&words)),
        };
        let links = differences(&before.map_or_else(BTreeSet::new, links_of), &links_of(after));
        let shown = before.map_or_else(BTreeSet::new, CaseFile::photos_elsewhere);
        let shown = after.photos_elsewhere().difference(&shown).copied().collect();
        Self { case: &after.case, fresh: false, item, words, grams, links, shown }
    }
}

fn differences<T: Ord + Clone>(before: &BTreeSet<T>, after: &BTreeSet<T>) -> [Vec<T>; 2] {
    [before.difference(after).cloned().collect(), after.difference(before).cloned().collect()]
}

/// Feeds of people, and of units that assist: grid, town and lead are columns.
fn links_of(file: &CaseFile) -> BTreeSet<Feed> {
    let lead = file.case.lead.as_ref().map(Feed::dept);
    let apart = |f: &Feed| f.as_str().starts_with("user:") || f.as_str().starts_with("dept:");
    file.feeds().into_iter().filter(|f| apart(f) && Some(f) != lead.as_ref()).collect()
}

/// The bit of a state; states of a later version share one.
pub(crate) fn bit_of(state: &CaseState) -> i64 {
    let at = CaseState::KNOWN.iter().position(|known| known == state).unwrap_or(62);
    1 << at
}

/// Writes the index rows of changed cases and their links; `save_words` is to follow.
///
/// # Errors
/// The engine's.
pub fn save_cases(tx: &Tx<'_>, city: &CityId, entries: &[Entry<'_>]) -> Result<()> {
    for (stmt, fresh) in [(&ADD, true), (&SAVE, false)] {
        let of = entries.iter().filter(|entry| entry.fresh == fresh);
        tx.exec_many(stmt, of.map(|entry| index_row(city, entry)))?;
    }

    let links = |pick: usize, fresh: bool| {
        entries.iter().filter(move |entry| entry.fresh == fresh).flat_map(move |entry| {
            let (at, case) = (entry.case.received_ms, entry.case.case_id);
            entry.links[pick].iter().map(move |f| [city.into(), f.into(), at.into(), case.into()])
        })
    };
    tx.exec_many(&END_LINK, links(0, false))?;
    tx.exec_many(&SAVE_LINK, links(1, false))?;
    tx.exec_many(&ADD_LINK, links(1, true))?;
    let shown = entries
        .iter()
        .flat_map(|e| e.shown.iter().map(|photo| [city.into(), (*photo).into(), e.case.case_id.into()]));
    tx.exec_many(&SAVE_SHOWN, shown)?;
    Ok(())
}

/// Writes the words of changed cases, after `save_cases`: which other cases of a span say a word is asked of them.
///
/// # Errors
/// The engine's.
pub fn save_words(tx: &Tx<'_>, city: &CityId, entries: &[Entry<'_>]) -> Result<()> {
    // Each once: most words of a span are said again and again.
    let grams = |pick: usize| -> BTreeSet<(i64, &str)> {
        let of = |entry: &&Entry<'_>| entry.case.received_ms.div_euclid(SPAN_MS);
        let all = entries.iter().map(|entry| (of(&entry), &entry.grams[pick]));
        all.flat_map(|(span, grams)| grams.iter().map(move |gram| (span, gram.as_str()))).collect()
    };
    let gone = grams(0).into_iter();
    let ends = gone.map(|(span, g)| {
        let (from_ms, to_ms) = (span * SPAN_MS, (span + 1) * SPAN_MS);
        [city.into(), span.into(), g.into(), having(g).into(), from_ms.into(), to_ms.into()]
    });
    tx.exec_many(&END_WORD, ends)?;
    tx.exec_many(&SAVE_WORD, grams(1).into_iter().map(|(span, g)| [city.into(), span.into(), g.into()]))?;
    Ok(())
}

fn index_row<'v>(city: &'v CityId, Entry { case, item, words, .. }: &'v Entry<'_>) -> [crate::Value<'v>; 31] {
    let place = &case.place;
    let pending = case.closing.as_ref().is_some_and(|c| c.evidence_pending);
    let head = CaseHead::of(case);
    [
        city.into(),
        case.case_id.into(),
        case.state.as_str().into(),
        case.state.is_open().into(),
        place.town.as_ref().map(|t| t.as_str()).into(),
        place.grid.as_ref().map(|g| g.as_str()).into(),
        case.lead.as_ref().map(|d| d.as_str()).into(),
        item.as_ref().into(),
        case.source.as_str().into(),
        case.urgent_danger.into(),
        case.short_no.as_ref().map(|s| s.n).into(),
        case.short_no.as_ref().map(|s| s.town.as_str()).into(),
        place.point.map(|p| p.lat).into(),
        place.point.map(|p| p.lon).into(),
        case.conflicts_open.into(),
        pending.into(),
        case.captured.at_ms.into(),
        case.received_ms.into(),
        case.updated_ms.into(),
        bit_of(&case.state).into(),
        head.due_ms.into(),
        head.supervised.into(),
        head.hung.into(),
        head.returned.into(),
        head.relapsed.into(),
        (place.town.is_none() && place.grid.is_none()).into(),
        next_lapse(case).map(|(_, due_ms)| due_ms).into(),
        next_draw(case).into(),
        case.site_id.as_ref().into(),
        case.self_fixed.into(),
        words.into(),
    ]
}

/// Ids of cases in their order, behind one.
///
/// # Errors
/// The engine's.
pub fn load_ids_after(tx: &Tx<'_>, city: &CityId, after: CaseId, most: i64) -> Result<Vec<CaseId>> {
    let found = tx.query(&AFTER, &[city.into(), after.into(), most.into()])?;
    found.iter().map(|row| row.id(0).map(CaseId::from_bytes)).collect()
}

/// Cases that name a photo of another one. Who reads which, and whether it is shown there, the caller judges.
///
/// # Errors
/// The engine's.
pub fn load_showing(tx: &Tx<'_>, city: &CityId, photo: PhotoId) -> Result<Vec<CaseId>> {
    let found = tx.query(&SHOWING, &[city.into(), photo.into()])?;
    found.iter().map(|row| row.id(0).map(CaseId::from_bytes)).collect()
}
