//! Ops that an import asks for: desk ops of the importing person, many under way at once, each answered for itself.

use crate::service::writer::{Done, WriteJob};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::command::Command;
use blindspot_core::error::BUSY;
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::{CaseId, OpId};
use blindspot_store::ops;
use std::collections::BTreeSet;
use std::sync::mpsc::channel;

/// Ops under way at once: enough to share a commit, few enough to leave room in the queue for everybody else.
const AT_ONCE: usize = 100;

/// Who imports, and where ops go.
#[derive(Clone, Copy)]
pub struct Sending<'a> {
    /// The house.
    pub house: &'a House,
    /// The importing person.
    pub who: Credential,
    /// Hands a job to the writer.
    pub submit: &'a dyn Fn(WriteJob) -> Result<(), ServiceError>,
    /// Server time in milliseconds.
    pub now_ms: i64,
}

/// An op to send.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) op_id: OpId,
    pub(super) case: CaseId,
    pub(super) command: Command,
}

impl Sending<'_> {
    /// Which of these ops are here already, whoever sent them.
    pub(super) fn known(&self, ids: &BTreeSet<OpId>) -> Result<BTreeSet<OpId>, ServiceError> {
        let mut known = BTreeSet::new();
        let all: Vec<OpId> = ids.iter().copied().collect();
        for some in all.chunks(500) {
            let some = some.iter().copied().collect();
            let found = self.house.store.read(|tx| ops::load_ops(tx, &self.house.city, &some))?;
            known.extend(found.into_keys());
        }
        Ok(known)
    }

    /// Sends ops in order; gives what became of each.
    ///
    /// # Errors
    /// `BUSY` when the writer takes no more: what was sent until then stands, the same file again goes on from there.
    pub(super) fn send(&self, ops: &[Op]) -> Result<Vec<Result<VerdictEntry, ServiceError>>, ServiceError> {
        let mut out = Vec::with_capacity(ops.len());
        for some in ops.chunks(AT_ONCE) {
            let mut waiting = Vec::with_capacity(some.len());
            for op in some {
                let desk = DeskOp {
                    op_id: op.op_id,
                    kind: op.command.kind().to_owned(),
                    payload: op.command.to_payload()?,
                    expected_state: None,
                    round: None,
                };
                let (send, receive) = channel();
                let done: Done<VerdictEntry> = Box::new(move |result| {
                    // Whoever waits is right below.
                    let _ = send.send(result);
                });
                (self.submit)(WriteJob::Desk {
                    credential: self.who,
                    case_id: Some(op.case),
                    op: desk,
                    received_ms: self.now_ms,
                    done,
                })?;
                waiting.push(receive);
            }
            let answers =
                waiting.into_iter().map(|w| w.recv().unwrap_or(Err(ServiceError::Refused(&BUSY, None))));
            out.extend(answers);
        }
        Ok(out)
    }
}
