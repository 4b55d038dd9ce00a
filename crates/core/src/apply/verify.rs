//! Checks 核查: who was drawn, that the task was opened, and the judgement on one feedback (field.md U13; domain 2.4, 6E).

use super::moves::{allowed, make, row, stop_clock};
use super::{Step, evidence};
use crate::access::Role;
use crate::case::{
    Case, CaseFile, CaseState, ClosedBy, Closing, Drawn, Part, SpotCheckRef, Supervised, VerifyRef,
};
use crate::command::{Draw, DrawnFrom, SpotCheck, Verify};
use crate::limits::{DEFAULT_WATCH_DAYS, REWORKS_SUPERVISED};
use crate::verdict::Why;
use crate::world::Outcome;

const DAY_MS: i64 = 86_400_000;

/// 抽签: the server's word. Drawn again, the one before is free.
pub(super) fn draw(step: &Step<'_>, mut file: CaseFile, draw: Draw) -> Outcome {
    let row = match allowed(step, "draw", &file) {
        Err(why) => return step.noted(&file, why),
        Ok(row) => row,
    };
    let last = file.case.drawn.as_ref().map_or(0, |drawn| drawn.attempt);
    if draw.attempt != last + 1 {
        return step.noted(&file, Why::AlreadyThere);
    }
    make(&mut file, row);
    file.people.retain(|p| p.part != Part::Drawn);
    if let Some(person) = draw.verifier {
        file.add_person(Part::Drawn, person);
    }
    file.case.drawn = Some(Drawn {
        op_id: step.op.env.op_id,
        from: draw.from,
        eligible: draw.eligible,
        attempt: draw.attempt,
        seed_day: draw.seed_day,
        open_by_ms: draw.open_by_ms,
        opened_ms: None,
        at_ms: step.ctx.now_ms,
    });
    step.done(file)
}

/// When the check of a case is to be drawn, or drawn again because nobody has opened it; the one place that says so.
#[must_use]
pub fn next_draw(case: &Case) -> Option<i64> {
    match case.state {
        CaseState::FedBack => Some(case.since_ms.unwrap_or(case.updated_ms)),
        CaseState::Verifying => {
            case.drawn.as_ref().filter(|drawn| drawn.opened_ms.is_none()).and_then(|drawn| drawn.open_by_ms)
        }
        _ => None,
    }
}

