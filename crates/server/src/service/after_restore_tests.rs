//! What phones offer again after a new epoch: the former verdict is noted, never obeyed; a list of photos is no oracle.

use super::*;
use crate::blob::Depot;
use crate::service::ingest;
use crate::service::offered::lacking;
use crate::service::testing::{Phone, T0, case, grant, house, person, push};
use crate::service::uploads::{self, NewUpload};
use blindspot_core::PhotoId;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::id::Sha256;
use blindspot_core::limits::OFFERED_FORMS_MAX;
use blindspot_core::verdict::Why;
use blindspot_core::wire::v1::{OfferRequest, OfferedForm, PushRequest};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;

#[test]
fn what_ends_otherwise_than_before_is_listed_and_what_ends_the_same_is_not() {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    grant(&house, person(2), Role::Collector, "city");
    grant(&house, person(3), Role::Supervisor, "city");
    grant(&house, person(4), Role::Supervisor, "town:330782009");
    let (mut a, mut b) = (Phone::enrol(&house, person(1), 1), Phone::enrol(&house, person(2), 2));
    let (chief, away) = (Phone::enrol(&house, person(3), 3), Phone::enrol(&house, person(4), 4));
    let report = a.report(1, 1);
    let comment = b.op("comment", Some(case(1)), &json!({"text": "late"}));
    let withdraw = a.op("withdraw", Some(case(1)), &json!({}));
    // b is back first: its comment has to wait for the report, and ends as before when that comes.
    let said = |id, verdict| BTreeMap::from([(id, verdict)]);
    let former = said(comment.env.op_id, Verdict::Applied);
    push(&house, b.credential, T0, PushRequest { former, ..b.request(&[&comment]) }).unwrap();
    let all = |who: &Phone| list(&house, who.credential, &PageQuery::default(), T0 + 9).unwrap().items;
    assert_eq!(all(&chief)[0].now.word(), "held");
    // The report was merged away in the past that is lost: the phone says so, and that moves nothing.
    let why = Why::StateMoved;
    let mut former = said(report.env.op_id, Verdict::Noted { why: why.clone() });
    former.insert(withdraw.env.op_id, Verdict::Noted { why });
    let reply =
        push(&house, a.credential, T0 + 1, PushRequest { former: former.clone(), ..a.request(&[&report]) })
            .unwrap();
    assert_eq!(reply.verdicts[0].verdict, Verdict::Applied);
    let listed = all(&chief);
    assert_eq!(listed.len(), 1, "the comment has ended as before");
    assert_eq!(
        (listed[0].op_id, listed[0].former.word(), listed[0].now.word()),
        (report.env.op_id, "noted", "applied")
    );
    assert_eq!((listed[0].case_id, listed[0].author), (Some(case(1)), Some(person(1))));
    assert!(all(&away).is_empty(), "a supervisor elsewhere sees what is theirs");
    // Sent again, or without a former verdict, nothing is added.
    push(&house, a.credential, T0 + 2, PushRequest { former, ..a.request(&[&report]) }).unwrap();
    a.push(&house, T0 + 3, &[&withdraw]);
    assert_eq!(all(&chief).len(), 1);
    let one = PageQuery { cursor: None, limit: Some(1) };
    assert_eq!(list(&house, chief.credential, &one, T0).unwrap().next, None);
}

#[test]
fn of_anothers_bytes_and_of_unknown_ones_the_same_is_said() {
    let house = house();
    let dir = tempfile::tempdir().unwrap();
    let depot = Depot::open(dir.path()).unwrap();
    let (a, b) = (Phone::enrol(&house, person(1), 1), Phone::enrol(&house, person(2), 2));
    let bytes = [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3];
    let photo_id = PhotoId::from_bytes([5; 16]);
    let sha256 = Sha256::of(&bytes);
    let new = NewUpload {
        length: bytes.len() as u64,
        photo_id,
        form: FormName::Working,
        media: MediaKind::Photo,
        sha256,
    };
    let id = uploads::create(&house, &depot, a.credential, &new, T0).unwrap().upload_id;
    let mut incoming = uploads::begin(&house, &depot, a.credential, (id, 0), (None, None), T0).unwrap();
    incoming.write(&bytes).unwrap();
    let arrival = incoming.finish(&house, &depot, true).unwrap().arrival.unwrap();
    let (send, reply) = channel();
    ingest::step(&house, vec![arrival.into_job(T0, Box::new(move |r| send.send(r).unwrap()))]);
    reply.recv().unwrap().unwrap();
    let known = OfferedForm { photo_id, sha256 };
    let unknown = OfferedForm { photo_id, sha256: Sha256::of(b"nobody has this") };
    let elsewhere = OfferedForm { photo_id: PhotoId::from_bytes([6; 16]), sha256 };
    let ask = |who: &Phone, photos: Vec<OfferedForm>| {
        lacking(&house, &depot, who.credential, &OfferRequest { photos }).map(|r| r.lacking)
    };
    assert_eq!(ask(&a, vec![known, unknown, elsewhere]).unwrap(), [unknown, elsewhere]);
    assert_eq!(ask(&b, vec![known]).unwrap(), [known], "as if nobody had it");
    assert_eq!(ask(&b, vec![unknown]).unwrap(), [unknown]);
    depot.blobs.remove(&sha256).unwrap();
    assert_eq!(ask(&a, vec![known]).unwrap(), [known], "a row without its file is lacking");
    assert!(ask(&a, vec![known; OFFERED_FORMS_MAX + 1]).is_err());
}
