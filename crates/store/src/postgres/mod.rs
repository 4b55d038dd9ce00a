//! The PostgreSQL engine: one who writes at a time for each city, readers on snapshots of their own.
//!
//! Several servers share a database. Use-cases read before they write, and were written for one writer; so whoever
//! writes takes the turn first, a row that is locked until the commit (decision 0018). Within a process threads wait
//! for each other before they wait for other servers.

mod codec;
mod conn;
mod ear;
mod error;
mod hand;
mod migrate;
mod moving;
mod options;
mod part;
mod pool;
mod tls;

pub(crate) use conn::PgConn;
pub use ear::PgEar;
pub(crate) use moving::{PgReader, PgWriter};
pub use options::PgOptions;

use crate::dialect;
use crate::fault::Faults;
use crate::tx::Conn;
use crate::{Result, Schema, StoreError, Tx};
use blindspot_core::mutant;
use pool::Pool;
use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

/// Times that a transaction is run before its conflict is given to the caller.
const TRIES: u32 = 6;

pub(crate) struct PgEngine {
    writers: Pool,
    readers: Pool,
    options: PgOptions,
    /// Begins a write with the turn of the city that this server is for.
    begin: OnceLock<String>,
    faults: Faults,
}

/// What keeps a commit, as the server itself says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PgStanding {
    /// Its version, as it calls itself.
    pub version: String,
    /// Whether a commit waits for the disk.
    pub fsync: bool,
    /// Followers that a commit waits for, as configured; empty when it waits for none.
    pub waits_for: String,
    /// Followers that are connected.
    pub followers: i64,
    /// The schema of the database.
    pub schema: Schema,
}

impl PgStanding {
    /// Asks a server. Nothing is made or changed there.
    ///
    /// # Errors
    /// `Io` when it cannot be reached.
    pub fn ask(options: &PgOptions) -> Result<Self> {
        Self::of(&PgConn::open(options)?)
    }

    fn of(conn: &PgConn) -> Result<Self> {
        let row = conn.ask(dialect::STANDING)?;
        let text = |i: usize| row.get(i).cloned().flatten().unwrap_or_default();
        // A database that no server was started on has no such table.
        let held = match text(4).as_str() {
            "t" => conn.ask(dialect::SCHEMA_VERSION)?.into_iter().next().flatten(),
            _ => None,
        };
        Ok(Self {
            version: text(0),
            fsync: text(1) == "on",
            waits_for: text(2),
            followers: text(3).parse().unwrap_or(0),
            schema: Schema::of(held.and_then(|n| n.parse().ok()).unwrap_or(0)),
        })
    }

    /// Whether followers are there that may lack the newest commits when they take over.
    #[must_use]
    pub fn may_lose(&self) -> bool {
        self.followers > 0 && self.waits_for.is_empty()
    }
}

impl PgEngine {
    pub(crate) fn open(options: PgOptions) -> Result<Self> {
        let engine = Self {
            // One: threads of a process wait here for each other, in order, and not in the server.
            writers: Pool::new(options.clone(), 1, options.write_wait),
            readers: Pool::new(options.clone(), options.readers, options.read_wait),
            options,
            begin: OnceLock::new(),
            faults: Faults::default(),
        };
        if engine.options.is_in_the_clear() {
            tracing::warn!(
                at = engine.options.shown(),
                "到数据库的连接未加密（sslmode=require 可开启） · the database is reached in the clear; sslmode=require makes it safe"
            );
        }
        migrate::migrate(&engine.options)?;
        Ok(engine)
    }

    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        mut f: impl FnMut(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = match self.begin.get() {
            _ if mutant::is("turn_not_taken") => Cow::Borrowed(dialect::BEGIN_WRITE_OUT_OF_TURN),
            Some(begin) => Cow::Borrowed(begin.as_str()),
            None => Cow::Owned(dialect::begin_write("")),
        };
        let mut tries = 0;
        loop {
            tries += 1;
            self.faults.judge()?;
            let lent = self.writers.take()?;
            let conn = lent.conn();
            if let Err(error) = conn.begin(&begin) {
                if conn.may_run_again() && tries < TRIES {
                    pause(tries);
                    continue;
                }
                return Err(error.into());
            }
            let error = match f(&Tx { conn: Conn::Postgres(conn), faults: &self.faults }) {
                Ok(value) => {
                    let unsure = self.faults.judge_commit()?;
                    match conn.commit() {
                        Ok(()) => return unsure.map_or(Ok(value), |error| Err(error.into())),
                        Err(error) => error.into(),
                    }
                }
                Err(error) => {
                    conn.roll_back();
                    error
                }
            };
            if !conn.may_run_again() || tries >= TRIES {
                return Err(error);
            }
            drop(lent);
            pause(tries);
        }
    }

    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.faults.judge()?;
        // A connection that was cut while it lay idle shows when it is used: the next one is tried.
        let mut tries = 0;
        let lent = loop {
            tries += 1;
            let lent = self.readers.take()?;
            match lent.conn().begin(dialect::BEGIN_READ) {
                Ok(()) => break lent,
                Err(_) if lent.conn().may_run_again() && tries <= self.options.readers + 1 => {}
                Err(error) => return Err(error.into()),
            }
        };
        let value = f(&Tx { conn: Conn::Postgres(lent.conn()), faults: &self.faults });
        lent.conn().roll_back();
        value
    }

    /// From now on writes wait for those of this city alone.
    pub(crate) fn for_city(&self, city: &str) -> Result<()> {
        let lent = self.writers.take()?;
        lent.conn().add_turn(city)?;
        let begin = self.begin.get_or_init(|| dialect::begin_write(city));
        if *begin == dialect::begin_write(city) {
            return Ok(());
        }
        Err(StoreError::Version("一个程序只为一个城市 / one process is for one city".into()))
    }

    /// Hears what other servers commit.
    pub(crate) fn ear(&self) -> PgEar {
        PgEar::new(self.options.clone())
    }

    pub(crate) fn standing(&self) -> Result<PgStanding> {
        PgStanding::of(self.readers.take()?.conn())
    }

    /// Cleans the tables that an erasure wrote over.
    pub(crate) fn vacuum(&self) -> Result<()> {
        let lent = self.writers.take()?;
        lent.conn().command("VACUUM ops, quarantine, rows, uploads, rendition_jobs, span_words")
    }

    #[cfg(feature = "faults")]
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// Longer each time, and not the same for all who met.
fn pause(tries: u32) {
    let spread = u64::from(std::process::id()) % 7;
    std::thread::sleep(Duration::from_millis(u64::from(tries * tries) * 3 + spread));
}
