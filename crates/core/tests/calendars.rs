//! Calendars of the city's own: written by hand from field.md U11, and properties of any that can be understood.
#![allow(missing_docs, clippy::unwrap_used)]

use blindspot_core::catalogue::Deadline;
use blindspot_core::deadline::{CalendarKind, CityCalendar, Due, WeekDays, own_hours};
use blindspot_core::id::PauseId;
use blindspot_core::local::{DAY_MS, moment, moment_of};
use proptest::prelude::*;

fn at(text: &str) -> i64 {
    moment_of(text).unwrap()
}
fn pair([a, b]: [&str; 2]) -> [String; 2] {
    [a.to_owned(), b.to_owned()]
}

/// The office calendar of 2026 as a city would write it down.
fn office() -> CityCalendar {
    let off = [
        ["2026-01-01", "2026-01-03"],
        ["2026-02-15", "2026-02-23"],
        ["2026-04-04", "2026-04-06"],
        ["2026-05-01", "2026-05-05"],
        ["2026-06-19", "2026-06-21"],
        ["2026-09-25", "2026-09-27"],
        ["2026-10-01", "2026-10-07"],
    ];
    let make_up = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"];
    CityCalendar {
        id: "office-2026".into(),
        kind: CalendarKind::Office,
        name: "本市机关".into(),
        from: "2026-01-01".into(),
        to: None,
        days: WeekDays::Working,
        hours: vec![pair(["08:30", "17:30"])],
        off: off.map(pair).to_vec(),
        make_up: make_up.map(str::to_owned).to_vec(),
    }
}
fn days(n: u32) -> Deadline {
    Deadline { value: n, unit: "working_day".into() }
}

#[test]
fn what_cannot_be_understood_says_why() {
    let bad = |change: &dyn Fn(&mut CityCalendar)| {
        let mut calendar = office();
        change(&mut calendar);
        assert!(calendar.read().is_err(), "{calendar:?}");
        assert_eq!(own_hours(&[calendar], &CalendarKind::Office, at("2026-03-02")), None, "it is none");
    };
    assert!(office().read().is_ok());
    bad(&|c| c.id = " ".into());
    bad(&|c| c.kind = CalendarKind::Urgent);
    bad(&|c| c.days = WeekDays::Other("weekend".into()));
    bad(&|c| c.hours = vec![]);
    bad(&|c| c.hours = vec![pair(["17:30", "08:30"])]);
    bad(&|c| c.hours = vec![pair(["08:30", "12:30"]), pair(["12:00", "17:30"])]);
    bad(&|c| c.hours = vec![pair(["18:00", "43:00"])]);
    bad(&|c| c.hours = vec![pair(["20:00", "26:00"]), pair(["27:00", "28:00"])]);
    bad(&|c| c.off = vec![pair(["2026-10-07", "2026-10-01"])]);
    bad(&|c| c.make_up = vec!["morgen".into()]);
    bad(&|c| c.to = Some("2025-01-01".into()));
}

#[test]
fn a_lunch_break_is_not_counted_and_a_new_year_has_its_own() {
    let mut halves = office();
    halves.hours = vec![pair(["08:30", "12:00"]), pair(["13:30", "17:30"])];
    halves.kind = CalendarKind::Sanitation;
    let hours = |n| Deadline { value: n, unit: "service_hour".into() };
    let due = Due::by_in(&[halves], "x", &hours(5), at("2026-03-02 10:00"));
    assert_eq!(moment(due.due_ms), "2026-03-02 16:30");
    let mut next = office();
    (next.id, next.from) = ("office-2027".into(), "2027-01-01".into());
    next.off = vec![pair(["2027-01-01", "2027-01-10"])];
    let both = [office(), next];
    let of = |from: &str| Due::by_in(&both, "x", &days(1), at(from));
    assert_eq!(of("2026-12-30 10:00").own.unwrap().id, "office-2026");
    let new_year = of("2027-01-04 10:00");
    assert_eq!(
        (new_year.own.as_ref().unwrap().id.as_str(), moment(new_year.due_ms)),
        ("office-2027", "2027-01-11 17:30".into())
    );
    assert!(new_year.explain()[0].contains("office-2027"));
}

proptest! {
    /// Written as data, the built-in calendar counts as it does built in, whatever moves the clock.
    #[test]
    fn the_built_in_office_written_down_is_the_same(
        day in 0..330_i64, minute in 0..1_440_i64, n in 1..9_u32, hang in 0..20_i64, long in 0..30_i64,
    ) {
        let from = at("2026-01-01") + day * DAY_MS + minute * 60_000;
        let (mut own, mut built_in) = (Due::by_in(&[office()], "x", &days(n), from), Due::by("x", &days(n), from));
        prop_assert!(own.own.is_some());
        let later = from + hang * DAY_MS;
        for due in [&mut own, &mut built_in] {
            due.pause(later);
            due.resume(later + long * DAY_MS);
            due.city_pause(PauseId::from_parts(1, [1; 10]), later, later + DAY_MS, "台风", later);
            due.stop(later + 40 * DAY_MS);
            due.again(later + 41 * DAY_MS);
        }
        prop_assert_eq!(own.due_ms, built_in.due_ms);
        prop_assert_eq!(own.return_until_ms, built_in.return_until_ms);
        prop_assert_eq!(&own.explain()[1..], &built_in.explain()[1..]);
    }

    /// Of any calendar: so much open time lies between a moment and the one that is so much open time after it, and a clock
    /// read back from its row ends where it did.
    #[test]
    fn open_time_is_counted_alike_to_and_fro(
        open in 0..700_i64, lunch in 1..300_i64, long in 1..300_i64, working in any::<bool>(),
        off in proptest::collection::vec((0..300_i64, 0..9_i64), 0..6), from in 0..300 * 1_440_i64, wanted in 1..6_000_i64,
    ) {
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        let date = |day: i64| moment(at("2026-01-01") + day * DAY_MS)[..10].to_owned();
        let mut calendar = office();
        calendar.days = if working { WeekDays::Working } else { WeekDays::All };
        calendar.hours = vec![[clock(open), clock(open + long)], [clock(open + long + lunch), clock(open + long + lunch + long)]];
        calendar.off = off.iter().map(|(day, n)| [date(*day), date(*day + *n)]).collect();
        let hours = calendar.read().unwrap();
        let from_ms = at("2026-01-01") + from * 60_000;
        let to_ms = hours.after(from_ms, wanted * 60_000);
        prop_assert_eq!(hours.between(from_ms, to_ms), wanted * 60_000);
        prop_assert!(hours.after(from_ms, (wanted + 1) * 60_000) > to_ms);
        let taken = own_hours(std::slice::from_ref(&calendar), &CalendarKind::Office, from_ms).unwrap();
        prop_assert_eq!(taken.hours.after(from_ms, wanted * 60_000), to_ms, "days that are gone are not missed");
        let due = Due::by_in(&[calendar], "x", &days(3), from_ms);
        let read: Due = serde_json::from_str(&serde_json::to_string(&due).unwrap()).unwrap();
        prop_assert_eq!(read, due);
    }
}
