//! In which order the server took ops to decide them: the reference model is fed the same.

use crate::sim::Sim;
use blindspot_core::op::SealedOp;
use blindspot_core::{OpId, witness};
use blindspot_store::ops::OpRecord;
use blindspot_store::{ops, quarantine};
use std::collections::{BTreeMap, BTreeSet};

/// The records of these ops, each where it was taken last: what was put aside counts from when it was decided after
/// all, and what was rolled back with its commit from when it came again. What was never taken stands at the end.
pub(crate) fn in_order(sim: &Sim, ids: &BTreeSet<OpId>) -> Vec<OpRecord> {
    let house = sim.server.house();
    let taken = witness::taken();
    let places: BTreeMap<OpId, usize> =
        taken.into_iter().enumerate().map(|(place, id)| (id, place)).collect();
    let place = |r: &OpRecord| (places.get(&r.op_id).copied().unwrap_or(usize::MAX), r.n);
    let records = house.store.read(|tx| ops::load_ops(tx, &house.city, ids)).expect("ops are read");
    let mut records: Vec<OpRecord> = records.into_values().collect();
    records.sort_by_key(place);
    if sim.trace {
        records.iter().for_each(|record| tell(sim, place(record).0, record));
    }
    records
}

fn tell(sim: &Sim, place: usize, r: &OpRecord) {
    let house = sim.server.house();
    let aside = house.store.read(|tx| quarantine::load_quarantined(tx, &house.city, r.op_id, &r.hash));
    let aside = aside.expect("quarantine is read").map(|k| (k.cause, k.released_ms));
    let (received, case, kind, is, n) = (r.received_ms, r.case_id, &r.kind, r.verdict.word(), r.n);
    let after = SealedOp::read(r.body.clone()).map(|op| op.env.depends_on);
    eprintln!(
        "op {} {kind} on {case:?}: n {n}, received {received}, place {place}, {is}, put aside {aside:?}, after {after:?}",
        r.op_id
    );
}
