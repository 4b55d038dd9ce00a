//! Ops as they are kept: bodies verbatim, verdicts, what waits, what stands in quarantine.
//!
//! Must not know how an op is decided.

use crate::{Result, Row, Stmt, StoreError, Tx, Value};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use std::collections::{BTreeMap, BTreeSet};

const SQL: &str = include_str!("../sql/ops.sql");
static LOAD: Stmt = Stmt::new(SQL, "load_op");
static LAST_N: Stmt = Stmt::new(SQL, "last_n");
static APPEND: Stmt = Stmt::new(SQL, "append_op");
static VERDICT: Stmt = Stmt::new(SQL, "save_verdict");
static APPEND_CASE: Stmt = Stmt::new(SQL, "append_op_case");
static OF_CASE: Stmt = Stmt::new(SQL, "ops_of_case");
static HOLDERS: Stmt = Stmt::new(SQL, "holders");
static SEQS_AFTER: Stmt = Stmt::new(SQL, "seqs_after");
static STORED_SEQ: Stmt = Stmt::new(SQL, "save_stored_seq");

/// An op as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct OpRecord {
    /// Its id.
    pub op_id: OpId,
    /// Its place in the city's commit order.
    pub n: i64,
    /// The enrolment that captured it.
    pub device_id: DeviceId,
    /// Its number on that device.
    pub device_seq: u64,
    /// The person of that enrolment.
    pub author: Option<PersonId>,
    /// Its kind.
    pub kind: String,
    /// The case it names.
    pub case_id: Option<CaseId>,
    /// The captured bytes.
    pub body: String,
    /// Their SHA-256.
    pub hash: Sha256,
    /// First receipt, server time in milliseconds.
    pub received_ms: i64,
    /// When it was captured, recovered at first receipt.
    pub time: CaptureTime,
    /// What became of it, as of now.
    pub verdict: Verdict,
    /// The cases it landed on.
    pub landed: Vec<CaseId>,
}

fn record(row: &Row) -> Result<OpRecord> {
    Ok(OpRecord {
        op_id: OpId::from_bytes(row.id(0)?),
        n: row.int(1)?,
        device_id: DeviceId::from_bytes(row.id(2)?),
        device_seq: u64::try_from(row.int(3)?).unwrap_or(0),
        author: row.opt_id(4)?.map(PersonId::from_bytes),
        kind: row.text(5)?.to_owned(),
        case_id: row.opt_id(6)?.map(CaseId::from_bytes),
        body: row.text(7)?.to_owned(),
        hash: Sha256(row.hash(8)?),
        received_ms: row.int(9)?,
        time: CaptureTime {
            at_ms: row.int(10)?,
            class: ClockClass::from_word(row.text(11)?),
            claimed_ms: row.int(12)?,
        },
        verdict: serde_json::from_str(row.text(13)?)?,
        landed: serde_json::from_str(row.text(14)?)?,
    })
}

/// The ops that are here, of those named.
///
/// # Errors
/// The engine's.
pub fn load_ops(tx: &Tx<'_>, city: &CityId, ids: &BTreeSet<OpId>) -> Result<BTreeMap<OpId, OpRecord>> {
    let rows = tx.query_many(&LOAD, ids.iter().map(|id| vec![city.into(), (*id).into()]))?;
    rows.iter().map(|row| record(row).map(|r| (r.op_id, r))).collect()
}

