//! A sandbox for app developers: a data folder that can be put back to how it was made, with enrolment codes that
//! are never used up. Knows no HTTP, and nothing of the people in it.
//!
//! A folder is a sandbox when it holds `sandbox.db`, the database as it was made. Everything in one is known to
//! everybody, its key too: such a folder is never served in any other way, and no other folder as a sandbox.

use crate::auth::enrol;
use crate::auth::secret;
use crate::service::{House, ServiceError};
use blindspot_core::PersonId;
use blindspot_core::id::Sha256;
use blindspot_store::devices;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

const MADE: &str = "sandbox.db";
const MADE_LOG: &str = "sandbox.log";
const DATABASE: &str = "blindspot.db";
const LOG: &str = "blindspot.db-wal";
/// The last millisecond of the year 9999.
const NEVER_MS: i64 = 253_402_300_799_999;

/// Whether a data folder is a sandbox.
#[must_use]
pub fn is_one(data: &Path) -> bool {
    data.join(MADE).is_file()
}

/// The key of every sandbox: the same, so that what a server signs there can be written in a document.
#[must_use]
pub fn key() -> [u8; 32] {
    Sha256::of(b"blindspot sandbox: this key is public").0
}

/// The fixed code of a login.
#[must_use]
pub fn code(login: &str) -> String {
    secret::to_code(&code_bytes(login))
}

fn code_bytes(login: &str) -> [u8; 16] {
    let hash = Sha256::of(format!("blindspot sandbox code\n{login}").as_bytes());
    let mut out = [0; 16];
    out.copy_from_slice(&hash.0[..16]);
    out
}

/// Saves the fixed code of a login; it never expires.
///
/// # Errors
/// When the database fails.
pub fn save_code(house: &House, login: &str, person: PersonId, now_ms: i64) -> Result<(), ServiceError> {
    let hash = secret::hash(enrol::PURPOSE, &code_bytes(login));
    Ok(house.store.write(|tx| devices::save_code(tx, &house.city, hash, person, now_ms, NEVER_MS))?)
}

/// Makes a closed data folder a sandbox: what is in its database now is what it is put back to.
///
/// # Errors
/// When files refuse.
pub fn keep(data: &Path) -> io::Result<()> {
    // The newest commits may still stand in the log beside the database.
    let log = data.join(LOG);
    if log.is_file() {
        fs::copy(log, data.join(MADE_LOG))?;
    }
    // The mark last: half a sandbox is none.
    let fresh = data.join("sandbox.new");
    fs::copy(data.join(DATABASE), &fresh)?;
    fs::rename(fresh, data.join(MADE))
}

/// Puts a closed sandbox back to how it was made.
///
/// # Errors
/// `InvalidInput` for a folder that is none; when files refuse.
pub fn put_back(data: &Path) -> io::Result<()> {
    if !is_one(data) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "this data folder is no sandbox"));
    }
    for folder in ["blobs", "uploads"] {
        gone(fs::remove_dir_all(data.join(folder)))?;
    }
    for file in [DATABASE, LOG, "blindspot.db-shm"] {
        gone(fs::remove_file(data.join(file)))?;
    }
    let log = data.join(MADE_LOG);
    if log.is_file() {
        fs::copy(log, data.join(LOG))?;
    }
    fs::copy(data.join(MADE), data.join(DATABASE)).map(drop)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sandbox_is_put_back_and_then_wholly() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path();
        fs::write(data.join(DATABASE), b"first").expect("written");
        assert!(put_back(data).is_err() && !is_one(data));
        assert_eq!(fs::read(data.join(DATABASE)).expect("still there"), b"first");
        keep(data).expect("kept");
        fs::create_dir_all(data.join("blobs/ab")).expect("made");
        fs::write(data.join(DATABASE), b"later").expect("written");
        fs::write(data.join("blindspot.db-wal"), b"later still").expect("written");
        put_back(data).expect("put back");
        assert_eq!(fs::read(data.join(DATABASE)).expect("there"), b"first");
        assert!(!data.join("blindspot.db-wal").exists() && !data.join("blobs").exists());
    }

    #[test]
    fn codes_are_the_same_in_every_sandbox() {
        assert_eq!(code("collector-001"), code("collector-001"));
        assert_ne!(code("collector-001"), code("collector-002"));
        assert_eq!(secret::from_code(&code("collector-001")), Some(code_bytes("collector-001")));
    }
}
