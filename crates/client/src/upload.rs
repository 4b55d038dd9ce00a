//! What the server's answers to photo steps mean. Only `Upload-Verified` counts as delivered.
//!
//! Each form has its own back-off: one bad photo delays no other (protocol 11).

use crate::error::ClientError;
use crate::event::ClientEvent;
use crate::host::{FileProblem, Now, Random, number, ten};
use crate::http::HttpResponse;
use crate::photo_step::{Act, Step};
use crate::replica::Replica;
use crate::seal::{Draft, seal_op};
use crate::store::uploads::{self, UploadRecord};
use crate::store::write;
use blindspot_core::OpId;
use blindspot_core::command::{Command, PhotoLost};
use blindspot_core::id::Sha256;
use blindspot_core::mutant;
use blindspot_core::sync::{Lane, ReplyClass, backoff_ms};

/// A refused photo is tried again this much later, milliseconds; what it waits for may have come by then.
const REFUSED_WAIT_MS: i64 = 3_600_000;

impl Replica {
    pub(crate) fn handle_photo(
        &mut self,
        step: &Step,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<(), ClientError> {
        let random = number(rnd);
        if matches!(class, ReplyClass::Busy | ReplyClass::NoSpace) {
            // It is the server that is busy, not this photo.
            self.back_off(Lane::Photo, class, response, now, random);
            return Ok(());
        }
        if let Some(mut upload) = uploads::load(&self.db, step.photo_id, &step.form)?
            && upload.state == 0
        {
            if response.code().as_deref() == Some("erased") {
                self.erased_there(&upload, now)?;
            } else if let Some(verified) = response.header("upload-verified") {
                self.verified(upload, verified.trim(), now, random)?;
            } else {
                match class {
                    ReplyClass::Ok => self.advanced(&mut upload, step, response, now, random)?,
                    ReplyClass::OffsetConflict => {
                        upload.ask = upload.location.is_some();
                        self.retry(upload, now, random, step.act == Act::Create)?;
                    }
                    ReplyClass::Gone if step.act != Act::Create => self.begin_again(upload, now, random)?,
                    ReplyClass::DigestMismatch if response.code().as_deref() == Some("checksum_mismatch") => {
                        self.retry(upload, now, random, true)?;
                    }
                    ReplyClass::DigestMismatch => self.begin_again(upload, now, random)?,
                    ReplyClass::ServerFault => self.retry(upload, now, random, true)?,
                    _ => self.refused(upload, response, now)?,
                }
            }
        }
        self.photo_done(now)
    }

    pub(crate) fn photo_done(&mut self, now: &Now) -> Result<(), ClientError> {
        let more = self.next_photo_ms(now)?;
        self.machine.photo_step_done(more.is_some(), now.wall_ms);
        Ok(())
    }

    fn advanced(
        &mut self,
        upload: &mut UploadRecord,
        step: &Step,
        response: &HttpResponse,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let offset = response.number("upload-offset");
        if mutant::is("delivered_before_digest") {
            let sha256 = upload.sha256.clone();
            return self.verified(upload.clone(), &sha256, now, random);
        }
        match step.act {
            Act::Create => match response.header("location") {
                Some(location) => {
                    upload.location = Some(self.path_of(location)?);
                    upload.sent = offset.unwrap_or(0);
                }
                None => return self.retry(upload.clone(), now, random, true),
            },
            Act::Send { to } => upload.sent = offset.unwrap_or(to),
            Act::Ask => match offset {
                Some(offset) => upload.sent = offset,
                None => return self.begin_again(upload.clone(), now, random),
            },
        }
        upload.sent = upload.sent.min(upload.bytes);
        upload.ask = false;
        upload.problem = None;
        if upload.sent == upload.bytes {
            // Everything sent and nothing verified: ask, with a growing wait.
            upload.ask = true;
            return self.retry(upload.clone(), now, random, step.act == Act::Ask);
        }
        upload.failures = 0;
        self.save_step(upload, now.wall_ms)
    }

    /// The server's address in front of a location is dropped: requests name paths.
    fn path_of(&self, location: &str) -> Result<String, ClientError> {
        let base = self.enrolled()?.base;
        if let Some(path) = location.strip_prefix(&base) {
            return Ok(path.to_owned());
        }
        let behind = location.split_once("://").map(|(_, rest)| rest);
        let path = match behind {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => location,
        };
        let prefix = base.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        Ok(prefix.and_then(|p| path.strip_prefix(p)).unwrap_or(path).to_owned())
    }

    fn verified(
        &mut self,
        upload: UploadRecord,
        verified: &str,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        if !verified.eq_ignore_ascii_case(&upload.sha256) {
            return self.begin_again(upload, now, random);
        }
        uploads::set_verified(&self.db, upload.photo_id, &upload.form, self.server_now(now)?)?;
        let UploadRecord { photo_id, form, .. } = upload;
        self.events.push_back(ClientEvent::FormVerified { photo_id, form });
        Ok(())
    }

    /// Tries again: at once, or after this form's own back-off.
    fn retry(
        &mut self,
        mut upload: UploadRecord,
        now: &Now,
        random: u64,
        wait: bool,
    ) -> Result<(), ClientError> {
        let mut at = now.wall_ms;
        if wait {
            upload.failures = upload.failures.saturating_add(1);
            at = at.saturating_add(backoff_ms(upload.failures, random));
        }
        self.save_step(&upload, at)
    }

    /// The upload is over there: hash the file again; if it is still itself, start anew.
    fn begin_again(&mut self, mut upload: UploadRecord, now: &Now, random: u64) -> Result<(), ClientError> {
        match self.files.read(&upload.file) {
            Ok(bytes) if Sha256::of(&bytes).to_hex() == upload.sha256 => {
                (upload.location, upload.sent, upload.ask) = (None, 0, false);
                self.retry(upload, now, random, true)
            }
            Ok(_) => self.lose(&upload, "file_damaged", now),
            Err(FileProblem::Missing(_)) => self.lose(&upload, "file_missing", now),
            Err(other) => Err(other.into()),
        }
    }

    /// Our own server refuses it: kept, marked, told of, and tried again much later.
    fn refused(
        &mut self,
        mut upload: UploadRecord,
        response: &HttpResponse,
        now: &Now,
    ) -> Result<(), ClientError> {
        let code = response.code().unwrap_or_else(|| response.status.to_string());
        upload.problem = Some(code.clone());
        upload.failures = upload.failures.saturating_add(1);
        self.save_step(&upload, now.wall_ms.saturating_add(REFUSED_WAIT_MS))?;
        self.events.push_back(ClientEvent::PhotoRefused { photo_id: upload.photo_id, code });
        Ok(())
    }

    /// The phone's own bytes are gone: say so in an op, so that the case stops waiting. The random part
    /// of the op's id comes from that of the photo's: told twice, it is still one op.
    pub(crate) fn lose(&mut self, upload: &UploadRecord, reason: &str, now: &Now) -> Result<(), ClientError> {
        let identity = self.enrolled()?;
        let captured = self.captured(now)?;
        let photo_id = upload.photo_id;
        let lost = Command::PhotoLost(PhotoLost { photo_id, reason: reason.to_owned() });
        let of_photo = &photo_id.as_bytes()[6..];
        let seed = Sha256::of(&[of_photo, upload.form.as_bytes(), b" ", reason.as_bytes()].concat());
        let mut from_seed = |buf: &mut [u8]| {
            let len = buf.len().min(seed.0.len());
            buf[..len].copy_from_slice(&seed.0[..len]);
        };
        let op_id = OpId::from_parts(now.wall_ms, ten(&mut from_seed));
        let tx = write(&self.db)?;
        uploads::set_lost(&tx, photo_id, &upload.form, reason)?;
        let case_id = Some(upload.case_id);
        let draft = Draft { op_id, case_id, command: &lost, captured, round: None, expected_state: None };
        seal_op(&tx, &identity, draft, now.wall_ms)?;
        tx.commit()?;
        self.machine.handle_captured(now.wall_ms);
        self.events.push_back(ClientEvent::PhotoLost { photo_id, reason: reason.to_owned() });
        Ok(())
    }

    /// Nothing answered: what arrived of the chunk is not known. Others go first next time.
    pub(crate) fn photo_unanswered(&mut self, step: &Step, now: &Now) -> Result<(), ClientError> {
        if let Some(mut upload) = uploads::load(&self.db, step.photo_id, &step.form)?
            && upload.state == 0
        {
            upload.ask = upload.location.is_some();
            self.save_step(&upload, now.wall_ms)?;
        }
        Ok(())
    }
}
