//! What was erased for everybody leaves this phone: row, kept op, files; and does not come back with a new epoch.

use super::*;
use blindspot_core::case::Erased;
use blindspot_core::command::Report;
use blindspot_core::id::Sha256;
use blindspot_core::row::RowKind;
use blindspot_core::verdict::VerdictRow;

const MARKER: &str = "words that had to go";

fn mark() -> Erased {
    Erased { reason: "bystander".into(), at_ms: T0, by: blindspot_core::testing::op_id(900) }
}

/// A report with words and a picture, delivered whole.
fn delivered(rig: &mut Rig, r: &mut Replica) -> Vec<OutboxEntry> {
    let draft = ReportDraft {
        report: Report { description: Some(MARKER.into()), ..Report::default() },
        photos: vec![photo(1)],
        ..ReportDraft::default()
    };
    r.capture_report(draft, &rig.now, &mut rig.rnd).unwrap();
    rig.seal_all(r);
    let request = rig.poll_lane(r, Lane::Push);
    let count = pushed(&request).ops.len();
    rig.answer(r, &request, &verdicts(count, &Verdict::Applied));
    for _ in 0..3 {
        let request = rig.poll_lane(r, Lane::Photo);
        let sha = r.uploads().unwrap().into_iter().find(|u| !u.verified).unwrap();
        let named = named_form(&request);
        let upload = r.uploads().unwrap().into_iter().find(|u| u.form == named).unwrap_or(sha);
        rig.answer(r, &request, &ours(201, &[("Upload-Verified", &upload.sha256)], ""));
    }
    assert!(r.uploads().unwrap().iter().all(|u| u.verified));
    r.outbox().unwrap()
}

fn named_form(request: &HttpRequest) -> String {
    let metadata = request.headers.iter().find(|(n, _)| n == "upload-metadata").unwrap().1.clone();
    let form = metadata.split(',').find_map(|p| p.strip_prefix("form ")).unwrap().to_owned();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(form).unwrap()).unwrap()
}

fn told(rig: &mut Rig, r: &mut Replica, entries: &[OutboxEntry]) {
    let feed = Feed::device(device(1));
    let lines: Vec<WireLine> = entries
        .iter()
        .map(|entry| {
            let row = VerdictRow {
                op_id: entry.op_id,
                device_seq: entry.device_seq,
                verdict: Verdict::Applied,
                cases: vec![],
                erased: Some(mark()),
            };
            let key = RowKey::new(RowKind::Verdict, entry.op_id.to_string());
            WireLine(key, Rev(100, 2), serde_json::to_string(&row).unwrap())
        })
        .collect();
    let request = rig.poll_lane(r, Lane::Pull);
    rig.answer(r, &request, &json(&page(&feed, &lines, true)));
}

fn holds(rig: &Rig, needle: &[u8]) -> bool {
    let files = std::fs::read_dir(rig.folder()).unwrap().map(|f| std::fs::read(f.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(needle.len()).any(|w| w == needle))
}

#[test]
fn an_erasure_takes_the_kept_op_and_the_files_and_no_page_keeps_the_words() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let entries = delivered(&mut rig, &mut r);
    assert!(holds(&rig, MARKER.as_bytes()), "else this test sees nothing");
    assert_eq!(rig.files.0.lock().unwrap().files.len(), 3);
    told(&mut rig, &mut r, &entries);
    assert!(!holds(&rig, MARKER.as_bytes()));
    assert!(rig.files.0.lock().unwrap().files.is_empty());
    assert_eq!((entries.len(), r.outbox().unwrap().len()), (2, 0));
    assert!(r.uploads().unwrap().iter().all(|u| u.gone_why.as_deref() == Some("erased")));
    assert!(r.cases(CaseFilter::default()).unwrap().is_empty(), "nothing of it is replayed over the mirror");
}

