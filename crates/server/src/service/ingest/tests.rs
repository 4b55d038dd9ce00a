//! What ingest promises, tried on a house in memory.

use crate::service::testing::{Mirror, Phone, T0, case, grant, house, person, push};
use crate::service::{House, ServiceError};
use blindspot_core::access::Role;
use blindspot_core::case::{Case, CaseState};
use blindspot_core::limits::HELD_MS_MAX;
use blindspot_core::op::{Envelope, SealedOp};
use blindspot_core::row::{RowKey, RowKind};
use blindspot_core::verdict::{Cause, Verdict, Why};
use blindspot_core::wire::v1::PushRequest;
use blindspot_core::{CaseId, OpId};
use blindspot_store::{Store, feed, quarantine, rows};
use serde_json::json;
use std::collections::BTreeSet;

fn collector(house: &House, n: u8) -> Phone {
    grant(house, person(n), Role::Collector, "grid:330782003001-01");
    Phone::enrol(house, person(n), n)
}

fn case_row(house: &House, id: CaseId) -> Option<Case> {
    let row =
        house.store.read(|tx| rows::load_row(tx, &house.city, &RowKind::Case, &id.to_string())).unwrap();
    row.map(|row| serde_json::from_str(&row.body).unwrap())
}

fn cause(verdict: &Verdict) -> Option<Cause> {
    if let Verdict::Quarantined { cause, .. } = verdict { Some(cause.clone()) } else { None }
}

fn resealed(mut op: Envelope, change: impl FnOnce(&mut Envelope)) -> SealedOp {
    change(&mut op);
    SealedOp::seal(op).unwrap()
}

fn assert_digests(house: &House) {
    let checks = house.store.read(|tx| feed::recompute_digests(tx, &house.city)).unwrap();
    assert!(!checks.is_empty());
    for check in checks {
        assert_eq!(check.stored, check.recomputed, "{}", check.feed);
    }
}

#[test]
fn twenty_identical_pushes_make_one_case() {
    let house = house();
    let mut phone = collector(&house, 1);
    let op = phone.report(1, 1);
    for i in 0..20 {
        let reply = phone.push(&house, T0 + i, &[&op]);
        assert_eq!(reply.verdicts[0].verdict, Verdict::Applied);
        assert_eq!(reply.verdicts[0].seen_before, i > 0);
        assert_eq!(reply.received_through, 1);
    }
    let kept = case_row(&house, case(1)).unwrap();
    assert_eq!(kept.received_ms, T0);
    assert_eq!(kept.short_no.unwrap().text(), "稠江 00001");
    let rows =
        house.store.read(|tx| rows::load_row(tx, &house.city, &RowKind::Case, &case(1).to_string())).unwrap();
    assert_eq!(rows.unwrap().rev.1, 1);
    assert_digests(&house);
}

