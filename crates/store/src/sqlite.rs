//! The SQLite engine: WAL, synchronous=FULL, one writer, a pool of readers, a version gate.

use crate::checkpoint::Checkpointer;
use crate::fault::Faults;
use crate::tx::Conn;
use crate::{Result, StoreError, Tx, Value, migrate};
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Older ones have a race between checkpoint and WAL reset that loses commits.
pub const MIN_SQLITE: i32 = 3_051_003;

/// Set before the file has any page. A report brings about 4 KB of rows, most of them in order: with 16 KiB
/// pages that is a quarter of the writes into the WAL and back out of it.
const PAGE: &str = "PRAGMA page_size = 16384;";
/// The writer keeps the pages that a group of pushes changes in memory (32 MiB), and copies the WAL back
/// in stretches of 64 MiB: with the defaults (2 MB, 4 MB) most of a push's time went into reading the same
/// pages again and copying them back and forth. What is deleted is overwritten with zeros: what was erased must not
/// stay in the free space of a page.
const WRITER: &str =
    "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4096; PRAGMA secure_delete = ON;";

/// How to open a database file.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reader connections, opened as they are needed.
    pub readers: usize,
    /// Most pages, to try a full disk; none by default.
    pub max_pages: Option<u32>,
    /// Copies the WAL back on a thread beside the writer; without it the writer does all of it, so that every
    /// call to the system comes in the same order each time.
    pub checkpoint_beside: bool,
    /// SQLite's way to the system, by the name it is registered under; its default when there is none.
    pub vfs: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 4, max_pages: None, checkpoint_beside: true, vfs: None }
    }
}

pub(crate) struct SqliteEngine {
    writer: Mutex<Connection>,
    /// `None` in memory: reads go through the writer.
    pool: Option<Pool>,
    checkpointer: Option<Checkpointer>,
    faults: Faults,
}

struct Pool {
    path: PathBuf,
    vfs: Option<String>,
    most: usize,
    state: Mutex<PoolState>,
    freed: Condvar,
}

#[derive(Default)]
struct PoolState {
    idle: Vec<Connection>,
    open: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic inside a transaction has rolled it back; the connection is sound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SqliteEngine {
    pub(crate) fn open(path: &Path, options: Options) -> Result<Self> {
        gate(rusqlite::version_number())?;
        let mut conn = connect(path, OpenFlags::default(), options.vfs.as_deref())?;
        prepare(&conn)?;
        conn.execute_batch(PAGE).map_err(from_rusqlite)?;
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(from_rusqlite)?;
        conn.execute_batch(WRITER).map_err(from_rusqlite)?;
        if let Some(pages) = options.max_pages {
            conn.pragma_update(None, "max_page_count", pages).map_err(from_rusqlite)?;
        }
        migrate::migrate(&mut conn)?;
        let pool = Pool {
            path: path.to_owned(),
            vfs: options.vfs,
            most: options.readers.max(1),
            state: Mutex::default(),
            freed: Condvar::new(),
        };
        let checkpointer = options.checkpoint_beside.then(|| Checkpointer::start(path)).transpose()?;
        Ok(Self { writer: Mutex::new(conn), pool: Some(pool), checkpointer, faults: Faults::default() })
    }

    pub(crate) fn open_copy(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(from_rusqlite)?;
        prepare(&conn)?;
        Ok(Self { writer: Mutex::new(conn), pool: None, checkpointer: None, faults: Faults::default() })
    }

    pub(crate) fn open_in_memory() -> Result<Self> {
        gate(rusqlite::version_number())?;
        let mut conn = Connection::open_in_memory().map_err(from_rusqlite)?;
        prepare(&conn)?;
        fill_empty(&mut conn)?;
        Ok(Self { writer: Mutex::new(conn), pool: None, checkpointer: None, faults: Faults::default() })
    }

    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        mut f: impl FnMut(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = lock(&self.writer);
        self.faults.judge()?;
        let tx = conn
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(|e| E::from(from_rusqlite(e)))?;
        let value = f(&Tx { conn: Conn::Sqlite(&tx), faults: &self.faults })?;
        let unsure = self.faults.judge_commit()?;
        tx.commit().map_err(|e| E::from(from_rusqlite(e)))?;
        if let Some(error) = unsure {
            return Err(error.into());
        }
        if let Some(beside) = &self.checkpointer {
            beside.ring();
        }
        Ok(value)
    }

    /// Copies the whole WAL back and empties its file; says whether no reader was in the way.
    pub(crate) fn empty_wal(&self) -> Result<bool> {
        if self.pool.is_none() {
            return Ok(true);
        }
        let conn = lock(&self.writer);
        let busy: i64 =
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(from_rusqlite)?;
        Ok(busy == 0)
    }

    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        f: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(pool) = &self.pool else {
            let mut conn = lock(&self.writer);
            return self.run_read(&mut conn, f);
        };
        let mut conn = Lent { pool, conn: Some(pool.take()?) };
        match &mut conn.conn {
            Some(conn) => self.run_read(conn, f),
            None => Err(StoreError::Busy.into()),
        }
    }