/// The newest place in the commit order.
///
/// # Errors
/// The engine's.
pub fn load_last_n(tx: &Tx<'_>, city: &CityId) -> Result<i64> {
    tx.query_one(&LAST_N, &[city.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Adds ops; an id that is there already is refused by its unique key.
///
/// # Errors
/// `Duplicate`, or the engine's.
pub fn append_ops<'r>(tx: &Tx<'_>, city: &CityId, ops: impl IntoIterator<Item = &'r OpRecord>) -> Result<()> {
    let mut sets = Vec::new();
    for op in ops {
        sets.push(vec![
            city.into(),
            op.op_id.into(),
            op.n.into(),
            op.device_id.into(),
            op.device_seq.into(),
            op.author.into(),
            op.kind.as_str().into(),
            op.case_id.into(),
            op.body.as_str().into(),
            op.hash.into(),
            op.received_ms.into(),
            op.time.at_ms.into(),
            op.time.class.as_str().into(),
            op.time.claimed_ms.into(),
            serde_json::to_string(&op.verdict)?.into(),
            op.verdict.is_final().into(),
            serde_json::to_string(&op.landed)?.into(),
        ]);
    }
    // Lock order: op ids in id order (protocol 8).
    sets.sort_by(|a, b| blob_of(&a[1]).cmp(blob_of(&b[1])));
    tx.exec_many(&APPEND, sets)?;
    Ok(())
}

fn blob_of(value: &Value) -> &[u8] {
    if let Value::Blob(bytes) = value { bytes } else { &[] }
}

/// Writes verdicts that changed.
///
/// # Errors
/// The engine's.
pub fn save_verdicts<'r>(tx: &Tx<'_>, city: &CityId, ops: impl IntoIterator<Item = &'r OpRecord>) -> Result<()> {
    let mut sets = Vec::new();
    for op in ops {
        let (verdict, landed) = (serde_json::to_string(&op.verdict)?, serde_json::to_string(&op.landed)?);
        sets.push(vec![
            city.into(),
            op.op_id.into(),
            verdict.into(),
            op.verdict.is_final().into(),
            landed.into(),
        ]);
    }
    tx.exec_many(&VERDICT, sets)?;
    Ok(())
}

/// Writes on which cases ops landed, for timelines.
///
/// # Errors
/// The engine's.
pub fn append_op_cases(tx: &Tx<'_>, city: &CityId, landed: &[(CaseId, i64, OpId)]) -> Result<()> {
    tx.exec_many(
        &APPEND_CASE,
        landed.iter().map(|(case, n, op)| vec![city.into(), (*case).into(), (*n).into(), (*op).into()]),
    )?;
    Ok(())
}

/// The ops that landed on a case, in commit order.
///
/// # Errors
/// The engine's.
pub fn load_ops_of_case(tx: &Tx<'_>, city: &CityId, case: CaseId) -> Result<Vec<OpRecord>> {
    tx.query(&OF_CASE, &[city.into(), case.into()])?.iter().map(record).collect()
}

/// Which ops stand under numbers of devices.
///
/// # Errors
/// The engine's.
pub fn load_holders(
    tx: &Tx<'_>,
    city: &CityId,
    numbers: &BTreeSet<(DeviceId, u64)>,
) -> Result<BTreeMap<(DeviceId, u64), BTreeSet<OpId>>> {
    let rows = tx.query_many(&HOLDERS, numbers.iter().map(|(d, n)| vec![city.into(), (*d).into(), (*n).into()]))?;
    let mut out: BTreeMap<_, BTreeSet<OpId>> = BTreeMap::new();
    for row in &rows {
        let key = (DeviceId::from_bytes(row.id(0)?), u64::try_from(row.int(1)?).unwrap_or(0));
        out.entry(key).or_default().insert(OpId::from_bytes(row.id(2)?));
    }
    Ok(out)
}

/// The end of the unbroken run of stored numbers that begins after `through`.
///
/// # Errors
/// The engine's.
pub fn load_through(tx: &Tx<'_>, city: &CityId, device: DeviceId, through: u64) -> Result<u64> {
    const PAGE: i64 = 1_000;
    let mut at = through;
    loop {
        let rows = tx.query(&SEQS_AFTER, &[city.into(), device.into(), at.into(), PAGE.into()])?;
        let before = at;
        for row in &rows {
            if row.int(0)? != i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1) {
                return Ok(at);
            }
            at += 1;
        }
        if rows.is_empty() || at == before {
            return Ok(at);
        }
    }
}

/// Accounts for numbers without an op: declared gone, or kept in quarantine.
///
/// # Errors
/// The engine's.
pub fn save_stored_seqs(tx: &Tx<'_>, city: &CityId, numbers: &BTreeSet<(DeviceId, u64)>) -> Result<()> {
    tx.exec_many(&STORED_SEQ, numbers.iter().map(|(d, n)| vec![city.into(), (*d).into(), (*n).into()]))?;
    Ok(())
}