#[test]
fn a_poison_op_among_a_hundred_delays_nobody() {
    let house = house();
    let mut phone = collector(&house, 1);
    let mut good: Vec<SealedOp> = (0..98).map(|n| phone.report(n, 1)).collect();
    good.insert(50, phone.op("dance", Some(case(3)), &json!({})));
    let mut request = phone.request(&good.iter().collect::<Vec<_>>());
    phone.seq += 1;
    let broken =
        format!(r#"{{"op_id":"{}","device_seq":{},"kind":7}}"#, OpId::from_parts(9, [9; 10]), phone.seq);
    request.ops.insert(10, broken);
    let reply = push(&house, phone.credential, T0, request.clone()).unwrap();
    assert_eq!(reply.verdicts.len(), 100);
    assert_eq!(reply.received_through, 100);
    let bad: Vec<_> =
        reply.verdicts.iter().enumerate().filter(|(_, v)| v.verdict != Verdict::Applied).collect();
    let causes: Vec<_> = bad.iter().map(|(i, v)| (*i, cause(&v.verdict).unwrap())).collect();
    assert_eq!(causes, [(10, Cause::Malformed), (51, Cause::UnknownKind)]);
    let again = push(&house, phone.credential, T0 + 1, request).unwrap();
    assert!(again.verdicts.iter().all(|v| v.seen_before));
    assert_eq!(again.verdicts[10].verdict, reply.verdicts[10].verdict);
}

#[test]
fn too_much_refuses_that_push_alone() {
    let house = house();
    let phone = collector(&house, 1);
    let request = PushRequest { ops: vec![String::new(); 501], ..PushRequest::default() };
    let refused = push(&house, phone.credential, T0, request);
    assert!(matches!(refused, Err(ServiceError::Refused(p, _)) if p.code == "too_many_ops"));
    let request = PushRequest { ops: vec!["x".repeat(3 << 20)], ..PushRequest::default() };
    let refused = push(&house, phone.credential, T0, request);
    assert!(matches!(refused, Err(ServiceError::Refused(p, _)) if p.code == "body_too_large"));
}

#[test]
fn ops_wait_for_their_case_and_for_each_other_across_devices() {
    let house = house();
    let (mut a, mut b) = (collector(&house, 1), collector(&house, 2));
    let report = a.report(1, 1);
    let first = resealed(a.envelope("comment", Some(case(1)), &json!({"text": "一"})), |e| {
        e.depends_on = vec![report.env.op_id];
    });
    let second = resealed(a.envelope("comment", Some(case(1)), &json!({"text": "二"})), |e| {
        e.depends_on = vec![first.env.op_id];
    });
    let other = b.op("comment", Some(case(1)), &json!({"text": "三"}));
    let reply = a.push(&house, T0, &[&second]);
    assert_eq!(reply.verdicts[0].verdict, Verdict::Held { missing: vec![first.env.op_id] });
    assert_eq!(reply.received_through, 0);
    assert_eq!(b.push(&house, T0, &[&other]).verdicts[0].verdict, Verdict::Held { missing: vec![] });
    let reply = a.push(&house, T0, &[&first]);
    assert_eq!(reply.verdicts[0].verdict, Verdict::Held { missing: vec![report.env.op_id] });
    let reply = a.push(&house, T0, &[&report]);
    assert_eq!((reply.verdicts[0].verdict.clone(), reply.received_through), (Verdict::Applied, 3));
    for (phone, op) in [(&a, &first), (&a, &second), (&b, &other)] {
        let entry = &phone.push(&house, T0, &[op]).verdicts[0];
        assert_eq!((entry.verdict.clone(), entry.cases.clone()), (Verdict::Applied, vec![case(1)]));
    }
    let mut mirror = Mirror::default();
    mirror.sync(&house, b.credential, 100, || ());
    let verdict = &mirror.rows[&RowKey::new(RowKind::Verdict, other.env.op_id.to_string())];
    assert!(verdict.0.1 == 2 && verdict.1.contains("applied"), "{verdict:?}");
    assert_digests(&house);
}

#[test]
fn a_hold_runs_out_and_replays_when_the_predecessor_comes() {
    let house = house();
    let mut a = collector(&house, 1);
    let report = a.report(1, 1);
    let comment = a.op("comment", Some(case(1)), &json!({"text": "一"}));
    let late = resealed(a.envelope("comment", Some(case(1)), &json!({"text": "二"})), |e| {
        e.depends_on = vec![comment.env.op_id];
    });
    a.push(&house, T0, &[&comment, &late]);
    assert_eq!(super::expire_holds(&house, T0 + HELD_MS_MAX).unwrap(), 0);
    // The second waits for an op that is here: only the first waits for nothing.
    assert_eq!(super::expire_holds(&house, T0 + HELD_MS_MAX + 1).unwrap(), 1);
    let entry = a.push(&house, T0, &[&comment]).verdicts.remove(0);
    assert_eq!(cause(&entry.verdict), Some(Cause::MissingPredecessor));
    a.push(&house, T0 + HELD_MS_MAX + 2, &[&report]);
    for op in [&comment, &late] {
        assert_eq!(a.push(&house, T0, &[op]).verdicts[0].verdict, Verdict::Applied);
    }
    let open = house.store.read(|tx| quarantine::load_quarantine(tx, &house.city, None, None, 10)).unwrap();
    assert_eq!(open, []);
}

#[test]
fn another_body_under_one_id_is_kept_apart() {
    let house = house();
    let mut a = collector(&house, 1);
    let report = a.report(1, 1);
    let other = resealed(report.env.clone(), |e| e.kind = "self_fixed".into());
    a.push(&house, T0, &[&report]);
    let entry = a.push(&house, T0, &[&other]).verdicts.remove(0);
    assert_eq!(cause(&entry.verdict), Some(Cause::OtherBody));
    assert!(a.push(&house, T0, &[&other]).verdicts[0].seen_before);
    assert_eq!(a.push(&house, T0, &[&report]).verdicts[0].verdict, Verdict::Applied);
    assert_eq!(case_row(&house, case(1)).unwrap().state, CaseState::Reported);
}

#[test]
fn another_persons_credential_decides_nothing_and_the_owners_still_does() {
    let house = house();
    let (mut a, mut b) = (collector(&house, 1), collector(&house, 2));
    let report = a.report(1, 1);
    let entry = b.push(&house, T0, &[&report]).verdicts.remove(0);
    assert_eq!(cause(&entry.verdict), Some(Cause::AuthorMismatch));
    assert!(case_row(&house, case(1)).is_none());
    let mut later = Phone::enrol(&house, person(1), 9);
    let entry = later.push(&house, T0, &[&report]).verdicts.remove(0);
    assert_eq!((entry.verdict, entry.seen_before), (Verdict::Applied, false));
    let earlier_with_later = later.op("look", None, &json!({}));
    let entry = a.push(&house, T0, &[&earlier_with_later]).verdicts.remove(0);
    assert_eq!(cause(&entry.verdict), Some(Cause::AuthorMismatch));
    b.credential.device = blindspot_core::DeviceId::from_parts(3, [77; 10]);
    let unknown = b.report(5, 1);
    assert_eq!(cause(&b.push(&house, T0, &[&unknown]).verdicts[0].verdict), Some(Cause::UnknownDevice));
}

#[test]
fn a_late_copy_of_an_honest_frame_accuses_nobody_and_a_set_back_phone_is_marked() {
    let house = house();
    let mut a = collector(&house, 1);
    let state = |who: &Phone| {
        let device = who.credential.device;
        let found = house.store.read(|tx| blindspot_store::devices::load_device(tx, &house.city, device));
        found.unwrap().unwrap().state.as_str().to_owned()
    };
    let one = a.report(1, 1);
    let early = PushRequest { next_seq: 2, ..a.request(&[&one]) };
    push(&house, a.credential, T0, early.clone()).unwrap();
    let two = a.report(2, 1);
    let receipt = a.push(&house, T0, &[&two]).common.receipt;
    // The network brings the first frame once more: its next_seq lies below what is stored by now.
    push(&house, a.credential, T0 + 1, early.clone()).unwrap();
    assert_eq!(state(&a), "active");
    // The same numbers in a frame whose own receipt knows better: this phone was set back.
    push(&house, a.credential, T0 + 2, PushRequest { receipt: Some(receipt), ..early }).unwrap();
    assert_eq!(state(&a), "cloned");
}

#[test]
fn two_ops_under_one_number_are_both_applied_and_the_phone_is_marked() {
    let house = house();
    let mut a = collector(&house, 1);
    let one = a.report(1, 1);
    let two = resealed(a.envelope("report", Some(case(2)), &json!({})), |e| e.device_seq = 1);
    let reply = a.push(&house, T0, &[&one, &two]);
    assert!(reply.verdicts.iter().all(|v| v.verdict == Verdict::Applied));
    let device =
        house.store.read(|tx| blindspot_store::devices::load_device(tx, &house.city, a.credential.device));
    assert_eq!(device.unwrap().unwrap().state.as_str(), "cloned");
}

#[test]
fn merged_cases_take_later_ops_at_the_root_and_moved_ones_change_feeds() {
    let house = house();
    let mut a = collector(&house, 1);
    grant(&house, person(3), Role::FilingDesk, "city");
    let desk = Phone::enrol(&house, person(3), 3);
    let (one, two) = (a.report(1, 1), a.report(2, 2));
    a.push(&house, T0, &[&one, &two]);
    let merged = desk.desk(&house, T0 + 1, case(2), "merge", &json!({"into": case(1)}));
    assert_eq!((merged.verdict, merged.cases), (Verdict::Applied, vec![case(2), case(1)]));
    let words = a.op("comment", Some(case(2)), &json!({"text": "还在"}));
    let entry = a.push(&house, T0 + 2, &[&words]).verdicts.remove(0);
    assert_eq!((entry.verdict, entry.cases), (Verdict::Applied, vec![case(1)]));
    let back = desk.desk(&house, T0 + 3, case(1), "merge", &json!({"into": case(2)}));
    assert_eq!(back.verdict, Verdict::Noted { why: Why::SameCase });

    let mut first = Mirror::default();
    first.sync(&house, a.credential, 100, || ());
    let key = RowKey::new(RowKind::Case, case(1).to_string());
    let in_grid = |m: &Mirror, n: u16| {
        let feed = blindspot_core::feed::Feed::grid(&crate::service::testing::grid(n));
        m.feeds.get(&feed).is_some_and(|members| members.contains(&key))
    };
    assert!(in_grid(&first, 1));
    grant(&house, person(4), Role::Collector, "grid:330782003002-01");
    let neighbour = Phone::enrol(&house, person(4), 4);
    let fix = crate::service::testing::fix(2);
    let moved = desk.desk(&house, T0 + 4, case(1), "relocate", &json!({"position": fix}));
    assert_eq!(moved.verdict, Verdict::Applied);
    first.sync(&house, a.credential, 100, || ());
    let mut second = Mirror::default();
    second.sync(&house, neighbour.credential, 100, || ());
    assert!(!in_grid(&first, 1) && in_grid(&second, 2));
    assert!(first.rows.contains_key(&key), "the reporter still reads it");
    assert_digests(&house);
}

#[test]
fn a_desk_action_sent_twice_is_done_once() {
    let house = house();
    let mut a = collector(&house, 1);
    grant(&house, person(3), Role::Supervisor, "city");
    let desk = Phone::enrol(&house, person(3), 3);
    let report = a.report(1, 1);
    a.push(&house, T0, &[&report]);
    let op = blindspot_core::wire::v1::DeskOp {
        op_id: OpId::from_parts(5, [5; 10]),
        kind: "file".into(),
        payload: serde_json::value::to_raw_value(&json!({"reason": "r"})).unwrap(),
        expected_state: None,
        round: None,
    };
    let act = |op| crate::service::testing::desk(&house, desk.credential, T0 + 9, Some(case(1)), op).unwrap();
    let (first, again) = (act(op.clone()), act(op.clone()));
    assert_eq!((first.verdict, first.seen_before), (Verdict::Applied, false));
    assert_eq!((again.verdict, again.seen_before), (Verdict::Applied, true));
    let other = act(blindspot_core::wire::v1::DeskOp { kind: "refuse".into(), ..op });
    assert_eq!(cause(&other.verdict), Some(Cause::OtherBody));
    let audit = house.store.read(|tx| blindspot_store::audit::verify(tx, &house.city)).unwrap();
    // Three imports of the house, one filing.
    assert_eq!((audit.rows, audit.ok), (4, true));
}

/// Found by the simulation: a proxy had mixed two phones up, and the server died over the op when its own phone
/// brought it. The entry kept the first cause, and nothing decided it again.
#[test]
fn an_op_that_another_brought_first_is_listed_by_what_became_of_it_since() {
    let house = house();
    let (mut a, b) = (collector(&house, 1), collector(&house, 2));
    let op = a.report(1, 1);
    assert_eq!(cause(&b.push(&house, T0, &[&op]).verdicts[0].verdict), Some(Cause::AuthorMismatch));
    let ids = BTreeSet::from([op.env.op_id]);
    let noted = house.store.write(|tx| {
        blindspot_store::meta::save(tx, &house.city, blindspot_store::meta::TRYING_LEFT, "10")?;
        quarantine::append_trying(tx, &house.city, &ids, 77)
    });
    noted.unwrap();
    assert_eq!(cause(&a.push(&house, T0 + 1, &[&op]).verdicts[0].verdict), Some(Cause::Trying));
    let kept = house.store.read(|tx| quarantine::load_quarantined(tx, &house.city, op.env.op_id, &op.hash));
    assert_eq!(kept.unwrap().unwrap().cause, Cause::Trying);
    assert_eq!(crate::service::replays::run_due(&house, "test", T0 + 301_000).unwrap(), 1);
    assert_eq!(a.push(&house, T0 + 302_000, &[&op]).verdicts[0].verdict, Verdict::Applied);
}

#[test]
fn after_a_crash_the_op_that_was_being_tried_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let open = || {
        crate::service::testing::house_on(Store::open(&path, blindspot_store::Options::default()).unwrap())
    };
    let house = open();
    let mut a = collector(&house, 1);
    let (bad, good) = (a.report(1, 1), a.report(2, 1));
    drop(house);
    let house = open();
    // The second run noted the op and was killed while applying it.
    let ids = BTreeSet::from([bad.env.op_id]);
    house.store.write(|tx| quarantine::append_trying(tx, &house.city, &ids, 2)).unwrap();
    drop(house);
    let house = open();
    let reply = a.push(&house, T0, &[&bad, &good]);
    assert_eq!(cause(&reply.verdicts[0].verdict), Some(Cause::Trying));
    assert_eq!(reply.verdicts[1].verdict, Verdict::Applied);
    assert_eq!(a.push(&house, T0, &[&good]).verdicts[0].verdict, Verdict::Applied);
}
