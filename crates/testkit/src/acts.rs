//! What people, desks and the world do in a scenario: one thing at a time, drawn from its decisions.

use crate::dice::Dice;
use crate::life;
use crate::mishap;
use crate::phone::PhoneRandom;
use crate::scenario::{Scenario, UNITS, World};
use crate::sim::Faults;
use crate::trouble;
use blindspot_client::{CaseFilter, CaseView, ClientError, RawPhoto, ReportDraft, ReportKind, Saved};
use blindspot_core::case::CaseState;
use blindspot_core::command::{
    Command, Comment, ConfirmVoid, Dispatch, Edit, FeedBack, FieldChange, Fix, Look, MergeInto, Nothing,
    Reason, Relocate, Report as ReportPayload, Verify,
};
use blindspot_core::wire::v1::DeskOp;
use blindspot_core::{CaseId, OpId};
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use blindspot_server::service::Credential;
use serde_json::json;
use std::collections::BTreeMap;

/// One thing happens: somebody does something, or something breaks.
pub(crate) fn act(world: &mut World) {
    if world.rules > 1 && world.sim.dice.percent(18) {
        return trouble::act(world);
    }
    if world.rules > 2 && world.sim.dice.percent(10) {
        return mishap::act(world);
    }
    if world.rules > 3 && world.sim.dice.percent(25) {
        return life::act(world);
    }
    match world.sim.dice.below(100) {
        0..=69 => person_acts(world),
        70..=87 => desk_acts(world),
        88..=93 => {
            let phones = world.sim.phones.len() as u64;
            let n = usize::try_from(world.sim.dice.below(phones)).unwrap_or(0);
            let now = world.sim.now_ms;
            if world.sim.dice.percent(50) {
                world.sim.phones[n].crash();
            } else {
                world.sim.phones[n].reboot(now);
                // Another person's app on the same phone goes down with it.
                let hardware = world.sim.phones[n].hardware;
                for (k, other) in world.sim.phones.iter_mut().enumerate() {
                    if k != n && other.hardware == hardware {
                        other.crash();
                    }
                }
            }
            world.sim.wake_hardware(n);
        }
        94..=96 => world.sim.server.crash(world.sim.now_ms),
        _ => world.sim.faults = hard_network(world.rules, &mut world.sim.dice),
    }
}

pub(crate) fn hard_network(rules: u8, dice: &mut Dice) -> Faults {
    if rules > 1 { Faults::worse(dice) } else { Faults::bad(dice) }
}

/// Who does something: whoever has a phone in hand.
pub(crate) fn who(world: &mut World) -> usize {
    let sim = &mut world.sim;
    let n = usize::try_from(sim.dice.below(sim.phones.len() as u64)).unwrap_or(0);
    if sim.phones[n].in_hand {
        return n;
    }
    let hardware = sim.phones[n].hardware;
    sim.phones.iter().position(|p| p.in_hand && p.hardware == hardware).unwrap_or(n)
}

/// The cases a person sees, in an order that no clock has a part in.
pub(crate) fn seen(world: &mut World, n: usize) -> Vec<CaseView> {
    let cases = world.sim.phones[n].app().cases(CaseFilter::default());
    let phone = &mut world.sim.phones[n];
    let mut known = phone.survived(cases, &mut world.sim.dice).unwrap_or_default();
    if world.rules > 1 {
        known.sort_by_key(|view| tail(view.file.id().as_bytes()));
    }
    known
}

/// The random part of an id.
fn tail(id: &[u8; 16]) -> [u8; 10] {
    let mut tail = [0; 10];
    tail.copy_from_slice(&id[6..]);
    tail
}

fn person_acts(world: &mut World) {
    let n = who(world);
    let known = seen(world, n);
    let sim = &mut world.sim;
    let now = sim.phones[n].now(sim.now_ms);
    let choice = sim.dice.below(100);
    let saved = if known.is_empty() || choice < 45 {
        return report(world, n);
    } else if choice < 50 {
        let look = Look { position: Some(fix(&mut sim.dice)), ..Look::default() };
        sim.phones[n].app().capture_look(look, &now, &mut PhoneRandom(&mut sim.dice))
    } else {
        let Some(view) = sim.dice.pick(&known).cloned() else { return };
        let case = view.file.id();
        let command = on_case(&mut sim.dice, choice, &view.file.case);
        if choice < 62 {
            let photos = [photo(&mut sim.dice)];
            let app = sim.phones[n].app();
            app.capture_op_with_photos(case, command, &photos, &now, &mut PhoneRandom(&mut sim.dice))
        } else {
            sim.phones[n].app().capture_op(case, command, &now, &mut PhoneRandom(&mut sim.dice))
        }
    };
    keep(world, n, saved);
}

/// Somebody reports something.
pub(crate) fn report(world: &mut World, n: usize) {
    let sim = &mut world.sim;
    let now = sim.phones[n].now(sim.now_ms);
    let draft = draft(&mut sim.dice);
    let saved = sim.phones[n].app().capture_report(draft, &now, &mut PhoneRandom(&mut sim.dice));
    keep(world, n, saved);
}

