//! Reports 上报 and what was fixed on the spot 当场处理. Nothing shot is refused for a missing field (U1).

use super::{Step, place};
use crate::case::{Case, CaseFile, CaseState, ClosedBy, Closing, Media, Part, PlacedBy};
use crate::command::Report;
use crate::id::CaseId;
use crate::verdict::{Cause, Why};
use crate::world::Outcome;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn report(step: &Step<'_>, report: Report, self_fixed: bool) -> Outcome {
    let Some(case_id) = step.op.env.case_id else { return super::quarantined(step.op, Cause::Malformed) };
    if let Some(file) = step.world.cases.get(&case_id) {
        // Another op opened this id already: keep the words, move nothing.
        let why = Why::AlreadyThere;
        return super::evidence::kept_as_note(step, (**file).clone(), report.description, why, vec![]);
    }
    let mut file = CaseFile::new(new_case(step, case_id, report, self_fixed));
    file.add_person(Part::Reporter, step.ctx.author.person);
    step.done(file)
}

fn new_case(step: &Step<'_>, case_id: CaseId, report: Report, self_fixed: bool) -> Case {
    let ctx = step.ctx;
    let place = place::find(
        ctx.places,
        report.position.as_ref(),
        report.grid.as_ref(),
        PlacedBy::Fix,
        ctx.time.at_ms,
    );
    let closing = self_fixed.then_some(Closing {
        by: ClosedBy::SelfFixed,
        at_ms: ctx.now_ms,
        reason: None,
        evidence_pending: false,
    });
    Case {
        case_id,
        state: if self_fixed { CaseState::Closed } else { CaseState::Reported },
        round: 0,
        short_no: None,
        local_tag: report.local_tag.clone(),
        source: report.source.clone(),
        urgent_danger: report.urgent_danger,
        case_kind: None,
        fields: fields_of(step, &report),
        tags: report.tags,
        site_id: report.site_id,
        entered_for: report.entered_for,
        fix: report.position,
        place,
        captured: ctx.time.clone(),
        received_ms: ctx.now_ms,
        self_fixed,
        rights_unsure: step.unsure,
        lead: None,
        assists: vec![],
        filed_ms: None,
        due: None,
        extension_asked: None,
        extensions: 0,
        handed_on: None,
        hung: None,
        supervised: None,
        more_asked: None,
        checked: None,
        return_asked: None,
        returns: 0,
        rulings: vec![],
        dispatched_ms: None,
        feed_back: None,
        drawn: None,
        reworks: 0,
        verify: None,
        closing,
        spot_check: None,
        watch_until_ms: None,
        relapsed_from: None,
        relapsed_to: None,
        reason: None,
        void_asked: None,
        merged_into: None,
        merged_short: None,
        merged_from: BTreeSet::new(),
        media: Media::default(),
        conflicts_open: 0,
        erased: None,
        since_ms: Some(ctx.now_ms),
        updated_ms: ctx.now_ms,
        extra: BTreeMap::new(),
    }
}

/// The mergeable fields. Severity comes from the catalogue; nobody is asked for it in the field (U2).
fn fields_of(step: &Step<'_>, report: &Report) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    if let Some(category) = &report.category {
        fields.insert("category".into(), json!(category));
        let code = category.problem.as_deref().or(category.item.as_deref());
        if let (Some(catalogue), Some(code)) = (step.ctx.catalogue, code)
            && let Some(severity) = catalogue.severity_of(code)
        {
            fields.insert("severity".into(), json!(severity));
        }
    }
    if let Some(text) = &report.description {
        fields.insert("description".into(), json!(text));
    }
    if let Some(landmark) = &report.landmark {
        fields.insert("landmark".into(), json!(landmark));
    }
    fields
}
