//! Ingest when things around it fail: an engine that refuses, a full disk, photos in any order, the thread.

use super::ReadPush;
use crate::service::testing::{Phone, T0, case, grant, house, house_on, person, push};
use crate::service::{Credential, House, ServiceError, WriteJob, Writer, ingest, replays, start};
use blindspot_core::PhotoId;
use blindspot_core::access::Role;
use blindspot_core::case::PhotoRow;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::id::Sha256;
use blindspot_core::limits::{HELD_MS_MAX, REPLAY_AFTER_MS};
use blindspot_core::row::RowKind;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_store::ops::OpRecord;
use blindspot_store::uploads::Upload;
use blindspot_store::{Options, Stmt, Store, ops, quarantine, rows, uploads};
use serde_json::json;
use std::sync::{Arc, mpsc};

fn collector(house: &House, n: u8) -> Phone {
    grant(house, person(n), Role::Collector, "grid:330782003001-01");
    Phone::enrol(house, person(n), n)
}

static PLANT: Stmt = Stmt::new(
    "-- name: plant\nCREATE TRIGGER poison BEFORE INSERT ON rows WHEN instr(NEW.body, 'POISON') > 0
     BEGIN SELECT RAISE(ABORT, 'refused'); END;",
    "plant",
);
static MEND: Stmt = Stmt::new("-- name: mend\nDROP TRIGGER poison;", "mend");

/// A house whose engine refuses POISON, and a collector there.
fn refusing() -> (House, Phone) {
    let house = house();
    house.store.write(|tx| tx.exec(&PLANT, &[])).unwrap();
    let phone = collector(&house, 1);
    (house, phone)
}

#[test]
fn an_op_that_the_engine_refuses_stands_alone() {
    let (house, mut a) = refusing();
    let mut batch: Vec<_> = (0..20).map(|n| a.report(n, 1)).collect();
    batch.insert(13, a.op("comment", Some(case(3)), &json!({"text": "POISON"})));
    let reply = a.push(&house, T0, &batch.iter().collect::<Vec<_>>());
    for (i, entry) in reply.verdicts.iter().enumerate() {
        let refused = matches!(&entry.verdict, Verdict::Quarantined { cause: Cause::Engine, .. });
        assert_eq!(refused, i == 13, "{i}: {:?}", entry.verdict);
    }
    assert_eq!(reply.received_through, 21);
    let again = a.push(&house, T0, &[&batch[13]]);
    assert!(again.verdicts[0].seen_before);
}

/// Found by the simulation: what arrived was blamed for what had waited for it, and stood still.
#[test]
fn an_op_is_not_blamed_for_what_waited_for_it() {
    let (house, mut a) = refusing();
    let report = a.report(3, 1);
    let words = |text: &str| json!({"text": text});
    let held: Vec<_> = (0..9)
        .map(|n| a.op("comment", Some(case(3)), &words(if n % 4 == 2 { "POISON" } else { "sound" })))
        .collect();
    let waits = a.push(&house, T0, &held.iter().collect::<Vec<_>>());
    assert!(waits.verdicts.iter().all(|e| matches!(e.verdict, Verdict::Held { .. })), "{waits:?}");
    let reply = a.push(&house, T0 + 1, &[&report]);
    assert_eq!(reply.verdicts[0].verdict, Verdict::Applied);
    let again = a.push(&house, T0 + 2, &held.iter().collect::<Vec<_>>());
    for (n, entry) in again.verdicts.iter().enumerate() {
        let refused = matches!(&entry.verdict, Verdict::Quarantined { cause: Cause::Engine, .. });
        assert_eq!(refused, n % 4 == 2, "{n}: {:?}", entry.verdict);
    }
}

/// Found by the simulation: the first replay that the engine still refused stopped all that were due behind it.
#[test]
fn a_replay_that_is_refused_again_delays_no_other() {
    let (house, mut a) = refusing();
    let report = a.report(3, 1);
    let poison: Vec<_> = (0..3).map(|_| a.op("comment", Some(case(3)), &json!({"text": "POISON"}))).collect();
    let all: Vec<_> = std::iter::once(&report).chain(&poison).collect();
    a.push(&house, T0, &all);
    let later = T0 + REPLAY_AFTER_MS[0] + 1;
    assert_eq!(replays::run_due(&house, "test", later).unwrap(), 3);
    assert_eq!(replays::run_due(&house, "test", later).unwrap(), 0, "each is put off");
    house.store.write(|tx| tx.exec(&MEND, &[])).unwrap();
    assert_eq!(replays::run_due(&house, "test", T0 + REPLAY_AFTER_MS[1] + 1).unwrap(), 3);
    let now = a.push(&house, later, &all);
    assert!(now.verdicts.iter().all(|e| e.verdict == Verdict::Applied), "{now:?}");
}

