//! A damaged `replica.db`: noticed at opening, set aside under a new name, read out into a new one. Nothing is deleted.
//!
//! Cut off anywhere it goes on at the next opening: until `replica.db.new` stands nothing has been moved, and once it
//! stands only names are left to change.

use crate::error::ClientError;
use crate::native::{NativeFiles, NativeKeys, problem};
use crate::replica::Replica;
use crate::rescue::{Recovered, refill};
use crate::store::carve::Wal;
use crate::store::recover::{Health, Salvage, check, forget_mirror, head_is_sound, own_ids};
use crate::store::schema;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

const NAME: &str = "replica.db";
/// A rescue that is complete and not yet in place.
const NEW: &str = "replica.db.new";
/// A rescue under way; worth nothing after a cut.
const PART: &str = "replica.db.part";
/// A device key that an enrolment left: without it nobody ever worked here.
const KEY: &str = "key";

/// Opens a replica's database, whole or made whole.
pub(crate) fn open(home: &Path, files: NativeFiles) -> Result<Replica, ClientError> {
    finish(home)?;
    if let Some((why, keeps_enrolment)) = damage(home)? {
        rescue(home, &files, why, keeps_enrolment)?;
    }
    let db = Connection::open(home.join(NAME))?;
    Replica::open(db, Box::new(files), Box::new(NativeKeys::new(home)))
}

/// What is wrong with the database, if anything, and whether the enrolment can go on all the same. A mirror that is
/// hit is emptied here.
fn damage(home: &Path) -> Result<Option<(String, bool)>, ClientError> {
    let (head, len) = head(home)?;
    let wal = bytes(home, &format!("{NAME}-wal"))?;
    if len == 0 {
        // The engine would begin a new one without a word.
        let was_more = !wal.is_empty() || home.join(KEY).exists();
        return Ok(was_more.then(|| ("the file is empty".to_owned(), false)));
    }
    if !head_is_sound(&head) {
        return Ok(Some(("the file's header is not what was written".to_owned(), false)));
    }
    if let Some(found) = dropped_commits(home, &wal)? {
        return Ok(Some(found));
    }
    let db = Connection::open(home.join(NAME))?;
    db.busy_timeout(Duration::from_secs(5))?;
    match check(&db)? {
        Health::Sound => Ok(None),
        Health::MirrorHit => {
            forget_mirror(&db)?;
            Ok(None)
        }
        Health::Damaged(why) => {
            // What lies in the WAL stays there: nothing more is written into a damaged file.
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            Ok(Some((why, false)))
        }
    }
}

/// Own work in commits that the engine would leave out because a frame in front of them does not check. A single one
/// may be what a power cut tore before anybody was told that it was saved: it is kept, and the enrolment with it.
fn dropped_commits(home: &Path, wal: &[u8]) -> Result<Option<(String, bool)>, ClientError> {
    let wal = Wal::read(wal);
    if wal.dropped == 0 {
        return Ok(None);
    }
    let db = bytes(home, NAME)?;
    let lost = Salvage::read(&db, &wal).ids().difference(&seen(home)).count();
    let why = || format!("{} commits behind a damaged frame of the WAL", wal.dropped);
    Ok((lost > 0).then(|| (why(), wal.dropped == 1)))
}

/// The names of all own work that the engine sees, none when it cannot read them. Only it can tell: the file may hold
/// what was copied back of the commits that are left out, in pages that nothing it takes leads to.
fn seen(home: &Path) -> BTreeSet<Uuid> {
    let look = || -> Result<BTreeSet<Uuid>, ClientError> {
        let db = Connection::open(home.join(NAME))?;
        // What it leaves out is still in the WAL, and is to stay there.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        own_ids(&db)
    };
    look().unwrap_or_default()
}

fn rescue(home: &Path, files: &NativeFiles, why: String, keeps_enrolment: bool) -> Result<(), ClientError> {
    let (db, wal) = (bytes(home, NAME)?, bytes(home, &format!("{NAME}-wal"))?);
    let salvage = Salvage::read(&db, &Wal::read(&wal));
    drop((db, wal));
    remove(home, PART)?;
    let fresh = Connection::open(home.join(PART))?;
    schema::prepare(&fresh)?;
    let told = Recovered { set_aside: free_name(home), why, ..Recovered::default() };
    refill(&fresh, &salvage, files, keeps_enrolment, told)?;
    // Everything into the one file: its name is about to change.
    fresh.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")?;
    drop(fresh);
    File::open(home.join(PART)).and_then(|f| f.sync_all()).map_err(|e| problem(PART, &e))?;
    rename(home, PART, NEW)?;
    finish(home)
}

/// Sets the damaged files aside and puts the new one in their place, if a rescue came that far.
fn finish(home: &Path) -> Result<(), ClientError> {
    if !home.join(NEW).exists() {
        return Ok(());
    }
    let aside = free_name(home);
    // The database last: until it is gone the name is free, and a cut in between finds the same one again.
    for end in ["-wal", "-shm", ""] {
        let from = format!("{NAME}{end}");
        if home.join(&from).exists() {
            rename(home, &from, &format!("{aside}{end}"))?;
        }
    }
    rename(home, NEW, NAME)
}

fn free_name(home: &Path) -> String {
    let names = (1..).map(|n| format!("{NAME}.damaged-{n}"));
    names.into_iter().find(|name| !home.join(name).exists()).unwrap_or_default()
}

fn rename(home: &Path, from: &str, to: &str) -> Result<(), ClientError> {
    fs::rename(home.join(from), home.join(to)).map_err(|e| problem(from, &e))?;
    #[cfg(unix)]
    File::open(home).and_then(|d| d.sync_all()).map_err(|e| problem(from, &e))?;
    Ok(())
}

fn remove(home: &Path, name: &str) -> Result<(), ClientError> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let name = format!("{name}{end}");
        match fs::remove_file(home.join(&name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(problem(&name, &e).into()),
            _ => {}
        }
    }
    Ok(())
}

/// A file's bytes; none when there is no such file.
fn bytes(home: &Path, name: &str) -> Result<Vec<u8>, ClientError> {
    match fs::read(home.join(name)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(vec![]),
        other => Ok(other.map_err(|e| problem(name, &e))?),
    }
}

/// The first bytes of the database, and how many there are in all.
fn head(home: &Path) -> Result<(Vec<u8>, u64), ClientError> {
    use std::io::Read as _;
    let read = || -> std::io::Result<(Vec<u8>, u64)> {
        let file = File::open(home.join(NAME))?;
        let len = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(100).read_to_end(&mut head)?;
        Ok((head, len))
    };
    match read() {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok((vec![], 0)),
        other => Ok(other.map_err(|e| problem(NAME, &e))?),
    }
}
