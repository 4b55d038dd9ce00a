//! An erasure takes content out of everything that holds it, and nothing brings it back: not the same op, not the same
//! bytes, not an older database.

use super::*;
use crate::service::testing::{Mirror, Phone, T0, case, fix, grant, house_on, person, refusal};
use crate::service::uploads::{self, NewUpload};
use blindspot_core::access::Role;
use blindspot_core::case::Erased;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::error::ERASED;
use blindspot_core::op::SealedOp;
use blindspot_core::row::{RowKey, RowKind};
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, PhotoId};
use blindspot_store::{Options, Store, audit, feed, quarantine};
use serde_json::{Value, json};
use std::sync::mpsc::channel;

const MARKER: &str = "the secret of the third floor";

struct Bench {
    house: House,
    data: PathBuf,
    worker: Phone,
    other: Phone,
    first: Phone,
    second: Phone,
    dir: tempfile::TempDir,
}

fn open(data: &Path) -> House {
    fs::create_dir_all(data).expect("sound");
    // One thread for everything, so that no checkpoint beside the writer is in the way.
    let options = Options { checkpoint_beside: false, ..Options::default() };
    let house = house_on(Store::open(&data.join("blindspot.db"), options).expect("sound"));
    house.set_erased_files(Arc::new(ErasedFiles::open(data, Arc::new(Depot::open(data).expect("sound")))));
    house
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().expect("sound");
    let data = dir.path().join("data");
    let house = open(&data);
    let phone = |n: u8, role, area: &str| {
        grant(&house, person(n), role, area);
        Phone::enrol(&house, person(n), n)
    };
    let worker = phone(1, Role::Collector, "city");
    let other = phone(2, Role::Collector, "city");
    let (first, second) = (phone(3, Role::Supervisor, "city"), phone(4, Role::Supervisor, "city"));
    Bench { house, data, worker, other, first, second, dir }
}

fn picture(tail: &[u8]) -> Vec<u8> {
    [&[0xFF, 0xD8, 0xFF, 0xE0], tail].concat()
}

impl Bench {
    fn new_of(bytes: &[u8], photo_id: PhotoId, form: FormName) -> NewUpload {
        let length = bytes.len() as u64;
        NewUpload { length, photo_id, form, media: MediaKind::Photo, sha256: Sha256::of(bytes) }
    }
    fn depot(&self) -> &Depot {
        &self.house.erased_files().expect("sound").depot
    }
    fn upload(&self, phone: &Phone, bytes: &[u8], photo: PhotoId) -> Result<(), ServiceError> {
        let who = phone.credential;
        let new = Self::new_of(bytes, photo, FormName::Working);
        let begun = uploads::create(&self.house, self.depot(), who, &new, T0)?;
        let arrival = match begun.arrival {
            Some(arrival) => arrival,
            None => {
                let at = (begun.upload_id, 0);
                let mut incoming = uploads::begin(&self.house, self.depot(), who, at, (None, None), T0)?;
                incoming.write(bytes)?;
                incoming.finish(&self.house, self.depot(), true)?.arrival.expect("sound")
            }
        };
        self.link(arrival)
    }
    fn link(&self, arrival: uploads::Arrival) -> Result<(), ServiceError> {
        let (send, reply) = channel();
        let done = Box::new(move |result| send.send(result).expect("sound"));
        ingest::step(&self.house, vec![arrival.into_job(T0, done)]);
        reply.recv().expect("sound")
    }
    fn erase(&self, on: CaseId, target: Value) -> VerdictEntry {
        let mut payload = target;
        payload["reason"] = json!("bystander");
        let asked = self.first.desk(&self.house, T0 + 1_000, on, "erase", &payload);
        assert_eq!(asked.verdict, Verdict::Applied);
        let agree = json!({"erase": asked.op_id});
        let done = self.second.desk(&self.house, T0 + 2_000, on, "confirm_erase", &agree);
        assert_eq!(done.verdict, Verdict::Applied);
        done
    }
    fn hold(&self, needle: &[u8]) -> Vec<PathBuf> {
        holders(&self.data, needle)
    }
    fn row(&self, who: &Phone, kind: RowKind, id: &str) -> Option<String> {
        let mut mirror = Mirror::default();
        mirror.sync(&self.house, who.credential, 500, || {});
        mirror.rows.get(&RowKey::new(kind, id)).map(|(_, body)| body.clone())
    }
}