#[test]
fn after_a_new_epoch_erased_work_is_not_offered_but_its_numbers_are_told() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let entries = delivered(&mut rig, &mut r);
    told(&mut rig, &mut r, &entries);
    let restored =
        PullReply { common: Common { epoch: 101, ..common() }, ..page(&Feed::reference(), &[], true) };
    let request = rig.poll_lane(&mut r, Lane::Pull);
    rig.answer(&mut r, &request, &json(&restored));
    let reply = |through| PushReply {
        common: Common { epoch: 101, ..common() },
        received_through: through,
        verdicts: vec![],
    };
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(&mut r, &request, &json(&reply(0)));
    let request = rig.poll_lane(&mut r, Lane::Push);
    let frame = pushed(&request);
    let numbers: Vec<u64> = entries.iter().map(|e| e.device_seq).collect();
    assert_eq!((frame.ops.len(), frame.gone), (0, numbers));
    rig.answer(&mut r, &request, &json(&reply(entries.len() as u64)));
    while let Some(request) = rig.poll(&mut r) {
        assert!(!matches!(request.lane, Lane::Push | Lane::Photo), "{}", request.path);
        r.handle_failure(request.id, &rig.now, &mut rig.rnd).unwrap();
    }
}

#[test]
fn an_op_that_is_erased_while_it_is_on_its_way_again_is_answered_and_gone() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let entries = delivered(&mut rig, &mut r);
    let common = || Common { epoch: 101, ..common() };
    let restored = PullReply { common: common(), ..page(&Feed::reference(), &[], true) };
    let request = rig.poll_lane(&mut r, Lane::Pull);
    rig.answer(&mut r, &request, &json(&restored));
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(
        &mut r,
        &request,
        &json(&PushReply { common: common(), received_through: 0, verdicts: vec![] }),
    );
    let offered = rig.poll_lane(&mut r, Lane::Push);
    assert_eq!(pushed(&offered).ops.len(), 2);
    told(&mut rig, &mut r, &entries);
    let entry = |e: &OutboxEntry| VerdictEntry {
        op_id: Some(e.op_id),
        verdict: Verdict::Applied,
        seen_before: false,
        cases: vec![],
        erased: Some(mark()),
    };
    let verdicts = entries.iter().map(entry).collect();
    rig.answer(&mut r, &offered, &json(&PushReply { common: common(), received_through: 2, verdicts }));
    assert!(r.outbox().unwrap().is_empty() && !r.status().unwrap().signed_out);
    assert_eq!(r.status().unwrap().received_through, Some(2));
}

#[test]
fn bytes_that_the_server_says_were_erased_are_deleted_and_the_case_waits_no_more() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![photo(1)]);
    rig.seal_all(&mut r);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &refusal(451, "erased"));
    assert!(rig.files.0.lock().unwrap().files.is_empty(), "all forms, not only this one");
    let lost: Vec<_> = r.outbox().unwrap().into_iter().filter(|o| o.kind == "photo_lost").collect();
    assert_eq!(lost.len(), 1);
    assert!(r.uploads().unwrap().iter().all(|u| u.lost && u.problem.as_deref() == Some("erased")));
    assert_eq!(r.unsent().unwrap().photos, 0);
}

#[test]
fn a_file_that_would_not_go_goes_at_the_next_opening() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let entries = delivered(&mut rig, &mut r);
    rig.files.0.lock().unwrap().stuck = true;
    told(&mut rig, &mut r, &entries);
    assert_eq!(rig.files.0.lock().unwrap().files.len(), 3, "stuck");
    drop(r);
    rig.files.0.lock().unwrap().stuck = false;
    let r = rig.open();
    assert!(rig.files.0.lock().unwrap().files.is_empty());
    assert!(r.uploads().unwrap().iter().all(|u| u.lost));
}

/// A phone hears of a new epoch, by a pull and then by a push, whose server has so many of its numbers.
fn in_a_new_epoch(rig: &mut Rig, r: &mut Replica, received_through: u64) {
    let common = Common { epoch: 101, ..common() };
    let restored = PullReply { common: common.clone(), ..page(&Feed::reference(), &[], true) };
    let request = rig.poll_lane(r, Lane::Pull);
    rig.answer(r, &request, &json(&restored));
    let request = rig.poll_lane(r, Lane::Push);
    rig.answer(r, &request, &json(&PushReply { common, received_through, verdicts: vec![] }));
}

