//! Ops as they are kept: bodies verbatim, verdicts, numbers of devices.
//!
//! Must not know how an op is decided.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SQL: &str = include_str!("../sql/ops.sql");
static LOAD: Stmt = Stmt::new(SQL, "load_op");
static LAST_N: Stmt = Stmt::new(SQL, "last_n");
static APPEND: Stmt = Stmt::new(SQL, "append_op");
static VERDICT: Stmt = Stmt::new(SQL, "save_verdict");
static ADD_CASE: Stmt = Stmt::new(SQL, "add_op_case");
static APPEND_CASE: Stmt = Stmt::new(SQL, "append_op_case");
static OF_CASE: Stmt = Stmt::new(SQL, "ops_of_case");
static OPENED_BY: Stmt = Stmt::new(SQL, "opened_by");
static HOLDERS: Stmt = Stmt::new(SQL, "holders");
static SEQS_AFTER: Stmt = Stmt::new(SQL, "seqs_after");
static SEQ_STORED: Stmt = Stmt::new(SQL, "seq_stored");
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
    pub body: Arc<str>,
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
        body: row.text(7)?.into(),
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
    let rows = tx.query_many(&LOAD, ids.iter().map(|id| [city.into(), (*id).into()]))?;
    rows.iter().map(|row| record(row).map(|r| (r.op_id, r))).collect()
}

/// The cases that somebody's reports opened, received since a time: not those that were there already.
///
/// # Errors
/// The engine's.
pub fn load_opened_by(
    tx: &Tx<'_>,
    city: &CityId,
    person: PersonId,
    since_ms: i64,
) -> Result<BTreeSet<CaseId>> {
    let mut opened = BTreeSet::new();
    for row in tx.query(&OPENED_BY, &[city.into(), person.into(), since_ms.into()])? {
        let opens = match serde_json::from_str(row.text(1)?)? {
            Verdict::Applied | Verdict::Merged { .. } => true,
            Verdict::Noted { why } => why == Why::RightsUnsure,
            _ => false,
        };
        opened.extend(opens.then_some(CaseId::from_bytes(row.id(0)?)));
    }
    Ok(opened)
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
    // Lock order: op ids in id order (protocol 8).
    let mut ops: Vec<&OpRecord> = ops.into_iter().collect();
    ops.sort_by_key(|op| op.op_id);
    let sets = ops.into_iter().map(|op| {
        Ok([
            city.into(),
            op.op_id.into(),
            op.n.into(),
            op.device_id.into(),
            op.device_seq.into(),
            op.author.into(),
            op.kind.as_str().into(),
            op.case_id.into(),
            (&*op.body).into(),
            op.hash.into(),
            op.received_ms.into(),
            op.time.at_ms.into(),
            op.time.class.as_str().into(),
            op.time.claimed_ms.into(),
            serde_json::to_string(&op.verdict)?.into(),
            op.verdict.is_final().into(),
            serde_json::to_string(&op.landed)?.into(),
        ])
    });
    tx.exec_each(&APPEND, sets)?;
    Ok(())
}

/// Writes verdicts that changed.
///
/// # Errors
/// The engine's.
pub fn save_verdicts<'r>(
    tx: &Tx<'_>,
    city: &CityId,
    ops: impl IntoIterator<Item = &'r OpRecord>,
) -> Result<()> {
    let sets = ops.into_iter().map(|op| {
        let (verdict, landed) = (serde_json::to_string(&op.verdict)?, serde_json::to_string(&op.landed)?);
        Ok([city.into(), op.op_id.into(), verdict.into(), op.verdict.is_final().into(), landed.into()])
    });
    tx.exec_each(&VERDICT, sets)?;
    Ok(())
}

/// An op that landed on a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Landed {
    /// The case.
    pub case: CaseId,
    /// The op's place in the commit order.
    pub n: i64,
    /// The op.
    pub op: OpId,
}

/// Writes on which cases ops landed, for timelines. `fresh`: the op is new in this transaction.
///
/// # Errors
/// The engine's.
pub fn append_op_cases(
    tx: &Tx<'_>,
    city: &CityId,
    landed: &BTreeSet<Landed>,
    fresh: impl Fn(OpId) -> bool,
) -> Result<()> {
    for (stmt, new) in [(&ADD_CASE, true), (&APPEND_CASE, false)] {
        let of = landed.iter().filter(|l| fresh(l.op) == new);
        tx.exec_many(stmt, of.map(|l| [city.into(), l.case.into(), l.n.into(), l.op.into()]))?;
    }
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
    // A phone's numbers come in a row: one look for each stretch, not one for each number.
    let mut stretches: Vec<(DeviceId, u64, u64)> = Vec::new();
    for (device, n) in numbers {
        match stretches.last_mut() {
            Some((d, _, last)) if d == device && n.checked_sub(1) == Some(*last) => *last = *n,
            _ => stretches.push((*device, *n, *n)),
        }
    }
    let sets = stretches.iter().map(|(d, from, to)| [city.into(), (*d).into(), (*from).into(), (*to).into()]);
    let rows = tx.query_many(&HOLDERS, sets)?;
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

/// Which of these numbers are stored, as an op or accounted for.
///
/// # Errors
/// The engine's.
pub fn load_stored_seqs(
    tx: &Tx<'_>,
    city: &CityId,
    numbers: &BTreeSet<(DeviceId, u64)>,
) -> Result<BTreeSet<(DeviceId, u64)>> {
    let sets = numbers.iter().map(|(d, n)| [city.into(), (*d).into(), (*n).into()]);
    let number = |row: &Row| -> Result<_> {
        Ok((DeviceId::from_bytes(row.id(0)?), u64::try_from(row.int(1)?).unwrap_or(0)))
    };
    tx.query_many(&SEQ_STORED, sets)?.iter().map(number).collect()
}

/// Accounts for numbers without an op: declared gone, or kept in quarantine.
///
/// # Errors
/// The engine's.
pub fn save_stored_seqs(tx: &Tx<'_>, city: &CityId, numbers: &BTreeSet<(DeviceId, u64)>) -> Result<()> {
    tx.exec_many(&STORED_SEQ, numbers.iter().map(|(d, n)| [city.into(), (*d).into(), (*n).into()]))?;
    Ok(())
}
