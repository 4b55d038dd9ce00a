//! A case in a unit's hands, and a clerk's undo: each cell written by hand from field.md U8, U9 and domain 2.4.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::CaseId;
use blindspot_core::case::{CaseState as S, Part};
use blindspot_core::command::*;
use blindspot_core::limits::TAKE_BACK_MS;
use blindspot_core::testing::*;
use blindspot_core::verdict::{Verdict, Why};
use story::*;

fn noted(why: Why) -> Verdict {
    Verdict::Noted { why }
}
fn hand_on(to: &str) -> Command {
    Command::HandOn(HandOn { to: to.into(), note: None })
}
fn hang(reason: &str, review_ms: Option<i64>) -> Command {
    Command::Hang(Hang {
        project: Some("旧管改造".into()), review_ms, reason: reason.into(), photos: vec![]
    })
}
fn take_back() -> Command {
    Command::TakeBack(Reason::default())
}
fn dispatched() -> (Story, CaseId) {
    let (mut s, c) = (Story::new(), case_id(1));
    s.dispatched(c);
    (s, c)
}

#[test]
fn a_unit_hands_on_to_any_depth_and_stays_responsible() {
    let (mut s, c) = dispatched();
    assert_eq!(s.act(OTHER_UNIT, c, hand_on("三班")).1, noted(Why::NoPower));
    s.ok(UNIT, c, hand_on("保洁公司"));
    s.ok(UNIT, c, hand_on("三班"));
    let case = s.case(c);
    assert_eq!((&case.state, case.lead.as_ref().unwrap().as_str()), (&S::InWork, "sanitation"));
    assert_eq!(case.handed_on.as_ref().unwrap().to, "三班");
    s.ok(UNIT, c, hand_on(""));
    assert_eq!(s.case(c).handed_on, None, "back with the unit's own clerk");
    s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    assert_eq!(s.state(c), S::FedBack);
}

#[test]
fn a_case_hangs_with_a_reason_and_a_date() {
    let (mut s, c) = dispatched();
    assert_eq!(s.act(LEADER, c, hang("等施工", Some(9))).1, noted(Why::NoPower));
    assert_eq!(s.act(DEPUTY, c, hang(" ", Some(9))).1, noted(Why::ReasonNeeded));
    assert_eq!(s.act(DEPUTY, c, hang("等施工", None)).1, noted(Why::ReasonNeeded));
    s.ok(DEPUTY, c, hang("等施工", Some(9)));
    assert_eq!((s.state(c), s.case(c).hung.as_ref().unwrap().review_ms), (S::Hung, 9));
    assert_eq!(s.act(UNIT, c, Command::FeedBack(FeedBack::default())).1, noted(Why::StateMoved));
    s.ok(LEADER, c, Command::Unhang(Reason::default()));
    let case = s.case(c);
    assert_eq!((&case.state, case.hung.clone(), case.lead.is_some()), (&S::Dispatched, None, true));
}

#[test]
fn the_supervision_centre_watches_over_what_is_open() {
    let (mut s, c) = dispatched();
    let watch = || Command::Supervise(Reason::default());
    assert_eq!(s.act(LEADER, c, watch()).1, noted(Why::NoPower));
    s.ok(DESK, c, watch());
    assert_eq!(s.state(c), S::Dispatched, "a flag, no move");
    assert_eq!(s.act(SECOND, c, watch()).1, noted(Why::AlreadyThere));
    s.ok(DESK, c, Command::Close(Reason::default()));
    assert!(s.case(c).supervised.is_some(), "and stays to be counted");
    assert_eq!(s.act(DESK, c, watch()).1, noted(Why::StateMoved));
}

#[test]
fn a_slip_is_taken_back_by_the_same_clerk_within_ten_minutes() {
    let (mut s, c) = dispatched();
    assert_eq!(s.act(SECOND, c, take_back()).1, noted(Why::NotYours));
    assert_eq!(s.act(UNIT, c, take_back()).1, noted(Why::NoPower));
    s.ok(DESK, c, take_back());
    let case = s.case(c);
    assert_eq!((&case.state, case.lead.clone(), case.dispatched_ms), (&S::Filed, None, None));
    s.ok(DESK, c, take_back());
    assert_eq!((s.state(c), s.case(c).filed_ms), (S::Reported, None));
    assert_eq!(s.a.world.cases[&c].in_part(Part::Filer).count(), 0);
    assert_eq!(s.act(DESK, c, take_back()).1, noted(Why::StateMoved));
}

#[test]
fn what_the_next_one_acted_on_or_is_older_stays() {
    let (mut s, c) = dispatched();
    s.ok(UNIT, c, Command::Accept(Nothing {}));
    assert_eq!(s.act(DESK, c, take_back()).1, noted(Why::StateMoved));
    let (mut s, c) = dispatched();
    s.a.now_ms += TAKE_BACK_MS;
    assert_eq!(s.act(DESK, c, take_back()).1, noted(Why::TooLate));
    // A second dispatch, after a rework, is no slip of the first hour.
    let (mut s, c) = (Story::new(), case_id(1));
    let back = s.fed_back(c);
    let failed =
        Verify { feed_back: back, passed: false, text: String::new(), position: None, photos: vec![] };
    s.ok(WORKER, c, Command::Verify(failed));
    s.ok(DESK, c, dispatch());
    assert_eq!(s.act(DESK, c, take_back()).1, noted(Why::TooLate));
}

