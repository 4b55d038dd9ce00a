//! Tests of the replica against small fakes: a folder in memory that can fail, a server of a few lines.

mod advice;
mod auth;
mod capture;
mod erased;
mod handed;
mod native;
mod photos;
mod pull;
mod push;
mod recover;
mod recover_wal;

use crate::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::OpId;
use blindspot_core::command::Report;
use blindspot_core::feed::Feed;
use blindspot_core::id::Sha256;
use blindspot_core::row::{Digest, Rev, RowKey, entry_hash};
use blindspot_core::testing::{device, person};
use blindspot_core::verdict::Verdict;
use blindspot_core::wire::account::{EnrolReply, EnrolRequest, Tokens, enrolled_text};
use blindspot_core::wire::v1::*;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(super) const T0: i64 = 1_770_000_000_000;

#[derive(Default)]
pub(super) struct Disk {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Writes that succeed before one fails; nothing means all.
    pub(super) writes_left: Option<usize>,
    /// Bytes that fit; nothing means any number.
    pub(super) room: Option<usize>,
    /// Nothing can be removed.
    pub(super) stuck: bool,
}

#[derive(Clone, Default)]
pub(super) struct MemFiles(pub(super) Arc<Mutex<Disk>>);

impl PhotoFiles for MemFiles {
    fn write_durable(&self, name: &str, bytes: &[u8]) -> Result<(), FileProblem> {
        let mut disk = self.0.lock().unwrap();
        if let Some(left) = &mut disk.writes_left {
            *left = left.checked_sub(1).ok_or(FileProblem::Full)?;
        }
        let used: usize = disk.files.values().map(Vec::len).sum();
        if disk.room.is_some_and(|room| used + bytes.len() > room) {
            return Err(FileProblem::Full);
        }
        disk.files.insert(name.into(), bytes.into());
        Ok(())
    }
    fn read(&self, name: &str) -> Result<Vec<u8>, FileProblem> {
        let disk = self.0.lock().unwrap();
        disk.files.get(name).cloned().ok_or_else(|| FileProblem::Missing(name.into()))
    }
    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileProblem> {
        let all = self.read(name)?;
        let from = usize::try_from(offset).unwrap().min(all.len());
        Ok(all[from..all.len().min(from + len)].to_vec())
    }
    fn len(&self, name: &str) -> Result<Option<u64>, FileProblem> {
        Ok(self.0.lock().unwrap().files.get(name).map(|f| f.len() as u64))
    }
    fn remove(&self, name: &str) -> Result<(), FileProblem> {
        let mut disk = self.0.lock().unwrap();
        if disk.stuck {
            return Err(FileProblem::Io("stuck".into()));
        }
        disk.files.remove(name);
        Ok(())
    }
    fn free_bytes(&self) -> Option<u64> {
        let disk = self.0.lock().unwrap();
        let used: usize = disk.files.values().map(Vec::len).sum();
        disk.room.map(|room| room.saturating_sub(used) as u64)
    }
}

#[derive(Clone, Default)]
pub(super) struct MemKeys(Arc<Mutex<BTreeMap<String, [u8; 32]>>>);

impl KeyStore for MemKeys {
    fn load(&self, slot: &str) -> Result<Option<[u8; 32]>, FileProblem> {
        Ok(self.0.lock().unwrap().get(slot).copied())
    }
    fn save(&self, slot: &str, secret: &[u8; 32]) -> Result<(), FileProblem> {
        self.0.lock().unwrap().insert(slot.into(), *secret);
        Ok(())
    }
}

/// Xorshift: the same bytes every run.
pub(super) struct Seeded(pub(super) u64);
impl Random for Seeded {
    fn fill(&mut self, buf: &mut [u8]) {
        for byte in buf {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = (self.0 >> 24) as u8;
        }
    }
}

/// A phone that can be switched off: the replica is dropped, what is durable stays.
pub(super) struct Rig {
    dir: tempfile::TempDir,
    pub(super) files: MemFiles,
    keys: MemKeys,
    pub(super) rnd: Seeded,
    pub(super) now: Now,
}

