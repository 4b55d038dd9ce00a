//! A page of a list: each part of the scope walked by what was chosen, put together in the order of the list. Bodies are
//! read for what is on the page alone. Decides nothing about a case.

use super::choose::{Chosen, Part, choose, parts};
use super::{CaseFilter, DAY_MS, SQL, Scope, Sort, bit_of};
use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::id::CityId;
use blindspot_core::projection::grams::behind;
use blindspot_core::projection::head::{Lateness, SOON_MS};
use std::collections::BTreeMap;

static BY_RECEIVED: Stmt = Stmt::new(SQL, "by_received");
static BY_STATE: Stmt = Stmt::new(SQL, "by_state");
static BY_TOWN: Stmt = Stmt::new(SQL, "by_town");
static BY_GRID: Stmt = Stmt::new(SQL, "by_grid");
static BY_LEAD: Stmt = Stmt::new(SQL, "by_lead");
static BY_ITEM: Stmt = Stmt::new(SQL, "by_item");
static BY_SOURCE: Stmt = Stmt::new(SQL, "by_source");
static BY_OPEN: Stmt = Stmt::new(SQL, "by_open");
static BY_SUPERVISED: Stmt = Stmt::new(SQL, "by_supervised");
static BY_RETURNED: Stmt = Stmt::new(SQL, "by_returned");
static BY_RELAPSED: Stmt = Stmt::new(SQL, "by_relapsed");
static BY_UNPLACED: Stmt = Stmt::new(SQL, "by_unplaced");
static BY_SHORT: Stmt = Stmt::new(SQL, "by_short");
static BY_LINK: Stmt = Stmt::new(SQL, "by_link");
static BY_DUE: Stmt = Stmt::new(SQL, "by_due");
static BY_DUE_LINK: Stmt = Stmt::new(SQL, "by_due_link");
static BY_WINDOW: Stmt = Stmt::new(SQL, "by_window");
static WINDOW_END: Stmt = Stmt::new(SQL, "window_end");
static BY_GRAM: Stmt = Stmt::new(SQL, "by_gram");
static SAMPLE: Stmt = Stmt::new(SQL, "gram_sample");
static OLDEST: Stmt = Stmt::new(SQL, "oldest_case");
static NEWEST: Stmt = Stmt::new(SQL, "newest_case");
static BODY: Stmt = Stmt::new(SQL, "case_body");

/// Days in which a word is counted, to know whether it is rare.
const SAMPLE_DAYS: i64 = 30;
/// Counted no further than this.
const SAMPLE_MOST: i64 = 400;
/// Days of the first window; each next one is twice as long.
const WINDOW_DAYS: i64 = 8;

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListKey {
    /// When the case was received, or when its clock ends: what the list is in the order of. Milliseconds.
    pub at_ms: i64,
    /// The case.
    pub case_id: CaseId,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseLine {
    /// Its place.
    pub key: ListKey,
    /// The bytes of the case row.
    pub body: String,
}

/// What is on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Places, in the order of the list.
    pub keys: Vec<ListKey>,
    /// Where it goes on, when the page ended before it was full and the list is not at its end.
    pub goes_on: Option<ListKey>,
}

/// A page of a list behind a place.
///
/// # Errors
/// The engine's.
pub fn load_page(
    tx: &Tx<'_>,
    city: &CityId,
    scope: &Scope,
    filter: &CaseFilter,
    (sort, behind): (Sort, Option<ListKey>),
    most: usize,
) -> Result<ListPage> {
    let mut words = Words::of(tx, city, filter)?;
    let mut merged: BTreeMap<ListKey, ()> = BTreeMap::new();
    let mut goes_on: Option<ListKey> = None;
    for part in parts(scope, filter) {
        let walk = Walk { tx, city, part: &part, most };
        let page = match sort {
            Sort::Due => walk.by_due(&words, behind)?,
            Sort::Received => walk.by_received(&mut words, behind)?,
        };
        merged.extend(page.keys.into_iter().map(|key| (key, ())));
        // No part has been looked at beyond the newest of these.
        goes_on = goes_on.max(page.goes_on);
    }
    let fits = |key: &ListKey| goes_on.is_none_or(|end| *key >= end);
    let keys: Vec<ListKey> = match sort {
        Sort::Received => merged.into_keys().rev().filter(fits).take(most).collect(),
        Sort::Due => merged.into_keys().take(most).collect(),
    };
    let full = keys.len() == most;
    Ok(ListPage { keys, goes_on: goes_on.filter(|_| !full) })
}

