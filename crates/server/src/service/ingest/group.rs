//! The group under decision: everything loaded once for all its ops, and what they have changed so far.

use super::needs::AtHand;
use super::sparing::Sparing;
use super::task::{Source, Task};
use crate::service::epoch::{self, Receipt};
use crate::service::{House, Reference, case_files};
use blindspot_core::access::Grant;
use blindspot_core::apply::touched;
use blindspot_core::case::{Case, CaseFile};
use blindspot_core::division::CellCode;
use blindspot_core::duty::{OfCase, Precedent};
use blindspot_core::op::SealedOp;
use blindspot_core::projection::ledger::row_of;
use blindspot_core::verdict::{Verdict, VerdictRow};
use blindspot_core::world::{Freshness, LookFact, Outcome, World};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_store::devices::DeviceRecord;
use blindspot_store::ops::OpRecord;
use blindspot_store::{Result, Tx, audit, devices, ledger, ops, outset};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) struct Group<'a, 't> {
    pub(super) tx: &'a Tx<'t>,
    pub(super) house: &'a House,
    pub(super) epoch: i64,
    pub(super) reference: &'a Reference,
    pub(super) world: World,
    /// Cases as they were before the group first changed them.
    pub(super) before: BTreeMap<CaseId, Option<Box<CaseFile>>>,
    asked_cases: BTreeSet<CaseId>,
    pub(super) ops: BTreeMap<OpId, Box<OpRecord>>,
    pub(super) sealed: BTreeMap<OpId, Arc<SealedOp>>,
    asked_ops: BTreeSet<OpId>,
    pub(super) new_ops: BTreeSet<OpId>,
    pub(super) changed_ops: BTreeSet<OpId>,
    pub(super) last_n: i64,
    pub(super) devices: BTreeMap<DeviceId, Option<DeviceRecord>>,
    pub(super) grants: BTreeMap<PersonId, Arc<Vec<Grant>>>,
    pub(super) holders: BTreeMap<(DeviceId, u64), BTreeSet<OpId>>,
    pub(super) cloned: BTreeSet<DeviceId>,
    pub(super) stored_seqs: BTreeSet<(DeviceId, u64)>,
    pub(super) landed: BTreeSet<ops::Landed>,
    pub(super) fresh_before: BTreeMap<CellCode, Option<Freshness>>,
    pub(super) counters: BTreeMap<String, i64>,
    /// When the authors of edits were enrolled.
    pub(super) edited: BTreeMap<OpId, i64>,
    /// What people did that the audit log keeps.
    pub(super) acts: Vec<audit::Act>,
    /// Looks that this group took, each with its op.
    pub(super) looks: Vec<(OpId, LookFact)>,
    pub(super) at_hand: AtHand,
    /// Verdicts of bytes that stand under no op, for the phones that sent them.
    pub(super) more_verdicts: Vec<(DeviceId, VerdictRow)>,
    /// Server time of the latest task.
    pub(super) now_ms: i64,
    /// What a reply says of the newest backup.
    pub(super) safe_through: Option<i64>,
    /// Ops that are still to be noted before they are applied.
    pub(super) trying_left: i64,
    pub(super) any_waiting: bool,
    pub(super) any_quarantined: bool,
    /// Something was erased some time: what comes is compared with the list.
    pub(super) any_erased: bool,
    /// Something is erased by this very group: files go after the commit.
    pub(super) erased_now: bool,
    /// Ops that came again after a new epoch: what their phones say became of them before, and what was said now.
    pub(super) former: Vec<(OpId, Verdict, Verdict)>,
    /// What the responsibility ledger is to say.
    pub(super) ledger: Vec<ledger::Entry>,
    /// Rulings that like cases follow from now on.
    pub(super) precedents: Vec<Precedent>,
    /// Finds out which released ops the engine refuses.
    pub(super) sparing: Option<&'a Sparing>,
}

