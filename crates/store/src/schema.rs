//! Which schema a database has, asked without changing it.

use crate::sqlite::from_rusqlite;
use crate::{Result, migrate};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// The schema that a database has beside the one that this program works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Schema {
    /// The number of the newest migration that it ran; 0 where there is nothing of ours yet.
    pub held: i64,
    /// The number of this program's newest migration, the same on both engines.
    pub known: i64,
}

impl Schema {
    pub(crate) fn of(held: i64) -> Self {
        Self { held, known: migrate::newest() }
    }

    /// That of a SQLite file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(from_rusqlite)?;
        conn.pragma_query_value(None, "user_version", |r| r.get(0)).map(Self::of).map_err(from_rusqlite)
    }

    /// Whether an earlier program wrote it last: the next start takes it along.
    #[must_use]
    pub fn is_earlier(&self) -> bool {
        (1..self.known).contains(&self.held)
    }

    /// Whether a newer program wrote it: this one does not start on it.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        self.held > self.known
    }
}
