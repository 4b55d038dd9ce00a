//! The replica's database, and all SQL of this crate. Knows no network and no rules.

pub(crate) mod captures;
pub(crate) mod carried;
#[cfg_attr(
    not(feature = "native"),
    allow(dead_code, reason = "a host without folders reads no damaged file yet")
)]
pub(crate) mod carve;
pub(crate) mod digests;
pub(crate) mod erased;
pub(crate) mod meta;
pub(crate) mod mirror;
pub(crate) mod outbox;
#[cfg_attr(
    not(feature = "native"),
    allow(dead_code, reason = "a host without folders reads no damaged file yet")
)]
pub(crate) mod recover;
pub(crate) mod schema;
pub(crate) mod staging;
pub(crate) mod uploads;

use crate::error::ClientError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::str::FromStr;

/// Begins a transaction that may write; dropping it without commit rolls back.
pub(crate) fn write(db: &Connection) -> Result<Transaction<'_>, ClientError> {
    Ok(Transaction::new_unchecked(db, TransactionBehavior::Immediate)?)
}

/// SQLite's integers are signed; nothing here counts that far.
pub(crate) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Back from the database.
pub(crate) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Reads an id that this crate wrote.
pub(crate) fn parsed<T: FromStr>(text: &str) -> Result<T, ClientError> {
    text.parse().map_err(|_| ClientError::Stored(format!("not an id: {text}")))
}

/// Reads an optional id that this crate wrote.
pub(crate) fn parsed_option<T: FromStr>(text: Option<String>) -> Result<Option<T>, ClientError> {
    text.map(|t| parsed(&t)).transpose()
}
