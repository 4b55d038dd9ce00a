//! Counters of a city: spoken numbers by town and year, numbers of desk devices.

use crate::{Result, Stmt, Tx};
use blindspot_core::id::CityId;
use std::collections::BTreeMap;

const SQL: &str = include_str!("../sql/looks.sql");
static LOAD: Stmt = Stmt::new(SQL, "load_counter");
static SAVE: Stmt = Stmt::new(SQL, "save_counter");

/// Where a counter stands; 0 when it never counted.
///
/// # Errors
/// The engine's.
pub fn load_counter(tx: &Tx<'_>, city: &CityId, name: &str) -> Result<i64> {
    tx.query_one(&LOAD, &[city.into(), name.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Sets counters.
///
/// # Errors
/// The engine's.
pub fn save_counters(tx: &Tx<'_>, city: &CityId, counters: &BTreeMap<String, i64>) -> Result<()> {
    tx.exec_many(&SAVE, counters.iter().map(|(name, n)| [city.into(), name.into(), (*n).into()]))?;
    Ok(())
}

/// Sets a counter.
///
/// # Errors
/// The engine's.
pub fn save_counter(tx: &Tx<'_>, city: &CityId, name: &str, n: i64) -> Result<()> {
    tx.exec(&SAVE, &[city.into(), name.into(), n.into()])?;
    Ok(())
}
