//! Uploads of photo bytes and the queue of renditions. A verified upload is itself a reference to its
//! bytes. Knows no files.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::case::PhotoArrival;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::{DeviceId, PersonId, PhotoId};
use std::collections::BTreeSet;

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/uploads.sql"), $key);)+
    };
}
statements! {
    UPLOAD_SAVE = "upload_save";
    UPLOAD_LOAD = "upload_load";
    UPLOAD_VERIFIED = "upload_verified";
    UPLOAD_REMOVE = "upload_remove";
    UPLOADS_VERIFIED_FOR = "uploads_verified_for";
    UPLOADS_OF_PHOTO = "uploads_of_photo";
    UPLOAD_OWNER = "upload_owner";
    UPLOADS_VERIFIED_PAGE = "uploads_verified_page";
    UPLOADS_WITH_HASH = "uploads_with_hash";
    UPLOADS_EXPIRED = "uploads_expired";
    UPLOADS_VERIFIED_HASHES = "uploads_verified_hashes";
    UPLOAD_COUNTS = "upload_counts";
    RENDITION_ADD = "rendition_add";
    RENDITION_FIRST = "rendition_first";
    RENDITIONS_OPEN = "renditions_open";
    RENDITION_TRIED = "rendition_tried";
    RENDITION_DONE = "rendition_done";
    DAY_COUNT = "upload_day_count";
    DAYS_SWEEP = "upload_days_sweep";
}

/// An upload as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id: random, in its address.
    pub upload_id: [u8; 16],
    /// The photo.
    pub photo_id: PhotoId,
    /// Which form of it.
    pub form: FormName,
    /// What the bytes are.
    pub media: MediaKind,
    /// SHA-256 that the bytes must have.
    pub sha256: Sha256,
    /// Bytes in all.
    pub length: u64,
    /// Bytes durably here.
    pub received: u64,
    /// The device that began it.
    pub device_id: DeviceId,
    /// Its person: only their devices may go on.
    pub person_id: PersonId,
    /// When it began, milliseconds since 1970.
    pub created_ms: i64,
    /// When an unfinished one is swept.
    pub expires_ms: i64,
    /// When length and hash were found right.
    pub verified_ms: Option<i64>,
}

fn upload_of(row: &Row) -> Result<Upload> {
    Ok(Upload {
        upload_id: row.id(0)?,
        photo_id: PhotoId::from_bytes(row.id(1)?),
        form: FormName::from_word(row.text(2)?),
        media: MediaKind::from_word(row.text(3)?),
        sha256: Sha256(row.hash(4)?),
        length: u64::try_from(row.int(5)?).unwrap_or(0),
        received: u64::try_from(row.int(6)?).unwrap_or(0),
        device_id: DeviceId::from_bytes(row.id(7)?),
        person_id: PersonId::from_bytes(row.id(8)?),
        created_ms: row.int(9)?,
        expires_ms: row.int(10)?,
        verified_ms: row.opt_int(11)?,
    })
}

fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Adds an upload.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn save_upload(tx: &Tx<'_>, city: &CityId, upload: &Upload) -> Result<()> {
    let params = [
        city.as_str().into(),
        upload.upload_id.into(),
        upload.photo_id.into(),
        upload.form.as_str().into(),
        upload.media.as_str().into(),
        upload.sha256.into(),
        int(upload.length).into(),
        int(upload.received).into(),
        upload.device_id.into(),
        upload.person_id.into(),
        upload.created_ms.into(),
        upload.expires_ms.into(),
    ];
    tx.exec(&UPLOAD_SAVE, &params).map(drop)
}

/// An upload by id.
///
/// # Errors
/// When the engine refuses.
pub fn load_upload(tx: &Tx<'_>, city: &CityId, upload_id: [u8; 16]) -> Result<Option<Upload>> {
    tx.query_one(&UPLOAD_LOAD, &[city.as_str().into(), upload_id.into()])?.map(|r| upload_of(&r)).transpose()
}

