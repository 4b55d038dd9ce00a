//! Moments as tables write them, in the city's time (UTC+8).

use time::{Date, Month};

const ZONE_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Julian day of 1970-01-01.
const EPOCH_DAY: i64 = 2_440_588;

/// `2026-03-02 13:00`.
#[must_use]
pub fn moment(ms: i64) -> String {
    let local = ms + ZONE_MS;
    let minute = local.rem_euclid(DAY_MS) / 60_000;
    let julian = i32::try_from(local.div_euclid(DAY_MS) + EPOCH_DAY).unwrap_or(i32::MAX);
    let date = Date::from_julian_day(julian).unwrap_or(Date::MAX);
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

/// Milliseconds of a moment that somebody wrote: `2026-03-02`, `2026/3/2 8:30`, `2026年3月2日`, `2026.3.2`.
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
    let days = i64::from(date.to_julian_day()) - EPOCH_DAY;
    Some(days * DAY_MS + (hour * 60 + minute) * 60_000 - ZONE_MS)
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
}
