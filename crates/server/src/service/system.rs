//! The server as an author of ops 系统: when a time has come, a lot is drawn, the city's clocks stand still. One identity a
//! city, the same on every server, that nobody signs in as and nobody is given.

use super::{Credential, Done, House, ServiceError, WriteJob};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::division::Span;
use blindspot_core::id::Sha256;
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::{StoreError, Tx, devices};
use serde::Serialize;
use std::sync::mpsc;

/// Takes a job to the writer: its queue, or inline.
pub type Submit<'a> = &'a dyn Fn(WriteJob) -> Result<(), ServiceError>;

fn tail(house: &House, what: &str) -> [u8; 10] {
    let hash = Sha256::of(format!("blindspot system {what} {}", house.city).as_bytes());
    let mut out = [0; 10];
    out.copy_from_slice(&hash.0[..10]);
    out
}

/// Its person; there is no record of one.
#[must_use]
pub fn person(house: &House) -> PersonId {
    PersonId::from_parts(0, tail(house, "person"))
}

/// What it may do.
#[must_use]
pub fn grants() -> Vec<Grant> {
    vec![Grant { role: Role::System, area: Area::City, span: Span::since(0) }]
}

/// Its credential; the device that carries its numbers is made when it is not there.
///
/// # Errors
/// The database's.
pub fn credential(tx: &Tx<'_>, house: &House, now_ms: i64) -> Result<Credential, StoreError> {
    let person_id = person(house);
    let device_id = DeviceId::from_parts(0, tail(house, "device"));
    if devices::load_device(tx, &house.city, device_id)?.is_none() {
        let device = DeviceRecord {
            device_id,
            person_id,
            desk: true,
            key_alg: None,
            public_key: None,
            label: String::new(),
            app: "system".to_owned(),
            tag_prefix: 0,
            enrolled_ms: now_ms,
            state: DeviceState::Active,
            revoked_ms: None,
            last_seen_ms: None,
            received_through: 0,
        };
        devices::save_device(tx, &house.city, &device)?;
    }
    Ok(Credential { person: person_id, device: device_id, desk: true })
}

/// An op of its own, named by what it is about: two servers that find the same due say the same.
///
/// # Errors
/// When the payload cannot be written as JSON, which none here does.
pub fn op<T: Serialize>(kind: &str, about: &str, at_ms: i64, payload: &T) -> Result<DeskOp, ServiceError> {
    let hash = Sha256::of(format!("{kind} {about}").as_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&hash.0[..10]);
    Ok(DeskOp {
        op_id: OpId::from_parts(at_ms, random),
        kind: kind.to_owned(),
        payload: serde_json::value::to_raw_value(payload)?,
        expected_state: None,
        round: None,
    })
}

/// Hands ops to the writer, and waits until each is decided.
///
/// # Errors
/// The first that was not taken; those before it are.
pub fn act(
    who: Credential,
    ops: Vec<(CaseId, DeskOp)>,
    submit: Submit<'_>,
    now_ms: i64,
) -> Result<Vec<VerdictEntry>, ServiceError> {
    let (sender, answers) = mpsc::channel();
    let count = ops.len();
    for (case, op) in ops {
        let sender = sender.clone();
        let done: Done<VerdictEntry> = Box::new(move |answer| {
            // Whoever asked may have given up.
            let _ = sender.send(answer);
        });
        let job = WriteJob::Desk { credential: who, case_id: Some(case), op, received_ms: now_ms, done };
        submit(job)?;
    }
    drop(sender);
    let entries: Vec<VerdictEntry> = answers.iter().collect::<Result<_, _>>()?;
    debug_assert_eq!(entries.len(), count);
    Ok(entries)
}
