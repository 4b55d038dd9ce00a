//! Captures that are saved and not yet ops, with their raw photos.

use super::{parsed, parsed_option, unsigned};
use crate::error::ClientError;
use blindspot_core::id::Sha256;
use blindspot_core::{CaseId, OpId, PhotoId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

/// A saved capture as stored.
#[derive(Clone, Debug)]
pub(crate) struct CaptureRecord {
    pub(crate) capture_id: Uuid,
    pub(crate) case_id: CaseId,
    /// The op it will become; nothing when it only adds photos.
    pub(crate) op_id: Option<OpId>,
    pub(crate) kind: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) for_op: Option<OpId>,
    pub(crate) round: Option<u32>,
    pub(crate) expected_state: Option<String>,
    /// The clocks at capture, JSON.
    pub(crate) captured: String,
    pub(crate) local_tag: Option<String>,
    pub(crate) saved_ms: i64,
    pub(crate) sealed: bool,
    pub(crate) problem: Option<String>,
}

/// A raw photo as stored.
#[derive(Clone, Debug)]
pub(crate) struct ShotRecord {
    pub(crate) photo_id: PhotoId,
    pub(crate) role: String,
    pub(crate) media: String,
    pub(crate) origin: Option<String>,
    /// Where the phone stood, JSON.
    pub(crate) position: Option<String>,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) state: ShotState,
    /// The photo's payload once it is made, JSON.
    pub(crate) taken: Option<String>,
    pub(crate) filetype: Option<String>,
    pub(crate) problem: Option<String>,
    pub(crate) raw_kept: bool,
    /// How long a voice note lasts, milliseconds.
    pub(crate) duration_ms: Option<u32>,
}

impl CaptureRecord {
    /// Over all that never changes after it was saved.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let of =
            (&self.kind, &self.payload, self.round, &self.expected_state, &self.captured, &self.local_tag);
        let ids = (self.capture_id, self.case_id, self.op_id, self.for_op, self.saved_ms);
        hash(&(ids, of))
    }
}

impl ShotRecord {
    /// Over all that never changes after it was saved.
    pub(crate) fn hash(&self, capture: Uuid) -> [u8; 32] {
        let of = (&self.role, &self.media, &self.origin, &self.position, self.duration_ms);
        hash(&(self.photo_id, capture, &self.file, self.bytes, of))
    }
}

fn hash(of: &impl serde::Serialize) -> [u8; 32] {
    // Plain values always become JSON; were it otherwise, every row would have the same hash and none would fail.
    Sha256::of(&serde_json::to_vec(of).unwrap_or_default()).0
}

