//! Files of other phones' unsent work: a line a file.

use super::uploads::{Due, FIRST_DUE, IS_DUE};
use super::{parsed, signed, unsigned};
use crate::error::ClientError;
use blindspot_core::DeviceId;
use rusqlite::{Connection, Row, params};

/// A file that is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CarriedRecord {
    /// SHA-256 of its manifest, hex.
    pub(crate) manifest: String,
    pub(crate) file: String,
    pub(crate) device_id: DeviceId,
    pub(crate) bytes: u64,
    pub(crate) failures: u32,
    pub(crate) problem: Option<String>,
    /// 0 to hand in, 1 taken in, 2 refused for good.
    pub(crate) state: i64,
}

/// The name of a carried file, by the hash of its manifest in hex.
pub(crate) fn file_name(manifest: &str) -> String {
    format!("carried-{manifest}.tar")
}

const COLUMNS: &str = "manifest, file, device_id, bytes, failures, problem, state";

fn record(r: &Row<'_>) -> Result<CarriedRecord, ClientError> {
    Ok(CarriedRecord {
        manifest: r.get(0)?,
        file: r.get(1)?,
        device_id: parsed(&r.get::<_, String>(2)?)?,
        bytes: unsigned(r.get(3)?),
        failures: r.get(4)?,
        problem: r.get(5)?,
        state: r.get(6)?,
    })
}

pub(crate) fn insert(db: &Connection, c: &CarriedRecord, now_ms: i64) -> Result<(), ClientError> {
    db.prepare_cached(
        "INSERT INTO carried (manifest, file, device_id, bytes, added_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (manifest) DO NOTHING",
    )?
    .execute(params![c.manifest, c.file, c.device_id.to_string(), signed(c.bytes), now_ms])?;
    Ok(())
}

fn all(db: &Connection, rest: &str, args: impl rusqlite::Params) -> Result<Vec<CarriedRecord>, ClientError> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM carried {rest}"))?;
    let mut rows = query.query(args)?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        list.push(record(r)?);
    }
    Ok(list)
}

pub(crate) fn load(db: &Connection, manifest: &str) -> Result<Option<CarriedRecord>, ClientError> {
    Ok(all(db, "WHERE manifest = ?1", [manifest])?.pop())
}

pub(crate) fn list(db: &Connection) -> Result<Vec<CarriedRecord>, ClientError> {
    all(db, "ORDER BY added_ms, manifest", [])
}

/// The next to hand in, the oldest first; like originals they wait for an unmetered network for a day.
pub(crate) fn next(db: &Connection, due: Due) -> Result<Option<CarriedRecord>, ClientError> {
    let rest = format!(
        "WHERE state = 0 AND {IS_DUE} AND added_ms <= ?2 ORDER BY not_before_ms, added_ms, manifest LIMIT 1"
    );
    Ok(all(db, &rest, params![due.now_ms, due.originals_before_ms, due.horizon_ms])?.pop())
}

/// When the next one that the network allows is due, if any waits.
pub(crate) fn next_ms(db: &Connection, due: Due) -> Result<Option<i64>, ClientError> {
    let mut query =
        db.prepare_cached(&format!("SELECT {FIRST_DUE} FROM carried WHERE state = 0 AND added_ms <= ?1"))?;
    Ok(query.query_row([due.originals_before_ms, due.now_ms], |r| r.get(0))?)
}

/// Writes how a file stands, and the server's answer when there is one.
pub(crate) fn save(
    db: &Connection,
    c: &CarriedRecord,
    not_before_ms: i64,
    reply: Option<&str>,
) -> Result<(), ClientError> {
    db.prepare_cached(
        "UPDATE carried SET state = ?2, failures = ?3, problem = ?4, not_before_ms = ?5, reply = coalesce(?6, reply)
         WHERE manifest = ?1",
    )?
    .execute(params![c.manifest, c.state, c.failures, c.problem, not_before_ms, reply])?;
    Ok(())
}