/// Files under a folder that hold some bytes.
fn holders(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).expect("sound") {
        let path = entry.expect("sound").path();
        if path.is_dir() {
            out.extend(holders(&path, needle));
        } else if fs::read(&path).expect("sound").windows(needle.len()).any(|w| w == needle) {
            out.push(path);
        }
    }
    out
}

fn photo_op(phone: &mut Phone, on: CaseId, photo: PhotoId, bytes: &[u8]) -> SealedOp {
    let form = json!({"sha256": Sha256::of(bytes), "bytes": bytes.len()});
    let payload = json!({"photo_id": photo, "position": fix(1), "forms": {"working": form}});
    phone.op("photo", Some(on), &payload)
}

#[test]
fn words_that_two_people_erased_are_in_no_file_of_the_data_folder() {
    let mut b = bench();
    let report = b.worker.report(1, 1);
    let comment = b.worker.op("comment", Some(case(1)), &json!({"text": MARKER}));
    b.worker.push(&b.house, T0, &[&report, &comment]);
    // Written over a few times, as rows of a busy case are.
    for n in 0..30 {
        let more =
            b.worker.op("comment", Some(case(1)), &json!({"text": format!("{n} {}", "x".repeat(900))}));
        b.worker.push(&b.house, T0 + n, &[&more]);
    }
    let id = comment.env.op_id;
    assert!(!b.hold(MARKER.as_bytes()).is_empty(), "else this test sees nothing");
    let asked = json!({"op": id, "reason": "bystander"});
    let first = b.first.desk(&b.house, T0 + 500, case(1), "erase", &asked);
    let again = b.first.desk(&b.house, T0 + 600, case(1), "confirm_erase", &json!({"erase": first.op_id}));
    assert_eq!(again.verdict, Verdict::Noted { why: Why::SamePerson });
    assert!(!b.hold(MARKER.as_bytes()).is_empty(), "one person erases nothing");
    let done = b.second.desk(&b.house, T0 + 700, case(1), "confirm_erase", &json!({"erase": first.op_id}));
    assert_eq!(done.verdict, Verdict::Applied);
    assert_eq!(b.hold(MARKER.as_bytes()), Vec::<PathBuf>::new());
    let mark = Erased { reason: "bystander".into(), at_ms: T0 + 700, by: done.op_id.unwrap() };
    // The row says so, to a reader whose digests are compared; so does the verdict to the author.
    let row: Value =
        serde_json::from_str(&b.row(&b.first, RowKind::Comment, &id.to_string()).unwrap()).unwrap();
    assert_eq!((row["erased"].clone(), row.get("text")), (json!(mark), None));
    let verdict: Value =
        serde_json::from_str(&b.row(&b.worker, RowKind::Verdict, &id.to_string()).unwrap()).unwrap();
    assert_eq!((verdict["verdict"].clone(), verdict["erased"].clone()), (json!("applied"), json!(mark)));
    // The same op again is known by its hash and answers its verdict; another body under its id is not kept.
    let reply = b.worker.push(&b.house, T0 + 800, &[&comment]);
    assert_eq!((reply.verdicts[0].seen_before, reply.verdicts[0].erased.clone()), (true, Some(mark)));
    let mut env = comment.env.clone();
    env.round = Some(9);
    let other = SealedOp::seal(env).unwrap();
    b.worker.push(&b.house, T0 + 900, &[&other]);
    let kept =
        b.house.store.read(|tx| quarantine::load_quarantined(tx, &b.house.city, id, &other.hash)).unwrap();
    assert!(!kept.unwrap().body.contains(MARKER));
    assert_eq!(b.hold(MARKER.as_bytes()), Vec::<PathBuf>::new());
    assert!(b.house.store.read(|tx| audit::verify(tx, &b.house.city)).unwrap().ok);
    let timeline =
        crate::service::cases::timeline(&b.house, b.first.credential, case(1), &Default::default(), T0)
            .unwrap();
    let entry = timeline.items.iter().find(|e| e.op_id == id).unwrap();
    assert!(entry.erased.is_some() && entry.payload.is_none());
}

#[test]
fn the_words_of_a_report_go_with_the_edits_that_repeat_them() {
    let mut b = bench();
    let payload = json!({"position": fix(1), "description": MARKER});
    let report = b.worker.op("report", Some(case(1)), &payload);
    let change = json!({"changes": {"description": {"from": MARKER, "to": "milder"}}});
    let edit = b.other.op("edit", Some(case(1)), &change);
    b.worker.push(&b.house, T0, &[&report]);
    b.other.push(&b.house, T0, &[&edit]);
    b.erase(case(1), json!({"report": true}));
    assert_eq!(b.hold(MARKER.as_bytes()), Vec::<PathBuf>::new());
    // Somebody was in a cellar with the old words on the screen.
    let late = b.other.op("edit", Some(case(1)), &change);
    let reply = b.other.push(&b.house, T0 + 9_000, &[&late]);
    assert_eq!(reply.verdicts[0].verdict, Verdict::Noted { why: Why::Erased });
    assert!(reply.verdicts[0].erased.is_some());
    assert_eq!(b.hold(MARKER.as_bytes()), Vec::<PathBuf>::new());
}

