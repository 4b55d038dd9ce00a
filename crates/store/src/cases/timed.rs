//! Cases by what happens to them next, and by where they lie. Decides nothing about a case.

use super::SQL;
use super::walk::{ListKey, key_of, load_bodies};
use crate::{Result, Stmt, Tx};
use blindspot_core::CaseId;
use blindspot_core::geo::Bbox;
use blindspot_core::id::CityId;

static NEXT: Stmt = Stmt::new(SQL, "cases_next");
static DRAW: Stmt = Stmt::new(SQL, "cases_draw");
static NEAR: Stmt = Stmt::new(SQL, "cases_near");

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
    let keys: Vec<ListKey> = tx.query(&NEAR, &set)?.iter().map(key_of).collect::<Result<_>>()?;
    Ok(load_bodies(tx, city, &keys)?.into_iter().map(|line| line.body).collect())
}
