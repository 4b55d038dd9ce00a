//! Tries are for photos that cannot be looked at, not for a storage that is away.

use super::*;
use crate::service::fickle;
use crate::service::testing::{Phone, T0, case, fix, grant, house, person};
use crate::service::uploads::{self, NewUpload};
use blindspot_core::access::Role;
use blindspot_core::command::MediaKind;
use serde_json::json;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A phone with a photo of case 1 in both forms, of which nothing has come yet.
struct Scene {
    dir: tempfile::TempDir,
    house: House,
    depot: Depot,
    gone: Arc<AtomicBool>,
    phone: Phone,
    photo_id: PhotoId,
}

const FORMS: [FormName; 2] = [FormName::Original, FormName::Working];

impl Scene {
    fn new(bytes: [&[u8]; 2]) -> Self {
        let (dir, house) = (tempfile::tempdir().expect("a folder"), house());
        let (depot, gone) = fickle::depot(dir.path());
        grant(&house, person(1), Role::Collector, "city");
        let mut phone = Phone::enrol(&house, person(1), 1);
        let photo_id = PhotoId::from_bytes([5; 16]);
        let [original, working] = bytes.map(|b| json!({"sha256": Sha256::of(b), "bytes": b.len()}));
        let payload = json!({
            "photo_id": photo_id, "position": fix(1), "forms": {"original": original, "working": working},
        });
        let report = phone.report(1, 1);
        let photo = phone.op("photo", Some(case(1)), &payload);
        phone.push(&house, T0, &[&report, &photo]);
        Self { dir, house, depot, gone, phone, photo_id }
    }

    /// A form is announced, and its bytes come.
    fn brings(&self, form: FormName, bytes: &[u8]) {
        let new = NewUpload {
            length: bytes.len() as u64,
            photo_id: self.photo_id,
            form,
            media: MediaKind::Photo,
            sha256: Sha256::of(bytes),
        };
        let credential = self.phone.credential;
        let state = uploads::create(&self.house, &self.depot, credential, &new, T0).expect("announced");
        let part = self.dir.path().join("part");
        fs::write(&part, bytes).expect("written");
        self.depot.blobs.put(&new.sha256, &part).expect("put");
        let saved =
            self.house.store.write(|tx| store::save_verified(tx, &self.house.city, state.upload_id, T0));
        assert!(saved.expect("saved"));
    }

    fn open(&self) -> Vec<RenditionJob> {
        let read = |tx: &Tx<'_>| store::load_open_renditions(tx, &self.house.city, 10);
        self.house.store.read(read).expect("read")
    }

    fn looks(&self) -> Step {
        step(&self.house, &self.depot, T0 + 9).expect("looked at")
    }

    fn hashes(&self) -> Option<Hashes> {
        self.house.store.read(|tx| twins::load(tx, &self.house.city, self.photo_id)).expect("read")
    }
}

/// A picture of some rectangles, 64 by 48 dots, at a quality.
fn jpeg(seed: usize, quality: u8) -> Vec<u8> {
    let dot = |n: usize| u8::try_from((n / 64 / 8 * 37 + n % 64 / 8 * 91 * seed) % 256).unwrap_or(0);
    let pixels: Vec<u8> = (0..64 * 48).flat_map(|n| [dot(n), dot(n), dot(n)]).collect();
    let mut bytes = vec![];
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.encode(&pixels, 64, 48, jpeg_encoder::ColorType::Rgb).expect("encoded");
    bytes
}

#[test]
fn a_storage_that_is_away_uses_up_no_try() {
    let bytes: [&[u8]; 2] = [b"no picture, as an original", b"no picture, as a working copy"];
    let scene = Scene::new(bytes);
    FORMS.into_iter().zip(bytes).for_each(|(form, bytes)| scene.brings(form, bytes));
    scene.gone.store(true, Ordering::Relaxed);
    for n in 0..5 {
        assert!(step(&scene.house, &scene.depot, T0 + n).is_err());
        assert_eq!(scene.open().first().map(|job| job.tries), Some(0));
    }
    scene.gone.store(false, Ordering::Relaxed);
    assert_eq!(scene.looks(), Step::Sound(scene.photo_id));
    assert!(scene.open().is_empty(), "done, though it was no picture");
}

#[test]
fn a_working_copy_is_hashed_before_its_original_and_compared_when_that_comes() {
    let [original, working] = [jpeg(1, 90), jpeg(1, 40)];
    let scene = Scene::new([&original, &working]);
    scene.brings(FormName::Working, &working);
    assert_eq!(scene.looks(), Step::Sound(scene.photo_id));
    let hashes = scene.hashes().expect("hashed");
    assert_eq!(
        hashes.sha256,
        Sha256::of(&original),
        "by bytes it is known by what the phone said of the original"
    );
    assert_eq!(scene.looks(), Step::Idle);
    scene.brings(FormName::Original, &original);
    assert_eq!(scene.looks(), Step::Sound(scene.photo_id));
    assert_eq!(scene.hashes().map(|h| h.sha256), Some(hashes.sha256));
    assert_eq!(scene.looks(), Step::Idle);
}

#[test]
fn a_working_copy_of_another_picture_is_found_in_whatever_order_both_come() {
    for first in FORMS {
        let bytes = [jpeg(1, 90), jpeg(5, 90)];
        let scene = Scene::new([&bytes[0], &bytes[1]]);
        let [second] = FORMS.into_iter().filter(|f| *f != first).collect::<Vec<_>>().try_into().expect("one");
        let of = |form: &FormName| if *form == FormName::Original { &bytes[0] } else { &bytes[1] };
        scene.brings(first.clone(), of(&first));
        assert_eq!(scene.looks(), Step::Sound(scene.photo_id), "nothing to compare yet");
        scene.brings(second.clone(), of(&second));
        assert_eq!(scene.looks(), Step::Mismatch(scene.photo_id), "{first:?} first");
        let ours = renditions(&bytes[0], &Limits::default()).expect("a picture").phash;
        assert_eq!(scene.hashes().map(|h| h.phash), Some(ours), "known by its original's looks");
    }
}