/// Whether every capture and photo is what was written, and none waits that has become ops: a single bit tells those
/// two states apart, and what is sealed twice stops all sealing behind it.
pub(crate) fn are_sound(db: &Connection) -> Result<bool, ClientError> {
    let twice: bool = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM captures c WHERE c.state = 0 AND (
           c.op_id IN (SELECT op_id FROM outbox)
           OR c.capture_id IN (SELECT s.capture_id FROM shots s JOIN uploads u ON u.photo_id = s.photo_id)))",
        [],
        |r| r.get(0),
    )?;
    if twice {
        return Ok(false);
    }
    let mut query = db.prepare(&format!("SELECT {COLUMNS}, sha256 FROM captures"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let capture = record(row)?;
        let state: i64 = row.get(11)?;
        let hash: Option<Vec<u8>> = row.get(13)?;
        if !(0..=1).contains(&state) || hash.is_some_and(|h| h != capture.hash()) {
            return Ok(false);
        }
        let mut hashes = db.prepare_cached("SELECT sha256 FROM shots WHERE capture_id = ?1 ORDER BY n")?;
        let hashes =
            hashes.query_map([capture.capture_id.to_string()], |r| r.get::<_, Option<Vec<u8>>>(0))?;
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        let all = shots(db, capture.capture_id)?;
        if all.iter().zip(hashes).any(|(s, h)| h.is_some_and(|h| h != s.hash(capture.capture_id))) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How far a raw photo has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShotState {
    Raw,
    Formed,
    Failed,
}

pub(crate) fn insert(db: &Connection, c: &CaptureRecord) -> Result<(), ClientError> {
    db.prepare_cached(
        "INSERT INTO captures (capture_id, case_id, op_id, kind, payload, for_op, round, expected_state, captured,
           local_tag, saved_ms, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        c.capture_id.to_string(),
        c.case_id.to_string(),
        c.op_id.map(|o| o.to_string()),
        c.kind,
        c.payload,
        c.for_op.map(|o| o.to_string()),
        c.round,
        c.expected_state,
        c.captured,
        c.local_tag,
        c.saved_ms,
        c.hash()
    ])?;
    Ok(())
}

pub(crate) fn insert_shot(
    db: &Connection,
    capture: Uuid,
    n: usize,
    s: &ShotRecord,
) -> Result<(), ClientError> {
    db.prepare_cached(
        "INSERT INTO shots (photo_id, capture_id, n, role, media, origin, position, file, bytes, duration_ms, sha256)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        s.photo_id.to_string(),
        capture.to_string(),
        i64::try_from(n).unwrap_or(i64::MAX),
        s.role,
        s.media,
        s.origin,
        s.position,
        s.file,
        super::signed(s.bytes),
        s.duration_ms,
        s.hash(capture)
    ])?;
    Ok(())
}

const COLUMNS: &str =
    "capture_id, case_id, op_id, kind, payload, for_op, round, expected_state, captured, local_tag,
  saved_ms, state, problem";

fn record(r: &Row<'_>) -> Result<CaptureRecord, ClientError> {
    Ok(CaptureRecord {
        capture_id: parsed(&r.get::<_, String>(0)?)?,
        case_id: parsed(&r.get::<_, String>(1)?)?,
        op_id: parsed_option(r.get(2)?)?,
        kind: r.get(3)?,
        payload: r.get(4)?,
        for_op: parsed_option(r.get(5)?)?,
        round: r.get(6)?,
        expected_state: r.get(7)?,
        captured: r.get(8)?,
        local_tag: r.get(9)?,
        saved_ms: r.get(10)?,
        sealed: r.get(11)?,
        problem: r.get(12)?,
    })
}

/// The next capture to seal: least failures first, and never one whose case has an earlier one waiting.
pub(crate) fn next(db: &Connection) -> Result<Option<CaptureRecord>, ClientError> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM captures c WHERE state = 0 AND NOT EXISTS (
           SELECT 1 FROM captures e WHERE e.state = 0 AND e.case_id = c.case_id AND e.n < c.n)
         ORDER BY failures, n LIMIT 1"
    ))?;
    let mut rows = query.query([])?;
    rows.next()?.map(record).transpose()
}

/// Captures that wait, or whose photo could not be made; all of them when asked.
pub(crate) fn list(db: &Connection) -> Result<Vec<CaptureRecord>, ClientError> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM captures c WHERE state = 0
           OR EXISTS (SELECT 1 FROM shots s WHERE s.capture_id = c.capture_id AND s.state = 2) ORDER BY n"
    ))?;
    let mut rows = query.query([])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(record(row)?);
    }
    Ok(list)
}

/// Whether a case has a capture that is not sealed.
pub(crate) fn waiting_on(db: &Connection, case: CaseId) -> Result<bool, ClientError> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM captures WHERE state = 0 AND case_id = ?1)")?
        .query_row([case.to_string()], |r| r.get(0))?)
}

