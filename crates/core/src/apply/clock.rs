//! More time asked and given, a pause of the city, and what comes because a time has come (field.md U11; domain 2.1, 2.4).

use super::moves::{allowed, make};
use super::{Step, evidence};
use crate::access::Role;
use crate::case::{CaseFile, CaseState, ExtensionAsked};
use crate::command::{CaseKind, Lapse, LapseKind, PauseClock, RequestExtension, RuleExtension};
use crate::deadline::{CalendarKind, Due, own_hours};
use crate::limits::PROMISE_WORKING_DAYS;
use crate::local::next_midnight;
use crate::verdict::Why;
use crate::world::Outcome;

/// States in which a unit works against a clock.
fn in_hand(state: &CaseState) -> bool {
    matches!(state, CaseState::Dispatched | CaseState::Accepted | CaseState::InWork | CaseState::Rework)
}

/// 申请延期; a promise 承诺件 is given at once: the first time, with a paper, within ten working days.
pub(super) fn request(step: &Step<'_>, mut file: CaseFile, ask: RequestExtension) -> Outcome {
    let said = [ask.cause.trim(), ask.plan.trim()].join("；").trim_matches('；').to_owned();
    match may_ask(step, &file, &ask) {
        Err(why) => evidence::kept_as_note(step, file, Some(said), why, ask.photos),
        Ok(until_ms) if ask.promise => {
            file.case.case_kind = Some(CaseKind::Promised);
            give(&mut file, until_ms, step.ctx.now_ms);
            evidence::say(step, &mut file, said, ask.photos);
            step.done(file)
        }
        Ok(until_ms) => {
            let (op_id, at_ms) = (step.op.env.op_id, step.ctx.now_ms);
            file.case.extension_asked = Some(ExtensionAsked { op_id, until_ms, at_ms });
            evidence::say(step, &mut file, said, ask.photos);
            step.done(file)
        }
    }
}

fn may_ask(step: &Step<'_>, file: &CaseFile, ask: &RequestExtension) -> Result<i64, Why> {
    if !step.power("request_extension", file) {
        return Err(Why::NoPower);
    }
    let case = &file.case;
    let Some(due) = case.due.as_ref().filter(|_| in_hand(&case.state)) else { return Err(Why::StateMoved) };
    if case.extension_asked.is_some() {
        return Err(Why::AlreadyThere);
    }
    let (false, Some(until_ms)) = (ask.cause.trim().is_empty(), ask.until_ms) else {
        return Err(Why::ReasonNeeded);
    };
    if until_ms <= due.due_ms {
        return Err(Why::NoLaterDate);
    }
    if ask.promise {
        let office = CalendarKind::Office;
        let own = own_hours(step.ctx.calendars, &office, step.ctx.now_ms);
        let hours = own.map_or_else(|| office.hours(), |own| own.hours);
        let farthest = hours.close_of_day(step.ctx.now_ms, PROMISE_WORKING_DAYS);
        if ask.photos.is_empty() {
            return Err(Why::ReasonNeeded);
        }
        if case.extensions > 0 || until_ms > farthest {
            return Err(Why::TooLate);
        }
    }
    Ok(until_ms)
}

fn give(file: &mut CaseFile, until_ms: i64, now_ms: i64) {
    if let Some(due) = &mut file.case.due {
        due.extend(until_ms, now_ms);
    }
    file.case.extensions += 1;
}

/// 延期审批: the duty leader gives the first, the deputy head every further one.
pub(super) fn rule(step: &Step<'_>, mut file: CaseFile, ruling: RuleExtension) -> Outcome {
    if !step.power("rule_extension", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let Some(asked) = file.case.extension_asked.clone() else {
        return step.noted(&file, Why::NoLaterDate);
    };
    if ruling.grant {
        if !in_hand(&file.case.state) {
            return step.noted(&file, Why::StateMoved);
        }
        if file.case.extensions > 0 && !step.holds(&Role::DeputyHead, &file) {
            return step.noted(&file, Why::DeputyNeeded);
        }
        let until_ms = ruling.until_ms.unwrap_or(asked.until_ms);
        if file.case.due.as_ref().is_none_or(|due| until_ms <= due.due_ms) {
            return step.noted(&file, Why::NoLaterDate);
        }
        give(&mut file, until_ms, step.ctx.now_ms);
    } else if ruling.text.trim().is_empty() {
        return step.noted(&file, Why::ReasonNeeded);
    }
    file.case.extension_asked = None;
    evidence::say(step, &mut file, ruling.text, vec![]);
    step.done(file)
}

/// 全市暂停 touches a clock that runs over it; any other is left as it is.
pub(super) fn pause(step: &Step<'_>, mut file: CaseFile, pause: &PauseClock) -> Outcome {
    if !step.power("pause_clock", &file) {
        return step.noted(&file, Why::NoPower);
    }
    if pause.reason.trim().is_empty() {
        return step.noted(&file, Why::ReasonNeeded);
    }
    let now_ms = step.ctx.now_ms;
    let touch =
        |due: &mut Due| due.city_pause(pause.pause, pause.from_ms, pause.to_ms, pause.reason.trim(), now_ms);
    if file.case.due.as_mut().is_some_and(touch) { step.done(file) } else { step.noted(&file, Why::NotDue) }
}

/// 到时: only what the case itself says is due by now happens. Whoever else had acted was quicker.
pub(super) fn lapse(step: &Step<'_>, mut file: CaseFile, lapse: &Lapse) -> Outcome {
    let kind = match &lapse.what {
        LapseKind::Accept => "lapse:accept",
        LapseKind::Unhang => "lapse:unhang",
        LapseKind::Watch => "lapse:watch",
        LapseKind::Archive => "lapse:archive",
        LapseKind::Other(_) => return super::quarantined(step.op, crate::verdict::Cause::UnknownKind),
    };
    let row = match allowed(step, kind, &file) {
        Err(why) => return step.noted(&file, why),
        Ok(row) => row,
    };
    let now_ms = step.ctx.now_ms;
    if next_lapse(&file.case).is_none_or(|(what, due_ms)| what != lapse.what || due_ms > now_ms) {
        return step.noted(&file, Why::NotDue);
    }
    make(&mut file, row);
    if lapse.what == LapseKind::Unhang
        && let Some(due) = &mut file.case.due
    {
        due.resume(now_ms);
    }
    step.done(file)
}

/// What happens to a case by itself next, and when: the one place that says so.
#[must_use]
pub fn next_lapse(case: &crate::case::Case) -> Option<(LapseKind, i64)> {
    match case.state {
        CaseState::Dispatched => {
            let until_ms = case.due.as_ref()?.return_until_ms?;
            Some((LapseKind::Accept, until_ms))
        }
        CaseState::Hung => Some((LapseKind::Unhang, case.hung.as_ref()?.review_ms)),
        // What nobody fixed or checked is not watched: it was never shown to be gone.
        CaseState::Closed => {
            let closing = case.closing.as_ref()?;
            case.watch_until_ms.map(|_| (LapseKind::Watch, next_midnight(closing.at_ms)))
        }
        CaseState::Watch => Some((LapseKind::Archive, case.watch_until_ms?)),
        _ => None,
    }
}