/// The clock of a case in words of the moves alone; how it counts is in `deadline.rs`.
#[test]
fn moves_start_pause_stop_and_restart_the_clock() {
    let (mut s, c) = dispatched();
    let first = s.case(c).due.clone().unwrap();
    assert_eq!((first.rule.as_str(), first.paused_ms, first.stopped_ms), ("default", None, None));
    let returned = || {
        Command::RequestReturn(RequestReturn {
            reason: ReturnReason::OtherArea,
            basis: "b".into(),
            owner: None,
            photos: vec![],
        })
    };
    let rule = |ruling, lead: Option<&str>| {
        Command::RuleReturn(Ruling {
            ruling,
            lead: lead.map(Into::into),
            assists: vec![],
            text: "t".into(),
            precedent: false,
            precedent_until_ms: None,
            by_ms: None,
            entered_for: None,
            photos: vec![],
        })
    };
    s.ok(UNIT, c, returned());
    s.ok(LEADER, c, rule(RulingKind::Maintain, None));
    assert_eq!(s.case(c).due.as_ref(), Some(&first), "a return that is refused gains nothing");
    s.ok(DEPUTY, c, hang("等施工", Some(9)));
    assert!(s.case(c).due.as_ref().unwrap().paused_ms.is_some());
    s.a.now_ms += 30 * 24 * 3_600_000;
    s.ok(LEADER, c, Command::Unhang(Reason::default()));
    let resumed = s.case(c).due.clone().unwrap();
    assert!(resumed.paused_ms.is_none() && resumed.due_ms > first.due_ms);
    let back = s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    assert!(s.case(c).due.as_ref().unwrap().stopped_ms.is_some());
    let failed =
        Verify { feed_back: back, passed: false, text: String::new(), position: None, photos: vec![] };
    s.ok(WORKER, c, Command::Verify(failed));
    let again = s.case(c).due.clone().unwrap();
    assert!(again.stopped_ms.is_none() && again.due_ms >= resumed.due_ms);
    // A return that is upheld gives the other unit a clock of its own.
    let (mut s, c) = dispatched();
    let first = s.case(c).due.clone().unwrap();
    s.ok(UNIT, c, returned());
    s.a.now_ms += 10 * 24 * 3_600_000;
    s.ok(LEADER, c, rule(RulingKind::Uphold, Some("market")));
    assert!(s.case(c).due.as_ref().unwrap().from_ms > first.from_ms);
    // What has danger in it does not wait for the morning.
    let (mut s, c) = (Story::new(), case_id(1));
    s.ok(WORKER, c, Command::Report(Report { urgent_danger: true, ..Report::default() }));
    s.ok(DESK, c, Command::File(Reason::default()));
    s.ok(DESK, c, dispatch());
    let urgent = s.case(c).due.clone().unwrap();
    assert_eq!((urgent.rule.as_str(), urgent.due_ms - urgent.from_ms), ("urgent", 4 * 3_600_000));
}

#[test]
fn a_name_that_work_was_handed_to_is_erased_with_its_note() {
    let (mut s, c) = dispatched();
    let op = s.ok(UNIT, c, hand_on("陈师傅"));
    let target = EraseTarget { op: Some(op), ..EraseTarget::default() };
    let asked = s.ok(DESK, c, Command::Erase(Erase { target, reason: "bystander".into(), note: None }));
    s.ok(SECOND, c, Command::ConfirmErase(ConfirmErase { erase: asked, agree: true }));
    let file = &s.a.world.cases[&c];
    assert!(!format!("{file:?}").contains("陈师傅"), "{file:#?}");
    assert_eq!(s.case(c).handed_on.as_ref().unwrap().op_id, op, "that it was handed on stays");
}

#[test]
fn feedback_by_a_work_link_is_marked_and_other_bytes_stay_as_they_were() {
    use blindspot_core::id::LinkId;
    let old = r#"{"text":"已清运","photos":["018f5a3e-0000-7000-8000-000000000001"]}"#;
    let read: FeedBack = serde_json::from_str(old).unwrap();
    assert_eq!(read.by_link, None);
    assert_eq!(serde_json::to_string(&read).unwrap(), old, "an op of before says the same bytes");
    let (mut story, case) = (Story::new(), case_id(1));
    story.fed_back(case);
    let row = serde_json::to_string(story.case(case)).unwrap();
    assert!(!row.contains("by_link"), "{row}");
    let again: blindspot_core::case::Case = serde_json::from_str(&row).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), row);

    let other = case_id(2);
    story.dispatched(other);
    let by_link = Some(LinkId::from_parts(5, [7; 10]));
    story.ok(UNIT, other, Command::FeedBack(FeedBack { by_link, ..FeedBack::default() }));
    assert_eq!(story.case(other).feed_back.as_ref().unwrap().by_link, by_link);
}