    fn run_read<T, E: From<StoreError>>(
        &self,
        conn: &mut Connection,
        f: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.faults.judge()?;
        let tx = conn.transaction().map_err(|e| E::from(from_rusqlite(e)))?;
        f(&Tx { conn: Conn::Sqlite(&tx), faults: &self.faults })
    }

    #[cfg(feature = "faults")]
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// A connection that goes back to the pool however the read ends.
struct Lent<'p> {
    pool: &'p Pool,
    conn: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            lock(&self.pool.state).idle.push(conn);
            self.pool.freed.notify_one();
        }
    }
}

impl Pool {
    fn take(&self) -> Result<Connection> {
        let mut state = lock(&self.state);
        loop {
            if let Some(conn) = state.idle.pop() {
                return Ok(conn);
            }
            if state.open < self.most {
                state.open += 1;
                drop(state);
                return self.open().inspect_err(|_| lock(&self.state).open -= 1);
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = connect(&self.path, flags, self.vfs.as_deref())?;
        prepare(&conn)?;
        Ok(conn)
    }
}

/// Builds the tables, or copies those that were built before: a simulation opens thousands of databases.
fn fill_empty(conn: &mut Connection) -> Result<()> {
    static EMPTY: Mutex<Option<Connection>> = Mutex::new(None);
    let mut empty = lock(&EMPTY);
    if empty.is_none() {
        let mut built = Connection::open_in_memory().map_err(from_rusqlite)?;
        prepare(&built)?;
        migrate::migrate(&mut built)?;
        *empty = Some(built);
    }
    let Some(empty) = &*empty else { return Ok(()) };
    Backup::new(empty, conn).and_then(|copy| copy.step(-1)).map(drop).map_err(from_rusqlite)
}

fn connect(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> Result<Connection> {
    match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    }
    .map_err(from_rusqlite)
}

pub(crate) fn prepare(conn: &Connection) -> Result<()> {
    conn.set_prepared_statement_cache_capacity(256);
    // Plans do not look at the values bound: otherwise every new value compiles its statement anew.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(from_rusqlite)?;
    conn.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")
        .map_err(from_rusqlite)
}

fn gate(version: i32) -> Result<()> {
    if version < MIN_SQLITE {
        return Err(StoreError::Version(format!(
            "SQLite {version} can lose commits (WAL reset race); {MIN_SQLITE} or newer is needed"
        )));
    }
    Ok(())
}

pub(crate) fn to_value(value: ValueRef<'_>) -> Value<'static> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Int(v),
        ValueRef::Real(v) => Value::Real(v),
        ValueRef::Text(v) => Value::Text(Cow::Owned(match std::str::from_utf8(v) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(v).into_owned(),
        })),
        ValueRef::Blob(v) => match (<[u8; 16]>::try_from(v), <[u8; 32]>::try_from(v)) {
            (Ok(id), _) => Value::Id(id),
            (_, Ok(hash)) => Value::Hash(hash),
            _ => Value::Blob(Cow::Owned(v.to_vec())),
        },
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a map_err function")]
pub(crate) fn from_rusqlite(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error() {
        Some(e) => match e.code {
            ErrorCode::DiskFull => StoreError::Full,
            ErrorCode::ReadOnly => StoreError::ReadOnly,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
            ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory | ErrorCode::CannotOpen => {
                StoreError::Io(text)
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
            ErrorCode::ConstraintViolation if matches!(e.extended_code, 1555 | 2067) => {
                StoreError::Duplicate(text)
            }
            _ => StoreError::Sql(text),
        },
        None => StoreError::Sql(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsafe_sqlite_is_refused_and_the_bundled_one_is_not() {
        assert!(matches!(gate(3_051_002), Err(StoreError::Version(_))));
        assert!(gate(rusqlite::version_number()).is_ok());
    }
}