#[test]
fn one_question_for_many_photos_after_a_new_epoch_and_only_what_is_lacking_goes() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    delivered(&mut rig, &mut r);
    in_a_new_epoch(&mut rig, &mut r, 0);
    // The ops come with what was said of them before.
    let frame = pushed(&rig.poll_lane(&mut r, Lane::Push));
    assert_eq!((frame.ops.len(), frame.former.len()), (2, 2));
    assert!(frame.former.values().all(|v| *v == Verdict::Applied));
    let request = rig.poll_lane(&mut r, Lane::Photo);
    assert_eq!(request.path, "/v1/photos/lacking");
    let asked: OfferRequest = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(asked.photos.len(), 3);
    let thumbnail = r.uploads().unwrap().into_iter().find(|u| u.form == "thumbnail").unwrap();
    let lacks =
        OfferedForm { photo_id: thumbnail.photo_id, sha256: Sha256::from_hex(&thumbnail.sha256).unwrap() };
    rig.answer(&mut r, &request, &json(&LackingReply { lacking: vec![lacks] }));
    // Small pictures have forms of the same bytes.
    let again = |r: &Replica| -> Vec<UploadView> {
        r.uploads().unwrap().into_iter().filter(|u| !u.verified).collect()
    };
    assert!(!again(&r).is_empty() && again(&r).iter().all(|u| u.sha256 == thumbnail.sha256));
    while !again(&r).is_empty() {
        let request = rig.poll_lane(&mut r, Lane::Photo);
        assert_eq!(request.path, "/v1/photos");
        rig.answer(&mut r, &request, &ours(201, &[("Upload-Verified", &thumbnail.sha256)], ""));
    }
}

#[test]
fn a_server_that_does_not_know_the_question_gets_each_photo_offered() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    delivered(&mut rig, &mut r);
    in_a_new_epoch(&mut rig, &mut r, 2);
    let request = rig.poll_lane(&mut r, Lane::Photo);
    rig.answer(&mut r, &request, &refusal(404, "not_found"));
    assert_eq!(rig.poll_lane(&mut r, Lane::Photo).path, "/v1/photos");
    assert_eq!(r.unsent().unwrap().photos, 1);
}

#[test]
fn before_the_shutter_delivered_photos_make_room_and_what_is_not_delivered_never_does() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    delivered(&mut rig, &mut r);
    let need = usize::try_from(blindspot_core::limits::PHOTO_ROOM_BYTES).unwrap();
    rig.files.0.lock().unwrap().room = Some(need + 1);
    r.check_room().unwrap();
    assert!(r.uploads().unwrap().iter().any(|u| u.gone_why.as_deref() == Some("space")));
    rig.report(&mut r, vec![photo(2)]);
    let before = rig.files.0.lock().unwrap().files.len();
    assert!(matches!(r.check_room(), Err(ClientError::NoRoom { .. })));
    let left = rig.files.0.lock().unwrap().files.keys().filter(|f| f.ends_with(".raw")).count();
    assert!(left == 1 && before >= left);
}

#[test]
fn a_full_phone_lets_the_oldest_acknowledged_photo_go_and_says_so() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    delivered(&mut rig, &mut r);
    let old: Vec<String> = r.uploads().unwrap().into_iter().map(|u| u.file).collect();
    rig.later(1_000);
    {
        let mut disk = rig.files.0.lock().unwrap();
        disk.room = Some(disk.files.values().map(Vec::len).sum());
    }
    rig.report(&mut r, vec![photo(2)]);
    let gone = r.uploads().unwrap().into_iter().filter(|u| u.gone_why.as_deref() == Some("space")).count();
    assert!(gone > 0, "recorded");
    assert!(old.iter().any(|f| !rig.files.0.lock().unwrap().files.contains_key(f)));
    // What the server does not have is never let go.
    rig.files.0.lock().unwrap().room = Some(0);
    let draft = ReportDraft { photos: vec![photo(3)], ..ReportDraft::default() };
    let refused = r.capture_report(draft, &rig.now, &mut rig.rnd);
    assert!(matches!(refused, Err(ClientError::Files(FileProblem::Full))), "{refused:?}");
    assert_eq!(r.captures().unwrap().len(), 1, "the one before is whole");
    let raw = r.captures().unwrap()[0].photos[0].raw_file.clone().unwrap();
    assert!(rig.files.0.lock().unwrap().files.contains_key(&raw));
}
