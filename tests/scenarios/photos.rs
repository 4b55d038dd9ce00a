//! Photo bytes by tus, driven by hand and by tus-js-client.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{RawPhone, new_photo_id, send};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::PhotoId;
use blindspot_core::id::Sha256;
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};

fn exif() -> ExifSpec {
    ExifSpec::phone("2026:04:12 08:03:11", None)
}
use serde_json::{Value, json};

pub(crate) const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const OFFSET: (&str, &str) = ("content-type", "application/offset+octet-stream");

pub(crate) fn picture(number: u32) -> Vec<u8> {
    jpeg(&SceneSpec::nth(7, number), &exif())
}

pub(crate) fn metadata(bytes: &[u8]) -> String {
    metadata_of(new_photo_id(), "working", bytes)
}

pub(crate) fn metadata_of(photo: PhotoId, form: &str, bytes: &[u8]) -> String {
    let b64 = |text: &str| STANDARD.encode(text);
    let sha = Sha256::of(bytes).to_hex();
    format!(
        "photo_id {},form {},sha256 {},kind {},filetype {}",
        b64(&photo.to_string()),
        b64(form),
        b64(&sha),
        b64("photo"),
        b64("image/jpeg")
    )
}

/// Creates an upload for these bytes; gives the path to send them to.
pub(crate) fn create(phone: &RawPhone, bytes: &[u8]) -> String {
    create_of(phone, new_photo_id(), "working", bytes)
}

pub(crate) fn create_of(phone: &RawPhone, photo: PhotoId, form: &str, bytes: &[u8]) -> String {
    let (length, meta) = (bytes.len().to_string(), metadata_of(photo, form, bytes));
    let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
    let answer = phone.send("POST", "/v1/photos", &headers, b"");
    answer.ok();
    assert_eq!(answer.status, 201);
    let location = answer.header("location").expect("a location").to_owned();
    location.strip_prefix(&phone.base).map_or(location.clone(), str::to_owned)
}

pub(crate) fn patch(phone: &RawPhone, location: &str, offset: usize, bytes: &[u8]) -> crate::raw::Answer {
    phone.send("PATCH", location, &[TUS, OFFSET, ("upload-offset", &offset.to_string())], bytes)
}

#[test]
fn a_photo_is_delivered_only_when_its_digest_was_verified() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let (photo, bytes) = (new_photo_id(), picture(1));
    let sha = Sha256::of(&bytes).to_hex();
    let form = json!({"sha256": sha, "bytes": bytes.len()});
    let op = phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"working": form}}));
    phone.push(&[op]);
    assert_eq!(media(&phone, case), json!({"n": 0, "m": 1, "k": 0}));
    let at = create_of(&phone, photo, "working", &bytes);
    let half = bytes.len() / 2;
    let first = patch(&phone, &at, 0, &bytes[..half]);
    assert_eq!((first.status, first.header("upload-verified")), (204, None));
    let head = phone.send("HEAD", &at, &[TUS], b"");
    assert_eq!(head.header("upload-offset"), Some(half.to_string().as_str()));
    let last = patch(&phone, &at, half, &bytes[half..]);
    assert_eq!((last.status, last.header("upload-verified")), (204, Some(sha.as_str())));
    let head = phone.send("HEAD", &at, &[TUS], b"");
    assert_eq!(head.header("upload-verified"), Some(sha.as_str()), "a lost reply is asked again");
    assert_eq!(media(&phone, case), json!({"n": 1, "m": 1, "k": 0}));
    let got = phone.get(&format!("/v1/photos/{photo}/working"));
    assert_eq!((got.status, got.body == bytes), (200, true), "P5: the very bytes");
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(original_views(&house), Vec::<String>::new(), "a working copy is no original");
    // Somebody without the case cannot tell that the photo is there.
    let stranger = house.phone("stranger", "unit_clerk", "dept:other");
    stranger.get(&format!("/v1/photos/{photo}/working")).problem("not_found");
}

