//! The op: what a person did, encoded once and carried verbatim (protocol 3).
//!
//! Knows the frame of an op, not what kinds mean; see `command/` for those.

use crate::clock::Captured;
use crate::command::{Command, CommandProblem};
use crate::id::{CaseId, DeviceId, OpId, Sha256};
use crate::limits::{OP_BYTES_MAX, OP_SCHEMA};
use crate::verdict::Cause;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};

/// The frame of an op. Fields it does not know stay in the body it was read from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope {
    /// Names the op; deduplication is by this alone.
    pub op_id: OpId,
    /// The enrolment that captured it.
    pub device_id: DeviceId,
    /// Contiguous from 1 per device: a tripwire, not a key.
    pub device_seq: u64,
    /// What kind of thing was done.
    pub kind: String,
    /// The case it is about, unless it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<CaseId>,
    /// The schema of the payload.
    #[serde(default = "default_schema")]
    pub schema: u32,
    /// The round of the case as its author saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// The state of the case as its author saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_state: Option<String>,
    /// The phone's own latest undecided op on each case this op touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<OpId>,
    /// The quarantined op that this one stands for (an administrator's edit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<OpId>,
    /// What was done, by kind.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Box<RawValue>,
    /// The phone's clocks at capture.
    #[serde(default)]
    pub captured: Captured,
}

fn default_schema() -> u32 {
    OP_SCHEMA
}

/// Why bytes are not an op that can be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}: {detail}")]
pub struct OpProblem {
    /// The typed cause.
    pub cause: Cause,
    /// What exactly, for the desk.
    pub detail: String,
}

/// An op with the exact bytes it was captured as.
#[derive(Clone, Debug)]
pub struct SealedOp {
    /// The captured bytes, never re-encoded.
    pub body: Arc<str>,
    /// SHA-256 of the body.
    pub hash: Sha256,
    /// The frame, read from the body.
    pub env: Envelope,
    /// What the payload says, once somebody has asked: it is read once, wherever that is cheapest.
    command: OnceLock<Result<Command, CommandProblem>>,
}

impl SealedOp {
    /// Encodes an envelope once and for all.
    ///
    /// # Errors
    /// `TooLarge` over 16 KB, `NulText` for text with U+0000.
    pub fn seal(env: Envelope) -> Result<Self, OpProblem> {
        let body = serde_json::to_string(&env)
            .map_err(|e| OpProblem { cause: Cause::Malformed, detail: e.to_string() })?;
        Self::read(body)
    }

    /// Reads captured bytes.
    ///
    /// # Errors
    /// `TooLarge`, `NulText`, or `Malformed` when the frame cannot be read.
    pub fn read(body: impl Into<Arc<str>>) -> Result<Self, OpProblem> {
        let body: Arc<str> = body.into();
        if body.len() > OP_BYTES_MAX {
            let detail = format!("{} bytes, at most {OP_BYTES_MAX}", body.len());
            return Err(OpProblem { cause: Cause::TooLarge, detail });
        }
        if has_nul(&body) {
            return Err(OpProblem { cause: Cause::NulText, detail: "text with U+0000".into() });
        }
        let env: Envelope = serde_json::from_str(&body)
            .map_err(|e| OpProblem { cause: Cause::Malformed, detail: e.to_string() })?;
        Ok(Self { hash: Sha256::of(body.as_bytes()), body, env, command: OnceLock::new() })
    }

    /// What was done, by kind.
    ///
    /// # Errors
    /// A kind or schema this version does not know, or a payload that does not fit its kind.
    pub fn command(&self) -> Result<Command, CommandProblem> {
        let read = || Command::read(&self.env.kind, self.env.schema, &self.env.payload);
        self.command.get_or_init(read).clone()
    }
}

/// Whether JSON text holds U+0000, raw or escaped. A backslash that is itself escaped starts no escape.
fn has_nul(body: &str) -> bool {
    let bytes = body.as_bytes();
    if !bytes.contains(&0) && !body.contains("\\u0000") {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            0 => return true,
            b'\\' => {
                if bytes[i + 1..].starts_with(b"u0000") {
                    return true;
                }
                i += 2;
            }
            _ => i += 1,
        }
    }
    false
}

/// The op id that can be read from bytes that are not an op, so that a verdict can name it.
#[must_use]
pub fn salvage_id(body: &str) -> Option<(OpId, Option<u64>)> {
    #[derive(Deserialize)]
    struct Scrap {
        op_id: OpId,
        device_seq: Option<u64>,
    }
    serde_json::from_str::<Scrap>(body).ok().map(|s| (s.op_id, s.device_seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(payload: &str) -> Envelope {
        Envelope {
            op_id: OpId::from_parts(1, [1; 10]),
            device_id: DeviceId::from_parts(1, [2; 10]),
            device_seq: 1,
            kind: "comment".into(),
            case_id: None,
            schema: 1,
            round: None,
            expected_state: None,
            depends_on: vec![],
            replaces: None,
            payload: RawValue::from_string(payload.into()).unwrap(),
            captured: Captured::default(),
        }
    }

    #[test]
    fn bytes_come_back_as_they_were_captured() {
        let text = r#"{ "op_id":"018f0000-0000-7000-8000-000000000001","device_id":"018f0000-0000-7000-8000-000000000002","device_seq":3,"kind":"dance","payload":{"x" : 1},"later":true}"#;
        let op = SealedOp::read(text).unwrap();
        assert_eq!(&*op.body, text);
        assert_eq!(op.env.payload.get(), r#"{"x" : 1}"#);
        assert!(matches!(op.command(), Err(CommandProblem::UnknownKind { .. })));
    }

    #[test]
    fn nul_text_and_oversize_are_refused_at_capture() {
        let nul = SealedOp::seal(envelope(r#"{"text":"a\u0000b"}"#)).unwrap_err();
        assert_eq!(nul.cause, Cause::NulText);
        assert!(SealedOp::seal(envelope(r#"{"text":"a\\u0000b"}"#)).is_ok());
        let big = format!(r#"{{"text":"{}"}}"#, "x".repeat(OP_BYTES_MAX));
        assert_eq!(SealedOp::seal(envelope(&big)).unwrap_err().cause, Cause::TooLarge);
    }

    #[test]
    fn an_id_is_salvaged_from_a_broken_op() {
        let id = OpId::from_parts(1, [1; 10]);
        assert_eq!(salvage_id(&format!(r#"{{"op_id":"{id}","kind":7}}"#)), Some((id, None)));
        assert_eq!(salvage_id("nonsense"), None);
    }
}
