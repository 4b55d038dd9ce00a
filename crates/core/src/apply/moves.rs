//! Moves: ops that ask for another state. The table says which; what does not fit becomes a note.

use super::{Step, evidence};
use crate::case::{
    CaseFile, CaseState, ClosedBy, Closing, FeedBackRef, Move, Part, Refused, Round, find_move, op_kind,
};
use crate::command::{ConfirmVoid, Dispatch, FeedBack, Reason};
use crate::id::CaseId;
use crate::verdict::{Verdict, Why};
use crate::world::Outcome;

impl From<Refused> for Why {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::OtherRound => Why::OtherRound,
            Refused::State => Why::StateMoved,
        }
    }
}

/// The row of the table for this op, from the state and round that the case is in now.
pub(super) fn row(step: &Step<'_>, kind: &str, file: &CaseFile) -> Result<&'static Move, Why> {
    find_move(kind, &file.case.state, file.case.round, step.op.env.round).map_err(Why::from)
}

/// Power and table together, for moves that are nothing but a move. What stands behind a colon is the outcome: the power is
/// that of the kind.
pub(super) fn allowed(step: &Step<'_>, kind: &str, file: &CaseFile) -> Result<&'static Move, Why> {
    if !step.power(op_kind(kind), file) {
        return Err(Why::NoPower);
    }
    row(step, kind, file)
}

pub(super) fn make(file: &mut CaseFile, row: &Move) {
    file.case.state = row.to.clone();
    if row.round == Round::Raise {
        file.case.round += 1;
    }
    // What is asked for ends with the state that waits for it.
    if row.to != CaseState::NeedMore {
        file.case.more_asked = None;
    }
    if row.to != CaseState::ReturnRequested {
        file.case.return_asked = None;
    }
    if row.to != CaseState::Hung {
        file.case.hung = None;
    }
    // With the unit's part its questions end, and with another feedback another lot is drawn.
    if !matches!(row.to, CaseState::Accepted | CaseState::InWork) {
        file.case.extension_asked = None;
    }
    if row.to == CaseState::FedBack {
        file.case.drawn = None;
        file.people.retain(|p| p.part != Part::Drawn);
    }
}

/// Takes a report back: the reporter's own, before filing (U1).
pub(super) fn withdraw(step: &Step<'_>, mut file: CaseFile) -> Outcome {
    if !file.in_part(Part::Reporter).any(|p| p == step.ctx.author.person) {
        return step.noted(&file, Why::NotYours);
    }
    match row(step, "withdraw", &file) {
        Err(why) => step.noted(&file, why),
        Ok(row) => {
            make(&mut file, row);
            step.done(file)
        }
    }
}

pub(super) fn file(step: &Step<'_>, file: CaseFile, reason: Reason) -> Outcome {
    let clerk = step.ctx.author.person;
    simple(step, file, "file", |file, now_ms| {
        file.case.entered_for = reason.entered_for.clone().or(file.case.entered_for.take());
        file.case.filed_ms = Some(now_ms);
        file.only_person(Part::Filer, clerk);
    })
}

pub(super) fn refuse(step: &Step<'_>, file: CaseFile, reason: Reason) -> Outcome {
    simple(step, file, "refuse", |file, _| file.case.reason = Some(reason))
}

pub(super) fn accept(step: &Step<'_>, file: CaseFile) -> Outcome {
    simple(step, file, "accept", |_, _| {})
}

pub(super) fn dispatch(step: &Step<'_>, file: CaseFile, to: Dispatch) -> Outcome {
    let clerk = step.ctx.author.person;
    simple(step, file, "dispatch", |file, now_ms| {
        file.only_person(Part::Dispatcher, clerk);
        file.case.due = Some(step.clock(file));
        file.case.extensions = 0;
        file.case.handed_on = None;
        file.case.lead = Some(to.lead);
        file.case.assists = to.assists;
        file.case.case_kind = to.case_kind.or(file.case.case_kind.take());
        file.case.dispatched_ms = Some(now_ms);
        file.case.feed_back = None;
    })
}

pub(super) fn close(step: &Step<'_>, file: CaseFile, reason: Reason) -> Outcome {
    simple(step, file, "close", |file, now_ms| {
        stop_clock(file, now_ms);
        let reason = Some(reason.reason);
        file.case.closing =
            Some(Closing { by: ClosedBy::Desk, at_ms: now_ms, reason, evidence_pending: false });
    })
}

/// The unit's part is done.
pub(super) fn stop_clock(file: &mut CaseFile, now_ms: i64) {
    if let Some(due) = &mut file.case.due {
        due.stop(now_ms);
    }
}

/// A move that is nothing but a move, with its effect at a moment of the server's.
pub(super) fn simple(
    step: &Step<'_>,
    mut file: CaseFile,
    kind: &str,
    effect: impl FnOnce(&mut CaseFile, i64),
) -> Outcome {
    match allowed(step, kind, &file) {
        Err(why) => step.noted(&file, why),
        Ok(row) => {
            make(&mut file, row);
            effect(&mut file, step.ctx.now_ms);
            step.done(file)
        }
    }
}

/// Feedback: what was seen is evidence and stays in any case; the move needs power now and this round.
pub(super) fn feed_back(step: &Step<'_>, mut file: CaseFile, back: FeedBack) -> Outcome {
    match allowed(step, "feed_back", &file) {
        Err(why) => evidence::kept_as_note(step, file, Some(back.text), why, back.photos),
        Ok(row) => {
            let round = file.case.round;
            make(&mut file, row);
            file.case.feed_back = Some(FeedBackRef {
                op_id: step.op.env.op_id,
                round,
                at_ms: step.ctx.now_ms,
                text: back.text,
                photos: back.photos,
                by_link: back.by_link,
                erased: None,
            });
            stop_clock(&mut file, step.ctx.now_ms);
            file.add_person(Part::Handler, step.ctx.author.person);
            step.done(file)
        }
    }
}

/// Decided on the roots of both cases; same root or a ring: noted (protocol 7).
pub(super) fn merge(step: &Step<'_>, mut from: CaseFile, into: CaseId) -> Outcome {
    let root = step.world.root_of(into);
    let Some(target) = step.world.cases.get(&root) else { return super::held(step.op) };
    if root == from.id() {
        return step.noted(&from, Why::SameCase);
    }
    let row = match allowed(step, "merge", &from) {
        Err(why) => return step.noted(&from, why),
        Ok(row) => row,
    };
    if !target.case.state.is_open() || !step.power("merge", target) {
        return step.noted(&from, if target.case.state.is_open() { Why::NoPower } else { Why::StateMoved });
    }
    let mut into = (**target).clone();
    make(&mut from, row);
    from.case.merged_into = Some(into.id());
    from.case.merged_short = into.case.short_no.clone();
    into.case.merged_from.insert(from.id());
    into.case.merged_from.extend(from.case.merged_from.iter().copied());
    let reporters: Vec<_> = from.in_part(Part::Reporter).collect();
    for person in reporters {
        into.add_person(Part::Reporter, person);
    }
    from.case.updated_ms = step.ctx.now_ms;
    from.case.since_ms = Some(step.ctx.now_ms);
    from.settle();
    let mut outcome = step.done(into);
    outcome.cases.insert(0, from.id());
    outcome.changed.insert(0, from);
    outcome
}

/// 作废, first person: asks; nothing moves until a second one confirms.
pub(super) fn void(step: &Step<'_>, mut file: CaseFile, reason: Reason) -> Outcome {
    if !step.power("void", &file) {
        return step.noted(&file, Why::NoPower);
    }
    if !file.case.state.is_open() {
        return step.noted(&file, Why::StateMoved);
    }
    if file.case.void_asked.is_some() {
        return step.noted(&file, Why::AlreadyThere);
    }
    file.case.void_asked = Some(step.op.env.op_id);
    file.case.reason = Some(reason);
    file.only_person(Part::Voider, step.ctx.author.person);
    step.done(file)
}

/// 作废, second person: another than the first.
pub(super) fn confirm_void(step: &Step<'_>, mut file: CaseFile, confirm: &ConfirmVoid) -> Outcome {
    let row = match allowed(step, "confirm_void", &file) {
        Err(why) => return step.noted(&file, why),
        Ok(row) => row,
    };
    if file.case.void_asked != Some(confirm.void) {
        return step.noted(&file, Why::NoSuchTarget);
    }
    if file.in_part(Part::Voider).any(|p| p == step.ctx.author.person) {
        return step.noted(&file, Why::SamePerson);
    }
    if confirm.agree {
        make(&mut file, row);
    } else {
        file.case.void_asked = None;
        file.case.reason = None;
    }
    step.with(file, Verdict::Applied)
}
