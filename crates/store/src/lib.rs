//! Server persistence: the port, statements written once, two engines, migrations, conformance.
//!
//! Knows no HTTP and decides nothing. Promises, each with a conformance test of its name:
//!
//! - *a dropped transaction leaves no trace*: an `Err` or panic inside `write` rolls back everything.
//! - *a committed write survives a reopen*: `write` returns `Ok` only after a durable commit.
//! - *a read sees one snapshot*: all statements of one `read` see the same state.
//! - *an op id is inserted once*: a second insert says so and changes nothing.
//! - *a feed misses nothing*: seqs are given under the head's lock, held to commit, without gaps.
//! - *a digest is that of the rows now in the feed*: after any changes, recomputing gives the same.
//! - *a case is held by one*: at a desk, also across servers; whose time is over is taken over.
//! - *a list is what a plain look finds*, *counters are what a plain look counts*, *a word that went is not found*.
//! - *a job is done by one*, *a lease that ran out is taken over*, *a job put anew is a new one*.
//! - *a notice is told a channel once*: however often it is put, by however many servers.
//! - *letters are numbered without gaps*, however many are issued at once.
//! - *one city never sees another*: every statement on a tenant table names the city.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accounts;
pub mod after_restore;
pub mod audit;
pub mod backup;
pub mod browsers;
pub mod cases;
mod checkpoint;
pub mod checks;
#[cfg(test)]
mod conformance;
pub mod counters;
pub mod devices;
pub mod dialect;
pub mod erased;
mod fault;
pub mod feed;
pub mod hand_ins;
pub mod hotline;
pub mod jobs;
pub mod leases;
pub mod ledger;
pub mod letters;
pub mod looks;
pub mod meta;
mod migrate;
#[cfg(feature = "postgres")]
pub mod move_house;
pub mod nodes;
pub mod notices;
pub mod ops;
pub mod outset;
pub mod pauses;
#[cfg(feature = "postgres")]
mod postgres;
pub mod quarantine;
pub mod request_keys;
pub mod rows;
mod schema;
mod sqlite;
mod sqlite_run;
mod statement;
pub mod tokens;
pub mod twins;
mod tx;
pub mod uploads;
mod value;
pub mod waiting;
pub mod watch;
pub mod work_links;

#[cfg(feature = "faults")]
pub use fault::Fault;
#[cfg(feature = "postgres")]
pub use postgres::{PgEar, PgOptions, PgStanding};
pub use schema::Schema;
pub use sqlite::{MIN_SQLITE, Options};
pub use statement::Stmt;
pub use tx::Tx;
pub use value::{Row, Value};

use blindspot_core::id::CityId;
use std::path::Path;

/// The version of SQLite that is built in.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The database cannot be written.
    #[error("the database is read-only")]
    ReadOnly,
    /// Another process holds the database.
    #[error("the database is busy")]
    Busy,
    /// A unique key is already there.
    #[error("duplicate key: {0}")]
    Duplicate(String),
    /// The file is damaged or no database.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// This program must not open that database, or runs on an unsafe SQLite.
    #[error("{0}")]
    Version(String),
    /// The disk failed, or there is no memory: the same again may work.
    #[error("input or output failed: {0}")]
    Io(String),
    /// A statement failed.
    #[error("database: {0}")]
    Sql(String),
    /// Stored data is not what the code expects.
    #[error("stored data: {0}")]
    Decode(String),
    /// Stored JSON is not what the code expects.
    #[error("stored JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether the engine refused what was written, not the moment: the same again would fail again.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, StoreError::Full | StoreError::ReadOnly | StoreError::Busy | StoreError::Io(_))
    }
}

/// Shorthand for this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A database: one writer, many readers. A struct around the engines there are; no trait object and
/// no type parameter reaches a handler.
pub struct Store {
    engine: Engine,
}

enum Engine {
    Sqlite(Box<sqlite::SqliteEngine>),
    #[cfg(feature = "postgres")]
    Postgres(Box<postgres::PgEngine>),
}

