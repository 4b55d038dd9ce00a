//! Who checks, and what comes back: written by hand from field.md U13, U14, U21 and domain 6A, 6E.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::access::Role;
use blindspot_core::case::{AppealState, CaseState as S, Part};
use blindspot_core::command::*;
use blindspot_core::projection::near::{NearKind, near};
use blindspot_core::testing::*;
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::{CaseId, OpId};
use story::*;

const SYSTEM: u64 = 99;
const INSPECTOR: u64 = 98;
const DAY: i64 = 86_400_000;

fn noted(why: Why) -> Verdict {
    Verdict::Noted { why }
}
fn story() -> Story {
    let mut s = Story::new();
    s.a.add_person(SYSTEM, vec![grant(Role::System, "city")]);
    s.a.add_person(INSPECTOR, vec![grant(Role::Inspector, "city")]);
    s
}
fn draw(from: DrawnFrom, verifier: Option<u64>, attempt: u32) -> Command {
    Command::Draw(Draw {
        from,
        verifier: verifier.map(person),
        eligible: 3,
        attempt,
        seed_day: "2026-11-29".into(),
        open_by_ms: None,
    })
}
fn judge(feed_back: OpId, passed: bool) -> Command {
    Command::Verify(Verify { feed_back, passed, text: String::new(), position: None, photos: vec![] })
}
fn at(lat: f64) -> Report {
    let position = Fix {
        lat,
        lon: 120.07,
        accuracy_m: Some(10.0),
        datum: Default::default(),
        provider: None,
        age_ms: None,
        mock: None,
    };
    let category = Some(Category { item: Some("3.04".into()), ..Category::default() });
    Report { position: Some(position), category, ..Report::default() }
}

#[test]
fn only_the_drawn_one_judges() {
    let (mut s, c) = (story(), case_id(1));
    let back = s.fed_back(c);
    s.ok(SYSTEM, c, draw(DrawnFrom::Grid, Some(OTHER_WORKER), 1));
    assert_eq!(s.state(c), S::Verifying);
    assert_eq!(s.act(WORKER, c, judge(back, true)).1, noted(Why::NotDrawn));
    assert_eq!(s.act(WORKER, c, Command::Opened(Nothing {})).1, noted(Why::NotDrawn));
    s.ok(OTHER_WORKER, c, Command::Opened(Nothing {}));
    assert!(s.case(c).drawn.as_ref().unwrap().opened_ms.is_some());
    s.ok(OTHER_WORKER, c, judge(back, true));
    assert_eq!(s.state(c), S::Closed);
    // Names are rows of their own: the case says only from whom it was drawn.
    assert!(!serde_json::to_string(s.case(c)).unwrap().contains(&person(OTHER_WORKER).to_string()));
}

#[test]
fn drawn_again_the_first_one_is_free_and_numbers_count_on() {
    let (mut s, c) = (story(), case_id(1));
    let back = s.fed_back(c);
    s.ok(SYSTEM, c, draw(DrawnFrom::Grid, Some(WORKER), 1));
    assert_eq!(s.act(SYSTEM, c, draw(DrawnFrom::Grid, Some(OTHER_WORKER), 1)).1, noted(Why::AlreadyThere));
    s.ok(SYSTEM, c, draw(DrawnFrom::Neighbours, Some(OTHER_WORKER), 2));
    assert_eq!(s.a.world.cases[&c].in_part(Part::Drawn).collect::<Vec<_>>(), [person(OTHER_WORKER)]);
    assert_eq!(s.act(WORKER, c, judge(back, true)).1, noted(Why::NotDrawn));
    // It failed: the next feedback draws its own.
    s.ok(OTHER_WORKER, c, judge(back, false));
    assert!(s.case(c).drawn.is_none() && s.a.world.cases[&c].in_part(Part::Drawn).count() == 0);
    s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    s.ok(SYSTEM, c, draw(DrawnFrom::Grid, Some(WORKER), 1));
}

#[test]
fn a_desk_checks_photo_pairs_that_it_did_not_dispatch() {
    let (mut s, c) = (story(), case_id(1));
    let back = s.fed_back(c);
    s.ok(SYSTEM, c, draw(DrawnFrom::Desk, None, 1));
    assert_eq!(s.act(DESK, c, judge(back, true)).1, noted(Why::OwnDispatch));
    assert_eq!(s.act(WORKER, c, judge(back, true)).1, noted(Why::NoPower));
    assert_eq!(s.act(UNIT, c, judge(back, true)).1, noted(Why::NoPower), "who fixed it");
    s.ok(SECOND, c, judge(back, true));
    assert_eq!(s.state(c), S::Closed);
}

