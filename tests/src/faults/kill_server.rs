//! F4: kill -9 of the real server in mid-push, many phones, a real disk, at moments drawn from the seed.

use super::child::Server;
use super::phone::{Ended, FaultPhone};
use super::{Outcome, ground};
use blindspot_core::OpId;
use blindspot_port_temp::Port;
use blindspot_testkit::dice::Dice;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::time::Duration;

const PHONES: usize = 8;
/// A start after a kill takes no longer than this, milliseconds.
const RESTART_MS_MAX: u64 = 3_000;

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    // Spaces and Chinese in the path, as on a clerk's desktop.
    let data = dir.path().join("数据 data");
    let codes = ground::lay(&data, PHONES);
    let listen = Port::take().expect("a port");
    let base = format!("http://{listen}");
    let mut dice = Dice::from_seed(outcome.seed, 1 << 16);
    let mut server = Server::start(&data, &listen);
    let mut phones: Vec<FaultPhone> =
        (0..PHONES as u64).map(|n| FaultPhone::new(&base, outcome.seed * 100 + n)).collect();
    phones.iter_mut().zip(&codes).for_each(|(phone, code)| phone.enrol(code));
    let (mut starts, mut before) = (vec![], BTreeSet::new());
    for run in 0..count {
        let wait = Duration::from_micros(5_000 + dice.below(40_000));
        let reports = 1 + dice.below(6);
        strike(&mut phones, &mut server, wait, reports);
        outcome.runs += 1;
        before = check(outcome, &data, &phones, &before, &format!("run {run}, killed after {wait:?}"));
        server = Server::start(&data, &listen);
        starts.push(server.ready_ms);
        outcome.restarted(server.ready_ms);
    }
    starts.sort_unstable();
    // Half of them, not the slowest: a busy machine may stop any single one for a while.
    if starts.get(starts.len() / 2).is_some_and(|ms| *ms > RESTART_MS_MAX) {
        outcome.blame(format!("half the starts took longer than {RESTART_MS_MAX} ms: {starts:?}"));
    }
    heal(outcome, &mut phones);
    server.kill();
    let held = ground::examine(&data);
    let done = all(&phones, |p| &p.done);
    outcome.acknowledged = all(&phones, |p| &p.acknowledged).len() as u64;
    outcome.lost += done.difference(&held.ops).count() as u64;
    for (applied, rows) in held.applied.iter().zip(held.rows) {
        outcome.duplicated += rows.saturating_sub(*applied);
        if rows < *applied {
            outcome.blame(format!("{applied} ops applied, {rows} rows of them"));
        }
    }
}

pub(super) fn all(phones: &[FaultPhone], of: impl Fn(&FaultPhone) -> &BTreeSet<OpId>) -> BTreeSet<OpId> {
    phones.iter().flat_map(|p| of(p).iter().copied()).collect()
}

/// All phones push, one push after the other; the server dies in the middle of it.
fn strike(phones: &mut [FaultPhone], server: &mut Server, wait: Duration, reports: u64) {
    let start = Barrier::new(phones.len() + 1);
    std::thread::scope(|s| {
        for phone in phones {
            let start = &start;
            s.spawn(move || {
                let now = phone.now();
                phone.replica.set_online(false, &now);
                phone.replica.set_online(true, &now);
                start.wait();
                // Bounded, in case a phone waits for a better moment when the server is long gone.
                for _ in 0..2_000 {
                    match phone.step() {
                        Ended::Cut => return,
                        Ended::Answered(_) => {}
                        Ended::Idle => (0..reports).for_each(|n| _ = phone.work(n)),
                    }
                }
            });
        }
        start.wait();
        std::thread::sleep(wait);
        server.kill();
    });
}

/// What must hold the moment after a kill, before anything is sent again; gives the ops that are there now.
fn check(
    outcome: &mut Outcome,
    data: &std::path::Path,
    phones: &[FaultPhone],
    before: &BTreeSet<OpId>,
    when: &str,
) -> BTreeSet<OpId> {
    let held = ground::examine(data);
    if held.integrity != "ok" {
        outcome.blame(format!("{when}: integrity_check says {}", held.integrity));
    }
    let missing = all(phones, |p| &p.acknowledged).difference(&held.ops).count();
    if missing > 0 {
        outcome.lost += missing as u64;
        outcome.blame(format!("{when}: {missing} acknowledged ops are not there"));
    }
    for phone in phones {
        // What an earlier push brought whose answer was lost is no part of this one.
        let fresh: Vec<&OpId> = phone.last_push.iter().filter(|op| !before.contains(op)).collect();
        let there = fresh.iter().filter(|op| held.ops.contains(op)).count();
        if there != 0 && there != fresh.len() {
            outcome.blame(format!("{when}: {there} of {} ops of one push are there", fresh.len()));
        }
    }
    held.ops
}

fn heal(outcome: &mut Outcome, phones: &mut [FaultPhone]) {
    for (n, phone) in phones.iter_mut().enumerate() {
        if !phone.converge(2_000) {
            let unsent = phone.replica.unsent().expect("counts");
            outcome.blame(format!("phone {n} does not get through: {unsent:?}"));
        }
    }
}
