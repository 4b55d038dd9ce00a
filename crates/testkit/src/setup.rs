//! How a scenario begins: a city, people with grants, desks, and phones enrolled.

use crate::dice::Dice;
use crate::phone::{PhoneRandom, SimPhone};
use crate::scenario::{PHONES, Run, START_MS, Scenario, UNITS, World};
use crate::server::SimServer;
use crate::sim::Sim;
use crate::{mishap, town, trouble};
use blindspot_core::access::Role;
use blindspot_core::{DeviceId, PersonId};
use blindspot_server::service::Credential;
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn set_up(run: &Run, folder: &Path) -> World {
    let (scenario, rules) = (run.scenario, run.rules);
    let mut sim = Sim::new(run.seed, Dice::from_bytes(run.bytes.clone()), START_MS);
    sim.one_timer = rules > 2;
    if scenario == Scenario::Restore {
        sim.server = SimServer::on_file(run.seed, START_MS);
    }
    if rules > 1 {
        town::build(sim.server.house(), START_MS);
    }
    if rules > 2 {
        mishap::break_engine(&sim.server);
    }
    let mut desk_roles =
        vec![(Role::FilingDesk, "city"), (Role::Supervisor, "city"), (Role::Dispatcher, "city")];
    if rules > 3 {
        desk_roles.extend([(Role::DutyLeader, "city"), (Role::DeputyHead, "city")]);
    }
    let desks = [1, 2].map(|n| {
        let person = sim.server.person(&format!("desk{n}"), &desk_roles, START_MS);
        let code = sim.server.code(person, START_MS);
        // A desk acts through a virtual device of its session; an enrolment of its own stands for it here.
        let device = enrol_desk(&mut sim, folder, n + 100, person, &code);
        Credential { person, device, desk: true }
    });
    sim.server.intake_desk = (rules > 2).then_some(desks[0]);
    let mut world = World {
        sim,
        desks,
        desk_ops: vec![],
        cases: vec![],
        voids: BTreeMap::new(),
        scenario,
        rules,
        unit_grants: BTreeMap::new(),
        area_grants: BTreeMap::new(),
        copies: vec![],
        snapshot: None,
        set_back: 0,
        shifts: run.shifts.clone(),
    };
    for n in 0..scenario.phones() {
        add_phone(&mut world, n, folder);
        if run.outcome {
            world.sim.phones[n].fail_commits_only();
        }
    }
    world
}

/// A person with a phone, or with a share of the one before.
fn add_phone(world: &mut World, n: usize, folder: &Path) {
    let sim = &mut world.sim;
    let login = format!("worker{n}");
    let person = if world.rules == 1 {
        sim.server.person(&login, &[(Role::Collector, "city")], START_MS)
    } else {
        let person = sim.server.person(&login, &[], START_MS);
        let area = if sim.dice.percent(30) { None } else { sim.dice.pick(town::AREAS).copied() };
        let grant = sim.server.grant(person, Role::Collector, area.unwrap_or("city"), START_MS);
        world.area_grants.insert(n, grant);
        person
    };
    let is_clerk = n == 0 || world.scenario == Scenario::F2 || (world.rules > 1 && n.is_multiple_of(2));
    if is_clerk {
        let area = format!("dept:{}", UNITS[n % UNITS.len()]);
        world.unit_grants.insert(n, sim.server.grant(person, Role::UnitClerk, &area, START_MS));
    }
    let skew = match sim.dice.below(4) {
        0 => 3 * 365 * 86_400_000,
        1 => -50 * 365 * 86_400_000,
        // A battery that was empty: the clock begins in 1970, and before it in some time zones.
        2 if world.rules > 2 => -START_MS - i64::try_from(sim.dice.below(86_400_000)).unwrap_or(0),
        _ => i64::try_from(sim.dice.below(600_000)).unwrap_or(0) - 300_000,
    };
    let skew = skew + world.shifts.get(n).copied().unwrap_or(0);
    let phone = if world.rules > 1 && n % PHONES == PHONES - 1 {
        SimPhone::beside(&sim.phones[n - 1], folder, n, person, START_MS)
    } else {
        SimPhone::new(folder, n, person, skew, START_MS)
    };
    sim.phones.push(phone);
    // Ten minutes to come to rest are for phones that somebody looks at.
    if world.rules > 2 && world.scenario != Scenario::F3 && sim.dice.percent(75) {
        sim.phones[n].put_away();
    }
    trouble::enrol(sim, n);
}

fn enrol_desk(sim: &mut Sim, folder: &Path, n: usize, person: PersonId, code: &str) -> DeviceId {
    let mut phone = SimPhone::new(folder, n, person, 0, sim.now_ms);
    let now = phone.now(sim.now_ms);
    let request = phone
        .app()
        .enrol_request("http://sim", code, None, "desk", &now, &mut PhoneRandom(&mut sim.dice))
        .expect("a request");
    let response = sim.server.handle(&request, sim.now_ms);
    phone.app().handle_enrol_response(&response, &now).expect("enrolled");
    phone.device()
}
