//! What lists ask of a case beside its fields: whether its clock runs and until when, whether it hangs, came back, or is a
//! relapse. A pure fold; the store keeps it in columns.

use crate::case::{Case, CaseState};

/// A clock that ends within so long is nearly over 将超时, milliseconds.
pub const SOON_MS: i64 = 2 * 3_600_000;

/// The head of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseHead {
    /// When its clock ends; nothing when none runs: none is set, it stands still, it was stopped, or nobody has to do
    /// anything any more.
    pub due_ms: Option<i64>,
    /// 督办
    pub supervised: bool,
    /// 挂账 or 缓办 now.
    pub hung: bool,
    /// A unit has asked to return it, once or more.
    pub returned: bool,
    /// 回潮
    pub relapsed: bool,
}

impl CaseHead {
    /// Of a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let runs = |d: &&crate::deadline::Due| d.paused_ms.is_none() && d.stopped_ms.is_none();
        let due = case.due.as_ref().filter(|_| case.state.is_open()).filter(runs);
        Self {
            due_ms: due.map(|d| d.due_ms),
            supervised: case.supervised.is_some(),
            hung: case.state == CaseState::Hung,
            returned: case.returns > 0,
            relapsed: is_relapse(case),
        }
    }
}

/// Whether a case stands where another was closed not long before 回潮.
#[must_use]
pub fn is_relapse(case: &Case) -> bool {
    case.relapsed_from.is_some()
}

crate::open_enum! {
    /// How a case stands to its clock.
    pub enum Lateness {
        /// 超时
        Yes = "yes",
        /// 将超时: ends within two hours.
        Soon = "soon",
        /// Not over: ends later, or no clock runs.
        No = "no",
    }
}

impl Lateness {
    /// Whether a clock that ends then stands so now.
    #[must_use]
    pub fn fits(&self, due_ms: Option<i64>, now_ms: i64) -> bool {
        match self {
            Lateness::Yes => due_ms.is_some_and(|due| due < now_ms),
            Lateness::Soon => due_ms.is_some_and(|due| (now_ms..now_ms + SOON_MS).contains(&due)),
            Lateness::No => due_ms.is_none_or(|due| due >= now_ms),
            Lateness::Other(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn head(state: &str, more: &serde_json::Value) -> CaseHead {
        let mut case = json!({
            "case_id": crate::CaseId::from_parts(1, [1; 10]), "state": state, "place": {"by": "unknown"},
            "captured": {"at_ms": 1, "class": "exact", "claimed_ms": 1}, "received_ms": 1, "updated_ms": 1,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            case[key] = value.clone();
        }
        CaseHead::of(&serde_json::from_value(case).expect("a case"))
    }

    #[test]
    fn only_a_clock_that_runs_is_due() {
        let due = |more: &serde_json::Value| {
            let mut due = json!({"rule": "x", "value": 1, "unit": "clock_hour", "calendar": "urgent", "from_ms": 1, "due_ms": 9});
            for (key, value) in more.as_object().into_iter().flatten() {
                due[key] = value.clone();
            }
            json!({ "due": due })
        };
        assert_eq!(head("in_work", &due(&json!({}))).due_ms, Some(9));
        assert_eq!(head("in_work", &due(&json!({"paused_ms": 5}))).due_ms, None);
        assert_eq!(head("fed_back", &due(&json!({"stopped_ms": 5}))).due_ms, None);
        assert_eq!(head("closed", &due(&json!({}))).due_ms, None);
        assert_eq!(head("reported", &json!({})).due_ms, None);
    }

    #[test]
    fn a_relapse_is_told_by_what_it_came_from() {
        assert!(!head("reported", &json!({})).relapsed);
        assert!(
            head(
                "reported",
                &json!({"relapsed_from": {"op_id": crate::OpId::from_parts(1, [1; 10]),
            "case": crate::CaseId::from_parts(1, [1; 10]), "closed_ms": 1, "days": 1, "at_ms": 1}})
            )
            .relapsed
        );
        assert!(head("hung", &json!({})).hung && !head("in_work", &json!({})).hung);
    }

    #[test]
    fn a_clock_is_over_or_nearly_or_not() {
        let word =
            |due| Lateness::KNOWN.iter().filter(|l| l.fits(due, 100)).map(|l| l.as_str()).collect::<Vec<_>>();
        assert_eq!(word(Some(99)), ["yes"]);
        assert_eq!(word(Some(100)), ["soon", "no"]);
        assert_eq!(word(Some(100 + SOON_MS)), ["no"]);
        assert_eq!(word(None), ["no"]);
    }
}
