//! What the ops of a case did to its clock, step by step: a fold over the ops in commit order, with the times that the clock
//! of the case itself keeps.
//!
//! The log keeps what was said and decided; a clock keeps what moved its end (`Due::steps`), and is made anew by each dispatch.
//! So every step is told by the op that made it, and those of the clock that stands have their times as well; those of an
//! earlier one, or of an op that had waited and was decided later than it came, are told without. Knows no storage.

use crate::case::Case;
use crate::command::{Command, RulingKind};
use crate::deadline::{Due, StepKind};
use crate::id::OpId;
use crate::verdict::{Verdict, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

crate::open_enum! {
    /// What became of a clock.
    pub enum ClockMove {
        /// It began 起算.
        Set = "set",
        /// It stands still 暂停.
        Paused = "paused",
        /// It goes on 恢复.
        Resumed = "resumed",
        /// The unit has done its part 停表.
        Stopped = "stopped",
        /// It runs again after a failed check 返工续计.
        Again = "again",
        /// It ends later 延期.
        Extended = "extended",
        /// A pause of the city moved its end 全市暂停.
        CityPause = "city_pause",
        /// It is gone: the dispatch was taken back 取消.
        Cleared = "cleared",
    }
}

/// One step of a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClockStep {
    /// What became of it.
    pub step: ClockMove,
    /// When, server time, milliseconds since 1970.
    pub at_ms: i64,
    /// The rule that it runs by: an item's code, `urgent` or `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When it would have ended before this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_due_ms: Option<i64>,
    /// When it ends after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// The reason of a pause of the city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// An op as the fold reads it.
#[derive(Clone, Debug)]
pub struct ToldOp {
    /// The op.
    pub op_id: OpId,
    /// What it said; nothing when it was erased or is of a later version.
    pub command: Option<Command>,
    /// What became of it.
    pub verdict: Verdict,
    /// When it was received.
    pub at_ms: i64,
}

impl ToldOp {
    /// Whether it changed the case as it asked.
    fn moved(&self) -> bool {
        matches!(self.verdict, Verdict::Applied | Verdict::Noted { why: Why::RightsUnsure })
    }
}

/// The steps of a case's clock, by the op that made each.
#[must_use]
pub fn clock_steps(case: &Case, ops: &[ToldOp]) -> BTreeMap<OpId, ClockStep> {
    let mut steps = BTreeMap::new();
    let mut runs = false;
    for op in ops.iter().filter(|op| op.moved()) {
        let Some(step) = op.command.as_ref().and_then(|command| step_of(command, runs, case, op.at_ms))
        else {
            continue;
        };
        runs = step != ClockMove::Cleared;
        steps.insert(op.op_id, told(step, case.due.as_ref(), op.at_ms));
    }
    steps
}

/// What an op that moved the case did to its clock, if anything. `runs`: it had one.
fn step_of(command: &Command, runs: bool, case: &Case, at_ms: i64) -> Option<ClockMove> {
    let kept = |kind: StepKind, step: ClockMove| find(case.due.as_ref(), &kind, at_ms).map(|_| step);
    match command {
        Command::Dispatch(_) => Some(ClockMove::Set),
        Command::RuleReturn(ruling) => {
            let stays = matches!(ruling.ruling, RulingKind::Maintain | RulingKind::SiteVisit);
            (ruling.lead.is_some() && !stays).then_some(ClockMove::Set)
        }
        _ if !runs => None,
        Command::Hang(_) => Some(ClockMove::Paused),
        Command::Unhang(_) => Some(ClockMove::Resumed),
        Command::FeedBack(_) | Command::Close(_) => Some(ClockMove::Stopped),
        Command::Verify(verify) if !verify.passed => Some(ClockMove::Again),
        Command::TakeBack(_) => Some(ClockMove::Cleared),
        // These move a clock or not: the clock itself knows.
        Command::Lapse(_) => kept(StepKind::Resumed, ClockMove::Resumed),
        Command::RuleExtension(_) | Command::RequestExtension(_) => {
            kept(StepKind::Extended, ClockMove::Extended)
        }
        Command::PauseClock(_) => kept(StepKind::CityPause, ClockMove::CityPause),
        _ => None,
    }
}

fn find<'d>(due: Option<&'d Due>, kind: &StepKind, at_ms: i64) -> Option<&'d crate::deadline::DueStep> {
    due?.steps.iter().find(|step| step.kind == *kind && step.at_ms == at_ms)
}

