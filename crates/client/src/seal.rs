//! Sealing: from what was saved to ops in the outbox, in one transaction a capture. Safe to be cut off anywhere.

use crate::error::ClientError;
use crate::host::{Now, Random, ten};
use crate::identity::Identity;
use crate::replica::Replica;
use crate::store::captures::{CaptureRecord, ShotRecord, ShotState};
use crate::store::uploads::UploadRecord;
use crate::store::{captures, meta, outbox, unsigned, uploads, write};
use blindspot_core::clock::Captured;
use blindspot_core::command::{Command, FormName, FormRef, PhotoLost, PhotoTaken};
use blindspot_core::limits::OP_SCHEMA;
use blindspot_core::op::{Envelope, SealedOp};
use blindspot_core::{CaseId, DeviceId, OpId};
use rusqlite::Connection;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What one step of sealing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealStep {
    /// A capture became ops.
    Sealed {
        /// Which.
        capture_id: Uuid,
        /// Its case.
        case_id: CaseId,
        /// How many ops.
        ops: usize,
        /// Photos that could not be made into forms: named on the case as lost, kept here as they are.
        photos_failed: usize,
    },
    /// Nothing waits.
    Nothing,
    /// The phone could not do it now (no space); the capture waits.
    Failed {
        /// Which.
        capture_id: Uuid,
        /// Why.
        problem: String,
    },
}

/// An op about to be sealed.
pub(crate) struct Draft<'a> {
    pub(crate) op_id: OpId,
    pub(crate) case_id: Option<CaseId>,
    pub(crate) command: &'a Command,
    pub(crate) captured: Captured,
    pub(crate) round: Option<u32>,
    pub(crate) expected_state: Option<String>,
}

/// Whether an op with these words would fit; asked while the person can still shorten them.
pub(crate) fn check_fits(command: Command, case_id: CaseId, captured: &Captured) -> Result<(), ClientError> {
    let any = Uuid::max();
    let env = Envelope {
        op_id: OpId(any),
        device_id: DeviceId(any),
        device_seq: u64::MAX,
        kind: command.kind().into(),
        case_id: Some(case_id),
        schema: OP_SCHEMA,
        round: Some(u32::MAX),
        expected_state: Some("return_requested".into()),
        depends_on: vec![OpId(any); 2],
        replaces: None,
        payload: command.to_payload()?,
        captured: captured.clone(),
    };
    SealedOp::seal(env)?;
    Ok(())
}

/// Encodes an op once and for all and puts it into the outbox. Its optimistic effect is that very
/// entry: the view replays it from this moment.
pub(crate) fn seal_op(
    db: &Connection,
    identity: &Identity,
    draft: Draft<'_>,
    now_ms: i64,
) -> Result<SealedOp, ClientError> {
    let mut touched: BTreeSet<CaseId> = draft.case_id.into_iter().collect();
    if let Command::Merge(merge) = draft.command {
        touched.insert(merge.into);
    }
    let mut depends_on = BTreeSet::new();
    for case in touched {
        depends_on.extend(outbox::latest_undecided(db, case)?);
    }
    let env = Envelope {
        op_id: draft.op_id,
        device_id: identity.device_id,
        device_seq: unsigned(meta::count(db, meta::DEVICE_SEQ)?),
        kind: draft.command.kind().into(),
        case_id: draft.case_id,
        schema: OP_SCHEMA,
        round: draft.round,
        expected_state: draft.expected_state,
        depends_on: depends_on.into_iter().collect(),
        replaces: None,
        payload: draft.command.to_payload()?,
        captured: draft.captured,
    };
    let op = SealedOp::seal(env)?;
    outbox::append(db, &op, now_ms)?;
    Ok(op)
}

impl Replica {
    /// Seals the next capture: its photos one at a time, then all its ops in one transaction.
    /// Call it until it says `Nothing`; stop for a while on `Failed`.
    ///
    /// # Errors
    /// `Db` or `Stored`; what was saved stays saved.
    pub fn seal_next(&mut self, now: &Now, rnd: &mut dyn Random) -> Result<SealStep, ClientError> {
        self.remove_spent_raws()?;
        let Some(capture) = captures::next(&self.db)? else { return Ok(SealStep::Nothing) };
        let capture_id = capture.capture_id;
        for shot in captures::shots(&self.db, capture_id)? {
            if shot.state == ShotState::Raw
                && let Err(problem) = self.form(&shot, capture.for_op)
            {
                return self.put_back(capture_id, problem);
            }
        }
        let step = match self.seal_capture(&capture, now, rnd) {
            Ok(step) => step,
            Err(problem @ (ClientError::Op(_) | ClientError::Files(_))) => {
                return self.put_back(capture_id, problem);
            }
            Err(other) => return Err(other),
        };
        self.machine.handle_captured(now.wall_ms);
        self.remove_spent_raws()?;
        Ok(step)
    }

