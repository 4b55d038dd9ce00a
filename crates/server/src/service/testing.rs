//! A house in memory with two duty grids, people and phones, for the tests of the use-cases.

use super::house::{Credential, House, Random};
use super::writer::WriteJob;
use super::{ServiceError, ingest, pull, reference, start};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::clock::{Captured, Sent};
use blindspot_core::division::{Cell, CellCode, Division, DutyGrid, GridCell, GridId, Span, TownCode};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::op::{Envelope, SealedOp};
use blindspot_core::row::{Digest, Rev, RowKey, entry_hash};
use blindspot_core::wire::v1::{DeskOp, PullReply, PullRequest, PushReply, PushRequest, VerdictEntry};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_store::accounts::PersonRecord;
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::{Store, accounts, devices};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

/// 2026-06-01 00:00 UTC.
pub(crate) const T0: i64 = 1_780_272_000_000;

/// Numbers that differ, for ids.
struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, buf: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        for (slot, byte) in buf.iter_mut().zip(n.to_be_bytes().iter().cycle()) {
            *slot = *byte;
        }
    }
}

pub(crate) fn person(n: u8) -> PersonId {
    PersonId::from_parts(1, [n; 10])
}
pub(crate) fn case(n: u32) -> CaseId {
    CaseId::from_parts(T0, id_bytes(n))
}
fn id_bytes(n: u32) -> [u8; 10] {
    let mut bytes = [7; 10];
    bytes[6..].copy_from_slice(&n.to_be_bytes());
    bytes
}
pub(crate) fn grid(n: u16) -> GridId {
    GridId(format!("33078200300{n}-01"))
}

/// A point in the n-th cell, and so in the n-th grid (1 or 2).
pub(crate) fn fix(n: u16) -> Value {
    json!({"lat": 29.305, "lon": 120.0 + 0.01 * f64::from(n) + 0.005, "accuracy_m": 5.0})
}

/// An empty city with two grids of one town.
pub(crate) fn house_on(store: Store) -> House {
    let random = Box::new(Counted(AtomicU64::new(1)));
    let house = start::open(store, CityId::from("yiwu"), "义乌", [7; 32], random, T0, None).unwrap();
    let town = Division {
        code: "330782003".into(),
        name_zh: "稠江街道".into(),
        short_zh: "稠江".into(),
        ..Division::default()
    };
    let cell = |n: u16| {
        let west = 120.0 + 0.01 * f64::from(n);
        Cell {
            code: CellCode(format!("33078200300{n}001")),
            ring: vec![[west, 29.3], [west + 0.01, 29.3], [west + 0.01, 29.31], [west, 29.31]],
            place_class: String::new(),
            span: Span::default(),
            synthetic: true,
        }
    };
    let duty = |n: u16| DutyGrid {
        id: grid(n),
        town: TownCode("330782003".into()),
        name_zh: format!("第{n}网格"),
        name_en: String::new(),
        aliases: vec![],
        cells: vec![GridCell { code: cell(n).code, span: Span::default() }],
        span: Span::default(),
        synthetic: true,
    };
    reference::import_divisions(&house, vec![town], T0).unwrap();
    reference::import_cells(&house, vec![cell(1), cell(2)], T0).unwrap();
    reference::import_grids(&house, vec![duty(1), duty(2)], T0).unwrap();
    house
}

pub(crate) fn house() -> House {
    house_on(Store::open_in_memory().unwrap())
}

pub(crate) fn grant(house: &House, who: PersonId, role: Role, area: &str) {
    let grant = Grant { role, area: Area::from_text(area), span: Span::since(1) };
    house
        .store
        .write(|tx| accounts::save_grant(tx, &house.city, grant_id(house), who, &grant, None))
        .unwrap();
}
fn grant_id(house: &House) -> [u8; 16] {
    let mut id = [1; 16];
    id[..10].copy_from_slice(&house.id_bytes());
    id
}

/// A phone, or a desk, with a number counter of its own.
pub(crate) struct Phone {
    pub(crate) credential: Credential,
    pub(crate) seq: u64,
    tag: u8,
}

impl Phone {
    /// Enrols a person's n-th device.
    pub(crate) fn enrol(house: &House, who: PersonId, n: u8) -> Self {
        let device_id = DeviceId::from_parts(2, [n; 10]);
        let key = ed25519_dalek::SigningKey::from_bytes(&[n; 32]);
        let record = PersonRecord {
            person_id: who,
            login: who.to_string(),
            name: format!("person {n}"),
            active: true,
            created_ms: 1,
        };
        let device = DeviceRecord {
            device_id,
            person_id: who,
            desk: false,
            key_alg: Some("EdDSA".into()),
            public_key: Some(key.verifying_key().as_bytes().to_vec()),
            label: String::new(),
            app: String::new(),
            tag_prefix: u32::from(n),
            enrolled_ms: i64::from(n),
            state: DeviceState::Active,
            revoked_ms: None,
            last_seen_ms: None,
            received_through: 0,
        };
        house
            .store
            .write(|tx| {
                if accounts::load_person(tx, &house.city, who)?.is_none() {
                    accounts::save_person(tx, &house.city, &record)?;
                }
                devices::save_device(tx, &house.city, &device)
            })
            .unwrap();
        Self { credential: Credential { person: who, device: device_id, desk: false }, seq: 0, tag: n }
    }

