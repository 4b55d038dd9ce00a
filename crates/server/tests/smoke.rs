//! The server over real HTTP, once along its main road: set-up, sign-in, enrolment, push, pull, photo, stop.
#![allow(clippy::unwrap_used, missing_docs)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use blindspot_core::id::Sha256;
use blindspot_server::{ServeConfig, Server};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
    fn ok(&self) -> Value {
        assert!(self.status < 300, "{} {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().expect("text"))
    }
    fn problem(&self, code: &str) {
        let problem = self.json();
        assert_eq!(problem["code"], code, "{} {problem}", self.status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!((self.header("blindspot-protocol"), &problem["status"]), (Some("1"), &json!(self.status)));
        assert!(problem["request_id"].as_str().is_some_and(|id| Some(id) == self.header("x-request-id")));
    }
}

fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(40))).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body.to_vec()).expect("a request")).expect("an answer");
    let body = response.body_mut().read_to_vec().expect("a body");
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

fn post(url: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let all = [headers, &[("content-type", "application/json")]].concat();
    send("POST", url, &all, body.to_string().as_bytes())
}

fn administrator(base: &str, link: &str) -> String {
    let (_, token) = link.split_once("token=").expect("a token");
    let page = send("GET", link, &[], b"");
    assert!(String::from_utf8_lossy(&page.body).contains("初始设置"));
    let form = json!({"token": token, "login": "admin", "name": "管理员", "password": "correct horse"});
    post(&format!("{base}/v1/setup"), &[], &form).ok();
    post(&format!("{base}/v1/setup"), &[], &form).problem("setup_done");
    send("GET", link, &[], b"").problem("setup_done");
    let login = json!({"login": "admin", "password": "correct horse"});
    let sessions = format!("{base}/v1/sessions");
    post(&sessions, &[("origin", "http://elsewhere")], &login).problem("no_rights");
    let signed = post(&sessions, &[], &login);
    assert_eq!(signed.status, 201);
    let cookie = signed.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    cookie.split(';').next().expect("a pair").to_owned()
}

fn enrol(base: &str, cookie: &str, login: &str, role: &str) -> String {
    let desk = [("cookie", cookie)];
    let person = post(&format!("{base}/v1/people"), &desk, &json!({"login": login, "name": "张"})).ok();
    let id = person["person_id"].as_str().expect("an id");
    let grant = json!({"role": role, "area": "city", "from_ms": 0});
    post(&format!("{base}/v1/people/{id}/grants"), &desk, &grant).ok();
    let code = send("POST", &format!("{base}/v1/people/{id}/enrol-codes"), &desk, b"").ok();
    let qr: Value = serde_json::from_str(code["qr"].as_str().expect("text")).expect("JSON");
    assert_eq!((&qr["v"], &qr["server"], &qr["code"]), (&json!(1), &json!(base), &code["code"]));
    let key = SigningKey::from_bytes(&Sha256::of(login.as_bytes()).0);
    let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let text = format!("enrol\n{}\n{public}", code["code"].as_str().expect("text"));
    let proof = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes());
    let request = json!({"code": code["code"], "key_alg": "EdDSA", "public_key": public, "proof": proof});
    let reply = post(&format!("{base}/v1/devices/enrol"), &[], &request).ok();
    let identity = URL_SAFE_NO_PAD.decode(reply["identity_key"].as_str().expect("text")).expect("base64");
    assert_eq!(qr["fp"], json!(URL_SAFE_NO_PAD.encode(Sha256::of(&identity).0)));
    post(&format!("{base}/v1/devices/enrol"), &[], &request).problem("bad_code");
    let token = reply["tokens"]["access"].as_str().expect("text");
    format!("{} {token}", reply["device_id"].as_str().expect("text"))
}

