//! The texts inside EXIF: dates, offsets, names. Must not know tags.

const TEXT_CHARS_MAX: usize = 64;

/// A year, month, day, hour, minute and second that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) date: (i64, u32, u32),
    pub(crate) time: (u32, u32, u32),
}

/// `YYYY:MM:DD HH:MM:SS`; the zeros and blanks of an unset clock give `None`.
pub(crate) fn stamp(text: &[u8]) -> Option<Stamp> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['\0', ' ']);
    // Some editors put a T or dashes; the positions are always the same.
    let date = date(text.get(..10)?.as_bytes())?;
    let clock = text.get(11..19)?;
    let mut parts = clock.split(':').map(digits);
    let time = (parts.next()??, parts.next()??, parts.next()??);
    (time.0 < 24 && time.1 < 60 && time.2 < 61).then_some(Stamp { date, time })
}

/// `YYYY:MM:DD` (or with dashes).
pub(crate) fn date(text: &[u8]) -> Option<(i64, u32, u32)> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['\0', ' ']);
    let mut parts = text.split([':', '-']).map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let sound = (1970..10_000).contains(&year) && (1..=days).contains(&day) && parts.next().is_none();
    sound.then_some((i64::from(year), month, day))
}

/// `+08:00` as minutes east of UTC. Anything beyond 15 hours is not a time zone.
pub(crate) fn offset_minutes(text: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['\0', ' ']);
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let total = i32::try_from(digits(hours)? * 60 + digits(minutes)?).ok()?;
    (total <= 15 * 60).then_some(sign * total)
}

/// A maker's text: no control characters, trimmed, at most 64 characters; `None` when nothing is left.
pub(crate) fn name(text: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect();
    let text: String = text.trim().chars().take(TEXT_CHARS_MAX).collect();
    (!text.is_empty()).then_some(text)
}

/// Milliseconds since 1970 of a UTC date and a time of day in milliseconds.
///
/// Days from the civil date by the March-based count of Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms" (`days_from_civil`).
pub(crate) fn unix_ms((year, month, day): (i64, u32, u32), day_ms: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * 86_400_000 + day_ms
}

/// The inverse of [`unix_ms`]: the civil UTC date, and the millisecond of its day.
pub(crate) fn civil(unix_ms: i64) -> ((i64, u32, u32), i64) {
    let days = unix_ms.div_euclid(86_400_000) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    ((year, month as u32, day as u32), unix_ms.rem_euclid(86_400_000))
}

fn digits(text: &str) -> Option<u32> {
    let sound = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_exist() {
        let sound = stamp(b"2024:02:29 23:59:59\0").unwrap();
        assert_eq!((sound.date, sound.time), ((2024, 2, 29), (23, 59, 59)));
        for bad in [
            "2023:02:29 00:00:00",
            "0000:00:00 00:00:00",
            "    :  :     :  :  ",
            "2024:13:01 00:00:00",
            "2024:01:01 24:00:00",
            "2024:01:01",
            "",
            "2024:01:01 1:2:3",
        ] {
            assert_eq!(stamp(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn offsets() {
        assert_eq!(offset_minutes(b"+08:00\0"), Some(480));
        assert_eq!(offset_minutes(b"-03:30"), Some(-210));
        assert_eq!(offset_minutes(b"Z"), Some(0));
        for bad in ["", "08:00", "+8", "+99:00", "+08:xx", "   :  "] {
            assert_eq!(offset_minutes(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn civil_and_back() {
        assert_eq!(unix_ms((1970, 1, 1), 0), 0);
        assert_eq!(unix_ms((2026, 11, 24), 3_600_000), 1_795_482_000_000);
        for day in (-800_000..800_000).step_by(977) {
            let ms = day * 86_400_000 + 12_345;
            let (date, rest) = civil(ms);
            assert_eq!(unix_ms(date, rest), ms);
        }
    }
}