/// Found by the simulation: an op that had waited so long that it lay before a person kept its old cause when what it
/// waited for came and the engine refused it; the list of the desk lied, and nothing planned a replay.
#[test]
fn an_op_that_waited_too_long_and_is_then_refused_stands_under_the_new_cause() {
    let (house, mut a) = refusing();
    let report = a.report(3, 1);
    let waits = a.op("comment", Some(case(3)), &json!({"text": "POISON"}));
    a.push(&house, T0, &[&waits]);
    let late = T0 + HELD_MS_MAX + 1;
    assert_eq!(ingest::expire_holds(&house, late).unwrap(), 1);
    a.push(&house, late, &[&report]);
    let entry = |now| {
        let kept = house
            .store
            .read(|tx| quarantine::load_quarantined(tx, &house.city, waits.env.op_id, &waits.hash));
        let kept = kept.unwrap().expect("an entry");
        assert_eq!(kept.released_ms.is_some(), now, "{kept:?}");
        kept.cause
    };
    assert_eq!(entry(false), Cause::Engine);
    house.store.write(|tx| tx.exec(&MEND, &[])).unwrap();
    assert_eq!(replays::run_due(&house, "test", late + REPLAY_AFTER_MS[0] + 1).unwrap(), 1);
    entry(true);
    let now = a.push(&house, late + 1, &[&waits]);
    assert_eq!(now.verdicts[0].verdict, Verdict::Applied);
}

