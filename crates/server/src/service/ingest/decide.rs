//! One op of a group: whose it is, whether it must wait, and what the rules say.

use super::group::Group;
use super::task::{OpTask, Source};
use crate::service::Credential;
use blindspot_core::access::{Class, policy};
use blindspot_core::apply::{apply, touched};
use blindspot_core::clock::{Captured, Sent, recover};
use blindspot_core::command::Command;
use blindspot_core::limits::OP_SCHEMA;
use blindspot_core::mutant;
use blindspot_core::op::{Envelope, OpProblem, SealedOp};
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::witness;
use blindspot_core::world::{Author, Ctx, Known, Outcome, missing_predecessors};
use blindspot_core::{CaseId, OpId};
use blindspot_store::devices::DeviceState;
use blindspot_store::ops::OpRecord;
use blindspot_store::{Result, StoreError, audit, erased, letters, ops};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Names the clock of desk actions, which is the server's own: their capture time is exact.
const DESK_BOOT: &str = "server";

/// Makes the op of a desk action: the desk names id, kind and payload, the server the rest.
pub(super) fn seal_desk(
    credential: Credential,
    case_id: Option<CaseId>,
    op: &DeskOp,
    device_seq: u64,
    now_ms: i64,
) -> Result<SealedOp, OpProblem> {
    SealedOp::seal(Envelope {
        op_id: op.op_id,
        device_id: credential.device,
        device_seq,
        kind: op.kind.clone(),
        case_id,
        schema: OP_SCHEMA,
        round: op.round,
        expected_state: op.expected_state.clone(),
        depends_on: vec![],
        replaces: None,
        payload: op.payload.clone(),
        captured: desk_clock(now_ms),
    })
}

/// The clocks of a desk action.
pub(super) fn desk_clock(now_ms: i64) -> Captured {
    Captured {
        wall_ms: now_ms,
        mono_ms: Some(now_ms),
        boot_id: Some(DESK_BOOT.into()),
        ..Captured::default()
    }
}

/// Runs the rules; a panic of theirs is an answer, not an end (protocol 5).
fn bounded<T>(rules: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(rules)).ok()
}

pub(super) fn entry_of(record: &OpRecord, seen_before: bool) -> VerdictEntry {
    VerdictEntry {
        op_id: Some(record.op_id),
        verdict: record.verdict.clone(),
        seen_before,
        cases: record.landed.clone(),
        erased: erased::mark_of(record),
    }
}

impl Group<'_, '_> {
    /// Decides an op of a push or a desk; gives its verdict as it is now.
    pub(super) fn receive(&mut self, task: &OpTask) -> Result<VerdictEntry> {
        let entry = match &task.source {
            Source::Broken { body, problem } => self.receive_broken(task, body, problem),
            Source::Sealed(op) => self.receive_sealed(task, op.clone(), &task.sent),
            Source::Desk { case_id, op } => self.receive_desk(task, *case_id, op),
        }?;
        if let (Some(former), Some(op_id), false) = (&task.former, entry.op_id, entry.seen_before) {
            self.former.push((op_id, former.clone(), entry.verdict.clone()));
        }
        Ok(entry)
    }

    fn receive_desk(&mut self, task: &OpTask, case_id: Option<CaseId>, op: &DeskOp) -> Result<VerdictEntry> {
        let malformed = |p: OpProblem| StoreError::Decode(p.to_string());
        if let Some(record) = self.ops.get(&op.op_id) {
            if erased::mark_of(record).is_some() && record.author == Some(task.credential.person) {
                return Ok(entry_of(record, true));
            }
            // The server filled in number and time, so that only what the desk said can be compared.
            let was = SealedOp::read(record.body.clone()).map_err(malformed)?.env;
            let same = record.author == Some(task.credential.person)
                && (&was.kind, was.case_id, was.payload.get()) == (&op.kind, case_id, op.payload.get());
            if same {
                return Ok(entry_of(record, true));
            }
        }
        let seq = self.count(&format!("desk_seq:{}", task.credential.device))?;
        let seq = u64::try_from(seq).unwrap_or(u64::MAX);
        let sealed = seal_desk(task.credential, case_id, op, seq, task.received_ms).map_err(malformed)?;
        let sent = Sent {
            wall_ms: task.received_ms,
            mono_ms: Some(task.received_ms),
            boot_id: Some(DESK_BOOT.into()),
        };
        self.need_cases(touched(&sealed))?;
        self.receive_sealed(task, Arc::new(sealed), &sent)
    }