/// Marks an upload as verified; says whether that is new.
///
/// # Errors
/// When the engine refuses.
pub fn save_verified(tx: &Tx<'_>, city: &CityId, upload_id: [u8; 16], now_ms: i64) -> Result<bool> {
    Ok(tx.exec(&UPLOAD_VERIFIED, &[city.as_str().into(), upload_id.into(), now_ms.into()])? > 0)
}

/// Removes an unfinished upload; a verified one stays.
///
/// # Errors
/// When the engine refuses.
pub fn remove_upload(tx: &Tx<'_>, city: &CityId, upload_id: [u8; 16]) -> Result<bool> {
    Ok(tx.exec(&UPLOAD_REMOVE, &[city.as_str().into(), upload_id.into()])? > 0)
}

/// Verified bytes for some photos, each with who sent them.
///
/// # Errors
/// When the engine refuses.
pub fn load_verified_for(
    tx: &Tx<'_>,
    city: &CityId,
    photos: &BTreeSet<PhotoId>,
) -> Result<Vec<(PhotoArrival, PersonId)>> {
    let rows = tx.query_many(&UPLOADS_VERIFIED_FOR, photos.iter().map(|p| [city.into(), (*p).into()]))?;
    rows.iter()
        .map(|r| {
            let photo_id = PhotoId::from_bytes(r.id(0)?);
            let arrival = PhotoArrival { photo_id, sha256: Sha256(r.hash(1)?) };
            Ok((arrival, PersonId::from_bytes(r.id(2)?)))
        })
        .collect()
}

/// Verified uploads of a photo, oldest first.
///
/// # Errors
/// When the engine refuses.
pub fn load_uploads_of_photo(tx: &Tx<'_>, city: &CityId, photo: PhotoId) -> Result<Vec<Upload>> {
    tx.query(&UPLOADS_OF_PHOTO, &[city.as_str().into(), photo.into()])?.iter().map(upload_of).collect()
}

/// Gives the bytes that a device brought for a photo to a person: whose they are was found out later.
///
/// # Errors
/// When the engine refuses.
pub fn save_owner(
    tx: &Tx<'_>,
    city: &CityId,
    photo: PhotoId,
    device: DeviceId,
    person: PersonId,
) -> Result<()> {
    tx.exec(&UPLOAD_OWNER, &[city.as_str().into(), photo.into(), device.into(), person.into()]).map(drop)
}

/// Verified uploads in the order of their photos, after one.
///
/// # Errors
/// When the engine refuses.
pub fn load_verified_page(tx: &Tx<'_>, city: &CityId, after: PhotoId, most: i64) -> Result<Vec<Upload>> {
    tx.query(&UPLOADS_VERIFIED_PAGE, &[city.as_str().into(), after.into(), most.into()])?
        .iter()
        .map(upload_of)
        .collect()
}

/// Verified uploads of the same bytes, oldest first, at most 50.
///
/// # Errors
/// When the engine refuses.
pub fn load_uploads_with_hash(tx: &Tx<'_>, city: &CityId, sha256: Sha256) -> Result<Vec<Upload>> {
    tx.query(&UPLOADS_WITH_HASH, &[city.as_str().into(), sha256.into()])?.iter().map(upload_of).collect()
}

/// Unfinished uploads past their time, at most 500.
///
/// # Errors
/// When the engine refuses.
pub fn load_expired(tx: &Tx<'_>, city: &CityId, now_ms: i64) -> Result<Vec<[u8; 16]>> {
    tx.query(&UPLOADS_EXPIRED, &[city.as_str().into(), now_ms.into()])?.iter().map(|r| r.id(0)).collect()
}

/// Hash and length of all verified bytes, for checking the blobs.
///
/// # Errors
/// When the engine refuses.
pub fn load_verified_hashes(tx: &Tx<'_>, city: &CityId) -> Result<Vec<(Sha256, u64)>> {
    tx.query(&UPLOADS_VERIFIED_HASHES, &[city.as_str().into()])?
        .iter()
        .map(|r| Ok((Sha256(r.hash(0)?), u64::try_from(r.int(1)?).unwrap_or(0))))
        .collect()
}

