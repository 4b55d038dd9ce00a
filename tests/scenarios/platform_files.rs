//! Files and names that mean harm (trust B4): what is uploaded is stored under its true type or refused, what is
//! handed out cannot run, and no name leads anywhere.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::line::Line;
use crate::photos::{TUS, patch, picture};
use crate::raw::{Answer, RawPhone, new_photo_id};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::PhotoId;
use blindspot_core::id::Sha256;
use blindspot_server::service::limits::{LimitConfig, Rate, Rates};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Begins an upload of a kind, or is refused.
pub(crate) fn create_kind(phone: &RawPhone, photo: PhotoId, kind: &str, bytes: &[u8]) -> Answer {
    let b64 = |text: &str| STANDARD.encode(text);
    let meta = format!(
        "photo_id {},form {},sha256 {},kind {},filetype {},filename {}",
        b64(&photo.to_string()),
        b64("original"),
        b64(&Sha256::of(bytes).to_hex()),
        b64(kind),
        b64("image/jpeg"),
        b64("../../evil.html")
    );
    let length = bytes.len().to_string();
    let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
    phone.send("POST", "/v1/photos", &headers, b"")
}

/// Names a photo of a kind on a case and uploads its bytes; gives the last answer.
pub(crate) fn deliver(
    phone: &mut RawPhone,
    case: blindspot_core::CaseId,
    kind: &str,
    bytes: &[u8],
) -> (PhotoId, Answer) {
    let photo = new_photo_id();
    let form = json!({"sha256": Sha256::of(bytes).to_hex(), "bytes": bytes.len()});
    let payload = json!({"photo_id": photo, "media": kind, "forms": {"original": form}});
    let op = phone.op("photo", Some(case), &payload);
    phone.push(&[op]);
    let made = create_kind(phone, photo, kind, bytes);
    if made.status != 201 {
        return (photo, made);
    }
    let at = made.header("location").expect("a location").to_owned();
    (photo, patch(phone, &at, 0, bytes))
}

/// A file, and the type it truly has: as a photo, a voice note, a document.
struct Bad {
    name: String,
    bytes: Vec<u8>,
    photo: Option<&'static str>,
    voice: Option<&'static str>,
    document: Option<&'static str>,
}

const HTML: &[u8] = b"<!doctype html><script>alert(document.domain)</script>";
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj";
const WEBM: &[u8] =
    b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01\x42\xF2\x81\x04\x42\xF3\x81\x08\x42\x82\x84webm";
const MP4: &[u8] = b"\0\0\0\x1CftypM4A \0\0\x02\0M4A isomiso2";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR\0\0\xEA\x60\0\0\xEA\x60\x08\x02\0\0\0";
const WEBP: &[u8] = b"RIFF\x1A\0\0\0WEBPVP8L\x0D\0\0\0\x2F\xFF\xFF\xFF\x0F\0";
const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";