static WAITING: Stmt = Stmt::new(SQL, "load_waiting");
static ANY_WAITING: Stmt = Stmt::new(SQL, "any_waiting");
static APPEND_WAITING: Stmt = Stmt::new(SQL, "append_waiting");
static END_WAITING: Stmt = Stmt::new(SQL, "end_waiting");
static AWAITED_BY: Stmt = Stmt::new(SQL, "awaited_by");
static UNDECIDED: Stmt = Stmt::new(SQL, "undecided_before");
static UNDECIDED_REPORT: Stmt = Stmt::new(SQL, "undecided_report");

/// Whether anything waits at all.
///
/// # Errors
/// The engine's.
pub fn load_any_waiting(tx: &Tx<'_>, city: &CityId) -> Result<bool> {
    Ok(tx.query_one(&ANY_WAITING, &[city.into()])?.is_some())
}

/// The ops that wait for an op or a case.
///
/// # Errors
/// The engine's.
pub fn load_waiting(tx: &Tx<'_>, city: &CityId, awaited: [u8; 16]) -> Result<Vec<OpId>> {
    let rows = tx.query(&WAITING, &[city.into(), awaited.into()])?;
    rows.iter().map(|row| row.id(0).map(OpId::from_bytes)).collect()
}

/// What an op waits for: ids of ops or cases.
///
/// # Errors
/// The engine's.
pub fn load_awaited_by(tx: &Tx<'_>, city: &CityId, op: OpId) -> Result<Vec<[u8; 16]>> {
    tx.query(&AWAITED_BY, &[city.into(), op.into()])?.iter().map(|row| row.id(0)).collect()
}

/// Lets an op wait.
///
/// # Errors
/// The engine's.
pub fn append_waiting(tx: &Tx<'_>, city: &CityId, op: OpId, awaited: &[[u8; 16]], since_ms: i64) -> Result<()> {
    tx.exec_many(
        &APPEND_WAITING,
        awaited.iter().map(|a| vec![city.into(), (*a).into(), op.into(), since_ms.into()]),
    )?;
    Ok(())
}

/// The op waits no more.
///
/// # Errors
/// The engine's.
pub fn end_waiting(tx: &Tx<'_>, city: &CityId, op: OpId) -> Result<()> {
    tx.exec(&END_WAITING, &[city.into(), op.into()])?;
    Ok(())
}

/// Ops received before a time that are not finally decided, oldest first.
///
/// # Errors
/// The engine's.
pub fn load_undecided(tx: &Tx<'_>, city: &CityId, before_ms: i64, most: i64) -> Result<Vec<OpId>> {
    let rows = tx.query(&UNDECIDED, &[city.into(), before_ms.into(), most.into()])?;
    rows.iter().map(|row| row.id(0).map(OpId::from_bytes)).collect()
}

/// Whether the report of a case is here but undecided.
///
/// # Errors
/// The engine's.
pub fn load_has_undecided_report(tx: &Tx<'_>, city: &CityId, case: CaseId) -> Result<bool> {
    Ok(tx.query_one(&UNDECIDED_REPORT, &[city.into(), case.into()])?.is_some())
}

static LOAD_Q: Stmt = Stmt::new(SQL, "load_quarantine");
static LIST_Q: Stmt = Stmt::new(SQL, "list_quarantine");
static APPEND_Q: Stmt = Stmt::new(SQL, "append_quarantine");
static RELEASE_Q: Stmt = Stmt::new(SQL, "release_quarantine");

/// Bytes that wait for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// The id in the bytes, or one derived from them.
    pub op_id: OpId,
    /// SHA-256 of the bytes.
    pub hash: Sha256,
    /// The device that the bytes name, or the carrier when they name none.
    pub device_id: DeviceId,
    /// Whose credential brought it.
    pub carrier: DeviceId,
    /// Why.
    pub cause: Cause,
    /// What exactly.
    pub detail: String,
    /// The bytes.
    pub body: String,
    /// When, server time in milliseconds.
    pub at_ms: i64,
    /// When it was decided after all.
    pub released_ms: Option<i64>,
}