    pub(crate) fn envelope(&mut self, kind: &str, case_id: Option<CaseId>, payload: &Value) -> Envelope {
        self.seq += 1;
        let mut bytes = [self.tag; 10];
        bytes[2..].copy_from_slice(&self.seq.to_be_bytes());
        Envelope {
            op_id: OpId::from_parts(T0, bytes),
            device_id: self.credential.device,
            device_seq: self.seq,
            kind: kind.into(),
            case_id,
            schema: 1,
            round: None,
            expected_state: None,
            depends_on: vec![],
            replaces: None,
            payload: RawValue::from_string(payload.to_string()).unwrap(),
            captured: Captured {
                wall_ms: T0,
                mono_ms: Some(1_000),
                boot_id: Some("b".into()),
                ..Captured::default()
            },
        }
    }

    pub(crate) fn op(&mut self, kind: &str, case_id: Option<CaseId>, payload: &Value) -> SealedOp {
        SealedOp::seal(self.envelope(kind, case_id, payload)).unwrap()
    }

    pub(crate) fn report(&mut self, n: u32, at_grid: u16) -> SealedOp {
        self.op("report", Some(case(n)), &json!({"position": fix(at_grid), "description": "占道经营"}))
    }

    pub(crate) fn request(&self, ops: &[&SealedOp]) -> PushRequest {
        PushRequest {
            sent: Sent { wall_ms: T0, mono_ms: Some(1_000), boot_id: Some("b".into()) },
            ops: ops.iter().map(|op| op.body.to_string()).collect(),
            ..PushRequest::default()
        }
    }

    pub(crate) fn push(&self, house: &House, now_ms: i64, ops: &[&SealedOp]) -> PushReply {
        push(house, self.credential, now_ms, self.request(ops)).unwrap()
    }

    pub(crate) fn desk(
        &self,
        house: &House,
        now_ms: i64,
        on: CaseId,
        kind: &str,
        payload: &Value,
    ) -> VerdictEntry {
        let mut bytes = [200; 10];
        bytes.copy_from_slice(&house.id_bytes());
        let op = DeskOp {
            op_id: OpId::from_parts(now_ms, bytes),
            kind: kind.into(),
            payload: RawValue::from_string(payload.to_string()).unwrap(),
            expected_state: None,
            round: None,
        };
        desk(house, self.credential, now_ms, Some(on), op).unwrap()
    }
}

pub(crate) fn push(
    house: &House,
    credential: Credential,
    received_ms: i64,
    request: PushRequest,
) -> Result<PushReply, ServiceError> {
    let (send, reply) = mpsc::channel();
    let done = Box::new(move |result| send.send(result).unwrap());
    let push = ingest::ReadPush::of(request)?;
    ingest::step(house, vec![WriteJob::Push { credential, push, received_ms, done }]);
    reply.recv().unwrap()
}

pub(crate) fn desk(
    house: &House,
    credential: Credential,
    received_ms: i64,
    case_id: Option<CaseId>,
    op: DeskOp,
) -> Result<VerdictEntry, ServiceError> {
    let (send, reply) = mpsc::channel();
    let done = Box::new(move |result| send.send(result).unwrap());
    ingest::step(house, vec![WriteJob::Desk { credential, case_id, op, received_ms, done }]);
    reply.recv().unwrap()
}

/// What a phone keeps of its pulls: the reference reading of protocol 9, checkpoint by checkpoint.
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) cursor: Option<String>,
    pub(crate) rows: BTreeMap<RowKey, (Rev, String)>,
    pub(crate) feeds: BTreeMap<Feed, BTreeSet<RowKey>>,
    pub(crate) pages: usize,
}

impl Mirror {
    /// Pulls pages of `limit` until a checkpoint, running `between` after each page.
    pub(crate) fn sync(&mut self, house: &House, who: Credential, limit: u32, mut between: impl FnMut()) {
        loop {
            let request = PullRequest {
                cursor: self.cursor.clone(),
                schema: 1,
                limit: Some(limit),
                ..PullRequest::default()
            };
            let reply = pull::pull(house, who, &request, T0 + 60_000).unwrap();
            let done = reply.checkpoint.is_some();
            self.take(reply);
            if done {
                return;
            }
            between();
        }
    }

    /// Takes a page; at a checkpoint compares each digest with its own rows.
    pub(crate) fn take(&mut self, reply: PullReply) {
        self.pages += 1;
        for row in &reply.rows {
            let held = self.rows.entry(row.key.clone()).or_insert((Rev(0, 0), String::new()));
            if row.rev > held.0 {
                *held = (row.rev, row.body.get().to_owned());
            }
        }
        for feed in &reply.feeds_removed {
            self.feeds.remove(feed);
        }
        for change in reply.changes {
            let members = self.feeds.entry(change.feed).or_default();
            if change.from_zero {
                members.clear();
            }
            members.extend(change.entered.iter().map(|i| reply.rows[*i as usize].key.clone()));
            for key in change.left {
                members.remove(&key);
            }
        }
        self.rows.retain(|key, _| self.feeds.values().any(|members| members.contains(key)));
        self.cursor = Some(reply.cursor);
        for head in reply.checkpoint.iter().flat_map(|c| &c.heads) {
            let mut digest = Digest::default();
            for key in self.feeds.get(&head.feed).into_iter().flatten() {
                let (rev, body) = &self.rows[key];
                digest.add(entry_hash(key, *rev, &blindspot_core::id::Sha256::of(body.as_bytes())));
            }
            assert_eq!((digest.count, digest.sum_hex()), (head.count, head.digest.clone()), "{}", head.feed);
        }
    }
}

/// The code of a refusal; `passed` when there was none.
pub(crate) fn refusal<T>(result: Result<T, ServiceError>) -> &'static str {
    match result {
        Err(ServiceError::Refused(text, _)) => text.code,
        Err(other) => panic!("another failure: {other}"),
        Ok(_) => "passed",
    }
}