/// Cases before a place, the newest first, with their bodies.
///
/// # Errors
/// The engine's.
pub fn load_cases(
    tx: &Tx<'_>,
    city: &CityId,
    scope: &Scope,
    filter: &CaseFilter,
    before: Option<ListKey>,
    most: usize,
) -> Result<Vec<CaseLine>> {
    let page = load_page(tx, city, scope, filter, (Sort::Received, before), most)?;
    load_bodies(tx, city, &page.keys)
}

/// The bodies of lines, in their order.
///
/// # Errors
/// The engine's.
pub fn load_bodies(tx: &Tx<'_>, city: &CityId, keys: &[ListKey]) -> Result<Vec<CaseLine>> {
    let found = tx.query_many(&BODY, keys.iter().map(|key| [city.into(), key.case_id.into()]))?;
    let mut bodies = BTreeMap::new();
    for row in found {
        bodies.insert(CaseId::from_bytes(row.id(0)?), row.text(1)?.to_owned());
    }
    let line = |key: &ListKey| Some(CaseLine { key: *key, body: bodies.remove(&key.case_id)? });
    Ok(keys.iter().filter_map(line).collect())
}

/// Beginnings of grams that are asked for, the rarest first: each from, and to before.
struct Words {
    spans: Vec<(String, String)>,
    rare: bool,
    /// First and last day that any case was received.
    days: (i64, i64),
}

impl Words {
    fn of(tx: &Tx<'_>, city: &CityId, filter: &CaseFilter) -> Result<Self> {
        let mut out = Self { spans: vec![], rare: false, days: (0, -1) };
        if filter.words.is_empty() {
            return Ok(out);
        }
        let day = |stmt: &Stmt| -> Result<Option<i64>> {
            let found = tx.query_one(stmt, &[city.into()])?;
            found.map(|row| Ok(row.int(0)?.div_euclid(DAY_MS))).transpose()
        };
        if let (Some(oldest), Some(newest)) = (day(&OLDEST)?, day(&NEWEST)?) {
            out.days = (oldest, newest);
        }
        let mut counted = Vec::new();
        for from in &filter.words {
            // Behind the last of all characters there is nothing: then to the end of what a text may begin with.
            let to = behind(from).unwrap_or_else(|| "\u{10ffff}\u{10ffff}".into());
            let (newest, least) = (out.days.1, (out.days.1 - SAMPLE_DAYS + 1).max(out.days.0));
            let set =
                [city.into(), from.into(), (&to).into(), newest.into(), least.into(), SAMPLE_MOST.into()];
            let n = tx.query_one(&SAMPLE, &set)?.map_or(Ok(0), |row| row.int(0))?;
            counted.push((n, from.clone(), to));
        }
        counted.sort();
        out.rare = counted.first().is_some_and(|(n, ..)| *n < SAMPLE_MOST / 4);
        out.spans = counted.into_iter().map(|(_, from, to)| (from, to)).collect();
        Ok(out)
    }

    /// The n-th, as two values.
    fn values(&self, n: usize) -> [Value<'_>; 2] {
        self.spans.get(n).map_or([Value::Null, Value::Null], |(from, to)| [from.into(), to.into()])
    }
}

/// A part of a scope under way.
struct Walk<'a, 't> {
    tx: &'a Tx<'t>,
    city: &'a CityId,
    part: &'a Part,
    most: usize,
}

impl Walk<'_, '_> {
    fn by_received(&self, words: &mut Words, before: Option<ListKey>) -> Result<ListPage> {
        let chosen = choose(self.part);
        let before = before.map_or((i64::MAX, [255; 16]), |key| (key.at_ms, *key.case_id.as_bytes()));
        let apart = matches!(chosen, Chosen::Link(_) | Chosen::Unplaced);
        if !words.spans.is_empty() && !apart && (words.rare || !chosen.is_narrow()) {
            return Ok(ListPage { keys: self.by_gram(words, before)?, goes_on: None });
        }
        if self.part.filter.since_ms.is_some() && !chosen.is_narrow() {
            return self.by_window(words, before);
        }
        Ok(ListPage { keys: self.by(&chosen, words, before)?, goes_on: None })
    }

    /// The newest that fit, by an index.
    fn by(&self, chosen: &Chosen, words: &Words, before: (i64, [u8; 16])) -> Result<Vec<ListKey>> {
        let (stmt, of) = match chosen {
            Chosen::Short(_) => (&BY_SHORT, None),
            Chosen::Link(feed) => (&BY_LINK, Some(Value::from(feed))),
            Chosen::Unplaced => (&BY_UNPLACED, None),
            Chosen::Grid => (&BY_GRID, None),
            // Changes since a moment are not in that index.
            Chosen::Open if self.part.filter.since_ms.is_some() => (&BY_RECEIVED, None),
            Chosen::Open => (&BY_OPEN, None),
            Chosen::Supervised => (&BY_SUPERVISED, None),
            Chosen::Returned => (&BY_RETURNED, None),
            Chosen::Item => (&BY_ITEM, None),
            Chosen::Relapsed => (&BY_RELAPSED, None),
            Chosen::Lead => (&BY_LEAD, None),
            Chosen::Town => (&BY_TOWN, None),
            Chosen::Source => (&BY_SOURCE, None),
            Chosen::Received => (&BY_RECEIVED, None),
            Chosen::States => return self.by_states(words, before),
        };
        let mut params = self.params(words, before, true);
        params.extend(of);
        self.keys(stmt, &params)
    }

