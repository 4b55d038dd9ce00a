//! The outbox: ops, verbatim, with their verdicts. Nothing unacknowledged is ever deleted here.

use super::{parsed, parsed_option, signed, unsigned};
use crate::error::ClientError;
use blindspot_core::id::Sha256;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, DeviceId, OpId, apply};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Where an op stands between phone and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpState {
    /// 待上传: to be sent.
    Unsent,
    /// 已到服务器: acknowledged, whatever the verdict.
    Acknowledged,
    /// In the tray: our own server refuses it alone.
    Unsendable,
}

impl OpState {
    fn from_number(n: i64) -> Self {
        match n {
            0 => Self::Unsent,
            1 => Self::Acknowledged,
            _ => Self::Unsendable,
        }
    }
}

/// One op of the outbox, without its body.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct OutboxEntry {
    /// The op.
    pub op_id: OpId,
    /// The enrolment that captured it.
    pub device_id: DeviceId,
    /// Its number on that device.
    pub device_seq: u64,
    /// What kind of thing was done.
    pub kind: String,
    /// The case it is about.
    pub case_id: Option<CaseId>,
    /// Where it stands.
    pub state: OpState,
    /// What the server said, as last heard.
    pub verdict: Option<Verdict>,
    /// Whether it is still replayed over the mirror.
    pub overlay: bool,
    /// When it was sealed, phone time.
    pub sealed_ms: i64,
    /// When it was acknowledged, server time.
    pub acked_ms: Option<i64>,
    /// Why it is unsendable, or that the rules broke on it here.
    pub problem: Option<String>,
}

pub(crate) fn append(db: &Connection, op: &SealedOp, sealed_ms: i64) -> Result<i64, ClientError> {
    let env = &op.env;
    db.prepare_cached(
        "INSERT INTO outbox (op_id, device_id, device_seq, kind, case_id, body, sealed_ms, sha256)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        env.op_id.to_string(),
        env.device_id.to_string(),
        signed(env.device_seq),
        env.kind,
        env.case_id.map(|c| c.to_string()),
        &*op.body,
        sealed_ms,
        op.hash.0
    ])?;
    let n = db.last_insert_rowid();
    for case in apply::touched(op) {
        db.prepare_cached("INSERT OR IGNORE INTO outbox_cases (case_id, n) VALUES (?1, ?2)")?
            .execute(params![case.to_string(), n])?;
    }
    Ok(n)
}

/// The latest op on a case that is not finally decided. One in the tray holds nothing up.
pub(crate) fn latest_undecided(db: &Connection, case: CaseId) -> Result<Option<OpId>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT o.op_id FROM outbox_cases c JOIN outbox o ON o.n = c.n
         WHERE c.case_id = ?1 AND o.final = 0 AND o.state <> 2 ORDER BY o.n DESC LIMIT 1",
    )?;
    let id: Option<String> = query.query_row([case.to_string()], |r| r.get(0)).optional()?;
    parsed_option(id)
}

/// An op to send.
pub(crate) struct UnsentOp {
    /// Its place.
    pub(crate) n: i64,
    pub(crate) op_id: OpId,
    pub(crate) body: String,
    /// The final verdict of a past that the server has lost.
    pub(crate) former: Option<Verdict>,
}

/// Ops to send, in order: at most so many ops and bytes, but always one.
pub(crate) fn unsent(
    db: &Connection,
    ops_max: usize,
    bytes_max: usize,
) -> Result<Vec<UnsentOp>, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT n, body, sha256, op_id, CASE final WHEN 1 THEN verdict END FROM outbox WHERE state = 0 ORDER BY n",
    )?;
    let mut rows = query.query([])?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < ops_max
        && let Some(row) = rows.next()?
    {
        let body = whole(row.get(1)?, row.get(2)?)?;
        bytes += body.len();
        if bytes > bytes_max && !batch.is_empty() {
            break;
        }
        let former: Option<String> = row.get(4)?;
        batch.push(UnsentOp {
            n: row.get(0)?,
            op_id: parsed(&row.get::<_, String>(3)?)?,
            body,
            former: former.and_then(|text| serde_json::from_str(&text).ok()),
        });
    }
    Ok(batch)
}

/// The highest number of a device's ops.
pub(crate) fn last_number(db: &Connection, device: DeviceId) -> Result<u64, ClientError> {
    let mut query = db.prepare("SELECT coalesce(max(device_seq), 0) FROM outbox WHERE device_id = ?1")?;
    Ok(unsigned(query.query_row([device.to_string()], |r| r.get(0))?))
}

