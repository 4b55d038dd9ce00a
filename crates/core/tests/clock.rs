//! More time, a pause of the city, and what comes because a time has come: written by hand from field.md U11 and domain 2.1, 2.4.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::CaseId;
use blindspot_core::access::Role;
use blindspot_core::apply::next_lapse;
use blindspot_core::case::CaseState as S;
use blindspot_core::command::*;
use blindspot_core::deadline::{StepKind, desk_wait};
use blindspot_core::id::PauseId;
use blindspot_core::testing::*;
use blindspot_core::verdict::{Verdict, Why};
use proptest::prelude::*;
use story::*;

const SYSTEM: u64 = 99;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-03-02 09:00 in UTC+8, a Monday.
const MONDAY: i64 = 1_772_413_200_000;

fn noted(why: Why) -> Verdict {
    Verdict::Noted { why }
}
fn dispatched() -> (Story, CaseId) {
    let (mut s, c) = (Story::new(), case_id(1));
    s.a.now_ms = MONDAY;
    s.a.add_person(SYSTEM, vec![grant(Role::System, "city")]);
    s.dispatched(c);
    (s, c)
}
fn ask(until_ms: Option<i64>, promise: bool) -> Command {
    let photos = if promise { vec![blindspot_core::PhotoId::from_parts(1, [1; 10])] } else { vec![] };
    Command::RequestExtension(RequestExtension {
        cause: "等大件清运车".into(),
        plan: "周五前清完".into(),
        until_ms,
        promise,
        photos,
    })
}
fn give(grant: bool) -> Command {
    let text = if grant { "" } else { "不同意" };
    Command::RuleExtension(RuleExtension { grant, until_ms: None, text: text.into() })
}
fn lapse(what: LapseKind) -> Command {
    Command::Lapse(Lapse { what, due_ms: 0 })
}
fn due_ms(s: &Story, c: CaseId) -> i64 {
    s.case(c).due.as_ref().unwrap().due_ms
}

#[test]
fn the_first_extension_is_the_duty_leaders_and_the_second_the_deputys() {
    let (mut s, c) = dispatched();
    let first = due_ms(&s, c);
    assert_eq!(s.act(OTHER_UNIT, c, ask(Some(first + DAY), false)).1, noted(Why::NoPower));
    assert_eq!(s.act(UNIT, c, ask(None, false)).1, noted(Why::ReasonNeeded));
    assert_eq!(s.act(UNIT, c, ask(Some(first), false)).1, noted(Why::NoLaterDate));
    assert_eq!(s.act(LEADER, c, give(true)).1, noted(Why::NoLaterDate), "nobody asked");
    s.ok(UNIT, c, ask(Some(first + DAY), false));
    assert_eq!(due_ms(&s, c), first, "asking moves nothing");
    assert_eq!(s.act(UNIT, c, ask(Some(first + DAY), false)).1, noted(Why::AlreadyThere));
    assert_eq!(s.act(DESK, c, give(true)).1, noted(Why::NoPower));
    s.ok(LEADER, c, give(true));
    assert_eq!((due_ms(&s, c), s.case(c).extensions), (first + DAY, 1));
    s.ok(UNIT, c, ask(Some(first + 2 * DAY), false));
    assert_eq!(s.act(LEADER, c, give(true)).1, noted(Why::DeputyNeeded));
    s.ok(DEPUTY, c, give(true));
    let due = s.case(c).due.clone().unwrap();
    assert_eq!((due.due_ms, s.case(c).extensions), (first + 2 * DAY, 2));
    assert!(due.steps.iter().all(|step| step.kind == StepKind::Extended) && due.steps.len() == 2);
    // Refused, it moves nothing, and says why.
    s.ok(UNIT, c, ask(Some(first + 3 * DAY), false));
    let empty = RuleExtension { grant: false, until_ms: None, text: " ".into() };
    assert_eq!(s.act(LEADER, c, Command::RuleExtension(empty)).1, noted(Why::ReasonNeeded));
    s.ok(LEADER, c, give(false));
    assert_eq!((due_ms(&s, c), s.case(c).extension_asked.clone()), (first + 2 * DAY, None));
}

