//! A copy of a database that is in use, and what a restore changes in one. Knows no blob and no folder.

use crate::meta;
use crate::sqlite::from_rusqlite;
use crate::{Result, Stmt, StoreError, Tx};
use blindspot_core::id::CityId;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Pages copied at once (2 MiB), and the pause after, in which writers have the disk to themselves.
const STEP_PAGES: i32 = 128;
const PAUSE: Duration = Duration::from_millis(4);

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/backup.sql"), $key);)+
    };
}
statements! {
    COUNTS = "backup_counts";
    EPOCH_MAX = "backup_epoch_max";
    JUMP_COUNTERS = "backup_jump_counters";
}

/// How much of a city a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Ops.
    pub ops: i64,
    /// Cases.
    pub cases: i64,
    /// People.
    pub people: i64,
    /// Rows of the audit log.
    pub audit: i64,
}

/// Copies a database as it is now, while others write to it. `progress` is told pages left and pages in all.
///
/// # Errors
/// When either file refuses.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(from_rusqlite)?;
    source.execute_batch("PRAGMA busy_timeout = 5000").map_err(from_rusqlite)?;
    let mut target = Connection::open(to).map_err(from_rusqlite)?;
    // One snapshot for all steps: without it every commit of a writer would begin the copy anew.
    source.execute_batch("BEGIN").map_err(from_rusqlite)?;
    let _: i64 = source.pragma_query_value(None, "schema_version", |r| r.get(0)).map_err(from_rusqlite)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(from_rusqlite)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(from_rusqlite)?;
            let at = backup.progress();
            progress(u64::try_from(at.remaining).unwrap_or(0), u64::try_from(at.pagecount).unwrap_or(0));
            match step {
                StepResult::Done => break,
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
    source.execute_batch("COMMIT").map_err(from_rusqlite)?;
    // One file that can be opened where nothing may be written.
    target.execute_batch("PRAGMA journal_mode = DELETE").map_err(from_rusqlite)?;
    target.close().map_err(|(_, e)| from_rusqlite(e))
}

/// Reads the whole copy and says what is damaged in it.
///
/// # Errors
/// `Corrupt` with SQLite's own words.
pub fn check(path: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(from_rusqlite)?;
    let said: String = conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(from_rusqlite)?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Corrupt(said)) }
}

/// What is in it.
///
/// # Errors
/// When the engine refuses.
pub fn counts(tx: &Tx<'_>, city: &CityId) -> Result<Counts> {
    let row = tx.query_one(&COUNTS, &[city.into()])?;
    let row = row.ok_or_else(|| StoreError::Decode("counts without a row".into()))?;
    Ok(Counts { ops: row.int(0)?, cases: row.int(1)?, people: row.int(2)?, audit: row.int(3)? })
}

/// The highest epoch that any row bears; 0 without rows.
///
/// # Errors
/// When the engine refuses.
pub fn epoch_max(tx: &Tx<'_>, city: &CityId) -> Result<i64> {
    tx.query_one(&EPOCH_MAX, &[city.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Moves every counter on, so that no number given after the backup is given a second time.
///
/// # Errors
/// When the engine refuses.
pub fn jump_counters(tx: &Tx<'_>, city: &CityId, jump: i64) -> Result<usize> {
    tx.exec(&JUMP_COUNTERS, &[city.into(), jump.into()])
}

/// An epoch that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The one in force before.
    pub before: i64,
    /// The one in force now.
    pub epoch: i64,
}

/// Opens an epoch above every one that the database or a phone knows of (protocol 10): the unix second, or more when
/// the clock is behind. Numbers that people have seen jump by as much as is given.
///
/// # Errors
/// When the engine refuses.
pub fn open_epoch(tx: &Tx<'_>, city: &CityId, claimed: i64, jump: i64, now_ms: i64) -> Result<Opened> {
    let before = meta::load_int(tx, city, meta::EPOCH)?.unwrap_or(0);
    let highest = before.max(epoch_max(tx, city)?).max(claimed);
    let epoch = now_ms.div_euclid(1_000).max(highest + 1);
    meta::save(tx, city, meta::EPOCH, &epoch.to_string())?;
    jump_counters(tx, city, jump)?;
    Ok(Opened { before, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Store, counters, meta};

    #[test]
    fn a_copy_holds_what_was_committed_before_it_while_others_write() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let store = Store::open(&from, Options::default()).unwrap();
        let (city, filler) = (CityId::from("yiwu"), "x".repeat(2_000));
        let fill = |from: i64| {
            store
                .write(|tx| {
                    (from..from + 3_000).try_for_each(|n| meta::save(tx, &city, &format!("k{n}"), &filler))
                })
                .unwrap();
        };
        fill(0);
        let mut steps = 0;
        copy(&from, &to, &mut |left, all| {
            assert!(left <= all);
            steps += 1;
            // A writer between two steps of the copy, every time.
            store.write(|tx| meta::save(tx, &city, "late", &steps.to_string())).unwrap();
        })
        .unwrap();
        assert!(steps > 2, "{steps}: too few to be cut in the middle");
        check(&to).unwrap();
        let copy = Store::open_copy(&to).unwrap();
        let load = |key: &str| copy.read(|tx| meta::load(tx, &city, key)).unwrap();
        assert_eq!(load("k2999").as_deref(), Some(filler.as_str()));
        assert_eq!(load("late"), None, "what came after the beginning is not in it");
        assert!(!dir.path().join("b.db-wal").exists());
        assert!(copy.write(|tx| meta::save(tx, &city, "x", "y")).is_err());
    }

    #[test]
    fn a_damaged_copy_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a.db"), dir.path().join("b.db"));
        drop(Store::open(&from, Options::default()).unwrap());
        copy(&from, &to, &mut |_, _| {}).unwrap();
        let mut bytes = std::fs::read(&to).unwrap();
        // The head of a page in the middle: pages of a new database are mostly empty behind it.
        let middle = bytes.len() / 2 / 16_384 * 16_384;
        bytes[middle..middle + 64].fill(0xa5);
        std::fs::write(&to, bytes).unwrap();
        assert!(check(&to).is_err());
    }

    #[test]
    fn counters_jump_in_their_own_city() {
        let store = Store::open_in_memory().unwrap();
        let (a, b) = (CityId::from("a"), CityId::from("b"));
        store
            .write(|tx| {
                counters::save_counter(tx, &a, "short:all:2026", 7)?;
                counters::save_counter(tx, &b, "short:all:2026", 7)?;
                jump_counters(tx, &a, 10_000)
            })
            .unwrap();
        let at = |city| store.read(|tx| counters::load_counter(tx, city, "short:all:2026")).unwrap();
        assert_eq!((at(&a), at(&b)), (10_007, 7));
        assert_eq!(
            store.read(|tx| counts(tx, &a)).unwrap(),
            Counts { ops: 0, cases: 0, people: 0, audit: 0 }
        );
        assert_eq!(store.read(|tx| epoch_max(tx, &a)).unwrap(), 0);
    }
}
