//! A case in a unit's hands: handed on inside, hung, watched over; and a clerk's undo (field.md U8, U9; domain 2.4).

use super::moves::{allowed, make, simple};
use super::{Step, evidence};
use crate::case::{CaseFile, CaseState, HandedOn, Hanging, Part, Supervised};
use crate::command::{HandOn, Hang, Reason};
use crate::limits::TAKE_BACK_MS;
use crate::verdict::Why;
use crate::world::Outcome;

/// 二级派遣: any depth, the newest counts; the unit stays responsible.
pub(super) fn hand_on(step: &Step<'_>, file: CaseFile, to: HandOn) -> Outcome {
    simple(step, file, "hand_on", |file, at_ms| {
        let named = Some(to.to).filter(|to| !to.trim().is_empty());
        // The name stands in the note as well: whoever it names can have it erased there.
        let said: Vec<String> = named.iter().cloned().chain(to.note).collect();
        file.case.handed_on = named.map(|to| HandedOn { op_id: step.op.env.op_id, to, at_ms });
        evidence::say(step, file, said.join("："), vec![]);
    })
}

/// 挂账 and 缓办: with a reason and a date at which it is looked at again.
pub(super) fn hang(step: &Step<'_>, mut file: CaseFile, hang: Hang) -> Outcome {
    let row = match allowed(step, "hang", &file) {
        Err(why) => return step.noted(&file, why),
        Ok(row) => row,
    };
    let (false, Some(review_ms)) = (hang.reason.trim().is_empty(), hang.review_ms) else {
        return step.noted(&file, Why::ReasonNeeded);
    };
    make(&mut file, row);
    let (op_id, at_ms) = (step.op.env.op_id, step.ctx.now_ms);
    if let Some(due) = &mut file.case.due {
        due.pause(at_ms);
    }
    file.case.hung = Some(Hanging { op_id, project: hang.project, review_ms, at_ms });
    evidence::say(step, &mut file, hang.reason, hang.photos);
    step.done(file)
}

/// Ends it: the unit that leads works again.
pub(super) fn unhang(step: &Step<'_>, file: CaseFile, reason: Reason) -> Outcome {
    simple(step, file, "unhang", |file, now_ms| {
        if let Some(due) = &mut file.case.due {
            due.resume(now_ms);
        }
        evidence::say(step, file, reason.note.unwrap_or_default(), vec![]);
    })
}

/// 督办: the supervision centre watches over it. A flag, no move; once is enough.
pub(super) fn supervise(step: &Step<'_>, mut file: CaseFile, reason: Reason) -> Outcome {
    if !step.power("supervise", &file) {
        return step.noted(&file, Why::NoPower);
    }
    if !file.case.state.is_open() {
        return step.noted(&file, Why::StateMoved);
    }
    if file.case.supervised.is_some() {
        return step.noted(&file, Why::AlreadyThere);
    }
    file.case.supervised = Some(Supervised { op_id: step.op.env.op_id, at_ms: step.ctx.now_ms });
    evidence::say(step, &mut file, reason.note.unwrap_or_default(), vec![]);
    step.done(file)
}

/// 收回: a clerk's own slip, undone within ten minutes and before the next person acted. A dispatch that followed a rework or a
/// ruling was no slip of the first hour, and stays.
pub(super) fn take_back(step: &Step<'_>, mut file: CaseFile, reason: Reason) -> Outcome {
    let row = match allowed(step, "take_back", &file) {
        Err(why) => return step.noted(&file, why),
        Ok(row) => row,
    };
    let (part, since_ms) = match file.case.state {
        CaseState::Dispatched => (Part::Dispatcher, file.case.dispatched_ms),
        _ => (Part::Filer, file.case.filed_ms),
    };
    let again =
        file.case.state == CaseState::Dispatched && (file.case.verify.is_some() || file.case.returns > 0);
    let now_ms = step.ctx.now_ms;
    if again || since_ms.is_none_or(|since| now_ms - since > TAKE_BACK_MS) {
        return step.noted(&file, Why::TooLate);
    }
    if !file.in_part(part.clone()).any(|p| p == step.ctx.author.person) {
        return step.noted(&file, Why::NotYours);
    }
    make(&mut file, row);
    file.people.retain(|p| p.part != part);
    if part == Part::Dispatcher {
        file.case.lead = None;
        file.case.assists.clear();
        file.case.dispatched_ms = None;
        file.case.due = None;
    } else {
        file.case.filed_ms = None;
    }
    evidence::say(step, &mut file, reason.note.unwrap_or_default(), vec![]);
    step.done(file)
}
