//! How long a case may wait for somebody else than a unit: the desks, the reporter, the collector who looks, the verifier
//! (field.md U8, U11; domain 2.4). A limit is shown and counted; it moves nothing.

use super::CalendarKind;
use crate::case::CaseState;
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;

crate::open_enum! {
    /// What a case waits for.
    pub enum WaitKind {
        /// 立案时限: the filing desk decides within 30 minutes.
        File = "file",
        /// 核实时限: somebody has looked within 2 hours.
        Check = "check",
        /// 补充时限: the reporter answers within 2 hours.
        More = "more",
        /// 派遣时限: the dispatcher sends it within 30 minutes.
        Dispatch = "dispatch",
        /// 裁定时限: the duty leader rules within 4 hours.
        Rule = "rule",
        /// 核查时限: it is verified within 24 hours of service.
        Verify = "verify",
    }
}

/// What a case waits for, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeskWait {
    /// For what.
    pub kind: WaitKind,
    /// Since when, server time.
    pub from_ms: i64,
    /// Until when it should have been.
    pub due_ms: i64,
}

/// What a case in a state waits for since a moment; nothing when it is a unit's, or done with. Desks and collectors work by
/// the hours of the trade that never closes for a holiday; what is dangerous waits for no morning.
#[must_use]
pub fn desk_wait(state: &CaseState, urgent: bool, since_ms: i64) -> Option<DeskWait> {
    let (kind, minutes) = match state {
        CaseState::Reported => (WaitKind::File, 30),
        CaseState::Checking => (WaitKind::Check, 120),
        CaseState::NeedMore => (WaitKind::More, 120),
        CaseState::Filed => (WaitKind::Dispatch, 30),
        CaseState::ReturnRequested => (WaitKind::Rule, 240),
        CaseState::FedBack | CaseState::Verifying => (WaitKind::Verify, 24 * 60),
        _ => return None,
    };
    let calendar = if urgent { CalendarKind::Urgent } else { CalendarKind::Sanitation };
    let due_ms = calendar.after(since_ms, minutes * MINUTE_MS);
    Some(DeskWait { kind, from_ms: since_ms, due_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_the_night_waits_for_the_morning_and_danger_does_not() {
        // 2026-03-02 23:00 in UTC+8.
        let night = 1_772_463_600_000;
        let wait = |urgent| desk_wait(&CaseState::Reported, urgent, night).unwrap().due_ms - night;
        assert_eq!((wait(false), wait(true)), ((7 * 60 + 30) * MINUTE_MS, 30 * MINUTE_MS));
        assert_eq!(desk_wait(&CaseState::InWork, false, night), None);
    }
}