/// What was saved must never be lost; what the phone could not keep, its person was told.
pub(crate) fn keep(world: &mut World, n: usize, saved: Result<Saved, ClientError>) {
    let sim = &mut world.sim;
    if let Some(saved) = sim.phones[n].survived(saved, &mut sim.dice) {
        // Only a report names the case it opened.
        if saved.local_tag.is_some() {
            world.cases.extend(saved.case_id);
        }
        sim.phones[n].done.extend(saved.op_id);
    }
    sim.wake(n);
}

fn on_case(dice: &mut Dice, choice: u64, case: &blindspot_core::case::Case) -> Command {
    let text = format!("t{}", dice.below(1000));
    if let (CaseState::FedBack, Some(back), true) = (&case.state, &case.feed_back, choice < 85) {
        let passed = dice.percent(60);
        return Command::Verify(Verify {
            feed_back: back.op_id,
            passed,
            text,
            position: None,
            photos: vec![],
        });
    }
    match choice {
        50..=64 => Command::FeedBack(FeedBack { text, ..FeedBack::default() }),
        65..=72 => Command::Comment(Comment { text }),
        73..=88 => {
            let name = dice.pick(&["description", "landmark", "category"]).copied().unwrap_or("description");
            let from = case.fields.get(name).cloned().unwrap_or_default();
            let change = FieldChange { from, to: json!(text) };
            Command::Edit(Edit { changes: BTreeMap::from([(name.to_owned(), change)]) })
        }
        89..=91 => Command::Accept(Nothing {}),
        92..=95 => Command::Relocate(Relocate { position: Some(fix(dice)), ..Relocate::default() }),
        _ => Command::Withdraw(Nothing {}),
    }
}

pub(crate) fn fix(dice: &mut Dice) -> Fix {
    let off = |dice: &mut Dice| f64::from(u32::try_from(dice.below(1000)).unwrap_or(0)) / 100_000.0;
    Fix {
        lat: 29.3 + off(dice),
        lon: 120.07 + off(dice),
        accuracy_m: Some(20.0),
        datum: blindspot_core::geo::Datum::Wgs84,
        provider: None,
        age_ms: None,
        mock: None,
    }
}

fn draft(dice: &mut Dice) -> ReportDraft {
    let report = ReportPayload {
        position: dice.percent(70).then(|| fix(dice)),
        description: dice.percent(60).then(|| format!("d{}", dice.below(1000))),
        urgent_danger: dice.percent(5),
        ..ReportPayload::default()
    };
    let kind = if dice.percent(12) { ReportKind::SelfFixed } else { ReportKind::Report };
    let photos = if dice.percent(15) { vec![photo(dice)] } else { vec![] };
    ReportDraft { kind, report, photos }
}

/// Small pictures: what travels matters here, not what they show.
fn photo(dice: &mut Dice) -> RawPhoto {
    let number = u32::try_from(dice.below(100_000)).unwrap_or(0);
    let spec = SceneSpec::nth(1, number).sized(48, 36);
    let bytes = jpeg(&spec, &ExifSpec::phone("2026:04:01 08:00:00", None));
    RawPhoto { bytes, ..RawPhoto::default() }
}

fn desk_acts(world: &mut World) {
    if world.rules > 1 {
        return trouble::desk(world);
    }
    let units = if world.scenario == Scenario::F2 { UNITS } else { &UNITS[..1] };
    let dice = &mut world.sim.dice;
    let Some(case) = dice.pick(&world.cases).copied() else { return };
    let desk = if dice.percent(50) { world.desks[0] } else { world.desks[1] };
    let reason = Reason { reason: "sim".into(), ..Reason::default() };
    let command = match dice.below(100) {
        0..=34 => Command::File(reason),
        35..=64 => Command::Dispatch(Dispatch {
            lead: dice.pick(units).copied().unwrap_or(UNITS[0]).into(),
            assists: vec![],
            case_kind: None,
            note: None,
        }),
        65..=79 => {
            let into = dice.pick(&world.cases).copied().unwrap_or(case);
            Command::Merge(MergeInto { into, reason: "sim".into() })
        }
        80..=84 => Command::Refuse(reason),
        85..=89 => Command::Close(reason),
        90..=94 => Command::Void(reason),
        _ => match world.voids.get(&case) {
            Some(void) => Command::ConfirmVoid(ConfirmVoid { void: *void, agree: dice.percent(70) }),
            None => Command::Comment(Comment { text: "desk".into() }),
        },
    };
    order(world, desk, case, &command);
}

/// A desk's order, under a new id.
pub(crate) fn order(world: &mut World, desk: Credential, case: CaseId, command: &Command) {
    let mut bytes = [0; 10];
    world.sim.dice.fill(&mut bytes);
    let op_id = OpId::from_parts(world.sim.now_ms, bytes);
    if matches!(command, Command::Void(_)) {
        world.voids.insert(case, op_id);
    }
    let payload = command.to_payload().expect("payloads are JSON");
    let op = DeskOp { op_id, kind: command.kind().into(), payload, expected_state: None, round: None };
    world.sim.server.desk(desk, case, op, world.sim.now_ms);
    world.desk_ops.push(op_id);
}
