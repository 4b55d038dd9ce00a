//! Requests to return a case, and the rulings on them (field.md U17).

use super::moves::{allowed, make};
use super::{Step, evidence, quarantined};
use crate::access::Role;
use crate::case::{CaseFile, ReturnAsked, RulingRef, ShortNo};
use crate::command::{RequestReturn, ReturnReason, Ruling, RulingKind};
use crate::division::Span;
use crate::duty::Precedent;
use crate::limits::{ARBITRATION_FROM, PRECEDENT_MS};
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
    let asked = file.case.return_asked.as_ref().map(|asked| asked.reason.clone());
    make(&mut file, row);
    let (from, now_ms) = (file.case.lead.clone(), step.ctx.now_ms);
    if let Some(lead) = ruling.lead.filter(|_| moves_on(&ruling.ruling)) {
        file.case.assists = ruling.assists.into_iter().filter(|unit| *unit != lead).collect();
        file.case.lead = Some(lead);
        file.case.dispatched_ms = Some(now_ms);
        file.case.due = Some(step.clock(&file));
        file.case.extensions = 0;
        file.case.feed_back = None;
        file.case.handed_on = None;
    }
    file.case.rulings.push(RulingRef {
        op_id: step.op.env.op_id,
        ruling: ruling.ruling,
        from,
        to: file.case.lead.clone(),
        precedent: ruling.precedent,
        precedent_until_ms: ruling.precedent_until_ms.filter(|_| ruling.precedent),
        by_ms: ruling.by_ms,
        entered_for: ruling.entered_for,
        at_ms: now_ms,
    });
    let precedent = precedent(step, &file, asked);
    evidence::say(step, &mut file, ruling.text, ruling.photos);
    Outcome { precedent, ..step.done(file) }
}

/// What like cases follow from now on, when the ruling that was just given says so and names whose it is. Without an item
/// there are no like cases.
fn precedent(step: &Step<'_>, file: &CaseFile, asked: Option<ReturnReason>) -> Option<Precedent> {
    let case = &file.case;
    let given = case.rulings.last().filter(|r| r.precedent && moves_on(&r.ruling))?;
    let cell = case.place.cell.as_ref().and_then(|code| step.ctx.places.cell(code, step.ctx.now_ms));
    let until_ms = given.precedent_until_ms.unwrap_or(given.at_ms + PRECEDENT_MS);
    Some(Precedent {
        op_id: given.op_id,
        case_id: file.id(),
        short_no: case.short_no.as_ref().map(ShortNo::text),
        item: Some(case.item(step.ctx.catalogue)?),
        place_class: cell.map(|cell| cell.place_class.clone()).filter(|class| !class.is_empty()),
        town: case.place.town.clone(),
        reason: asked,
        from: given.from.clone(),
        to: given.to.clone()?,
        span: Span { from_ms: given.at_ms, to_ms: Some(until_ms) },
    })
}

fn moves_on(ruling: &RulingKind) -> bool {
    !matches!(ruling, RulingKind::Maintain | RulingKind::SiteVisit)
}

/// What a ruling must say, and who may say it on the third request and after.
fn fits(step: &Step<'_>, file: &CaseFile, ruling: &Ruling) -> Result<(), Why> {
    if file.case.returns >= ARBITRATION_FROM && !step.holds(&Role::DeputyHead, file) {
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
