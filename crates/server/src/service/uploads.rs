//! Uploads of photo bytes as tus 1.0 sees them: create, ask, append, end (protocol 11).
//!
//! Bytes are stored and verified first, outside any transaction; then one `photo_arrived` transaction of
//! the writer links and acknowledges them. Only after it may anyone be told `Upload-Verified`. Knows no HTTP.

use crate::blob::{Depot, Part};
pub use crate::service::upload_request::{Checksum, NewUpload};
use crate::service::upload_request::{Gathered, Running};
use crate::service::writer::{Done, WriteJob};
use crate::service::{Credential, House, ServiceError};
use crate::service::{cases, limits, renditions};
use blindspot_core::PhotoId;
use blindspot_core::command::MediaKind;
use blindspot_core::error::{
    CHECKSUM_MISMATCH, DIGEST_MISMATCH, ERASED, NOT_FOUND, OFFSET_CONFLICT, UNSUPPORTED_MEDIA_TYPE,
    UPLOAD_GONE, UPLOAD_TOO_LARGE,
};
use blindspot_core::id::Sha256;
use blindspot_core::limits::{UPLOAD_BYTES_MAX, VOICE_BYTES_MAX};
use blindspot_store::erased::{self, ErasedId};
use blindspot_store::uploads as store;
use blindspot_store::uploads::Upload;
use blindspot_store::{StoreError, Tx};
use std::io::ErrorKind;

/// An unfinished upload lives this long after its creation, milliseconds (7 days).
pub const UPLOAD_LIFE_MS: i64 = 7 * 24 * 3_600_000;

/// Bytes that are stored and verified, to be linked and acknowledged by the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Whose upload it is.
    pub credential: Credential,
    /// The photo.
    pub photo_id: PhotoId,
    /// Of the bytes.
    pub sha256: Sha256,
    /// The upload.
    pub upload_id: [u8; 16],
}

impl Arrival {
    /// The writer's job for it.
    #[must_use]
    pub fn into_job(self, now_ms: i64, done: Done<()>) -> WriteJob {
        let Self { credential, photo_id, sha256, upload_id } = self;
        WriteJob::Arrived { credential, photo_id, sha256, upload_id, now_ms, done }
    }
}

/// How an upload stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadState {
    /// Its id.
    pub upload_id: [u8; 16],
    /// Bytes in all.
    pub length: u64,
    /// Bytes durably here.
    pub offset: u64,
    /// When it is swept if unfinished, milliseconds since 1970.
    pub expires_ms: i64,
    /// The hash, once acknowledged.
    pub verified: Option<Sha256>,
    /// To be given to the writer before anything is answered; then `verified` may be said.
    pub arrival: Option<Arrival>,
}

/// Begins an upload. Bytes that the caller sent before, or may read, need not be sent again; nobody else
/// learns that they are here.
///
/// # Errors
/// `ERASED` for a photo or bytes that were erased, `UPLOAD_TOO_LARGE` by the kind of file, `UPLOAD_QUOTA` for a device that has begun too much today.
pub fn create(
    house: &House,
    depot: &Depot,
    credential: Credential,
    new: &NewUpload,
    now_ms: i64,
) -> Result<UploadState, ServiceError> {
    let most = if new.media == MediaKind::Voice { VOICE_BYTES_MAX } else { UPLOAD_BYTES_MAX };
    if new.length > most {
        return Err(ServiceError::refused(&UPLOAD_TOO_LARGE));
    }
    if house.store.read(|tx| is_erased(tx, house, new))? {
        return Err(ServiceError::refused(&ERASED));
    }
    let had = already_here(house, depot, credential, new, now_ms)?;
    let mut upload_id = [0; 16];
    house.random.fill(&mut upload_id);
    depot.parts.begin(upload_id);
    let upload = Upload {
        upload_id,
        photo_id: new.photo_id,
        form: new.form.clone(),
        media: new.media.clone(),
        sha256: new.sha256,
        length: new.length,
        received: if had { new.length } else { 0 },
        device_id: credential.device,
        person_id: credential.person,
        created_ms: now_ms,
        expires_ms: now_ms + UPLOAD_LIFE_MS,
        verified_ms: None,
    };
    house.store.write(|tx| {
        if !had {
            limits::quota::count(tx, house, credential.device, new.length, now_ms)?;
        }
        store::save_upload(tx, &house.city, &upload)?;
        Ok::<_, ServiceError>(renditions::queue(tx, house, new)?)
    })?;
    let arrival = had.then(|| arrival_of(&upload, credential));
    Ok(UploadState {
        upload_id,
        length: new.length,
        offset: upload.received,
        expires_ms: upload.expires_ms,
        verified: None,
        arrival,
    })
}

/// Whether the photo or these very bytes were erased; in most cities nothing ever was.
fn is_erased(tx: &Tx<'_>, house: &House, new: &NewUpload) -> Result<bool, StoreError> {
    let on_list = |what| erased::load(tx, &house.city, &what).map(|item| item.is_some());
    Ok(erased::load_any(tx, &house.city)?
        && (on_list(ErasedId::Photo(new.photo_id))? || on_list(ErasedId::Blob(new.sha256))?))
}

