//! Oracles of work that stands still (P4, P6): what a phone keeps, what waits on the server, and for what.

use crate::mishap::POISON;
use crate::oracle::{all_done, load_ops};
use crate::sim::Sim;
use blindspot_core::OpId;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_store::ops::OpRecord;
use blindspot_store::quarantine;
use std::collections::BTreeMap;

/// Why an op lies in quarantine under no id of its own.
pub(crate) fn apart(sim: &Sim, op: OpId) -> Option<Cause> {
    let house = sim.server.house();
    let kept = house.store.read(|tx| quarantine::load_quarantine(tx, &house.city, None, None, 10_000));
    let mut kept = kept.expect("quarantine is read").into_iter();
    kept.find(|k| k.op_id == op && k.released_ms.is_none()).map(|k| k.cause)
}

/// Whether every phone got rid of what it holds.
pub(crate) fn rests(sim: &mut Sim) -> bool {
    sim.phones.iter_mut().all(|p| p.app().unsent().expect("unsent is counted").is_empty())
}

/// P6: all is decided but what the engine refuses, what a person must look at first, and what builds on such.
pub(crate) fn check_standing(sim: &mut Sim) -> Vec<String> {
    let mut wrong = vec![];
    let done = all_done(sim);
    let here = load_ops(sim, &done);
    check_waiting(sim, &here, &mut wrong);
    for record in here.values() {
        if let Verdict::Quarantined { cause: Cause::Engine, .. } = &record.verdict
            && !record.body.contains(POISON)
        {
            wrong.push(format!("P6: op {} is refused with another", record.op_id));
        }
    }
    wrong
}

/// P4, P6: in a good network every phone gets rid of what it holds.
pub(crate) fn check_rest(sim: &mut Sim, wrong: &mut Vec<String>) {
    let now = sim.now_ms;
    for (n, phone) in sim.phones.iter_mut().enumerate() {
        let unsent = phone.app().unsent().expect("unsent is counted");
        if !unsent.is_empty() {
            let wakes = phone.wakes_at().map(|at| at - now);
            let events: Vec<_> = std::iter::from_fn(|| phone.app().poll_event()).collect();
            let last = &events[events.len().saturating_sub(4)..];
            wrong.push(format!(
                "P4: phone {n} did not come to rest: {unsent:?}, wakes in {wakes:?} ms, last {last:?}"
            ));
        }
    }
}

/// P6: an op waits only for what it names, and all of that is here now.
pub(crate) fn check_waiting(sim: &Sim, here: &BTreeMap<OpId, OpRecord>, wrong: &mut Vec<String>) {
    for record in here.values().filter(|r| matches!(r.verdict, Verdict::Held { .. })) {
        let op = SealedOp::read(record.body.clone()).expect("stored ops are ops");
        let open =
            |id: &OpId| here.get(id).map_or_else(|| apart(sim, *id).is_some(), |r| !r.verdict.is_final());
        if !op.env.depends_on.iter().any(open) {
            wrong.push(format!("P6: op {} waits for nothing: {:?}", record.op_id, record.verdict));
        }
    }
}