fn is_whole(body: &str, sha256: Option<Vec<u8>>) -> bool {
    sha256.is_none_or(|hash| hash == Sha256::of(body.as_bytes()).0)
}

/// A body on its way out. Never another's words under a person's name: the next opening reads out what is whole.
fn whole(body: String, sha256: Option<Vec<u8>>) -> Result<String, ClientError> {
    let damaged = || ClientError::Damaged("an op in the outbox is not what was written".into());
    if is_whole(&body, sha256) { Ok(body) } else { Err(damaged()) }
}

/// Whether every op is what was written, and no state is without what belongs to it.
pub(crate) fn is_sound(db: &Connection) -> Result<bool, ClientError> {
    let mut query = db.prepare("SELECT body, sha256, state, verdict, acked_ms, final FROM outbox")?;
    let mut rows = query.query([])?;
    while let Some(r) = rows.next()? {
        let (body, state): (String, i64) = (r.get(0)?, r.get(2)?);
        let decided = r.get::<_, Option<String>>(3)?.is_some() && r.get::<_, Option<i64>>(4)?.is_some();
        let known = (0..=2).contains(&state) && (decided || state != 1 && !r.get::<_, bool>(5)?);
        if !known || !is_whole(&body, r.get(1)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts an op that was read out of a damaged database where it was: verbatim, with the verdict it had. One whose
/// number is taken is not put in twice. Says whether it is in.
pub(crate) fn restore(
    db: &Connection,
    op: &SealedOp,
    sealed_ms: i64,
    decided: Option<(&str, i64)>,
) -> Result<bool, ClientError> {
    let taken: bool = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE op_id = ?1 OR (device_id = ?2 AND device_seq = ?3))",
        )?
        .query_row(
            params![op.env.op_id.to_string(), op.env.device_id.to_string(), signed(op.env.device_seq)],
            |r| r.get(0),
        )?;
    if taken {
        return Ok(false);
    }
    let n = append(db, op, sealed_ms)?;
    if let Some((verdict, acked_ms)) = decided {
        db.prepare_cached(
            "UPDATE outbox SET state = 1, verdict = ?2, final = 1, overlay = 0, acked_ms = ?3 WHERE n = ?1",
        )?
        .execute(params![n, verdict, acked_ms])?;
    }
    Ok(true)
}

/// Bodies of all ops that the server has not acknowledged, the tray included, in order.
pub(crate) fn not_acknowledged(db: &Connection) -> Result<Vec<String>, ClientError> {
    let mut query = db.prepare_cached("SELECT body, sha256 FROM outbox WHERE state <> 1 ORDER BY n")?;
    let mut rows = query.query([])?;
    let mut list = Vec::new();
    while let Some(r) = rows.next()? {
        list.push(whole(r.get(0)?, r.get(1)?)?);
    }
    Ok(list)
}

pub(crate) fn any_unsent(db: &Connection) -> Result<bool, ClientError> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 0)")?
        .query_row([], |r| r.get(0))?)
}

/// The id of the op in a place of the outbox; nothing when it was erased while it was on its way.
pub(crate) fn op_id(db: &Connection, n: i64) -> Result<Option<OpId>, ClientError> {
    let mut query = db.prepare_cached("SELECT op_id FROM outbox WHERE n = ?1")?;
    parsed_option(query.query_row([n], |r| r.get(0)).optional()?)
}

/// The server has the op durably and said what became of it.
pub(crate) fn acknowledge(
    db: &Connection,
    op: OpId,
    verdict: &Verdict,
    now_ms: i64,
) -> Result<(), ClientError> {
    db.prepare_cached(
        "UPDATE outbox SET state = 1, verdict = ?2, final = ?3, acked_ms = coalesce(acked_ms, ?4), problem = NULL
         WHERE op_id = ?1",
    )?
    .execute(params![
        op.to_string(),
        serde_json::to_string(verdict)?,
        verdict.is_final(),
        now_ms
    ])?;
    Ok(())
}

/// The op's effect is in the mirror now, or will never be.
pub(crate) fn drop_overlay(db: &Connection, op: OpId) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE outbox SET overlay = 0 WHERE op_id = ?1")?.execute([op.to_string()])?;
    Ok(())
}

pub(crate) fn set_unsendable(db: &Connection, n: i64, problem: &str) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE outbox SET state = 2, problem = ?2 WHERE n = ?1")?
        .execute(params![n, problem])?;
    Ok(())
}

