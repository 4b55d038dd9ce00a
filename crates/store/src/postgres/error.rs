//! PostgreSQL's errors in the port's words.

use crate::StoreError;
use postgres::Error;
use postgres::error::SqlState;

/// What an error means for the transaction that met it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Another was quicker: run again.
    Again,
    /// The connection is gone, or leads to a server that no longer takes writes.
    Lost,
    /// The same again would fail again.
    Fails,
}

pub(super) fn then(error: &Error) -> Then {
    let Some(code) = error.code() else { return Then::Lost };
    match code {
        c if *c == SqlState::T_R_SERIALIZATION_FAILURE || *c == SqlState::T_R_DEADLOCK_DETECTED => {
            Then::Again
        }
        // A schema that changed under a prepared statement (0A000), or a pooler that gave another session.
        c if c.code() == "0A000" || *c == SqlState::INVALID_SQL_STATEMENT_NAME => Then::Lost,
        c if *c == SqlState::READ_ONLY_SQL_TRANSACTION => Then::Lost,
        c if c.code().starts_with("08") || c.code().starts_with("57P") || c.code() == "25P03" => Then::Lost,
        _ => Then::Fails,
    }
}

pub(super) fn from_postgres(error: &Error) -> StoreError {
    let Some(db) = error.as_db_error() else { return StoreError::Io(said(error)) };
    let text = || said(error);
    match db.code() {
        c if *c == SqlState::DISK_FULL => StoreError::Full,
        c if *c == SqlState::UNIQUE_VIOLATION => StoreError::Duplicate(text()),
        c if *c == SqlState::DATA_CORRUPTED || *c == SqlState::INDEX_CORRUPTED => StoreError::Corrupt(text()),
        c if *c == SqlState::TOO_MANY_CONNECTIONS
            || *c == SqlState::LOCK_NOT_AVAILABLE
            || *c == SqlState::QUERY_CANCELED
            || *c == SqlState::T_R_SERIALIZATION_FAILURE
            || *c == SqlState::T_R_DEADLOCK_DETECTED =>
        {
            StoreError::Busy
        }
        // Connections, resources, shutdown, the operating system, a primary that has become a follower: the moment, not the data.
        c if ["08", "53", "57", "58", "25P03", "25006"].iter().any(|class| c.code().starts_with(class)) => {
            StoreError::Io(text())
        }
        _ => StoreError::Sql(text()),
    }
}

/// While connecting nothing of ours was refused: the same may work again.
pub(super) fn from_connecting(error: &Error) -> StoreError {
    match from_postgres(error) {
        StoreError::Sql(text) => StoreError::Io(text),
        other => other,
    }
}

/// The server's words with their code; without values, which may be personal.
fn said(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => match db.constraint() {
            Some(constraint) => format!("{} ({}, {constraint})", db.message(), db.code().code()),
            None => format!("{} ({})", db.message(), db.code().code()),
        },
        None => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(inner) = source {
                text.push_str(": ");
                text.push_str(&inner.to_string());
                source = inner.source();
            }
            text
        }
    }
}
