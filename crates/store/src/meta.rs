//! Facts about the database itself, by key: epoch, clean stop, set-up token. Knows no tenant table.

use crate::{Result, Stmt, Tx};

/// The epoch in force.
pub const EPOCH: &str = "epoch";
/// Whether the last stop was clean: `1`, or absent while running.
pub const CLEAN_STOP: &str = "clean_stop";
/// Hash of the one-time set-up token, while the set-up is to be done.
pub const SETUP_HASH: &str = "setup_hash";
/// Time of the newest verified backup, milliseconds since 1970.
pub const SAFE_THROUGH: &str = "safe_through";

/// Counts changes of who may do what; whoever holds a connection open asks again when it has moved.
pub const STANDING: &str = "standing";

static META_LOAD: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_load");
static META_SAVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_save");
static META_REMOVE: Stmt = Stmt::new(include_str!("../sql/meta.sql"), "meta_remove");

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

/// Raises a counter by one; it begins at zero.
///
/// # Errors
/// When the engine refuses.
pub fn count_up(tx: &Tx<'_>, key: &str) -> Result<()> {
    let next = load_int(tx, key)?.unwrap_or(0) + 1;
    save(tx, key, &next.to_string())
}
