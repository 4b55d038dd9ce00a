//! Builders and a tiny authority for tests of other crates. Never in a shipped binary.
//!
//! `Authority` is the reference model: dedupe, holds and `apply` in memory, with nothing clever.

use crate::access::{Area, Grant, Role};
use crate::clock::{CaptureTime, Captured, ClockClass};
use crate::command::Command;
use crate::deadline::CityCalendar;
use crate::division::{Places, Span};
use crate::duty::Precedent;
use crate::id::{CaseId, DeviceId, OpId, PersonId};
use crate::op::{Envelope, SealedOp};
use crate::verdict::Verdict;
use crate::world::{Author, Ctx, Known, World, missing_predecessors};
use crate::{apply, limits};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// An id from a small number.
#[must_use]
pub fn op_id(n: u64) -> OpId {
    OpId::from_parts(1, id_tail(n))
}
/// An id from a small number.
#[must_use]
pub fn case_id(n: u64) -> CaseId {
    CaseId::from_parts(2, id_tail(n))
}
/// An id from a small number.
#[must_use]
pub fn person(n: u64) -> PersonId {
    PersonId::from_parts(3, id_tail(n))
}
/// An id from a small number.
#[must_use]
pub fn device(n: u64) -> DeviceId {
    DeviceId::from_parts(4, id_tail(n))
}
fn id_tail(n: u64) -> [u8; 10] {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&n.to_be_bytes());
    tail
}

/// A grant of a role over an area, for ever.
#[must_use]
pub fn grant(role: Role, area: &str) -> Grant {
    Grant { role, area: Area::from_text(area), span: Span { from_ms: 0, to_ms: None } }
}

/// Seals an op of a person's device.
///
/// # Panics
/// When the command does not fit 16 KB.
#[must_use]
pub fn sealed(
    n: u64,
    author: u64,
    case: Option<CaseId>,
    command: &Command,
    depends_on: Vec<OpId>,
) -> SealedOp {
    sealed_in_round(n, author, case, command, depends_on, None)
}

/// Seals an op that names the round its author saw.
///
/// # Panics
/// When the command does not fit 16 KB.
#[must_use]
pub fn sealed_in_round(
    n: u64,
    author: u64,
    case: Option<CaseId>,
    command: &Command,
    depends_on: Vec<OpId>,
    round: Option<u32>,
) -> SealedOp {
    let payload: Box<RawValue> = command.to_payload().expect("payloads are plain JSON");
    let env = Envelope {
        op_id: op_id(n),
        device_id: device(author),
        device_seq: n,
        kind: command.kind().into(),
        case_id: case,
        schema: limits::OP_SCHEMA,
        round,
        expected_state: None,
        depends_on,
        replaces: None,
        payload,
        captured: Captured { wall_ms: 1_000, ..Captured::default() },
    };
    SealedOp::seal(env).expect("a test op fits")
}

/// The reference model of the server: order of arrival, dedupe by id, holds, `apply`.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Case files as decided.
    pub world: World,
    /// Places in force.
    pub places: Places,
    /// Grants by person.
    pub grants: BTreeMap<PersonId, Vec<Grant>>,
    /// Who a device belongs to.
    pub people: BTreeMap<DeviceId, PersonId>,
    /// What became of each op.
    pub verdicts: BTreeMap<OpId, Verdict>,
    /// Recovered capture times; others are taken from the op as exact.
    pub times: BTreeMap<OpId, CaptureTime>,
    /// When a device was enrolled; others at 0.
    pub enrolled: BTreeMap<DeviceId, i64>,
    /// The place of each op in the order of receipt, by which what was held is decided; others come first, as they came.
    pub received: BTreeMap<OpId, i64>,
    /// Rulings that like cases follow.
    pub precedents: Vec<Precedent>,
    /// The city's own calendars.
    pub calendars: Vec<CityCalendar>,
    held: Vec<SealedOp>,
    /// When each op arrived: rights are judged by that, also of an op that was held.
    arrived: BTreeMap<OpId, i64>,
    /// Server time; rises by one an op.
    pub now_ms: i64,
}

impl Authority {
    /// An empty one.
    #[must_use]
    pub fn new(places: Places) -> Self {
        Self {
            world: World::default(),
            places,
            grants: BTreeMap::new(),
            people: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            times: BTreeMap::new(),
            enrolled: BTreeMap::new(),
            received: BTreeMap::new(),
            precedents: vec![],
            calendars: vec![],
            held: vec![],
            arrived: BTreeMap::new(),
            now_ms: 10_000,
        }
    }

    /// Adds a person with one device of the same number.
    pub fn add_person(&mut self, n: u64, grants: Vec<Grant>) {
        self.people.insert(device(n), person(n));
        self.grants.insert(person(n), grants);
    }

    /// Takes an op as a push would bring it.
    pub fn receive(&mut self, op: &SealedOp) -> Verdict {
        if let Some(known) = self.verdicts.get(&op.env.op_id) {
            return known.clone();
        }
        self.now_ms += 1;
        self.arrived.insert(op.env.op_id, self.now_ms);
        self.decide(op);
        self.release();
        self.verdicts.get(&op.env.op_id).cloned().unwrap_or(Verdict::Unknown)
    }

    fn decide(&mut self, op: &SealedOp) {
        let missing = missing_predecessors(&op.env.depends_on, |id| match self.verdicts.get(&id) {
            None => Known::Absent,
            Some(v) if v.is_final() => Known::Final,
            Some(_) => Known::Waiting,
        });
        if !missing.is_empty() {
            self.verdicts.insert(op.env.op_id, Verdict::Held { missing });
            self.held.push(op.clone());
            return;
        }
        let author = self.people.get(&op.env.device_id).copied().unwrap_or_else(|| person(u64::MAX));
        let grants = self.grants.get(&author).cloned().unwrap_or_default();
        let wall_ms = op.env.captured.wall_ms;
        let exact = CaptureTime { at_ms: wall_ms, class: ClockClass::Exact, claimed_ms: wall_ms };
        let ctx = Ctx {
            now_ms: self.arrived.get(&op.env.op_id).copied().unwrap_or(self.now_ms),
            places: &self.places,
            catalogue: None,
            calendars: &self.calendars,
            author: Author {
                person: author,
                device: op.env.device_id,
                enrolled_ms: self.enrolled.get(&op.env.device_id).copied().unwrap_or(0),
                grants: &grants,
            },
            time: self.times.get(&op.env.op_id).cloned().unwrap_or(exact),
        };
        let outcome = apply::apply(&self.world, op, &ctx);
        self.precedents.extend(outcome.precedent.clone());
        if matches!(outcome.verdict, Verdict::Held { .. }) {
            self.held.push(op.clone());
        }
        self.verdicts.insert(op.env.op_id, outcome.verdict.clone());
        self.world.absorb(outcome);
    }

    /// Decides again what was held, the first received that can be decided first, until nothing moves.
    fn release(&mut self) {
        let place = |received: &BTreeMap<OpId, i64>, op: &SealedOp| received.get(&op.env.op_id).copied();
        self.held.sort_by_key(|op| place(&self.received, op));
        let mut next = 0;
        while next < self.held.len() {
            let op = self.held.remove(next);
            let before = self.held.len();
            self.decide(&op);
            if self.held.len() == before {
                next = 0;
            } else {
                // It is held again, at the end.
                self.held.pop();
                self.held.insert(next, op);
                next += 1;
            }
        }
    }

    /// Ops still held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }
}