fn photo(base: &str, auth: (&str, &str), bytes: &[u8], photo_id: &str) -> Answer {
    let (sha, b64) = (Sha256::of(bytes).to_hex(), |t: &str| STANDARD.encode(t));
    let meta = format!("photo_id {},form {},sha256 {}", b64(photo_id), b64("working"), b64(&sha));
    let length = bytes.len().to_string();
    let tus = ("tus-resumable", "1.0.0");
    let head = [auth, tus, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
    let made = send("POST", &format!("{base}/v1/photos"), &head, b"");
    made.ok();
    let at = format!("{base}{}", made.header("location").expect("an address"));
    let kind = ("content-type", "application/offset+octet-stream");
    send("PATCH", &at, &[auth, tus, kind, ("upload-offset", "0")], bytes)
}

#[test]
fn the_main_road_over_http() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("数据 1");
    let server = Server::start_blocking(ServeConfig::new(&data)).expect("a server");
    let base = server.base_url();
    let link = server.setup_link.clone().expect("nobody is there yet");
    assert_eq!(send("GET", &format!("{base}/readyz"), &[], b"").ok(), Value::Null);
    let cookie = administrator(&base, &link);
    let enrolled = enrol(&base, &cookie, "zhang", "supervisor");
    let (device, token) = enrolled.split_once(' ').expect("two");
    let bearer = format!("Bearer {token}");
    let auth = ("authorization", bearer.as_str());
    let (case, photo_id) = ("018bcfe5-6800-7000-8000-000000000001", "018bcfe5-6800-7000-8000-0000000000f1");

    let pull = |wait: u32, cursor: &Value| {
        post(&format!("{base}/v1/sync/pull"), &[auth], &json!({"schema": 1, "wait": wait, "cursor": cursor}))
            .ok()
    };
    let cursor = pull(0, &Value::Null)["cursor"].clone();
    let op = |n: u32, kind: &str, payload: Value| {
        json!({"op_id": format!("018bcfe5-6800-7000-8000-00000000aa0{n}"), "device_id": device, "device_seq": n,
            "kind": kind, "case_id": case, "schema": 1, "payload": payload,
            "captured": {"wall_ms": 1_700_000_000_000_i64}})
        .to_string()
    };
    let bytes = [&[0xFF, 0xD8, 0xFF, 0xE0][..], &[7; 3000]].concat();
    let form = json!({"photo_id": photo_id, "forms": {"working": {"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()}}});
    let ops = json!({"ops": [op(1, "report", json!({"description": "一处"})), op(2, "photo", form)]});
    std::thread::scope(|s| {
        let began = Instant::now();
        let waiting = s.spawn(|| pull(20, &cursor));
        std::thread::sleep(Duration::from_millis(200));
        let packed = zstd::bulk::compress(ops.to_string().as_bytes(), 3).expect("zstd");
        let head = [auth, ("content-type", "application/json"), ("content-encoding", "zstd")];
        let pushed = send("POST", &format!("{base}/v1/sync/push"), &head, &packed).ok();
        assert_eq!(pushed["verdicts"][0]["verdict"], "applied", "{pushed}");
        let page = waiting.join().expect("a page");
        assert!(page["rows"].as_array().is_some_and(|r| !r.is_empty()), "{page}");
        assert!(began.elapsed() < Duration::from_secs(15), "woken, not timed out");
    });

    let sent = photo(&base, auth, &bytes, photo_id);
    let sha = Sha256::of(&bytes).to_hex();
    assert_eq!((sent.status, sent.header("upload-verified")), (204, Some(sha.as_str())));
    let got = send("GET", &format!("{base}/v1/photos/{photo_id}/working"), &[auth], b"");
    assert!(got.body == bytes && got.header("content-type") == Some("image/jpeg"));
    let tag = got.header("etag").expect("a tag").to_owned();
    let again =
        send("GET", &format!("{base}/v1/photos/{photo_id}/working"), &[auth, ("if-none-match", &tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(send("GET", &format!("{base}/v1/cases/{case}/timeline"), &[auth], b"").status, 200);

    // A refused sender reads its answer even when it is still sending.
    let (json, huge) = (("content-type", "application/json"), vec![b' '; 3 << 20]);
    let push = format!("{base}/v1/sync/push");
    send("POST", &push, &[("authorization", "Bearer x"), json], &huge).problem("token_invalid");
    send("POST", &push, &[auth, json], &huge).problem("body_too_large");
    send("GET", &format!("{base}/v1/people"), &[auth], b"").problem("no_rights");
    send("GET", &format!("{base}/v1/me"), &[], b"").problem("sign_in");
    send("PUT", &format!("{base}/v1/me"), &[], b"").problem("method_not_allowed");
    let desk = [("cookie", cookie.as_str())];
    assert_eq!(send("GET", &format!("{base}/v1/devices"), &desk, b"").ok()["items"][0]["device_id"], device);
    assert_eq!(send("POST", &format!("{base}/v1/devices/{device}/revoke"), &desk, b"").status, 204);
    send("GET", &format!("{base}/v1/me"), &[auth], b"").problem("device_revoked");
    let log = send("GET", &format!("{base}/v1/audit"), &desk, b"").ok();
    assert_eq!(log["items"][0]["action"], "device_revoked");

    server.stop().expect("a clean stop");
    let again = Server::start_blocking(ServeConfig::new(&data)).expect("starts again");
    assert_eq!(again.setup_link, None);
    let me = send("GET", &format!("{}/v1/me", again.base_url()), &desk, b"").ok();
    assert_eq!(me["name"], "管理员", "the session outlives a restart");
}