#[test]
fn a_photo_goes_with_every_other_photo_of_the_same_bytes_and_is_not_taken_again() {
    let mut b = bench();
    let bytes = picture(b"a face at the window, seen from the street");
    let (mine, theirs, later) = ([1; 16], [2; 16], [3; 16]);
    let (mine, theirs, later) =
        (PhotoId::from_bytes(mine), PhotoId::from_bytes(theirs), PhotoId::from_bytes(later));
    let (one, two) = (b.worker.report(1, 1), b.other.report(2, 2));
    let p1 = photo_op(&mut b.worker, case(1), mine, &bytes);
    let p2 = photo_op(&mut b.other, case(2), theirs, &bytes);
    b.worker.push(&b.house, T0, &[&one, &p1]);
    b.other.push(&b.house, T0, &[&two, &p2]);
    b.upload(&b.worker, &bytes, mine).unwrap();
    b.upload(&b.other, &bytes, theirs).unwrap();
    // One more is on its way when it happens.
    let new = Bench::new_of(&bytes, later, FormName::Working);
    let under_way = uploads::create(&b.house, b.depot(), b.first.credential, &new, T0).unwrap();
    assert_eq!(b.hold(&bytes).len(), 1);
    b.erase(case(1), json!({"photo_id": mine}));
    assert_eq!(b.hold(&bytes), Vec::<PathBuf>::new());
    for (who, photo) in [(&b.worker, mine), (&b.other, theirs)] {
        let row: Value =
            serde_json::from_str(&b.row(who, RowKind::Photo, &photo.to_string()).unwrap()).unwrap();
        assert_eq!((row["forms"].clone(), row["erased"]["reason"].clone()), (json!({}), json!("bystander")));
    }
    let sha = Sha256::of(&bytes).to_hex();
    let text = |id: &SealedOp| {
        let ops = b
            .house
            .store
            .read(|tx| blindspot_store::ops::load_ops(tx, &b.house.city, &BTreeSet::from([id.env.op_id])));
        ops.unwrap()[&id.env.op_id].body.to_string()
    };
    assert!(!text(&p1).contains(&sha) && !text(&p2).contains(&sha));
    let case_row: Value =
        serde_json::from_str(&b.row(&b.first, RowKind::Case, &case(2).to_string()).unwrap()).unwrap();
    assert_eq!(case_row["media"]["m"], json!(0), "nobody waits for it any more");
    // Not under its id, not under another, not what was under way, not by an op that comes only now.
    assert_eq!(refusal(b.upload(&b.worker, &bytes, mine)), ERASED.code);
    assert_eq!(refusal(b.upload(&b.other, &bytes, PhotoId::from_bytes([9; 16]))), ERASED.code);
    let stale = uploads::Arrival {
        credential: b.first.credential,
        photo_id: later,
        sha256: Sha256::of(&bytes),
        upload_id: under_way.upload_id,
    };
    let part = b.dir.path().join("part");
    fs::write(&part, &bytes).unwrap();
    b.depot().blobs.put(&stale.sha256, &part).unwrap();
    assert_eq!(refusal(b.link(stale)), ERASED.code);
    assert_eq!(b.hold(&bytes), Vec::<PathBuf>::new());
    let p3 = photo_op(&mut b.worker, case(1), later, &bytes);
    let reply = b.worker.push(&b.house, T0 + 9_000, &[&p3]);
    assert!(reply.verdicts[0].erased.is_some());
    assert!(!text(&p3).contains(&sha));
    let wrong = b.house.store.read(|tx| feed::recompute_digests(tx, &b.house.city)).unwrap();
    assert!(wrong.iter().all(|c| c.stored == c.recomputed));
}