/// 自行处置抽查: a mark on what was fixed on the spot, once, by somebody else than who fixed it. It moves nothing: what is still
/// there is reported anew.
pub(super) fn spot_check(step: &Step<'_>, mut file: CaseFile, check: SpotCheck) -> Outcome {
    if !step.power("spot_check", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let on_the_spot = file.case.closing.as_ref().is_some_and(|c| c.by == ClosedBy::SelfFixed);
    let own = file.in_part(Part::Reporter).any(|p| p == step.ctx.author.person);
    let why = match () {
        () if !on_the_spot => Some(Why::StateMoved),
        () if file.case.spot_check.is_some() => Some(Why::AlreadyThere),
        () if own => Some(Why::SamePerson),
        () if !check.passed && check.text.trim().is_empty() => Some(Why::ReasonNeeded),
        () => None,
    };
    if let Some(why) = why {
        return step.noted(&file, why);
    }
    file.case.spot_check =
        Some(SpotCheckRef { op_id: step.op.env.op_id, passed: check.passed, at_ms: step.ctx.now_ms });
    evidence::say(step, &mut file, check.text, vec![]);
    step.done(file)
}

/// The drawn one has it on the screen.
pub(super) fn opened(step: &Step<'_>, mut file: CaseFile) -> Outcome {
    if !file.in_part(Part::Drawn).any(|p| p == step.ctx.author.person) {
        return step.noted(&file, Why::NotDrawn);
    }
    let Some(drawn) = file.case.drawn.as_mut().filter(|_| file.case.state == CaseState::Verifying) else {
        return step.noted(&file, Why::StateMoved);
    };
    if drawn.opened_ms.is_some() {
        return step.noted(&file, Why::AlreadyThere);
    }
    drawn.opened_ms = Some(step.ctx.now_ms);
    step.done(file)
}

/// Whether the author may judge: whoever was drawn, a desk or office where one is to check, or, where nothing was drawn, any
/// verifier. The supervision centre and its inspectors always may.
fn may(step: &Step<'_>, file: &CaseFile) -> Result<(), Why> {
    let author = step.ctx.author.person;
    let oversees = step.holds(&Role::Supervisor, file) || step.holds(&Role::Inspector, file);
    match file.case.drawn.as_ref().map(|drawn| &drawn.from) {
        None if step.power("verify", file) => Ok(()),
        None => Err(Why::NoPower),
        Some(DrawnFrom::Desk) => {
            if file.in_part(Part::Dispatcher).any(|p| p == author) {
                return Err(Why::OwnDispatch);
            }
            if oversees || step.holds(&Role::FilingDesk, file) { Ok(()) } else { Err(Why::NoPower) }
        }
        Some(DrawnFrom::Office) => {
            let item = file.case.item(step.ctx.catalogue);
            let office = item.and_then(|code| Some(step.ctx.catalogue?.item_of(&code)?.lead.as_str().into()));
            if oversees || office.is_some_and(|office| step.clerk_of(&office)) {
                Ok(())
            } else {
                Err(Why::NoPower)
            }
        }
        // Drawn from a grid around, the rights of the grid itself are not asked: the lot gives them.
        Some(_) if file.in_part(Part::Drawn).any(|p| p == author) || oversees => Ok(()),
        Some(_) => Err(Why::NotDrawn),
    }
}

/// Verification judges one feedback; of another, or in another round, it is a note.
pub(super) fn verify(step: &Step<'_>, mut file: CaseFile, verify: Verify) -> Outcome {
    let kind = if verify.passed { "verify:pass" } else { "verify:fail" };
    let judged = file.case.feed_back.as_ref().map(|f| f.op_id) == Some(verify.feed_back);
    let fixer = file.in_part(Part::Handler).any(|p| p == step.ctx.author.person);
    let found = if fixer && file.case.drawn.as_ref().is_none_or(|d| d.from != DrawnFrom::Office) {
        if step.power("verify", &file) { Err(Why::SamePerson) } else { Err(Why::NoPower) }
    } else {
        // The state and round speak first: they tell the worker more than the feedback's id does.
        may(step, &file)
            .and_then(|()| row(step, kind, &file))
            .and_then(|row| if judged { Ok(row) } else { Err(Why::OtherFeedback) })
    };
    match found {
        Err(why) => evidence::kept_as_note(step, file, Some(verify.text), why, verify.photos),
        Ok(row) => {
            make(&mut file, row);
            file.case.verify = Some(VerifyRef {
                op_id: step.op.env.op_id,
                feed_back: verify.feed_back,
                passed: verify.passed,
                at_ms: step.ctx.now_ms,
            });
            if verify.passed {
                passed(step, &mut file)
            } else {
                failed(step, &mut file)
            }
            file.add_person(Part::Verifier, step.ctx.author.person);
            step.done(file)
        }
    }
}

fn passed(step: &Step<'_>, file: &mut CaseFile) {
    let now_ms = step.ctx.now_ms;
    stop_clock(file, now_ms);
    let closing = Closing { by: ClosedBy::Verify, at_ms: now_ms, reason: None, evidence_pending: false };
    file.case.closing = Some(closing);
    watch(step, file);
}

/// 返工: the clock goes on; the third time the supervision centre watches over it.
fn failed(step: &Step<'_>, file: &mut CaseFile) {
    let (op_id, at_ms) = (step.op.env.op_id, step.ctx.now_ms);
    if let Some(due) = &mut file.case.due {
        due.again(at_ms);
    }
    file.case.drawn = None;
    file.people.retain(|p| p.part != Part::Drawn);
    file.case.reworks += 1;
    if file.case.reworks >= REWORKS_SUPERVISED && file.case.supervised.is_none() {
        file.case.supervised = Some(Supervised { op_id, at_ms });
    }
}

/// 回潮观察: from the closing on for as long as the item says.
fn watch(step: &Step<'_>, file: &mut CaseFile) {
    let item = file.case.item(step.ctx.catalogue);
    let days = item.and_then(|code| Some(step.ctx.catalogue?.item_of(&code)?.relapse_watch_days));
    let days = days.filter(|days| *days > 0).unwrap_or(DEFAULT_WATCH_DAYS);
    file.case.watch_until_ms = Some(step.ctx.now_ms + i64::from(days) * DAY_MS);
}
