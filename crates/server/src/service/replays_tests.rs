//! Replays by themselves and by the desk, on a house in memory.

use super::*;
use crate::service::ingest::Edit;
use crate::service::testing::{Phone, T0, case, fix, grant, house, person};
use blindspot_core::OpId;
use blindspot_core::access::Role;
use blindspot_core::op::SealedOp;
use blindspot_core::row::RowKind;
use blindspot_core::verdict::Cause;
use blindspot_store::rows;
use serde_json::json;
use serde_json::value::RawValue;

const MINUTE: i64 = 60_000;

fn open(house: &House) -> Vec<Quarantined> {
    house.store.read(|tx| quarantine::load_quarantine(tx, &house.city, None, None, 100)).expect("sound")
}
fn id(op: &SealedOp) -> EntryId {
    (op.env.op_id, op.hash)
}
fn cause(verdict: &Verdict) -> Option<&Cause> {
    if let Verdict::Quarantined { cause, .. } = verdict { Some(cause) } else { None }
}
fn verdict(house: &House, a: &Phone, op: &SealedOp) -> Verdict {
    a.push(house, T0 + 1, &[op]).verdicts.remove(0).verdict
}

#[test]
fn an_op_without_rights_is_decided_again_after_5_minutes_an_hour_and_a_day() {
    let house = house();
    let mut a = Phone::enrol(&house, person(1), 1);
    let report = a.report(1, 1);
    assert_eq!(cause(&a.push(&house, T0, &[&report]).verdicts[0].verdict), Some(&Cause::NoRights));
    let mut ran = vec![];
    for minute in 0..2_000 {
        let n = run_due(&house, "a", T0 + minute * MINUTE).expect("sound");
        ran.extend((0..n).map(|_| minute));
    }
    assert_eq!(ran, [5, 60, 1_440]);
    assert_eq!(open(&house).len(), 1, "it stays for a person");
    // Rights given for the time gone by, and a person who asks.
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    ask(&house, id(&report), T0 + 5_000 * MINUTE).expect("sound");
    assert_eq!(run_due(&house, "a", T0 + 5_000 * MINUTE).expect("sound"), 1);
    assert_eq!(verdict(&house, &a, &report), Verdict::Applied);
    assert!(open(&house).is_empty());
}

