//! Copies the WAL back into the database file beside the writer, so that pushes do not wait for it.
//!
//! The writer still does it itself when the WAL is long: only then is the WAL surely used from its start again,
//! since a thread beside it never quite catches up with a busy writer.

use crate::Result;
use crate::sqlite::{from_rusqlite, prepare};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pages of the WAL that are worth a round (16 MiB).
const WORTH: i64 = 1_024;
/// Between two looks, at least.
const REST: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Bell {
    /// Something was committed since the last look.
    rung: Mutex<bool>,
    heard: Condvar,
    stop: AtomicBool,
}

/// The thread that does it; ends when dropped.
pub(crate) struct Checkpointer {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts it for a database file that is open in WAL mode.
    ///
    /// # Errors
    /// When the file cannot be opened once more, or the system gives no thread.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(from_rusqlite)?;
        prepare(&conn)?;
        conn.execute_batch("PRAGMA synchronous = FULL;").map_err(from_rusqlite)?;
        let bell = Arc::new(Bell::default());
        let theirs = bell.clone();
        let thread = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || rounds(&conn, &theirs))
            .map_err(|e| crate::StoreError::Sql(e.to_string()))?;
        Ok(Self { bell, thread: Some(thread) })
    }

    /// Tells it that something was committed.
    pub(crate) fn ring(&self) {
        *self.bell.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.heard.notify_one();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.bell.stop.store(true, Relaxed);
        self.ring();
        if let Some(thread) = self.thread.take() {
            // A panic there has lost nothing: the WAL is whole without it.
            let _ = thread.join();
        }
    }
}

fn rounds(conn: &Connection, bell: &Bell) {
    loop {
        let mut rung = bell.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            rung = bell.heard.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
        *rung = false;
        drop(rung);
        if bell.stop.load(Relaxed) {
            return;
        }
        if waiting(conn).is_some_and(|pages| pages >= WORTH) {
            // Busy or failed: the writer's own round comes upon the same trouble and tells of it.
            let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        std::thread::sleep(REST);
    }
}

/// Pages of the WAL that are not yet in the database file.
fn waiting(conn: &Connection) -> Option<i64> {
    let pages = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
    conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], pages).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_wal_is_copied_back_beside_an_idle_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let writer = Connection::open(&path).unwrap();
        writer
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (b BLOB);",
            )
            .unwrap();
        let beside = Checkpointer::start(&path).unwrap();
        let rows = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT zeroblob(4000) FROM n";
        writer.execute_batch(rows).unwrap();
        assert!(waiting(&writer).unwrap() >= WORTH);
        beside.ring();
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while waiting(&writer).unwrap() > 0 {
            assert!(std::time::Instant::now() < until, "nobody copied it back");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
