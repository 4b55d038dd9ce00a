//! What a group asks the database for grows with the kinds of its ops, and not with their number: each question goes to another
//! machine when the database is one.

use super::{ReadPush, step};
use crate::service::testing::{Phone, T0, case, fix, grant, house, person};
use crate::service::{House, WriteJob};
use blindspot_core::access::Role;
use blindspot_core::case::{ErasureRow, ErasureState};
use blindspot_core::command::EraseTarget;
use blindspot_core::id::Sha256;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::Verdict;
use blindspot_core::wire::v1::DeskOp;
use blindspot_core::{OpId, PhotoId};
use blindspot_store::audit;
use blindspot_store::erased::{self, ErasedId, Item};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::mpsc;

fn collector(house: &House, n: u8) -> Phone {
    grant(house, person(n), Role::Collector, "grid:330782003001-01");
    Phone::enrol(house, person(n), n)
}

/// Something waits and something was erased, as in any city after its first week.
fn house_of_some_age() -> House {
    let house = house();
    let mut phone = collector(&house, 250);
    let waits = phone.op("comment", Some(case(9_999)), &json!({"text": "waits"}));
    let reply = phone.push(&house, T0, &[&waits]);
    assert!(matches!(reply.verdicts[0].verdict, Verdict::Held { .. }));
    let op = OpId::from_parts(T0, [99; 10]);
    let erasure = ErasureRow {
        op_id: op,
        case_id: case(9_998),
        target: EraseTarget::default(),
        reason: "third_party".into(),
        note: None,
        asked_by: person(1),
        asked_ms: T0,
        state: ErasureState::Approved,
        decided_by: None,
        decided_op: None,
        decided_ms: None,
    };
    let item = Item { what: ErasedId::Op(op), erasure };
    house.store.write(|tx| erased::append(tx, &house.city, &item)).unwrap();
    house
}

/// How often the engine is asked while all this is done as one group.
fn calls_while(house: &House, jobs: Vec<WriteJob>) -> u64 {
    let before = house.store.calls();
    step(house, jobs);
    house.store.calls() - before
}

/// So many phones push at once: each a report with a photo, a look, and words on a case that was there.
fn calls_of(phones: u8) -> u64 {
    let house = house_of_some_age();
    let mut all: Vec<(u8, Phone)> = (1..=phones).map(|n| (n, collector(&house, n))).collect();
    for (n, phone) in &mut all {
        let old = phone.report(1_000 + u32::from(*n), 1);
        phone.push(&house, T0, &[&old]);
    }
    let (send, reply) = mpsc::channel();
    let jobs = all.iter_mut().map(|(n, phone)| {
        let n = *n;
        let forms = json!({"working": {"sha256": Sha256::of(&[n]), "bytes": 1}});
        let photo = json!({"photo_id": PhotoId::from_parts(9, [n; 10]), "forms": forms});
        let ops: Vec<SealedOp> = vec![
            phone.report(n.into(), 1),
            phone.op("photo", Some(case(n.into())), &photo),
            phone.op("look", None, &json!({"position": fix(1)})),
            phone.op("comment", Some(case(1_000 + u32::from(n))), &json!({"text": "还在"})),
        ];
        let push = ReadPush::of(phone.request(&ops.iter().collect::<Vec<_>>())).unwrap();
        let send = send.clone();
        let done = Box::new(move |answer| send.send(answer).unwrap());
        WriteJob::Push { credential: phone.credential, push, received_ms: T0 + 1, done }
    });
    let calls = calls_while(&house, jobs.collect());
    for _ in 0..phones {
        let entries = reply.recv().unwrap().unwrap().verdicts;
        assert!(entries.iter().all(|e| e.verdict == Verdict::Applied), "{entries:?}");
    }
    calls
}

#[test]
fn forty_phones_ask_no_more_often_than_two() {
    let few = calls_of(2);
    assert!((10..60).contains(&few), "{few}");
    assert_eq!(calls_of(40), few);
}

/// A desk files so many cases at once; each act is a row of the audit log.
fn calls_of_filing(cases: u32) -> u64 {
    let house = house_of_some_age();
    let mut phone = collector(&house, 1);
    grant(&house, person(3), Role::Supervisor, "city");
    let desk = Phone::enrol(&house, person(3), 3);
    let reports: Vec<SealedOp> = (1..=cases).map(|n| phone.report(n, 1)).collect();
    phone.push(&house, T0, &reports.iter().collect::<Vec<_>>());
    let (send, reply) = mpsc::channel();
    let jobs = (1..=cases).map(|n| {
        let op = DeskOp {
            op_id: OpId::from_parts(T0 + i64::from(n), [5; 10]),
            kind: "file".into(),
            payload: RawValue::from_string(json!({"reason": "r"}).to_string()).unwrap(),
            expected_state: None,
            round: None,
        };
        let send = send.clone();
        let done = Box::new(move |answer| send.send(answer).unwrap());
        let (credential, case_id) = (desk.credential, Some(case(n)));
        WriteJob::Desk { credential, case_id, op, received_ms: T0 + 1, done }
    });
    let calls = calls_while(&house, jobs.collect());
    for _ in 0..cases {
        assert_eq!(reply.recv().unwrap().unwrap().verdict, Verdict::Applied);
    }
    let log = house.store.read(|tx| audit::verify(tx, &house.city)).unwrap();
    assert!(log.ok && log.rows >= i64::from(cases), "{log:?}");
    calls
}

#[test]
fn a_desk_that_files_forty_cases_asks_no_more_often_than_for_two() {
    assert_eq!(calls_of_filing(40), calls_of_filing(2));
}