/// Takes everything out of the tray to be tried again.
pub(crate) fn retry_unsendable(db: &Connection) -> Result<usize, ClientError> {
    Ok(db.prepare_cached("UPDATE outbox SET state = 0, problem = NULL WHERE state = 2")?.execute([])?)
}

pub(crate) fn set_problem(db: &Connection, op: OpId, problem: &str) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE outbox SET problem = ?2 WHERE op_id = ?1")?
        .execute(params![op.to_string(), problem])?;
    Ok(())
}

/// After a new epoch: what the server may have lost is to be sent again. Former devices' ops carry
/// no number to compare, so they all go; sending twice does no harm.
pub(crate) fn reoffer(db: &Connection, device: DeviceId, through: u64) -> Result<usize, ClientError> {
    Ok(db
        .prepare_cached(
            "UPDATE outbox SET state = 0 WHERE state = 1 AND (device_id <> ?1 OR device_seq > ?2)",
        )?
        .execute(params![device.to_string(), signed(through)])?)
}

/// Ops that are replayed over the mirror, in order.
pub(crate) fn overlay(db: &Connection) -> Result<Vec<String>, ClientError> {
    let mut query = db.prepare_cached("SELECT body FROM outbox WHERE overlay = 1 ORDER BY n")?;
    let rows = query.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const COLUMNS: &str =
    "op_id, device_id, device_seq, kind, case_id, state, verdict, overlay, sealed_ms, acked_ms, problem";

fn entry(row: &Row<'_>) -> Result<OutboxEntry, ClientError> {
    let verdict: Option<String> = row.get(6)?;
    Ok(OutboxEntry {
        op_id: parsed(&row.get::<_, String>(0)?)?,
        device_id: parsed(&row.get::<_, String>(1)?)?,
        device_seq: unsigned(row.get(2)?),
        kind: row.get(3)?,
        case_id: parsed_option(row.get(4)?)?,
        state: OpState::from_number(row.get(5)?),
        verdict: verdict.map(|v| serde_json::from_str(&v)).transpose()?,
        overlay: row.get(7)?,
        sealed_ms: row.get(8)?,
        acked_ms: row.get(9)?,
        problem: row.get(10)?,
    })
}

pub(crate) fn list(db: &Connection) -> Result<Vec<OutboxEntry>, ClientError> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox ORDER BY n"))?;
    let mut rows = query.query([])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(entry(row)?);
    }
    Ok(list)
}

/// Own ops on a case, in order.
pub(crate) fn of_case(db: &Connection, case: CaseId) -> Result<Vec<OutboxEntry>, ClientError> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE n IN (SELECT n FROM outbox_cases WHERE case_id = ?1) ORDER BY n"
    ))?;
    let mut rows = query.query([case.to_string()])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(entry(row)?);
    }
    Ok(list)
}

/// The verbatim bytes of an op.
pub(crate) fn body(db: &Connection, op: OpId) -> Result<Option<String>, ClientError> {
    let mut query = db.prepare_cached("SELECT body FROM outbox WHERE op_id = ?1")?;
    Ok(query.query_row([op.to_string()], |r| r.get(0)).optional()?)
}

/// Unsent, in the tray, acknowledged without a final verdict, and all, as counts.
pub(crate) fn counts(db: &Connection) -> Result<[u64; 4], ClientError> {
    Ok(db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 2),
                count(*) FILTER (WHERE state = 1 AND final = 0), count(*) FROM outbox",
        )?
        .query_row([], |r| {
            Ok([unsigned(r.get(0)?), unsigned(r.get(1)?), unsigned(r.get(2)?), unsigned(r.get(3)?)])
        })?)
}

/// When the oldest op that the server does not have was sealed.
pub(crate) fn oldest_unsent_ms(db: &Connection) -> Result<Option<i64>, ClientError> {
    let mut query = db.prepare_cached("SELECT min(sealed_ms) FROM outbox WHERE state <> 1")?;
    Ok(query.query_row([], |r| r.get(0))?)
}

/// Forgets acknowledged, finally decided ops older than `before_ms` (protocol 10: 180 days).
pub(crate) fn forget(db: &Connection, before_ms: i64) -> Result<usize, ClientError> {
    Ok(db
        .prepare_cached("DELETE FROM outbox WHERE state = 1 AND final = 1 AND overlay = 0 AND acked_ms < ?1")?
        .execute([before_ms])?)
}
