//! The life of a case, of the fourth set of rules: reports that are completed or looked at, returns and rulings, work handed
//! on, hung and watched over; whether it fits or not. A clerk's undo is left out: it goes by minutes of the server's clock,
//! which the reference model does not keep for ops that waited.

use crate::acts::{keep, order, seen, who};
use crate::dice::Dice;
use crate::phone::PhoneRandom;
use crate::scenario::{UNITS, World};
use blindspot_core::case::{Case, CaseState};
use blindspot_core::command::{
    AppealRelapse, AskMore, Checked, Command, Dispatch, HandOn, Hang, Lack, Nothing, Reason, Relapse,
    RequestExtension, RequestReturn, ReturnReason, RuleAppeal, RuleExtension, Ruling, RulingKind, Supplement,
};

/// A date after every other, milliseconds since 1970 (the year 2100).
const FAR_MS: i64 = 4_102_444_800_000;

/// One step of somebody's.
pub(crate) fn act(world: &mut World) {
    if world.sim.dice.percent(50) {
        return at_a_desk(world);
    }
    let n = who(world);
    let known = seen(world, n);
    let sim = &mut world.sim;
    let Some(view) = sim.dice.pick(&known).cloned() else { return };
    let command = in_the_field(&mut sim.dice, &view.file.case);
    let now = sim.phones[n].now(sim.now_ms);
    let saved =
        sim.phones[n].app().capture_op(view.file.id(), command, &now, &mut PhoneRandom(&mut sim.dice));
    keep(world, n, saved);
}

/// What the state asks for, most of the time.
fn in_the_field(dice: &mut Dice, case: &Case) -> Command {
    let text = format!("l{}", dice.below(1000));
    let choice = match &case.state {
        CaseState::NeedMore if dice.percent(70) => 0,
        CaseState::Checking if dice.percent(70) => 1,
        CaseState::Dispatched if dice.percent(60) => 2,
        _ => dice.below(7),
    };
    match choice {
        0 => Command::Supplement(Supplement { text, photos: vec![] }),
        1 => Command::Checked(Checked { found: dice.percent(70), text, position: None, photos: vec![] }),
        2 => Command::RequestReturn(RequestReturn {
            reason: ReturnReason::OtherDuty,
            basis: text,
            owner: dice.pick(UNITS).map(|unit| (*unit).into()),
            photos: vec![],
        }),
        // A date that is later than any, or none: what comes of it must not hang on the clock of the server.
        5 => Command::RequestExtension(RequestExtension {
            cause: text,
            until_ms: dice.percent(80).then_some(FAR_MS),
            ..RequestExtension::default()
        }),
        6 => Command::AppealRelapse(AppealRelapse { reason: text, photos: vec![] }),
        3 => Command::HandOn(HandOn { to: if dice.percent(80) { text } else { String::new() }, note: None }),
        _ => Command::Accept(Nothing {}),
    }
}

fn at_a_desk(world: &mut World) {
    let dice = &mut world.sim.dice;
    let Some(case) = dice.pick(&world.cases).copied() else { return };
    let desk = if dice.percent(50) { world.desks[0] } else { world.desks[1] };
    let reason = || Reason { reason: "sim".into(), ..Reason::default() };
    let unit = dice.pick(UNITS).copied().unwrap_or(UNITS[0]);
    let command = match dice.below(100) {
        0..=17 => Command::AskMore(AskMore { lacks: vec![Lack::UnclearPhoto], note: Some("远景".into()) }),
        18..=29 => Command::Check(reason()),
        30..=44 => Command::File(reason()),
        45..=59 => {
            Command::Dispatch(Dispatch { lead: unit.into(), assists: vec![], case_kind: None, note: None })
        }
        60..=84 => Command::RuleReturn(ruling(dice, unit)),
        85..=86 => Command::RuleExtension(RuleExtension {
            grant: dice.percent(60),
            until_ms: Some(FAR_MS + 1),
            text: "sim".into(),
        }),
        87 => Command::Relapse(Relapse { of: dice.pick(&world.cases).copied().unwrap_or(case), note: None }),
        88 => Command::RuleAppeal(RuleAppeal { stands: dice.percent(50), text: "sim".into() }),
        89..=90 => {
            Command::Hang(Hang { project: None, review_ms: Some(1), reason: "sim".into(), photos: vec![] })
        }
        91..=95 => Command::Unhang(reason()),
        _ => Command::Supervise(reason()),
    };
    order(world, desk, case, &command);
}

fn ruling(dice: &mut Dice, unit: &str) -> Ruling {
    Ruling {
        ruling: dice.pick(RulingKind::KNOWN).cloned().unwrap_or(RulingKind::Maintain),
        lead: Some(unit.into()),
        assists: vec![],
        text: "sim".into(),
        precedent: dice.percent(20),
        precedent_until_ms: None,
        by_ms: Some(1),
        entered_for: None,
        photos: vec![],
    }
}
