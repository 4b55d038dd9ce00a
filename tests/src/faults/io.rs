//! F8 and F6: every call to the system of a push and of a pull fails in turn, or is the last before the power goes.
//!
//! Service and store are the real ones on a file behind the faulty VFS; the order of calls is the same each time.

use super::Outcome;
use super::io_ground::{Reply, Template};
use blindspot_core::OpId;
use blindspot_faulty_vfs::{Fate, Fault, Plan};
use std::collections::BTreeSet;
use std::path::Path;

/// What is done while calls fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Start,
    Push,
    Pull,
}

const ACTS: [Act; 3] = [Act::Start, Act::Push, Act::Pull];

/// `count` is the most positions of each act; CI and the long run do all of them.
pub(super) fn errors(outcome: &mut Outcome, count: u64) {
    let (template, plan) = (Template::lay(), Plan::take());
    for act in ACTS {
        for at in 1..=count {
            if !one_error(outcome, &template, &plan, act, at) {
                break;
            }
            outcome.runs += 1;
        }
    }
}

/// One call fails. `false` when the act has fewer calls.
fn one_error(outcome: &mut Outcome, template: &Template, plan: &Plan, act: Act, at: u64) -> bool {
    let (dir, when) = (template.copy(), format!("{act:?}, call {at}"));
    if act == Act::Start {
        plan.arm(Fault::Error, at);
        let started = template.start(dir.path(), true);
        let struck = plan.disarm();
        drop(started);
        if let Err(why) = template.start(dir.path(), true) {
            outcome.blame(format!("{when}: the next start fails: {why}"));
        }
        return struck;
    }
    let house = template.start(dir.path(), true).expect("it starts");
    plan.arm(Fault::Error, at);
    let reply = if act == Act::Push { template.push(&house) } else { template.pull(&house) };
    let struck = plan.disarm();
    match &reply {
        Reply::Push(verdicts) if verdicts.len() != template.carried => {
            outcome.blame(format!("{when}: {} verdicts", verdicts.len()));
        }
        Reply::Pull(rows) if *rows != template.rows => {
            outcome.blame(format!("{when}: {rows} rows of {} and no word of it", template.rows));
        }
        Reply::Refused(code) if !["internal", "no_space", "busy"].contains(&code.as_str()) => {
            outcome.blame(format!("{when}: refused as {code}: not the server's own fault"));
        }
        _ => {}
    }
    template.checkpoint(dir.path());
    if matches!(reply, Reply::Push(_)) {
        // Told by the server that goes on, and below by the file.
        outcome.acknowledged += template.ops.len() as u64;
    }
    // It goes on without a start, and the same again is answered.
    let again = if act == Act::Push { template.push(&house) } else { template.pull(&house) };
    if matches!(again, Reply::Refused(_)) {
        outcome.blame(format!("{when}: afterwards still {again:?}"));
    }
    drop(house);
    if act == Act::Push {
        judge(outcome, template, dir.path(), &when, true);
    }
    struck
}

/// `count` is the most positions of each act and fate.
pub(super) fn power(outcome: &mut Outcome, count: u64) {
    cuts(outcome, count, false);
}

/// The same on a disk that says it has synced and has not: here something must be found.
pub(super) fn power_on_a_disk_that_lies(outcome: &mut Outcome, count: u64) {
    cuts(outcome, count, true);
}

fn cuts(outcome: &mut Outcome, count: u64, lies: bool) {
    let (template, plan) = (Template::lay(), Plan::take());
    let new = template.after_push();
    for act in ACTS {
        for at in 1..=count {
            let mut struck = false;
            for fate in [Fate::Lost, Fate::Kept, Fate::Mixed(outcome.seed * 1_000 + at), Fate::Mixed(at)] {
                if lies {
                    plan.lie();
                }
                struck |= one_cut(outcome, (&template, &new), &plan, (act, fate), at);
            }
            if !struck {
                break;
            }
        }
    }
}

/// The power goes at one call, those of a checkpoint afterwards included.
fn one_cut(
    outcome: &mut Outcome,
    (template, new): (&Template, &str),
    plan: &Plan,
    (act, fate): (Act, Fate),
    at: u64,
) -> bool {
    let (dir, when) = (template.copy(), format!("{act:?}, power cut at call {at}, {fate:?}"));
    let mut reply = Reply::Refused("not reached".to_owned());
    if act == Act::Start {
        plan.arm(Fault::Power, at);
        drop(template.start(dir.path(), true));
    } else {
        let house = template.start(dir.path(), true).expect("it starts");
        plan.arm(Fault::Power, at);
        reply = if act == Act::Push { template.push(&house) } else { template.pull(&house) };
        template.checkpoint(dir.path());
        drop(house);
    }
    let struck = plan.disarm();
    plan.come_back(fate).expect("the machine is on again");
    if !struck {
        return false;
    }
    outcome.runs += 1;
    let acknowledged = matches!(reply, Reply::Push(_));
    if acknowledged {
        outcome.acknowledged += template.ops.len() as u64;
    }
    let state = judge(outcome, template, dir.path(), &when, acknowledged);
    if state != template.old && state != new {
        outcome.blame(format!("{when}: neither the old state nor the new one"));
    }
    match template.start(dir.path(), false) {
        Err(why) => outcome.blame(format!("{when}: does not start again: {why}")),
        Ok(house) => {
            if !matches!(template.push(&house), Reply::Push(_)) {
                outcome.blame(format!("{when}: takes no push afterwards"));
            }
            drop(house);
            judge(outcome, template, dir.path(), &when, true);
        }
    }
    true
}

/// Reads the file beside the product: sound, and with what was acknowledged. Gives its state.
fn judge(outcome: &mut Outcome, template: &Template, data: &Path, when: &str, acknowledged: bool) -> String {
    let held = super::ground::examine(data);
    if held.integrity != "ok" {
        outcome.blame(format!("{when}: integrity_check says {}", held.integrity));
    }
    let there: BTreeSet<OpId> = template.ops.intersection(&held.ops).copied().collect();
    if acknowledged && there.len() < template.ops.len() {
        outcome.lost += (template.ops.len() - there.len()) as u64;
        outcome.blame(format!("{when}: {} of {} acknowledged ops", there.len(), template.ops.len()));
    }
    if !there.is_empty() && there.len() < template.ops.len() {
        outcome.blame(format!("{when}: half a push: {} of {}", there.len(), template.ops.len()));
    }
    for (applied, rows) in held.applied.iter().zip(held.rows) {
        outcome.duplicated += rows.saturating_sub(*applied);
    }
    super::io_ground::dump(data)
}
