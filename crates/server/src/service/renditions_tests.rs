//! Tries are for photos that cannot be looked at, not for a storage that is away.

use super::*;
use crate::service::fickle;
use crate::service::testing::{Phone, T0, case, fix, grant, house, person};
use blindspot_core::access::Role;
use blindspot_core::command::MediaKind;
use blindspot_store::uploads::Upload;
use serde_json::json;
use std::fs;
use std::sync::atomic::Ordering;

#[test]
fn a_storage_that_is_away_uses_up_no_try() {
    let (dir, house) = (tempfile::tempdir().expect("a folder"), house());
    let (depot, gone) = fickle::depot(dir.path());
    grant(&house, person(1), Role::Collector, "city");
    let mut phone = Phone::enrol(&house, person(1), 1);
    let photo_id = PhotoId::from_bytes([5; 16]);
    let bytes: [&[u8]; 2] = [b"no picture, as an original", b"no picture, as a working copy"];
    let [original, working] = bytes.map(Sha256::of);
    let form = |sha: Sha256| json!({"sha256": sha, "bytes": 1});
    let payload = json!({
        "photo_id": photo_id, "position": fix(1),
        "forms": {"original": form(original), "working": form(working)},
    });
    let report = phone.report(1, 1);
    let photo = phone.op("photo", Some(case(1)), &payload);
    phone.push(&house, T0, &[&report, &photo]);
    let forms = [(1, FormName::Original, original, bytes[0]), (2, FormName::Working, working, bytes[1])];
    for (id, form, sha256, bytes) in forms {
        let part = dir.path().join("part");
        fs::write(&part, bytes).expect("written");
        depot.blobs.put(&sha256, &part).expect("put");
        let upload = Upload {
            upload_id: [id; 16],
            photo_id,
            form,
            media: MediaKind::Photo,
            sha256,
            length: bytes.len() as u64,
            received: bytes.len() as u64,
            device_id: phone.credential.device,
            person_id: phone.credential.person,
            created_ms: T0,
            expires_ms: T0,
            verified_ms: None,
        };
        let saved = house.store.write(|tx| {
            store::save_upload(tx, &house.city, &upload)?;
            store::append_rendition(tx, &house.city, photo_id, original)?;
            store::save_verified(tx, &house.city, [id; 16], T0)
        });
        assert!(saved.expect("saved"));
    }
    let open = || house.store.read(|tx| store::load_open_renditions(tx, &house.city, 10)).expect("read");
    gone.store(true, Ordering::Relaxed);
    for n in 0..5 {
        assert!(step(&house, &depot, T0 + n).is_err());
        assert_eq!(open().first().map(|job| job.tries), Some(0));
    }
    gone.store(false, Ordering::Relaxed);
    assert_eq!(step(&house, &depot, T0 + 9).expect("looked at"), Step::Sound(photo_id));
    assert!(open().is_empty(), "done, though it was no picture");
}