/// How many uploads are verified and how many are not.
///
/// # Errors
/// When the engine refuses.
pub fn load_counts(tx: &Tx<'_>, city: &CityId) -> Result<(i64, i64)> {
    match tx.query_one(&UPLOAD_COUNTS, &[city.as_str().into()])? {
        Some(row) => Ok((row.int(0)?, row.int(1)?)),
        None => Ok((0, 0)),
    }
}

/// A rendition to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenditionJob {
    /// The photo.
    pub photo_id: PhotoId,
    /// Its original; its working copy until that is announced.
    pub sha256: Sha256,
    /// Tries so far.
    pub tries: i64,
}

/// Queues the renditions of a photo, once for each original; they wait until its bytes are verified.
///
/// # Errors
/// When the engine refuses.
pub fn append_rendition(tx: &Tx<'_>, city: &CityId, photo: PhotoId, sha256: Sha256) -> Result<()> {
    tx.exec(&RENDITION_ADD, &[city.as_str().into(), photo.into(), sha256.into()]).map(drop)
}

/// Queues a look at a photo's working copy, which comes hours before its original where originals wait for Wi-Fi; where the
/// original was here before it, the two are compared now.
///
/// # Errors
/// When the engine refuses.
pub fn append_working(tx: &Tx<'_>, city: &CityId, photo: PhotoId, sha256: Sha256) -> Result<()> {
    tx.exec(&RENDITION_FIRST, &[city.as_str().into(), photo.into(), sha256.into()]).map(drop)
}

/// Renditions to make: what is to be looked at is verified, and no working copy is still under way; one tried three times
/// is left.
///
/// # Errors
/// When the engine refuses.
pub fn load_open_renditions(tx: &Tx<'_>, city: &CityId, limit: i64) -> Result<Vec<RenditionJob>> {
    tx.query(&RENDITIONS_OPEN, &[city.as_str().into(), limit.into()])?
        .iter()
        .map(|r| {
            Ok(RenditionJob {
                photo_id: PhotoId::from_bytes(r.id(0)?),
                sha256: Sha256(r.hash(1)?),
                tries: r.int(2)?,
            })
        })
        .collect()
}

/// Counts a try before it is made, so that a photo which kills the process is not tried for ever.
///
/// # Errors
/// When the engine refuses.
pub fn save_rendition_tried(tx: &Tx<'_>, city: &CityId, photo: PhotoId) -> Result<()> {
    tx.exec(&RENDITION_TRIED, &[city.as_str().into(), photo.into()]).map(drop)
}

/// Closes a rendition, with what was wrong if anything was.
///
/// # Errors
/// When the engine refuses.
pub fn save_rendition_done(
    tx: &Tx<'_>,
    city: &CityId,
    photo: PhotoId,
    now_ms: i64,
    problem: Option<&str>,
) -> Result<()> {
    let params = [city.as_str().into(), photo.into(), now_ms.into(), problem.into()];
    tx.exec(&RENDITION_DONE, &params).map(drop)
}

/// Adds bytes to what a device has begun to upload on a day; gives the day's sum with them.
///
/// # Errors
/// When the engine refuses.
pub fn count_day_bytes(tx: &Tx<'_>, city: &CityId, device: DeviceId, day: i64, bytes: u64) -> Result<u64> {
    let row =
        tx.query_one(&DAY_COUNT, &[city.as_str().into(), device.into(), day.into(), int(bytes).into()])?;
    Ok(row.map(|r| r.int(0)).transpose()?.and_then(|n| u64::try_from(n).ok()).unwrap_or(bytes))
}

/// Forgets the counts of days before one.
///
/// # Errors
/// When the engine refuses.
pub fn sweep_days(tx: &Tx<'_>, city: &CityId, before_day: i64) -> Result<usize> {
    tx.exec(&DAYS_SWEEP, &[city.as_str().into(), before_day.into()])
}
