//! Photo bytes: resumed, verified, never lost to a bad answer.

use super::*;
use blindspot_core::command::MediaKind;
use blindspot_core::limits::{CHUNK_BYTES, ORIGINAL_WAIT_MS};

/// A document of so many bytes, sealed: one form, as many chunks as it takes.
fn document(rig: &mut Rig, r: &mut Replica, len: usize) -> Saved {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
    bytes[..8].copy_from_slice(b"%PDF-1.7");
    let raw = RawPhoto { bytes, media: MediaKind::Document, ..RawPhoto::default() };
    let saved = rig.report(r, vec![raw]);
    rig.seal_all(r);
    saved
}

fn created(rig: &mut Rig, r: &mut Replica) {
    let request = rig.poll_lane(r, Lane::Photo);
    assert_eq!((request.method, request.path.as_str()), ("POST", "/v1/photos"));
    rig.answer(r, &request, &ours(201, &[("Location", "https://city.example/v1/photos/u1")], ""));
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

#[test]
fn an_upload_goes_on_from_its_persisted_offset_after_a_restart() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    document(&mut rig, &mut r, CHUNK_BYTES * 2 + 10);
    created(&mut rig, &mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!((request.method, request.path.as_str()), ("PATCH", "/v1/photos/u1"));
    assert_eq!(request.body.len(), CHUNK_BYTES);
    assert!(header(&request, "upload-checksum").unwrap().starts_with("sha256 "));
    let offset = CHUNK_BYTES.to_string();
    rig.answer(&mut r, &request, &ours(204, &[("Upload-Offset", &offset)], ""));
    drop(r);
    let mut r = rig.open();
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!(header(&request, "upload-offset"), Some(offset.as_str()));
    // The reply is lost: what arrived is asked before anything is sent.
    r.handle_failure(request.id, &rig.now, &mut rig.rnd).unwrap();
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!(request.method, "HEAD");
    let offset = (CHUNK_BYTES * 2).to_string();
    rig.answer(&mut r, &request, &ours(200, &[("Upload-Offset", &offset)], ""));
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!(request.body.len(), 10);
    let end = (CHUNK_BYTES * 2 + 10).to_string();
    rig.answer(&mut r, &request, &ours(204, &[("Upload-Offset", &end)], ""));
    assert_eq!(r.unsent().unwrap().photos, 1, "all bytes sent is not delivered");
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!(request.method, "HEAD");
    let sha = r.uploads().unwrap()[0].sha256.clone();
    rig.answer(&mut r, &request, &ours(200, &[("Upload-Offset", &end), ("Upload-Verified", &sha)], ""));
    assert!(r.uploads().unwrap()[0].verified);
    assert_eq!(r.unsent().unwrap().photos, 0);
}

#[test]
fn a_portal_delivers_nothing() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    document(&mut rig, &mut r, 10);
    created(&mut rig, &mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    let sha = r.uploads().unwrap()[0].sha256.clone();
    let headers = vec![("Upload-Verified".into(), sha)];
    rig.answer(&mut r, &request, &HttpResponse { headers, ..portal() });
    assert!(!r.uploads().unwrap()[0].verified);
}

#[test]
fn another_digest_rehashes_and_begins_again_or_names_the_photo_lost() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let saved = document(&mut rig, &mut r, 10);
    created(&mut rig, &mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &refusal(460, "digest_mismatch"));
    created(&mut rig, &mut r);
    let file = r.uploads().unwrap()[0].file.clone();
    rig.files.0.lock().unwrap().files.insert(file, b"0123456789".to_vec());
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &refusal(460, "digest_mismatch"));
    assert!(r.uploads().unwrap()[0].lost);
    let last = r.outbox().unwrap().pop().unwrap();
    assert_eq!((last.kind.as_str(), last.case_id), ("photo_lost", saved.case_id));
    let lost = ClientEvent::PhotoLost { photo_id: saved.photo_ids[0], reason: "file_damaged".into() };
    assert!(events(&mut r).contains(&lost));
}

#[test]
fn an_upload_that_is_gone_is_created_again_and_one_refused_delays_no_other() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    document(&mut rig, &mut r, 10);
    created(&mut rig, &mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &refusal(404, "upload_gone"));
    created(&mut rig, &mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &refusal(403, "no_rights"));
    let refused = r.uploads().unwrap()[0].clone();
    assert_eq!((refused.problem.as_deref(), refused.lost), (Some("no_rights"), false));
    document(&mut rig, &mut r, 20);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!((request.method, header(&request, "upload-length")), ("POST", Some("20")));
}

