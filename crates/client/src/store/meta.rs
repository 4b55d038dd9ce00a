//! Single values: identity, tokens, cursor, counters. Knows their names, not their use.

use crate::error::ClientError;
use blindspot_core::id::Sha256;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Who this replica is.
pub(crate) const IDENTITY: &str = "identity";
/// An enrolment that was asked for and not answered.
pub(crate) const PENDING: &str = "enrolment_pending";
/// Access and refresh token.
pub(crate) const TOKENS: &str = "tokens";
/// The person's grants.
pub(crate) const GRANTS: &str = "grants";
/// Whether the token family is over.
pub(crate) const SIGNED_OUT: &str = "signed_out";
/// The device was revoked: `1` while it may hand in what it holds, else the code that ended that.
pub(crate) const REVOKED: &str = "revoked";
/// The token for that.
pub(crate) const HAND_IN_TOKEN: &str = "hand_in_token";
/// Whether grants should be fetched.
pub(crate) const ME_DUE: &str = "me_due";
/// Where the mirror and the staged pages stand.
pub(crate) const CURSOR: &str = "cursor";
/// Feeds to read again from zero.
pub(crate) const REREAD: &str = "reread";
/// Server minus phone, milliseconds.
pub(crate) const OFFSET: &str = "offset_ms";
/// The server's epoch.
pub(crate) const EPOCH: &str = "epoch";
/// Time of the server's newest verified backup.
pub(crate) const SAFE_THROUGH: &str = "safe_through";
/// The last receipt.
pub(crate) const RECEIPT: &str = "receipt";
/// All numbers up to this are stored on the server.
pub(crate) const RECEIVED_THROUGH: &str = "received_through";
/// A new epoch was seen: acknowledged work is to be offered again.
pub(crate) const REOFFER: &str = "reoffer";
/// Numbers whose ops were erased here and that the server, after a new epoch, may not have.
pub(crate) const GONE: &str = "gone";
/// The number of the last op sealed by this device.
pub(crate) const DEVICE_SEQ: &str = "device_seq";
/// The number of the last local tag.
pub(crate) const TAG: &str = "tag";
/// The step counter behind the photo round-robin.
pub(crate) const TURN: &str = "turn";
/// The version of the program that last opened the database.
pub(crate) const APP: &str = "app";
/// When a checkpoint was last applied, phone time.
pub(crate) const PULLED: &str = "pulled_ms";
/// When a push was last answered, phone time.
pub(crate) const PUSHED: &str = "pushed_ms";
/// What was brought out of a damaged database that this one replaced.
pub(crate) const RECOVERED: &str = "recovered";

pub(crate) fn get(db: &Connection, key: &str) -> Result<Option<String>, ClientError> {
    let mut query = db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(query.query_row([key], |r| r.get(0)).optional()?)
}

pub(crate) fn set(db: &Connection, key: &str, value: &str) -> Result<(), ClientError> {
    db.prepare_cached(
        "INSERT INTO meta (key, value, sha256) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET value = ?2, sha256 = ?3",
    )?
    .execute(rusqlite::params![key, value, hash(key, value)])?;
    Ok(())
}

/// What is stored beside a value, to know it again.
pub(crate) fn hash(key: &str, value: &str) -> [u8; 32] {
    Sha256::of(format!("{key}={value}").as_bytes()).0
}

/// Every value whose hash is not its own, by key.
pub(crate) fn damaged(db: &Connection) -> Result<Vec<String>, ClientError> {
    let mut query = db.prepare("SELECT key, value, sha256 FROM meta WHERE sha256 IS NOT NULL")?;
    let mut rows = query.query([])?;
    let mut keys = Vec::new();
    while let Some(r) = rows.next()? {
        let (key, value): (String, String) = (r.get(0)?, r.get(1)?);
        if r.get::<_, Vec<u8>>(2)? != hash(&key, &value) {
            keys.push(key);
        }
    }
    Ok(keys)
}

pub(crate) fn remove(db: &Connection, key: &str) -> Result<(), ClientError> {
    db.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
    Ok(())
}

pub(crate) fn get_i64(db: &Connection, key: &str) -> Result<Option<i64>, ClientError> {
    Ok(get(db, key)?.and_then(|v| v.parse().ok()))
}

pub(crate) fn set_i64(db: &Connection, key: &str, value: i64) -> Result<(), ClientError> {
    set(db, key, &value.to_string())
}

/// Raises a counter and gives its new value; the first is 1.
pub(crate) fn count(db: &Connection, key: &str) -> Result<i64, ClientError> {
    let next = get_i64(db, key)?.unwrap_or(0) + 1;
    set_i64(db, key, next)?;
    Ok(next)
}

pub(crate) fn get_json<T: DeserializeOwned>(db: &Connection, key: &str) -> Result<Option<T>, ClientError> {
    get(db, key)?.map(|v| serde_json::from_str(&v).map_err(ClientError::from)).transpose()
}

pub(crate) fn set_json<T: Serialize>(db: &Connection, key: &str, value: &T) -> Result<(), ClientError> {
    set(db, key, &serde_json::to_string(value)?)
}
