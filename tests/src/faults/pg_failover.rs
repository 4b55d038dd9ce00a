//! F14: the primary of three PostgreSQL servers is killed in mid-push; the follower that has most takes over, and the
//! server finds it by itself. With quorum replication every acknowledged op is on it. Where no follower is waited for,
//! and both lag, acknowledged ops are gone: phones tell the server so by what they hold, it opens a new epoch, and all of
//! it is offered again.

use super::child::Server;
use super::kill_server::all;
use super::phone::{Ended, FaultPhone};
use super::{Outcome, pg_ground};
use blindspot_pg_temp::{Cluster, ClusterOptions, NodeOptions};
use blindspot_port_temp::Port;
use blindspot_testkit::dice::Dice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PHONES: usize = 8;
const DATABASE: &str = "city";
/// So many ops come in before the primary dies, within this time.
const MORE_OPS: i64 = 10;
const LOAD_WITHIN: Duration = Duration::from_secs(60);
/// From the kill until the server takes writes again, milliseconds.
const AGAIN_MS_MAX: u128 = 20_000;

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    fail_over(outcome, count, true);
}

pub(super) fn run_lagging(outcome: &mut Outcome, count: u64) {
    let gone = fail_over(outcome, count, false);
    if gone == 0 {
        outcome
            .blame("no acknowledged op was ever missing: the followers did not lag, and nothing was tried");
    }
}

/// Gives how many acknowledged ops were missing right after the failovers.
fn fail_over(outcome: &mut Outcome, count: u64, quorum: bool) -> usize {
    let node = NodeOptions { fsync: false, ..NodeOptions::default() };
    let mut cluster = Cluster::start(&ClusterOptions { node, quorum }).expect("three servers");
    let mut gone = 0;
    cluster.primary().create_database(DATABASE).expect("a database");
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("数据 data");
    let codes = pg_ground::lay(&data, &cluster.url(DATABASE), PHONES);
    let listen = Port::take().expect("a port");
    let base = format!("http://{listen}");
    let mut dice = Dice::from_seed(outcome.seed, 1 << 16);
    let mut phones: Vec<FaultPhone> =
        (0..PHONES as u64).map(|n| FaultPhone::new(&base, outcome.seed * 100 + n)).collect();
    let mut server = Server::start_by(&mut pg_ground::on(&cluster.url(DATABASE)), &data, &listen);
    phones.iter_mut().zip(&codes).for_each(|(phone, code)| phone.enrol(code));
    for run in 0..count {
        let wait = Duration::from_micros(200_000 + dice.below(800_000));
        let dead = cluster.primary_index();
        push_until(&mut phones, || {
            if !quorum {
                cluster.hold_followers().expect("cut off");
            }
            wait_for_load(&cluster);
            std::thread::sleep(wait);
            cluster.kill_primary().expect("killed");
        });
        let killed = Instant::now();
        cluster.fail_over().expect("a follower takes over");
        outcome.runs += 1;
        let mut client = cluster.primary().client(DATABASE).expect("the new primary");
        let held = pg_ground::examine(&mut client);
        let missing = all(&phones, |p| &p.acknowledged).difference(&held.ops).count();
        gone += missing;
        if missing > 0 && quorum {
            outcome.lost += missing as u64;
            outcome.blame(format!("run {run}: {missing} acknowledged ops are not on the new primary"));
        }
        // The server is the same process: it finds the new primary by the addresses it was given.
        for (n, phone) in phones.iter_mut().enumerate() {
            if !phone.converge(2_000) {
                outcome.blame(format!(
                    "run {run}: phone {n} does not get through: {:?}",
                    phone.replica.unsent()
                ));
            }
        }
        let again = pg_ground::examine(&mut cluster.primary().client(DATABASE).expect("the new primary"));
        let missing = all(&phones, |p| &p.done).difference(&again.ops).count();
        if missing > 0 {
            outcome.blame(format!("run {run}: {missing} ops are not on the new primary when all is through"));
        }
        if killed.elapsed().as_millis() > AGAIN_MS_MAX {
            outcome
                .blame(format!("run {run}: it took {} ms until all went on", killed.elapsed().as_millis()));
        }
        outcome.restarted(u64::try_from(killed.elapsed().as_millis()).unwrap_or(u64::MAX));
        if run + 1 < count {
            // The dead one comes back with another port: the server is started with the new addresses.
            server.kill();
            cluster.rejoin(dead).expect("three again");
            server = Server::start_by(&mut pg_ground::on(&cluster.url(DATABASE)), &data, &listen);
        }
    }
    assert!(server.runs(), "the server stays up");
    let held = pg_ground::examine(&mut cluster.primary().client(DATABASE).expect("the primary"));
    settle(outcome, &phones, &held);
    gone
}

/// Until the phones' pushes are under way, however slow the machine is.
fn wait_for_load(cluster: &Cluster) {
    let mut client = cluster.primary().client(DATABASE).expect("the primary");
    let mut count = || client.query_one("SELECT count(*) FROM ops", &[]).expect("a count").get::<_, i64>(0);
    let (from, began) = (count(), Instant::now());
    while count() < from + MORE_OPS {
        assert!(began.elapsed() < LOAD_WITHIN, "the phones push");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What must hold in the end.
pub(super) fn settle(outcome: &mut Outcome, phones: &[FaultPhone], held: &pg_ground::Held) {
    outcome.acknowledged = all(phones, |p| &p.acknowledged).len() as u64;
    outcome.lost += all(phones, |p| &p.done).difference(&held.ops).count() as u64;
    for (applied, rows) in held.applied.iter().zip(held.rows) {
        outcome.duplicated += u64::try_from(rows - applied).unwrap_or(0);
        if rows < *applied {
            outcome.blame(format!("{applied} ops applied, {rows} rows of them"));
        }
    }
    if held.odd_seqs > 0 {
        outcome.blame(format!("{} items stand beyond their feed's head", held.odd_seqs));
    }
}

/// All phones work and push until what happens meanwhile is over, and a moment longer.
pub(super) fn push_until(phones: &mut [FaultPhone], meanwhile: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|s| {
        for phone in phones {
            let over = &over;
            s.spawn(move || {
                phone.agent = super::phone::agent(Duration::from_secs(3));
                let now = phone.now();
                phone.replica.set_online(false, &now);
                phone.replica.set_online(true, &now);
                let mut n = 0;
                while !over.load(Ordering::SeqCst) {
                    n += 1;
                    match phone.step() {
                        Ended::Answered(_) => {}
                        Ended::Cut => phone.ahead_ms += 1_000,
                        Ended::Idle if n % 3 == 0 => phone.ahead_ms += 1_000,
                        Ended::Idle => _ = phone.work(n),
                    }
                }
                phone.agent = super::phone::agent(Duration::from_secs(20));
            });
        }
        meanwhile();
        over.store(true, Ordering::SeqCst);
    });
}