pub(crate) fn shots(db: &Connection, capture: Uuid) -> Result<Vec<ShotRecord>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT photo_id, role, media, origin, position, file, bytes, state, taken, filetype, problem, raw_kept,
           duration_ms
         FROM shots WHERE capture_id = ?1 ORDER BY n",
    )?;
    let mut rows = query.query([capture.to_string()])?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        let state = match r.get::<_, i64>(7)? {
            0 => ShotState::Raw,
            1 => ShotState::Formed,
            _ => ShotState::Failed,
        };
        list.push(ShotRecord {
            photo_id: parsed(&r.get::<_, String>(0)?)?,
            role: r.get(1)?,
            media: r.get(2)?,
            origin: r.get(3)?,
            position: r.get(4)?,
            file: r.get(5)?,
            bytes: unsigned(r.get(6)?),
            state,
            taken: r.get(8)?,
            filetype: r.get(9)?,
            problem: r.get(10)?,
            raw_kept: r.get(11)?,
            duration_ms: r.get(12)?,
        });
    }
    Ok(list)
}

/// The photo's forms are durable.
pub(crate) fn set_formed(
    db: &Connection,
    id: PhotoId,
    taken: &str,
    filetype: &str,
) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE shots SET state = 1, taken = ?2, filetype = ?3 WHERE photo_id = ?1")?
        .execute(params![id.to_string(), taken, filetype])?;
    Ok(())
}

/// The photo cannot be made into forms; its raw file stays.
pub(crate) fn set_failed(
    db: &Connection,
    id: PhotoId,
    taken: &str,
    problem: &str,
) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE shots SET state = 2, taken = ?2, problem = ?3 WHERE photo_id = ?1")?
        .execute(params![id.to_string(), taken, problem])?;
    Ok(())
}

pub(crate) fn set_sealed(db: &Connection, capture: Uuid) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE captures SET state = 1, problem = NULL WHERE capture_id = ?1")?
        .execute([capture.to_string()])?;
    Ok(())
}

/// Sealing failed for a reason of the phone (no space); it goes behind the others.
pub(crate) fn put_back(db: &Connection, capture: Uuid, problem: &str) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE captures SET failures = failures + 1, problem = ?2 WHERE capture_id = ?1")?
        .execute(params![capture.to_string(), problem])?;
    Ok(())
}

/// Raw files of sealed captures whose forms stand: they may go.
pub(crate) fn spent_raws(db: &Connection) -> Result<Vec<(PhotoId, String)>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT s.photo_id, s.file FROM shots s JOIN captures c ON c.capture_id = s.capture_id
         WHERE c.state = 1 AND s.state = 1 AND s.raw_kept = 1",
    )?;
    let mut rows = query.query([])?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        list.push((parsed(&r.get::<_, String>(0)?)?, r.get(1)?));
    }
    Ok(list)
}

pub(crate) fn set_raw_gone(db: &Connection, id: PhotoId) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE shots SET raw_kept = 0 WHERE photo_id = ?1")?.execute([id.to_string()])?;
    Ok(())
}

/// Captures that wait, their photos, and the bytes of those: counts.
pub(crate) fn counts(db: &Connection) -> Result<(u64, u64, u64), ClientError> {
    let captures: i64 =
        db.prepare_cached("SELECT count(*) FROM captures WHERE state = 0")?.query_row([], |r| r.get(0))?;
    let shots: Option<(i64, i64)> = db
        .prepare_cached(
            "SELECT count(*), coalesce(sum(s.bytes), 0) FROM shots s
             JOIN captures c ON c.capture_id = s.capture_id WHERE c.state = 0",
        )?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (photos, bytes) = shots.unwrap_or((0, 0));
    Ok((unsigned(captures), unsigned(photos), unsigned(bytes)))
}

/// When the oldest capture that waits was saved.
pub(crate) fn oldest_waiting_ms(db: &Connection) -> Result<Option<i64>, ClientError> {
    let mut query = db.prepare_cached("SELECT min(saved_ms) FROM captures WHERE state = 0")?;
    Ok(query.query_row([], |r| r.get(0))?)
}
