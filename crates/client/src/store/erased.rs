//! What was erased for everybody goes from this phone too: bytes of ops, forms and raw files of photos (protocol 7).
//! Files are named here and removed after the commit.

use super::parsed;
use crate::error::ClientError;
use blindspot_core::{OpId, PhotoId};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An own op goes; its number stays accounted for. Of a photo's op the files go too. Says whether anything did.
pub(crate) fn erase_op(db: &Connection, op: OpId) -> Result<bool, ClientError> {
    #[derive(Deserialize)]
    struct Of {
        payload: Payload,
    }
    #[derive(Deserialize)]
    struct Payload {
        photo_id: PhotoId,
    }
    let id = op.to_string();
    let found: Option<(String, String)> = db
        .prepare_cached("SELECT kind, body FROM outbox WHERE op_id = ?1")?
        .query_row([&id], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((kind, body)) = found else { return Ok(false) };
    db.prepare_cached(
        "INSERT OR REPLACE INTO erased_ops (op_id, device_id, device_seq, kind)
         SELECT op_id, device_id, device_seq, kind FROM outbox WHERE op_id = ?1",
    )?
    .execute([&id])?;
    db.prepare_cached("DELETE FROM outbox WHERE op_id = ?1")?.execute([&id])?;
    db.prepare_cached("UPDATE captures SET payload = NULL, sha256 = NULL WHERE op_id = ?1")?
        .execute([&id])?;
    if kind == "photo"
        && let Ok(of) = serde_json::from_str::<Of>(&body)
    {
        erase_photo(db, of.payload.photo_id)?;
    }
    Ok(true)
}

/// Notes again what was erased before the database was damaged.
pub(crate) fn keep(db: &Connection, all: &BTreeMap<OpId, super::recover::Erased>) -> Result<(), ClientError> {
    let mut insert = db.prepare(
        "INSERT OR REPLACE INTO erased_ops (op_id, device_id, device_seq, kind) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (op, (device, seq, kind)) in all {
        insert.execute(params![op.to_string(), device.to_string(), seq, kind])?;
    }
    Ok(())
}

/// All forms and the raw file of a photo go.
pub(crate) fn erase_photo(db: &Connection, photo: PhotoId) -> Result<bool, ClientError> {
    let id = photo.to_string();
    db.prepare_cached(
        "INSERT OR IGNORE INTO removals (file)
           SELECT file FROM uploads WHERE photo_id = ?1 AND (kept = 1 OR state <> 2)
           UNION SELECT file FROM shots WHERE photo_id = ?1 AND raw_kept = 1",
    )?
    .execute([&id])?;
    let forms = db
        .prepare_cached(
            "UPDATE uploads SET state = 2, problem = 'erased', kept = 0, location = NULL
             WHERE photo_id = ?1 AND (kept = 1 OR problem IS NOT 'erased')",
        )?
        .execute([&id])?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO let_go (photo_id, form, why)
         SELECT photo_id, form, 'erased' FROM uploads WHERE photo_id = ?1",
    )?
    .execute([&id])?;
    let raws = db
        .prepare_cached(
            "UPDATE shots SET raw_kept = 0, taken = NULL, position = NULL, sha256 = NULL WHERE photo_id = ?1
               AND (raw_kept = 1 OR taken IS NOT NULL)",
        )?
        .execute([&id])?;
    Ok(forms + raws > 0)
}

/// Files that are to be removed.
pub(crate) fn removals(db: &Connection) -> Result<Vec<String>, ClientError> {
    let mut query = db.prepare_cached("SELECT file FROM removals ORDER BY file")?;
    let rows = query.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A file is gone.
pub(crate) fn removed(db: &Connection, file: &str) -> Result<(), ClientError> {
    db.prepare_cached("DELETE FROM removals WHERE file = ?1")?.execute([file])?;
    Ok(())
}

/// Numbers of a device above one whose ops were erased here: they can no longer be produced.
pub(crate) fn numbers_after(db: &Connection, device: &str, through: u64) -> Result<Vec<u64>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT device_seq FROM erased_ops WHERE device_id = ?1 AND device_seq > ?2 ORDER BY device_seq",
    )?;
    let rows = query.query_map(params![device, super::signed(through)], |r| r.get(0))?;
    rows.map(|n| Ok(super::unsigned(n?))).collect()
}

/// Leaves nothing of what was written over in the write-ahead log.
pub(crate) fn empty_log(db: &Connection) -> Result<(), ClientError> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// The op that a row is of, when the row says that its content was erased; and the photo.
pub(crate) fn named_in(body: &str) -> Option<(OpId, Option<PhotoId>)> {
    #[derive(Deserialize)]
    struct Row {
        op_id: OpId,
        photo_id: Option<PhotoId>,
        erased: Option<serde::de::IgnoredAny>,
    }
    if !body.contains("\"erased\"") {
        return None;
    }
    let row: Row = serde_json::from_str(body).ok()?;
    row.erased.map(|_| (row.op_id, row.photo_id))
}

/// Reads an id out of a row's feedback, when that was erased.
pub(crate) fn feed_back_in(body: &str) -> Option<OpId> {
    if !body.contains("\"erased\"") {
        return None;
    }
    let row: serde_json::Value = serde_json::from_str(body).ok()?;
    let back = row.get("feed_back").filter(|f| f.get("erased").is_some())?;
    parsed(back.get("op_id")?.as_str()?).ok()
}
