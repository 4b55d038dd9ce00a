//! The quarantine desk: what waits for a person, and having it decided again. Knows no HTTP.

use super::ingest::EntryId;
use super::people::{Actor, note};
use super::{House, ServiceError, replays};
use blindspot_core::error::NOT_FOUND;
use blindspot_core::id::Sha256;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_store::quarantine::{self, Place, Quarantined};
use blindspot_store::{devices, ops};
use serde::Serialize;
use std::collections::BTreeSet;

/// An entry as listed.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// The id in the bytes, or one derived from them.
    pub op_id: OpId,
    /// SHA-256 of the bytes, hex.
    pub hash: Sha256,
    /// Why.
    pub cause: Cause,
    /// The same in words.
    pub cause_zh: &'static str,
    /// The same in words.
    pub cause_en: &'static str,
    /// What exactly.
    pub detail: String,
    /// The device that the bytes name.
    pub device_id: DeviceId,
    /// Whose device that is, where it is known.
    pub author: Option<PersonId>,
    /// Whose credential brought it.
    pub carrier: DeviceId,
    /// What kind of op, where that can be read.
    pub kind: Option<String>,
    /// About which case.
    pub case_id: Option<CaseId>,
    /// Since when it waits, milliseconds since 1970.
    pub at_ms: i64,
    /// When it was decided.
    pub released_ms: Option<i64>,
}

/// An entry whole.
#[derive(Clone, Debug, Serialize)]
pub struct EntryWhole {
    /// As listed.
    #[serde(flatten)]
    pub entry: EntryView,
    /// The bytes, as they came.
    pub body: String,
    /// What became of it, as it is now.
    pub verdict: Verdict,
}

fn view(kept: &Quarantined, author: Option<PersonId>) -> EntryView {
    let env = SealedOp::read(kept.body.as_str()).ok().map(|op| op.env);
    let (cause_zh, cause_en) = kept.cause.text();
    EntryView {
        op_id: kept.op_id,
        hash: kept.hash,
        cause: kept.cause.clone(),
        cause_zh,
        cause_en,
        detail: kept.detail.clone(),
        device_id: kept.device_id,
        author,
        carrier: kept.carrier,
        case_id: env.as_ref().and_then(|e| e.case_id),
        kind: env.map(|e| e.kind),
        at_ms: kept.at_ms,
        released_ms: kept.released_ms,
    }
}

/// Entries that wait, oldest first, after a place; of one cause when asked. Gives the place to go on from.
///
/// # Errors
/// The database's.
pub fn list(
    house: &House,
    cause: Option<&Cause>,
    after: Option<Place>,
    most: i64,
) -> Result<(Vec<EntryView>, Option<Place>), ServiceError> {
    house.store.read(|tx| {
        let page = quarantine::load_quarantine(tx, &house.city, cause, after, most)?;
        let mut out = Vec::with_capacity(page.len());
        for kept in &page {
            let device = devices::load_device(tx, &house.city, kept.device_id)?;
            out.push(view(kept, device.map(|d| d.person_id)));
        }
        Ok((out, page.last().map(Quarantined::place)))
    })
}

/// One entry whole.
///
/// # Errors
/// `NOT_FOUND`.
pub fn show(house: &House, (op_id, hash): EntryId) -> Result<EntryWhole, ServiceError> {
    house.store.read(|tx| {
        let kept = quarantine::load_quarantined(tx, &house.city, op_id, &hash)?;
        let kept = kept.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
        let device = devices::load_device(tx, &house.city, kept.device_id)?;
        let stands = ops::load_ops(tx, &house.city, &BTreeSet::from([op_id]))?.remove(&op_id);
        let waits = Verdict::Quarantined { ticket: op_id.to_string(), cause: kept.cause.clone() };
        let verdict = stands.filter(|r| r.hash == hash).map(|r| r.verdict).or_else(|| kept.verdict.clone());
        Ok(EntryWhole {
            entry: view(&kept, device.map(|d| d.person_id)),
            verdict: verdict.unwrap_or(waits),
            body: kept.body,
        })
    })
}

/// Has an entry decided again as it is, because a person asks: put down as a job, done by whoever runs jobs here.
///
/// # Errors
/// `NOT_FOUND`.
pub fn ask_replay(house: &House, actor: Actor, entry: EntryId, now_ms: i64) -> Result<(), ServiceError> {
    show(house, entry)?;
    let object = format!("op:{}", entry.0);
    house.store.write(|tx| note(tx, house, actor, ("quarantine_replay", &object, "{}"), now_ms))?;
    replays::ask(house, entry, now_ms)
}
