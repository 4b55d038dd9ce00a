//! Erasure by two people: one asks, another decides; until then nothing goes (protocol 7).

use super::Step;
use crate::case::{CaseFile, ErasureRow, ErasureState};
use crate::command::{ConfirmErase, Erase};
use crate::id::LetterId;
use crate::verdict::{Verdict, Why};
use crate::world::Outcome;

/// The first person asks.
pub(super) fn erase(step: &Step<'_>, mut file: CaseFile, erase: Erase) -> Outcome {
    if !step.power("erase", &file) {
        return step.noted(&file, Why::NoPower);
    }
    if !erase.has_reason() {
        return step.noted(&file, Why::ReasonNeeded);
    }
    if erase.target.letter.is_some_and(|letter| !lists(step, letter, &file)) {
        return step.noted(&file, Why::NoSuchTarget);
    }
    let asked = |e: &ErasureRow| e.state == ErasureState::Asked && e.target == erase.target;
    match file.find_erasable(&erase.target) {
        None => return step.noted(&file, Why::NoSuchTarget),
        Some(true) => return step.noted(&file, Why::AlreadyThere),
        Some(false) if file.erasures.values().any(asked) => return step.noted(&file, Why::AlreadyThere),
        Some(false) => {}
    }
    let row = ErasureRow {
        op_id: step.op.env.op_id,
        case_id: file.id(),
        target: erase.target,
        reason: erase.reason,
        note: erase.note,
        asked_by: step.ctx.author.person,
        asked_ms: step.ctx.now_ms,
        state: ErasureState::Asked,
        decided_by: None,
        decided_op: None,
        decided_ms: None,
    };
    file.erasures.insert(row.op_id, row);
    step.done(file)
}

/// Whether a letter is about this case, or about one that was merged into it.
fn lists(step: &Step<'_>, letter: LetterId, file: &CaseFile) -> bool {
    let about = std::iter::once(file.id()).chain(file.case.merged_from.iter().copied());
    step.world.letters.get(&letter).is_some_and(|listed| about.into_iter().any(|case| listed.contains(&case)))
}

/// Another one decides.
pub(super) fn confirm(step: &Step<'_>, mut file: CaseFile, confirm: &ConfirmErase) -> Outcome {
    if !step.power("confirm_erase", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let person = step.ctx.author.person;
    let mut row = match file.erasures.get(&confirm.erase) {
        None => return step.noted(&file, Why::NoSuchTarget),
        Some(row) if row.state != ErasureState::Asked => return step.noted(&file, Why::AlreadyThere),
        Some(row) if row.asked_by == person => return step.noted(&file, Why::SamePerson),
        Some(row) => row.clone(),
    };
    row.state = if confirm.agree { ErasureState::Approved } else { ErasureState::Refused };
    row.decided_by = Some(person);
    row.decided_op = Some(step.op.env.op_id);
    row.decided_ms = Some(step.ctx.now_ms);
    if let Some(mark) = row.mark() {
        file.erase(&row.target, &mark);
    }
    file.erasures.insert(row.op_id, row);
    step.with(file, Verdict::Applied)
}
