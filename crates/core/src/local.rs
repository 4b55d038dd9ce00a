//! The city's time: China has one, UTC+8, and no summer time. Days, and moments as people and tables write them.
//!
//! Must not know what a moment is for.

use time::{Date, Month};

/// A day, milliseconds.
pub const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// UTC+8, milliseconds.
pub const ZONE_MS: i64 = 8 * 60 * MINUTE_MS;
/// A minute, milliseconds.
pub const MINUTE_MS: i64 = 60_000;
/// The Julian day of 1970-01-01.
const EPOCH_DAY: i64 = 2_440_588;

/// Days since 1970-01-01 of a date.
#[must_use]
pub const fn day_number(date: Date) -> i64 {
    date.to_julian_day() as i64 - EPOCH_DAY
}

/// Days since 1970-01-01 in UTC+8.
#[must_use]
pub fn day_of(ms: i64) -> i64 {
    (ms + ZONE_MS).div_euclid(DAY_MS)
}

/// Minutes since midnight in UTC+8.
#[must_use]
pub fn minute_of(ms: i64) -> i64 {
    (ms + ZONE_MS).rem_euclid(DAY_MS) / MINUTE_MS
}

/// The first midnight after a moment, UTC+8.
#[must_use]
pub fn next_midnight(ms: i64) -> i64 {
    (day_of(ms) + 1) * DAY_MS - ZONE_MS
}

fn date_of(ms: i64) -> Date {
    let julian = i32::try_from(day_of(ms) + EPOCH_DAY).unwrap_or(i32::MAX);
    Date::from_julian_day(julian).unwrap_or(Date::MAX)
}

/// A day as written in lists: `2026-11-29`.
#[must_use]
pub fn day_text(ms: i64) -> String {
    let date = date_of(ms);
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A moment as tables write it: `2026-03-02 13:00`.
#[must_use]
pub fn moment(ms: i64) -> String {
    let minute = minute_of(ms);
    format!("{} {:02}:{:02}", day_text(ms), minute / 60, minute % 60)
}

/// As people write it within a year: `03-02 13:00`.
#[must_use]
pub fn shown(ms: i64) -> String {
    let (date, minute) = (date_of(ms), minute_of(ms));
    format!("{:02}-{:02} {:02}:{:02}", u8::from(date.month()), date.day(), minute / 60, minute % 60)
}

/// A moment that somebody wrote: `2026-03-02`, `2026/3/2 8:30`, `2026年3月2日`, `2026.3.2`; milliseconds since 1970.
#[must_use]
pub fn moment_of(text: &str) -> Option<i64> {
    let text = text.replace(['年', '月', '/', '.'], "-").replace('日', " ").replace(['T', '：'], " ");
    let mut parts = text.split_whitespace();
    let day = parts.next()?;
    let time = parts.next().unwrap_or("0:0");
    let mut ymd = day.split('-').filter(|p| !p.is_empty()).map(|p| p.parse::<i32>().ok());
    let (year, month, day) = (ymd.next()??, ymd.next()??, ymd.next()??);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let mut hm = time.split(':').map(|p| p.parse::<i64>().ok());
    let (hour, minute) = (hm.next()??, hm.next().unwrap_or(Some(0))?);
    if ymd.next().is_some() || !(0..24).contains(&hour) || !(0..60).contains(&minute) {
        return None;
    }
    Some(day_number(date) * DAY_MS + (hour * 60 + minute) * MINUTE_MS - ZONE_MS)
}

/// A moment of a table that must say the minute: `2026-11-29 06:00`.
#[must_use]
pub fn at_text(text: &str) -> Option<i64> {
    let (_, clock) = text.trim().split_once([' ', 'T'])?;
    let to_the_minute = clock.len() >= 5 && clock.as_bytes().get(2) == Some(&b':');
    if to_the_minute { moment_of(&text.replace('T', " ")) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written_and_as_people_write_it() {
        let ms = 1_780_272_000_000;
        assert_eq!(moment(ms), "2026-06-01 08:00");
        assert_eq!(moment_of(&moment(ms)), Some(ms));
        for text in ["2026/6/1 8:00", "2026年6月1日 08:00", "2026.6.1 8:00:30"] {
            assert_eq!(moment_of(text), Some(ms), "{text}");
        }
        for text in ["", "昨天", "2026-13-01", "2026-02-30", "2026-06-01 25:00", "1-2"] {
            assert_eq!(moment_of(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let at = at_text("2026-03-02 13:05").unwrap();
        assert_eq!((shown(at).as_str(), day_text(at).as_str()), ("03-02 13:05", "2026-03-02"));
        assert_eq!(next_midnight(at), at_text("2026-03-03 00:00").unwrap());
        for bad in
            ["", "2026-03-02", "2026-13-02 10:00", "2026-03-02 25:00", "2026-03-02 10:7", "03-02 10:00"]
        {
            assert_eq!(at_text(bad), None, "{bad}");
        }
    }
}
