//! The life of one case, move by move, and the corners that a table alone does not show.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::access::Role;
use blindspot_core::case::{CaseState, Part, PhotoArrival};
use blindspot_core::command::*;
use blindspot_core::id::{LetterId, Sha256};
use blindspot_core::testing::*;
use blindspot_core::verdict::{Cause, Verdict, Why};
use blindspot_core::{OpId, PhotoId};
use serde_json::json;
use std::collections::BTreeMap;
use story::*;

fn verify(feed_back: OpId, passed: bool) -> Command {
    Command::Verify(Verify { feed_back, passed, text: "seen".into(), position: None, photos: vec![] })
}
fn edit(field: &str, from: &str, to: &str) -> Command {
    let from = if from.is_empty() { json!(null) } else { json!(from) };
    Command::Edit(Edit { changes: BTreeMap::from([(field.to_owned(), FieldChange { from, to: json!(to) })]) })
}

#[test]
fn a_bare_report_is_valid() {
    let mut s = Story::new();
    s.ok(WORKER, case_id(1), Command::Report(Report::default()));
    let file = &s.a.world.cases[&case_id(1)];
    assert!(file.feeds().iter().any(|f| f.as_str() == "desk:unplaced"));
    assert_eq!(file.in_part(Part::Reporter).next(), Some(person(WORKER)));
}

#[test]
fn the_main_road_ends_closed_and_rework_raises_the_round() {
    let mut s = Story::new();
    let c = case_id(1);
    let first = s.fed_back(c);
    s.ok(WORKER, c, verify(first, false));
    assert_eq!((s.state(c), s.a.world.cases[&c].case.round), (CaseState::Rework, 2));
    let second = s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    s.ok(WORKER, c, verify(second, true));
    assert_eq!(s.state(c), CaseState::Closed);
}

#[test]
fn a_late_pass_after_rework_is_a_note_and_moves_nothing() {
    let mut s = Story::new();
    let c = case_id(1);
    let first = s.fed_back(c);
    s.ok(WORKER, c, verify(first, false));
    let (_, late) = s.act_in(OTHER_WORKER, c, verify(first, true), Some(1));
    assert_eq!(late, Verdict::Noted { why: Why::OtherRound });
    let (_, unaware) = s.act(OTHER_WORKER, c, verify(first, true));
    assert_eq!(unaware, Verdict::Noted { why: Why::StateMoved });
    s.ok(UNIT, c, Command::FeedBack(FeedBack::default()));
    let (_, other) = s.act(OTHER_WORKER, c, verify(first, true));
    assert_eq!(other, Verdict::Noted { why: Why::OtherFeedback });
    assert_eq!(s.state(c), CaseState::FedBack);
    assert_eq!(s.a.world.cases[&c].comments.len(), 3, "each late word is kept");
}

#[test]
fn who_fixed_it_cannot_verify_it() {
    let mut s = Story::new();
    s.a.grants.insert(
        person(UNIT),
        vec![grant(Role::UnitClerk, "dept:sanitation"), grant(Role::Collector, "city")],
    );
    let fb = s.fed_back(case_id(1));
    assert_eq!(s.act(UNIT, case_id(1), verify(fb, true)).1, Verdict::Noted { why: Why::SamePerson });
}

#[test]
fn voiding_needs_two_people() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::Report(Report::default()));
    let void = s.ok(DESK, c, Command::Void(Reason { reason: "test".into(), ..Reason::default() }));
    let confirm = || Command::ConfirmVoid(ConfirmVoid { void, agree: true });
    assert_eq!(s.act(DESK, c, confirm()).1, Verdict::Noted { why: Why::SamePerson });
    assert_eq!(s.state(c), CaseState::Reported);
    s.ok(SECOND, c, confirm());
    assert_eq!(s.state(c), CaseState::Voided);
}

