//! Facts by key: about the database itself (its newest backup), and about a city in it (epoch, starts, set-up).

use crate::{Result, Stmt, Tx};
use blindspot_core::id::CityId;

/// Time of the newest verified backup, milliseconds since 1970.
pub const SAFE_THROUGH: &str = "safe_through";

static META_LOAD: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_load");
static META_SAVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_save");
static META_REMOVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_remove");
static EPOCH_AND_SAFE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "epoch_and_safe");
static CITY_META_LOAD: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "city_meta_load");
static CITY_META_SAVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "city_meta_save");
static CITY_META_REMOVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "city_meta_remove");

/// A value, if there is one.
///
/// # Errors
/// When the engine refuses.
pub fn load(tx: &Tx<'_>, key: &str) -> Result<Option<String>> {
    tx.query_one(&META_LOAD, &[key.into()])?.map(|r| r.text(0).map(str::to_owned)).transpose()
}

/// A value read as a number; nothing when it is absent or no number.
///
/// # Errors
/// When the engine refuses.
pub fn load_int(tx: &Tx<'_>, key: &str) -> Result<Option<i64>> {
    Ok(load(tx, key)?.and_then(|v| v.parse().ok()))
}

/// Writes a value over whatever was there.
///
/// # Errors
/// When the engine refuses.
pub fn save(tx: &Tx<'_>, key: &str, value: &str) -> Result<()> {
    tx.exec(&META_SAVE, &[key.into(), value.into()]).map(drop)
}

/// Removes a value; says whether it was there.
///
/// # Errors
/// When the engine refuses.
pub fn remove(tx: &Tx<'_>, key: &str) -> Result<bool> {
    Ok(tx.exec(&META_REMOVE, &[key.into()])? > 0)
}

/// What every reply to a phone says: the epoch in force in a city, and `SAFE_THROUGH`. One look for both.
///
/// # Errors
/// When the engine refuses.
pub fn load_epoch_and_safe(tx: &Tx<'_>, city: &CityId) -> Result<(i64, Option<i64>)> {
    let row = tx.query_one(&EPOCH_AND_SAFE, &[city.into(), of_city::EPOCH.into(), SAFE_THROUGH.into()])?;
    let number = |at: usize| -> Result<Option<i64>> {
        let text = row.as_ref().map(|r| r.opt_text(at)).transpose()?.flatten();
        Ok(text.and_then(|v| v.parse().ok()))
    };
    Ok((number(0)?.unwrap_or(0), number(1)?))
}

/// Facts about one city: servers of another on the same database neither see nor change them.
pub mod of_city {
    use super::{CITY_META_LOAD, CITY_META_REMOVE, CITY_META_SAVE, CityId, Result, Tx};

    /// The epoch in force.
    pub const EPOCH: &str = "epoch";
    /// Counts changes of who may do what; whoever holds a connection open asks again when it has moved.
    pub const STANDING: &str = "standing";

    /// A value, if there is one.
    ///
    /// # Errors
    /// When the engine refuses, as for all below.
    pub fn load(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<Option<String>> {
        let found = tx.query_one(&CITY_META_LOAD, &[city.into(), key.into()])?;
        found.map(|r| r.text(0).map(str::to_owned)).transpose()
    }

    /// A value read as a number; nothing when it is absent or no number.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_int(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<Option<i64>> {
        Ok(load(tx, city, key)?.and_then(|v| v.parse().ok()))
    }

    /// Writes a value over whatever was there.
    ///
    /// # Errors
    /// As `load`.
    pub fn save(tx: &Tx<'_>, city: &CityId, key: &str, value: &str) -> Result<()> {
        tx.exec(&CITY_META_SAVE, &[city.into(), key.into(), value.into()]).map(drop)
    }

    /// Removes a value; says whether it was there.
    ///
    /// # Errors
    /// As `load`.
    pub fn remove(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<bool> {
        Ok(tx.exec(&CITY_META_REMOVE, &[city.into(), key.into()])? > 0)
    }
    /// Raises a counter by one; it begins at zero.
    ///
    /// # Errors
    /// As `load`.
    pub fn count_up(tx: &Tx<'_>, city: &CityId, key: &str) -> Result<()> {
        let next = load_int(tx, city, key)?.unwrap_or(0) + 1;
        save(tx, city, key, &next.to_string())
    }
}
