//! Capture times: what a phone's clocks claim, and what can be recovered (protocol 4).
//!
//! Knows no clock itself. A phone's clock orders nothing and is never a reason to refuse.

use crate::limits::GNSS_AGE_MS_MAX;
use serde::{Deserialize, Serialize};

/// The clock readings at capture, as the phone wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Captured {
    /// The phone's wall clock, milliseconds since 1970.
    #[serde(default)]
    pub wall_ms: i64,
    /// A clock that counts sleep, milliseconds since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mono_ms: Option<i64>,
    /// Which boot `mono_ms` belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Server minus phone at the phone's last exchange before capture, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ms: Option<i64>,
    /// Satellite time of the last fix, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gnss_ms: Option<i64>,
    /// Age of that fix at capture, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gnss_age_ms: Option<i64>,
}

/// The clock readings when a push frame left, stamped per attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sent {
    /// The phone's wall clock, milliseconds since 1970.
    #[serde(default)]
    pub wall_ms: i64,
    /// A clock that counts sleep, milliseconds since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mono_ms: Option<i64>,
    /// Which boot `mono_ms` belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
}

crate::open_enum! {
    /// How far a recovered capture time can be trusted.
    pub enum ClockClass {
        /// Same boot, a clock that counts sleep: the server's own clock minus the elapsed time.
        Exact = "exact",
        /// Satellite time of a fresh fix.
        Gnss = "gnss",
        /// The phone's wall clock plus its last known offset.
        Estimated = "estimated",
        /// The phone's wall clock alone, or a clamped value.
        Claimed = "claimed",
    }
}

impl ClockClass {
    /// Whether evidence of this class is judged by the rights of the past (protocol 6).
    #[must_use]
    pub fn dates_rights(&self) -> bool {
        matches!(self, ClockClass::Exact | ClockClass::Gnss)
    }
}

/// A capture time as recovered once, at first receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaptureTime {
    /// The recovered time in server terms, milliseconds since 1970.
    pub at_ms: i64,
    /// How it was recovered.
    pub class: ClockClass,
    /// What the phone's wall clock said.
    pub claimed_ms: i64,
}

/// Recovers the capture time of an op at its first receipt (protocol 4).
#[must_use]
pub fn recover(captured: &Captured, sent: &Sent, receipt_ms: i64, enrolled_ms: i64) -> CaptureTime {
    let (at_ms, class) = best_guess(captured, sent, receipt_ms, enrolled_ms);
    let claimed_ms = captured.wall_ms;
    if at_ms > receipt_ms {
        return CaptureTime { at_ms: receipt_ms, class: ClockClass::Claimed, claimed_ms };
    }
    CaptureTime { at_ms, class, claimed_ms }
}

fn best_guess(captured: &Captured, sent: &Sent, receipt_ms: i64, enrolled_ms: i64) -> (i64, ClockClass) {
    if let (Some(then), Some(now), Some(a), Some(b)) =
        (captured.mono_ms, sent.mono_ms, captured.boot_id.as_deref(), sent.boot_id.as_deref())
        && a == b
    {
        let claimed = crate::mutant::is("clock_believed");
        let at_ms =
            if claimed { captured.wall_ms } else { receipt_ms.saturating_sub(now.saturating_sub(then)) };
        return (at_ms, ClockClass::Exact);
    }
    if let (Some(gnss), Some(age)) = (captured.gnss_ms, captured.gnss_age_ms)
        && (0..=GNSS_AGE_MS_MAX).contains(&age)
        && (enrolled_ms..=receipt_ms).contains(&gnss)
    {
        return (gnss.saturating_add(age).min(receipt_ms), ClockClass::Gnss);
    }
    match captured.offset_ms {
        Some(offset) => (captured.wall_ms.saturating_add(offset), ClockClass::Estimated),
        None => (captured.wall_ms, ClockClass::Claimed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(wall_ms: i64) -> Captured {
        Captured { wall_ms, ..Captured::default() }
    }

    #[test]
    fn eight_hours_of_sleep_between_capture_and_push_cost_nothing() {
        let c = Captured { mono_ms: Some(1_000), boot_id: Some("b".into()), ..captured(99) };
        let sent = Sent { wall_ms: 5, mono_ms: Some(28_801_000), boot_id: Some("b".into()) };
        let time = recover(&c, &sent, 100_000_000, 0);
        assert_eq!(time.at_ms, 100_000_000 - 28_800_000);
        assert_eq!(time.class, ClockClass::Exact);
    }

    #[test]
    fn a_reboot_falls_back_to_gnss_then_offset_then_wall() {
        let base = Captured {
            mono_ms: Some(1),
            boot_id: Some("a".into()),
            gnss_ms: Some(500),
            gnss_age_ms: Some(20),
            offset_ms: Some(7),
            ..captured(100)
        };
        let sent = Sent { mono_ms: Some(2), boot_id: Some("b".into()), ..Sent::default() };
        assert_eq!(recover(&base, &sent, 1_000, 0).class, ClockClass::Gnss);
        let stale = Captured { gnss_age_ms: Some(10_001), ..base.clone() };
        let time = recover(&stale, &sent, 1_000, 0);
        assert_eq!((time.at_ms, time.class), (107, ClockClass::Estimated));
        let before_enrolment = recover(&base, &sent, 1_000, 600);
        assert_eq!(before_enrolment.class, ClockClass::Estimated);
        let bare = recover(&captured(100), &sent, 1_000, 0);
        assert_eq!((bare.at_ms, bare.class), (100, ClockClass::Claimed));
    }

    #[test]
    fn a_clock_years_ahead_is_clamped_and_loses_its_class() {
        let c = Captured { offset_ms: Some(0), ..captured(i64::MAX) };
        let time = recover(&c, &Sent::default(), 1_000, 0);
        assert_eq!((time.at_ms, time.class, time.claimed_ms), (1_000, ClockClass::Claimed, i64::MAX));
    }
}
