//! Deadlines 处置时限: which rule a case runs by, until when, and how its clock pauses, stops and goes on (domain 2.2, 2.4;
//! field.md U11). Computed from the moments the server gave; a phone computes the same.

mod calendar;

pub use calendar::{CalendarKind, day_of, shown};

use crate::catalogue::{Catalogue, Deadline};
use crate::limits::{DEFAULT_WORKING_DAYS, URGENT_HOURS};
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
}

impl Due {
    /// The clock of a case that is dispatched now. `code` is its item.
    #[must_use]
    pub fn begin(catalogue: Option<&Catalogue>, code: Option<&str>, urgent: bool, now_ms: i64) -> Self {
        let item = code.and_then(|code| catalogue?.item_of(code));
        let rule = item.and_then(|item| Some((item.code.as_str(), item.default_deadline.as_ref()?)));
        let urgently = Deadline { value: URGENT_HOURS, unit: "clock_hour".into() };
        let by_default = Deadline { value: DEFAULT_WORKING_DAYS, unit: "working_day".into() };
        match rule {
            _ if urgent => Self::by("urgent", &urgently, now_ms),
            Some((code, deadline)) => Self::by(code, deadline, now_ms),
            None => Self::by("default", &by_default, now_ms),
        }
    }

    /// The clock by a rule.
    #[must_use]
    pub fn by(rule: &str, length: &Deadline, now_ms: i64) -> Self {
        let calendar = match length.unit.as_str() {
            "service_hour" => CalendarKind::Sanitation,
            "clock_hour" | "calendar_day" => CalendarKind::Urgent,
            _ => CalendarKind::Office,
        };
        let value = i64::from(length.value);
        let due_ms = match length.unit.as_str() {
            "service_hour" | "clock_hour" => calendar.after(now_ms, value * HOUR_MS),
            "calendar_day" => calendar.after(now_ms, value * 24 * HOUR_MS),
            _ => calendar.close_of_day(now_ms, length.value),
        };
        Self {
            rule: rule.to_owned(),
            value: length.value,
            unit: length.unit.clone(),
            calendar,
            from_ms: now_ms,
            due_ms,
            paused_ms: None,
            stopped_ms: None,
        }
    }

    /// 挂账: stands still.
    pub fn pause(&mut self, now_ms: i64) {
        self.paused_ms = self.paused_ms.or(Some(now_ms));
    }

    /// Goes on with the time that was left. What was late when it stood still stays late.
    pub fn resume(&mut self, now_ms: i64) {
        let Some(paused_ms) = self.paused_ms.take() else { return };
        if paused_ms < self.due_ms {
            self.due_ms = self.calendar.after(now_ms, self.calendar.between(paused_ms, self.due_ms));
        }
    }

    /// 处置反馈: the unit has done its part.
    pub fn stop(&mut self, now_ms: i64) {
        self.stopped_ms = self.stopped_ms.or(Some(now_ms));
    }

    /// 返工: the unit gets the time it had left, or half of the whole, whichever is more.
    pub fn again(&mut self, now_ms: i64) {
        let left = self.calendar.between(self.stopped_ms.take().unwrap_or(now_ms), self.due_ms);
        let half = self.calendar.between(self.from_ms, self.due_ms) / 2;
        self.due_ms = self.calendar.after(now_ms, left.max(half));
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

    /// The clock in words: rule, calendar, what was counted on which day, end.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "规则 rule {}：{} {}（{}），{}",
                self.rule,
                self.value,
                self.unit_zh(),
                self.unit,
                self.calendar.zh()
            ),
            format!("起算 from {}", shown(self.from_ms)),
        ];
        for day in day_of(self.from_ms) - 1..=day_of(self.due_ms) {
            let Some((open, close)) = self.calendar.open_on(day) else { continue };
            let (begin, end) = (open.max(self.from_ms), close.min(self.due_ms));
            if begin < end {
                let minutes = (end - begin) / 60_000;
                let (from, to) = (shown(begin), shown(end));
                lines.push(format!("  {from} 至 to {to}，{}:{:02}", minutes / 60, minutes % 60));
            }
        }
        lines.push(format!("到期 due {}", shown(self.due_ms)));
        lines.extend(self.paused_ms.map(|ms| format!("暂停 paused since {}", shown(ms))));
        lines.extend(self.stopped_ms.map(|ms| format!("反馈 fed back {}", shown(ms))));
        lines
    }
}
