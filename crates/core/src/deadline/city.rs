//! Calendars of the city's own 工作日历, as data with dates (field.md U11): hours, days off, make-up workdays. A clock takes a copy of
//! the one in force when it begins; whatever the city saves later moves no end that was told (decision 0025).

use super::CalendarKind;
use super::calendar::Hours;
use crate::division::Span;
use crate::local::{day_of, moment_of};
use serde::{Deserialize, Serialize};

/// Most spans of open hours in a day, and days named.
const SPANS_MAX: usize = 6;
const DAYS_NAMED_MAX: usize = 400;
const DAY_MINUTES: i64 = 24 * 60;

crate::open_enum! {
    /// On which days of the week it is open.
    pub enum WeekDays {
        /// Every day.
        All = "all",
        /// Monday to Friday.
        Working = "working",
    }
}

/// A calendar as the city writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CityCalendar {
    /// The city's own name of it: `office-2026`. Saved again, it takes the place of the one before.
    pub id: String,
    /// Whose trade: `sanitation`, `office`, `night_market`. What is dangerous runs day and night in every city.
    pub kind: CalendarKind,
    /// As shown: 义乌机关 2026.
    #[serde(default)]
    pub name: String,
    /// First day on which clocks may begin by it: `2026-01-01`.
    pub from: String,
    /// First day on which they no longer do; open when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// On which days of the week it is open.
    pub days: WeekDays,
    /// Open from and to: `["08:30", "12:00"]`; `26:00` is two in the morning of the next day.
    pub hours: Vec<[String; 2]>,
    /// Days off 放假, first and last: `["2026-10-01", "2026-10-07"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<[String; 2]>,
    /// Make-up workdays 调休上班.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub make_up: Vec<String>,
}

/// The city's hours as a clock carries them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnHours {
    /// The calendar they are of.
    pub id: String,
    /// As shown.
    #[serde(default)]
    pub name: String,
    /// The hours as they were when the clock began.
    pub hours: Hours,
}

/// What is wrong with a calendar: Chinese, English.
pub type CalendarProblem = (String, String);

fn wrong(zh: impl Into<String>, en: impl Into<String>) -> CalendarProblem {
    (zh.into(), en.into())
}

fn day(text: &str) -> Result<i64, CalendarProblem> {
    let at = moment_of(text).map(day_of);
    at.ok_or_else(|| wrong(format!("日期 {text} 应写成 2026-10-01"), format!("{text}: write 2026-10-01")))
}

fn minute(text: &str) -> Result<i64, CalendarProblem> {
    let bad = || wrong(format!("时间 {text} 应写成 08:30"), format!("{text}: write 08:30"));
    let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| bad());
    let (hour, minute) = (number(hour)?, number(minute)?);
    if (0..=36).contains(&hour) && (0..60).contains(&minute) { Ok(hour * 60 + minute) } else { Err(bad()) }
}

impl CityCalendar {
    /// Its hours, when it can be understood.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self) -> Result<Hours, CalendarProblem> {
        let known =
            matches!(self.kind, CalendarKind::Sanitation | CalendarKind::Office | CalendarKind::NightMarket);
        if self.id.trim().is_empty() || !known {
            return Err(wrong(
                "要有 id；kind 是 sanitation、office 或 night_market，紧急工作时昼夜不变",
                "an id is needed, and a kind: sanitation, office or night_market; danger runs day and night",
            ));
        }
        let working = match self.days {
            WeekDays::All => false,
            WeekDays::Working => true,
            WeekDays::Other(_) => return Err(wrong("days 是 all 或 working", "days: all or working")),
        };
        if self.off.len().max(self.make_up.len()) > DAYS_NAMED_MAX {
            return Err(wrong("写的日子太多", "too many days are named"));
        }
        let range = |[first, last]: &[String; 2]| {
            let (first, last) = (day(first)?, day(last)?);
            let turned = || wrong("放假的最后一天早于第一天", "days off end before they begin");
            if last < first { Err(turned()) } else { Ok((first, last)) }
        };
        let off = self.off.iter().map(range).collect::<Result<_, _>>()?;
        let make_up = self.make_up.iter().map(|d| day(d)).collect::<Result<_, _>>()?;
        self.span()?;
        Ok(Hours { spans: self.spans()?, working, off, make_up })
    }

    fn spans(&self) -> Result<Vec<(i64, i64)>, CalendarProblem> {
        let span = |[from, to]: &[String; 2]| Ok::<_, CalendarProblem>((minute(from)?, minute(to)?));
        let spans: Vec<(i64, i64)> = self.hours.iter().map(span).collect::<Result<_, _>>()?;
        let in_order = spans.iter().all(|(from, to)| from < to && *from < DAY_MINUTES)
            && spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        // What is open past midnight ends before the next day opens.
        let fits = match (spans.first(), spans.last()) {
            (Some(first), Some(last)) => last.1 <= first.0 + DAY_MINUTES,
            _ => false,
        };
        if in_order && fits && spans.len() <= SPANS_MAX {
            return Ok(spans);
        }
        Err(wrong(
            "hours 要按先后写，不能重叠，也不能超过一天",
            "hours: at least one span, in order, none over another, no more than a day",
        ))
    }

    /// When clocks may begin by it.
    ///
    /// # Errors
    /// What is wrong with its days.
    pub fn span(&self) -> Result<Span, CalendarProblem> {
        let at = |text: &str| {
            day(text)?;
            Ok::<_, CalendarProblem>(moment_of(text).unwrap_or_default())
        };
        let span = Span { from_ms: at(&self.from)?, to_ms: self.to.as_deref().map(at).transpose()? };
        if span.to_ms.is_some_and(|to| to <= span.from_ms) {
            return Err(wrong("to 不晚于 from", "to is not after from"));
        }
        Ok(span)
    }
}

/// The city's own hours of a kind for a clock that begins now: of several the one that began last. Nothing when it has none; one
/// that cannot be understood is none. Days off that are long gone are left out: no clock reaches back to them.
#[must_use]
pub fn own_hours(calendars: &[CityCalendar], kind: &CalendarKind, now_ms: i64) -> Option<OwnHours> {
    let holds = |c: &&CityCalendar| c.kind == *kind && c.span().is_ok_and(|span| span.contains(now_ms));
    let mut fitting: Vec<(Span, &CityCalendar)> =
        calendars.iter().filter(holds).filter_map(|c| Some((c.span().ok()?, c))).collect();
    fitting.sort_by(|a, b| (a.0.from_ms, &a.1.id).cmp(&(b.0.from_ms, &b.1.id)));
    let (calendar, mut hours) =
        fitting.into_iter().rev().find_map(|(_, calendar)| Some((calendar, calendar.read().ok()?)))?;
    let yesterday = day_of(now_ms) - 1;
    hours.off.retain(|(_, last)| *last >= yesterday);
    hours.make_up.retain(|day| *day >= yesterday);
    Some(OwnHours { id: calendar.id.clone(), name: calendar.name.clone(), hours })
}
