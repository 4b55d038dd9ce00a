//! The roster 排班 and the draws 抽签 as done. Knows no rule of who can be drawn.

use crate::{Result, Row, Stmt, StoreError, Tx, Value};
use blindspot_core::check::Shift;
use blindspot_core::division::Span;
use blindspot_core::id::CityId;
use blindspot_core::local::day_text;
use blindspot_core::{CaseId, OpId, PersonId};
use std::collections::BTreeSet;

const SQL: &str = include_str!("../sql/checks.sql");
static SHIFT_SAVE: Stmt = Stmt::new(SQL, "shift_save");
static SHIFTS: Stmt = Stmt::new(SQL, "shifts_between");
static CLEAR: Stmt = Stmt::new(SQL, "shifts_clear");
static ANY: Stmt = Stmt::new(SQL, "shifts_any");
static DRAW: Stmt = Stmt::new(SQL, "draw_append");
static OF_DAY: Stmt = Stmt::new(SQL, "draws_of_day");
static SINCE: Stmt = Stmt::new(SQL, "draws_since");
static PAIRED: Stmt = Stmt::new(SQL, "draws_paired");

/// A draw as done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawRecord {
    /// The op.
    pub op_id: OpId,
    /// The day whose seed was used.
    pub day: String,
    /// The case.
    pub case_id: CaseId,
    /// The feedback that is to be checked.
    pub feed_back: OpId,
    /// Which draw for it.
    pub attempt: u32,
    /// Who could have been drawn, in order.
    pub people: Vec<PersonId>,
    /// Who was.
    pub drawn: Option<PersonId>,
    /// When, server time.
    pub at_ms: i64,
}

/// Puts shifts in the place of those that begin in a span of time; says how many there were.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn save_shifts(tx: &Tx<'_>, city: &CityId, from_ms: i64, to_ms: i64, shifts: &[Shift]) -> Result<usize> {
    let cleared = tx.exec(&CLEAR, &[city.into(), from_ms.into(), to_ms.into()])?;
    let grids = shifts.iter().map(|s| Ok(serde_json::to_string(&s.grids)?));
    let grids: Vec<String> = grids.collect::<Result<_>>()?;
    let sets: Vec<[Value<'_>; 6]> = shifts
        .iter()
        .zip(&grids)
        .map(|(s, grids)| {
            [
                city.into(),
                s.person.into(),
                s.span.from_ms.into(),
                s.span.to_ms.unwrap_or(i64::MAX).into(),
                grids.as_str().into(),
                s.stands_in_for.map(|p| *p.as_bytes()).into(),
            ]
        })
        .collect();
    tx.exec_many(&SHIFT_SAVE, sets)?;
    Ok(cleared)
}

/// Shifts that touch a span of time.
///
/// # Errors
/// The engine's.
pub fn load_shifts(tx: &Tx<'_>, city: &CityId, from_ms: i64, to_ms: i64) -> Result<Vec<Shift>> {
    let shift = |row: &Row| {
        Ok(Shift {
            person: PersonId::from_bytes(row.id(0)?),
            grids: serde_json::from_str(row.text(3)?)?,
            span: Span { from_ms: row.int(1)?, to_ms: Some(row.int(2)?) },
            stands_in_for: row.opt_id(4)?.map(PersonId::from_bytes),
        })
    };
    tx.query(&SHIFTS, &[city.into(), from_ms.into(), to_ms.into()])?.iter().map(shift).collect()
}

/// Whether anybody is or will be on shift after a time: whether the city draws at all.
///
/// # Errors
/// The engine's.
pub fn load_any_shift(tx: &Tx<'_>, city: &CityId, now_ms: i64) -> Result<bool> {
    Ok(tx.query_one(&ANY, &[city.into(), now_ms.into()])?.is_some())
}

/// Keeps a draw; one that is there stays.
///
/// # Errors
/// The engine's.
pub fn append_draw(tx: &Tx<'_>, city: &CityId, draw: &DrawRecord) -> Result<()> {
    let people = serde_json::to_string(&draw.people)?;
    let set = [
        city.into(),
        draw.op_id.into(),
        draw.day.as_str().into(),
        draw.case_id.into(),
        draw.feed_back.into(),
        i64::from(draw.attempt).into(),
        people.as_str().into(),
        draw.drawn.map(|p| *p.as_bytes()).into(),
        draw.at_ms.into(),
    ];
    tx.exec(&DRAW, &set).map(drop)
}

/// The draws of a day, or of all days from one on.
///
/// # Errors
/// The engine's.
pub fn load_draws(tx: &Tx<'_>, city: &CityId, day: &str, and_later: bool) -> Result<Vec<DrawRecord>> {
    let stmt = if and_later { &SINCE } else { &OF_DAY };
    let draw = |row: &Row| {
        Ok(DrawRecord {
            op_id: OpId::from_bytes(row.id(0)?),
            day: row.text(1)?.to_owned(),
            case_id: CaseId::from_bytes(row.id(2)?),
            feed_back: OpId::from_bytes(row.id(3)?),
            attempt: u32::try_from(row.int(4)?).map_err(|e| StoreError::Decode(e.to_string()))?,
            people: serde_json::from_str(row.text(5)?)?,
            drawn: row.opt_id(6)?.map(PersonId::from_bytes),
            at_ms: row.int(7)?,
        })
    };
    tx.query(stmt, &[city.into(), day.into()])?.iter().map(draw).collect()
}

/// Who was drawn for fixes of a unit since a time.
///
/// # Errors
/// The engine's.
pub fn load_paired(tx: &Tx<'_>, city: &CityId, unit: &str, since_ms: i64) -> Result<BTreeSet<PersonId>> {
    let day = day_text(since_ms);
    let rows = tx.query(&PAIRED, &[city.into(), day.as_str().into(), unit.into()])?;
    rows.iter().map(|row| Ok(PersonId::from_bytes(row.id(0)?))).collect()
}