#[test]
fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    // Room for the schema and some work: 230 pages of 16 KB.
    let house = house_on(Store::open(&path, Options { max_pages: Some(230), ..Options::default() }).unwrap());
    let mut a = collector(&house, 1);
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for n in 0..400 {
        let op = a.report(n, 1);
        match push(&house, a.credential, T0, a.request(&[&op])) {
            Ok(reply) => {
                assert_eq!(reply.verdicts[0].verdict, Verdict::Applied);
                acknowledged.push(op.env.op_id);
            }
            Err(ServiceError::Refused(p, _)) => {
                assert_eq!(p.code, "no_space");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0 && !acknowledged.is_empty());
    drop(house);
    let store = Store::open(&path, Options::default()).unwrap();
    let city = blindspot_core::id::CityId::from("yiwu");
    let kept = store.read(|tx| ops::load_ops(tx, &city, &acknowledged.iter().copied().collect())).unwrap();
    assert_eq!(kept.len(), acknowledged.len());
}

fn upload(house: &House, who: Credential, photo_id: PhotoId, sha256: Sha256, n: u8) -> [u8; 16] {
    let upload = Upload {
        upload_id: [n; 16],
        photo_id,
        form: FormName::Working,
        media: MediaKind::Photo,
        sha256,
        length: 1,
        received: 1,
        device_id: who.device,
        person_id: who.person,
        created_ms: T0,
        expires_ms: T0 + 1,
        verified_ms: None,
    };
    house.store.write(|tx| uploads::save_upload(tx, &house.city, &upload)).unwrap();
    [n; 16]
}

fn arrive(house: &House, who: Credential, photo_id: PhotoId, sha256: Sha256, n: u8) {
    let upload_id = upload(house, who, photo_id, sha256, n);
    let (send, reply) = mpsc::channel();
    let done = Box::new(move |result: Result<(), ServiceError>| send.send(result).unwrap());
    let job = WriteJob::Arrived { credential: who, photo_id, sha256, upload_id, now_ms: T0 + 5, done };
    ingest::step(house, vec![job]);
    reply.recv().unwrap().unwrap();
}

fn verified(house: &House, photo: PhotoId) -> usize {
    let row =
        house.store.read(|tx| rows::load_row(tx, &house.city, &RowKind::Photo, &photo.to_string())).unwrap();
    serde_json::from_str::<PhotoRow>(&row.unwrap().body).unwrap().verified.len()
}

#[test]
fn bytes_and_op_meet_in_either_order_and_only_the_authors_count() {
    let house = house();
    let (mut a, b) = (collector(&house, 1), collector(&house, 2));
    let report = a.report(1, 1);
    a.push(&house, T0, &[&report]);
    let hash = Sha256::of(b"x");
    let id = |n| PhotoId::from_parts(9, [n; 10]);
    let mut photo = |n: u8| {
        let forms = json!({"working": {"sha256": hash, "bytes": 1}});
        a.op("photo", Some(case(1)), &json!({"photo_id": id(n), "forms": forms}))
    };
    let (first, second, third) = (photo(1), photo(2), photo(3));
    arrive(&house, a.credential, id(1), hash, 1);
    arrive(&house, b.credential, id(3), hash, 2);
    a.push(&house, T0 + 1, &[&first, &second, &third]);
    assert_eq!((verified(&house, id(1)), verified(&house, id(2)), verified(&house, id(3))), (1, 0, 0));
    arrive(&house, a.credential, id(2), hash, 3);
    arrive(&house, b.credential, id(3), hash, 4);
    assert_eq!((verified(&house, id(2)), verified(&house, id(3))), (1, 0));
    assert!(ingest::flag_mismatch(&house, id(2), T0 + 9).unwrap());
    assert!(!ingest::flag_mismatch(&house, id(77), T0 + 9).unwrap());
    let file = crate::service::cases::can_read_case(&house, a.credential, case(1), T0 + 9).unwrap().unwrap();
    assert_eq!((file.case.media.n, file.case.media.m), (2, 3));
    assert!(file.photos[&id(2)].mismatch);
}

#[test]
fn a_kind_learnt_by_an_upgrade_is_replayed() {
    let house = house();
    let mut a = collector(&house, 1);
    let op = a.report(1, 1);
    let verdict = Verdict::Quarantined { ticket: op.env.op_id.to_string(), cause: Cause::UnknownKind };
    // As an older version left it.
    let record = OpRecord {
        op_id: op.env.op_id,
        n: 1,
        device_id: a.credential.device,
        device_seq: 1,
        author: Some(a.credential.person),
        kind: "report".into(),
        case_id: Some(case(1)),
        body: op.body.clone(),
        hash: op.hash,
        received_ms: T0,
        time: blindspot_core::clock::recover(&op.env.captured, &Default::default(), T0, 0),
        verdict,
        landed: vec![],
    };
    house.store.write(|tx| ops::append_ops(tx, &house.city, [&record])).unwrap();
    assert_eq!(ingest::replay_understood(&house, T0 + 1).unwrap(), 1);
    let entry = a.push(&house, T0 + 2, &[&op]).verdicts.remove(0);
    assert_eq!((entry.verdict, entry.seen_before), (Verdict::Applied, true));
}

#[test]
fn the_thread_answers_everything_it_took_and_closing_is_clean() {
    let dir = tempfile::tempdir().unwrap();
    let house = Arc::new(house_on(Store::open(&dir.path().join("db"), Options::default()).unwrap()));
    let (hints, told) = mpsc::channel();
    let hints = std::sync::Mutex::new(hints);
    house.set_listener(Box::new(move |moved| {
        for hint in moved {
            hints.lock().unwrap().send(hint.clone()).unwrap();
        }
    }));
    let mut a = collector(&house, 1);
    let writer = Writer::spawn(house.clone()).unwrap();
    let (send, replies) = mpsc::channel();
    for n in 0..100 {
        let op = a.report(n, 1);
        let send = send.clone();
        let done = Box::new(move |result| send.send(result).unwrap());
        let (credential, request) = (a.credential, a.request(&[&op]));
        writer
            .submit(WriteJob::Push {
                credential,
                push: ReadPush::of(request).unwrap(),
                received_ms: T0,
                done,
            })
            .unwrap();
    }
    writer.close();
    drop(send);
    let replies: Vec<_> = replies.iter().map(Result::unwrap).collect();
    assert_eq!(replies.len(), 100);
    assert!(replies.iter().all(|r| r.verdicts[0].verdict == Verdict::Applied));
    assert!(told.try_iter().any(|h| h.feed.as_str() == "grid:330782003001-01" && h.seq >= 100));
    let done = Box::new(|_| {});
    let late = WriteJob::Push {
        credential: a.credential,
        push: ReadPush::of(a.request(&[])).unwrap(),
        received_ms: T0,
        done,
    };
    assert!(writer.submit(late).is_err());
    start::close(&house).unwrap();
}
