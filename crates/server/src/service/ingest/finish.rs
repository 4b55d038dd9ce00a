//! The end of a group: everything it changed, written set by set, feeds last (protocol 8).

use super::Committed;
use super::group::Group;
use crate::service::notices;
use blindspot_core::DeviceId;
use blindspot_core::feed::Feed;
use blindspot_core::mutant;
use blindspot_core::row::{RowImage, RowKey, RowKind, changes_between};
use blindspot_core::verdict::VerdictRow;
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::world::Freshness;
use blindspot_store::feed::RowWrite;
use blindspot_store::ops::OpRecord;
use blindspot_store::{
    Result, after_restore, audit, cases, counters, devices, erased, feed, ledger, looks, ops, quarantine,
};
use std::collections::{BTreeMap, BTreeSet};

type Writes = BTreeMap<RowKey, RowWrite>;

impl Group<'_, '_> {
    /// Writes what the group decided.
    pub(super) fn finish(mut self, mut entries: Vec<Option<VerdictEntry>>) -> Result<Committed> {
        self.refresh(&mut entries);
        let (tx, city) = (self.tx, &self.house.city);
        ops::append_ops(tx, city, self.new_ops.iter().filter_map(|id| self.ops.get(id)).map(|r| &**r))?;
        ops::save_verdicts(
            tx,
            city,
            self.changed_ops.iter().filter_map(|id| self.ops.get(id)).map(|r| &**r),
        )?;
        ops::append_op_cases(tx, city, &self.landed, |op| self.never_was(self.new_ops.contains(&op)))?;
        // What can be made without an answer of the database is made while it takes in what it was given.
        let mut writes = Writes::new();
        let index = self.case_rows(&mut writes)?;
        cases::save_cases(tx, city, &index)?;
        self.freshness_rows(&mut writes)?;
        self.verdict_rows(&mut writes)?;
        self.precedent_rows(&mut writes)?;
        let prepared = feed::prepare(tx, city, self.epoch, &writes)?;
        cases::save_words(tx, city, &index)?;
        drop(index);
        self.tell_of_changes()?;
        if self.any_quarantined {
            let decided = self.touched_ops().filter(|r| r.verdict.is_final());
            quarantine::save_released(tx, city, decided.map(|r| (r.op_id, &r.hash, self.now_ms)))?;
        }
        self.note_misfits()?;
        ledger::append(tx, city, &self.ledger)?;
        if !mutant::is("counter_not_kept") {
            counters::save_counters(tx, city, &self.counters)?;
        }
        looks::append_looks(tx, city, &self.looks)?;
        audit::append_all(tx, city, &self.acts)?;
        ops::save_stored_seqs(tx, city, &self.stored_seqs)?;
        self.mark_copies()?;
        let received_through = self.received_through()?;
        let moved = feed::save_prepared(tx, &self.house.city, prepared)?;
        Ok(Committed {
            entries,
            moved,
            received_through,
            safe_through: self.safe_through,
            epoch: self.epoch,
            erased: self.erased_now,
            precedents: !self.precedents.is_empty(),
            ..Committed::default()
        })
    }

    /// Ops that came again and did not end as they had in the past that was lost (protocol 10).
    fn note_misfits(&self) -> Result<()> {
        for (op_id, former, said) in &self.former {
            let now = self.ops.get(op_id).map_or(said, |record| &record.verdict);
            if now != former {
                after_restore::append(self.tx, &self.house.city, *op_id, self.now_ms, former, now)?;
            }
        }
        Ok(())
    }

    fn mark_copies(&self) -> Result<()> {
        for device in self.cloned.iter().filter(|_| !mutant::is("copy_unnoticed")) {
            if devices::mark_cloned(self.tx, &self.house.city, *device)? {
                tracing::warn!(%device, "two ops under one number: a cloned phone");
            }
        }
        Ok(())
    }

    /// Whether what this group makes is known not to be there: then it is added, and not looked for. A group that was refused is
    /// run again with everything looked for.
    fn never_was(&self, new: bool) -> bool {
        new && self.sparing.is_none()
    }

    fn touched_ops(&self) -> impl Iterator<Item = &OpRecord> {
        self.new_ops.union(&self.changed_ops).filter_map(|id| self.ops.get(id)).map(|r| &**r)
    }

    /// An op that a later one of the same group released is answered with its newest verdict.
    fn refresh(&self, entries: &mut [Option<VerdictEntry>]) {
        for entry in entries.iter_mut().flatten() {
            if let Some(record) = entry.op_id.and_then(|id| self.ops.get(&id))
                && !entry.verdict.is_final()
                && matches!(entry.verdict, blindspot_core::verdict::Verdict::Held { .. })
            {
                entry.verdict = record.verdict.clone();
                entry.cases = record.landed.clone();
            }
        }
    }

