//! One raw photo into its forms on disk. Holds one photo at a time; knows no ops.

use crate::error::ClientError;
use crate::host::FileProblem;
use crate::replica::Replica;
use crate::store::captures::{ShotRecord, set_failed, set_formed};
use blindspot_core::command::{FormName, FormRef, MediaKind, Origin, PhotoRole, PhotoTaken};
use blindspot_core::id::Sha256;
use blindspot_core::limits::UPLOAD_BYTES_MAX;
use blindspot_core::{OpId, PhotoId};
use blindspot_photo::{DOCUMENT_TYPE, Form, Format, Limits, is_pdf, normalise, sniff, sniff_voice};
use std::collections::BTreeMap;

/// The name of a form's file.
pub(crate) fn file_name(photo: PhotoId, form: &FormName) -> String {
    format!("{photo}.{form}")
}

pub(crate) fn filetype(media: &MediaKind, bytes: &[u8]) -> &'static str {
    match (media, sniff(bytes)) {
        (MediaKind::Photo, Some(Format::Jpeg)) => "image/jpeg",
        (MediaKind::Photo, Some(Format::Png)) => "image/png",
        (MediaKind::Photo, Some(Format::Webp)) => "image/webp",
        (MediaKind::Photo, Some(Format::Heic)) => "image/heic",
        (MediaKind::Voice, _) => sniff_voice(bytes).map_or("application/octet-stream", |v| v.media_type()),
        (MediaKind::Document, _) if is_pdf(bytes) => DOCUMENT_TYPE,
        _ => "application/octet-stream",
    }
}

impl Replica {
    /// Makes the forms of a raw photo durable, or marks it as one that cannot be made; both are progress.
    /// An error is about the phone: the photo waits.
    pub(crate) fn form(&mut self, shot: &ShotRecord, for_op: Option<OpId>) -> Result<(), ClientError> {
        let mut taken = PhotoTaken {
            photo_id: shot.photo_id,
            role: PhotoRole::from_word(&shot.role),
            media: MediaKind::from_word(&shot.media),
            origin: shot.origin.as_deref().map(Origin::from_word),
            forms: BTreeMap::new(),
            raw_sha256: None,
            position: shot.position.as_deref().map(serde_json::from_str).transpose()?,
            exif_time: None,
            phash: None,
            for_op,
            duration_ms: shot.duration_ms,
        };
        let raw = match self.files.read(&shot.file) {
            Ok(raw) => {
                taken.raw_sha256 = Some(Sha256::of(&raw));
                raw
            }
            // It was sealed before, and the commit that said so is gone with a damaged write-ahead log: the original
            // form that was made of it stands in its place.
            Err(FileProblem::Missing(_)) => {
                match self.files.read(&file_name(shot.photo_id, &FormName::Original)) {
                    Ok(original) => original,
                    Err(FileProblem::Missing(_)) => return self.give_up(&taken, "raw_file_missing"),
                    Err(other) => return Err(other.into()),
                }
            }
            Err(other) => return Err(other.into()),
        };
        if taken.media != MediaKind::Photo {
            let filetype = filetype(&taken.media, &raw);
            if u64::try_from(raw.len()).unwrap_or(u64::MAX) > UPLOAD_BYTES_MAX {
                return self.give_up(&taken, "too_many_bytes");
            }
            self.keep_form(&mut taken, FormName::Original, &raw, None)?;
            return self.formed(&taken, filetype);
        }
        let made = match normalise(&raw, self.policy, &Limits::default()) {
            Ok(made) => made,
            Err(problem) => return self.give_up(&taken, problem.code()),
        };
        // Only the forms are needed from here on.
        drop(raw);
        taken.exif_time = made.exif.taken_local.clone();
        taken.phash = made.phash.map(|h| format!("{h:016x}"));
        if let Some(small) = &made.thumbnail {
            self.keep_form(&mut taken, FormName::Thumbnail, &small.bytes, Some(small))?;
        }
        if let Some(working) = &made.working {
            self.keep_form(&mut taken, FormName::Working, &working.bytes, Some(working))?;
        }
        let original = &made.original;
        self.keep_form(&mut taken, FormName::Original, &original.bytes, Some(original))?;
        self.formed(&taken, filetype(&taken.media, &original.bytes))
    }

    fn keep_form(
        &self,
        taken: &mut PhotoTaken,
        name: FormName,
        bytes: &[u8],
        form: Option<&Form>,
    ) -> Result<(), ClientError> {
        self.write_file(&file_name(taken.photo_id, &name), bytes)?;
        let sized = form.filter(|f| f.width > 0 && f.height > 0);
        let form = FormRef {
            sha256: form.map_or_else(|| Sha256::of(bytes), |f| Sha256(f.sha256)),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            width: sized.map(|f| f.width),
            height: sized.map(|f| f.height),
        };
        taken.forms.insert(name, form);
        Ok(())
    }

    fn formed(&self, taken: &PhotoTaken, filetype: &str) -> Result<(), ClientError> {
        set_formed(&self.db, taken.photo_id, &serde_json::to_string(taken)?, filetype)
    }

    fn give_up(&self, taken: &PhotoTaken, problem: &str) -> Result<(), ClientError> {
        set_failed(&self.db, taken.photo_id, &serde_json::to_string(taken)?, problem)
    }
}
