//! Keys of requests that are done once however often they are sent. Knows neither request nor answer.

use crate::{Result, Stmt, Tx};
use blindspot_core::PersonId;
use blindspot_core::id::CityId;

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/request_keys.sql"), $key);)+
    };
}
statements! {
    BEGIN = "key_begin";
    LOAD = "key_load";
    FINISH = "key_finish";
    FORGET = "key_forget";
    SWEEP = "keys_sweep";
    COUNT = "keys_count";
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Hash of the request that came with it first.
    pub request_hash: Vec<u8>,
    /// Whether that request was done.
    pub done: bool,
    /// What it was answered, where that is kept.
    pub answer: Option<String>,
}

/// Notes a key; false when it is there already.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn begin(
    tx: &Tx<'_>,
    city: &CityId,
    person: PersonId,
    key: &str,
    hash: [u8; 32],
    now_ms: i64,
) -> Result<bool> {
    let params = [city.as_str().into(), person.into(), key.into(), hash.into(), now_ms.into()];
    Ok(tx.exec(&BEGIN, &params)? == 1)
}

/// What is known of a key.
///
/// # Errors
/// When the engine refuses.
pub fn load(tx: &Tx<'_>, city: &CityId, person: PersonId, key: &str) -> Result<Option<KeyRecord>> {
    let row = tx.query_one(&LOAD, &[city.as_str().into(), person.into(), key.into()])?;
    row.map(|r| {
        Ok(KeyRecord {
            request_hash: r.blob(0)?.to_vec(),
            done: r.bool(1)?,
            answer: r.opt_text(2)?.map(str::to_owned),
        })
    })
    .transpose()
}

/// The request with this key was done.
///
/// # Errors
/// When the engine refuses.
pub fn finish(tx: &Tx<'_>, city: &CityId, person: PersonId, key: &str, answer: Option<&str>) -> Result<()> {
    tx.exec(&FINISH, &[city.as_str().into(), person.into(), key.into(), answer.into()]).map(drop)
}

/// The request with this key was refused: it may come again.
///
/// # Errors
/// When the engine refuses.
pub fn forget(tx: &Tx<'_>, city: &CityId, person: PersonId, key: &str) -> Result<()> {
    tx.exec(&FORGET, &[city.as_str().into(), person.into(), key.into()]).map(drop)
}

/// Drops keys older than a time.
///
/// # Errors
/// When the engine refuses.
pub fn sweep(tx: &Tx<'_>, city: &CityId, before_ms: i64) -> Result<usize> {
    tx.exec(&SWEEP, &[city.as_str().into(), before_ms.into()])
}

/// How many keys a person has.
///
/// # Errors
/// When the engine refuses.
pub fn count(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<i64> {
    let row = tx.query_one(&COUNT, &[city.as_str().into(), person.into()])?;
    row.map_or(Ok(0), |r| r.int(0))
}
