//! What must wait for a person: bytes that are no op, ops that must not stand under their id, ops on which
//! the rules gave up. Nothing is thrown away (protocol 5).

use super::group::Group;
use super::task::OpTask;
use crate::service::replays;
use blindspot_core::OpId;
use blindspot_core::clock::Sent;
use blindspot_core::id::Sha256;
use blindspot_core::op::{OpProblem, SealedOp, salvage_id};
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_store::quarantine::Quarantined;
use blindspot_store::{Result, hand_ins, quarantine};

pub(super) fn ticket(op_id: OpId, cause: Cause) -> Verdict {
    Verdict::Quarantined { ticket: op_id.to_string(), cause }
}

fn entry(op_id: Option<OpId>, verdict: Verdict) -> VerdictEntry {
    VerdictEntry { op_id, verdict, seen_before: false, cases: vec![], erased: None }
}

/// Bytes on their way into the quarantine.
struct Kept<'b> {
    op_id: OpId,
    hash: Sha256,
    body: &'b str,
    cause: Cause,
    detail: &'b str,
}

impl Group<'_, '_> {
    pub(super) fn receive_broken(
        &mut self,
        task: &OpTask,
        body: &str,
        problem: &OpProblem,
    ) -> Result<VerdictEntry> {
        let hash = Sha256::of(body.as_bytes());
        let salvaged = salvage_id(body);
        let derived = || {
            let mut bytes = [0; 10];
            bytes.copy_from_slice(&hash.0[..10]);
            OpId::from_parts(0, bytes)
        };
        let op_id = salvaged.map_or_else(derived, |(id, _)| id);
        if let Some((_, Some(n))) = salvaged {
            self.stored_seqs.insert((task.credential.device, n));
        }
        let kept = Kept { op_id, hash, body, cause: problem.cause.clone(), detail: &problem.detail };
        let mut entry = self.keep_apart(task, task.credential.device, &kept)?;
        entry.op_id = salvaged.map(|(id, _)| id);
        Ok(entry)
    }

    /// Keeps a readable op that must not stand under its id.
    pub(super) fn apart(
        &mut self,
        task: &OpTask,
        op: &SealedOp,
        cause: Cause,
        detail: &str,
    ) -> Result<VerdictEntry> {
        let kept = Kept { op_id: op.env.op_id, hash: op.hash, body: &op.body, cause, detail };
        self.keep_apart(task, op.env.device_id, &kept)
    }

    fn keep_apart(
        &mut self,
        task: &OpTask,
        device: blindspot_core::DeviceId,
        kept: &Kept<'_>,
    ) -> Result<VerdictEntry> {
        let city = &self.house.city;
        if let Some(was) = quarantine::load_quarantined(self.tx, city, kept.op_id, &kept.hash)? {
            let verdict = was.verdict.unwrap_or_else(|| ticket(kept.op_id, was.cause));
            return Ok(VerdictEntry { seen_before: true, ..entry(Some(kept.op_id), verdict) });
        }
        // Another body under the id of an op that was erased may say the same again: it is noted without its bytes.
        let body = if self.is_erased_op(kept.op_id)? { "{}" } else { kept.body };
        let row = Quarantined {
            op_id: kept.op_id,
            hash: kept.hash,
            device_id: device,
            carrier: task.credential.device,
            cause: kept.cause.clone(),
            detail: kept.detail.to_owned(),
            body: body.to_owned(),
            at_ms: task.received_ms,
            released_ms: None,
            sent: task.sent.clone(),
            verdict: None,
        };
        if quarantine::append_quarantine(self.tx, city, &row)? {
            replays::plan(self.tx, city, &row, self.now_ms)?;
            if task.handed_in {
                hand_ins::count_handed_in(self.tx, city, task.credential.device, 1)?;
            }
        }
        self.any_quarantined = true;
        Ok(entry(Some(kept.op_id), ticket(kept.op_id, kept.cause.clone())))
    }

    /// Puts an op that stands under its id before a person. What it waited for may still replay it.
    pub(super) fn quarantine(&mut self, op_id: OpId, cause: Cause) -> Result<()> {
        let Some(record) = self.ops.get(&op_id) else { return Ok(()) };
        let row = Quarantined {
            op_id,
            hash: record.hash,
            device_id: record.device_id,
            carrier: record.device_id,
            cause: cause.clone(),
            detail: String::new(),
            body: record.body.to_string(),
            at_ms: self.now_ms,
            released_ms: None,
            sent: Sent::default(),
            verdict: None,
        };
        let (tx, city) = (self.tx, &self.house.city);
        if quarantine::append_quarantine(tx, city, &row)? {
            replays::plan(tx, city, &row, self.now_ms)?;
        } else if quarantine::take_over(tx, city, &row)? {
            replays::plan_if_idle(tx, city, &row, self.now_ms)?;
        }
        self.any_quarantined = true;
        self.rule(op_id, ticket(op_id, cause), vec![]);
        Ok(())
    }
}