    fn put_back(&mut self, capture_id: Uuid, problem: ClientError) -> Result<SealStep, ClientError> {
        if matches!(problem, ClientError::Db(_) | ClientError::Damaged(_)) {
            return Err(problem);
        }
        let problem = problem.to_string();
        captures::put_back(&self.db, capture_id, &problem)?;
        Ok(SealStep::Failed { capture_id, problem })
    }

    fn seal_capture(
        &mut self,
        capture: &CaptureRecord,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<SealStep, ClientError> {
        let identity = self.enrolled()?;
        let captured: Captured = serde_json::from_str(&capture.captured)?;
        let shots = captures::shots(&self.db, capture.capture_id)?;
        let tx = write(&self.db)?;
        let mut ops = 0;
        let mut seal = |op_id: OpId, command: &Command, seen: (Option<u32>, Option<String>)| {
            ops += 1;
            let case_id = Some(capture.case_id);
            let captured = captured.clone();
            let draft = Draft { op_id, case_id, command, captured, round: seen.0, expected_state: seen.1 };
            seal_op(&tx, &identity, draft, now.wall_ms).map(|_| ())
        };
        if let (Some(op_id), Some(kind), Some(payload)) = (capture.op_id, &capture.kind, &capture.payload) {
            let payload = RawValue::from_string(payload.clone())?;
            let command =
                Command::read(kind, OP_SCHEMA, &payload).map_err(|e| ClientError::Stored(e.to_string()))?;
            seal(op_id, &command, (capture.round, capture.expected_state.clone()))?;
        }
        let mut failed = 0;
        for shot in &shots {
            let taken = shot.taken.as_deref().unwrap_or_default();
            let photo: PhotoTaken = serde_json::from_str(taken)?;
            seal(OpId::from_parts(now.wall_ms, ten(rnd)), &Command::Photo(photo.clone()), (None, None))?;
            if shot.state == ShotState::Failed {
                failed += 1;
                let reason = shot.problem.clone().unwrap_or_default();
                let lost = Command::PhotoLost(PhotoLost { photo_id: shot.photo_id, reason });
                seal(OpId::from_parts(now.wall_ms, ten(rnd)), &lost, (None, None))?;
            }
            queue_forms(&tx, capture, shot, &photo, now.wall_ms)?;
        }
        captures::set_sealed(&tx, capture.capture_id)?;
        tx.commit()?;
        let (capture_id, case_id) = (capture.capture_id, capture.case_id);
        Ok(SealStep::Sealed { capture_id, case_id, ops, photos_failed: failed })
    }

    /// Raw files go only after the transaction that made their forms part of an op.
    fn remove_spent_raws(&mut self) -> Result<(), ClientError> {
        for (photo, file) in captures::spent_raws(&self.db)? {
            if self.files.remove(&file).is_ok() {
                captures::set_raw_gone(&self.db, photo)?;
            }
        }
        Ok(())
    }
}

/// Small forms go first on any network, the original by network policy.
fn queue_forms(
    db: &Connection,
    capture: &CaptureRecord,
    shot: &ShotRecord,
    photo: &PhotoTaken,
    now_ms: i64,
) -> Result<(), ClientError> {
    for (name, form) in &photo.forms {
        let original = *name == FormName::Original;
        let filetype = shot.filetype.as_deref().filter(|_| original).unwrap_or("image/jpeg");
        let upload = queued(capture.case_id, photo, name, form, filetype);
        uploads::insert(db, &upload, rank(photo, name), now_ms)?;
    }
    Ok(())
}

/// A form's place in the queue.
pub(crate) fn rank(photo: &PhotoTaken, name: &FormName) -> i64 {
    match name {
        FormName::Thumbnail => 0,
        FormName::Working => 1,
        // The only form is the evidence; it does not wait for Wi-Fi.
        _ if photo.forms.len() == 1 => 1,
        _ => 2,
    }
}

/// A form that nothing has been sent of.
pub(crate) fn queued(
    case_id: CaseId,
    photo: &PhotoTaken,
    name: &FormName,
    form: &FormRef,
    filetype: &str,
) -> UploadRecord {
    UploadRecord {
        photo_id: photo.photo_id,
        form: name.as_str().to_owned(),
        case_id,
        file: crate::shot::file_name(photo.photo_id, name),
        sha256: form.sha256.to_hex(),
        bytes: form.bytes,
        media: photo.media.as_str().to_owned(),
        filetype: filetype.to_owned(),
        location: None,
        sent: 0,
        ask: false,
        failures: 0,
        problem: None,
        state: 0,
        gone_why: None,
    }
}
