//! A phone made of HTTP alone: enrolment, the ops it captures, the requests it sends.

use crate::Failed;
use crate::ground::{Recruit, now_ms};
use crate::wire::{Connection, Prepared};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::geo::Point;
use blindspot_core::wire::account::{EnrolReply, EnrolRequest, KeyAlg, enrol_proof_text};
use blindspot_core::wire::v1::{PullRequest, PushRequest};
use blindspot_core::{CaseId, DeviceId, OpId, PhotoId, clock::Sent};
use ed25519_dalek::{Signer as _, SigningKey};
use hyper::{HeaderMap, Method, header};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// See the module text.
pub(crate) struct Phone {
    device: DeviceId,
    access: String,
    at: Point,
    seq: u64,
    dice: ChaCha8Rng,
}

impl Phone {
    /// Enrols with a code.
    pub(crate) async fn enrol(
        connection: &mut Connection,
        recruit: &Recruit,
        seed: u64,
        n: usize,
    ) -> Result<Self, Failed> {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(1_000 + n as u64);
        let mut secret = [0; 32];
        dice.fill_bytes(&mut secret);
        let key = SigningKey::from_bytes(&secret);
        let public_key = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let proof = key.sign(enrol_proof_text(&recruit.code, &public_key).as_bytes());
        let frame = EnrolRequest {
            code: recruit.code.clone(),
            key_alg: KeyAlg::EdDsa,
            public_key,
            label: format!("bench {n}"),
            app: "bench".into(),
            proof: URL_SAFE_NO_PAD.encode(proof.to_bytes()),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse()?);
        let request = Prepared {
            method: Method::POST,
            path: "/v1/devices/enrol".into(),
            headers,
            body: serde_json::to_vec(&frame)?.into(),
        };
        let reply: EnrolReply = serde_json::from_slice(&connection.send(&request).await?.good()?.body)?;
        Ok(Self { device: reply.device_id, access: reply.tokens.access, at: recruit.at, seq: 0, dice })
    }

    fn ten(&mut self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.dice.fill_bytes(&mut bytes);
        bytes
    }

    /// Headers of a request by this phone.
    pub(crate) fn headers(&self) -> Result<HeaderMap, Failed> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {}", self.access).parse()?);
        headers.insert(header::ACCEPT_ENCODING, "zstd".parse()?);
        Ok(headers)
    }

    /// A JSON request.
    pub(crate) fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<Prepared, Failed> {
        let mut headers = self.headers()?;
        headers.insert(header::CONTENT_TYPE, "application/json".parse()?);
        Ok(Prepared {
            method: Method::POST,
            path: path.into(),
            headers,
            body: serde_json::to_vec(body)?.into(),
        })
    }

    /// A report of about 600 bytes, in this phone's duty grid, with its case.
    pub(crate) fn report(&mut self) -> (String, CaseId) {
        let now = now_ms();
        let (op, case) = (OpId::from_parts(now, self.ten()), CaseId::from_parts(now, self.ten()));
        self.seq += 1;
        let jitter = |n: u64| (n % 2_000) as f64 * 1e-8;
        let (lat, lon) = (self.at.lat + jitter(self.seq), self.at.lon + jitter(self.seq / 2));
        let (device, seq) = (self.device, self.seq);
        let tag = format!("37-{:04}", seq % 10_000);
        // Written as a phone writes it, field by field; 600 bytes is what reports of the demo weigh.
        let body = format!(
            "{{\"op_id\":\"{op}\",\"device_id\":\"{device}\",\"device_seq\":{seq},\"kind\":\"report\",\
             \"case_id\":\"{case}\",\"schema\":1,\"payload\":{{\"source\":\"patrol\",\"urgent_danger\":false,\
             \"position\":{{\"lat\":{lat:.7},\"lon\":{lon:.7},\"accuracy_m\":12.5,\"datum\":\"wgs84\",\
             \"provider\":\"gps\",\"age_ms\":900}},\"landmark\":\"菜场北门第{seq}号桶边\",\
             \"category\":{{\"catalogue\":\"0.1\",\"item\":\"3.07\",\"problem\":\"3.07-a\"}},\
             \"tags\":[\"早班\"],\"local_tag\":\"{tag}\"}},\
             \"captured\":{{\"wall_ms\":{now},\"mono_ms\":20,\"boot_id\":\"b\",\"offset_ms\":-1200}}}}"
        );
        (body, case)
    }

    /// The photo op that names one upload as the original of a photo of a case.
    pub(crate) fn photo(&mut self, case: CaseId, sha256: &str, bytes: usize) -> (String, PhotoId) {
        let now = now_ms();
        let (op, photo) = (OpId::from_parts(now, self.ten()), PhotoId::from_parts(now, self.ten()));
        self.seq += 1;
        let form = serde_json::json!({"sha256": sha256, "bytes": bytes, "width": 2560, "height": 1920});
        let body = serde_json::json!({
            "op_id": op, "device_id": self.device, "device_seq": self.seq, "kind": "photo", "case_id": case,
            "schema": 1, "captured": {"wall_ms": now, "mono_ms": 20, "boot_id": "b"},
            "payload": {"photo_id": photo, "role": "wide", "media": "photo", "origin": "in_page",
                        "forms": {"original": form}, "raw_sha256": sha256},
        });
        (body.to_string(), photo)
    }

    /// A push of ops.
    pub(crate) fn push(&self, ops: Vec<String>) -> Result<Prepared, Failed> {
        let sent = Sent { wall_ms: now_ms(), mono_ms: Some(20), boot_id: Some("b".into()) };
        let frame =
            PushRequest { sent, next_seq: self.seq + 1, receipt: None, ops, ..PushRequest::default() };
        self.post("/v1/sync/push", &frame)
    }

    /// A pull from a place.
    pub(crate) fn pull(&self, cursor: Option<&str>) -> Result<Prepared, Failed> {
        let frame = PullRequest { cursor: cursor.map(str::to_owned), schema: 1, ..PullRequest::default() };
        self.post("/v1/sync/pull", &frame)
    }
}

/// Enrols everybody over one connection.
pub(crate) async fn enrol_all(
    addr: std::net::SocketAddr,
    recruits: &[Recruit],
    seed: u64,
) -> Result<Vec<Phone>, Failed> {
    let mut connection = Connection::open(addr, std::sync::Arc::default()).await?;
    let mut phones = Vec::with_capacity(recruits.len());
    for (n, recruit) in recruits.iter().enumerate() {
        phones.push(Phone::enrol(&mut connection, recruit, seed, n).await?);
    }
    Ok(phones)
}