#[test]
fn disjoint_fields_merge_and_a_clash_keeps_the_loser() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::Report(Report::default()));
    s.ok(WORKER, c, edit("description", "", "heap"));
    s.ok(OTHER_WORKER, c, edit("landmark", "", "gate"));
    let (op, clash) = s.act(OTHER_WORKER, c, edit("description", "", "pile"));
    assert_eq!(clash, Verdict::Merged { superseded: vec!["description".into()] });
    let file = &s.a.world.cases[&c];
    assert_eq!(file.case.fields["description"], json!("pile"));
    assert_eq!(file.case.fields["landmark"], json!("gate"));
    let conflict = &file.conflicts[&format!("{op}:description")];
    assert_eq!((&conflict.kept, &conflict.lost), (&json!("pile"), &json!("heap")));
    assert_eq!(file.case.conflicts_open, 1);
    let take = ResolveConflict { conflict: conflict.id.clone(), take: json!("heap") };
    s.ok(DESK, c, Command::ResolveConflict(take));
    let file = &s.a.world.cases[&c];
    assert_eq!((file.case.conflicts_open, &file.case.fields["description"]), (0, &json!("heap")));
}

#[test]
fn after_filing_a_workers_edit_is_a_proposal() {
    let mut s = Story::new();
    let c = case_id(1);
    s.dispatched(c);
    assert_eq!(s.act(WORKER, c, edit("description", "", "x")).1, Verdict::Noted { why: Why::Proposal });
    assert!(!s.a.world.cases[&c].case.fields.contains_key("description"));
    s.ok(DESK, c, edit("description", "", "y"));
}

#[test]
fn crossed_merges_leave_one_case_with_both_reporters() {
    let mut s = Story::new();
    let (a, b) = (case_id(1), case_id(2));
    s.ok(WORKER, a, Command::Report(Report::default()));
    s.ok(OTHER_WORKER, b, Command::Report(Report::default()));
    s.ok(DESK, a, Command::Merge(MergeInto { into: b, reason: String::new() }));
    let back = s.act(SECOND, b, Command::Merge(MergeInto { into: a, reason: String::new() })).1;
    assert_eq!(back, Verdict::Noted { why: Why::SameCase });
    let file = &s.a.world.cases[&b];
    assert_eq!(file.in_part(Part::Reporter).count(), 2);
    // What names the merged case lands on the one that stands, and says which it named.
    let op = s.ok(WORKER, a, Command::Comment(Comment { text: "more".into() }));
    assert_eq!(s.a.world.cases[&b].comments[&op].named, Some(a));
}

#[test]
fn a_report_is_withdrawn_by_its_reporter_before_filing_only() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::Report(Report::default()));
    assert_eq!(
        s.act(OTHER_WORKER, c, Command::Withdraw(Nothing {})).1,
        Verdict::Noted { why: Why::NotYours }
    );
    s.ok(DESK, c, Command::File(Reason::default()));
    assert_eq!(s.act(WORKER, c, Command::Withdraw(Nothing {})).1, Verdict::Noted { why: Why::StateMoved });
}

#[test]
fn power_is_judged_now_and_a_worker_has_none_at_the_desk() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::Report(Report::default()));
    assert_eq!(s.act(WORKER, c, Command::File(Reason::default())).1, Verdict::Noted { why: Why::NoPower });
    s.a.add_person(99, vec![]);
    let (_, stranger) = s.act(99, case_id(5), Command::Report(Report::default()));
    assert!(matches!(stranger, Verdict::Quarantined { cause: Cause::NoRights, .. }));
}

#[test]
fn evidence_pending_ends_with_the_last_working_copy() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::SelfFixed(Report::default()));
    let sha = Sha256::of(b"working");
    let photo_id = PhotoId(op_id(77).0);
    let photo: PhotoTaken = serde_json::from_value(json!({
        "photo_id": photo_id, "role": "after",
        "forms": {"working": {"sha256": sha, "bytes": 7}, "original": {"sha256": Sha256::of(b"o"), "bytes": 1}},
    }))
    .unwrap();
    s.ok(WORKER, c, Command::Photo(photo));
    let file = s.a.world.cases.get_mut(&c).unwrap();
    assert!(file.case.closing.as_ref().unwrap().evidence_pending);
    assert!(file.photo_arrived(&PhotoArrival { photo_id, sha256: sha }, 99));
    assert!(!file.photo_arrived(&PhotoArrival { photo_id, sha256: sha }, 99), "twice is once");
    assert!(!file.case.closing.as_ref().unwrap().evidence_pending);
    assert_eq!((file.case.media.n, file.case.media.m, file.case.media.k), (1, 1, 0));
}

