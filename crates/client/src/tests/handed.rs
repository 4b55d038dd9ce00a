//! Export of unsent work, and carrying another phone's file.

use super::*;
use blindspot_core::wire::hand_in::{HandInManifest, HandInReply, hand_in_file_text};
use ed25519_dalek::Signature;
use std::collections::BTreeSet;
use std::io::Read as _;

fn entries(file: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(file);
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_string_lossy().into_owned(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

/// A phone with two reports and three photos, one op of which was delivered; and its exported file.
pub(super) fn exported(rig: &mut Rig) -> (Replica, Vec<u8>, Exported) {
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![photo(1)]);
    rig.seal_all(&mut r);
    let request = rig.poll_lane(&mut r, Lane::Push);
    let count = pushed(&request).ops.len();
    rig.answer(&mut r, &request, &verdicts(count, &Verdict::Applied));
    rig.report(&mut r, vec![photo(2), photo(3)]);
    rig.seal_all(&mut r);
    let mut file = vec![];
    let told = r.export_unsent(&mut file, &rig.now).unwrap();
    (r, file, told)
}

#[test]
fn an_export_holds_the_very_bytes_of_all_that_is_unsent_under_the_devices_signature() {
    let mut rig = Rig::new();
    let (mut r, file, told) = exported(&mut rig);
    let entries = entries(&file);
    let manifest: HandInManifest = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(&entries["manifest.sig"]).unwrap();
    let text = hand_in_file_text(&Sha256::of(&entries["manifest.json"]));
    let signature = Signature::from_slice(&signature).unwrap();
    rig.device_key(&r).verify_strict(text.as_bytes(), &signature).unwrap();
    let lines = String::from_utf8(entries["ops.jsonl"].clone()).unwrap();
    let ops: Vec<String> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(ops, pushed(&rig.poll_lane(&mut r, Lane::Push)).ops, "verbatim, in order");
    assert_eq!(manifest.ops, ops.iter().map(|op| Sha256::of(op.as_bytes())).collect::<Vec<_>>());
    for photo in &manifest.photos {
        let bytes = &entries[&format!("blobs/{}", photo.sha256.to_hex())];
        assert_eq!((Sha256::of(bytes), bytes.len() as u64), (photo.sha256, photo.bytes));
    }
    let photos: BTreeSet<_> = manifest.photos.iter().map(|p| p.photo_id).collect();
    assert_eq!((ops.len(), photos.len()), (3, 3), "a delivered op is not in it, its photo is");
    assert_eq!((told.ops, told.photos), (3, manifest.photos.len() as u64));
    assert_eq!((told.captures_left, told.photos_left), (0, vec![]));
}

#[test]
fn a_photo_whose_file_is_gone_is_named_and_stops_nothing() {
    let mut rig = Rig::new();
    let (r, _, _) = exported(&mut rig);
    let lost = r.uploads().unwrap()[0].photo_id;
    let gone: Vec<_> = rig.files.0.lock().unwrap().files.keys().cloned().collect();
    for name in gone.iter().filter(|n| n.contains(&lost.to_string())) {
        rig.files.remove(name).unwrap();
    }
    let told = r.export_unsent(std::io::sink(), &rig.now).unwrap();
    assert_eq!((told.ops, told.photos_left), (3, vec![lost]));
}

#[test]
fn another_phone_carries_the_file_whole_and_its_own_outbox_is_not_touched() {
    let (_, file, _) = exported(&mut Rig::new());
    let mut rig = Rig::new();
    let mut r = rig.enrolled(2);
    assert!(r.carry(&b"%PDF"[..], &rig.now).is_err());
    assert!(r.carry(&file[..300], &rig.now).is_err());
    for _ in 0..2 {
        let carried = r.carry(file.as_slice(), &rig.now).unwrap();
        assert_eq!((carried.device_id, carried.bytes), (device(1), file.len() as u64));
    }
    assert!(r.unsent().unwrap().is_empty() && r.outbox().unwrap().is_empty());
    drop(r);
    let mut r = rig.open();
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!((request.path.as_str(), request.body.len()), ("/v1/sync/hand-in", 0));
    let sent = rig.files.read(request.file.as_deref().unwrap()).unwrap();
    assert_eq!(sent, file, "the very bytes");
    r.handle_failure(request.id, &rig.now, &mut rig.rnd).unwrap();
    rig.later(900_000);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &portal());
    assert!(!r.carried().unwrap()[0].delivered, "a portal takes nothing in");
    rig.later(900_000);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    let manifest = Sha256::from_hex(&r.carried().unwrap()[0].manifest).unwrap();
    let reply = HandInReply {
        server_ms: T0,
        manifest,
        device_id: device(1),
        ops: BTreeMap::new(),
        seen_before: 0,
        photos: 0,
        missing: 0,
        refused: vec![],
    };
    rig.answer(&mut r, &request, &json(&reply));
    let carried = r.carried().unwrap();
    assert!(carried.len() == 1 && carried[0].delivered && carried[0].problem.is_none());
    assert!(rig.files.0.lock().unwrap().files.is_empty(), "what was delivered takes no room");
    rig.later(900_000);
    assert!(std::iter::from_fn(|| rig.poll(&mut r)).all(|q| q.lane != Lane::Photo));
}