fn quarantined(row: &Row) -> Result<Quarantined> {
    Ok(Quarantined {
        op_id: OpId::from_bytes(row.id(0)?),
        hash: Sha256(row.hash(1)?),
        device_id: DeviceId::from_bytes(row.id(2)?),
        carrier: DeviceId::from_bytes(row.id(3)?),
        cause: Cause::from_word(row.text(4)?),
        detail: row.text(5)?.to_owned(),
        body: row.text(6)?.to_owned(),
        at_ms: row.int(7)?,
        released_ms: row.opt_int(8)?,
    })
}

/// One entry of the quarantine.
///
/// # Errors
/// The engine's.
pub fn load_quarantined(tx: &Tx<'_>, city: &CityId, op: OpId, hash: &Sha256) -> Result<Option<Quarantined>> {
    tx.query_one(&LOAD_Q, &[city.into(), op.into(), (*hash).into()])?.as_ref().map(quarantined).transpose()
}

/// The oldest entries that nobody has decided.
///
/// # Errors
/// The engine's.
pub fn load_quarantine(tx: &Tx<'_>, city: &CityId, most: i64) -> Result<Vec<Quarantined>> {
    tx.query(&LIST_Q, &[city.into(), most.into()])?.iter().map(quarantined).collect()
}

/// Keeps bytes whole under their id and hash; twice does no harm.
///
/// # Errors
/// The engine's.
pub fn append_quarantine(tx: &Tx<'_>, city: &CityId, entry: &Quarantined) -> Result<()> {
    tx.exec(
        &APPEND_Q,
        &[
            city.into(),
            entry.op_id.into(),
            entry.hash.into(),
            entry.device_id.into(),
            entry.carrier.into(),
            entry.cause.as_str().into(),
            entry.detail.as_str().into(),
            entry.body.as_str().into(),
            entry.at_ms.into(),
        ],
    )?;
    Ok(())
}

/// The entry was decided after all.
///
/// # Errors
/// The engine's.
pub fn save_released(tx: &Tx<'_>, city: &CityId, op: OpId, hash: &Sha256, at_ms: i64) -> Result<()> {
    tx.exec(&RELEASE_Q, &[city.into(), op.into(), (*hash).into(), at_ms.into()])?;
    Ok(())
}

static LOAD_TRYING: Stmt = Stmt::new(SQL, "load_trying");
static APPEND_TRYING: Stmt = Stmt::new(SQL, "append_trying");
static END_TRYING: Stmt = Stmt::new(SQL, "end_trying");

/// Which of these ops an earlier run was applying when it ended.
///
/// # Errors
/// The engine's.
pub fn load_trying(tx: &Tx<'_>, city: &CityId, ids: &BTreeSet<OpId>, run: i64) -> Result<BTreeSet<OpId>> {
    let rows = tx.query_many(&LOAD_TRYING, ids.iter().map(|id| vec![city.into(), (*id).into(), run.into()]))?;
    rows.iter().map(|row| row.id(0).map(OpId::from_bytes)).collect()
}

/// Notes that this run is about to apply these ops.
///
/// # Errors
/// The engine's.
pub fn append_trying(tx: &Tx<'_>, city: &CityId, ids: &BTreeSet<OpId>, run: i64) -> Result<()> {
    tx.exec_many(&APPEND_TRYING, ids.iter().map(|id| vec![city.into(), (*id).into(), run.into()]))?;
    Ok(())
}

/// They were applied.
///
/// # Errors
/// The engine's.
pub fn end_trying(tx: &Tx<'_>, city: &CityId, ids: &BTreeSet<OpId>) -> Result<()> {
    tx.exec_many(&END_TRYING, ids.iter().map(|id| vec![city.into(), (*id).into()]))?;
    Ok(())
}

/// Whether an error is one of the engine's refusals of data, not of the moment.
#[must_use]
pub fn is_refusal(error: &StoreError) -> bool {
    !matches!(error, StoreError::Full | StoreError::ReadOnly | StoreError::Busy)
}