fn arrival_of(upload: &Upload, credential: Credential) -> Arrival {
    let Upload { photo_id, sha256, upload_id, .. } = *upload;
    Arrival { credential, photo_id, sha256, upload_id }
}

fn already_here(
    house: &House,
    depot: &Depot,
    credential: Credential,
    new: &NewUpload,
    now_ms: i64,
) -> Result<bool, ServiceError> {
    let mut same = house.store.read(|tx| store::load_uploads_with_hash(tx, &house.city, new.sha256))?;
    // Bytes that came as a photo were looked at as a photo: as anything else they come again.
    same.retain(|u| u.media == new.media);
    if same.is_empty() || depot.blobs.len(&new.sha256)? != Some(new.length) {
        return Ok(false);
    }
    if same.iter().any(|u| u.person_id == credential.person) {
        return Ok(true);
    }
    for upload in same {
        if cases::can_read_photo(house, credential, upload.photo_id, now_ms)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The upload, when it is the caller's.
fn own(
    house: &House,
    credential: Credential,
    upload_id: [u8; 16],
    now_ms: i64,
) -> Result<Upload, ServiceError> {
    let found = house.store.read(|tx| store::load_upload(tx, &house.city, upload_id))?;
    let upload =
        found.filter(|u| u.person_id == credential.person).ok_or(ServiceError::Refused(&NOT_FOUND, None))?;
    if upload.verified_ms.is_none() && upload.expires_ms <= now_ms {
        return Err(ServiceError::refused(&UPLOAD_GONE));
    }
    Ok(upload)
}

/// How an upload stands. One whose last reply was lost is brought to its end here.
///
/// # Errors
/// `NOT_FOUND` for another person's, `UPLOAD_GONE`, and what `Incoming::finish` may say.
pub fn state(
    house: &House,
    depot: &Depot,
    credential: Credential,
    upload_id: [u8; 16],
    now_ms: i64,
) -> Result<UploadState, ServiceError> {
    let upload = own(house, credential, upload_id, now_ms)?;
    let mut state = UploadState {
        upload_id,
        length: upload.length,
        offset: upload.length,
        expires_ms: upload.expires_ms,
        verified: None,
        arrival: None,
    };
    if upload.verified_ms.is_some() {
        state.verified = Some(upload.sha256);
    } else if upload.received == upload.length || depot.parts.is_stored(upload_id) {
        state.arrival = Some(arrival_of(&upload, credential));
    } else {
        state.offset = depot.parts.len(upload_id)?;
        if state.offset >= upload.length {
            let mut part = depot.parts.hold(upload_id, state.offset)?;
            part.sync(true).map_err(taken_over)?;
            state.arrival = Some(close(house, depot, &upload, credential, part, None)?);
        }
    }
    Ok(state)
}

/// A request that is appending.
pub struct Incoming {
    upload: Upload,
    credential: Credential,
    part: Part,
    at: u64,
    running: Option<Running>,
    /// Of the whole file, when this request began it: then it need not be read again at the end.
    whole: Option<Gathered>,
}

/// Begins to append at an offset.
///
/// # Errors
/// `OFFSET_CONFLICT` when the upload stands elsewhere, `UPLOAD_TOO_LARGE` when the announced bytes go past
/// its end, `NOT_FOUND`, `UPLOAD_GONE`.
pub fn begin(
    house: &House,
    depot: &Depot,
    credential: Credential,
    (upload_id, offset): ([u8; 16], u64),
    (announced, checksum): (Option<u64>, Option<Checksum>),
    now_ms: i64,
) -> Result<Incoming, ServiceError> {
    let upload = own(house, credential, upload_id, now_ms)?;
    let at_end = upload.verified_ms.is_some() || upload.received == upload.length;
    if at_end || depot.parts.is_stored(upload_id) {
        return Err(conflict(upload.length));
    }
    if announced.is_some_and(|n| offset.saturating_add(n) > upload.length) {
        return Err(ServiceError::because(&UPLOAD_TOO_LARGE, "more bytes than Upload-Length"));
    }
    let part = depot.parts.hold(upload_id, offset)?;
    if part.start() != offset {
        return Err(conflict(part.start()));
    }
    let whole = (offset == 0).then(Gathered::default);
    Ok(Incoming { upload, credential, part, at: offset, running: checksum.map(Running::new), whole })
}

fn conflict(at: u64) -> ServiceError {
    ServiceError::because(&OFFSET_CONFLICT, format!("Upload-Offset is {at}"))
}

impl Incoming {
    /// Appends bytes.
    ///
    /// # Errors
    /// `UPLOAD_TOO_LARGE` past the end, `OFFSET_CONFLICT` when a later request has taken over.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ServiceError> {
        let end = self.at + bytes.len() as u64;
        if end > self.upload.length {
            return Err(ServiceError::because(&UPLOAD_TOO_LARGE, "more bytes than Upload-Length"));
        }
        self.part.append(bytes).map_err(taken_over)?;
        if let Some(running) = &mut self.running {
            running.update(bytes);
        }
        if let Some(whole) = &mut self.whole {
            whole.update(bytes);
        }
        self.at = end;
        Ok(())
    }

    /// Ends the request. `whole` says that all of its bytes came: what a cut left is kept when nothing
    /// contradicts it, the digest of all bytes is checked at the end in any case.
    ///
    /// # Errors
    /// `CHECKSUM_MISMATCH` (the request's bytes do not count); at the end of the upload `DIGEST_MISMATCH`
    /// and `UNSUPPORTED_MEDIA_TYPE` (the upload is over, nothing is stored).
    pub fn finish(mut self, house: &House, depot: &Depot, whole: bool) -> Result<UploadState, ServiceError> {
        if whole && !self.running.take().is_none_or(Running::holds) {
            self.part.undo().map_err(taken_over)?;
            return Err(ServiceError::refused(&CHECKSUM_MISMATCH));
        }
        let last = self.part.length().map_err(taken_over)? == self.upload.length;
        let offset = self.part.sync(last).map_err(taken_over)?;
        let mut state = UploadState {
            upload_id: self.upload.upload_id,
            length: self.upload.length,
            offset,
            expires_ms: self.upload.expires_ms,
            verified: None,
            arrival: None,
        };
        if offset == self.upload.length {
            // What another request put into the file in between is not in what was gathered.
            let whole = self.whole.filter(|_| self.at == offset).map(Gathered::finish);
            let arrival = close(house, depot, &self.upload, self.credential, self.part, whole)?;
            state.arrival = Some(arrival);
        }
        Ok(state)
    }
}

fn taken_over(error: std::io::Error) -> ServiceError {
    match error.kind() {
        ErrorKind::ResourceBusy => {
            ServiceError::because(&OFFSET_CONFLICT, "another request goes on with this upload")
        }
        _ => error.into(),
    }
}

/// All bytes are here and durable: verifies them and stores them under their hash, or ends the upload.
/// `gathered` is their digest and beginning when they were seen as they came.
fn close(
    house: &House,
    depot: &Depot,
    upload: &Upload,
    credential: Credential,
    mut part: Part,
    gathered: Option<(Sha256, Vec<u8>)>,
) -> Result<Arrival, ServiceError> {
    let (sha256, head) = gathered.map_or_else(|| part.digest(), Ok)?;
    let fault = if part.length()? != upload.length || sha256 != upload.sha256 {
        Some(&DIGEST_MISMATCH)
    } else if !is_what_it_says(&upload.media, &head) {
        Some(&UNSUPPORTED_MEDIA_TYPE)
    } else {
        None
    };
    if let Some(fault) = fault {
        end(house, depot, upload.upload_id)?;
        return Err(ServiceError::because(fault, format!("these bytes: {sha256}")));
    }
    let path = part.path().to_owned();
    // Some systems do not rename a file that is open.
    drop(part);
    depot.blobs.put(&sha256, &path)?;
    depot.parts.mark_stored(upload.upload_id)?;
    Ok(arrival_of(upload, credential))
}

/// Judged by the bytes' own beginning; names and stated types count for nothing.
fn is_what_it_says(media: &MediaKind, head: &[u8]) -> bool {
    match media {
        MediaKind::Photo => blindspot_photo::sniff(head).is_some(),
        MediaKind::Voice => blindspot_photo::sniff_voice(head).is_some(),
        MediaKind::Document => blindspot_photo::is_pdf(head),
        MediaKind::Other(_) => false,
    }
}

fn end(house: &House, depot: &Depot, upload_id: [u8; 16]) -> Result<(), ServiceError> {
    house.store.write(|tx| store::remove_upload(tx, &house.city, upload_id))?;
    Ok(depot.parts.remove(upload_id)?)
}

/// Forgets what only an unacknowledged upload needs. Called after the writer has linked it.
pub fn acknowledged(depot: &Depot, upload_id: [u8; 16]) {
    if let Err(error) = depot.parts.remove(upload_id) {
        tracing::warn!(%error, "an upload's mark stays behind");
    }
}

/// Ends an unfinished upload; a finished one stays.
///
/// # Errors
/// `NOT_FOUND`, `UPLOAD_GONE`.
pub fn terminate(
    house: &House,
    depot: &Depot,
    credential: Credential,
    upload_id: [u8; 16],
    now_ms: i64,
) -> Result<(), ServiceError> {
    own(house, credential, upload_id, now_ms)?;
    end(house, depot, upload_id)
}

/// Removes unfinished uploads past their time; gives how many.
///
/// # Errors
/// When database or files refuse.
pub fn sweep(house: &House, depot: &Depot, now_ms: i64) -> Result<usize, ServiceError> {
    let expired = house.store.read(|tx| store::load_expired(tx, &house.city, now_ms))?;
    for upload_id in &expired {
        end(house, depot, *upload_id)?;
    }
    Ok(expired.len())
}

#[cfg(test)]
#[path = "uploads_tests.rs"]
mod tests;