    fn receive_sealed(&mut self, task: &OpTask, op: Arc<SealedOp>, sent: &Sent) -> Result<VerdictEntry> {
        let (op_id, device) = (op.env.op_id, op.env.device_id);
        if let Some(record) = self.ops.get(&op_id) {
            if record.hash == op.hash {
                if mutant::is("dedupe_dropped") {
                    self.sealed.insert(op_id, op);
                    self.settle(op_id)?;
                    return self.ops.get(&op_id).map(|r| entry_of(r, true)).ok_or_else(gone);
                }
                return Ok(entry_of(record, true));
            }
            if device == task.credential.device {
                self.stored_seqs.insert((device, op.env.device_seq));
            }
            return self.apart(task, &op, Cause::OtherBody, "the first body stands");
        }
        let Some((person, enrolled_ms)) = self.device(device).map(|d| (d.person_id, d.enrolled_ms)) else {
            return self.apart(task, &op, Cause::UnknownDevice, "no such enrolment");
        };
        let carrier = self.device(task.credential.device);
        let person = if mutant::is("author_from_credential") { task.credential.person } else { person };
        let later = carrier.is_some_and(|c| c.enrolled_ms >= enrolled_ms && c.person_id == person);
        if person != task.credential.person || !(device == task.credential.device || later) {
            return self.apart(task, &op, Cause::AuthorMismatch, "pushed with another person's credential");
        }
        let ended = carrier.is_some_and(|c| matches!(c.state, DeviceState::Revoked | DeviceState::Closed));
        if !task.vouched && (ended || task.handed_in) {
            self.stored_seqs.insert((device, op.env.device_seq));
            return self.apart(task, &op, Cause::RevokedDevice, "handed in after the device was revoked");
        }
        let number = (device, op.env.device_seq);
        let held_by = self.holders.entry(number).or_default();
        held_by.insert(op_id);
        if held_by.len() > 1 {
            self.cloned.insert(device);
        }
        self.last_n += 1;
        let time = recover(&op.env.captured, sent, task.received_ms, enrolled_ms);
        let record = Box::new(OpRecord {
            op_id,
            n: self.last_n,
            device_id: device,
            device_seq: op.env.device_seq,
            author: Some(person),
            kind: op.env.kind.clone(),
            case_id: op.env.case_id,
            body: op.body.clone(),
            hash: op.hash,
            received_ms: task.received_ms,
            time,
            verdict: Verdict::Held { missing: vec![] },
            landed: vec![],
        });
        self.ops.insert(op_id, record);
        self.sealed.insert(op_id, op);
        self.new_ops.insert(op_id);
        match &task.forced {
            Some(cause) => self.quarantine(op_id, cause.clone())?,
            None => {
                witness::takes(op_id);
                self.settle(op_id)?;
            }
        }
        self.erase_listed_op(op_id)?;
        self.ops.get(&op_id).map(|r| entry_of(r, false)).ok_or_else(gone)
    }

    /// Decides one op; gives the cases that it opened.
    pub(super) fn decide(&mut self, op_id: OpId) -> Result<Vec<CaseId>> {
        let record = self.ops.get(&op_id).ok_or_else(gone)?.clone();
        let op = match self.sealed.get(&op_id) {
            Some(op) => op.clone(),
            None => {
                let read = SealedOp::read(record.body.clone());
                Arc::new(read.map_err(|p| StoreError::Decode(p.to_string()))?)
            }
        };
        if !op.env.depends_on.is_empty() {
            self.need_ops(&op.env.depends_on.iter().copied().collect())?;
        }
        let known = |id: OpId| match self.ops.get(&id) {
            Some(r) if r.verdict.is_final() => Known::Final,
            Some(_) => Known::Waiting,
            None => Known::Absent,
        };
        let mut missing = missing_predecessors(&op.env.depends_on, known);
        if !missing.is_empty() && self.any_erased {
            let all = std::mem::take(&mut missing);
            for id in all {
                // What is erased and not here was decided in a past that is lost.
                if self.ops.contains_key(&id) || !self.is_erased_op(id)? {
                    missing.push(id);
                }
            }
        }
        if !missing.is_empty() && !mutant::is("predecessor_ignored") {
            let awaited: Vec<[u8; 16]> = missing.iter().map(|id| *id.as_bytes()).collect();
            self.hold(&record, Verdict::Held { missing }, &awaited)?;
            return Ok(vec![]);
        }
        self.need_cases(touched(&op))?;
        let Some(mut outcome) = self.ask_rules(&op, &record)? else {
            self.quarantine(op_id, Cause::Panic)?;
            return Ok(vec![]);
        };
        match &outcome.verdict {
            Verdict::Quarantined { cause, .. } => {
                let cause = cause.clone();
                self.quarantine(op_id, cause)?;
                Ok(vec![])
            }
            Verdict::Held { .. } => {
                let absent = touched(&op).into_iter().filter(|c| !self.world.cases.contains_key(c));
                let awaited: Vec<[u8; 16]> = absent.map(|c| *c.as_bytes()).collect();
                self.hold(&record, outcome.verdict, &awaited)?;
                Ok(vec![])
            }
            _ => {
                let opened = self.number_new_cases(&mut outcome)?;
                self.take(&record, outcome)?;
                Ok(opened)
            }
        }
    }

