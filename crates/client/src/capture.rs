//! Capturing: what a person did is durable when these calls return (protocol 11, U1).
//!
//! Without photos an op is sealed at once. With photos the raw bytes and a capture row are saved, and
//! `seal_next` does the slow part later. Knows no network.

use crate::error::ClientError;
use crate::host::{Now, Random, ten};
use crate::replica::Replica;
use crate::seal::{Draft, check_fits, seal_op};
use crate::store::captures::{CaptureRecord, ShotRecord, ShotState};
use crate::store::{captures, meta, write};
use blindspot_core::command::{Command, Fix, Look, MediaKind, Origin, PhotoRole, Report};
use blindspot_core::limits::{PHOTO_ROOM_BYTES, UPLOAD_BYTES_MAX, VOICE_BYTES_MAX, VOICE_MS_MAX};
use blindspot_core::{CaseId, OpId, PhotoId};
use blindspot_photo::{is_pdf, sniff_voice};
use uuid::Uuid;

/// Whether a problem is reported or was fixed on the spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportKind {
    /// 上报
    #[default]
    Report,
    /// 当场处理
    SelfFixed,
}

/// A photo, voice note or document as the host got it.
#[derive(Clone, Default, PartialEq)]
pub struct RawPhoto {
    /// The file, as the camera wrote it.
    pub bytes: Vec<u8>,
    /// What it shows.
    pub role: PhotoRole,
    /// How it was made.
    pub origin: Option<Origin>,
    /// Where the phone stood.
    pub position: Option<Fix>,
    /// Picture, voice or document.
    pub media: MediaKind,
    /// How long a voice note lasts, milliseconds.
    pub duration_ms: Option<u32>,
}

impl RawPhoto {
    /// Whether the server will take it. What is not what it says it is, or too large, is refused here, while the
    /// person can still record it again; a photo never is.
    fn check(&self) -> Result<(), ClientError> {
        let len = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        match self.media {
            MediaKind::Voice if self.duration_ms.is_some_and(|ms| ms > VOICE_MS_MAX) => {
                Err(ClientError::NotTaken("语音最长 60 秒 / a voice note lasts 60 s at most"))
            }
            MediaKind::Voice if len > VOICE_BYTES_MAX => {
                Err(ClientError::NotTaken("语音最大 1 MB / a voice note has 1 MB at most"))
            }
            MediaKind::Voice if sniff_voice(&self.bytes).is_none() => {
                Err(ClientError::NotTaken("语音须为 webm 或 mp4 / a voice note is webm or mp4"))
            }
            MediaKind::Document if len > UPLOAD_BYTES_MAX => {
                Err(ClientError::NotTaken("文档最大 15 MB / a document has 15 MB at most"))
            }
            MediaKind::Document if !is_pdf(&self.bytes) => {
                Err(ClientError::NotTaken("文档须为 PDF / a document is a PDF"))
            }
            _ => Ok(()),
        }
    }
}

/// A report with its photos. Every part may be missing.
#[derive(Clone, Default, PartialEq)]
pub struct ReportDraft {
    /// Reported or fixed on the spot.
    pub kind: ReportKind,
    /// What is said.
    pub report: Report,
    /// What was shot.
    pub photos: Vec<RawPhoto>,
}

/// Something saved: it survives whatever happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Names the capture while it waits for sealing; the same as the op's where it is one.
    pub capture_id: Uuid,
    /// The case.
    pub case_id: Option<CaseId>,
    /// The op it is or will be; nothing when only photos were added.
    pub op_id: Option<OpId>,
    /// Its photos, in order.
    pub photo_ids: Vec<PhotoId>,
    /// 临时号, of a report.
    pub local_tag: Option<String>,
    /// Whether it is an op already.
    pub sealed: bool,
}

/// A capture on its way to the database.
struct Fresh {
    case_id: CaseId,
    op: Option<(OpId, Command)>,
    for_op: Option<OpId>,
    round: Option<u32>,
    expected_state: Option<String>,
    local_tag: Option<String>,
}

/// Whether a photo can be kept on a phone with so many bytes free.
pub(crate) fn check_room(free: Option<u64>) -> Result<(), ClientError> {
    match free.filter(|free| *free < PHOTO_ROOM_BYTES) {
        Some(free) => Err(ClientError::NoRoom {
            free_mb: free / 1_000_000,
            need_mb: PHOTO_ROOM_BYTES.div_ceil(1_000_000),
        }),
        None => Ok(()),
    }
}

