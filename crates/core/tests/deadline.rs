//! The golden table of deadlines, each line worked out by hand on the calendar of 2026 (field.md U11, U12; domain 2.2).
#![allow(missing_docs, clippy::unwrap_used)]

use blindspot_core::catalogue::Deadline;
use blindspot_core::deadline::{CalendarKind, Due};
use proptest::prelude::*;
use time::{Date, Month};

const HOUR: i64 = 3_600_000;

/// `2026-03-02 09:00`, or without the year, in UTC+8.
fn at(text: &str) -> i64 {
    let text = if text.len() == 11 { format!("2026-{text}") } else { text.to_owned() };
    let n = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let month = Month::try_from(u8::try_from(n(5..7)).unwrap()).unwrap();
    let date =
        Date::from_calendar_date(i32::try_from(n(0..4)).unwrap(), month, u8::try_from(n(8..10)).unwrap());
    let day = i64::from(date.unwrap().to_julian_day()) - 2_440_588;
    ((day * 24 + n(11..13) - 8) * 60 + n(14..16)) * 60_000
}

fn due(length: &str, from: &str) -> Due {
    let (value, unit) = length.split_once(' ').unwrap();
    Due::by("3.04", &Deadline { value: value.parse().unwrap(), unit: unit.into() }, at(from))
}

/// Length, from, due.
const GOLDEN: &str = "
4 service_hour | 03-02 09:00 | 03-02 13:00 | a Monday
4 service_hour | 03-02 20:00 | 03-03 08:00 | two hours, then the night
2 service_hour | 03-02 23:30 | 03-03 08:00 | dispatched at night
2 service_hour | 03-02 05:00 | 03-02 08:00 | before they begin
2 service_hour | 03-02 22:00 | 03-03 08:00 | as they go home
4 service_hour | 03-02 18:00 | 03-02 22:00 | to the last minute
8 service_hour | 03-07 10:00 | 03-07 18:00 | a Saturday
4 service_hour | 02-17 10:00 | 02-17 14:00 | Spring Festival: cleaners work
2 service_hour | 12-31 21:00 | 2027-01-01 07:00 | into another year
16 service_hour | 03-02 06:00 | 03-02 22:00 | a whole day
17 service_hour | 03-02 06:00 | 03-03 07:00 | and one hour
2 service_hour | 03-02 21:59 | 03-03 07:59 | one minute today
8 service_hour | 02-28 20:00 | 03-01 12:00 | over the end of a month
1 working_day | 03-02 10:00 | 03-03 17:30 | the day itself does not count
1 working_day | 03-06 10:00 | 03-09 17:30 | a Friday
1 working_day | 03-07 10:00 | 03-09 17:30 | a Saturday
2 working_day | 03-06 23:00 | 03-10 17:30 | a Friday night
5 working_day | 03-02 10:00 | 03-09 17:30 | a week
5 working_day | 02-10 10:00 | 02-24 17:30 | Saturday 02-14 works, then nine days off
1 working_day | 02-13 10:00 | 02-14 17:30 | a make-up Saturday
1 working_day | 02-14 10:00 | 02-24 17:30 | before the festival
4 working_day | 02-24 10:00 | 02-28 17:30 | a make-up Saturday at the end
2 working_day | 02-27 10:00 | 03-02 17:30 | over it
1 working_day | 2025-12-31 10:00 | 01-04 17:30 | New Year, a make-up Sunday
1 working_day | 01-04 10:00 | 01-05 17:30 | that Sunday
1 working_day | 04-03 10:00 | 04-07 17:30 | Qingming
3 working_day | 04-30 10:00 | 05-08 17:30 | Labour Day
1 working_day | 05-08 10:00 | 05-09 17:30 | a make-up Saturday
1 working_day | 05-09 10:00 | 05-11 17:30 | that Saturday
1 working_day | 06-18 10:00 | 06-22 17:30 | Dragon Boat
1 working_day | 09-18 10:00 | 09-20 17:30 | a make-up Sunday
1 working_day | 09-24 10:00 | 09-28 17:30 | Mid-Autumn
1 working_day | 09-30 10:00 | 10-08 17:30 | National Day
2 working_day | 10-08 10:00 | 10-10 17:30 | a make-up Saturday
1 working_day | 10-10 10:00 | 10-12 17:30 | that Saturday
10 working_day | 03-02 10:00 | 03-16 17:30 | two weeks
20 working_day | 03-02 10:00 | 03-30 17:30 | four
4 clock_hour | 03-02 02:00 | 03-02 06:00 | danger does not sleep
4 clock_hour | 02-17 23:00 | 02-18 03:00 | nor on a festival
1 calendar_day | 03-02 10:15 | 03-03 10:15 | to the minute
1 calendar_day | 02-28 10:00 | 03-01 10:00 | over the end of a month
";

