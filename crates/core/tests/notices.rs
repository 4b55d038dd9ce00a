//! Who is told of what, and when: every kind by the moves that bring it about, rungs and quiet hours by the clock.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod story;

use blindspot_core::CaseId;
use blindspot_core::case::Case;
use blindspot_core::command::*;
use blindspot_core::deadline::Due;
use blindspot_core::division::{GridId, Places};
use blindspot_core::projection::notice_text::{digest, line};
use blindspot_core::projection::notices::*;
use blindspot_core::testing::case_id;
use serde_json::json;
use story::{DEPUTY, DESK, LEADER, OTHER_UNIT, Story, UNIT, WORKER, dispatch};

const HOUR: i64 = 3_600_000;
/// 2026-03-02 08:00 in UTC+8.
const MONDAY: i64 = 1_772_409_600_000;

/// Says it, and what is told of it: kind and whom.
fn told(story: &mut Story, who: u64, case: CaseId, command: Command) -> Vec<(String, Vec<String>)> {
    let before = story.a.world.cases.get(&case).map(|f| f.case.clone());
    story.ok(who, case, command);
    let found = notices(before.as_ref(), story.case(case));
    let again = notices(Some(story.case(case)), story.case(case));
    assert!(again.is_empty(), "nothing changed, and yet {again:?}");
    found.iter().map(|n| (n.kind.to_string(), n.to.iter().map(ToString::to_string).collect())).collect()
}

fn one(kind: &str, to: &[&str]) -> Vec<(String, Vec<String>)> {
    vec![(kind.to_owned(), to.iter().map(|t| (*t).to_owned()).collect())]
}

#[test]
fn each_move_that_somebody_waits_for_is_told_once_and_nothing_else_is() {
    let (mut story, case) = (Story::new(), case_id(1));
    let nothing: Vec<(String, Vec<String>)> = vec![];
    assert_eq!(told(&mut story, WORKER, case, Command::Report(Report::default())), nothing);
    assert_eq!(told(&mut story, DESK, case, Command::File(Reason::default())), nothing);
    assert_eq!(told(&mut story, DESK, case, dispatch()), one("dispatched", &["unit:sanitation"]));
    assert_eq!(told(&mut story, UNIT, case, Command::Accept(Nothing {})), nothing);
    let hand_on = Command::HandOn(HandOn { to: " 清运二组 ".into(), note: Some("王师傅".into()) });
    assert_eq!(told(&mut story, UNIT, case, hand_on), one("dispatched", &["team:sanitation/清运二组"]));
    let watched = Command::Supervise(Reason::default());
    let both = ["unit:sanitation", "team:sanitation/清运二组"];
    assert_eq!(told(&mut story, DESK, case, watched), one("supervised", &both));
    let back = story.ok(UNIT, case, Command::FeedBack(FeedBack::default()));
    let failed =
        Verify { feed_back: back, passed: false, text: String::new(), position: None, photos: vec![] };
    assert_eq!(told(&mut story, WORKER, case, Command::Verify(failed)), one("rework", &both));
}

#[test]
fn a_ruling_is_told_to_both_units_and_the_new_one_has_a_new_case() {
    let (mut story, case) = (Story::new(), case_id(1));
    story.dispatched(case);
    let ask = RequestReturn {
        reason: ReturnReason::OtherDuty,
        basis: "市场管理办法第八条".into(),
        owner: None,
        photos: vec![],
    };
    story.ok(UNIT, case, Command::RequestReturn(ask));
    let ruling = Ruling {
        ruling: RulingKind::Uphold,
        lead: Some("market".into()),
        assists: vec![],
        text: "归市场".into(),
        precedent: false,
        precedent_until_ms: None,
        by_ms: None,
        entered_for: None,
        photos: vec![],
    };
    let told = told(&mut story, LEADER, case, Command::RuleReturn(ruling));
    let want =
        [one("ruled", &["unit:market", "unit:sanitation"]), one("dispatched", &["unit:market"])].concat();
    assert_eq!(told, want);
    let _ = (DEPUTY, OTHER_UNIT);
}

#[test]
fn a_group_of_moves_in_one_commit_is_told_as_it_ends() {
    let (mut story, case) = (Story::new(), case_id(1));
    story.dispatched(case);
    let found = notices(None, story.case(case));
    assert_eq!(found.len(), 1, "{found:?}");
    story.ok(DESK, case, Command::TakeBack(Reason::default()));
    assert!(
        notices(None, story.case(case)).is_empty(),
        "nobody is told of what was taken back in the same breath"
    );
}

