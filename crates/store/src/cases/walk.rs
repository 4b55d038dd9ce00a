//! A page of a list: each part of the scope walked by what was chosen, put together in the order of the list. Bodies are
//! read for what is on the page alone. Decides nothing about a case.

use super::choose::{Chosen, Part, choose, parts};
use super::words::Words;
use super::{CaseFilter, SQL, Scope, Sort, bit_of};
use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::case::CaseState;
use blindspot_core::id::CityId;
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
static BY_OPEN_READ: Stmt = Stmt::new(SQL, "by_open_read");
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
static BY_SPANS: Stmt = Stmt::new(SQL, "by_spans");
static BODY: Stmt = Stmt::new(SQL, "case_body");

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
    let words = Words::of(tx, city, filter)?;
    let mut merged: BTreeMap<ListKey, ()> = BTreeMap::new();
    let mut goes_on: Option<ListKey> = None;
    for part in parts(scope, filter) {
        let walk = Walk { tx, city, part: &part, most };
        let page = match sort {
            Sort::Due => walk.by_due(&words, behind)?,
            Sort::Received => walk.by_received(&words, behind)?,
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
    let sets = keys.iter().map(|key| [city.into(), key.case_id.to_string().into()]);
    let found = tx.query_many(&BODY, sets)?;
    let mut bodies = BTreeMap::new();
    for row in found {
        bodies.insert(CaseId::from_bytes(row.id(0)?), row.text(1)?.to_owned());
    }
    let line = |key: &ListKey| Some(CaseLine { key: *key, body: bodies.remove(&key.case_id)? });
    Ok(keys.iter().filter_map(line).collect())
}

/// A part of a scope under way.
struct Walk<'a, 't> {
    tx: &'a Tx<'t>,
    city: &'a CityId,
    part: &'a Part,
    most: usize,
}

impl Walk<'_, '_> {
    fn by_received(&self, words: &Words, before: Option<ListKey>) -> Result<ListPage> {
        let chosen = choose(self.part);
        let before = before.map_or((i64::MAX, [255; 16]), |key| (key.at_ms, *key.case_id.as_bytes()));
        let apart = matches!(chosen, Chosen::Short(_) | Chosen::Link(_) | Chosen::Unplaced);
        let narrow = chosen.is_narrow() || chosen == Chosen::Lead;
        if words.asked() && !apart && (words.rare || !narrow) {
            return self.by_spans(words, before);
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
            Chosen::Supervised => (&BY_SUPERVISED, None),
            Chosen::Returned => (&BY_RETURNED, None),
            Chosen::Relapsed => (&BY_RELAPSED, None),
            Chosen::Received => (&BY_RECEIVED, None),
            Chosen::Open => return self.open(words, before, None),
            Chosen::Item => return self.open_and(&BY_ITEM, words, before),
            Chosen::Lead => return self.open_and(&BY_LEAD, words, before),
            Chosen::Town => return self.open_and(&BY_TOWN, words, before),
            Chosen::Source => return self.open_and(&BY_SOURCE, words, before),
            Chosen::States => return self.by_states(words, before),
        };
        let mut params = self.params(words, before, true);
        params.extend(of);
        self.keys(stmt, &params)
    }

    /// Open cases, of one state or of all that are asked for.
    fn open(
        &self,
        words: &Words,
        before: (i64, [u8; 16]),
        state: Option<&CaseState>,
    ) -> Result<Vec<ListKey>> {
        let mut params = self.params(words, before, state.is_none());
        let state = state.map(CaseState::as_str).into();
        if words.asked() || self.part.filter.since_ms.is_some() {
            params.push(state);
            return self.keys(&BY_OPEN_READ, &params);
        }
        params.truncate(19);
        params.extend([state, self.most()]);
        self.keys(&BY_OPEN, &params)
    }

    /// Open cases and closed ones, which stand in an index of their own.
    fn open_and(&self, closed: &Stmt, words: &Words, before: (i64, [u8; 16])) -> Result<Vec<ListKey>> {
        let filter = &self.part.filter;
        let asked = |open: bool| {
            let fits = |state: &CaseState| state.is_open() == open;
            filter.open != Some(!open) && (filter.states.is_empty() || filter.states.iter().any(fits))
        };
        let mut all = if asked(true) { self.open(words, before, None)? } else { vec![] };
        if asked(false) {
            all.extend(self.keys(closed, &self.params(words, before, true))?);
        }
        Ok(self.newest(all))
    }

    /// Each state by itself: those of a later version share a bit.
    fn by_states(&self, words: &Words, before: (i64, [u8; 16])) -> Result<Vec<ListKey>> {
        let mut all = Vec::new();
        for state in &self.part.filter.states {
            let mut params = self.params(words, before, false);
            params.push(state.as_str().into());
            all.extend(self.keys(&BY_STATE, &params)?);
            if state.is_open() {
                all.extend(self.open(words, before, Some(state))?);
            }
        }
        Ok(self.newest(all))
    }

    fn newest(&self, mut all: Vec<ListKey>) -> Vec<ListKey> {
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
        all.truncate(self.most);
        all
    }

    fn most(&self) -> Value<'static> {
        i64::try_from(self.most).unwrap_or(i64::MAX).into()
    }

    fn by_window(&self, words: &Words, before: (i64, [u8; 16])) -> Result<ListPage> {
        let keys = self.keys(&BY_WINDOW, &self.params(words, before, true))?;
        let end = self.keys(&WINDOW_END, &[self.city.into(), before.0.into(), before.1.into()])?;
        Ok(ListPage { keys, goes_on: end.into_iter().next() })
    }

    /// Through the spans that have the words, the newest first; those beside each other are one stretch.
    fn by_spans(&self, words: &Words, before: (i64, [u8; 16])) -> Result<ListPage> {
        let (stretches, goes_on) = words.stretches(self.tx, self.city, before.0)?;
        let (mut at, mut many) = (stretches.as_slice(), 1);
        let mut keys: Vec<ListKey> = Vec::new();
        while !at.is_empty() && keys.len() < self.most {
            let (now, rest) = at.split_at(many.min(at.len()));
            let sets = now.iter().map(|(from_ms, to_ms)| {
                let behind = before.min((*to_ms, [0; 16]));
                let params = self.params(words, behind, true).into_iter().chain([(*from_ms).into()]);
                let mut set = [const { Value::Null }; 24];
                set.iter_mut().zip(params).for_each(|(slot, value)| *slot = value);
                set
            });
            keys.extend(self.tx.query_many(&BY_SPANS, sets)?.iter().map(key_of).collect::<Result<Vec<_>>>()?);
            (at, many) = (rest, many * 2);
        }
        let goes_on = goes_on.filter(|_| keys.len() < self.most);
        Ok(ListPage { keys: self.newest(keys), goes_on })
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

    /// $1 to $23. States are asked for by their bits unless each is walked by itself.
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
        out.extend(words.patterns());
        out.push(self.most());
        out
    }

    fn keys(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<ListKey>> {
        self.tx.query(stmt, params)?.iter().map(key_of).collect()
    }
}

pub(super) fn key_of(row: &Row) -> Result<ListKey> {
    Ok(ListKey { case_id: CaseId::from_bytes(row.id(0)?), at_ms: row.int(1)? })
}
