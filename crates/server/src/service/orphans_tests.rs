//! The orphan tray on a house in memory: ops and photos that belong to nobody for certain, and where they end.

use super::*;
use crate::blob::Depot;
use crate::service::ingest;
use crate::service::testing::{Phone, T0, case, grant, house, person};
use crate::service::uploads::{NewUpload, begin, create};
use blindspot_core::access::Role;
use blindspot_core::id::Sha256;
use blindspot_core::verdict::Verdict;

const DAY: i64 = 86_400_000;

fn all(house: &House, now_ms: i64) -> Vec<Orphan> {
    let mut query = PageQuery { cursor: None, limit: Some(2) };
    let mut found = vec![];
    for _ in 0..50 {
        let page = page(house, &query, now_ms).expect("a page");
        found.extend(page.items);
        let Some(next) = page.next else { return found };
        query.cursor = Some(next);
    }
    panic!("a list without end");
}

fn new_op(n: u8) -> OpId {
    OpId::from_parts(T0, [n; 10])
}

/// Stores a photo's working copy without its op.
fn upload(house: &House, depot: &Depot, who: Credential, photo: u8) -> PhotoId {
    let mut bytes = vec![photo; 900];
    bytes[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
    let photo_id = PhotoId::from_parts(T0, [photo; 10]);
    let new = NewUpload {
        length: 900,
        photo_id,
        form: FormName::Working,
        media: MediaKind::Photo,
        sha256: Sha256::of(&bytes),
    };
    let id = create(house, depot, who, &new, T0).expect("begun").upload_id;
    let mut incoming = begin(house, depot, who, (id, 0), (Some(900), None), T0).expect("begun");
    incoming.write(&bytes).expect("written");
    let arrival = incoming.finish(house, depot, true).expect("stored").arrival.expect("whole");
    ingest::step(house, vec![arrival.into_job(T0, Box::new(|done| done.expect("linked")))]);
    photo_id
}

#[test]
fn ops_and_photos_that_are_nobodys_lie_in_the_tray_until_a_person_says_whose_they_are() {
    let house = house();
    let dir = tempfile::tempdir().expect("a folder");
    let depot = Depot::open(dir.path()).expect("open");
    for n in [1, 2] {
        grant(&house, person(n), Role::Collector, "city");
    }
    let (mut a, b) = (Phone::enrol(&house, person(1), 1), Phone::enrol(&house, person(2), 2));
    let desk = Phone::enrol(&house, person(9), 9).credential;
    // The device of this one is known elsewhere only.
    let mut elsewhere = Phone::enrol(&crate::service::testing::house(), person(7), 7);
    let known = a.report(1, 1);
    let foreign: Vec<_> = (2..7).map(|n| elsewhere.report(n, 1)).collect();
    b.push(&house, T0, &[&known, &foreign[0], &foreign[1], &foreign[2], &foreign[3], &foreign[4]]);
    let lost = upload(&house, &depot, a.credential, 9);
    assert_eq!(all(&house, T0).len(), 6, "a photo is given a day");
    let found = all(&house, T0 + 2 * DAY);
    assert_eq!(found.len(), 7);
    assert!(matches!(found.last(), Some(Orphan::Photo(p)) if p.photo_id == lost && p.person_id == person(1)));

    let home = |n, author| OpHome { op_id: new_op(n), author };
    let adopt = |op: &SealedOp, home| adopt_op(&house, desk, (op.env.op_id, op.hash), home, T0 + 5);
    assert_eq!(adopt(&known, home(20, None)).expect("its device's person's").verdict, Verdict::Applied);
    assert!(adopt(&foreign[0], home(21, None)).is_err(), "somebody has to be named");
    for _ in 0..2 {
        let verdict = adopt(&foreign[0], home(22, Some(person(2)))).expect("the named person's").verdict;
        assert_eq!(verdict, Verdict::Applied);
    }
    let home = PhotoHome { op_id: new_op(30), case_id: case(1) };
    for _ in 0..2 {
        let verdict = adopt_photo(&house, desk, lost, home, T0 + 6).expect("on the case").verdict;
        assert_eq!(verdict, Verdict::Applied);
    }
    let row = house.store.read(|tx| rows::load_row(tx, &house.city, &RowKind::Photo, &lost.to_string()));
    let photo: blindspot_core::case::PhotoRow =
        serde_json::from_str(&row.expect("sound").expect("there").body).expect("a photo");
    assert_eq!((photo.case_id, photo.verified.len()), (case(1), 1), "its bytes are linked");
    let nowhere = PhotoHome { op_id: new_op(31), case_id: case(99) };
    let other = upload(&house, &depot, a.credential, 10);
    assert!(adopt_photo(&house, desk, other, nowhere, T0 + 7).is_err());
    assert_eq!(all(&house, T0 + 2 * DAY).len(), 5);
}