#[test]
fn small_forms_go_first_and_originals_wait_for_wifi_at_most_a_day() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![photo(1)]);
    rig.seal_all(&mut r);
    r.set_network(NetworkKind::Metered, &rig.now);
    let mut order = Vec::new();
    while let Some(request) = rig.poll(&mut r) {
        if request.lane != Lane::Photo {
            r.handle_failure(request.id, &rig.now, &mut rig.rnd).unwrap();
            continue;
        }
        let sha = verified_by(&r, &request);
        order.push(sha.1);
        rig.answer(&mut r, &request, &ours(201, &[("Upload-Verified", &sha.0)], ""));
    }
    assert_eq!(order, ["thumbnail", "working"]);
    assert_eq!(r.unsent().unwrap().photos, 1);
    rig.later(ORIGINAL_WAIT_MS);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!(verified_by(&r, &request).1, "original");
}

/// Digest and form of the upload that a creation asks for.
fn verified_by(r: &Replica, request: &HttpRequest) -> (String, String) {
    let length = header(request, "upload-metadata").unwrap();
    let form = length.split(',').find_map(|p| p.strip_prefix("form ")).unwrap();
    let form = base64::engine::general_purpose::STANDARD.decode(form).unwrap();
    let form = String::from_utf8(form).unwrap();
    let upload = r.uploads().unwrap().into_iter().find(|u| u.form == form).unwrap();
    (upload.sha256, form)
}

#[test]
fn acknowledged_bytes_stay_until_a_backup_has_them_and_two_weeks_are_over() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    document(&mut rig, &mut r, 10);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    let sha = r.uploads().unwrap()[0].sha256.clone();
    rig.answer(&mut r, &request, &ours(201, &[("Upload-Verified", &sha)], ""));
    rig.later(15 * 86_400_000);
    assert_eq!(r.keep_tidy(&rig.now).unwrap().files, 0, "no backup was ever told of");
    let common = Common { safe_through: Some(rig.now.wall_ms), server_ms: rig.now.wall_ms, ..common() };
    let reply = PullReply { common, ..page(&Feed::reference(), &[], true) };
    let request = rig.poll_lane(&mut r, Lane::Auth);
    let fresh = Tokens { access_until_ms: rig.now.wall_ms + 900_000, ..tokens(2) };
    let refreshed = blindspot_core::wire::account::RefreshReply { tokens: fresh, server_ms: rig.now.wall_ms };
    rig.answer(&mut r, &request, &json(&refreshed));
    let request = rig.poll_lane(&mut r, Lane::Pull);
    rig.answer(&mut r, &request, &json(&reply));
    assert!(rig.files.0.lock().unwrap().files.is_empty(), "freed after the checkpoint");
}

#[test]
fn a_voice_note_or_document_that_no_server_takes_is_refused_before_it_is_saved() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let webm = b"\x1A\x45\xDF\xA3\x9F\x42\x82\x84webm".to_vec();
    let voice = |bytes: Vec<u8>, ms| RawPhoto {
        bytes,
        media: MediaKind::Voice,
        duration_ms: Some(ms),
        ..RawPhoto::default()
    };
    let mut large = webm.clone();
    large.resize(1024 * 1024 + 1, 0);
    let page = RawPhoto { bytes: b"<html>".to_vec(), media: MediaKind::Document, ..RawPhoto::default() };
    for raw in [voice(webm.clone(), 60_001), voice(large, 1_000), voice(b"ID3".to_vec(), 1_000), page] {
        let draft = ReportDraft { photos: vec![raw], ..ReportDraft::default() };
        let refused = r.capture_report(draft, &rig.now, &mut rig.rnd);
        assert!(matches!(refused, Err(ClientError::NotTaken(_))), "{refused:?}");
    }
    assert!(r.outbox().unwrap().is_empty() && r.captures().unwrap().is_empty());
    rig.report(&mut r, vec![voice(webm, 60_000)]);
    rig.seal_all(&mut r);
    let photo = r.outbox().unwrap().into_iter().find(|o| o.kind == "photo").unwrap();
    let body = r.op_body(photo.op_id).unwrap().unwrap();
    assert!(body.contains("\"media\":\"voice\"") && body.contains("\"duration_ms\":60000"), "{body}");
}

/// Found by the simulation: a phone whose battery was empty, a time zone behind, kept its photos for hours.
#[test]
fn photos_go_at_once_on_a_phone_whose_clock_stands_before_1970() {
    let mut rig = Rig::new();
    rig.now.wall_ms = -3_600_000;
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![photo(1)]);
    rig.seal_all(&mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!((request.method, request.path.as_str()), ("POST", "/v1/photos"));
}
