//! Renditions, off the request path: of each original that arrived the server makes its own working copy
//! and compares it with the phone's (protocol 11). A working copy whose original waits for Wi-Fi is hashed by its looks
//! already, so that the case is checked against earlier photos today. One at a time: a decoded photo is large.
//! Knows no threads; a job thread steps it.

use crate::blob::Depot;
use crate::service::uploads::NewUpload;
use crate::service::{House, ServiceError};
use blindspot_core::PhotoId;
use blindspot_core::case::PhotoRow;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::id::Sha256;
use blindspot_core::limits::UPLOAD_BYTES_MAX;
use blindspot_core::row::RowKind;
use blindspot_photo::{Limits, PhotoError, SAME_PICTURE_MAX, hash_distance, perceptual_hash, renditions};
use blindspot_store::twins::{self, Hashes};
use blindspot_store::uploads::{self as store, RenditionJob};
use blindspot_store::{StoreError, Tx, rows};
use std::io::Read as _;

/// Open renditions looked through for one whose op is here.
const OPEN_MAX: i64 = 500;

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do.
    Idle,
    /// A working copy shows what its original shows, or there was nothing to compare.
    Sound(PhotoId),
    /// A working copy does not show what its original shows: to be flagged on the case.
    Mismatch(PhotoId),
}

/// Queues the look at a photo whose form is announced: at its original, and hours before that at its working copy.
pub(super) fn queue(tx: &Tx<'_>, house: &House, new: &NewUpload) -> Result<(), StoreError> {
    match (&new.media, &new.form) {
        (MediaKind::Photo, FormName::Original) => {
            store::append_rendition(tx, &house.city, new.photo_id, new.sha256)
        }
        (MediaKind::Photo, FormName::Working) => {
            store::append_working(tx, &house.city, new.photo_id, new.sha256)
        }
        _ => Ok(()),
    }
}

/// Looks at one photo that came: makes and compares its renditions when original and working copy are both here.
///
/// # Errors
/// When database or files refuse. A photo that cannot be decoded is no error: it is noted and left.
pub fn step(house: &House, depot: &Depot, now_ms: i64) -> Result<Step, ServiceError> {
    let Some((job, row)) = house.store.read(|tx| next(tx, house))? else { return Ok(Step::Idle) };
    let uploads = house.store.read(|tx| store::load_uploads_of_photo(tx, &house.city, job.photo_id))?;
    let working = uploads.iter().rfind(|u| u.form == FormName::Working).map(|u| u.sha256);
    let original = row.forms.get(&FormName::Original).map_or(job.sha256, |form| form.sha256);
    // A working copy is not compared with itself.
    let working = working.filter(|w| *w != job.sha256);
    // Fetched before the try is counted: a storage that is away uses up none.
    let bytes = (read(depot, job.sha256)?, working.map(|w| read(depot, w)).transpose()?.flatten());
    house.store.write(|tx| store::save_rendition_tried(tx, &house.city, job.photo_id))?;
    let (found, problem, phash) = match compare(bytes, job.sha256 == original) {
        Ok((true, phash)) => (Step::Sound(job.photo_id), None, phash),
        Ok((false, phash)) => (Step::Mismatch(job.photo_id), Some("mismatch".to_owned()), phash),
        Err(error) => (Step::Sound(job.photo_id), Some(error.code().to_owned()), None),
    };
    house.store.write(|tx| {
        if let Some(phash) = phash {
            if job.sha256 == original {
                // What the phone's working copy looked like counts no longer: it may have shown something else.
                twins::forget(tx, &house.city, job.photo_id)?;
            }
            let hashes = Hashes { sha256: original, phash, at_ms: now_ms };
            twins::save(tx, &house.city, &[(job.photo_id, hashes)])?;
        }
        store::save_rendition_done(tx, &house.city, job.photo_id, now_ms, problem.as_deref())
    })?;
    Ok(found)
}

/// A photo to look at, with its row. Bytes may come before their op: without it there is nothing to flag yet.
fn next(tx: &Tx<'_>, house: &House) -> Result<Option<(RenditionJob, PhotoRow)>, StoreError> {
    for job in store::load_open_renditions(tx, &house.city, OPEN_MAX)? {
        if let Some(row) = rows::load_row(tx, &house.city, &RowKind::Photo, &job.photo_id.to_string())? {
            return Ok(Some((job, serde_json::from_str(&row.body)?)));
        }
    }
    Ok(None)
}

/// Whether both show the same, and the hash of its looks.
type Compared = Result<(bool, Option<u64>), PhotoError>;

fn compare(bytes: (Option<Vec<u8>>, Option<Vec<u8>>), is_original: bool) -> Compared {
    let (Some(looked_at), working) = bytes else { return Ok((true, None)) };
    let limits = Limits::default();
    if !is_original {
        return Ok((true, Some(perceptual_hash(&looked_at, &limits)?)));
    }
    let ours = renditions(&looked_at, &limits)?.phash;
    let Some(working) = working else { return Ok((true, Some(ours))) };
    let theirs = perceptual_hash(&working, &limits)?;
    Ok((hash_distance(ours, theirs) <= SAME_PICTURE_MAX, Some(ours)))
}

fn read(depot: &Depot, sha: Sha256) -> Result<Option<Vec<u8>>, ServiceError> {
    let Some(file) = depot.blobs.open(&sha)? else { return Ok(None) };
    let mut bytes = vec![];
    file.take(UPLOAD_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
#[path = "renditions_tests.rs"]
mod tests;