#[test]
fn an_older_database_erases_again_before_it_answers_and_takes_nothing_back() {
    let mut b = bench();
    let bytes = picture(b"an old picture");
    let photo = PhotoId::from_bytes([5; 16]);
    let report = b.worker.report(1, 1);
    b.worker.push(&b.house, T0, &[&report]);
    let before_all = b.dir.path().join("before-all.db");
    blindspot_store::backup::copy(&b.data.join("blindspot.db"), &before_all, &mut |_, _| {}).unwrap();
    let comment = b.worker.op("comment", Some(case(1)), &json!({"text": MARKER}));
    let taken = photo_op(&mut b.worker, case(1), photo, &bytes);
    b.worker.push(&b.house, T0, &[&comment, &taken]);
    b.upload(&b.worker, &bytes, photo).unwrap();
    let before = b.dir.path().join("before.db");
    blindspot_store::backup::copy(&b.data.join("blindspot.db"), &before, &mut |_, _| {}).unwrap();
    b.erase(case(1), json!({"op": comment.env.op_id}));
    b.erase(case(1), json!({"photo_id": photo}));
    let list = fs::read_to_string(b.data.join(LIST)).unwrap();
    assert!(!list.contains(MARKER) && list.lines().count() >= 4, "{list}");
    for (n, old) in [before, before_all].into_iter().enumerate() {
        let data = b.dir.path().join(format!("again{n}"));
        fs::create_dir_all(&data).unwrap();
        fs::copy(&old, data.join("blindspot.db")).unwrap();
        fs::copy(b.data.join(LIST), data.join(LIST)).unwrap();
        let store = Store::open(&data.join("blindspot.db"), Options::default()).unwrap();
        let house = crate::service::start::open(
            store,
            CityId::from("yiwu"),
            "",
            [7; 32],
            Box::new(crate::state::SystemRandom),
            T0,
            None,
        )
        .unwrap();
        house.set_erased_files(Arc::new(ErasedFiles::open(&data, Arc::new(Depot::open(&data).unwrap()))));
        assert!(catch_up(&house, T0 + 60_000).unwrap() > 0);
        assert_eq!(catch_up(&house, T0 + 60_000).unwrap(), 0, "once is enough");
        assert_eq!(holders(&data, MARKER.as_bytes()), Vec::<PathBuf>::new());
        let again = Bench { house, data, ..b };
        let reply = again.worker.push(&again.house, T0 + 70_000, &[&comment, &taken]);
        assert!(
            reply.verdicts.iter().all(|v| v.erased.is_some() && v.verdict == Verdict::Applied),
            "{n} {reply:?}"
        );
        assert_eq!(refusal(again.upload(&again.worker, &bytes, photo)), ERASED.code);
        assert_eq!(again.hold(MARKER.as_bytes()), Vec::<PathBuf>::new());
        assert_eq!(again.hold(&bytes), Vec::<PathBuf>::new());
        let row = again.row(&again.first, RowKind::Comment, &comment.env.op_id.to_string()).unwrap();
        assert!(row.contains("erased") && !row.contains(MARKER));
        b = again;
    }
}

#[test]
fn an_approval_is_not_answered_while_the_list_cannot_be_written() {
    let mut b = bench();
    let report = b.worker.report(1, 1);
    let comment = b.worker.op("comment", Some(case(1)), &json!({"text": MARKER}));
    b.worker.push(&b.house, T0, &[&report, &comment]);
    let asked = json!({"op": comment.env.op_id, "reason": "bystander"});
    let first = b.first.desk(&b.house, T0 + 500, case(1), "erase", &asked);
    // A folder stands where the list must be.
    fs::create_dir(b.data.join(LIST)).unwrap();
    let op = || blindspot_core::wire::v1::DeskOp {
        op_id: blindspot_core::OpId::from_parts(T0, [99; 10]),
        kind: "confirm_erase".into(),
        payload: serde_json::value::RawValue::from_string(json!({"erase": first.op_id}).to_string()).unwrap(),
        expected_state: None,
        round: None,
    };
    let send = || crate::service::testing::desk(&b.house, b.second.credential, T0 + 600, Some(case(1)), op());
    assert_eq!(refusal(send()), "busy");
    assert_eq!(refusal(send()), "busy");
    fs::remove_dir(b.data.join(LIST)).unwrap();
    let entry = send().unwrap();
    assert!(entry.seen_before && entry.verdict == Verdict::Applied);
    assert!(fs::read_to_string(b.data.join(LIST)).unwrap().contains(&comment.env.op_id.to_string()));
}

