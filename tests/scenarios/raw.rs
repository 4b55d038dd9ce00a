//! A phone made of nothing but HTTP: what a stranger's implementation would send.
//!
//! Must not use the client crate: the contract is tried by a second hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::wire::account::{enrol_proof_text, refresh_proof_text};
use blindspot_core::{CaseId, DeviceId, OpId, PhotoId};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Ten bytes no other call in this run gets.
pub(crate) fn unique() -> [u8; 10] {
    let mut bytes = [7; 10];
    bytes[2..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

pub(crate) fn new_op_id() -> OpId {
    OpId::from_parts(1_700_000_000_000, unique())
}
pub(crate) fn new_case_id() -> CaseId {
    CaseId::from_parts(1_700_000_000_000, unique())
}
pub(crate) fn new_photo_id() -> PhotoId {
    PhotoId::from_parts(1_700_000_000_000, unique())
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
    /// Asserts 2xx and gives the JSON.
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }
    /// Asserts a problem document with this code.
    pub(crate) fn problem(&self, code: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {text}", self.status);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{text}");
        assert_eq!(problem["status"], self.status, "{text}");
        for field in ["type", "title", "title_en", "next", "next_en", "request_id"] {
            assert!(problem[field].as_str().is_some_and(|t| !t.is_empty()), "no {field}: {text}");
        }
        assert_eq!(self.header("blindspot-protocol"), Some("1"));
        problem
    }
}

/// Sends one request; every status is an answer.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body.to_vec()).expect("a request")).expect("an answer");
    let headers = response
        .headers()
        .iter()
        .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().expect("a body");
    Answer { status, headers, body }
}

/// One enrolment of one person.
#[derive(Clone)]
pub(crate) struct RawPhone {
    pub(crate) base: String,
    pub(crate) key: SigningKey,
    pub(crate) device: DeviceId,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) seq: u64,
}

impl RawPhone {
    pub(crate) fn enrol(base: &str, code: &str) -> Self {
        let mut seed = [0u8; 32];
        seed[..10].copy_from_slice(&unique());
        let key = SigningKey::from_bytes(&seed);
        let public = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        let proof = URL_SAFE_NO_PAD.encode(key.sign(enrol_proof_text(code, &public).as_bytes()).to_bytes());
        let body = json!({"code": code, "key_alg": "EdDSA", "public_key": public, "label": "raw", "app": "tests", "proof": proof});
        let reply = send_json("POST", &format!("{base}/v1/devices/enrol"), &[], &body).ok();
        Self {
            base: base.to_owned(),
            key,
            device: serde_json::from_value(reply["device_id"].clone()).expect("a device id"),
            access: reply["tokens"]["access"].as_str().expect("a token").to_owned(),
            refresh: reply["tokens"]["refresh"].as_str().expect("a token").to_owned(),
            seq: 0,
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.access);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        send(method, &format!("{}{path}", self.base), &all, body)
    }
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// The body of an op, as this phone captures it.
    pub(crate) fn op(&mut self, kind: &str, case: Option<CaseId>, payload: &Value) -> String {
        self.seq += 1;
        self.op_as(new_op_id(), kind, case, payload, &[])
    }
    pub(crate) fn op_as(
        &self,
        id: OpId,
        kind: &str,
        case: Option<CaseId>,
        payload: &Value,
        after: &[OpId],
    ) -> String {
        let mut op = json!({"op_id": id, "device_id": self.device, "device_seq": self.seq, "kind": kind, "schema": 1,
            "depends_on": after, "payload": payload,
            "captured": {"wall_ms": 1_700_000_000_000_i64, "mono_ms": 20, "boot_id": "b"}});
        if let Some(case) = case {
            op["case_id"] = json!(case);
        }
        op.to_string()
    }
    pub(crate) fn push_answer(&self, ops: &[String]) -> Answer {
        self.post(
            "/v1/sync/push",
            &json!({"sent": {"wall_ms": 1_700_000_000_000_i64, "mono_ms": 20, "boot_id": "b"}, "next_seq": self.seq + 1, "ops": ops}),
        )
    }
    pub(crate) fn push(&self, ops: &[String]) -> Value {
        self.push_answer(ops).ok()
    }
    pub(crate) fn pull(&self, cursor: Option<&str>) -> Value {
        self.post("/v1/sync/pull", &json!({"cursor": cursor, "schema": 1})).ok()
    }
    /// Pulls to the next checkpoint: all pages, and the cursor after them.
    pub(crate) fn pull_all(&self, cursor: Option<&str>) -> (Vec<Value>, String) {
        let mut pages = vec![];
        let mut cursor = cursor.map(str::to_owned);
        loop {
            let page = self.pull(cursor.as_deref());
            cursor = page["cursor"].as_str().map(str::to_owned);
            let done = !page["checkpoint"].is_null();
            pages.push(page);
            if done {
                return (pages, cursor.expect("a cursor"));
            }
        }
    }
    pub(crate) fn refresh_request(&self, token: &str) -> Value {
        let nonce = URL_SAFE_NO_PAD.encode([unique(), unique()].concat());
        let text = refresh_proof_text(self.device, token, &nonce);
        let proof = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).to_bytes());
        json!({"device_id": self.device, "refresh": token, "nonce": nonce, "proof": proof})
    }
}

pub(crate) fn send_json(method: &str, url: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    send(method, url, &all, body.to_string().as_bytes())
}
