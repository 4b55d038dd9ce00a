//! Photos that come as files beside a list: found by name, made into the three forms that phones make, stored as the
//! importing person's own uploads.

use super::guard;
use super::send::Sending;
use crate::blob::Depot;
use crate::service::ServiceError;
use crate::service::uploads::{self, NewUpload};
use crate::service::writer::{Done, WriteJob};
use blindspot_core::PhotoId;
use blindspot_core::command::{FormName, FormRef, MediaKind, Origin, PhotoRole, PhotoTaken};
use blindspot_core::error::{BUSY, DIGEST_MISMATCH};
use blindspot_core::id::Sha256;
use blindspot_core::limits::UPLOAD_BYTES_MAX;
use blindspot_photo::{Form, Limits, OriginalPolicy, normalise};
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use zip::ZipArchive;

/// Where photo files are looked up.
pub trait PhotoFiles {
    /// The bytes of a file by its name; nothing when there is none, or it is larger than a photo may be.
    ///
    /// # Errors
    /// When the storage refuses.
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ServiceError>;
}

/// No photos at all.
pub struct NoFiles;

impl PhotoFiles for NoFiles {
    fn read(&mut self, _: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(None)
    }
}

/// Files of one folder; names that lead out of it are none of its own.
pub struct FolderFiles(pub PathBuf);

impl PhotoFiles for FolderFiles {
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let wanted = last_part(name);
        if wanted.is_empty() || wanted == ".." {
            return Ok(None);
        }
        match std::fs::File::open(self.0.join(wanted)) {
            Ok(file) if file.metadata()?.is_file() => bounded(file),
            Ok(_) => Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// Files of an archive, wherever they lie in it.
pub struct ZipFiles<F> {
    archive: ZipArchive<F>,
    by_name: BTreeMap<String, usize>,
    by_last: BTreeMap<String, usize>,
}

impl<F: Read + Seek> ZipFiles<F> {
    /// Looks at what is in an archive.
    ///
    /// # Errors
    /// `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`.
    pub fn open(file: F) -> Result<Self, ServiceError> {
        let mut archive = guard::open(file)?;
        let mut by_name = BTreeMap::new();
        for at in 0..archive.len() {
            // Encrypted and damaged parts are not there.
            let Ok(part) = archive.by_index_raw(at) else { continue };
            by_name.insert(text_of(part.name_raw()), at);
        }
        let by_last = by_name.iter().map(|(name, at)| (last_part(name).to_lowercase(), *at)).collect();
        Ok(Self { archive, by_name, by_last })
    }

    /// Whether it holds a part of this very name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The only file of one of these kinds that does not lie in a folder: the list itself.
    pub(super) fn list(&mut self) -> Option<(String, Vec<u8>)> {
        let is_list = |(name, _): &(&String, &usize)| {
            let lower = name.to_lowercase();
            !name.contains('/') && (lower.ends_with(".xlsx") || lower.ends_with(".csv"))
        };
        let mut lists = self.by_name.iter().filter(is_list);
        let (name, at) = lists.next().filter(|_| lists.next().is_none())?;
        let part = self.archive.by_index(*at).ok()?;
        let mut bytes = vec![];
        let most = blindspot_core::limits::SHEET_XML_BYTES_MAX;
        part.take(most + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= most).then(|| (name.clone(), bytes))
    }
}

impl<F: Read + Seek> PhotoFiles for ZipFiles<F> {
    fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let Some(at) = self.by_last.get(&last_part(name).to_lowercase()) else { return Ok(None) };
        match self.archive.by_index(*at) {
            Ok(part) => bounded(part),
            Err(_) => Ok(None),
        }
    }
}

/// Names in an archive are UTF-8, or what Windows in China writes.
fn text_of(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::GB18030.decode(name).0.into_owned(),
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name).trim()
}

fn bounded(from: impl Read) -> Result<Option<Vec<u8>>, ServiceError> {
    let mut bytes = vec![];
    if from.take(UPLOAD_BYTES_MAX + 1).read_to_end(&mut bytes).is_err() {
        // A damaged part of an archive is a photo that is not there.
        return Ok(None);
    }
    Ok((bytes.len() as u64 <= UPLOAD_BYTES_MAX).then_some(bytes))
}

/// A photo as its op says it, with the bytes of its forms.
pub(super) struct Forms {
    pub(super) taken: PhotoTaken,
    pub(super) files: BTreeMap<FormName, Vec<u8>>,
}

/// Makes the forms, as a phone would; nothing when it is no photo.
pub(super) fn forms_of(photo_id: PhotoId, raw: &[u8]) -> Option<Forms> {
    let made = normalise(raw, OriginalPolicy::Bounded, &Limits::default()).ok()?;
    let (mut forms, mut files) = (BTreeMap::new(), BTreeMap::new());
    let mut keep = |name: FormName, form: Form| {
        let size = |n: u32| (n > 0).then_some(n);
        let named = FormRef {
            sha256: Sha256(form.sha256),
            bytes: form.bytes.len() as u64,
            width: size(form.width),
            height: size(form.height),
        };
        forms.insert(name.clone(), named);
        files.insert(name, form.bytes);
    };
    if let Some(small) = made.thumbnail {
        keep(FormName::Thumbnail, small);
    }
    if let Some(working) = made.working {
        keep(FormName::Working, working);
    }
    keep(FormName::Original, made.original);
    let taken = PhotoTaken {
        photo_id,
        role: PhotoRole::Before,
        media: MediaKind::Photo,
        origin: Some(Origin::Album),
        forms,
        raw_sha256: Some(Sha256(made.raw_sha256)),
        position: None,
        exif_time: made.exif.taken_local,
        phash: made.phash.map(|h| format!("{h:016x}")),
        for_op: None,
        duration_ms: None,
    };
    Some(Forms { taken, files })
}

/// Stores the forms as uploads of the importing person, each acknowledged before its op is sent.
pub(super) fn keep_forms(
    to: Sending<'_>,
    depot: &Depot,
    taken: &PhotoTaken,
    files: &BTreeMap<FormName, Vec<u8>>,
) -> Result<(), ServiceError> {
    for (form, bytes) in files {
        let length = bytes.len() as u64;
        let new = NewUpload {
            length,
            photo_id: taken.photo_id,
            form: form.clone(),
            media: MediaKind::Photo,
            sha256: Sha256::of(bytes),
        };
        let mut state = uploads::create(to.house, depot, to.who, &new, to.now_ms)?;
        if state.arrival.is_none() {
            let at = (state.upload_id, 0);
            let mut incoming = uploads::begin(to.house, depot, to.who, at, (Some(length), None), to.now_ms)?;
            incoming.write(bytes)?;
            state = incoming.finish(to.house, depot, true)?;
        }
        let arrival = state.arrival.ok_or(ServiceError::Refused(&DIGEST_MISMATCH, None))?;
        let (send, receive) = channel();
        let done: Done<()> = Box::new(move |result| {
            // Whoever waits is right below.
            let _ = send.send(result);
        });
        let job: WriteJob = arrival.into_job(to.now_ms, done);
        (to.submit)(job)?;
        receive.recv().unwrap_or(Err(ServiceError::Refused(&BUSY, None)))?;
        uploads::acknowledged(depot, state.upload_id);
    }
    Ok(())
}