#[test]
fn the_golden_table() {
    let lines: Vec<Vec<&str>> = GOLDEN.trim().lines().map(|l| l.split(" | ").collect()).collect();
    assert!(lines.len() >= 40);
    for line in lines {
        assert_eq!(
            due(line[0], line[1]).due_ms,
            at(line[2]),
            "{line:?}: {:#?}",
            due(line[0], line[1]).explain()
        );
    }
}

#[test]
fn a_night_market_is_open_over_midnight() {
    let night = CalendarKind::NightMarket;
    for (from, hours, due) in [
        ("03-02 17:00", 2, "03-02 20:00"),
        ("03-02 01:00", 2, "03-02 19:00"),
        ("03-02 23:00", 4, "03-03 19:00"),
        ("03-02 12:00", 8, "03-03 02:00"),
    ] {
        assert_eq!(night.after(at(from), hours * HOUR), at(due), "{from}");
    }
}

#[test]
fn what_hangs_goes_on_with_the_time_it_had() {
    for (length, from, paused, resumed, end) in [
        ("4 service_hour", "03-02 09:00", "03-02 10:00", "03-03 07:00", "03-03 10:00"),
        ("4 service_hour", "03-02 09:00", "03-02 10:00", "03-03 23:00", "03-04 09:00"),
        ("1 working_day", "03-02 10:00", "03-02 17:30", "03-06 17:30", "03-09 17:30"),
        ("2 working_day", "03-02 10:00", "03-03 13:00", "03-06 13:00", "03-09 17:30"),
        ("4 service_hour", "03-02 09:00", "03-02 14:00", "03-09 09:00", "03-02 13:00"),
    ] {
        let mut clock = due(length, from);
        clock.pause(at(paused));
        assert_eq!(clock.is_overdue(at("12-01 00:00")), at(paused) > clock.due_ms, "it stands still");
        clock.resume(at(resumed));
        assert_eq!(clock.due_ms, at(end), "{length} {from}: {:#?}", clock.explain());
    }
}

#[test]
fn rework_gets_the_time_left_or_half_of_the_whole() {
    for (fed_back, failed, end) in [
        ("03-02 10:00", "03-02 11:00", "03-02 14:00"),
        ("03-02 12:30", "03-02 14:00", "03-02 16:00"),
        ("03-02 15:00", "03-02 16:00", "03-02 18:00"),
        ("03-02 12:30", "03-02 21:00", "03-03 07:00"),
    ] {
        let mut clock = due("4 service_hour", "03-02 09:00");
        clock.stop(at(fed_back));
        assert_eq!(clock.is_overdue(at("12-01 00:00")), at(fed_back) > clock.due_ms);
        clock.again(at(failed));
        assert_eq!((clock.due_ms, clock.stopped_ms), (at(end), None), "{fed_back}");
    }
}

#[test]
fn a_clock_explains_itself() {
    let said = due("4 service_hour", "03-02 20:00").explain();
    assert_eq!(
        said[1..],
        [
            "起算 from 03-02 20:00",
            "退回期限 returns until 03-02 21:00",
            "  03-02 20:00 至 to 03-02 22:00，2:00",
            "  03-03 06:00 至 to 03-03 08:00，2:00",
            "到期 due 03-03 08:00",
        ]
    );
}

proptest! {
    /// Counting forth and measuring are inverses; a clock never runs backwards, whatever is done to it.
    #[test]
    fn clocks_never_run_backwards(
        from in 0i64..500_000, hours in 1u32..80, kind in 0usize..4, steps in prop::collection::vec((0u8..4, 1i64..5_000), 0..12)
    ) {
        let base = at("01-01 00:00");
        let from_ms = base + from * 60_000;
        let calendar = [CalendarKind::Sanitation, CalendarKind::Office, CalendarKind::NightMarket, CalendarKind::Urgent][kind].clone();
        let open = i64::from(hours) * HOUR;
        let end = calendar.after(from_ms, open);
        prop_assert_eq!(calendar.between(from_ms, end), open);
        prop_assert!(calendar.after(from_ms, open + 1) > end);
        let mut clock = Due::by("x", &Deadline { value: hours, unit: "service_hour".into() }, from_ms);
        let (mut now, mut last) = (from_ms, clock.due_ms);
        for (what, minutes) in steps {
            now += minutes * 60_000;
            match what {
                0 => clock.pause(now),
                1 => clock.resume(now),
                2 => clock.stop(now),
                _ if clock.stopped_ms.is_some() => clock.again(now),
                _ => {}
            }
            prop_assert!(clock.due_ms >= last, "{:?}", clock.explain());
            last = clock.due_ms;
        }
    }
}
