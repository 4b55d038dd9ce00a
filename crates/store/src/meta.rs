//! Facts about a city by key: its epoch, its starts, its set-up, its newest backup. Servers of another city on the same database
//! neither see nor change them.

use crate::{Result, Stmt, Tx};
use blindspot_core::id::CityId;

/// The epoch in force.
pub const EPOCH: &str = "epoch";
/// Counts changes of who may do what; whoever holds a connection open asks again when it has moved.
pub const STANDING: &str = "standing";
/// Time of the city's newest verified backup, milliseconds since 1970.
pub const SAFE_THROUGH: &str = "safe_through";
/// That backup: where it lies and what it shows, JSON.
pub const LAST_BACKUP: &str = "last_backup";

/// How many ops are still noted before they are applied, after a server stopped without a word.
pub const TRYING_LEFT: &str = "trying_left";

static LOAD: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_load");
static SAVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_save");
static REMOVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_remove");
static EPOCH_AND_SAFE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "epoch_and_safe");

/// A value, if there is one.
///
/// # Errors
/// When the engine refuses, as for all below.
pub fn load(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<Option<String>> {
    let found = tx.query_one(&LOAD, &[city.into(), key.into()])?;
    found.map(|r| r.text(0).map(str::to_owned)).transpose()
}

/// A value read as a number; nothing when it is absent or no number.
///
/// # Errors
/// As `load`.
pub fn load_int(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<Option<i64>> {
    Ok(load(tx, city, key)?.and_then(|v| v.parse().ok()))
}

/// What every reply to a phone says: the epoch in force, and `SAFE_THROUGH`. One look for both.
///
/// # Errors
/// As `load`.
pub fn load_epoch_and_safe(tx: &Tx<'_>, city: &CityId) -> Result<(i64, Option<i64>)> {
    let row = tx.query_one(&EPOCH_AND_SAFE, &[city.into(), EPOCH.into(), SAFE_THROUGH.into()])?;
    let number = |at: usize| -> Result<Option<i64>> {
        let text = row.as_ref().map(|r| r.opt_text(at)).transpose()?.flatten();
        Ok(text.and_then(|v| v.parse().ok()))
    };
    Ok((number(0)?.unwrap_or(0), number(1)?))
}

/// Writes a value over whatever was there.
///
/// # Errors
/// As `load`.
pub fn save(tx: &Tx<'_>, city: &CityId, key: &str, value: &str) -> Result<()> {
    tx.exec(&SAVE, &[city.into(), key.into(), value.into()]).map(drop)
}

/// Removes a value; says whether it was there.
///
/// # Errors
/// As `load`.
pub fn remove(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<bool> {
    Ok(tx.exec(&REMOVE, &[city.into(), key.into()])? > 0)
}

/// Raises a counter by one; it begins at zero.
///
/// # Errors
/// As `load`.
pub fn count_up(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<()> {
    let next = load_int(tx, city, key)?.unwrap_or(0) + 1;
    save(tx, city, key, &next.to_string())
}