#[test]
fn with_photos_in_a_bucket_that_is_away_an_approval_is_answered_and_the_bytes_follow() {
    let mut b = bench();
    let data = b.dir.path().join("far-data");
    fs::create_dir_all(&data).unwrap();
    let house = house_on(Store::open(&data.join("blindspot.db"), Options::default()).unwrap());
    let (depot, gone) = crate::service::fickle::depot(&data);
    house.set_erased_files(Arc::new(ErasedFiles::open(&data, Arc::new(depot))));
    let phone = |n: u8, role| {
        grant(&house, person(n), role, "city");
        Phone::enrol(&house, person(n), n)
    };
    (b.worker, b.first, b.second) =
        (phone(1, Role::Collector), phone(3, Role::Supervisor), phone(4, Role::Supervisor));
    (b.house, b.data) = (house, data);
    let (bytes, photo) = (picture(b"in a bucket"), PhotoId::from_bytes([5; 16]));
    let report = b.worker.report(1, 1);
    let taken = photo_op(&mut b.worker, case(1), photo, &bytes);
    b.worker.push(&b.house, T0, &[&report, &taken]);
    b.upload(&b.worker, &bytes, photo).unwrap();
    gone.store(true, Ordering::Relaxed);
    let done = b.erase(case(1), json!({"photo_id": photo}));
    assert_eq!(done.verdict, Verdict::Applied, "nobody waits for another machine");
    assert!(fs::read_to_string(b.data.join(LIST)).unwrap().contains(&Sha256::of(&bytes).to_hex()));
    assert!(settle(&b.house).is_err() && !b.hold(&bytes).is_empty(), "it is away");
    gone.store(false, Ordering::Relaxed);
    settle(&b.house).unwrap();
    assert_eq!(b.hold(&bytes), Vec::<PathBuf>::new());
    settle(&b.house).unwrap();
}

#[test]
fn the_name_in_a_letter_goes_and_its_number_stays() {
    use crate::service::cases::may_act;
    use crate::service::letters::{NewLetters, issue, one};
    let mut b = bench();
    for n in 1..=2 {
        let op = b.worker.report(n, 1);
        b.worker.push(&b.house, T0 + i64::from(n), &[&op]);
        b.first.desk(&b.house, T0 + 10, case(n), "file", &json!({"reason": "valid"}));
    }
    let new = NewLetters {
        kind: blindspot_core::letter::LetterKind::Notice,
        cases: vec![case(1)],
        addressee: Some(MARKER.into()),
        copies: vec![format!("copy to {MARKER}")],
        due_ms: None,
        words: Some(format!("words about {MARKER}")),
    };
    let letter = issue(&b.house, b.first.credential, &new, T0 + 20).unwrap().remove(0);
    crate::service::letters::void(&b.house, b.first.credential, letter.letter_id, MARKER, T0 + 30).unwrap();
    assert!(!b.hold(MARKER.as_bytes()).is_empty(), "else this test sees nothing");
    // It is asked for on a case that the letter lists, and on no other.
    let ask = |n: u32| {
        let op = blindspot_core::wire::v1::DeskOp {
            op_id: blindspot_core::OpId::from_parts(T0, [u8::try_from(n).unwrap(); 10]),
            kind: "erase".into(),
            payload: serde_json::value::RawValue::from_string(
                json!({"letter": letter.letter_id, "reason": "bystander"}).to_string(),
            )
            .unwrap(),
            expected_state: None,
            round: None,
        };
        may_act(&b.house, b.first.credential, case(n), &op, T0 + 40)
    };
    assert!(ask(1).is_ok());
    assert_eq!(refusal(ask(2)), "not_found");
    // One that comes by another road than the door is refused by the rule.
    let foreign = json!({"letter": letter.letter_id, "reason": "bystander"});
    let refused = b.first.desk(&b.house, T0 + 900, case(2), "erase", &foreign);
    assert_eq!(refused.verdict, Verdict::Noted { why: Why::NoSuchTarget });
    b.erase(case(1), json!({"letter": letter.letter_id}));
    assert_eq!(b.hold(MARKER.as_bytes()), Vec::<PathBuf>::new());
    let left = one(&b.house, b.first.credential, letter.letter_id, T0 + 3_000).unwrap();
    assert_eq!((left.number.clone(), left.addressee.as_str()), (letter.number.clone(), "已删除（依法）"));
    let list = fs::read_to_string(b.data.join(LIST)).unwrap();
    assert!(list.contains(&letter.letter_id.to_string()) && !list.contains(MARKER));
    // Asked for twice it is gone already.
    let payload = json!({"letter": letter.letter_id, "reason": "bystander"});
    let again = b.first.desk(&b.house, T0 + 4_000, case(1), "erase", &payload);
    assert_eq!(again.verdict, Verdict::Noted { why: Why::AlreadyThere });
}