    /// Loads what only this op's rules ask for, then asks them. `None`: they panicked.
    fn ask_rules(&mut self, op: &SealedOp, record: &OpRecord) -> Result<Option<Outcome>> {
        let device = record.device_id;
        self.need_devices(&BTreeSet::from([device]))?;
        let (Some(person), Some(of_op)) = (record.author, self.device(device)) else {
            return Err(StoreError::Decode(format!("op {} has no author", record.op_id)));
        };
        // An administrator's edit is judged as its author's own phone would be.
        let enrolled_ms = self.edited.get(&record.op_id).copied().unwrap_or(of_op.enrolled_ms);
        let grants = self.grants_of(person)?;
        // Only these kinds ask for more; reading the payload of every op twice would cost as much as
        // deciding it.
        let asks = matches!(op.env.kind.as_str(), "look" | "photo" | "erase");
        match asks.then(|| op.command()) {
            Some(Ok(Command::Look(look))) => {
                let (cell, grid) = self.place_of(&look, record.time.at_ms);
                self.need_freshness(cell.into_iter().collect())?;
                if let Some(grid) = grid {
                    self.need_looks_near(person, grid, record.time.at_ms)?;
                }
            }
            Some(Ok(Command::Photo(photo))) => {
                // The case that has it already is looked at too: a photo is on one case.
                self.find_photo(photo.photo_id)?;
                // Bytes count only when the author brought them: a hash must not become a read right.
                self.world.arrived = self.bytes_of(photo.photo_id, person)?;
            }
            Some(Ok(Command::Erase(erase))) => {
                if let Some(letter) = erase.target.letter {
                    let listed = letters::load_cases_of(self.tx, &self.house.city, *letter.as_bytes())?;
                    self.world.letters.insert(letter, listed.into_iter().collect());
                }
            }
            _ => {}
        }
        let ctx = Ctx {
            now_ms: record.received_ms,
            places: &self.reference.places,
            catalogue: self.reference.catalogue.as_ref(),
            calendars: &self.reference.calendars,
            author: Author { person, device, enrolled_ms, grants: &grants },
            time: record.time.clone(),
        };
        Ok(bounded(|| apply(&self.world, op, &ctx)))
    }

    fn number_new_cases(&mut self, outcome: &mut Outcome) -> Result<Vec<CaseId>> {
        let mut opened = Vec::new();
        for file in &mut outcome.changed {
            if self.world.cases.contains_key(&file.id()) {
                continue;
            }
            opened.push(file.id());
            if file.case.short_no.is_none() {
                file.case.short_no = Some(self.next_short(&file.case)?);
            }
        }
        Ok(opened)
    }

    /// A final verdict: takes over its effects.
    fn take(&mut self, record: &OpRecord, outcome: Outcome) -> Result<()> {
        self.looks.extend(outcome.look.clone().map(|look| (record.op_id, look)));
        if policy(&record.kind).is_some_and(|p| p.class == Class::Power) {
            self.acts.push(audit::Act {
                at_ms: record.received_ms,
                actor: record.author.map(|a| a.to_string()).unwrap_or_default(),
                action: record.kind.clone(),
                object: record.case_id.map(|c| format!("case:{c}")).unwrap_or_default(),
                result: outcome.verdict.word().to_owned(),
                detail: format!("op:{}", record.op_id),
            });
        }
        let (n, op) = (record.n, record.op_id);
        self.landed.extend(outcome.cases.iter().map(|c| ops::Landed { case: *c, n, op }));
        self.unhold(record)?;
        self.rule(record.op_id, outcome.verdict.clone(), outcome.cases.clone());
        let before = record.case_id.filter(|_| record.kind == "confirm_erase");
        let before = before.and_then(|id| self.world.cases.get(&id)).cloned();
        self.note_duty(record, &outcome)?;
        self.absorb(outcome);
        self.after_decision(record, before.as_deref())
    }

    fn hold(&mut self, record: &OpRecord, verdict: Verdict, awaited: &[[u8; 16]]) -> Result<()> {
        self.unhold(record)?;
        self.begin_waiting(record.op_id, awaited, record.received_ms)?;
        self.rule(record.op_id, verdict, vec![]);
        Ok(())
    }

    pub(super) fn unhold(&mut self, record: &OpRecord) -> Result<()> {
        self.end_waiting(record.op_id)
    }

    pub(super) fn rule(&mut self, op_id: OpId, verdict: Verdict, landed: Vec<CaseId>) {
        let Some(record) = self.ops.get_mut(&op_id) else { return };
        if !self.new_ops.contains(&op_id) && (record.verdict != verdict || record.landed != landed) {
            self.changed_ops.insert(op_id);
        }
        record.verdict = verdict;
        record.landed = landed;
    }
}

/// Whether the arrival of what it waits for decides an op by itself.
pub(super) fn waits(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Held { .. } | Verdict::Quarantined { cause: Cause::MissingPredecessor, .. })
}

fn gone() -> StoreError {
    StoreError::Decode("an op of this group is not at hand".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_rules_is_an_answer() {
        assert_eq!(bounded(|| 1), Some(1));
        assert_eq!(bounded(|| -> i32 { std::panic::panic_any(()) }), None);
    }
}