#[test]
fn lost_and_waived_photos_lower_what_is_awaited() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::Report(Report::default()));
    for n in [81, 82] {
        let photo = serde_json::from_value(json!({"photo_id": PhotoId(op_id(n).0)})).unwrap();
        s.ok(WORKER, c, Command::Photo(photo));
    }
    s.ok(WORKER, c, Command::PhotoLost(PhotoLost { photo_id: PhotoId(op_id(81).0), reason: "card".into() }));
    assert_eq!(s.a.world.cases[&c].case.media.m, 1);
    s.ok(DESK, c, Command::WaiveMedia(WaiveMedia { photos: vec![], reason: "late".into() }));
    assert_eq!(s.a.world.cases[&c].case.media.m, 0);
}

#[test]
fn a_redacted_comment_loses_its_words_and_keeps_its_record() {
    let mut s = Story::new();
    let c = case_id(1);
    s.ok(WORKER, c, Command::Report(Report::default()));
    let op = s.ok(WORKER, c, Command::Comment(Comment { text: "a name".into() }));
    s.ok(DESK, c, Command::Redact(Redact { comment: Some(op), photo_id: None, reason: "name".into() }));
    let row = &s.a.world.cases[&c].comments[&op];
    assert_eq!((row.text.as_deref(), row.redacted.as_deref()), (None, Some("name")));
}

fn erase(target: EraseTarget) -> Command {
    Command::Erase(Erase { target, reason: "bystander_face".into(), note: Some("asked by letter".into()) })
}
fn agree(erase: OpId) -> Command {
    Command::ConfirmErase(ConfirmErase { erase, agree: true })
}
fn noted(why: Why) -> Verdict {
    Verdict::Noted { why }
}

#[test]
fn an_erasure_needs_two_people_with_power_and_a_reason() {
    let mut s = Story::new();
    let (here, word) = (case_id(1), "secret words");
    s.ok(WORKER, here, Command::Report(Report::default()));
    let comment = s.ok(WORKER, here, Command::Comment(Comment { text: word.into() }));
    let target = || EraseTarget { op: Some(comment), ..EraseTarget::default() };
    assert_eq!(s.act(WORKER, here, erase(target())).1, noted(Why::NoPower));
    let wordy = Command::Erase(Erase { target: target(), reason: "邻居投诉".into(), note: None });
    assert_eq!(s.act(DESK, here, wordy).1, noted(Why::ReasonNeeded));
    let elsewhere = EraseTarget { op: Some(op_id(999)), ..EraseTarget::default() };
    assert_eq!(s.act(DESK, here, erase(elsewhere)).1, noted(Why::NoSuchTarget));
    let asked = s.ok(DESK, here, erase(target()));
    assert_eq!(s.act(SECOND, here, erase(target())).1, noted(Why::AlreadyThere));
    let text = |s: &Story| s.a.world.cases[&here].comments[&comment].text.clone();
    assert_eq!(text(&s).as_deref(), Some(word), "until a second one agrees nothing goes");
    assert_eq!(s.act(DESK, here, agree(asked)).1, noted(Why::SamePerson));
    assert_eq!(s.act(WORKER, here, agree(asked)).1, noted(Why::NoPower));
    // A supervisor of another town has no power here.
    let away = 77;
    s.a.add_person(away, vec![grant(Role::Supervisor, "town:330782009")]);
    assert_eq!(s.act(away, here, agree(asked)).1, noted(Why::NoPower));
    assert!(text(&s).is_some());
    let done = s.ok(SECOND, here, agree(asked));
    assert_eq!(text(&s), None);
    let file = &s.a.world.cases[&here];
    let mark = file.comments[&comment].erased.clone().unwrap();
    assert_eq!((mark.reason.as_str(), mark.by), ("bystander_face", done));
    assert!(!format!("{:?}", file.images().unwrap()).contains(word));
    assert_eq!(s.act(SECOND, here, agree(asked)).1, noted(Why::AlreadyThere));
    assert_eq!(s.act(DESK, here, erase(target())).1, noted(Why::AlreadyThere));
}