/// Whose views of originals the audit log holds, with which photo.
fn original_views(house: &TestHouse) -> Vec<String> {
    let log = house.admin("GET", "/v1/audit?limit=500", &Value::Null).ok();
    let rows = log["items"].as_array().expect("rows").iter().filter(|r| r["action"] == "view_original");
    rows.map(|r| format!("{} {}", r["actor"], r["object"]).replace('"', "")).collect()
}

#[test]
fn each_view_of_an_original_is_a_row_of_the_audit_log() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let photo = new_photo_id();
    let pictures = [("working", picture(3)), ("original", picture(4))];
    let form = |bytes: &[u8]| json!({"sha256": Sha256::of(bytes).to_hex(), "bytes": bytes.len()});
    let forms = json!({"working": form(&pictures[0].1), "original": form(&pictures[1].1)});
    let op = phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": forms}));
    phone.push(&[op]);
    for (form, bytes) in &pictures {
        let at = create_of(&phone, photo, form, bytes);
        assert_eq!(patch(&phone, &at, 0, bytes).status, 204);
    }
    let path = format!("/v1/photos/{photo}/original");
    let got = phone.get(&path);
    assert_eq!((got.status, got.body == pictures[1].1), (200, true));
    let tag = got.header("etag").expect("a tag").to_owned();
    assert_eq!(phone.send("GET", &path, &[("if-none-match", &tag)], b"").status, 304);
    house.phone("stranger", "unit_clerk", "dept:other").get(&path).problem("not_found");
    let me = phone.get("/v1/me").ok()["person_id"].as_str().expect("an id").to_owned();
    let view = format!("{me} photo:{photo}");
    assert_eq!(original_views(&house), [view.clone(), view], "both views, and not the one that was refused");
}

#[test]
fn photos_go_into_a_bucket_over_https_and_come_back() {
    let house = TestHouse::start_in_safe_bucket();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let (photo, bytes) = (new_photo_id(), picture(6));
    let form = json!({"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()});
    let op = phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"working": form}}));
    phone.push(&[op]);
    let at = create_of(&phone, photo, "working", &bytes);
    let half = bytes.len() / 2;
    assert_eq!(patch(&phone, &at, 0, &bytes[..half]).status, 204);
    assert_eq!(patch(&phone, &at, half, &bytes[half..]).status, 204);
    let got = phone.get(&format!("/v1/photos/{photo}/working"));
    assert_eq!((got.status, got.body == bytes), (200, true), "P5: the very bytes");
}

#[test]
fn shown_outgrow_signed() {
    let house = TestHouse::start_in_public_bucket();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let (photo, bytes) = (new_photo_id(), picture(5));
    let form = json!({"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()});
    let op = phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"original": form}}));
    phone.push(&[op]);
    let at = create_of(&phone, photo, "original", &bytes);
    assert_eq!(patch(&phone, &at, 0, &bytes).status, 204);
    let path = format!("/v1/photos/{photo}/original");
    let sent_on = phone.get(&path);
    assert_eq!((sent_on.status, sent_on.header("cache-control")), (307, Some("no-store")));
    let address = sent_on.header("location").expect("an address").to_owned();
    // The address alone opens it, and shows it as what it is; nothing but it does.
    let got = send("GET", &address, &[], b"");
    assert_eq!((got.status, got.body == bytes), (200, true), "P5: the very bytes");
    assert_eq!(got.header("content-type"), Some("image/jpeg"));
    let (bare, _) = address.split_once('?').expect("a signature");
    assert_eq!(send("GET", bare, &[], b"").status, 403);
    assert_eq!(send("GET", &address.replace("X-Amz-Signature=", "X-Amz-Signature=0"), &[], b"").status, 403);
    assert_eq!(send("PUT", &address, &[], b"another").status, 403, "it is for reading");
    // Who may not see the photo is given no address, and each address that was given is in the audit log.
    house.phone("stranger", "unit_clerk", "dept:other").get(&path).problem("not_found");
    let me = phone.get("/v1/me").ok()["person_id"].as_str().expect("an id").to_owned();
    assert_eq!(original_views(&house), [format!("{me} photo:{photo}")]);
}

