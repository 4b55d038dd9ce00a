//! The quarantine desk on a house in memory: pages, notes, dismissals, who is shown as the editor.

use super::*;
use crate::service::cases::timeline;
use crate::service::testing::{Phone, T0, case, fix, grant, house, person};
use blindspot_core::access::Role;
use blindspot_store::feed;
use serde_json::json;

struct Scene {
    house: House,
    worker: Phone,
    admin: Phone,
}

fn scene() -> Scene {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    grant(&house, person(9), Role::Administrator, "city");
    grant(&house, person(9), Role::Supervisor, "city");
    let worker = Phone::enrol(&house, person(1), 1);
    let mut admin = Phone::enrol(&house, person(9), 9);
    admin.credential.desk = true;
    Scene { house, worker, admin }
}

fn id(op: &SealedOp) -> EntryId {
    (op.env.op_id, op.hash)
}

fn new_op(n: u8) -> OpId {
    OpId::from_parts(T0, [n; 10])
}

#[test]
fn pages_of_the_list_follow_each_other_and_a_cursor_is_of_this_list() {
    let Scene { house, mut worker, .. } = scene();
    let odd: Vec<_> = (0..7).map(|_| worker.op("dance", None, &json!({}))).collect();
    worker.push(&house, T0, &odd.iter().collect::<Vec<_>>());
    let mut query = PageQuery { cursor: None, limit: Some(3) };
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let found = page(&house, &query, None).expect("a page");
        seen.extend(found.items.iter().map(|e| e.op_id));
        query.cursor = found.next;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), query.cursor.is_none()), (7, true));
    assert!(page(&house, &PageQuery { cursor: Some("x.y".into()), limit: None }, None).is_err());
    let of = |cause| page(&house, &PageQuery::default(), Some(&cause)).expect("a page").items.len();
    assert_eq!((of(Cause::UnknownKind), of(Cause::Panic)), (7, 0));
}

#[test]
fn a_note_keeps_what_was_said_on_a_case_and_the_worker_is_told() {
    let Scene { house, mut worker, admin } = scene();
    let report = worker.report(1, 1);
    let odd = worker.op("dance", Some(case(1)), &json!({"text": "门口有垃圾"}));
    worker.push(&house, T0, &[&report, &odd]);
    let request = NoteRequest { op_id: new_op(3), case_id: case(1), text: "代录".into() };
    let put = || hand_to_case(&house, admin.credential, id(&odd), &request, T0 + 5);
    assert_eq!(put().expect("sound").verdict, Verdict::Applied);
    assert!(put().expect("sound").seen_before, "twice does no harm");
    let told = worker.push(&house, T0 + 9, &[&odd]).verdicts.remove(0).verdict;
    assert_eq!(told, Verdict::Replaced { by: request.op_id });
    let lines = timeline(&house, admin.credential, case(1), &PageQuery::default(), T0 + 9).expect("sound");
    let note = lines.items.iter().find(|l| l.op_id == request.op_id).expect("on the case");
    let said = note.payload.as_ref().expect("words").get();
    assert!(said.contains("代录") && said.contains("门口有垃圾") && said.contains("dance"), "{said}");
    assert_eq!(note.replaces, Some(odd.env.op_id));
    assert_eq!(note.editor, None, "a note is the desk's own");
    let nowhere = NoteRequest { op_id: new_op(4), case_id: case(99), text: String::new() };
    let other = worker.op("dance", None, &json!({}));
    worker.push(&house, T0, &[&other]);
    assert!(hand_to_case(&house, admin.credential, id(&other), &nowhere, T0).is_err());
    assert_eq!(page(&house, &PageQuery::default(), None).expect("a page").items.len(), 1, "it still waits");
}

#[test]
fn the_editor_of_an_edited_op_is_shown_beside_its_author() {
    let Scene { house, mut worker, admin } = scene();
    let broken = worker.op("report", Some(case(1)), &json!({"position": "here"}));
    worker.push(&house, T0, &[&broken]);
    let payload = json!({"position": fix(1), "description": "占道"}).to_string();
    let request = EditRequest {
        op_id: new_op(5),
        kind: "report".into(),
        case_id: Some(case(1)),
        payload: RawValue::from_string(payload).expect("JSON"),
        author: None,
    };
    let verdict = edit(&house, admin.credential, id(&broken), request, T0 + 5).expect("sound").verdict;
    assert_eq!(verdict, Verdict::Applied);
    let lines = timeline(&house, admin.credential, case(1), &PageQuery::default(), T0 + 9).expect("sound");
    let [line] = lines.items.as_slice() else { panic!("{:?}", lines.items) };
    assert!(line.author.is_some() && line.editor.is_some() && line.author != line.editor, "{line:?}");
}

#[test]
fn a_dismissal_has_a_reason_and_lets_what_waited_go_on() {
    let Scene { house, mut worker, admin } = scene();
    let report = worker.report(1, 1);
    let odd = worker.op("dance", Some(case(1)), &json!({}));
    let mut env = worker.envelope("comment", Some(case(1)), &json!({"text": "二"}));
    env.depends_on = vec![odd.env.op_id];
    let after = SealedOp::seal(env).expect("sound");
    worker.push(&house, T0, &[&report, &odd, &after]);
    let no_reason = DismissRequest { why: "  ".into() };
    assert!(dismiss(&house, admin.credential, id(&odd), &no_reason, T0).is_err());
    let request = DismissRequest { why: "重复".into() };
    dismiss(&house, admin.credential, id(&odd), &request, T0 + 5).expect("sound");
    assert!(dismiss(&house, admin.credential, id(&odd), &request, T0 + 6).is_err(), "decided already");
    let told = worker.push(&house, T0 + 9, &[&odd, &after]).verdicts;
    assert_eq!(told[0].verdict, Verdict::Dismissed { why: "重复".into() });
    assert_eq!(told[1].verdict, Verdict::Applied);
}

/// The row that told its phone of the dismissal is there already when the author pushes it himself.
#[test]
fn an_op_that_was_dismissed_from_somebody_elses_phone_counts_when_its_author_sends_it() {
    let Scene { house, mut worker, admin } = scene();
    grant(&house, person(2), Role::Collector, "city");
    let other = Phone::enrol(&house, person(2), 2);
    let (report, later) = (worker.report(1, 1), worker.report(2, 2));
    let told = other.push(&house, T0, &[&report]).verdicts.remove(0).verdict;
    assert!(matches!(told, Verdict::Quarantined { cause: Cause::AuthorMismatch, .. }), "{told:?}");
    let request = DismissRequest { why: "误传".into() };
    dismiss(&house, admin.credential, id(&report), &request, T0 + 5).expect("sound");
    let told = worker.push(&house, T0 + 9, &[&report, &later]).verdicts;
    assert_eq!((&told[0].verdict, &told[1].verdict), (&Verdict::Applied, &Verdict::Applied));
    for check in house.store.read(|tx| feed::recompute_digests(tx, &house.city)).expect("digests") {
        assert_eq!(check.stored, check.recomputed, "{}", check.feed);
    }
}