impl Replica {
    /// Whether there is room for a photo. Ask before the shutter: a photo that was taken and cannot be kept is lost.
    /// Photos that the server has make room first, the oldest before others.
    ///
    /// # Errors
    /// `NoRoom`, with what is free.
    pub fn check_room(&self) -> Result<(), ClientError> {
        let free = self.files.free_bytes();
        if check_room(free).is_ok() {
            return Ok(());
        }
        let short = PHOTO_ROOM_BYTES.saturating_sub(free.unwrap_or(0));
        self.make_room(usize::try_from(short).unwrap_or(usize::MAX))?;
        check_room(self.files.free_bytes())
    }

    /// Saves a report.
    ///
    /// # Errors
    /// `NotEnrolled`; `Op` when the words do not fit; `Files` or `Db` when the phone cannot keep it.
    pub fn capture_report(
        &mut self,
        draft: ReportDraft,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Saved, ClientError> {
        let identity = self.enrolled()?;
        let case_id = CaseId::from_parts(now.wall_ms, ten(rnd));
        let mut report = draft.report;
        if report.local_tag.is_none() {
            let n = meta::count(&self.db, meta::TAG)?;
            report.local_tag = Some(format!("{:02}-{n:04}", identity.tag_prefix));
        }
        let local_tag = report.local_tag.clone();
        let command = match draft.kind {
            ReportKind::Report => Command::Report(report),
            ReportKind::SelfFixed => Command::SelfFixed(report),
        };
        let op_id = OpId::from_parts(now.wall_ms, ten(rnd));
        let fresh = Fresh {
            case_id,
            op: Some((op_id, command)),
            for_op: None,
            round: None,
            expected_state: None,
            local_tag,
        };
        self.keep(fresh, &draft.photos, now, rnd)
    }

    /// Adds photos to a case, or to a report that is still being sealed.
    ///
    /// # Errors
    /// As `capture_report`.
    pub fn capture_photo_later(
        &mut self,
        case_id: CaseId,
        photos: &[RawPhoto],
        for_op: Option<OpId>,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Saved, ClientError> {
        self.enrolled()?;
        let fresh = Fresh { case_id, op: None, for_op, round: None, expected_state: None, local_tag: None };
        self.keep(fresh, photos, now, rnd)
    }

    /// Saves a look 巡查正常; it is an op at once.
    ///
    /// # Errors
    /// As `capture_report`.
    pub fn capture_look(
        &mut self,
        look: Look,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Saved, ClientError> {
        let op_id = OpId::from_parts(now.wall_ms, ten(rnd));
        self.seal_now(op_id, None, Command::Look(look), (None, None), now)
    }

    /// Saves anything else a person did to a case.
    ///
    /// # Errors
    /// As `capture_report`.
    pub fn capture_op(
        &mut self,
        case_id: CaseId,
        command: Command,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Saved, ClientError> {
        self.capture_op_with_photos(case_id, command, &[], now, rnd)
    }

    /// The same with photos that support it: a feedback's or a verification's.
    ///
    /// # Errors
    /// As `capture_report`.
    pub fn capture_op_with_photos(
        &mut self,
        case_id: CaseId,
        command: Command,
        photos: &[RawPhoto],
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Saved, ClientError> {
        self.enrolled()?;
        let op_id = OpId::from_parts(now.wall_ms, ten(rnd));
        let seen = self.case(case_id)?.map(|v| v.file.case);
        let round = seen.as_ref().map(|c| c.round);
        let expected_state = seen.map(|c| c.state.as_str().to_owned());
        if photos.is_empty() && !captures::waiting_on(&self.db, case_id)? {
            return self.seal_now(op_id, Some(case_id), command, (round, expected_state), now);
        }
        let op = Some((op_id, command));
        let fresh = Fresh { case_id, op, for_op: Some(op_id), round, expected_state, local_tag: None };
        self.keep(fresh, photos, now, rnd)
    }

    fn seal_now(
        &mut self,
        op_id: OpId,
        case_id: Option<CaseId>,
        command: Command,
        (round, expected_state): (Option<u32>, Option<String>),
        now: &Now,
    ) -> Result<Saved, ClientError> {
        let identity = self.enrolled()?;
        let local_tag = match &command {
            Command::Report(r) | Command::SelfFixed(r) => r.local_tag.clone(),
            _ => None,
        };
        let captured = self.captured(now)?;
        let draft = Draft { op_id, case_id, command: &command, captured, round, expected_state };
        let tx = write(&self.db)?;
        seal_op(&tx, &identity, draft, now.wall_ms)?;
        tx.commit()?;
        self.machine.handle_captured(now.wall_ms);
        let (capture_id, op_id) = (op_id.0, Some(op_id));
        Ok(Saved { capture_id, case_id, op_id, photo_ids: vec![], local_tag, sealed: true })
    }

    /// Raw bytes first, then the row that names them: a row never names bytes that are not there.
    fn keep(
        &mut self,
        mut fresh: Fresh,
        photos: &[RawPhoto],
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Saved, ClientError> {
        photos.iter().try_for_each(RawPhoto::check)?;
        let photo_ids: Vec<PhotoId> =
            photos.iter().map(|_| PhotoId::from_parts(now.wall_ms, ten(rnd))).collect();
        match &mut fresh.op {
            Some((_, Command::FeedBack(back))) => back.photos.extend(&photo_ids),
            Some((_, Command::Verify(verify))) => verify.photos.extend(&photo_ids),
            _ => {}
        }
        let captured = self.captured(now)?;
        if let Some((op_id, command)) = fresh.op {
            check_fits(command.clone(), fresh.case_id, &captured)?;
            let waits = captures::waiting_on(&self.db, fresh.case_id)?;
            if photos.is_empty() && !waits {
                let seen = (fresh.round, fresh.expected_state);
                return self.seal_now(op_id, Some(fresh.case_id), command, seen, now);
            }
            fresh.op = Some((op_id, command));
        }
        let mut shots = Vec::with_capacity(photos.len());
        for (photo, photo_id) in photos.iter().zip(&photo_ids) {
            let file = format!("{photo_id}.raw");
            self.write_file(&file, &photo.bytes)?;
            shots.push(shot_record(photo, *photo_id, file)?);
        }
        let op_id = fresh.op.as_ref().map(|(id, _)| *id);
        let capture_id = op_id.map_or_else(|| OpId::from_parts(now.wall_ms, ten(rnd)).0, |id| id.0);
        let payload = fresh.op.as_ref().map(|(_, c)| c.to_payload()).transpose()?;
        let record = CaptureRecord {
            capture_id,
            case_id: fresh.case_id,
            op_id,
            kind: fresh.op.as_ref().map(|(_, c)| c.kind().to_owned()),
            payload: payload.map(|p| p.get().to_owned()),
            for_op: fresh.for_op,
            round: fresh.round,
            expected_state: fresh.expected_state,
            captured: serde_json::to_string(&captured)?,
            local_tag: fresh.local_tag.clone(),
            saved_ms: now.wall_ms,
            sealed: false,
            problem: None,
        };
        let tx = write(&self.db)?;
        captures::insert(&tx, &record)?;
        for (n, shot) in shots.iter().enumerate() {
            captures::insert_shot(&tx, capture_id, n, shot)?;
        }
        tx.commit()?;
        let (case_id, local_tag) = (Some(fresh.case_id), fresh.local_tag);
        Ok(Saved { capture_id, case_id, op_id, photo_ids, local_tag, sealed: false })
    }
}

fn shot_record(photo: &RawPhoto, photo_id: PhotoId, file: String) -> Result<ShotRecord, ClientError> {
    Ok(ShotRecord {
        photo_id,
        role: photo.role.as_str().to_owned(),
        media: photo.media.as_str().to_owned(),
        origin: photo.origin.as_ref().map(|o| o.as_str().to_owned()),
        position: photo.position.as_ref().map(serde_json::to_string).transpose()?,
        file,
        bytes: u64::try_from(photo.bytes.len()).unwrap_or(u64::MAX),
        state: ShotState::Raw,
        taken: None,
        filetype: None,
        problem: None,
        raw_kept: true,
        duration_ms: photo.duration_ms,
    })
}