/// Types that are never taken, and things that are no files at all.
const NOTHING: &[(&str, &[u8])] = &[
    ("HTML", HTML),
    ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("XML", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"),
    ("GIF", b"GIF89a\x01\0\x01\0\x80\0\0"),
    ("BMP", b"BM\x3A\0\0\0\0\0\0\0"),
    ("TIFF", b"II*\0\x08\0\0\0"),
    ("AVIF", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"),
    ("ZIP", ZIP),
    ("ELF", b"\x7FELF\x02\x01\x01\0"),
    ("EXE", b"MZ\x90\0\x03\0\0\0"),
    ("shell", b"#!/bin/sh\nrm -rf /\n"),
    ("Matroska", b"\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\x82\x88matroska"),
    ("WAV", b"RIFF\x10\0\0\0WAVEfmt "),
    ("one byte", b"x"),
    ("JPEG without its third byte", b"\xFF\xD8\x00\xFF"),
    ("UTF-16", b"\xFF\xFE<\0h\0t\0m\0l\0>\0"),
];

fn picture_of(name: impl Into<String>, bytes: impl Into<Vec<u8>>, media_type: &'static str) -> Bad {
    Bad { name: name.into(), bytes: bytes.into(), photo: Some(media_type), voice: None, document: None }
}

fn nothing(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Bad {
    Bad { name: name.into(), bytes: bytes.into(), photo: None, voice: None, document: None }
}

fn corpus() -> Vec<Bad> {
    let jpeg = picture(3);
    let mut all: Vec<Bad> = NOTHING.iter().map(|(name, bytes)| nothing(*name, *bytes)).collect();
    // Cut anywhere, a JPEG is still a JPEG and nothing else.
    for cut in [3, 4, 20, 64, 200, 1_000, jpeg.len() / 2, jpeg.len() - 1] {
        all.push(picture_of(format!("JPEG cut at {cut}"), &jpeg[..cut], "image/jpeg"));
    }
    for (name, other) in [("HTML", HTML), ("ZIP", ZIP), ("PDF", PDF), ("webm", WEBM), ("NUL", &[0; 4096])] {
        all.push(picture_of(format!("JPEG then {name}"), [&jpeg, other].concat(), "image/jpeg"));
        all.push(picture_of(format!("PNG head then {name}"), [PNG, other].concat(), "image/png"));
        all.push(nothing(format!("space, {name}, JPEG"), [b" ", other, &jpeg].concat()));
        let voice = (name == "webm").then_some("audio/webm");
        let document = (name == "PDF").then_some("application/pdf");
        let before = nothing(format!("{name} then JPEG"), [other, &jpeg].concat());
        all.push(Bad { voice, document, ..before });
    }
    all.extend(hostile_pictures(&jpeg));
    all.push(Bad { document: Some("application/pdf"), ..nothing("PDF", PDF) });
    all.push(Bad { voice: Some("audio/webm"), ..nothing("webm", WEBM) });
    all.push(Bad { voice: Some("audio/mp4"), ..nothing("mp4", MP4) });
    all
}

/// Pictures that mean harm to whoever decodes them.
fn hostile_pictures(jpeg: &[u8]) -> Vec<Bad> {
    let mut bomb = jpeg.to_vec();
    if let Some(at) = bomb.windows(2).position(|w| w == [0xFF, 0xC0] || w == [0xFF, 0xC2]) {
        bomb[at + 5..at + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
    }
    // A loop of EXIF pointers.
    let mut exif = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 40];
    exif.extend(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0");
    exif.extend(&jpeg[2..]);
    let mut all = vec![
        picture_of("JPEG of 60,000 by 60,000", bomb, "image/jpeg"),
        picture_of("PNG of 60,000 by 60,000", PNG, "image/png"),
        picture_of("WebP of 16,384 by 16,384", WEBP, "image/webp"),
        picture_of("HEIC", HEIC, "image/heic"),
        picture_of("JPEG with an EXIF loop", exif, "image/jpeg"),
    ];
    let mut seed = 20_261_124_u64;
    for n in 1..=40 {
        let mut bytes = jpeg.to_vec();
        for _ in 0..n {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(seed >> 33).expect("small") % (bytes.len() - 4) + 4;
            bytes[at] = (seed >> 20) as u8;
        }
        all.push(picture_of(format!("JPEG with {n} wrong bytes"), bytes, "image/jpeg"));
    }
    all
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn shown_platform_files() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let (mut stored, mut refused) = (0, 0);
    for bad in corpus() {
        for (kind, truth) in [("photo", bad.photo), ("voice", bad.voice), ("document", bad.document)] {
            let (photo, answer) = deliver(&mut phone, case, kind, &bad.bytes);
            let what = format!("{} as {kind}", bad.name);
            match truth {
                Some(media_type) => {
                    assert_eq!(answer.status, 204, "{what}: {}", answer.json());
                    stored += 1;
                    served(&phone, photo, media_type, &bad.bytes, &what);
                }
                None => {
                    answer.problem("unsupported_media_type");
                    refused += 1;
                    phone.get(&format!("/v1/photos/{photo}/original")).problem("not_found");
                }
            }
        }
    }
    println!(
        "{stored} stored under their true type, {refused} refused, {} panics",
        PANICS.load(Ordering::SeqCst)
    );
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    crate::sync::report(&mut phone);
}

/// What is handed out says what it is and cannot run.
fn served(phone: &RawPhone, photo: PhotoId, media_type: &str, bytes: &[u8], what: &str) {
    let got = phone.get(&format!("/v1/photos/{photo}/original"));
    assert_eq!((got.status, got.header("content-type")), (200, Some(media_type)), "{what}");
    assert!(got.body == bytes, "{what}: the very bytes");
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(got.header("content-security-policy"), Some("default-src 'none'; sandbox"), "{what}");
    assert_eq!(got.header("cross-origin-resource-policy"), Some("same-origin"), "{what}");
    assert!(got.header("cache-control").is_some_and(|c| c.contains("private")), "{what}");
    let how = if media_type.starts_with("image/") { "inline" } else { "attachment" };
    let disposition = format!("{how}; filename=\"{photo}-original\"");
    assert_eq!(got.header("content-disposition"), Some(disposition.as_str()), "{what}: a name of our own");
}

/// Pieces of paths that mean harm; each is tried behind each.
const PARTS: &[&str] = &[
    "..",
    "../",
    "....//",
    "..\\",
    "/",
    "//",
    "\\\\server\\share",
    "C:",
    "CON",
    "NUL",
    "aux.txt",
    "\0",
    "%00",
    "~",
    "~root",
    "*",
    "?",
    "|",
    "'",
    "\"",
    "<x>",
    ";",
    "$(id)",
    "`id`",
    "網格",
    "\u{202e}gpj",
    "\u{feff}",
    "e\u{301}",
    "%",
    "%2",
    "%zz",
    "secret.key",
    "blindspot.db",
    "etc/passwd",
    "proc/self/environ",
    "file:///etc/passwd",
    "http://x/",
    "-",
    ".",
    "...",
];
const ID: &str = "0199d7a0-0000-7000-8000-0000000000f1";

fn encoded(text: &str, twice: bool) -> String {
    let letter = |b: u8| {
        if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    let once: String = text.bytes().map(letter).collect();
    if twice { once.replace('%', "%25") } else { once }
}

#[test]
fn five_thousand_path_strings_lead_nowhere() {
    let many = Rate { per_minute: 6_000_000, burst: 100_000 };
    let rates = Rates { read: many, upload: many, ..Rates::default() };
    let house =
        TestHouse::start_with(LimitConfig { rates, reserve_bytes: Some(0), ..LimitConfig::default() });
    let phone = house.phone("a", WORKER_ROLE, "city");
    let mut line = Line::to(house.addr());
    let mut statuses = BTreeMap::<u16, usize>::new();
    let mut count = 0;
    for (one, two) in PARTS.iter().flat_map(|one| PARTS.iter().map(move |two| (one, two))) {
        let text = encoded(&format!("{one}{two}"), count % 3 == 2);
        for path in [
            format!("/v1/photos/{text}/working"),
            format!("/v1/photos/{ID}/{text}"),
            format!("/v1/reference/{text}"),
            format!("/v1/cases/{text}"),
        ] {
            let method = if count % 7 == 0 { "HEAD" } else { "GET" };
            line.begin(method, &path, &format!("authorization: Bearer {}\r\n", phone.access));
            let status = line.answer(method);
            assert!(matches!(status, 400 | 404 | 405), "{method} {path}: {status}");
            *statuses.entry(status).or_default() += 1;
            count += 1;
        }
    }
    println!("{count} path strings: {statuses:?}");
    assert!(count >= 5_000);
    names_in_metadata(&phone);
    let beside = std::fs::read_dir(house.data().parent().expect("a parent")).expect("a folder");
    let names: Vec<String> =
        beside.filter_map(|e| e.ok().map(|e| e.file_name().to_string_lossy().into_owned())).collect();
    assert!(!names.iter().any(|n| n.contains("evil")), "{names:?}");
}

/// Names in an upload's metadata are never used for anything.
fn names_in_metadata(phone: &RawPhone) {
    let bytes = picture(2);
    let b64 = |text: &str| STANDARD.encode(text);
    let (sha, length) = (Sha256::of(&bytes).to_hex(), bytes.len().to_string());
    for part in PARTS {
        for (photo, form) in [(*part, "working"), (ID, *part)] {
            let meta = format!(
                "photo_id {},form {},sha256 {},filename {}",
                b64(photo),
                b64(form),
                b64(&sha),
                b64(part)
            );
            let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
            phone.send("POST", "/v1/photos", &headers, b"").problem("bad_request");
        }
    }
}