impl Rig {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (files, keys) = (MemFiles::default(), MemKeys::default());
        let now = Now { wall_ms: T0, mono_ms: Some(1_000), boot_id: Some("b".into()) };
        Self { dir, files, keys, rnd: Seeded(42), now }
    }
    pub(super) fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }
    pub(super) fn open(&self) -> Replica {
        let db = rusqlite::Connection::open(self.dir.path().join("replica.db")).unwrap();
        Replica::open(db, Box::new(self.files.clone()), Box::new(self.keys.clone())).unwrap()
    }
    /// Enrolled as device and person `n`.
    pub(super) fn enrolled(&mut self, n: u64) -> Replica {
        let mut replica = self.open();
        self.enrol(&mut replica, n, n).unwrap();
        replica
    }
    pub(super) fn enrol_locked(&mut self, r: &mut Locked, dev: u64, who: u64) -> Result<(), ClientError> {
        let request =
            r.enrol_request("https://city.example/", "code", None, "label", &self.now, &mut self.rnd)?;
        r.handle_enrol_response(&enrol_reply(&request, dev, who), &self.now).map(drop)
    }

    pub(super) fn enrol(&mut self, r: &mut Replica, dev: u64, who: u64) -> Result<Enrolled, ClientError> {
        let print = Sha256::of(server_key().verifying_key().as_bytes()).to_hex();
        let request = r.enrol_request(
            "https://city.example/",
            "code",
            Some(&print),
            "phone",
            &self.now,
            &mut self.rnd,
        )?;
        r.handle_enrol_response(&enrol_reply(&request, dev, who), &self.now)
    }
    /// The public half of the key in use.
    pub(super) fn device_key(&self, r: &Replica) -> ed25519_dalek::VerifyingKey {
        let slot = r.identity().unwrap().unwrap().key_slot;
        SigningKey::from_bytes(&self.keys.load(&slot).unwrap().unwrap()).verifying_key()
    }
    pub(super) fn later(&mut self, ms: i64) {
        self.now.wall_ms += ms;
        self.now.mono_ms = self.now.mono_ms.map(|m| m + ms);
    }
    pub(super) fn report(&mut self, r: &mut Replica, photos: Vec<RawPhoto>) -> Saved {
        let draft = ReportDraft { photos, ..ReportDraft::default() };
        r.capture_report(draft, &self.now, &mut self.rnd).unwrap()
    }
    pub(super) fn seal_all(&mut self, r: &mut Replica) -> Vec<SealStep> {
        let mut steps = Vec::new();
        loop {
            match r.seal_next(&self.now, &mut self.rnd).unwrap() {
                SealStep::Nothing => return steps,
                step => steps.push(step),
            }
            assert!(steps.len() < 100, "{steps:?}");
        }
    }
    pub(super) fn poll(&mut self, r: &mut Replica) -> Option<HttpRequest> {
        r.poll_request(&self.now, &mut self.rnd).unwrap()
    }
    /// The next request of a lane; others fail on the way.
    pub(super) fn poll_lane(&mut self, r: &mut Replica, lane: Lane) -> HttpRequest {
        for _ in 0..50 {
            match self.poll(r) {
                Some(request) if request.lane == lane => return request,
                Some(other) => r.handle_failure(other.id, &self.now, &mut self.rnd).unwrap(),
                None => self.later(400_000),
            }
        }
        panic!("no request on {lane:?}");
    }
    pub(super) fn answer(&mut self, r: &mut Replica, request: &HttpRequest, response: &HttpResponse) {
        r.handle_response(request.id, response, &self.now, &mut self.rnd).unwrap();
    }
}

