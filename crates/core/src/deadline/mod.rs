//! Deadlines 处置时限: which rule a case runs by, until when, and how its clock pauses, stops and goes on (domain 2.2, 2.4;
//! field.md U11). Computed from the moments the server gave; a phone computes the same.

mod calendar;
mod city;
mod explain;
mod steps;
mod waits;

pub use calendar::{CalendarKind, Hours};
pub use city::{CalendarProblem, CityCalendar, OwnHours, WeekDays, own_hours};
pub use steps::{DueStep, StepKind};
pub use waits::{DeskWait, WaitKind, desk_wait};

use crate::catalogue::{Catalogue, Deadline};
use crate::limits::{DEFAULT_WORKING_DAYS, RETURN_WINDOW_MS_MAX, RETURN_WINDOW_MS_MIN, URGENT_HOURS};
use serde::{Deserialize, Serialize};

const HOUR_MS: i64 = 3_600_000;

/// The clock of a case in a unit's hands. Times are server time, milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Due {
    /// What set it: an item's code, `urgent` or `default`.
    pub rule: String,
    /// How many.
    pub value: u32,
    /// `service_hour`, `working_day`, `clock_hour` or `calendar_day`.
    pub unit: String,
    /// When it runs.
    pub calendar: CalendarKind,
    /// The city's own hours, where it had a calendar of that kind when the clock began; the clock keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnHours>,
    /// When it began.
    pub from_ms: i64,
    /// When it ends.
    pub due_ms: i64,
    /// Since when it stands still, because the case hangs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_ms: Option<i64>,
    /// When the unit fed back; it no longer runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_ms: Option<i64>,
    /// Until when the unit may ask to return the case; after that silence is acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_until_ms: Option<i64>,
    /// What moved its end, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<DueStep>,
}

impl Due {
    /// The clock of a case that is dispatched now, in a city without calendars of its own. `code` is its item.
    #[must_use]
    pub fn begin(catalogue: Option<&Catalogue>, code: Option<&str>, urgent: bool, now_ms: i64) -> Self {
        Self::begin_in(&[], catalogue, code, urgent, now_ms)
    }

    /// As `begin`, by the city's calendars.
    #[must_use]
    pub fn begin_in(
        city: &[CityCalendar],
        catalogue: Option<&Catalogue>,
        code: Option<&str>,
        urgent: bool,
        now_ms: i64,
    ) -> Self {
        let item = code.and_then(|code| catalogue?.item_of(code));
        let rule = item.and_then(|item| Some((item.code.as_str(), item.default_deadline.as_ref()?)));
        let urgently = Deadline { value: URGENT_HOURS, unit: "clock_hour".into() };
        let by_default = Deadline { value: DEFAULT_WORKING_DAYS, unit: "working_day".into() };
        match rule {
            _ if urgent => Self::by_in(city, "urgent", &urgently, now_ms),
            Some((code, deadline)) => Self::by_in(city, code, deadline, now_ms),
            None => Self::by_in(city, "default", &by_default, now_ms),
        }
    }

    /// The clock by a rule, in a city without calendars of its own.
    #[must_use]
    pub fn by(rule: &str, length: &Deadline, now_ms: i64) -> Self {
        Self::by_in(&[], rule, length, now_ms)
    }

    /// The clock by a rule and the city's calendars.
    #[must_use]
    pub fn by_in(city: &[CityCalendar], rule: &str, length: &Deadline, now_ms: i64) -> Self {
        let calendar = match length.unit.as_str() {
            "service_hour" => CalendarKind::Sanitation,
            "clock_hour" | "calendar_day" => CalendarKind::Urgent,
            _ => CalendarKind::Office,
        };
        let own = own_hours(city, &calendar, now_ms);
        let hours = own.as_ref().map_or_else(|| calendar.hours(), |own| own.hours.clone());
        let value = i64::from(length.value);
        let due_ms = match length.unit.as_str() {
            "service_hour" | "clock_hour" => hours.after(now_ms, value * HOUR_MS),
            "calendar_day" => hours.after(now_ms, value * 24 * HOUR_MS),
            _ => hours.close_of_day(now_ms, length.value),
        };
        Self {
            rule: rule.to_owned(),
            value: length.value,
            unit: length.unit.clone(),
            return_until_ms: Some(return_window(&hours, now_ms, due_ms)),
            calendar,
            own,
            from_ms: now_ms,
            due_ms,
            paused_ms: None,
            stopped_ms: None,
            steps: vec![],
        }
    }

    /// The hours by which it runs: those that it was given.
    #[must_use]
    pub fn hours(&self) -> Hours {
        self.own.as_ref().map_or_else(|| self.calendar.hours(), |own| own.hours.clone())
    }

    /// Whether it is over 超时 at a moment: a clock that stopped or stands still is judged by when it did.
    #[must_use]
    pub fn is_overdue(&self, now_ms: i64) -> bool {
        self.stopped_ms.or(self.paused_ms).unwrap_or(now_ms) > self.due_ms
    }

    /// The Chinese word of the unit.
    #[must_use]
    pub fn unit_zh(&self) -> &str {
        match self.unit.as_str() {
            "service_hour" => "工作时",
            "working_day" => "工作日",
            "clock_hour" => "小时",
            "calendar_day" => "天",
            other => other,
        }
    }
}

/// When the return window closes: a quarter of the time there is, at most four hours and at least half an hour of the unit's
/// own shift (domain 6B; field.md U11).
fn return_window(hours: &Hours, from_ms: i64, due_ms: i64) -> i64 {
    let quarter = hours.between(from_ms, due_ms) / 4;
    hours.after(from_ms, quarter.clamp(RETURN_WINDOW_MS_MIN, RETURN_WINDOW_MS_MAX))
}