#[test]
fn a_promise_needs_a_paper_and_holds_once() {
    let (mut s, c) = dispatched();
    let first = due_ms(&s, c);
    let mut bare = RequestExtension { promise: true, cause: "x".into(), ..RequestExtension::default() };
    bare.until_ms = Some(first + DAY);
    assert_eq!(s.act(UNIT, c, Command::RequestExtension(bare)).1, noted(Why::ReasonNeeded));
    assert_eq!(s.act(UNIT, c, ask(Some(first + 60 * DAY), true)).1, noted(Why::TooLate));
    s.ok(UNIT, c, ask(Some(first + DAY), true));
    let case = s.case(c);
    assert_eq!(
        (due_ms(&s, c), case.extensions, case.case_kind.clone()),
        (first + DAY, 1, Some(CaseKind::Promised))
    );
    assert_eq!(s.act(UNIT, c, ask(Some(first + 2 * DAY), true)).1, noted(Why::TooLate));
}

#[test]
fn silence_is_acceptance_when_the_return_window_is_over() {
    let (mut s, c) = dispatched();
    let (what, due) = next_lapse(s.case(c)).unwrap();
    // Three working days are 27 hours, a quarter is more than four: four hours of the unit's shift.
    assert_eq!((what, due - s.case(c).dispatched_ms.unwrap()), (LapseKind::Accept, 4 * HOUR));
    assert_eq!(s.act(SYSTEM, c, lapse(LapseKind::Accept)).1, noted(Why::NotDue));
    assert_eq!(s.act(LEADER, c, lapse(LapseKind::Accept)).1, noted(Why::NoPower));
    s.a.now_ms = due;
    s.ok(SYSTEM, c, lapse(LapseKind::Accept));
    assert_eq!(s.state(c), S::Accepted);
    assert_eq!(s.act(SYSTEM, c, lapse(LapseKind::Accept)).1, noted(Why::StateMoved));
    assert_eq!(next_lapse(s.case(c)), None);
}

#[test]
fn what_hangs_works_again_on_its_day_and_what_held_is_archived() {
    let (mut s, c) = dispatched();
    let review_ms = MONDAY + 30 * DAY;
    let hang = Hang { review_ms: Some(review_ms), reason: "等施工".into(), ..Hang::default() };
    s.ok(DEPUTY, c, Command::Hang(hang));
    assert_eq!(s.act(SYSTEM, c, lapse(LapseKind::Unhang)).1, noted(Why::NotDue));
    s.a.now_ms = review_ms;
    s.ok(SYSTEM, c, lapse(LapseKind::Unhang));
    assert_eq!(s.state(c), S::Dispatched);
    assert!(due_ms(&s, c) > review_ms);
    let back = s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    let pass = Verify { feed_back: back, passed: true, text: String::new(), position: None, photos: vec![] };
    s.ok(WORKER, c, Command::Verify(pass));
    assert_eq!(s.act(SYSTEM, c, lapse(LapseKind::Watch)).1, noted(Why::NotDue), "the day is not over");
    s.a.now_ms += DAY;
    s.ok(SYSTEM, c, lapse(LapseKind::Watch));
    assert_eq!(s.state(c), S::Watch);
    assert_eq!(s.act(SYSTEM, c, lapse(LapseKind::Archive)).1, noted(Why::NotDue));
    s.a.now_ms = s.case(c).watch_until_ms.unwrap();
    s.ok(SYSTEM, c, lapse(LapseKind::Archive));
    assert_eq!((s.state(c), next_lapse(s.case(c))), (S::Archived, None));
}

#[test]
fn what_a_desk_closed_is_not_watched() {
    let (mut s, c) = dispatched();
    s.ok(DESK, c, Command::Close(Reason::default()));
    assert_eq!(next_lapse(s.case(c)), None);
}

