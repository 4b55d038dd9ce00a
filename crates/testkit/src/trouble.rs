//! Troubles of the second set of rules: phones change hands, devices are revoked, scopes move, nights pass, and
//! storage fails on either side.

use crate::acts::{fix, order, report};
use crate::phone::PhoneRandom;
use crate::scenario::{Scenario, UNITS, World};
use crate::sim::Sim;
use crate::town;
use blindspot_core::DeviceId;
use blindspot_core::access::Role;
use blindspot_core::command::{Command, Comment, ConfirmVoid, Dispatch, MergeInto, Reason, Relocate};

/// One trouble. What a scenario cannot bear is passed over.
pub(crate) fn act(world: &mut World) {
    // A server that is set back also forgets enrolments and grants that people were given since.
    let keeps_past = world.scenario != Scenario::Restore;
    match world.sim.dice.below(100) {
        0..=14 => hand_over(&mut world.sim),
        15..=34 if keeps_past => move_scope(world),
        35..=44 if keeps_past => move_cell(world),
        45..=56 => night(&mut world.sim),
        57..=66 if keeps_past && world.scenario != Scenario::F21 => revoke(world),
        67..=71 if keeps_past && world.scenario != Scenario::F21 => {
            let n = any_phone(&mut world.sim);
            enrol(&mut world.sim, n);
        }
        72..=91 => {
            let n = any_phone(&mut world.sim);
            let after = 1 + i64::try_from(world.sim.dice.below(40)).unwrap_or(0);
            world.sim.phones[n].fail_after(after);
        }
        _ => world.sim.server.jobs(world.sim.now_ms),
    }
}

pub(crate) fn any_phone(sim: &mut Sim) -> usize {
    usize::try_from(sim.dice.below(sim.phones.len() as u64)).unwrap_or(0)
}

/// 交接班: another person of a shared phone takes it in hand.
fn hand_over(sim: &mut Sim) {
    let n = any_phone(sim);
    let hardware = sim.phones[n].hardware;
    for (k, phone) in sim.phones.iter_mut().enumerate() {
        if phone.hardware == hardware {
            phone.in_hand = k == n;
        }
    }
}

/// Hours in which nobody looks at a phone: tokens end meanwhile.
fn night(sim: &mut Sim) {
    sim.now_ms += 60_000 * (16 + i64::try_from(sim.dice.below(500)).unwrap_or(0));
}

/// Somebody works elsewhere from now on, or for another unit, or nowhere for a while.
fn move_scope(world: &mut World) {
    let sim = &mut world.sim;
    let n = any_phone(sim);
    let (person, now) = (sim.phones[n].person, sim.now_ms);
    if sim.dice.percent(30) {
        let unit = sim.dice.pick(UNITS).copied().unwrap_or(UNITS[0]);
        if let Some(grant) = world.unit_grants.remove(&n) {
            sim.server.end_grant(grant, now);
        }
        world.unit_grants.insert(n, sim.server.grant(person, Role::UnitClerk, &format!("dept:{unit}"), now));
        return;
    }
    if let Some(grant) = world.area_grants.remove(&n) {
        sim.server.end_grant(grant, now);
    }
    if sim.dice.percent(85) {
        let area = sim.dice.pick(town::AREAS).copied().unwrap_or("city");
        world.area_grants.insert(n, sim.server.grant(person, Role::Collector, area, now));
    }
}

/// A cell is given to another duty grid.
fn move_cell(world: &mut World) {
    let cells = town::CELLS as u64;
    let dice = &mut world.sim.dice;
    let [cell, to] = [dice.below(cells), dice.below(cells)].map(|n| usize::try_from(n).unwrap_or(0));
    town::reassign(world.sim.server.house(), cell, to, world.sim.now_ms);
}

/// An administrator ends a phone; its person enrols again at once, or later.
fn revoke(world: &mut World) {
    let n = any_phone(&mut world.sim);
    let device = world.sim.phones[n].device();
    world.sim.server.revoke(device, world.sim.now_ms);
    excuse(&mut world.sim, device);
    if world.sim.dice.percent(50) {
        enrol(&mut world.sim, n);
    }
}

/// Whoever uses this device may be told to enrol again.
fn excuse(sim: &mut Sim, device: DeviceId) {
    for phone in &mut sim.phones {
        if phone.device() == device {
            phone.excused = true;
        }
    }
}

/// A person enrols on their replica, again or for the first time.
pub(crate) fn enrol(sim: &mut Sim, n: usize) {
    let person = sim.phones[n].person;
    let code = sim.server.code(person, sim.now_ms);
    let now = sim.phones[n].now(sim.now_ms);
    let (phone, dice) = (&mut sim.phones[n], &mut sim.dice);
    let request = phone.app().enrol_request("http://sim", &code, None, "sim", &now, &mut PhoneRandom(dice));
    let Some(request) = phone.survived(request, dice) else { return };
    let response = sim.server.handle(&request, sim.now_ms);
    let phone = &mut sim.phones[n];
    let enrolled = phone.app().handle_enrol_response(&response, &now);
    if phone.survived(enrolled, &mut sim.dice).is_some() {
        phone.excused = false;
    }
    sim.wake(n);
}

/// People whose app tells them to enrol again do so; gives what was told without a reason.
pub(crate) fn enrol_signed_out(sim: &mut Sim) -> Option<usize> {
    for n in 0..sim.phones.len() {
        if sim.phones[n].signed_out() {
            if !sim.phones[n].excused {
                return Some(n);
            }
            sim.phones[n].sign_outs += 1;
            enrol(sim, n);
        }
    }
    None
}

/// All that an app has kept is put on a second phone, and both go on.
pub(crate) fn copy(world: &mut World) {
    let n = any_phone(&mut world.sim);
    let device = world.sim.phones[n].device();
    let k = world.sim.phones.len();
    let copy = world.sim.phones[n].copied(k);
    world.sim.phones.push(copy);
    world.copies.push((device, n, k));
    for phone in [n, k] {
        report(world, phone);
    }
}

/// What a desk does under the second rules: it also corrects places and dispatches to several units.
pub(crate) fn desk(world: &mut World) {
    let dice = &mut world.sim.dice;
    let Some(case) = dice.pick(&world.cases).copied() else { return };
    let desk = if dice.percent(50) { world.desks[0] } else { world.desks[1] };
    let reason = Reason { reason: "sim".into(), ..Reason::default() };
    let command = match dice.below(100) {
        0..=29 => Command::File(reason),
        30..=57 => Command::Dispatch(Dispatch {
            lead: dice.pick(UNITS).copied().unwrap_or(UNITS[0]).into(),
            assists: if dice.percent(40) {
                dice.pick(UNITS).map(|u| (*u).into()).into_iter().collect()
            } else {
                vec![]
            },
            case_kind: None,
            note: None,
        }),
        58..=66 => {
            let into = dice.pick(&world.cases).copied().unwrap_or(case);
            Command::Merge(MergeInto { into, reason: "sim".into() })
        }
        67..=70 => Command::Refuse(reason),
        71..=75 => Command::Close(reason),
        76..=79 => Command::Void(reason),
        80..=93 => Command::Relocate(Relocate { position: Some(fix(dice)), ..Relocate::default() }),
        _ => match world.voids.get(&case) {
            Some(void) => Command::ConfirmVoid(ConfirmVoid { void: *void, agree: dice.percent(70) }),
            None => Command::Comment(Comment { text: "desk".into() }),
        },
    };
    order(world, desk, case, &command);
}