    fn by_states(&self, words: &Words, before: (i64, [u8; 16])) -> Result<Vec<ListKey>> {
        let mut all = Vec::new();
        for state in &self.part.filter.states {
            let mut params = self.params(words, before, false);
            params.push(state.as_str().into());
            all.extend(self.keys(&BY_STATE, &params)?);
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
        all.truncate(self.most);
        Ok(all)
    }

    fn by_window(&self, words: &Words, before: (i64, [u8; 16])) -> Result<ListPage> {
        let keys = self.keys(&BY_WINDOW, &self.params(words, before, true))?;
        let end = self.keys(&WINDOW_END, &[self.city.into(), before.0.into(), before.1.into()])?;
        Ok(ListPage { keys, goes_on: end.into_iter().next() })
    }

    /// Day by day, in windows: the rarest word gives the cases, the next one is asked of each.
    fn by_gram(&self, words: &Words, before: (i64, [u8; 16])) -> Result<Vec<ListKey>> {
        let (oldest, newest) = words.days;
        let (mut day, mut length) = (newest.min(before.0.div_euclid(DAY_MS)), WINDOW_DAYS);
        let mut out: Vec<ListKey> = Vec::new();
        while day >= oldest && out.len() < self.most {
            let least = (day - length + 1).max(oldest);
            let mut params = self.params(words, before, true);
            params.extend([day.into(), least.into()]);
            out.extend(self.keys(&BY_GRAM, &params)?);
            (day, length) = (least - 1, length * 2);
        }
        out.truncate(self.most);
        Ok(out)
    }

    fn by_due(&self, words: &Words, behind: Option<ListKey>) -> Result<ListPage> {
        let behind = behind.map_or((i64::MIN, [0; 16]), |key| (key.at_ms, *key.case_id.as_bytes()));
        let mut params = self.params(words, behind, true);
        let keys = match &self.part.by {
            Some(Chosen::Link(feed)) => {
                params.push(feed.into());
                self.keys(&BY_DUE_LINK, &params)?
            }
            by => {
                params.push(matches!(by, Some(Chosen::Unplaced)).into());
                self.keys(&BY_DUE, &params)?
            }
        };
        Ok(ListPage { keys, goes_on: None })
    }

    /// $1 to $25. States are asked for by their bits unless each is walked by itself.
    fn params<'v>(&'v self, words: &'v Words, (at, id): (i64, [u8; 16]), states: bool) -> Vec<Value<'v>> {
        let f = &self.part.filter;
        let mask = f.states.iter().filter(|_| states).fold(0, |mask, state| mask | bit_of(state));
        let (mut from, mut to, mut not_before) = (None, None, None);
        match &f.late {
            None | Some((Lateness::Other(_), _)) => {}
            Some((Lateness::Yes, now_ms)) => to = Some(*now_ms),
            Some((Lateness::Soon, now_ms)) => {
                (from, to) = (Some(*now_ms), Some(now_ms.saturating_add(SOON_MS)));
            }
            Some((Lateness::No, now_ms)) => not_before = Some(*now_ms),
        }
        let text = |t: &'v Option<String>| Value::from(t.as_deref());
        let mut out = vec![
            self.city.into(),
            at.into(),
            id.into(),
            mask.into(),
            text(&f.town),
            text(&f.grid),
            text(&f.lead),
            text(&f.item),
            text(&f.source),
            f.urgent.into(),
            f.open.into(),
            f.supervised.into(),
            f.hung.into(),
            f.returned.into(),
            f.relapsed.into(),
            from.into(),
            to.into(),
            not_before.into(),
            f.short_n.into(),
            f.since_ms.into(),
        ];
        out.extend(words.values(0));
        out.extend(words.values(1));
        out.push(i64::try_from(self.most).unwrap_or(i64::MAX).into());
        out
    }

    fn keys(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<ListKey>> {
        self.tx.query(stmt, params)?.iter().map(key_of).collect()
    }
}

fn key_of(row: &Row) -> Result<ListKey> {
    Ok(ListKey { case_id: CaseId::from_bytes(row.id(0)?), at_ms: row.int(1)? })
}
