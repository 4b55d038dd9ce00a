//! tus flows by service calls: cuts, damage, takeover, lost acknowledgements, other people.

use super::*;
use crate::service::ingest;
use crate::service::testing::{Phone, T0, house, person, refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::command::FormName;
use blindspot_core::error::BAD_REQUEST;
use sha1::Digest as _;
use std::sync::mpsc::channel;

struct Bench {
    house: House,
    depot: Depot,
    phone: Phone,
    _dir: tempfile::TempDir,
}

fn bench() -> Bench {
    let house = house();
    let dir = tempfile::tempdir().expect("a folder");
    let depot = Depot::open(dir.path()).expect("open");
    let phone = Phone::enrol(&house, person(1), 1);
    Bench { house, depot, phone, _dir: dir }
}

/// Begins like a JPEG; nothing more is asked of an upload.
fn picture(len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
    bytes[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
    bytes
}

fn new_of(bytes: &[u8], photo: u8) -> NewUpload {
    NewUpload {
        length: bytes.len() as u64,
        photo_id: PhotoId::from_bytes([photo; 16]),
        form: FormName::Working,
        media: MediaKind::Photo,
        sha256: Sha256::of(bytes),
    }
}

impl Bench {
    fn create(&self, new: &NewUpload) -> UploadState {
        create(&self.house, &self.depot, self.phone.credential, new, T0).expect("sound")
    }
    fn patch(
        &self,
        id: [u8; 16],
        at: u64,
        bytes: &[u8],
        checksum: Option<Checksum>,
    ) -> Result<UploadState, ServiceError> {
        let announced = Some(bytes.len() as u64);
        let who = self.phone.credential;
        let mut incoming = begin(&self.house, &self.depot, who, (id, at), (announced, checksum), T0)?;
        incoming.write(bytes)?;
        incoming.finish(&self.house, &self.depot, true)
    }
    fn state(&self, id: [u8; 16]) -> Result<UploadState, ServiceError> {
        state(&self.house, &self.depot, self.phone.credential, id, T0)
    }
    fn acknowledge(&self, arrival: Arrival) {
        let (send, receive) = channel();
        let done = Box::new(move |result| send.send(result).expect("somebody waits"));
        ingest::step(&self.house, vec![arrival.into_job(T0, done)]);
        receive.recv().expect("an answer").expect("sound");
        acknowledged(&self.depot, arrival.upload_id);
    }
    fn deliver(&self, bytes: &[u8], photo: u8) -> [u8; 16] {
        let id = self.create(&new_of(bytes, photo)).upload_id;
        let end = self.patch(id, 0, bytes, None).expect("sound");
        self.acknowledge(end.arrival.expect("all bytes are here"));
        id
    }
}

#[test]
fn an_upload_cut_twice_ends_verified_with_the_very_bytes() {
    let b = bench();
    let bytes = picture(100_000);
    let id = b.create(&new_of(&bytes, 1)).upload_id;
    assert_eq!(b.patch(id, 0, &bytes[..40_000], None).expect("sound").offset, 40_000);
    // A cut: the connection ends before the request does; what came is kept.
    let who = b.phone.credential;
    let mut cut = begin(&b.house, &b.depot, who, (id, 40_000), (Some(60_000), None), T0).expect("sound");
    cut.write(&bytes[40_000..50_001]).expect("sound");
    assert_eq!(cut.finish(&b.house, &b.depot, false).expect("sound").offset, 50_001);
    let now = b.state(id).expect("sound");
    assert_eq!((now.offset, now.verified), (50_001, None));
    assert_eq!(refusal(b.patch(id, 40_000, &bytes[40_000..], None)), OFFSET_CONFLICT.code);
    assert_eq!(refusal(b.patch(id, 50_001, &bytes[50_000..], None)), UPLOAD_TOO_LARGE.code);
    let end = b.patch(id, 50_001, &bytes[50_001..], None).expect("sound");
    b.acknowledge(end.arrival.expect("all bytes are here"));
    assert_eq!(b.state(id).expect("sound").verified, Some(Sha256::of(&bytes)));
    let mut stored = vec![];
    let mut file = b.depot.blobs.open(&Sha256::of(&bytes)).expect("sound").expect("stored");
    file.read_to_end(&mut stored).expect("sound");
    assert_eq!(stored, bytes);
    assert_eq!(refusal(b.patch(id, 0, &bytes, None)), OFFSET_CONFLICT.code, "finished is finished");
}

#[test]
fn a_damaged_chunk_does_not_count_and_a_right_checksum_does() {
    let b = bench();
    let bytes = picture(1_000);
    let id = b.create(&new_of(&bytes, 1)).upload_id;
    let sum = |bytes: &[u8]| Some(Checksum::Sha256(Sha256::of(bytes).0.to_vec()));
    let damaged = b.patch(id, 0, &bytes[..500], sum(b"other"));
    assert_eq!(refusal(damaged), CHECKSUM_MISMATCH.code);
    assert_eq!(b.state(id).expect("sound").offset, 0);
    assert_eq!(b.patch(id, 0, &bytes[..500], sum(&bytes[..500])).expect("sound").offset, 500);
    let sha1 = Checksum::Sha1(sha1::Sha1::digest(&bytes[500..600]).to_vec());
    assert_eq!(b.patch(id, 500, &bytes[500..600], Some(sha1)).expect("sound").offset, 600);
    assert!(Checksum::from_header("md5 AAAA").is_err());
    assert!(Checksum::from_header("sha256").is_err());
}

#[test]
fn other_bytes_end_the_upload_and_nothing_is_stored() {
    let b = bench();
    let bytes = picture(1_000);
    let id = b.create(&new_of(&bytes, 1)).upload_id;
    let mut other = bytes.clone();
    other[500] ^= 1;
    assert_eq!(refusal(b.patch(id, 0, &other, None)), DIGEST_MISMATCH.code);
    assert_eq!(refusal(b.state(id)), NOT_FOUND.code);
    assert_eq!(b.depot.blobs.len(&Sha256::of(&other)).expect("sound"), None);
    let text = b"no picture at all".to_vec();
    let id = b.create(&new_of(&text, 2)).upload_id;
    assert_eq!(refusal(b.patch(id, 0, &text, None)), UNSUPPORTED_MEDIA_TYPE.code);
    let document = |bytes: &[u8], photo| NewUpload {
        media: MediaKind::Document,
        form: FormName::Original,
        ..new_of(bytes, photo)
    };
    let id = b.create(&document(&text, 3)).upload_id;
    assert_eq!(refusal(b.patch(id, 0, &text, None)), UNSUPPORTED_MEDIA_TYPE.code);
    let pdf = b"%PDF-1.7 and whatever follows".to_vec();
    let id = b.create(&document(&pdf, 4)).upload_id;
    assert!(b.patch(id, 0, &pdf, None).expect("sound").arrival.is_some(), "not looked into any further");
    // Bytes that are here as a photo are not thereby here as a document.
    let id = b.create(&new_of(&bytes, 5)).upload_id;
    b.acknowledge(b.patch(id, 0, &bytes, None).expect("sound").arrival.expect("whole"));
    assert!(b.create(&new_of(&bytes, 6)).arrival.is_some(), "as a photo they are");
    assert_eq!(b.create(&document(&bytes, 7)).offset, 0);
}

#[test]
fn a_lost_acknowledgement_is_made_again_by_asking() {
    let b = bench();
    let bytes = picture(2_000);
    let id = b.create(&new_of(&bytes, 1)).upload_id;
    // The bytes were stored, then the server died before the writer linked them.
    let first = b.patch(id, 0, &bytes, None).expect("sound").arrival.expect("all bytes are here");
    let again = b.state(id).expect("sound");
    assert_eq!((again.arrival, again.verified), (Some(first), None), "nobody is told before the commit");
    b.acknowledge(first);
    assert_eq!(b.state(id).expect("sound").verified, Some(Sha256::of(&bytes)));
    // All bytes on disk, but the server died before it looked at them.
    let bytes = picture(3_000);
    let id = b.create(&new_of(&bytes, 2)).upload_id;
    let mut part = b.depot.parts.hold(id, 0).expect("sound");
    part.append(&bytes).expect("sound");
    drop(part);
    assert!(b.state(id).expect("sound").arrival.is_some());
}

#[test]
fn a_later_request_takes_over_from_one_that_hangs() {
    let b = bench();
    let bytes = picture(1_000);
    let id = b.create(&new_of(&bytes, 1)).upload_id;
    let who = b.phone.credential;
    let mut hangs = begin(&b.house, &b.depot, who, (id, 0), (None, None), T0).expect("sound");
    hangs.write(&bytes[..100]).expect("sound");
    assert_eq!(b.patch(id, 100, &bytes[100..300], None).expect("sound").offset, 300);
    assert_eq!(refusal(hangs.write(&bytes[100..200])), OFFSET_CONFLICT.code);
    assert_eq!(b.state(id).expect("sound").offset, 300);
}

#[test]
fn another_person_sees_nothing_and_the_same_person_sends_once() {
    let b = bench();
    let bytes = picture(1_000);
    let id = b.deliver(&bytes, 1);
    let stranger = Phone::enrol(&b.house, person(2), 2).credential;
    assert_eq!(refusal(state(&b.house, &b.depot, stranger, id, T0)), NOT_FOUND.code);
    assert_eq!(refusal(terminate(&b.house, &b.depot, stranger, id, T0)), NOT_FOUND.code);
    let theirs = create(&b.house, &b.depot, stranger, &new_of(&bytes, 2), T0).expect("sound");
    assert_eq!((theirs.offset, theirs.arrival), (0, None), "a hash is no read right");
    let later = Phone::enrol(&b.house, person(1), 3).credential;
    assert!(state(&b.house, &b.depot, later, id, T0).is_ok(), "a later enrolment goes on");
    let mine = create(&b.house, &b.depot, later, &new_of(&bytes, 3), T0).expect("sound");
    assert_eq!(mine.offset, 1_000);
    b.acknowledge(mine.arrival.expect("nothing to send"));
    assert_eq!(b.state(mine.upload_id).expect("sound").verified, Some(Sha256::of(&bytes)));
}

#[test]
fn unfinished_uploads_expire_and_finished_ones_stay() {
    let b = bench();
    let bytes = picture(1_000);
    let done = b.deliver(&bytes, 1);
    let open = b.create(&new_of(&picture(500), 2)).upload_id;
    b.patch(open, 0, &picture(500)[..10], None).expect("sound");
    let late = T0 + UPLOAD_LIFE_MS + 1;
    let who = b.phone.credential;
    assert_eq!(refusal(state(&b.house, &b.depot, who, open, late)), UPLOAD_GONE.code);
    assert_eq!(sweep(&b.house, &b.depot, late).expect("sound"), 1);
    assert_eq!(refusal(state(&b.house, &b.depot, who, open, late)), NOT_FOUND.code);
    assert_eq!(b.depot.parts.len(open).expect("sound"), 0);
    assert!(state(&b.house, &b.depot, who, done, late).expect("sound").verified.is_some());
    terminate(&b.house, &b.depot, who, done, late).expect("sound");
    assert!(
        state(&b.house, &b.depot, who, done, late).expect("sound").verified.is_some(),
        "termination spares it"
    );
}

#[test]
fn metadata_says_what_is_missing() {
    let b64 = |text: &str| STANDARD.encode(text);
    let photo = PhotoId::from_bytes([1; 16]).to_string();
    let sha = Sha256::of(b"x").to_hex();
    let good = format!("photo_id {},sha256 {},form {},name", b64(&photo), b64(&sha), b64("working"));
    assert_eq!(NewUpload::from_metadata(5, &good).expect("sound").media, MediaKind::Photo);
    for bad in [
        "".to_owned(),
        good.replace("photo_id", "photo"),
        good.replace(&b64("working"), &b64("huge")),
        good.replace(&b64(&sha), "!!!"),
        format!("{good},kind {}", b64("spell")),
    ] {
        assert_eq!(refusal(NewUpload::from_metadata(5, &bad)), BAD_REQUEST.code, "{bad}");
    }
    assert_eq!(refusal(NewUpload::from_metadata(0, &good)), BAD_REQUEST.code);
    let large =
        NewUpload { length: UPLOAD_BYTES_MAX + 1, ..NewUpload::from_metadata(5, &good).expect("sound") };
    let b = bench();
    assert_eq!(refusal(create(&b.house, &b.depot, b.phone.credential, &large, T0)), UPLOAD_TOO_LARGE.code);
}