pub(crate) fn media(phone: &RawPhone, case: blindspot_core::CaseId) -> Value {
    let (pages, _) = phone.pull_all(None);
    let mut rows = pages.iter().flat_map(|p| p["rows"].as_array().into_iter().flatten());
    let row = rows.rfind(|r| r["kind"] == "case" && r["id"] == json!(case)).expect("the case");
    row["body"]["media"].clone()
}

#[test]
fn bytes_that_came_before_their_op_are_linked_when_it_comes() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let (photo, bytes) = (new_photo_id(), picture(2));
    let at = create_of(&phone, photo, "working", &bytes);
    assert_eq!(patch(&phone, &at, 0, &bytes).status, 204);
    let form = json!({"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()});
    let op = phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"working": form}}));
    phone.push(&[op]);
    assert_eq!(media(&phone, case)["n"], 1);
}

#[test]
fn a_differing_digest_ends_the_upload_and_nothing_is_stored() {
    let house = TestHouse::start();
    let phone = house.phone("a", WORKER_ROLE, "city");
    let bytes = picture(3);
    let at = create(&phone, &bytes);
    let mut damaged = bytes.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let answer = patch(&phone, &at, 0, &damaged);
    answer.problem("digest_mismatch");
    assert_eq!(answer.status, 460);
    let head = phone.send("HEAD", &at, &[TUS], b"");
    assert!(matches!(head.status, 404 | 410), "{}", head.status);
    // Starting anew works.
    let again = create(&phone, &bytes);
    assert!(patch(&phone, &again, 0, &bytes).header("upload-verified").is_some());
}

#[test]
fn another_person_cannot_touch_an_upload_nor_learn_of_bytes() {
    let house = TestHouse::start();
    let (owner, other) = (house.phone("a", WORKER_ROLE, "city"), house.phone("b", WORKER_ROLE, "city"));
    let bytes = picture(4);
    let at = create(&owner, &bytes);
    patch(&other, &at, 0, &bytes).problem("not_found");
    assert!(patch(&owner, &at, 0, &bytes).header("upload-verified").is_some());
    // The hash must not become a read right: the other person's creation starts at zero.
    let fresh = create(&other, &bytes);
    let head = other.send("HEAD", &fresh, &[TUS], b"");
    assert_eq!((head.header("upload-offset"), head.header("upload-verified")), (Some("0"), None));
}

#[test]
fn shown_main_tus() {
    let house = TestHouse::start();
    let phone = house.phone("a", WORKER_ROLE, "city");
    let dir = tempfile::tempdir().expect("a folder");
    let spec = SceneSpec::nth(7, 25).sized(2000, 1500);
    let bytes = jpeg(&spec, &exif());
    assert!(bytes.len() > 200_000, "large enough to cut: {}", bytes.len());
    let file = dir.path().join("photo.jpg");
    std::fs::write(&file, &bytes).expect("a file");
    let sha = Sha256::of(&bytes).to_hex();
    let meta = json!({"photo_id": new_photo_id(), "form": "original", "sha256": sha, "kind": "photo", "filetype": "image/jpeg"});
    let js = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    assert!(
        js.join("node_modules/tus-js-client").exists(),
        "tus-js-client is missing: run `npm ci --prefix tests/js` (or `cargo xtask setup`)"
    );
    let out = std::process::Command::new("node")
        .arg(js.join("upload.mjs"))
        .args([&format!("{}/v1/photos", phone.base), file.to_str().expect("a path"), &meta.to_string()])
        .env("BLINDSPOT_TOKEN", &phone.access)
        .output()
        .expect("node runs (install Node 20 or newer)");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let cut = said["cut_at"].as_u64().expect("it was cut");
    assert!(cut >= bytes.len() as u64 / 2 && cut < bytes.len() as u64, "{said}");
    assert!(said["resumed_from"].as_u64().is_some_and(|at| at >= cut), "resumed, not from zero: {said}");
    assert_eq!(said["verified"], json!(sha));
}
