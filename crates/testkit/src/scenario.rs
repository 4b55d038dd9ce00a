//! Scenarios: what people do while the network does its worst, and the calm after it.

use crate::acts::act;
use crate::dice::Dice;
use crate::oracle;
use crate::phone::{PhoneRandom, SimPhone};
use crate::server::{SimServer, Snapshot};
use crate::sim::{Faults, Sim};
use blindspot_core::access::Role;
use blindspot_core::{CaseId, DeviceId, OpId};
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
}

/// Spring of 2026, a working morning.
const START_MS: i64 = 1_775_000_000_000;
const PHONES: usize = 5;
const ACTS: usize = 20;
/// After healing everything must come to rest in this virtual time.
const REST_MS: i64 = 30 * 60_000;
const LENGTH: usize = 64 * 1024;
pub(crate) const UNITS: &[&str] = &["sanitation", "market", "water"];

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) desks: [Credential; 2],
    pub(crate) desk_ops: Vec<OpId>,
    pub(crate) cases: Vec<CaseId>,
    pub(crate) voids: BTreeMap<CaseId, OpId>,
    pub(crate) scenario: Scenario,
    /// Which unit each phone's person works for now.
    pub(crate) unit_grants: BTreeMap<usize, uuid::Uuid>,
    /// The old folder, with how many desk ops it holds.
    pub(crate) snapshot: Option<(Snapshot, usize)>,
    pub(crate) set_back: usize,
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

    fn phones(self) -> usize {
        if self == Scenario::F2 { 20 } else { PHONES }
    }

    fn rest_ms(self) -> i64 {
        if self == Scenario::F3 { 10 * 60_000 } else { REST_MS }
    }

    fn length(self) -> usize {
        if self == Scenario::F2 { 4 * LENGTH } else { LENGTH }
    }
}

/// Runs a scenario of a seed.
#[must_use]
pub fn run(scenario: Scenario, seed: u64, trace: bool) -> Report {
    play(scenario, seed, Dice::from_seed(seed, scenario.length()), trace)
}

/// Runs a scenario from kept bytes.
#[must_use]
pub fn replay(scenario: Scenario, seed: u64, bytes: Vec<u8>) -> Report {
    play(scenario, seed, Dice::from_bytes(bytes), false)
}

fn play(scenario: Scenario, seed: u64, dice: Dice, trace: bool) -> Report {
    let folder = crate::folder();
    let mut world = set_up(scenario, seed, dice, folder.path());
    world.sim.trace = trace;
    world.sim.faults = Faults::bad(&mut world.sim.dice);
    let acts = ACTS * scenario.phones();
    for n in 0..acts {
        let pause = 1 + i64::try_from(world.sim.dice.below(60_000)).unwrap_or(0);
        world.sim.run_until(world.sim.now_ms + pause);
        act(&mut world);
        hard_times(&mut world, n, acts);
    }
    world.sim.faults = Faults::none();
    let healed = world.sim.now_ms;
    for phone in 0..world.sim.phones.len() {
        world.sim.phones[phone].cut_off = false;
        let now = world.sim.phones[phone].now(healed);
        world.sim.phones[phone].app().set_online(true, &now);
        world.sim.wake(phone);
    }
    let mut wrong = vec!["never ran".to_owned()];
    while !wrong.is_empty() && world.sim.now_ms < healed + scenario.rest_ms() {
        world.sim.run_until(world.sim.now_ms + 2 * 60_000);
        wrong = oracle::check(&mut world.sim, &world.desk_ops);
    }
    let ops = world.sim.phones.iter().map(|p| p.done.len()).sum();
    let healed_in_ms = world.sim.now_ms - healed;
    Report {
        seed,
        wrong,
        ops,
        answered: world.sim.answered,
        healed_in_ms,
        bytes: world.sim.dice.used().to_vec(),
    }
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
                let years = i64::try_from(sim.dice.below(61)).unwrap_or(0) - 10;
                sim.phones[phone].skew_ms = years * 365 * 86_400_000;
                sim.wake(phone);
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

fn set_up(scenario: Scenario, seed: u64, dice: Dice, folder: &std::path::Path) -> World {
    let mut sim = Sim::new(seed, dice, START_MS);
    if scenario == Scenario::Restore {
        sim.server = SimServer::on_file(seed, START_MS);
    }
    let desk_roles = [(Role::FilingDesk, "city"), (Role::Supervisor, "city"), (Role::Dispatcher, "city")];
    let desks = [1, 2].map(|n| {
        let person = sim.server.person(&format!("desk{n}"), &desk_roles, START_MS);
        let code = sim.server.code(person, START_MS);
        // A desk acts through a virtual device of its session; an enrolment of its own stands for it here.
        let device = enrol_desk(&mut sim, folder, n + 100, person, &code);
        Credential { person, device, desk: true }
    });
    let mut unit_grants = BTreeMap::new();
    for n in 0..scenario.phones() {
        let login = format!("worker{n}");
        let person = sim.server.person(&login, &[(Role::Collector, "city")], START_MS);
        if n == 0 || scenario == Scenario::F2 {
            let area = format!("dept:{}", UNITS[n % UNITS.len()]);
            unit_grants.insert(n, sim.server.grant(person, Role::UnitClerk, &area, START_MS));
        }
        let skew = match sim.dice.below(4) {
            0 => 3 * 365 * 86_400_000,
            1 => -50 * 365 * 86_400_000,
            _ => i64::try_from(sim.dice.below(600_000)).unwrap_or(0) - 300_000,
        };
        let phone = SimPhone::new(folder, n, person, skew, START_MS);
        sim.phones.push(phone);
        enrol(&mut sim, n);
    }
    let (desk_ops, cases, voids) = (vec![], vec![], BTreeMap::new());
    World { sim, desks, desk_ops, cases, voids, scenario, unit_grants, snapshot: None, set_back: 0 }
}

fn enrol(sim: &mut Sim, n: usize) {
    let person = sim.phones[n].person;
    let code = sim.server.code(person, sim.now_ms);
    let now = sim.phones[n].now(sim.now_ms);
    let phone = &mut sim.phones[n];
    let dice = &mut sim.dice;
    let request = phone
        .app()
        .enrol_request("http://sim", &code, None, "sim", &now, &mut PhoneRandom(dice))
        .expect("a request");
    let response = sim.server.handle(&request, sim.now_ms);
    sim.phones[n].app().handle_enrol_response(&response, &now).expect("enrolled");
    sim.wake(n);
}

fn enrol_desk(
    sim: &mut Sim,
    folder: &std::path::Path,
    n: usize,
    person: blindspot_core::PersonId,
    code: &str,
) -> DeviceId {
    let mut phone = SimPhone::new(folder, n, person, 0, sim.now_ms);
    let now = phone.now(sim.now_ms);
    let request = phone
        .app()
        .enrol_request("http://sim", code, None, "desk", &now, &mut PhoneRandom(&mut sim.dice))
        .expect("a request");
    let response = sim.server.handle(&request, sim.now_ms);
    phone.app().handle_enrol_response(&response, &now).expect("enrolled");
    phone.app().identity().expect("identity").expect("enrolled").device_id
}
