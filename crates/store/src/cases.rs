//! The index of cases that lists ask: derived from case rows, scope a parameter of each query.

use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::apply::{next_draw, next_lapse};
use blindspot_core::case::Case;
use blindspot_core::feed::Feed;
use blindspot_core::geo::Bbox;
use blindspot_core::id::CityId;

const SQL: &str = include_str!("../sql/cases.sql");
static SAVE: Stmt = Stmt::new(SQL, "save_case");
static LIST_CITY: Stmt = Stmt::new(SQL, "list_city");
static LIST_FEED: Stmt = Stmt::new(SQL, "list_feed");
static NEXT: Stmt = Stmt::new(SQL, "cases_next");
static DRAW: Stmt = Stmt::new(SQL, "cases_draw");
static NEAR: Stmt = Stmt::new(SQL, "cases_near");
static COUNT_CITY: Stmt = Stmt::new(SQL, "count_city");

/// What a list asks for; `None` asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// The state's word.
    pub state: Option<String>,
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
    /// Digits of the spoken number.
    pub short_n: Option<u32>,
    /// Changed at or after this server time, milliseconds.
    pub since_ms: Option<i64>,
}

/// A place in a list: newest receipt first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListKey {
    /// When the case was received, server time in milliseconds.
    pub received_ms: i64,
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

/// Writes the index rows of changed cases. `item` is the catalogue item of each, as the caller reads it.
///
/// # Errors
/// The engine's.
pub fn save_cases<'c>(
    tx: &Tx<'_>,
    city: &CityId,
    cases: impl IntoIterator<Item = (&'c Case, Option<String>)>,
) -> Result<()> {
    let sets = cases.into_iter().map(|(case, item)| {
        let place = &case.place;
        let pending = case.closing.as_ref().is_some_and(|c| c.evidence_pending);
        [
            city.into(),
            case.case_id.into(),
            case.state.as_str().into(),
            case.state.is_open().into(),
            place.town.as_ref().map(|t| t.as_str()).into(),
            place.grid.as_ref().map(|g| g.as_str()).into(),
            case.lead.as_ref().map(|d| d.as_str()).into(),
            item.into(),
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
            next_lapse(case).map(|(_, due_ms)| due_ms).into(),
            next_draw(case).into(),
        ]
    });
    tx.exec_many(&SAVE, sets)?;
    Ok(())
}

/// A page of cases before a place: of the whole city (`None`), or of one feed.
///
/// # Errors
/// The engine's.
pub fn load_cases(
    tx: &Tx<'_>,
    city: &CityId,
    scope: Option<&Feed>,
    filter: &CaseFilter,
    before: Option<ListKey>,
    most: usize,
) -> Result<Vec<CaseLine>> {
    let (before_ms, before_id) =
        before.map_or((i64::MAX, [255; 16]), |key| (key.received_ms, *key.case_id.as_bytes()));
    fn text(t: &Option<String>) -> Value<'_> {
        t.as_deref().into()
    }
    let mut params = vec![
        city.into(),
        before_ms.into(),
        before_id.into(),
        text(&filter.state),
        text(&filter.town),
        text(&filter.grid),
        text(&filter.lead),
        text(&filter.item),
        text(&filter.source),
        filter.urgent.into(),
        filter.open.into(),
        filter.short_n.into(),
        filter.since_ms.into(),
        i64::try_from(most).unwrap_or(i64::MAX).into(),
    ];
    let stmt = match scope {
        None => &LIST_CITY,
        Some(feed) => {
            params.push(feed.into());
            &LIST_FEED
        }
    };
    let line = |row: &Row| {
        let key = ListKey { case_id: CaseId::from_bytes(row.id(0)?), received_ms: row.int(1)? };
        Ok(CaseLine { key, body: row.text(2)?.to_owned() })
    };
    tx.query(stmt, &params)?.iter().map(line).collect()
}

/// How many cases stand in each state.
///
/// # Errors
/// The engine's.
pub fn load_counts(tx: &Tx<'_>, city: &CityId) -> Result<Vec<(String, i64)>> {
    tx.query(&COUNT_CITY, &[city.into()])?
        .iter()
        .map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?)))
        .collect()
}

/// Cases to which something happens by itself by now, what is due longest first.
///
/// # Errors
/// The engine's.
pub fn load_due(tx: &Tx<'_>, city: &CityId, now_ms: i64, most: i64) -> Result<Vec<CaseId>> {
    ids(tx, &NEXT, city, now_ms, most)
}

/// Cases whose check is to be drawn by now.
///
/// # Errors
/// The engine's.
pub fn load_to_draw(tx: &Tx<'_>, city: &CityId, now_ms: i64, most: i64) -> Result<Vec<CaseId>> {
    ids(tx, &DRAW, city, now_ms, most)
}

fn ids(tx: &Tx<'_>, stmt: &'static Stmt, city: &CityId, now_ms: i64, most: i64) -> Result<Vec<CaseId>> {
    let rows = tx.query(stmt, &[city.into(), now_ms.into(), most.into()])?;
    rows.iter().map(|row| Ok(CaseId::from_bytes(row.id(0)?))).collect()
}

/// Bodies of the cases in a box of the whole city, the newest first. The caller judges who may see which.
///
/// # Errors
/// The engine's.
pub fn load_near(tx: &Tx<'_>, city: &CityId, within: &Bbox, most: i64) -> Result<Vec<String>> {
    let Bbox { west, south, east, north } = *within;
    let set = [city.into(), south.into(), north.into(), west.into(), east.into(), most.into()];
    tx.query(&NEAR, &set)?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}