#[test]
fn a_refused_erasure_erases_nothing_and_may_be_asked_again() {
    let mut s = Story::new();
    s.ok(WORKER, case_id(1), Command::Report(Report::default()));
    let target = || EraseTarget { report: true, ..EraseTarget::default() };
    let asked = s.ok(DESK, case_id(1), erase(target()));
    s.ok(SECOND, case_id(1), Command::ConfirmErase(ConfirmErase { erase: asked, agree: false }));
    assert!(s.a.world.cases[&case_id(1)].case.erased.is_none());
    assert_eq!(s.act(SECOND, case_id(1), agree(asked)).1, noted(Why::AlreadyThere));
    let again = s.ok(SECOND, case_id(1), erase(target()));
    s.ok(DESK, case_id(1), agree(again));
    assert!(s.a.world.cases[&case_id(1)].case.erased.is_some());
}

#[test]
fn a_letter_is_erased_by_a_case_that_it_lists_or_by_that_into_which_it_went() {
    let mut s = Story::new();
    let (listed, into, other) = (case_id(1), case_id(2), case_id(3));
    for case in [listed, into, other] {
        s.ok(WORKER, case, Command::Report(Report::default()));
    }
    let letter = LetterId(op_id(900).0);
    let target = || erase(EraseTarget { letter: Some(letter), ..EraseTarget::default() });
    assert_eq!(s.act(DESK, listed, target()).1, noted(Why::NoSuchTarget), "nobody knows such a letter");
    s.a.world.letters.insert(letter, [listed].into());
    assert_eq!(s.act(DESK, other, target()).1, noted(Why::NoSuchTarget));
    assert_eq!(s.act(DESK, into, target()).1, noted(Why::NoSuchTarget));
    s.ok(DESK, listed, Command::Merge(MergeInto { into, reason: String::new() }));
    let asked = s.ok(DESK, into, target());
    s.ok(SECOND, into, agree(asked));
    assert_eq!(s.act(DESK, into, target()).1, noted(Why::AlreadyThere));
}

#[test]
fn erased_words_of_a_report_do_not_come_back_with_an_edit_of_somebody_who_saw_them() {
    let mut s = Story::new();
    let report = Report { description: Some("old words".into()), ..Report::default() };
    s.ok(WORKER, case_id(1), Command::Report(report));
    let clash = s.act(OTHER_WORKER, case_id(1), edit("description", "nothing", "worse words")).1;
    assert!(matches!(clash, Verdict::Merged { .. }));
    let asked = s.ok(DESK, case_id(1), erase(EraseTarget { report: true, ..EraseTarget::default() }));
    s.ok(SECOND, case_id(1), agree(asked));
    let all = |s: &Story| format!("{:?}", s.a.world.cases[&case_id(1)].images().unwrap());
    assert!(!all(&s).contains("words"), "{}", all(&s));
    let conflict = s.a.world.cases[&case_id(1)].conflicts.keys().next().cloned().unwrap();
    let late = edit("description", "old words", "old words, and more");
    assert_eq!(s.act(WORKER, case_id(1), late).1, noted(Why::Erased));
    let choice = Command::ResolveConflict(ResolveConflict { conflict, take: json!("old words") });
    assert_eq!(s.act(DESK, case_id(1), choice).1, noted(Why::Erased));
    assert!(!all(&s).contains("words"));
    // Somebody who saw what is left may write anew.
    s.ok(DESK, case_id(1), edit("description", "", "a heap of rubble"));
    assert!(all(&s).contains("rubble"));
}

#[test]
fn an_erased_photo_is_no_longer_waited_for() {
    let mut s = Story::new();
    let here = case_id(1);
    s.ok(WORKER, here, Command::Report(Report::default()));
    let photo: PhotoTaken = serde_json::from_value(json!({
        "photo_id": PhotoId(op_id(50).0),
        "forms": {"working": {"sha256": Sha256::of(b"x"), "bytes": 1}},
    }))
    .unwrap();
    let photo_id = photo.photo_id;
    s.ok(WORKER, here, Command::Photo(photo));
    s.ok(DESK, here, Command::File(Reason::default()));
    s.ok(DESK, here, Command::Close(Reason::default()));
    let pending = |s: &Story| s.a.world.cases[&here].case.closing.as_ref().unwrap().evidence_pending;
    assert!(pending(&s));
    let asked = s.ok(DESK, here, erase(EraseTarget { photo_id: Some(photo_id), ..EraseTarget::default() }));
    s.ok(SECOND, here, agree(asked));
    assert!(!pending(&s));
    let lost = PhotoLost { photo_id, reason: "erased".into() };
    assert_eq!(s.act(WORKER, here, Command::PhotoLost(lost)).1, noted(Why::AlreadyThere));
}