    fn case_rows(&self, writes: &mut Writes) -> Result<Vec<cases::Entry<'_>>> {
        let mut index: Vec<cases::Entry<'_>> = Vec::new();
        for (id, before) in &self.before {
            let Some(file) = self.world.cases.get(id) else { continue };
            let fresh = self.never_was(before.is_none());
            let images = before.as_ref().map_or(Ok(vec![]), |f| f.images())?;
            for change in changes_between(images, file.images()?) {
                writes.insert(change.key.clone(), RowWrite { change, case_id: Some(*id), fresh });
            }
            let item = file.case.item(self.reference.catalogue.as_ref());
            index.push(cases::Entry { fresh, ..cases::Entry::between(before.as_deref(), file, item) });
        }
        Ok(index)
    }

    /// Notices that leave: decided by what the whole group did to a case.
    fn tell_of_changes(&self) -> Result<()> {
        let changed: Vec<notices::Changed<'_>> = self
            .before
            .iter()
            .filter_map(|(id, before)| {
                let after = &self.world.cases.get(id)?.case;
                Some(notices::Changed { before: before.as_ref().map(|file| &file.case), after })
            })
            .collect();
        notices::tell(self.tx, self.house, self.reference, &changed, self.now_ms)
    }

    fn freshness_rows(&self, writes: &mut Writes) -> Result<()> {
        for (cell, before) in &self.fresh_before {
            let before = before.as_ref().map(freshness_image).transpose()?;
            let after = self.world.freshness.get(cell).map(freshness_image).transpose()?;
            for change in changes_between(Vec::from_iter(before), Vec::from_iter(after)) {
                writes.insert(change.key.clone(), RowWrite { change, case_id: None, fresh: false });
            }
        }
        Ok(())
    }

    /// A ruling that like cases follow is read wherever reference data is: a unit sees it before it asks to return one.
    fn precedent_rows(&self, writes: &mut Writes) -> Result<()> {
        for precedent in &self.precedents {
            let image = RowImage {
                key: RowKey::new(RowKind::Precedent, precedent.op_id.to_string()),
                body: serde_json::to_string(precedent)?,
                feeds: BTreeSet::from([Feed::reference()]),
            };
            for change in changes_between(vec![], vec![image]) {
                writes.insert(change.key.clone(), RowWrite { change, case_id: None, fresh: false });
            }
        }
        Ok(())
    }

    /// A verdict is a row of its device's feed, written when decided and again at each change.
    fn verdict_rows(&self, writes: &mut Writes) -> Result<()> {
        let untold =
            |r: &&OpRecord| mutant::is("verdict_change_untold") && self.changed_ops.contains(&r.op_id);
        let of_ops = self.touched_ops().filter(|r| !untold(r)).map(|record| {
            let row = VerdictRow {
                op_id: record.op_id,
                device_seq: record.device_seq,
                verdict: record.verdict.clone(),
                cases: record.landed.clone(),
                erased: erased::mark_of(record),
            };
            (record.device_id, row, self.never_was(self.new_ops.contains(&record.op_id)))
        });
        let more = self.more_verdicts.iter().map(|(device, row)| (*device, row.clone(), false));
        for (device, row, fresh) in of_ops.chain(more) {
            let image = RowImage {
                key: RowKey::new(RowKind::Verdict, row.op_id.to_string()),
                body: serde_json::to_string(&row)?,
                feeds: BTreeSet::from([Feed::device(device)]),
            };
            for change in changes_between(vec![], vec![image]) {
                writes.insert(change.key.clone(), RowWrite { change, case_id: None, fresh });
            }
        }
        Ok(())
    }

    /// How far the numbers of each device are stored without a gap; for the receipts. What this group has stored is
    /// counted here; the database is asked once, whether a gap has closed to what was there before.
    fn received_through(&mut self) -> Result<BTreeMap<DeviceId, u64>> {
        let (tx, city) = (self.tx, &self.house.city);
        let stored =
            self.new_ops.iter().filter_map(|id| self.ops.get(id)).map(|r| (r.device_id, r.device_seq));
        let fresh: BTreeSet<(DeviceId, u64)> = stored.chain(self.stored_seqs.iter().copied()).collect();
        let mut out = BTreeMap::new();
        let mut beyond = BTreeSet::new();
        for (id, device) in &self.devices {
            let Some(device) = device else { continue };
            let mut through = device.received_through;
            while fresh.contains(&(*id, through.saturating_add(1))) {
                through += 1;
            }
            out.insert(*id, through);
            if fresh.range((*id, 0)..=(*id, u64::MAX)).next().is_some() {
                beyond.insert((*id, through.saturating_add(1)));
            }
        }
        for (id, n) in ops::load_stored_seqs(tx, city, &beyond)? {
            out.insert(id, ops::load_through(tx, city, id, n)?);
        }
        let rose = |id: &DeviceId, n: u64| self.device(*id).is_some_and(|d| d.received_through < n);
        let risen = out.iter().filter(|(id, n)| rose(id, **n)).map(|(id, n)| (*id, *n)).collect();
        devices::save_received_through(tx, city, &risen)?;
        Ok(out)
    }
}

/// Freshness travels in the feeds of its duty grid and town (protocol 8).
fn freshness_image(fresh: &Freshness) -> Result<RowImage> {
    let feeds = fresh.grid.iter().map(Feed::grid).chain(fresh.town.iter().map(Feed::town)).collect();
    let key = RowKey::new(RowKind::Freshness, fresh.cell.to_string());
    Ok(RowImage { key, body: serde_json::to_string(fresh)?, feeds })
}
