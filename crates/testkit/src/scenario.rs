//! Scenarios: what people do while the network does its worst, and the calm after it.

use crate::acts::{act, hard_network};
use crate::dice::Dice;
use crate::mishap;
use crate::oracle;
use crate::server::Snapshot;
use crate::setup::set_up;
use crate::sim::{Faults, Sim};
use crate::trouble;
use blindspot_core::access::Role;
use blindspot_core::{CaseId, DeviceId, OpId, witness};
use blindspot_server::service::Credential;
use std::collections::BTreeMap;

/// What a run gave.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Everything that is wrong; empty for a run that kept all promises.
    pub wrong: Vec<String>,
    /// Ops that people did.
    pub ops: usize,
    /// Requests that were answered.
    pub answered: u64,
    /// Virtual milliseconds from the healing to rest.
    pub healed_in_ms: i64,
    /// The decisions used, to keep.
    pub bytes: Vec<u8>,
    /// What the server held at the end, without what clocks have a part in; when it was asked for.
    pub outcome: Vec<String>,
}

/// The set of rules by which decisions are read; kept runs name theirs, so that they stay what they were. The second adds
/// `trouble`, the third `mishap`; a fourth, `life`, is played when it is asked for (`LIFE`).
pub const RULES: u8 = 3;

/// See `RULES`.
pub const LIFE: u8 = 4;

/// A run to play.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it asks for.
    pub scenario: Scenario,
    /// Names ids of the server.
    pub seed: u64,
    /// How decisions are read.
    pub rules: u8,
    /// Decisions.
    pub bytes: Vec<u8>,
    /// Tells every exchange.
    pub trace: bool,
    /// Every phone's clock is off by so much more, milliseconds; by the phone's number.
    pub shifts: Vec<i64>,
    /// Whether the outcome is wanted.
    pub outcome: bool,
}

/// Spring of 2026, a working morning.
pub(crate) const START_MS: i64 = 1_775_000_000_000;
pub(crate) const PHONES: usize = 5;
const ACTS: usize = 20;
/// After healing everything must come to rest in this virtual time.
const REST_MS: i64 = 30 * 60_000;
/// What has not decided itself by then, after the healing, an administrator looks at.
const DESK_MS: i64 = 6 * 60_000;
const LENGTH: usize = 64 * 1024;
pub(crate) const UNITS: &[&str] = &["sanitation", "market", "water"];

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) desks: [Credential; 2],
    pub(crate) desk_ops: Vec<OpId>,
    pub(crate) cases: Vec<CaseId>,
    pub(crate) voids: BTreeMap<CaseId, OpId>,
    pub(crate) scenario: Scenario,
    pub(crate) rules: u8,
    /// Where each phone's person works for now.
    pub(crate) area_grants: BTreeMap<usize, uuid::Uuid>,
    /// Devices that two phones have, with the two.
    pub(crate) copies: Vec<(DeviceId, usize, usize)>,
    /// Which unit each phone's person works for now.
    pub(crate) unit_grants: BTreeMap<usize, uuid::Uuid>,
    /// The old folder, with how many desk ops it holds.
    pub(crate) snapshot: Option<(Snapshot, usize)>,
    pub(crate) set_back: usize,
    /// See `Run::shifts`.
    pub(crate) shifts: Vec<i64>,
}

/// What a scenario asks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Five phones on a network that loses, doubles, reorders and lies; apps and server that crash; clocks years off.
    F1,
    /// Twenty phones over three units, handed from one to another in the middle.
    F2,
    /// F1, and at rest within ten minutes of the healing.
    F3,
    /// Some of the phones see nobody for ninety days.
    F19,
    /// Clocks jump by years while the app runs.
    F20,
    /// A phone's storage is copied to another one, and both go on.
    F21,
    /// The server is set back to an old copy of its folder, once or twice, and nobody tells it.
    Restore,
}