#[test]
fn a_pause_of_the_city_gives_back_the_hours_it_took() {
    let (mut s, c) = dispatched();
    let before = due_ms(&s, c);
    let pause = PauseId::from_parts(1, [7; 10]);
    let say = |to_ms, reason: &str| {
        Command::PauseClock(PauseClock { pause, from_ms: MONDAY + DAY, to_ms, reason: reason.into() })
    };
    assert_eq!(s.act(LEADER, c, say(MONDAY + 2 * DAY, "台风")).1, noted(Why::NoPower));
    assert_eq!(s.act(DEPUTY, c, say(MONDAY + 2 * DAY, " ")).1, noted(Why::ReasonNeeded));
    s.ok(DEPUTY, c, say(MONDAY + 2 * DAY, "台风"));
    assert_eq!(due_ms(&s, c), before + DAY, "a whole working day of a working week");
    assert_eq!(s.act(DEPUTY, c, say(MONDAY + 2 * DAY, "台风")).1, noted(Why::NotDue), "once is enough");
    s.ok(DEPUTY, c, say(MONDAY + DAY, "台风"));
    assert_eq!(due_ms(&s, c), before, "called off before it began, it took nothing");
    let steps = s.case(c).due.clone().unwrap().steps;
    assert_eq!((steps.len(), steps[0].why.as_deref()), (2, Some("台风")));
    assert!(
        s.case(c)
            .due
            .as_ref()
            .unwrap()
            .explain()
            .iter()
            .any(|l| l.contains("全市暂停") && l.contains("台风"))
    );
    s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    assert_eq!(s.act(DEPUTY, c, say(MONDAY + 5 * DAY, "台风")).1, noted(Why::NotDue), "stopped");
}

#[test]
fn desks_have_limits_of_their_own() {
    let (mut s, c) = (Story::new(), case_id(1));
    s.a.now_ms = MONDAY;
    s.ok(WORKER, c, Command::Report(Report::default()));
    let waits = s.case(c).waits().unwrap();
    assert_eq!((waits.kind.as_str(), waits.due_ms - waits.from_ms), ("file", 30 * 60_000));
    s.a.now_ms += HOUR;
    s.ok(DESK, c, Command::Check(Reason::default()));
    let waits = s.case(c).waits().unwrap();
    assert_eq!(
        (waits.kind.as_str(), waits.from_ms),
        ("check", s.a.now_ms),
        "counted from the state's beginning"
    );
    assert_eq!(desk_wait(&S::Closed, false, 0), None);
}

#[test]
fn three_checks_that_fail_bring_it_to_the_supervision_centre() {
    let (mut s, c) = dispatched();
    for n in 1..=3 {
        let back = s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
        assert!(s.case(c).supervised.is_none());
        let fail =
            Verify { feed_back: back, passed: false, text: String::new(), position: None, photos: vec![] };
        s.ok(WORKER, c, Command::Verify(fail));
        assert_eq!(s.case(c).reworks, n);
    }
    assert!(s.case(c).supervised.is_some());
}

proptest! {
    /// Whatever is paused and moved, the end never comes before the beginning of the pause it was moved by, and time left
    /// when a pause begins is left when it ends.
    #[test]
    fn a_pause_neither_gives_nor_takes_time(
        from_h in 0i64..200, hours in 1i64..200, value in 1u32..60, unit in 0usize..4,
    ) {
        use blindspot_core::catalogue::Deadline;
        use blindspot_core::deadline::Due;
        let unit = ["service_hour", "working_day", "clock_hour", "calendar_day"][unit];
        let mut due = Due::by("t", &Deadline { value, unit: unit.into() }, MONDAY);
        let (from, to) = (MONDAY + from_h * HOUR, MONDAY + (from_h + hours) * HOUR);
        let was = due.clone();
        let touched = due.city_pause(PauseId::from_parts(1, [1; 10]), from, to, "x", MONDAY);
        prop_assert_eq!(touched, from < was.due_ms);
        if touched {
            let left = was.calendar.between(from, was.due_ms);
            prop_assert_eq!(due.calendar.between(to, due.due_ms), left);
            prop_assert!(due.due_ms >= was.due_ms);
        } else {
            prop_assert_eq!(due, was);
        }
    }
}