impl<'a, 't> Group<'a, 't> {
    /// A group that knows of nothing but its city: tasks, if it has any, are to be loaded.
    pub(super) fn begin(
        tx: &'a Tx<'t>,
        house: &'a House,
        reference: &'a Reference,
        now_ms: i64,
    ) -> Result<Self> {
        let outset = outset::load(tx, &house.city)?;
        Ok(Self {
            tx,
            house,
            epoch: outset.epoch,
            reference,
            world: World::default(),
            before: BTreeMap::new(),
            asked_cases: BTreeSet::new(),
            ops: BTreeMap::new(),
            sealed: BTreeMap::new(),
            asked_ops: BTreeSet::new(),
            new_ops: BTreeSet::new(),
            changed_ops: BTreeSet::new(),
            last_n: outset.last_n,
            devices: BTreeMap::new(),
            grants: BTreeMap::new(),
            holders: BTreeMap::new(),
            cloned: BTreeSet::new(),
            stored_seqs: BTreeSet::new(),
            landed: BTreeSet::new(),
            fresh_before: BTreeMap::new(),
            counters: BTreeMap::new(),
            edited: BTreeMap::new(),
            acts: Vec::new(),
            looks: Vec::new(),
            at_hand: AtHand::default(),
            more_verdicts: Vec::new(),
            now_ms,
            safe_through: outset.safe_through,
            trying_left: outset.trying_left,
            any_waiting: outset.any_waiting,
            any_quarantined: outset.any_quarantined,
            any_erased: outset.any_erased,
            erased_now: false,
            former: Vec::new(),
            ledger: Vec::new(),
            precedents: Vec::new(),
            sparing: None,
        })
    }

