//! Service calendars 工作时: when a clock runs (field.md U11, U12). China has one time and no summer time: UTC+8.

use crate::local::{DAY_MS, MINUTE_MS, ZONE_MS, day_number, day_of};
use serde::{Deserialize, Serialize};
use time::{Date, Month};

/// No clock runs longer: some ten years.
const DAYS_MAX: i64 = 4_000;

crate::open_enum! {
    /// A calendar, by the trade that works by it.
    pub enum CalendarKind {
        /// 环卫: every day, 06:00 to 22:00.
        Sanitation = "sanitation",
        /// 机关: working days, 08:30 to 17:30.
        Office = "office",
        /// 夜市: every day, 18:00 to 02:00 of the next.
        NightMarket = "night_market",
        /// 紧急工作时: day and night.
        Urgent = "urgent",
    }
}

impl CalendarKind {
    /// The hours that a city has that names no calendar of its own; a time above 24 hours is of the next day.
    #[must_use]
    pub fn hours(&self) -> Hours {
        let daily = |from: i64, to: i64| Hours::daily(vec![(from, to)]);
        match self {
            CalendarKind::Sanitation => daily(6 * 60, 22 * 60),
            CalendarKind::NightMarket => daily(18 * 60, 26 * 60),
            CalendarKind::Urgent => daily(0, 24 * 60),
            // One that this version does not know runs as offices do: nobody is late too early.
            CalendarKind::Office | CalendarKind::Other(_) => Hours {
                spans: vec![(8 * 60 + 30, 17 * 60 + 30)],
                working: true,
                off: OFF.to_vec(),
                make_up: MAKE_UP.to_vec(),
            },
        }
    }

    /// The Chinese name.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            CalendarKind::Sanitation => "环卫工作时（每天 06:00-22:00）",
            CalendarKind::Office => "机关工作日（08:30-17:30）",
            CalendarKind::NightMarket => "夜市（18:00-次日 02:00）",
            CalendarKind::Urgent => "紧急工作时（昼夜）",
            CalendarKind::Other(word) => word,
        }
    }

    /// When it is open on a day that counts from 1970-01-01: from and to, milliseconds since 1970.
    #[must_use]
    pub fn open_on(&self, day: i64) -> Option<(i64, i64)> {
        self.hours().open_on(day).next()
    }

    /// See `Hours::after`.
    #[must_use]
    pub fn after(&self, from_ms: i64, open_ms: i64) -> i64 {
        self.hours().after(from_ms, open_ms)
    }

    /// See `Hours::between`.
    #[must_use]
    pub fn between(&self, from_ms: i64, to_ms: i64) -> i64 {
        self.hours().between(from_ms, to_ms)
    }

    /// See `Hours::close_of_day`.
    #[must_use]
    pub fn close_of_day(&self, from_ms: i64, n: u32) -> i64 {
        self.hours().close_of_day(from_ms, n)
    }
}

/// When a clock runs, day by day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hours {
    /// From and to which minute of an open day, in order; above 24 hours is of the next day.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<i64>>))]
    pub spans: Vec<(i64, i64)>,
    /// Whether Saturdays and Sundays are closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub working: bool,
    /// Days off 放假: first and last, since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<i64>>))]
    pub off: Vec<(i64, i64)>,
    /// Make-up workdays 调休上班, since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub make_up: Vec<i64>,
}

impl Hours {
    fn daily(spans: Vec<(i64, i64)>) -> Self {
        Self { spans, working: false, off: vec![], make_up: vec![] }
    }

    /// Whether it is open on a day that counts from 1970-01-01.
    #[must_use]
    pub fn is_open_day(&self, day: i64) -> bool {
        if self.make_up.contains(&day) {
            return true;
        }
        // 1970-01-01 was a Thursday; Monday is 0.
        let weekday = (day + 3).rem_euclid(7);
        (!self.working || weekday < 5)
            && !self.off.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }

    /// When it is open on a day that counts from 1970-01-01: from and to, milliseconds since 1970.
    pub fn open_on(&self, day: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        let at = move |minute: i64| day * DAY_MS - ZONE_MS + minute * MINUTE_MS;
        let spans = if self.is_open_day(day) { self.spans.as_slice() } else { &[] };
        spans.iter().map(move |(from, to)| (at(*from), at(*to)))
    }

    /// The moment at which so much open time has passed since `from_ms`, milliseconds.
    #[must_use]
    pub fn after(&self, from_ms: i64, open_ms: i64) -> i64 {
        let mut left = open_ms.max(0);
        // What opened the day before may still be open.
        for day in day_of(from_ms) - 1..day_of(from_ms) + DAYS_MAX {
            for (open, close) in self.open_on(day) {
                let begin = open.max(from_ms);
                if begin < close {
                    if left <= close - begin {
                        return begin + left;
                    }
                    left -= close - begin;
                }
            }
        }
        from_ms + open_ms
    }

    /// How much open time lies between two moments, milliseconds; nothing when the second is the earlier.
    #[must_use]
    pub fn between(&self, from_ms: i64, to_ms: i64) -> i64 {
        let days = day_of(from_ms) - 1..=day_of(to_ms).min(day_of(from_ms) + DAYS_MAX);
        let open = days.flat_map(|day| self.open_on(day));
        open.map(|(open, close)| (close.min(to_ms) - open.max(from_ms)).max(0)).sum()
    }

    /// The close of the n-th open day after the day of `from_ms`, which does not count itself.
    #[must_use]
    pub fn close_of_day(&self, from_ms: i64, n: u32) -> i64 {
        let days = day_of(from_ms) + 1..day_of(from_ms) + DAYS_MAX;
        let nth = usize::try_from(n.max(1) - 1).unwrap_or(usize::MAX);
        days.filter_map(|day| self.open_on(day).last()).nth(nth).map_or(from_ms, |(_, close)| close)
    }
}

/// Days off 放假 and make-up workdays 调休上班 of 2026 (State Council notice of 2025-11-04; field.md U12): first and last.
const OFF: &[(i64, i64)] = &[
    (day(Month::January, 1), day(Month::January, 3)),
    (day(Month::February, 15), day(Month::February, 23)),
    (day(Month::April, 4), day(Month::April, 6)),
    (day(Month::May, 1), day(Month::May, 5)),
    (day(Month::June, 19), day(Month::June, 21)),
    (day(Month::September, 25), day(Month::September, 27)),
    (day(Month::October, 1), day(Month::October, 7)),
];
const MAKE_UP: &[i64] = &[
    day(Month::January, 4),
    day(Month::February, 14),
    day(Month::February, 28),
    day(Month::May, 9),
    day(Month::September, 20),
    day(Month::October, 10),
];

/// A day of 2026.
const fn day(month: Month, day: u8) -> i64 {
    match Date::from_calendar_date(2026, month, day) {
        Ok(date) => day_number(date),
        Err(_) => panic!("no such day"),
    }
}