#[test]
fn an_inspector_is_never_shut_out() {
    let (mut s, c) = (story(), case_id(1));
    let back = s.fed_back(c);
    s.ok(SYSTEM, c, draw(DrawnFrom::Area, Some(WORKER), 1));
    s.ok(INSPECTOR, c, judge(back, false));
    assert_eq!(s.state(c), S::Rework);
}

/// A case closed by a check, and the days after it.
fn closed(s: &mut Story, c: CaseId) {
    s.ok(WORKER, c, Command::Report(at(29.3)));
    s.ok(DESK, c, Command::File(Reason::default()));
    s.ok(DESK, c, dispatch());
    let back = s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    s.ok(WORKER, c, judge(back, true));
}

/// As the phone says: seen now.
fn reported_now(s: &mut Story, c: CaseId, lat: f64) {
    use blindspot_core::clock::{CaptureTime, ClockClass};
    let n = 9_000 + s.a.now_ms.unsigned_abs() % 1_000;
    let op = sealed_in_round(n, WORKER, Some(c), &Command::Report(at(lat)), vec![], None);
    let at_ms = s.a.now_ms;
    s.a.times.insert(op.env.op_id, CaptureTime { at_ms, class: ClockClass::Exact, claimed_ms: at_ms });
    assert_eq!(s.a.receive(&op), Verdict::Applied);
}

#[test]
fn what_comes_back_is_a_pair_and_can_be_appealed() {
    let (mut s, old, new) = (story(), case_id(1), case_id(2));
    closed(&mut s, old);
    s.a.now_ms += 5 * DAY;
    reported_now(&mut s, new, 29.3001);
    let found = near(s.case(new), [s.case(old)], None);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].kind, found[0].distance_m, found[0].same_item),
        (&NearKind::Relapse, Some(11), true)
    );
    let relapse = || Command::Relapse(Relapse { of: old, note: None });
    assert_eq!(s.act(WORKER, new, relapse()).1, noted(Why::NoPower));
    s.ok(DESK, new, relapse());
    let mark = s.case(new).relapsed_from.clone().unwrap();
    assert_eq!((mark.case, mark.days, mark.unit.as_ref().unwrap().as_str()), (old, 5, "sanitation"));
    assert!(mark.counts() && mark.same_item);
    assert_eq!(s.case(old).relapsed_to, Some(new));
    assert_eq!(s.act(DESK, new, relapse()).1, noted(Why::AlreadyThere));
    // An appeal of the unit that leads.
    s.ok(DESK, new, Command::File(Reason::default()));
    s.ok(DESK, new, dispatch());
    let appeal =
        |reason: &str| Command::AppealRelapse(AppealRelapse { reason: reason.into(), photos: vec![] });
    assert_eq!(s.act(UNIT, new, appeal(" ")).1, noted(Why::ReasonNeeded));
    s.ok(UNIT, new, appeal("两处不同"));
    let rule = |stands| Command::RuleAppeal(RuleAppeal { stands, text: "现场看过".into() });
    assert_eq!(s.act(UNIT, new, rule(false)).1, noted(Why::NoPower));
    s.ok(DESK, new, rule(false));
    let mark = s.case(new).relapsed_from.clone().unwrap();
    assert_eq!((mark.appeal.clone(), mark.counts()), (Some(AppealState::Upheld), false));
    assert_eq!(s.act(DESK, new, rule(true)).1, noted(Why::NoSuchTarget), "decided once");
}

#[test]
fn too_soon_is_rework_and_too_late_is_another_case() {
    for (days, pairs) in [(0, false), (2, true), (59, true), (61, false)] {
        let (mut s, old, new) = (story(), case_id(1), case_id(2));
        closed(&mut s, old);
        s.a.now_ms += days * DAY + 1_000;
        reported_now(&mut s, new, 29.3);
        let verdict = s.act(DESK, new, Command::Relapse(Relapse { of: old, note: None })).1;
        let want = if pairs { Verdict::Applied } else { noted(Why::NotWatched) };
        assert_eq!(verdict, want, "{days} days");
    }
}

#[test]
fn open_cases_near_by_are_proposed_nearest_first() {
    let mut s = story();
    for (n, lat) in [(1, 29.3), (2, 29.3002), (3, 29.3001), (4, 29.31)] {
        s.ok(WORKER, case_id(n), Command::Report(at(lat)));
    }
    let others: Vec<_> = (2..=4).map(|n| s.case(case_id(n))).collect();
    let found: Vec<CaseId> = near(s.case(case_id(1)), others, None).iter().map(|n| n.case_id).collect();
    assert_eq!(found, [case_id(3), case_id(2)], "11 m, 22 m; 1,100 m is another place");
}