fn told(step: ClockMove, due: Option<&Due>, at_ms: i64) -> ClockStep {
    let blank = ClockStep { step, at_ms, rule: None, from_due_ms: None, due_ms: None, why: None };
    let Some(due) = due.filter(|due| due.from_ms <= at_ms) else { return blank };
    let rule = Some(due.rule.clone());
    let moved = match blank.step {
        ClockMove::Resumed => StepKind::Resumed,
        ClockMove::Extended => StepKind::Extended,
        ClockMove::Again => StepKind::Again,
        ClockMove::CityPause => StepKind::CityPause,
        ClockMove::Set if due.from_ms != at_ms => return blank,
        _ => return ClockStep { rule, due_ms: Some(ends(due, at_ms)), ..blank },
    };
    match find(Some(due), &moved, at_ms) {
        Some(kept) => ClockStep {
            rule,
            from_due_ms: Some(kept.from_due_ms),
            due_ms: Some(kept.to_due_ms),
            why: kept.why.clone(),
            ..blank
        },
        None => blank,
    }
}

/// When it would have ended, as it stood at a moment.
fn ends(due: &Due, at_ms: i64) -> i64 {
    let first = due.steps.first().map_or(due.due_ms, |step| step.from_due_ms);
    due.steps.iter().take_while(|step| step.at_ms <= at_ms).last().map_or(first, |step| step.to_due_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const HOUR: i64 = 3_600_000;

    fn told(n: u8, kind: &str, payload: &Value, at_ms: i64) -> ToldOp {
        let raw = serde_json::value::to_raw_value(payload).expect("JSON");
        let command = Command::read(kind, 1, &raw).ok();
        assert!(command.is_some(), "{kind}");
        ToldOp { op_id: OpId::from_parts(1, [n; 10]), command, verdict: Verdict::Applied, at_ms }
    }

    fn case(due: &Option<Due>) -> Case {
        serde_json::from_value(json!({
            "case_id": crate::CaseId::from_parts(1, [1; 10]), "state": "in_work", "place": {"by": "unknown"},
            "captured": {"at_ms": 1, "class": "exact", "claimed_ms": 1}, "received_ms": 1, "updated_ms": 1, "due": due,
        }))
        .expect("a case")
    }

    fn story() -> Vec<ToldOp> {
        let back = OpId::from_parts(1, [9; 10]);
        vec![
            told(1, "report", &json!({"urgent_danger": true}), 0),
            told(2, "dispatch", &json!({"lead": "u"}), HOUR),
            told(3, "hang", &json!({"reason": "雨", "review_ms": 9}), 2 * HOUR),
            told(4, "unhang", &json!({"reason": ""}), 5 * HOUR),
            told(5, "feed_back", &json!({"text": "好"}), 6 * HOUR),
            told(6, "verify", &json!({"feed_back": back, "passed": false}), 7 * HOUR),
        ]
    }

    #[test]
    fn steps_are_told_with_the_times_that_the_clock_keeps() {
        let mut due = Due::begin(None, None, true, HOUR);
        let first = due.due_ms;
        due.pause(2 * HOUR);
        due.resume(5 * HOUR);
        let resumed = due.due_ms;
        due.stop(6 * HOUR);
        due.again(7 * HOUR);
        let last = due.due_ms;
        let steps: Vec<ClockStep> = clock_steps(&case(&Some(due)), &story()).into_values().collect();
        let all: Vec<_> = steps.iter().map(|s| (s.step.as_str(), s.from_due_ms, s.due_ms)).collect();
        let want = [
            ("set", None, Some(first)),
            ("paused", None, Some(first)),
            ("resumed", Some(first), Some(resumed)),
            ("stopped", None, Some(resumed)),
            ("again", Some(resumed), Some(last)),
        ];
        assert_eq!(all, want);
        assert_eq!(steps[0].rule.as_deref(), Some("urgent"));
    }

    #[test]
    fn steps_of_an_earlier_clock_are_told_without_times() {
        let later = Due::begin(None, None, false, 50 * HOUR);
        let steps = clock_steps(&case(&Some(later)), &story());
        assert_eq!(steps.len(), 5);
        assert!(steps.values().all(|s| s.due_ms.is_none() && s.rule.is_none()));
    }

    #[test]
    fn an_op_that_became_a_note_moves_no_clock_and_nothing_moves_one_that_is_not_there() {
        let mut ops = story();
        ops[2].verdict = Verdict::Noted { why: Why::NoPower };
        let steps = clock_steps(&case(&None), &ops);
        assert!(!steps.contains_key(&ops[2].op_id));
        ops[1].verdict = Verdict::Noted { why: Why::NoPower };
        assert!(clock_steps(&case(&None), &ops).is_empty());
    }
}
