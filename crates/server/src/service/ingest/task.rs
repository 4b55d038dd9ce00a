//! What a group is made of: pushes, desk actions and arrivals, read and taken apart before anything is decided. Knows no
//! rule and no database.

use super::decide;
use crate::service::epoch::Receipt;
use crate::service::writer::WriteJob;
use crate::service::{Credential, House, ServiceError, pull};
use blindspot_core::clock::Sent;
use blindspot_core::error;
use blindspot_core::id::Sha256;
use blindspot_core::limits::{PUSH_BYTES_MAX, PUSH_OPS_MAX};
use blindspot_core::op::{OpProblem, SealedOp};
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::{DeskOp, PushRequest};
use blindspot_core::{CaseId, DeviceId, OpId, PhotoId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing to decide. `forced` quarantines it unseen.
pub(super) enum Task {
    Op(Box<OpTask>),
    Frame { device: DeviceId, next_seq: u64, receipt: Option<Receipt>, gone: Vec<u64>, received_ms: i64 },
    Arrived { credential: Credential, photo_id: PhotoId, sha256: Sha256, upload_id: [u8; 16], now_ms: i64 },
    Mismatch { photo_id: PhotoId },
}

impl Task {
    /// Whether it is somebody's word on an erasure.
    pub(super) fn approves(&self) -> bool {
        matches!(self, Task::Op(op) if match &op.source {
            Source::Sealed(op) => op.env.kind == "confirm_erase",
            Source::Desk { op, .. } => op.kind == "confirm_erase",
            Source::Broken { .. } => false,
        })
    }

    /// Server time at which it came; nothing for what has none.
    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Task::Op(op) => op.received_ms,
            Task::Arrived { now_ms, .. } => *now_ms,
            Task::Frame { .. } | Task::Mismatch { .. } => 0,
        }
    }
}

pub(super) struct OpTask {
    pub(super) credential: Credential,
    pub(super) source: Source,
    pub(super) sent: Sent,
    pub(super) received_ms: i64,
    pub(super) forced: Option<Cause>,
    /// Handed in by a revoked device: a person looks at it first.
    pub(super) handed_in: bool,
    /// A person vouches for it: whose credential brought it is not asked again.
    pub(super) vouched: bool,
    /// What its phone says became of it in a past that was lost: a hint that decides nothing.
    pub(super) former: Option<Verdict>,
}

/// A push whose ops have been read, on the thread of whoever brought it: the writer only decides.
pub struct ReadPush {
    sent: Sent,
    next_seq: u64,
    receipt: Option<String>,
    gone: Vec<u64>,
    former: BTreeMap<OpId, Verdict>,
    handed_in: bool,
    /// Came with a phone's frame, and not out of a file.
    framed: bool,
    pub(in crate::service) ops: Vec<Source>,
}

impl ReadPush {
    /// The same, as handed in by a revoked device: all of it waits for a person.
    #[must_use]
    pub fn handed_in(self) -> Self {
        Self { handed_in: true, ..self }
    }

    /// The same, out of an exported file: its phone may have gone on since, so that its numbers say nothing.
    #[must_use]
    pub fn from_file(self) -> Self {
        Self { framed: false, ..self }
    }

    /// Reads the ops of a push. One that cannot be read is kept for quarantine; limits refuse the push whole.
    ///
    /// # Errors
    /// `TOO_MANY_OPS`, `BODY_TOO_LARGE`.
    pub fn of(request: PushRequest) -> Result<Self, ServiceError> {
        let PushRequest { sent, next_seq, receipt, gone, ops, former } = request;
        if ops.len() > PUSH_OPS_MAX || gone.len() > PUSH_OPS_MAX {
            return Err(ServiceError::refused(&error::TOO_MANY_OPS));
        }
        if ops.iter().map(String::len).sum::<usize>() > PUSH_BYTES_MAX {
            return Err(ServiceError::refused(&error::BODY_TOO_LARGE));
        }
        let ops = ops.into_iter().map(Source::read).collect();
        Ok(Self { sent, next_seq, receipt, gone, former, handed_in: false, framed: true, ops })
    }
}

pub(in crate::service) enum Source {
    Sealed(Arc<SealedOp>),
    Broken { body: String, problem: OpProblem },
    Desk { case_id: Option<CaseId>, op: DeskOp },
}

impl Source {
    fn read(body: String) -> Self {
        match SealedOp::read(body.as_str()) {
            Ok(op) => {
                // Its payload as well: what cannot be read is found again when it is decided.
                let _ = op.command();
                Source::Sealed(Arc::new(op))
            }
            Err(problem) => Source::Broken { body, problem },
        }
    }
}

impl OpTask {
    pub(super) fn op_id(&self) -> Option<OpId> {
        match &self.source {
            Source::Sealed(op) => Some(op.env.op_id),
            Source::Desk { op, .. } => Some(op.op_id),
            Source::Broken { .. } => None,
        }
    }
}

pub(super) fn take_apart(house: &House, job: &mut WriteJob) -> Result<Vec<Task>, ServiceError> {
    match job {
        WriteJob::Push { credential, push, received_ms, .. } => {
            Ok(push_tasks(house, *credential, push, *received_ms))
        }
        WriteJob::Desk { credential, case_id, op, received_ms, .. } => {
            decide::seal_desk(*credential, *case_id, op, 0, *received_ms)
                .map_err(|p| ServiceError::because(&error::BAD_REQUEST, p.to_string()))?;
            Ok(vec![Task::Op(Box::new(OpTask {
                credential: *credential,
                source: Source::Desk { case_id: *case_id, op: op.clone() },
                sent: Sent::default(),
                received_ms: *received_ms,
                forced: None,
                handed_in: false,
                vouched: false,
                former: None,
            }))])
        }
        WriteJob::Arrived { credential, photo_id, sha256, upload_id, now_ms, .. } => {
            Ok(vec![Task::Arrived {
                credential: *credential,
                photo_id: *photo_id,
                sha256: *sha256,
                upload_id: *upload_id,
                now_ms: *now_ms,
            }])
        }
        WriteJob::Mismatch { photo_id, .. } => Ok(vec![Task::Mismatch { photo_id: *photo_id }]),
    }
}

/// The tasks of a push: its frame, then its ops in order.
fn push_tasks(house: &House, credential: Credential, push: &mut ReadPush, received_ms: i64) -> Vec<Task> {
    let mut tasks = Vec::with_capacity(push.ops.len() + 1);
    if push.framed {
        tasks.push(Task::Frame {
            device: credential.device,
            next_seq: push.next_seq,
            receipt: pull::receipt_of(house, credential.device, push.receipt.as_deref()),
            gone: std::mem::take(&mut push.gone),
            received_ms,
        });
    }
    for source in std::mem::take(&mut push.ops) {
        let sent = push.sent.clone();
        let former = match &source {
            Source::Sealed(op) => push.former.remove(&op.env.op_id).filter(Verdict::is_final),
            Source::Broken { .. } | Source::Desk { .. } => None,
        };
        tasks.push(Task::Op(Box::new(OpTask {
            credential,
            source,
            sent,
            received_ms,
            forced: None,
            handed_in: push.handed_in,
            vouched: false,
            former,
        })));
    }
    tasks
}
