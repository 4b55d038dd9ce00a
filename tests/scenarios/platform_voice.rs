//! Voice notes and documents (U5) from a headless phone to a download at the desk: same upload path, same digest,
//! queue and scope; never decoded, never shown in place.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::photos::media;
use crate::platform_files::{create_kind, deliver};
use crate::raw::new_photo_id;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

pub(crate) const WEBM: &[u8] =
    b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01\x42\xF2\x81\x04\x42\xF3\x81\x08\x42\x82\x84webm";

fn webm(len: usize) -> Vec<u8> {
    let mut bytes = WEBM.to_vec();
    bytes.resize(len, 0x55);
    bytes
}

fn pdf(len: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.resize(len, b'x');
    bytes
}

fn phone(home: &Path, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(crate::killed::blindspot());
    command.args(["phone", "--home"]).arg(home).arg("--json").args(words);
    command.output().expect("the phone runs")
}

fn ok(home: &Path, words: &[&str]) -> Value {
    let out = phone(home, words);
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    serde_json::from_str(text.lines().last().unwrap_or("null")).expect("JSON")
}

#[test]
fn shown_platform_voice() {
    let house = TestHouse::start();
    let worker = house.person("worker", WORKER_ROLE, "city");
    let dir = tempfile::tempdir().expect("a folder");
    let (home, file) = (dir.path().join("phone"), |name: &str| dir.path().join(name).display().to_string());
    let (voice, paper, later) = (webm(300_000), pdf(2_000_000), webm(90_000));
    std::fs::write(file("note.webm"), &voice).expect("a file");
    std::fs::write(file("minutes.pdf"), &paper).expect("a file");
    std::fs::write(file("later.webm"), &later).expect("a file");
    std::fs::write(file("long.webm"), webm(1_100_000)).expect("a file");
    std::fs::write(file("page.html"), "<script>alert(1)</script>").expect("a file");
    ok(&home, &["enrol", "--server", &house.base, "--code", &house.code_for(&worker)]);
    // What will not do is refused before it is saved.
    assert!(!phone(&home, &["report", "--voice", &file("long.webm")]).status.success());
    assert!(
        !phone(&home, &["report", "--voice", &file("note.webm"), "--voice-seconds", "61"]).status.success()
    );
    assert!(!phone(&home, &["report", "--document", &file("page.html")]).status.success());
    let words = [
        "report",
        "--voice",
        &file("note.webm"),
        "--voice-seconds",
        "42",
        "--document",
        &file("minutes.pdf"),
    ];
    let said = ok(&home, &words);
    let case = said["case_id"].as_str().expect("a case").to_owned();
    assert_eq!(said["photo_ids"].as_array().map(Vec::len), Some(2));
    ok(&home, &["attach", &case, "--voice", &file("later.webm")]);
    ok(&home, &["sync", "--for", "60", "--until-empty"]);

    let desk = house.phone("desk", "supervisor", "city");
    let pages = desk.pull_all(None).0;
    let rows: Vec<&Value> = pages.iter().flat_map(|p| p["rows"].as_array().into_iter().flatten()).collect();
    let notes: Vec<&&Value> =
        rows.iter().filter(|r| r["kind"] == "photo" && r["body"]["case_id"] == json!(case)).collect();
    assert_eq!(notes.len(), 3);
    for row in notes {
        let body = &row["body"];
        let id = body["photo_id"].as_str().expect("an id");
        assert_eq!(body["verified"], json!(["original"]), "{body}");
        let got = desk.get(&format!("/v1/photos/{id}/original"));
        let (media_type, bytes) = match body["media"].as_str() {
            Some("document") => ("application/pdf", &paper),
            Some("voice") if body["duration_ms"] == 42_000 => ("audio/webm", &voice),
            Some("voice") => ("audio/webm", &later),
            other => panic!("{other:?}"),
        };
        assert_eq!((got.status, got.header("content-type")), (200, Some(media_type)));
        assert!(got.body == *bytes, "the very bytes");
        assert!(got.header("content-disposition").is_some_and(|d| d.starts_with("attachment;")));
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(got.header("content-security-policy"), Some("default-src 'none'; sandbox"));
        desk.get(&format!("/v1/photos/{id}/working")).problem("not_found");
    }
    assert_eq!(media(&desk, case.parse().expect("an id")), json!({"n": 3, "m": 3, "k": 3}));
}

#[test]
fn each_kind_has_its_own_size_and_scope() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = crate::sync::report(&mut phone);
    let large = webm(1024 * 1024 + 1);
    create_kind(&phone, new_photo_id(), "voice", &large).problem("upload_too_large");
    create_kind(&phone, new_photo_id(), "document", &pdf(15 * 1024 * 1024 + 1)).problem("upload_too_large");
    create_kind(&phone, new_photo_id(), "video", b"x").problem("bad_request");
    let (note, answer) = deliver(&mut phone, case, "voice", &webm(1024 * 1024));
    assert_eq!(answer.status, 204);
    assert_eq!(media(&phone, case), json!({"n": 1, "m": 1, "k": 1}));
    // Somebody without the case cannot tell that the note is there.
    let stranger = house.phone("stranger", "unit_clerk", "dept:other");
    stranger.get(&format!("/v1/photos/{note}/original")).problem("not_found");
}