pub(super) fn server_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(super) fn ours(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> HttpResponse {
    let mut headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    headers.push(("Blindspot-Protocol".into(), "1".into()));
    HttpResponse { status, headers, body: body.into() }
}

pub(super) fn json<T: serde::Serialize>(body: &T) -> HttpResponse {
    ours(200, &[], serde_json::to_vec(body).unwrap())
}

pub(super) fn refusal(status: u16, code: &str) -> HttpResponse {
    ours(status, &[], format!(r#"{{"code":"{code}"}}"#))
}

pub(super) fn portal() -> HttpResponse {
    HttpResponse { status: 200, headers: vec![], body: b"<html>sign in</html>".to_vec() }
}

pub(super) fn tokens(n: u32) -> Tokens {
    Tokens { access: format!("a{n}"), access_until_ms: T0 + 900_000_000, refresh: format!("r{n}") }
}

pub(super) fn enrol_reply(request: &HttpRequest, dev: u64, who: u64) -> HttpResponse {
    let asked: EnrolRequest = serde_json::from_slice(&request.body).unwrap();
    let text = enrolled_text(device(dev), person(who), &asked.public_key);
    json(&EnrolReply {
        device_id: device(dev),
        person_id: person(who),
        person_name: "王芳".into(),
        city_id: "yiwu".to_owned().as_str().into(),
        city_name: "义乌".into(),
        tag_prefix: 37,
        server_ms: T0 + 5_000,
        tokens: tokens(1),
        identity_key: URL_SAFE_NO_PAD.encode(server_key().verifying_key().as_bytes()),
        signature: URL_SAFE_NO_PAD.encode(server_key().sign(text.as_bytes()).to_bytes()),
        grants: vec![],
    })
}

pub(super) fn common() -> Common {
    Common { server_ms: T0 + 5_000, epoch: 100, safe_through: None, receipt: "rc".into() }
}

pub(super) fn pushed(request: &HttpRequest) -> PushRequest {
    serde_json::from_slice(&request.body).unwrap()
}

/// A push reply that gives each op the same verdict.
pub(super) fn verdicts(count: usize, verdict: &Verdict) -> HttpResponse {
    let entry = VerdictEntry {
        op_id: None,
        verdict: verdict.clone(),
        seen_before: false,
        cases: vec![],
        erased: None,
    };
    let verdicts = vec![entry; count];
    json(&PushReply { common: common(), received_through: count as u64, verdicts })
}

pub(super) struct WireLine(pub(super) RowKey, pub(super) Rev, pub(super) String);

/// A page that puts rows into one feed, from zero, and closes the checkpoint with a right digest.
pub(super) fn page(feed: &Feed, lines: &[WireLine], from_zero: bool) -> PullReply {
    let mut digest = Digest::default();
    for WireLine(key, rev, body) in lines {
        digest.add(entry_hash(key, *rev, &Sha256::of(body.as_bytes())));
    }
    PullReply {
        common: common(),
        cursor: "c1".into(),
        feeds_added: vec![],
        feeds_removed: vec![],
        rows: lines
            .iter()
            .map(|WireLine(key, rev, body)| WireRow {
                key: key.clone(),
                rev: *rev,
                body: RawValue::from_string(body.clone()).unwrap(),
            })
            .collect(),
        changes: vec![FeedChange {
            feed: feed.clone(),
            from_zero,
            entered: (0..u32::try_from(lines.len()).unwrap()).collect(),
            left: vec![],
        }],
        checkpoint: Some(Checkpoint {
            heads: vec![FeedHead {
                feed: feed.clone(),
                seq: 9,
                count: digest.count,
                digest: digest.sum_hex(),
            }],
        }),
    }
}

pub(super) fn jpeg(seed: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..96u32 * 64 * 3).map(|i| (i.wrapping_mul(31) >> 3) as u8 ^ seed).collect();
    let mut out = Vec::new();
    jpeg_encoder::Encoder::new(&mut out, 85).encode(&pixels, 96, 64, jpeg_encoder::ColorType::Rgb).unwrap();
    out
}

pub(super) fn photo(seed: u8) -> RawPhoto {
    RawPhoto { bytes: jpeg(seed), ..RawPhoto::default() }
}

pub(super) fn events(r: &mut Replica) -> Vec<ClientEvent> {
    std::iter::from_fn(|| r.poll_event()).collect()
}
