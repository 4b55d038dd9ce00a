//! Wrong input of every sort is answered by a problem document, and nothing is lost by it.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::line::Line;
use crate::raw::{RawPhone, new_case_id, send};
use serde_json::json;

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn shown_main_wrong() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let base = phone.base.clone();
    without_credential(&base);
    on_push_and_pull(&phone);
    on_paths(&phone);
    on_photos(&phone);
    // After all that, honest work goes through.
    crate::sync::report(&mut phone);
}

fn without_credential(base: &str) {
    send("GET", &format!("{base}/v1/me"), &[], b"").problem("sign_in");
    send("POST", &format!("{base}/v1/sync/push"), &[JSON], b"{}").problem("sign_in");
    let forged = [("authorization", "Bearer eyJhbGciOiJub25lIn0.e30."), JSON];
    send("POST", &format!("{base}/v1/sync/pull"), &forged, b"{}").problem("token_invalid");
    send("GET", &format!("{base}/no/such/page"), &[], b"").problem("not_found");
    send("DELETE", &format!("{base}/v1/sync/push"), &[], b"").problem("method_not_allowed");
    send("POST", &format!("{base}/v1/devices/enrol"), &[JSON], b"{\"code\":").problem("bad_json");
    let enrol =
        json!({"code": "AAAA-BBBB", "key_alg": "EdDSA", "public_key": "AA", "proof": "AA"}).to_string();
    let answer = send("POST", &format!("{base}/v1/devices/enrol"), &[JSON], enrol.as_bytes());
    assert!(matches!(answer.json()["code"].as_str(), Some("bad_code" | "bad_key")), "{}", answer.json());
    let login = json!({"login": "nobody", "password": "x"}).to_string();
    send("POST", &format!("{base}/v1/sessions"), &[JSON], login.as_bytes()).problem("wrong_password");
}

fn on_push_and_pull(phone: &RawPhone) {
    let push = |headers: &[(&str, &str)], body: &[u8]| phone.send("POST", "/v1/sync/push", headers, body);
    push(&[JSON], b"not json").problem("bad_json");
    push(&[JSON], b"{\"ops\": [\"a\"").problem("bad_json");
    push(&[JSON], b"\xff\xfe\x00").problem("bad_json");
    push(&[JSON], b"{\"ops\": 7}").problem("bad_request");
    push(&[("content-type", "text/plain")], b"{}").problem("unsupported_media_type");
    push(&[JSON, ("content-encoding", "gzip")], b"no gzip at all").problem("bad_encoding");
    push(&[JSON, ("content-encoding", "br")], b"{}").problem("bad_encoding");
    push(&[JSON], &vec![b' '; 3 << 20]).problem("body_too_large");
    // A small body that unpacks to far more than the limit.
    let bomb = zstd_of(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    push(&[JSON, ("content-encoding", "zstd")], &bomb).problem("body_too_large");
    let many = json!({"ops": vec!["x"; 501]}).to_string();
    push(&[JSON], many.as_bytes()).problem("too_many_ops");
    phone.post("/v1/sync/pull", &json!({"cursor": "made up", "schema": 1})).problem("bad_cursor");
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("zstd")
}

fn on_paths(phone: &RawPhone) {
    phone.get("/v1/cases/not-a-uuid").problem("not_found");
    phone.get(&format!("/v1/cases/{}", new_case_id())).problem("not_found");
    phone.get("/v1/cases?limit=many").problem("bad_request");
    phone.get("/v1/cases?cursor=made-up").problem("bad_cursor");
    phone.get("/v1/people").problem("no_rights");
    phone.get(&format!("/v1/photos/{}/working", new_case_id())).problem("not_found");
    phone.get("/v1/photos/%00/working").problem("not_found");
}

fn on_photos(phone: &RawPhone) {
    let tus = ("tus-resumable", "1.0.0");
    let create = |headers: &[(&str, &str)]| phone.send("POST", "/v1/photos", headers, b"");
    create(&[("upload-length", "5")]).problem("tus_version");
    create(&[tus]).problem("bad_request");
    create(&[tus, ("upload-length", "-1")]).problem("bad_request");
    create(&[tus, ("upload-length", "5")]).problem("bad_request");
    create(&[tus, ("upload-length", "5"), ("upload-metadata", "photo_id !!!")]).problem("bad_request");
    create(&[tus, ("upload-length", "99999999"), ("upload-metadata", &crate::photos::metadata(b"x"))])
        .problem("upload_too_large");
    let patch = [tus, ("upload-offset", "0"), ("content-type", "application/offset+octet-stream")];
    phone.send("PATCH", "/v1/photos/00000000-0000-0000-0000-000000000000", &patch, b"x").problem("not_found");
    let location = crate::photos::create(phone, b"hello");
    phone
        .send("PATCH", &location, &[tus, ("upload-offset", "3"), patch[2]], b"lo")
        .problem("offset_conflict");
    phone
        .send("PATCH", &location, &[tus, ("upload-offset", "0"), ("content-type", "text/plain")], b"he")
        .problem("unsupported_media_type");
    let wrong_sum = [patch[0], patch[1], patch[2], ("upload-checksum", "sha256 AAAA")];
    phone.send("PATCH", &location, &wrong_sum, b"he").problem("checksum_mismatch");
    let head = phone.send("HEAD", &location, &[tus], b"");
    assert_eq!(head.header("upload-offset"), Some("0"), "a damaged chunk does not count");
}

#[test]
fn who_sends_a_body_that_nobody_reads_gets_the_answer_and_keeps_the_connection() {
    let house = TestHouse::start();
    let mut line = Line::to(house.addr());
    for (method, path, length, status) in
        [("GET", "/livez", 4, 200), ("POST", "/v1/sync/push", 900_000, 401), ("GET", "/livez", 0, 200)]
    {
        line.begin(method, path, &format!("content-length: {length}\r\n"));
        // On a slow line the body comes when the answer is already there.
        assert_eq!(line.answer(method), status, "{method} {path}");
        line.rest(&vec![b' '; length]);
    }
}