impl Store {
    fn sqlite(engine: sqlite::SqliteEngine) -> Self {
        Self { engine: Engine::Sqlite(Box::new(engine)) }
    }

    /// Opens or creates a database file and brings it to the newest schema.
    ///
    /// # Errors
    /// `Version` for a newer schema or an unsafe SQLite, `Corrupt` for a damaged file.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        sqlite::SqliteEngine::open(path, options).map(Self::sqlite)
    }

    /// Opens a database on a PostgreSQL server and brings it to the newest schema. Other servers may work on it.
    ///
    /// # Errors
    /// `Io` when it cannot be reached, `Version` for a newer schema or another program's database.
    #[cfg(feature = "postgres")]
    pub fn connect(options: PgOptions) -> Result<Self> {
        Ok(Self { engine: Engine::Postgres(Box::new(postgres::PgEngine::open(options)?)) })
    }

    /// Opens a finished copy for reading; nothing is migrated, nothing is written beside it.
    ///
    /// # Errors
    /// When it is no database of ours.
    pub fn open_copy(path: &Path) -> Result<Self> {
        sqlite::SqliteEngine::open_copy(path).map(Self::sqlite)
    }

    /// A database in memory, for simulation: one connection serves reads and writes.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn open_in_memory() -> Result<Self> {
        sqlite::SqliteEngine::open_in_memory().map(Self::sqlite)
    }

    /// Says which city this store is asked for: servers of other cities on the database are not waited for.
    ///
    /// # Errors
    /// The engine's; `Version` when it is for another already.
    pub fn for_city(&self, city: &CityId) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(_) => {
                let _ = city;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.for_city(city.as_str()),
        }
    }

    /// Whether other servers may work on the same database: what is remembered of it may be out of date.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => true,
        }
    }

    /// Hears what other servers commit; none where there are none.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn ear(&self) -> Option<PgEar> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(engine) => Some(engine.ear()),
        }
    }

    /// What keeps a commit on the PostgreSQL server; none on SQLite.
    ///
    /// # Errors
    /// The engine's.
    #[cfg(feature = "postgres")]
    pub fn pg_standing(&self) -> Result<Option<PgStanding>> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(engine) => engine.standing().map(Some),
        }
    }

    /// How often the engine was asked since it was opened: a batch is asked once, a transaction once at each end.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn calls(&self) -> u64 {
        match &self.engine {
            Engine::Sqlite(engine) => engine.faults().calls(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.faults().calls(),
        }
    }

    /// Plans a failure, or none; says whether the former plan came to pass.
    #[cfg(feature = "faults")]
    pub fn plan_fault(&self, plan: Option<(Fault, u64)>) -> bool {
        match &self.engine {
            Engine::Sqlite(engine) => engine.faults().plan(plan),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.faults().plan(plan),
        }
    }

    /// Runs a closure in one durable write transaction. It may run again after a conflict, so it must be
    /// pure but for `tx`. Only one runs at a time for a city, on all its servers.
    ///
    /// # Errors
    /// The closure's, or the commit's; in both cases nothing was written, unless the connection was lost in the
    /// commit: then nobody knows, and it must be asked again.
    pub fn write<T, E: From<StoreError>>(&self, f: impl FnMut(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.write(f),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.write(f),
        }
    }

    /// Leaves nothing of what was written over in the write-ahead log: copies all of it back and empties the file.
    /// Says whether it could; a reader of an older state is in the way until it ends. On PostgreSQL the room is given
    /// free for use; its log and its backups are the operator's.
    ///
    /// # Errors
    /// The engine's.
    pub fn empty_wal(&self) -> Result<bool> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.empty_wal(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.vacuum().map(|()| true),
        }
    }

    /// Runs a closure on one read snapshot.
    ///
    /// # Errors
    /// The closure's, or the engine's.
    pub fn read<T, E: From<StoreError>>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.read(f),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.read(f),
        }
    }
}