impl Scenario {
    /// All, with their words.
    pub const ALL: &[(&str, Scenario)] = &[
        ("f1", Scenario::F1),
        ("f2", Scenario::F2),
        ("f3", Scenario::F3),
        ("f19", Scenario::F19),
        ("f20", Scenario::F20),
        ("f21", Scenario::F21),
        ("restore", Scenario::Restore),
    ];

    /// By its word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(w, _)| *w == word).map(|(_, s)| *s)
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, s)| *s == self).map_or("", |(w, _)| *w)
    }

    pub(crate) fn phones(self) -> usize {
        if self == Scenario::F2 { 20 } else { PHONES }
    }

    fn rest_ms(self) -> i64 {
        if self == Scenario::F3 { 10 * 60_000 } else { REST_MS }
    }

    pub(crate) fn length(self) -> usize {
        if self == Scenario::F2 { 4 * LENGTH } else { LENGTH }
    }
}

/// The run of a seed.
#[must_use]
pub fn of_seed(scenario: Scenario, seed: u64) -> Run {
    let bytes = Dice::from_seed(seed, scenario.length()).into_bytes();
    Run { scenario, seed, rules: RULES, bytes, trace: false, shifts: vec![], outcome: false }
}

/// Plays the run of a seed. Every tenth is played again with all clocks shifted, and must end the same (P8).
#[must_use]
pub fn run(run: &Run) -> Report {
    if matches!(run.scenario, Scenario::F1 | Scenario::F20) && run.rules > 1 && run.seed.is_multiple_of(10) {
        return crate::shift::compare(run);
    }
    play(run)
}

/// Plays a run.
#[must_use]
pub fn play(run: &Run) -> Report {
    let folder = crate::folder();
    witness::listen();
    let mut world = set_up(run, folder.path());
    world.sim.trace = run.trace;
    world.sim.faults = hard_network(run.rules, &mut world.sim.dice);
    let acts = ACTS * run.scenario.phones();
    for n in 0..acts {
        // Decisions that have run out: a shortened run goes on to its end.
        if run.rules > 1 && world.sim.dice.is_spent() {
            break;
        }
        let pause = 1 + i64::try_from(world.sim.dice.below(60_000)).unwrap_or(0);
        world.sim.run_until(world.sim.now_ms + pause);
        if run.trace {
            let used = world.sim.dice.used().len();
            eprintln!("{} act {n}, {used} bytes of decisions used", world.sim.now_ms);
        }
        act(&mut world);
        hard_times(&mut world, n, acts);
    }
    let (wrong, healed_in_ms) = heal(&mut world);
    Report {
        seed: run.seed,
        wrong,
        ops: world.sim.phones.iter().map(|p| p.done.len()).sum(),
        answered: world.sim.answered,
        healed_in_ms,
        outcome: if run.outcome { crate::shift::outcome(&mut world) } else { vec![] },
        bytes: world.sim.dice.used().to_vec(),
    }
}

/// The network is as it should be, and nobody does anything any more but sign in when the app asks for it: gives
/// what is wrong when all has come to rest, or at the latest when it must have.
fn heal(world: &mut World) -> (Vec<String>, i64) {
    world.sim.faults = Faults::none();
    let healed = world.sim.now_ms;
    for phone in 0..world.sim.phones.len() {
        world.sim.phones[phone].cut_off = false;
        world.sim.phones[phone].fail_after(0);
        let now = world.sim.phones[phone].now(healed);
        world.sim.phones[phone].app().set_online(true, &now);
        world.sim.wake(phone);
    }
    let mut wrong = vec!["never ran".to_owned()];
    let mut broken = world.rules > 2;
    while !wrong.is_empty() && world.sim.now_ms < healed + world.scenario.rest_ms() {
        world.sim.run_until(world.sim.now_ms + 2 * 60_000);
        if let Some(n) = world.sim.lost_its_way() {
            return (vec![format!("P6: phone {n} sends without end")], world.sim.now_ms - healed);
        }
        if world.rules > 1 {
            if world.sim.now_ms > healed + DESK_MS {
                if broken && let Some(stands) = mishap::check_and_mend(world) {
                    if !stands.is_empty() {
                        return (stands, world.sim.now_ms - healed);
                    }
                    broken = false;
                }
                world.sim.server.ask_again(world.sim.now_ms);
                if world.rules > 2 {
                    mishap::vouch(&world.sim.server, world.sim.now_ms);
                }
            }
            world.sim.server.jobs(world.sim.now_ms);
            if let Some(n) = trouble::enrol_signed_out(&mut world.sim) {
                let why = format!("P4: phone {n} was told to enrol again, for no reason");
                return (vec![why], world.sim.now_ms - healed);
            }
        }
        wrong = oracle::check(world);
    }
    (wrong, world.sim.now_ms - healed)
}