#[test]
fn of_one_moment_the_first_received_is_decided_first_whatever_its_id() {
    let house = house();
    let mut a = Phone::enrol(&house, person(1), 1);
    // Ids carry the phone's clock: these come in the order against that of their ids.
    let mut reports: Vec<SealedOp> = (1..5).map(|n| a.report(n, 1)).collect();
    reports.reverse();
    for report in &reports {
        assert_eq!(cause(&a.push(&house, T0, &[report]).verdicts[0].verdict), Some(&Cause::NoRights));
    }
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    for report in &reports {
        ask(&house, id(report), T0 + MINUTE).expect("sound");
    }
    assert_eq!(run_due(&house, "a", T0 + MINUTE).expect("sound"), 4);
    let numbers = reports.iter().map(|report| {
        let key = report.env.case_id.expect("a report is of a case").to_string();
        let row = house.store.read(|tx| rows::load_row(tx, &house.city, &RowKind::Case, &key));
        let body: serde_json::Value =
            serde_json::from_str(&row.expect("sound").expect("a row").body).expect("JSON");
        body["short_no"]["n"].as_u64()
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [Some(1), Some(2), Some(3), Some(4)]);
}

#[test]
fn what_waiting_cannot_mend_is_not_tried_again() {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    let mut a = Phone::enrol(&house, person(1), 1);
    let b = Phone::enrol(&house, person(2), 2);
    let report = a.report(1, 1);
    assert_eq!(cause(&b.push(&house, T0, &[&report]).verdicts[0].verdict), Some(&Cause::AuthorMismatch));
    assert_eq!(run_due(&house, "a", T0 + 99_999 * MINUTE).expect("sound"), 0);
    assert_eq!(after_upgrade(&house, "2", T0).expect("sound"), 0);
    // A person vouches for it: the author is whose phone it names, never the carrier.
    ask(&house, id(&report), T0).expect("sound");
    assert_eq!(run_due(&house, "a", T0).expect("sound"), 1);
    assert_eq!(verdict(&house, &a, &report), Verdict::Applied);
    assert!(open(&house).is_empty());
}

#[test]
fn an_entry_released_once_waits_again_when_it_is_quarantined_again() {
    let house = house();
    let mut a = Phone::enrol(&house, person(1), 1);
    let report = a.report(1, 1);
    a.push(&house, T0, &[&report]);
    let kept = open(&house).remove(0);
    house
        .store
        .write(|tx| quarantine::save_released(tx, &house.city, [(kept.op_id, &kept.hash, T0 + 1)]))
        .expect("sound");
    assert!(open(&house).is_empty());
    let again = Quarantined { cause: Cause::Panic, at_ms: T0 + 9, ..kept };
    assert!(house.store.write(|tx| quarantine::append_quarantine(tx, &house.city, &again)).expect("sound"));
    assert!(!house.store.write(|tx| quarantine::append_quarantine(tx, &house.city, &again)).expect("sound"));
    let found = open(&house).remove(0);
    assert_eq!((found.cause, found.at_ms, found.released_ms), (Cause::Panic, T0 + 9, None));
}

#[test]
fn an_upgrade_has_what_it_may_understand_decided_again_once() {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    let mut a = Phone::enrol(&house, person(1), 1);
    let odd = a.op("dance", Some(case(1)), &json!({}));
    let nul = r#"{"op_id":"018f0000-0000-7000-8000-000000000009","text":"\u0000"}"#.to_owned();
    let mut request = a.request(&[&odd]);
    request.ops.push(nul);
    crate::service::testing::push(&house, a.credential, T0, request).expect("sound");
    assert_eq!(open(&house).len(), 2);
    assert_eq!(after_upgrade(&house, "2", T0 + 1).expect("sound"), 1, "an unknown kind, not the U+0000");
    assert_eq!(after_upgrade(&house, "2", T0 + 1).expect("sound"), 0);
    assert_eq!(run_due(&house, "a", T0 + 1).expect("sound"), 1);
    assert_eq!(open(&house).len(), 2, "this version does not know the dance either");
}

#[test]
fn four_threads_decide_an_op_once_and_one_that_stopped_the_server_is_left_alone() {
    let house = house();
    let mut a = Phone::enrol(&house, person(1), 1);
    let ops: Vec<_> = (1..20).map(|n| a.report(n, 1)).collect();
    a.push(&house, T0, &ops.iter().collect::<Vec<_>>());
    grant(&house, person(1), Role::Collector, "city");
    let at = T0 + 5 * MINUTE;
    // One is claimed and the server stops: another run finds its mark when the lease has run out.
    let job = due_in_order(&house, at).expect("sound").pop_front().expect("one is due");
    let (first, _) = claim(&house, job, "dead", at).expect("sound").expect("sound");
    house.set_run(house.run() + 1, None);
    let done: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let house = &house;
                scope.spawn(move || run_due(house, &format!("t{n}"), at).expect("sound"))
            })
            .collect();
        threads.into_iter().map(|t| t.join().expect("sound")).sum()
    });
    assert_eq!((done, open(&house).len()), (18, 1));
    assert_eq!(run_due(&house, "b", at + LEASE_MS).expect("sound"), 1);
    let state =
        house.store.read(|tx| jobs::load(tx, &house.city, &first.job)).expect("sound").expect("sound");
    assert_eq!((state.tries, state.problem.as_deref()), (2, Some("the server stopped while deciding it")));
    assert_eq!(open(&house).len(), 1, "it waits for a person");
}

#[test]
fn an_edit_is_a_new_op_of_the_same_author_and_what_waited_goes_on() {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    grant(&house, person(9), Role::Administrator, "city");
    let mut a = Phone::enrol(&house, person(1), 1);
    let mut admin = Phone::enrol(&house, person(9), 9);
    admin.credential.desk = true;
    let broken = a.op("report", Some(case(1)), &json!({"position": "here"}));
    let mut env = a.envelope("comment", Some(case(1)), &json!({"text": "二"}));
    env.depends_on = vec![broken.env.op_id];
    let after = SealedOp::seal(env).expect("sound");
    let reply = a.push(&house, T0, &[&broken, &after]);
    assert_eq!(cause(&reply.verdicts[0].verdict), Some(&Cause::Malformed));
    assert!(matches!(reply.verdicts[1].verdict, Verdict::Held { .. }));
    let edit = |payload: &serde_json::Value| Edit {
        op_id: OpId::from_parts(T0, [77; 10]),
        kind: "report".into(),
        case_id: Some(case(1)),
        payload: RawValue::from_string(payload.to_string()).expect("sound"),
        author: None,
    };
    let good = edit(&json!({"position": fix(1), "description": "占道"}));
    let bad = edit(&json!({"position": 7}));
    let put = |e: &Edit| ingest::replace(&house, admin.credential, id(&broken), e, T0 + 5, |_, _| Ok(()));
    assert!(put(&bad).is_err());
    assert_eq!(open(&house).len(), 1, "nothing of a bad edit is kept");
    assert_eq!(put(&good).expect("sound").verdict, Verdict::Applied);
    assert!(put(&good).expect("sound").seen_before, "twice does no harm");
    assert_eq!(verdict(&house, &a, &broken), Verdict::Replaced { by: good.op_id });
    assert_eq!(verdict(&house, &a, &after), Verdict::Applied);
    assert!(open(&house).is_empty());
    let kept = house
        .store
        .read(|tx| blindspot_store::ops::load_ops(tx, &house.city, &BTreeSet::from([good.op_id])))
        .expect("sound");
    assert_eq!(kept[&good.op_id].author, Some(person(1)));
    assert_eq!(kept[&good.op_id].device_id, admin.credential.device);
}
