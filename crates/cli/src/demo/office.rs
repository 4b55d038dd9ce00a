//! The supervisor's morning: file, merge what two phones reported twice, dispatch twenty.

use super::desk::Desk;
use super::plan::UNIT;
use super::wire::{Job, scene_of};
use crate::out::Done;
use blindspot_core::CaseId;
use blindspot_core::case::{Case, CaseState};
use blindspot_core::geo::distance_m;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How many cases are dispatched.
pub(crate) const DISPATCHED: usize = 20;
/// On so many of them the handler gives feedback.
pub(crate) const FED_BACK: usize = 12;
/// So many feedbacks are checked on the spot, and the cases closed.
pub(crate) const CHECKED: usize = 8;
/// Two reports of one problem this near are taken for one spot, metres.
const SAME_SPOT_M: f64 = 15.0;

/// What the office did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Morning {
    /// Cases filed 立案.
    pub(crate) filed: usize,
    /// Cases merged 并案 into another.
    pub(crate) merged: usize,
    /// Cases dispatched 派遣, with their scenes.
    pub(crate) dispatched: Vec<Job>,
}

/// Files every report, merges pairs at one spot, dispatches [`DISPATCHED`].
pub(crate) fn work(desk: &Desk, step: &mut dyn FnMut(&str)) -> Done<Morning> {
    let mut morning = Morning::default();
    let cases = desk.cases()?;
    let mut gone = BTreeSet::new();
    for (later, earlier) in pairs(&cases) {
        desk.act(later, "merge", &json!({"into": earlier.case_id, "reason": "same_spot"}))?;
        gone.insert(later.case_id);
        morning.merged += 1;
        step("并案 merge");
    }
    let open = |c: &&Case| c.state == CaseState::Reported && !gone.contains(&c.case_id);
    for case in cases.iter().filter(open) {
        desk.act(case, "file", &json!({"reason": "valid"}))?;
        morning.filed += 1;
        step("立案 file");
    }
    // As they are now: filing has changed what the desk must say it saw.
    let filed = desk.cases()?;
    let filed: Vec<&Case> = filed.iter().filter(|c| c.state == CaseState::Filed).collect();
    // Evenly over the list, so that every town has some.
    let step_by = (filed.len() / DISPATCHED).max(1);
    for case in filed.iter().step_by(step_by).take(DISPATCHED) {
        let note = json!({"lead": UNIT, "case_kind": "do_now", "note": "今天 16:00 前处置"});
        desk.act(case, "dispatch", &note)?;
        morning.dispatched.extend(job_of(case));
        step("派遣 dispatch");
    }
    Ok(morning)
}

/// The case as a job for a phone, when it is one of the demo's scenes.
pub(crate) fn job_of(case: &Case) -> Option<Job> {
    let landmark = case.fields.get("landmark").and_then(Value::as_str)?;
    Some(Job { case_id: case.case_id, scene: scene_of(landmark)? })
}

/// Pairs of reports of one problem at one spot: the later one, then the earlier one.
fn pairs(cases: &[Case]) -> Vec<(&Case, &Case)> {
    let problem = |c: &Case| c.fields.get("category").and_then(|v| v.get("problem")).cloned();
    let mut gone: BTreeSet<CaseId> = BTreeSet::new();
    let mut out = Vec::new();
    for (i, a) in cases.iter().enumerate() {
        for b in &cases[i + 1..] {
            let (Some(p), Some(q)) = (a.place.point, b.place.point) else { continue };
            let near = distance_m(p, q) < SAME_SPOT_M && problem(a) == problem(b) && problem(a).is_some();
            let both = a.state == CaseState::Reported && b.state == CaseState::Reported;
            if !near || !both || gone.contains(&a.case_id) || gone.contains(&b.case_id) {
                continue;
            }
            let (later, earlier) = if a.captured.at_ms > b.captured.at_ms { (a, b) } else { (b, a) };
            gone.insert(later.case_id);
            out.push((later, earlier));
        }
    }
    out
}