/// What a scenario does to everybody besides the faults that all have.
fn hard_times(world: &mut World, n: usize, acts: usize) {
    let sim = &mut world.sim;
    match world.scenario {
        Scenario::F1 | Scenario::F3 => {}
        Scenario::F2 => {
            if n % 12 == 5 {
                reassign(world);
            }
        }
        Scenario::F19 => {
            if n == acts / 2 {
                // Nobody looks at a phone in all that time, and no message is that long under way.
                sim.now_ms += 90 * 86_400_000;
            }
        }
        Scenario::F20 => {
            if sim.dice.percent(20) {
                let phone = usize::try_from(sim.dice.below(PHONES as u64)).unwrap_or(0);
                let (span, back) = if world.rules > 2 { (121, 60) } else { (61, 10) };
                let years = i64::try_from(sim.dice.below(span)).unwrap_or(0) - back;
                let shift = world.shifts.get(sim.phones[phone].hardware).copied().unwrap_or(0);
                sim.phones[phone].set_skew(years * 365 * 86_400_000 + shift);
                sim.wake_hardware(phone);
            }
        }
        Scenario::F21 => {
            if n == acts / 4 || (n == acts / 2 && sim.dice.percent(40)) {
                trouble::copy(world);
            }
        }
        Scenario::Restore => {
            if world.snapshot.is_none() && sim.dice.percent(15) {
                world.snapshot = Some((sim.server.snapshot(sim.now_ms), world.desk_ops.len()));
            }
            if n > acts / 3 && world.set_back < 2 && sim.dice.percent(5) {
                set_back(world);
            }
            if n + 1 == acts && world.set_back == 0 {
                set_back(world);
            }
        }
    }
}

/// The folder of some time ago is copied back. What desks did since is gone with it; what phones did is not.
fn set_back(world: &mut World) {
    let Some((snapshot, desk_ops)) = &world.snapshot else { return };
    world.sim.server.roll_back(snapshot, world.sim.now_ms);
    world.desk_ops.truncate(*desk_ops);
    world.set_back += 1;
    for n in 0..world.sim.phones.len() {
        let device = world.sim.phones[n].device();
        let (through, stored) =
            (world.sim.phones[n].received_through(), world.sim.server.received_through(device));
        if through <= stored {
            // It holds nothing that proves the loss: its newer token looks like a stolen one.
            world.sim.phones[n].excused = true;
        }
    }
}

/// Somebody is handed to another unit: their rows leave, others come.
fn reassign(world: &mut World) {
    let sim = &mut world.sim;
    let n = usize::try_from(sim.dice.below(sim.phones.len() as u64)).unwrap_or(0);
    let unit = sim.dice.pick(UNITS).copied().unwrap_or(UNITS[0]);
    if let Some(grant) = world.unit_grants.remove(&n) {
        sim.server.end_grant(grant, sim.now_ms);
    }
    let person = sim.phones[n].person;
    let grant = sim.server.grant(person, Role::UnitClerk, &format!("dept:{unit}"), sim.now_ms);
    world.unit_grants.insert(n, grant);
}
