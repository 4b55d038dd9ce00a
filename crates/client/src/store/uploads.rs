//! The queue of photo bytes: one line a form, with how far it came.

use super::{meta, parsed, signed, unsigned};
use crate::error::ClientError;
use blindspot_core::{CaseId, PhotoId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// A form to deliver, or delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadRecord {
    pub(crate) photo_id: PhotoId,
    pub(crate) form: String,
    pub(crate) case_id: CaseId,
    pub(crate) file: String,
    /// Hex.
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) media: String,
    pub(crate) filetype: String,
    pub(crate) location: Option<String>,
    /// Bytes that the server said it has.
    pub(crate) sent: u64,
    /// The offset is not certain: ask with HEAD.
    pub(crate) ask: bool,
    pub(crate) failures: u32,
    pub(crate) problem: Option<String>,
    /// 0 to send, 1 verified, 2 lost, 3 verified in a past that the server may have lost.
    pub(crate) state: i64,
    /// Why the bytes are here no more.
    pub(crate) gone_why: Option<String>,
}

const COLUMNS: &str =
    "photo_id, form, case_id, file, sha256, bytes, media, filetype, location, sent, ask, failures,
  problem, state, (SELECT why FROM let_go l WHERE l.photo_id = uploads.photo_id AND l.form = uploads.form)";

fn record(r: &Row<'_>) -> Result<UploadRecord, ClientError> {
    Ok(UploadRecord {
        photo_id: parsed(&r.get::<_, String>(0)?)?,
        form: r.get(1)?,
        case_id: parsed(&r.get::<_, String>(2)?)?,
        file: r.get(3)?,
        sha256: r.get(4)?,
        bytes: unsigned(r.get(5)?),
        media: r.get(6)?,
        filetype: r.get(7)?,
        location: r.get(8)?,
        sent: unsigned(r.get(9)?),
        ask: r.get(10)?,
        failures: r.get(11)?,
        problem: r.get(12)?,
        state: r.get(13)?,
        gone_why: r.get(14)?,
    })
}

/// Queues a form. `rank` 0 goes first.
pub(crate) fn insert(
    db: &Connection,
    u: &UploadRecord,
    rank: i64,
    queued_ms: i64,
) -> Result<(), ClientError> {
    db.prepare_cached(
        "INSERT INTO uploads (photo_id, form, rank, case_id, file, sha256, bytes, media, filetype, queued_ms, turn)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        u.photo_id.to_string(),
        u.form,
        rank,
        u.case_id.to_string(),
        u.file,
        u.sha256,
        signed(u.bytes),
        u.media,
        u.filetype,
        queued_ms,
        // In the order of queueing: ids and times are those of a clock that may be wrong.
        meta::count(db, meta::TURN)?
    ])?;
    Ok(())
}

/// What may be sent: on an unmetered network all; else originals only when they waited since before
/// `originals_before_ms`. A wait further off than `horizon_ms` was set by a clock that has since been
/// put right, and does not count; 0 is no time at all, also on a phone whose clock stands before 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) now_ms: i64,
    pub(crate) originals_before_ms: i64,
    pub(crate) horizon_ms: i64,
}

/// Whether a line may go, by `Due`'s time in `?1` and horizon in `?3`.
pub(crate) const IS_DUE: &str = "(not_before_ms = 0 OR not_before_ms <= ?1 OR not_before_ms > ?3)";
/// When the first of several lines is due, by `Due`'s time in `?2`.
pub(crate) const FIRST_DUE: &str = "min(CASE not_before_ms WHEN 0 THEN ?2 ELSE not_before_ms END)";

/// The next form: small forms first, then whoever waited longest for a turn.
pub(crate) fn next(db: &Connection, due: Due) -> Result<Option<UploadRecord>, ClientError> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM uploads WHERE state = 0 AND {IS_DUE}
           AND (rank < 2 OR queued_ms <= ?2) ORDER BY rank, turn, photo_id LIMIT 1"
    ))?;
    let mut rows = query.query(params![due.now_ms, due.originals_before_ms, due.horizon_ms])?;
    rows.next()?.map(record).transpose()
}

/// When the next form that the network allows is due, if any waits.
pub(crate) fn next_ms(db: &Connection, due: Due) -> Result<Option<i64>, ClientError> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {FIRST_DUE} FROM uploads WHERE state = 0 AND (rank < 2 OR queued_ms <= ?1)"
    ))?;
    Ok(query.query_row([due.originals_before_ms, due.now_ms], |r| r.get(0))?)
}

pub(crate) fn load(db: &Connection, photo: PhotoId, form: &str) -> Result<Option<UploadRecord>, ClientError> {
    let mut query =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM uploads WHERE photo_id = ?1 AND form = ?2"))?;
    let mut rows = query.query([photo.to_string().as_str(), form])?;
    rows.next()?.map(record).transpose()
}

/// All forms, for screens.
pub(crate) fn list(db: &Connection) -> Result<Vec<UploadRecord>, ClientError> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM uploads ORDER BY photo_id, rank"))?;
    let mut rows = query.query([])?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        list.push(record(r)?);
    }
    Ok(list)
}

