//! What nobody counts on goes, and nothing else.

use super::*;
use crate::service::testing::{T0, house};
use crate::service::uploads::UPLOAD_LIFE_MS;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::{DeviceId, PersonId, PhotoId};
use blindspot_store::uploads::Upload;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

fn upload(id: u8, sha256: Sha256) -> Upload {
    Upload {
        upload_id: [id; 16],
        photo_id: PhotoId::from_bytes([id; 16]),
        form: FormName::Working,
        media: MediaKind::Photo,
        sha256,
        length: 3,
        received: 0,
        device_id: DeviceId::from_bytes([1; 16]),
        person_id: PersonId::from_bytes([1; 16]),
        created_ms: T0,
        expires_ms: T0 + UPLOAD_LIFE_MS,
        verified_ms: None,
    }
}

#[test]
fn what_nobody_counts_on_goes_after_a_day_and_an_upload_on_its_way_stays() {
    let (dir, house) = (tempfile::tempdir().expect("a folder"), house());
    let depot = Depot::open(dir.path()).expect("opened");
    let put = |bytes: &[u8]| {
        let (sha, part) = (Sha256::of(bytes), dir.path().join("part"));
        fs::write(&part, bytes).expect("written");
        depot.blobs.put(&sha, &part).expect("put");
        sha
    };
    let (counted, coming, stray) = (put(b"one"), put(b"two"), put(b"sad"));
    house
        .store
        .write(|tx| {
            uploads::save_upload(tx, &house.city, &upload(1, counted))?;
            uploads::save_upload(tx, &house.city, &upload(2, coming))?;
            uploads::save_verified(tx, &house.city, [1; 16], T0)
        })
        .expect("saved");
    for id in [1, 2, 3] {
        depot.parts.hold([id; 16], 0).expect("held").append(b"x").expect("appended");
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let now = i64::try_from(since).expect("a date");
    assert_eq!(sweep_blobs(&house, &depot, now).expect("swept"), 0, "not before a day is over");
    assert_eq!(sweep_blobs(&house, &depot, now + ALONE_MS + 60_000).expect("swept"), 1);
    let there = |sha| depot.blobs.len(sha).expect("asked").is_some();
    assert!(there(&counted) && there(&coming) && !there(&stray));
    assert_eq!(sweep_parts(&house, &depot).expect("swept"), 2, "one is over, one unknown");
    assert_eq!(depot.parts.len([2; 16]).expect("asked"), 1, "one goes on");
}

/// Bytes that a lost past acknowledged may be nowhere else: phones let go of what is in a backup.
#[test]
fn what_was_put_before_the_epoch_was_opened_stays() {
    let (dir, house) = (tempfile::tempdir().expect("a folder"), house());
    let depot = Depot::open(dir.path()).expect("opened");
    let (sha, part) = (Sha256::of(b"old"), dir.path().join("part"));
    fs::write(&part, b"old").expect("written");
    depot.blobs.put(&sha, &part).expect("put");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let now = i64::try_from(since).expect("a date");
    house.store.write(|tx| epoch::open(tx, &house, 0, now + 60_000)).expect("opened");
    assert_eq!(sweep_blobs(&house, &depot, now + 2 * ALONE_MS).expect("swept"), 0);
    assert!(depot.blobs.len(&sha).expect("asked").is_some());
}

#[test]
fn under_the_wrong_database_nothing_is_removed() {
    let (dir, house) = (tempfile::tempdir().expect("a folder"), house());
    let depot = Depot::open(dir.path()).expect("opened");
    for n in 0..=STRAYS_MAX {
        let (bytes, part) = (format!("photo {n}"), dir.path().join("part"));
        fs::write(&part, &bytes).expect("written");
        depot.blobs.put(&Sha256::of(bytes.as_bytes()), &part).expect("put");
    }
    assert_eq!(sweep_blobs(&house, &depot, i64::MAX).expect("looked"), 0);
}