#[test]
fn more_is_asked_of_the_group_of_the_grid_and_of_nobody_by_name() {
    let (mut story, case) = (Story::new(), case_id(1));
    story.ok(WORKER, case, Command::Report(Report::default()));
    let mut before = story.case(case).clone();
    story.ok(
        DESK,
        case,
        Command::AskMore(AskMore { lacks: vec![Lack::NoWideShot], note: Some("张三".into()) }),
    );
    let mut after = story.case(case).clone();
    assert!(notices(Some(&before), &after).is_empty(), "in no grid there is no group");
    for case in [&mut before, &mut after] {
        case.place.grid = Some(GridId("330782003002-03".into()));
    }
    let found = notices(Some(&before), &after);
    assert_eq!(found[0].to.iter().map(ToString::to_string).collect::<Vec<_>>(), ["grid:330782003002-03"]);
}

fn on_the_clock() -> Case {
    let (mut story, case) = (Story::new(), case_id(1));
    story.dispatched(case);
    let mut case = story.case(case).clone();
    case.due = Some(Due { due_ms: MONDAY + 8 * HOUR, ..case.due.unwrap() });
    case
}

#[test]
fn three_rungs_each_once_and_what_was_missed_is_told_as_it_is_now() {
    let mut case = on_the_clock();
    let due = MONDAY + 8 * HOUR;
    let rungs = [due - 2 * HOUR, due - HOUR / 2, due + 1];
    let mut at = MONDAY;
    for want in rungs {
        at = next_rung_ms(&case, at).unwrap();
        assert_eq!(at, want);
    }
    assert_eq!(next_rung_ms(&case, at), None);
    let kind = |from, now| reminder(&case, from, now).map(|n| n.mark);
    assert_eq!(kind(rungs[0], rungs[0]), Some(format!("two_hours:{due}")));
    assert_eq!(kind(rungs[0], rungs[1] + 5), Some(format!("half_hour:{due}")), "down for an hour and a half");
    assert_eq!(kind(rungs[0], rungs[2] + HOUR), Some(format!("overdue:{due}")));
    assert_eq!(kind(MONDAY, rungs[0] - 1), None);
    let mut short = case.clone();
    short.due.as_mut().unwrap().due_ms = MONDAY + HOUR;
    assert_eq!(next_rung_ms(&short, MONDAY), Some(MONDAY + HOUR / 2), "no rung of before it began");
    for stop in [|d: &mut Due| d.pause(MONDAY), |d: &mut Due| d.stop(MONDAY)] {
        let mut still = case.clone();
        stop(still.due.as_mut().unwrap());
        assert_eq!((next_rung_ms(&still, MONDAY), reminder(&still, MONDAY, due + HOUR)), (None, None));
    }
    case.lead = None;
    assert_eq!(next_rung_ms(&case, MONDAY), None);
}

#[test]
fn a_night_is_quiet_until_its_morning() {
    let night = Quiet { from_min: 21 * 60 + 30, to_min: 7 * 60 };
    let at = |hour: i64, minute: i64| MONDAY + (hour - 8) * HOUR + minute * 60_000;
    let morning = at(24 + 7, 0);
    assert_eq!(night.end_ms(at(21, 29)), at(21, 29));
    assert_eq!(night.end_ms(at(21, 30)), morning);
    assert_eq!(night.end_ms(at(24 + 3, 0) + 12_345), morning);
    assert_eq!(night.end_ms(morning), morning);
    assert_eq!(Quiet { from_min: 0, to_min: 0 }.end_ms(at(3, 0)), at(3, 0), "no time at all");
    let noon = Quiet { from_min: 12 * 60, to_min: 14 * 60 };
    assert_eq!((noon.end_ms(at(13, 5)), noon.end_ms(at(14, 0))), (at(14, 0), at(14, 0)));
}

#[test]
fn a_line_holds_nothing_that_a_person_wrote() {
    let mut case = on_the_clock();
    let wrote = json!("张三家门口，电话 13800000000");
    for field in ["description", "landmark"] {
        case.fields.insert(field.into(), wrote.clone());
    }
    case.fields.insert("category".into(), json!({"item": "no such", "problem": "李四"}));
    case.tags = vec!["王五".into()];
    case.handed_on =
        Some(serde_json::from_value(json!({"op_id": case.case_id, "to": "赵六", "at_ms": 1})).unwrap());
    case.urgent_danger = true;
    case.short_no = Some(serde_json::from_value(json!({"town": "稠江", "n": 3127})).unwrap());
    let text = line(&NoticeKind::Dispatched, &case, None, &Places::empty());
    assert_eq!(text, "【紧急·新派遣】稠江 03127｜03-02 16:00前");
    let all: Vec<&Case> = std::iter::repeat_n(&case, 12).collect();
    let text = digest("环卫处", &all);
    assert!(text.starts_with("【超时汇总】环卫处｜12 件｜稠江 03127、") && text.ends_with(" 等"), "{text}");
}

#[test]
fn targets_are_written_as_they_are_read() {
    for text in ["unit:sanitation", "team:sanitation/清运 二组", "grid:330782003002-03", "leaders"] {
        assert_eq!(Target::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "unit:", "team:sanitation", "team:/a", "grid:3", "city"] {
        assert_eq!(Target::parse(text), None, "{text}");
    }
}
