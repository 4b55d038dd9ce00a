//! Relapses 回潮: a case recognised as a closed one come back, and a unit's appeal (field.md U21; domain 6A).

use super::{Step, evidence, held};
use crate::case::{AppealState, Case, CaseFile, CaseState, RelapseOf};
use crate::command::{AppealRelapse, Relapse, RuleAppeal};
use crate::limits::RELAPSE_FROM_MS;
use crate::projection::near::{distance_m, same_item, seen_ms};
use crate::verdict::Why;
use crate::world::Outcome;

const DAY_MS: i64 = 86_400_000;

/// 回潮认定: the filing desk says so; the old case is watched no longer.
pub(super) fn recognise(step: &Step<'_>, mut file: CaseFile, relapse: Relapse) -> Outcome {
    if !step.power("relapse", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let root = step.world.root_of(relapse.of);
    let Some(old) = step.world.cases.get(&root) else { return held(step.op) };
    if root == file.id() {
        return step.noted(&file, Why::SameCase);
    }
    if file.case.relapsed_from.is_some() {
        return step.noted(&file, Why::AlreadyThere);
    }
    if !file.case.state.is_open() {
        return step.noted(&file, Why::StateMoved);
    }
    let Some(mark) = pair(step, &file.case, &old.case) else { return step.noted(&file, Why::NotWatched) };
    let mut old = (**old).clone();
    old.case.relapsed_to = Some(file.id());
    if old.case.state == CaseState::Watch {
        old.case.state = CaseState::Archived;
        old.case.since_ms = Some(step.ctx.now_ms);
    }
    old.case.updated_ms = step.ctx.now_ms;
    file.case.relapsed_from = Some(mark);
    evidence::say(step, &mut file, relapse.note.unwrap_or_default(), vec![]);
    let mut outcome = step.done(file);
    outcome.cases.push(old.id());
    outcome.changed.push(old);
    outcome
}

/// Why two cases are a pair: the first closed and watched, the second seen more than a day later and within the watch.
fn pair(step: &Step<'_>, new: &Case, old: &Case) -> Option<RelapseOf> {
    let closing = old.closing.as_ref()?;
    let until_ms = old.watch_until_ms?;
    let seen_ms = seen_ms(new);
    let free = old.relapsed_to.is_none() && matches!(old.state, CaseState::Closed | CaseState::Watch);
    if !free || seen_ms <= closing.at_ms + RELAPSE_FROM_MS || seen_ms > until_ms {
        return None;
    }
    Some(RelapseOf {
        op_id: step.op.env.op_id,
        case: old.case_id,
        closed_ms: closing.at_ms,
        days: u32::try_from((seen_ms - closing.at_ms) / DAY_MS).unwrap_or(0),
        distance_m: distance_m(new, old),
        same_site: new.site_id.is_some() && new.site_id == old.site_id,
        same_item: same_item(new, old, step.ctx.catalogue),
        unit: old.lead.clone(),
        appeal: None,
        at_ms: step.ctx.now_ms,
    })
}

/// 申诉: of the unit that leads now, or that had led.
pub(super) fn appeal(step: &Step<'_>, mut file: CaseFile, appeal: AppealRelapse) -> Outcome {
    let may = step.power("appeal_relapse", &file);
    let why = match &mut file.case.relapsed_from {
        _ if !may => Some(Why::NoPower),
        None => Some(Why::NoSuchTarget),
        Some(mark) if mark.appeal.is_some() => Some(Why::AlreadyThere),
        Some(_) if appeal.reason.trim().is_empty() => Some(Why::ReasonNeeded),
        Some(mark) => {
            mark.appeal = Some(AppealState::Open);
            None
        }
    };
    match why {
        Some(why) => evidence::kept_as_note(step, file, Some(appeal.reason), why, appeal.photos),
        None => {
            evidence::say(step, &mut file, appeal.reason, appeal.photos);
            step.done(file)
        }
    }
}

/// The supervision centre decides it.
pub(super) fn rule_appeal(step: &Step<'_>, mut file: CaseFile, ruling: RuleAppeal) -> Outcome {
    if !step.power("rule_appeal", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let Some(mark) = file.case.relapsed_from.as_mut().filter(|m| m.appeal == Some(AppealState::Open)) else {
        return step.noted(&file, Why::NoSuchTarget);
    };
    if ruling.text.trim().is_empty() {
        return step.noted(&file, Why::ReasonNeeded);
    }
    mark.appeal = Some(if ruling.stands { AppealState::Dismissed } else { AppealState::Upheld });
    evidence::say(step, &mut file, ruling.text, vec![]);
    step.done(file)
}