    /// Loads for all tasks at once what deciding them will ask for.
    pub(super) fn load(&mut self, tasks: &[Task]) -> Result<()> {
        let (mut ids, mut devices, mut cases) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut numbers, mut said) = (BTreeSet::new(), Vec::new());
        for task in tasks {
            match task {
                Task::Op(op) => {
                    devices.insert(op.credential.device);
                    match &op.source {
                        Source::Sealed(op) => {
                            ids.insert(op.env.op_id);
                            ids.extend(&op.env.depends_on);
                            devices.insert(op.env.device_id);
                            numbers.insert((op.env.device_id, op.env.device_seq));
                            said.push(op);
                        }
                        Source::Desk { case_id, op } => {
                            ids.insert(op.op_id);
                            cases.extend(*case_id);
                        }
                        Source::Broken { .. } => {}
                    }
                }
                Task::Frame { device, .. } => {
                    devices.insert(*device);
                }
                Task::Arrived { credential, .. } => {
                    devices.insert(credential.device);
                }
                Task::Mismatch { .. } => {}
            }
        }
        self.need_ops(&ids)?;
        self.need_devices(&devices)?;
        self.judge_past(tasks)?;
        self.holders = ops::load_holders(self.tx, &self.house.city, &numbers)?;
        // What came before is answered from what was decided then; whatever is decided again asks for its cases.
        let new = said.into_iter().filter(|op| !self.ops.contains_key(&op.env.op_id));
        cases.extend(new.flat_map(|op| touched(op)));
        self.need_cases(cases)?;
        self.foresee(tasks)
    }

    /// Makes sure that these ops are at hand if they are stored.
    pub(super) fn need_ops(&mut self, ids: &BTreeSet<OpId>) -> Result<()> {
        let ask: BTreeSet<OpId> = ids.difference(&self.asked_ops).copied().collect();
        if !ask.is_empty() {
            let found = ops::load_ops(self.tx, &self.house.city, &ask)?;
            self.ops.extend(found.into_iter().map(|(id, record)| (id, Box::new(record))));
            self.asked_ops.extend(ask);
        }
        Ok(())
    }

    pub(super) fn need_devices(&mut self, ids: &BTreeSet<DeviceId>) -> Result<()> {
        let ask: Vec<DeviceId> = ids.iter().filter(|d| !self.devices.contains_key(d)).copied().collect();
        if !ask.is_empty() {
            let found = devices::load_devices(self.tx, &self.house.city, &ask)?;
            self.devices.extend(ask.iter().map(|d| (*d, None)));
            self.devices.extend(found.into_iter().map(|d| (d.device_id, Some(d))));
        }
        Ok(())
    }

    /// Makes sure that these cases are at hand, with the roots they were merged into.
    pub(super) fn need_cases(&mut self, ids: impl IntoIterator<Item = CaseId>) -> Result<()> {
        let mut ask: BTreeSet<CaseId> = ids.into_iter().collect();
        loop {
            ask.retain(|id| !self.asked_cases.contains(id));
            if ask.is_empty() {
                return Ok(());
            }
            let files = case_files::load(self.tx, self.house, &ask)?;
            self.asked_cases.append(&mut ask);
            for (id, file) in files {
                ask.extend(file.case.merged_into);
                self.at_hand.note_photos(&file);
                self.world.cases.insert(id, Box::new(file));
            }
        }
    }

    pub(super) fn device(&self, id: DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(&id).and_then(Option::as_ref)
    }

    /// What an op adds to the responsibility ledger, before its case is taken over.
    pub(super) fn note_duty(&mut self, record: &OpRecord, outcome: &Outcome) -> Result<()> {
        for file in outcome.changed.iter().filter(|_| outcome.verdict == Verdict::Applied) {
            let before = self.world.cases.get(&file.id()).map(|was| &was.case);
            let against = || before.is_some_and(|was| self.ruled_here(was, record.received_ms));
            let (kind, at_ms) = (record.kind.as_str(), record.received_ms);
            if let Some(row) = row_of(record.op_id, kind, before, &file.case, at_ms, against) {
                let body = serde_json::to_string(&row)?;
                self.ledger.push(ledger::Entry { at_ms, case_id: file.id(), body });
            }
        }
        self.precedents.extend(outcome.precedent.clone());
        Ok(())
    }

    /// Whether a ruling on a like case named the very unit that has this one.
    fn ruled_here(&self, case: &Case, at_ms: i64) -> bool {
        let (places, catalogue) = (&self.reference.places, self.reference.catalogue.as_ref());
        let of_case = OfCase::read(case, places, catalogue, at_ms);
        let duty = self.house.duty();
        let asked = of_case.asked(at_ms);
        // Those of this very group are not in the matrix yet.
        let fresh = self.precedents.iter().filter(|ruling| ruling.fits(&asked));
        let mut rulings = duty.precedents(&asked).into_iter().chain(fresh);
        rulings.any(|ruling| Some(&ruling.to) == case.lead.as_ref() && ruling.case_id != case.case_id)
    }

    /// Takes over what an op changed, remembering how it was before the group.
    pub(super) fn absorb(&mut self, outcome: Outcome) {
        for file in &outcome.changed {
            self.remember(file.id());
            self.at_hand.note_photos(file);
        }
        self.world.absorb(outcome);
    }

    pub(super) fn remember(&mut self, case: CaseId) {
        let was = self.world.cases.get(&case);
        self.before.entry(case).or_insert_with(|| was.cloned());
    }

    /// What a push frame says besides its ops: numbers that will never come, and the clone wire.
    pub(super) fn frame(&mut self, device: DeviceId, next_seq: u64, receipt: Option<Receipt>, gone: &[u64]) {
        if self.device(device).is_none() {
            return;
        }
        // A phone that is about to give a number which it has itself heard to be stored is a copy or was
        // set back. Its own receipt says so, if it is of this epoch: what the server has by now would also
        // accuse a late copy of an honest frame.
        let heard = receipt.filter(|r| r.epoch == self.epoch);
        if next_seq > 0 && heard.is_some_and(|r| next_seq <= r.received_through) {
            self.cloned.insert(device);
        }
        self.stored_seqs.extend(gone.iter().map(|n| (device, *n)));
    }

    /// Whether a frame knows more than the database does: then a new epoch is opened in this very commit,
    /// before anything is answered.
    fn judge_past(&mut self, tasks: &[Task]) -> Result<()> {
        for task in tasks {
            let Task::Frame { device, receipt: Some(receipt), received_ms, .. } = task else { continue };
            let Some(through) = self.device(*device).map(|d| d.received_through) else { continue };
            if let Some(claimed) = epoch::lost_by_receipt(self.epoch, through, receipt) {
                self.epoch = epoch::open(self.tx, self.house, claimed, *received_ms)?;
            }
        }
        Ok(())
    }
}
