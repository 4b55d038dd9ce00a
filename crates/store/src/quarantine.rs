//! Bytes that wait for a person, kept whole; and the ops that were being tried when a run ended.
//!
//! Must not know how an op is decided.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::clock::Sent;
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::{DeviceId, OpId};
use std::collections::BTreeSet;

const SQL: &str = include_str!("../sql/ops.sql");
static LOAD_Q: Stmt = Stmt::new(SQL, "load_quarantine");
static PAGE_Q: Stmt = Stmt::new(SQL, "page_quarantine");
static PAGE_OF_Q: Stmt = Stmt::new(SQL, "page_quarantine_of");
static TAKE_OVER_Q: Stmt = Stmt::new(SQL, "take_over_quarantine");
static APPEND_Q: Stmt = Stmt::new(SQL, "append_quarantine");
static RELEASE_Q: Stmt = Stmt::new(SQL, "release_quarantine");
static DECIDE_Q: Stmt = Stmt::new(SQL, "decide_quarantine");

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
    /// The phone's clocks when it was sent.
    pub sent: Sent,
    /// What a person decided of bytes that never stood under their op id.
    pub verdict: Option<Verdict>,
}

/// A place in the list of what is open: when, op, hash.
pub type Place = (i64, OpId, Sha256);

impl Quarantined {
    /// Its place in the list.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.at_ms, self.op_id, self.hash)
    }
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
        sent: serde_json::from_str(row.text(9)?)?,
        verdict: row.opt_text(10)?.map(serde_json::from_str).transpose()?,
    })
}

/// One entry of the quarantine.
///
/// # Errors
/// The engine's.
pub fn load_quarantined(tx: &Tx<'_>, city: &CityId, op: OpId, hash: &Sha256) -> Result<Option<Quarantined>> {
    tx.query_one(&LOAD_Q, &[city.into(), op.into(), (*hash).into()])?.as_ref().map(quarantined).transpose()
}

/// Entries that nobody has decided, oldest first, after a place; of one cause when asked.
///
/// # Errors
/// The engine's.
pub fn load_quarantine(
    tx: &Tx<'_>,
    city: &CityId,
    cause: Option<&Cause>,
    after: Option<Place>,
    most: i64,
) -> Result<Vec<Quarantined>> {
    let (at, op, hash) = after.unwrap_or((i64::MIN, OpId::from_bytes([0; 16]), Sha256([0; 32])));
    let (at, op, hash, most) = (at.into(), op.into(), hash.into(), most.into());
    let rows = match cause {
        None => tx.query(&PAGE_Q, &[city.into(), at, op, hash, most])?,
        Some(cause) => tx.query(&PAGE_OF_Q, &[city.into(), at, op, hash, most, cause.as_str().into()])?,
    };
    rows.iter().map(quarantined).collect()
}

/// Keeps bytes whole under their id and hash. An entry that is open stays as it is; one that was released waits
/// again, for the cause of this time. Says whether it waits only now.
///
/// # Errors
/// The engine's.
pub fn append_quarantine(tx: &Tx<'_>, city: &CityId, entry: &Quarantined) -> Result<bool> {
    let sent = serde_json::to_string(&entry.sent)?;
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
            sent.as_str().into(),
        ],
    )
    .map(|changed| changed == 1)
}

/// An entry whose op now waits for another reason, or that another's credential had brought while its op came from its
/// own phone since. Says whether there was one.
///
/// # Errors
/// The engine's.
pub fn take_over(tx: &Tx<'_>, city: &CityId, entry: &Quarantined) -> Result<bool> {
    let sent = serde_json::to_string(&entry.sent)?;
    let set = [
        city.into(),
        entry.op_id.into(),
        entry.hash.into(),
        entry.cause.as_str().into(),
        entry.detail.as_str().into(),
        entry.carrier.into(),
        entry.at_ms.into(),
        sent.as_str().into(),
    ];
    Ok(tx.exec(&TAKE_OVER_Q, &set)? == 1)
}

/// These entries were decided after all; those of ops that never waited are passed over.
///
/// # Errors
/// The engine's.
pub fn save_released<'h>(
    tx: &Tx<'_>,
    city: &CityId,
    decided: impl IntoIterator<Item = (OpId, &'h Sha256, i64)>,
) -> Result<()> {
    let sets = decided.into_iter().map(|(op, hash, at)| [city.into(), op.into(), (*hash).into(), at.into()]);
    tx.exec_many(&RELEASE_Q, sets)?;
    Ok(())
}

/// A person decided bytes that do not stand under their op id.
///
/// # Errors
/// The engine's.
pub fn save_decided(
    tx: &Tx<'_>,
    city: &CityId,
    (op, hash): (OpId, Sha256),
    verdict: &Verdict,
    now_ms: i64,
) -> Result<()> {
    let verdict = serde_json::to_string(verdict)?;
    tx.exec(&DECIDE_Q, &[city.into(), op.into(), hash.into(), now_ms.into(), verdict.as_str().into()])
        .map(drop)
}

static LOAD_TRYING: Stmt = Stmt::new(SQL, "load_trying");
static APPEND_TRYING: Stmt = Stmt::new(SQL, "append_trying");
static END_TRYING: Stmt = Stmt::new(SQL, "end_trying");

/// Which of these ops an earlier run was applying when it ended. A server that was heard of after `alive_ms` has not
/// ended: it may be applying them now.
///
/// # Errors
/// The engine's.
pub fn load_trying(
    tx: &Tx<'_>,
    city: &CityId,
    ids: &BTreeSet<OpId>,
    run: i64,
    alive_ms: i64,
) -> Result<BTreeSet<OpId>> {
    let sets = ids.iter().map(|id| [city.into(), (*id).into(), run.into(), alive_ms.into()]);
    let rows = tx.query_many(&LOAD_TRYING, sets)?;
    rows.iter().map(|row| row.id(0).map(OpId::from_bytes)).collect()
}

/// Notes that this run is about to apply these ops.
///
/// # Errors
/// The engine's.
pub fn append_trying(tx: &Tx<'_>, city: &CityId, ids: &BTreeSet<OpId>, run: i64) -> Result<()> {
    tx.exec_many(&APPEND_TRYING, ids.iter().map(|id| [city.into(), (*id).into(), run.into()]))?;
    Ok(())
}

/// They were applied.
///
/// # Errors
/// The engine's.
pub fn end_trying(tx: &Tx<'_>, city: &CityId, ids: &BTreeSet<OpId>) -> Result<()> {
    tx.exec_many(&END_TRYING, ids.iter().map(|id| [city.into(), (*id).into()]))?;
    Ok(())
}
