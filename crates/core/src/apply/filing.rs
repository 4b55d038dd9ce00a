//! Before filing: what the reporter is asked for and adds, and a look at the place first (field.md U8).

use super::moves::{allowed, make, row, simple};
use super::{Step, evidence};
use crate::case::{CaseFile, CheckRef, MoreAsked, Part};
use crate::command::{AskMore, Checked, Reason, Supplement};
use crate::verdict::Why;
use crate::world::Outcome;

/// 退回补充: says what is lacking.
pub(super) fn ask_more(step: &Step<'_>, file: CaseFile, ask: AskMore) -> Outcome {
    let said = ask.note.unwrap_or_default();
    if ask.lacks.is_empty() && said.trim().is_empty() {
        return step.noted(&file, Why::ReasonNeeded);
    }
    simple(step, file, "ask_more", |file, at_ms| {
        file.case.more_asked = Some(MoreAsked { op_id: step.op.env.op_id, lacks: ask.lacks, at_ms });
        evidence::say(step, file, said, vec![]);
    })
}

/// 补充: words and photos stay whoever brings them and whenever they come; the reporter's answer moves the case.
pub(super) fn supplement(step: &Step<'_>, mut file: CaseFile, more: Supplement) -> Outcome {
    let reporter = file.in_part(Part::Reporter).any(|p| p == step.ctx.author.person);
    let found = if reporter { row(step, "supplement", &file) } else { Err(Why::NotYours) };
    match found {
        Err(why) => evidence::kept_as_note(step, file, Some(more.text), why, more.photos),
        Ok(row) => {
            make(&mut file, row);
            evidence::say(step, &mut file, more.text, more.photos);
            step.done(file)
        }
    }
}

/// 核实: the desk wants somebody to look before it decides.
pub(super) fn check(step: &Step<'_>, file: CaseFile, why: Reason) -> Outcome {
    simple(step, file, "check", |file, _| {
        file.case.checked = None;
        evidence::say(step, file, why.note.unwrap_or_default(), vec![]);
    })
}

/// What was found there. What was seen is evidence and stays in any case; the move needs power now.
pub(super) fn checked(step: &Step<'_>, mut file: CaseFile, seen: Checked) -> Outcome {
    match allowed(step, "checked", &file) {
        Err(why) => evidence::kept_as_note(step, file, Some(seen.text), why, seen.photos),
        Ok(row) => {
            make(&mut file, row);
            let (op_id, at_ms) = (step.op.env.op_id, step.ctx.now_ms);
            file.case.checked = Some(CheckRef { op_id, found: seen.found, at_ms });
            evidence::say(step, &mut file, seen.text, seen.photos);
            step.done(file)
        }
    }
}
