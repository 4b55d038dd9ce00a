//! Requests to return a case, and the rulings on them (field.md U17).

use super::moves::{allowed, make};
use super::{Step, evidence, quarantined};
use crate::access::{Role, has_role};
use crate::case::{CaseFile, ReturnAsked, RulingRef};
use crate::command::{RequestReturn, Ruling, RulingKind};
use crate::limits::ARBITRATION_FROM;
use crate::verdict::{Cause, Why};
use crate::world::Outcome;

/// 申请退回: the unit that leads says it is not its own. It stays its own until the ruling.
pub(super) fn request(step: &Step<'_>, mut file: CaseFile, ask: RequestReturn) -> Outcome {
    match allowed(step, "request_return", &file) {
        Err(why) => evidence::kept_as_note(step, file, Some(ask.basis), why, ask.photos),
        Ok(row) => {
            make(&mut file, row);
            file.case.returns += 1;
            file.case.return_asked = Some(ReturnAsked {
                op_id: step.op.env.op_id,
                reason: ask.reason,
                owner: ask.owner,
                at_ms: step.ctx.now_ms,
            });
            evidence::say(step, &mut file, ask.basis, ask.photos);
            step.done(file)
        }
    }
}

/// 裁定: one of six; whoever leads after it is one unit.
pub(super) fn rule(step: &Step<'_>, mut file: CaseFile, ruling: Ruling) -> Outcome {
    let kind = match ruling.ruling {
        RulingKind::Uphold => "rule_return:uphold",
        RulingKind::Maintain => "rule_return:maintain",
        RulingKind::Provisional => "rule_return:provisional",
        RulingKind::LeadAndAssist => "rule_return:lead_and_assist",
        RulingKind::SiteVisit => "rule_return:site_visit",
        RulingKind::AreaDefault => "rule_return:area_default",
        // A later version's: decided again when this server is of it.
        RulingKind::Other(_) => return quarantined(step.op, Cause::UnknownKind),
    };
    let row = match allowed(step, kind, &file).and_then(|row| fits(step, &file, &ruling).map(|()| row)) {
        Err(why) => return step.noted(&file, why),
        Ok(row) => row,
    };
    make(&mut file, row);
    let (from, now_ms) = (file.case.lead.clone(), step.ctx.now_ms);
    if let Some(lead) = ruling.lead.filter(|_| moves_on(&ruling.ruling)) {
        file.case.assists = ruling.assists.into_iter().filter(|unit| *unit != lead).collect();
        file.case.lead = Some(lead);
        file.case.dispatched_ms = Some(now_ms);
        file.case.due = Some(step.clock(&file));
        file.case.feed_back = None;
        file.case.handed_on = None;
    }
    file.case.rulings.push(RulingRef {
        op_id: step.op.env.op_id,
        ruling: ruling.ruling,
        from,
        to: file.case.lead.clone(),
        precedent: ruling.precedent,
        by_ms: ruling.by_ms,
        entered_for: ruling.entered_for,
        at_ms: now_ms,
    });
    evidence::say(step, &mut file, ruling.text, ruling.photos);
    step.done(file)
}

fn moves_on(ruling: &RulingKind) -> bool {
    !matches!(ruling, RulingKind::Maintain | RulingKind::SiteVisit)
}

/// What a ruling must say, and who may say it on the third request and after.
fn fits(step: &Step<'_>, file: &CaseFile, ruling: &Ruling) -> Result<(), Why> {
    let deputy = has_role(step.ctx.author.grants, &Role::DeputyHead, Step::standing(file), step.ctx.now_ms);
    if file.case.returns >= ARBITRATION_FROM && !deputy {
        return Err(Why::DeputyNeeded);
    }
    if moves_on(&ruling.ruling) && ruling.lead.is_none() {
        return Err(Why::LeadNeeded);
    }
    // A date is all that a visit, or a unit that works for now, can be held to.
    let dated = matches!(ruling.ruling, RulingKind::SiteVisit | RulingKind::Provisional);
    if ruling.text.trim().is_empty() || (dated && ruling.by_ms.is_none()) {
        return Err(Why::ReasonNeeded);
    }
    Ok(())
}