/// Writes how far a form came: location, offset, whether to ask, waits and problem.
pub(crate) fn save_progress(
    db: &Connection,
    u: &UploadRecord,
    not_before_ms: i64,
    turn: i64,
) -> Result<(), ClientError> {
    db.prepare_cached(
        "UPDATE uploads SET location = ?3, sent = ?4, ask = ?5, failures = ?6, problem = ?7, not_before_ms = ?8,
           turn = ?9 WHERE photo_id = ?1 AND form = ?2",
    )?
    .execute(params![
        u.photo_id.to_string(),
        u.form,
        u.location,
        signed(u.sent),
        u.ask,
        u.failures,
        u.problem,
        not_before_ms,
        turn
    ])?;
    Ok(())
}

/// The server has the bytes and has verified them.
pub(crate) fn set_verified(
    db: &Connection,
    photo: PhotoId,
    form: &str,
    now_ms: i64,
) -> Result<(), ClientError> {
    db.prepare_cached(
        "UPDATE uploads SET state = 1, sent = bytes, acked_ms = ?3, problem = NULL, failures = 0
         WHERE photo_id = ?1 AND form = ?2",
    )?
    .execute(params![photo.to_string(), form, now_ms])?;
    Ok(())
}

pub(crate) fn set_lost(db: &Connection, photo: PhotoId, form: &str, why: &str) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE uploads SET state = 2, problem = ?3 WHERE photo_id = ?1 AND form = ?2")?
        .execute(params![photo.to_string(), form, why])?;
    Ok(())
}

/// After a new epoch: the server is asked whether it still has what it acknowledged and is still here.
pub(crate) fn reoffer(db: &Connection) -> Result<usize, ClientError> {
    Ok(db
        .prepare_cached(
            "UPDATE uploads SET state = 3, location = NULL, ask = 0, not_before_ms = 0 WHERE state = 1 AND kept = 1",
        )?
        .execute([])?)
}

/// A form that the server is to be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) photo_id: PhotoId,
    pub(crate) form: String,
    /// Hex.
    pub(crate) sha256: String,
}

/// Forms to ask about, at most so many.
pub(crate) fn to_ask(db: &Connection, most: usize) -> Result<Vec<Offered>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT photo_id, form, sha256 FROM uploads WHERE state = 3 ORDER BY photo_id, form LIMIT ?1",
    )?;
    let mut rows = query.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        list.push(Offered { photo_id: parsed(&r.get::<_, String>(0)?)?, form: r.get(1)?, sha256: r.get(2)? });
    }
    Ok(list)
}

pub(crate) fn any_to_ask(db: &Connection) -> Result<bool, ClientError> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM uploads WHERE state = 3)")?
        .query_row([], |r| r.get(0))?)
}

/// What the server said of a form: it lacks it, so it goes again from the start, or it has it still.
pub(crate) fn set_asked(db: &Connection, offered: &Offered, lacking: bool) -> Result<(), ClientError> {
    let sql = if lacking {
        "UPDATE uploads SET state = 0, sent = 0 WHERE photo_id = ?1 AND form = ?2 AND state = 3"
    } else {
        "UPDATE uploads SET state = 1 WHERE photo_id = ?1 AND form = ?2 AND state = 3"
    };
    db.prepare_cached(sql)?.execute(params![offered.photo_id.to_string(), offered.form])?;
    Ok(())
}

/// Bytes that were acknowledged before a time and are still on disk.
pub(crate) fn acknowledged_before(
    db: &Connection,
    before_ms: i64,
) -> Result<Vec<(PhotoId, String, String)>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT photo_id, form, file FROM uploads WHERE state = 1 AND kept = 1 AND acked_ms < ?1 ORDER BY acked_ms",
    )?;
    let mut rows = query.query([before_ms])?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        list.push((parsed(&r.get::<_, String>(0)?)?, r.get(1)?, r.get(2)?));
    }
    Ok(list)
}

pub(crate) fn set_gone(db: &Connection, photo: PhotoId, form: &str, why: &str) -> Result<(), ClientError> {
    let tx = super::write(db)?;
    tx.prepare_cached("UPDATE uploads SET kept = 0 WHERE photo_id = ?1 AND form = ?2")?
        .execute(params![photo.to_string(), form])?;
    tx.prepare_cached("INSERT OR REPLACE INTO let_go (photo_id, form, why) VALUES (?1, ?2, ?3)")?
        .execute(params![photo.to_string(), form, why])?;
    tx.commit()?;
    Ok(())
}

/// Photos with a form that is not verified, and the bytes still to go.
pub(crate) fn counts(db: &Connection) -> Result<(u64, u64), ClientError> {
    Ok(db
        .prepare_cached(
            "SELECT count(DISTINCT photo_id), coalesce(sum(bytes - sent), 0) FROM uploads WHERE state IN (0, 3)",
        )?
        .query_row([], |r| Ok((unsigned(r.get(0)?), unsigned(r.get(1)?))))?)
}

/// Whether every form of a case's photos from this phone is verified.
pub(crate) fn all_verified(db: &Connection, case: CaseId) -> Result<bool, ClientError> {
    let waiting: Option<i64> = db
        .prepare_cached("SELECT 1 FROM uploads WHERE state IN (0, 3) AND case_id = ?1 LIMIT 1")?
        .query_row([case.to_string()], |r| r.get(0))
        .optional()?;
    Ok(waiting.is_none())
}

/// When the oldest form that is not verified was queued.
pub(crate) fn oldest_unsent_ms(db: &Connection) -> Result<Option<i64>, ClientError> {
    let mut query = db.prepare_cached("SELECT min(queued_ms) FROM uploads WHERE state = 0")?;
    Ok(query.query_row([], |r| r.get(0))?)
}
