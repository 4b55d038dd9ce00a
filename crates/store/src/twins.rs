//! Hashes of photos as the server made them, and earlier photos of the city with the same bytes or the same looks.
//! An index over sixteenths of the perceptual hash: the cost of a question does not grow with the city's photos but with how
//! many of them share a sixteenth.

use crate::{Result, Stmt, Tx};
use blindspot_core::PhotoId;
use blindspot_core::id::{CityId, Sha256};

const SQL: &str = include_str!("../sql/twins.sql");
static SAVE: Stmt = Stmt::new(SQL, "hash_save");
static BAND: Stmt = Stmt::new(SQL, "band_save");
static LOAD: Stmt = Stmt::new(SQL, "hash_load");
static SAME: Stmt = Stmt::new(SQL, "same_bytes");
static ALIKE: Stmt = Stmt::new(SQL, "alike");
static FORGET: Stmt = Stmt::new(SQL, "hash_forget");
static BANDS_FORGET: Stmt = Stmt::new(SQL, "bands_forget");

/// Hashes of one photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Of its bytes.
    pub sha256: Sha256,
    /// Of its looks.
    pub phash: u64,
    /// When it was hashed, server time.
    pub at_ms: i64,
}

/// An earlier photo that looks like another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Which.
    pub photo_id: PhotoId,
    /// In how many bits the hashes differ.
    pub bits: u32,
    /// When it was hashed.
    pub at_ms: i64,
}

/// The four sixteenths, each with its place in front.
fn bands(phash: u64) -> [i64; 4] {
    std::array::from_fn(|n| {
        let part = i64::from(u16::try_from((phash >> (16 * n)) & 0xffff).unwrap_or(0));
        i64::try_from(n).unwrap_or(0) << 16 | part
    })
}

/// Keeps the hashes of photos; the first of each stay.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn save(tx: &Tx<'_>, city: &CityId, photos: &[(PhotoId, Hashes)]) -> Result<()> {
    let sets = photos.iter().map(|(photo, hashes)| {
        let signed = i64::from_be_bytes(hashes.phash.to_be_bytes());
        [city.into(), (*photo).into(), hashes.sha256.0.into(), signed.into(), hashes.at_ms.into()]
    });
    tx.exec_many(&SAVE, sets)?;
    let sets = photos.iter().flat_map(|(photo, hashes)| {
        bands(hashes.phash).map(|band| [city.into(), band.into(), (*photo).into()])
    });
    tx.exec_many(&BAND, sets).map(drop)
}

/// The hashes of a photo, when it was hashed.
///
/// # Errors
/// The engine's.
pub fn load(tx: &Tx<'_>, city: &CityId, photo: PhotoId) -> Result<Option<Hashes>> {
    let row = tx.query_one(&LOAD, &[city.into(), photo.into()])?;
    row.map(|row| {
        let phash = u64::from_be_bytes(row.int(1)?.to_be_bytes());
        Ok(Hashes { sha256: Sha256(row.hash(0)?), phash, at_ms: row.int(2)? })
    })
    .transpose()
}

/// Another photo with the same bytes, the first that came.
///
/// # Errors
/// The engine's.
pub fn load_same_bytes(
    tx: &Tx<'_>,
    city: &CityId,
    photo: PhotoId,
    sha256: &Sha256,
) -> Result<Option<PhotoId>> {
    let rows = tx.query(&SAME, &[city.into(), sha256.0.into(), photo.into()])?;
    rows.first().map(|row| Ok(PhotoId::from_bytes(row.id(0)?))).transpose()
}

/// Other photos whose hash differs in at most `bits_max` bits; all of them up to three bits, some beyond. The nearest first.
///
/// # Errors
/// The engine's.
pub fn load_alike(
    tx: &Tx<'_>,
    city: &CityId,
    photo: PhotoId,
    phash: u64,
    bits_max: u32,
) -> Result<Vec<Alike>> {
    let mut found: Vec<Alike> = vec![];
    for band in bands(phash) {
        for row in tx.query(&ALIKE, &[city.into(), band.into(), photo.into()])? {
            let other = u64::from_be_bytes(row.int(1)?.to_be_bytes());
            let bits = (phash ^ other).count_ones();
            if bits <= bits_max {
                found.push(Alike { photo_id: PhotoId::from_bytes(row.id(0)?), bits, at_ms: row.int(2)? });
            }
        }
    }
    found.sort_by_key(|a| (a.bits, a.photo_id));
    found.dedup();
    Ok(found)
}

/// Forgets a photo that was erased.
///
/// # Errors
/// The engine's.
pub fn forget(tx: &Tx<'_>, city: &CityId, photo: PhotoId) -> Result<()> {
    if let Some(hashes) = load(tx, city, photo)? {
        let sets = bands(hashes.phash).map(|band| [city.into(), band.into(), photo.into()]);
        tx.exec_many(&BANDS_FORGET, sets)?;
        tx.exec(&FORGET, &[city.into(), photo.into()])?;
    }
    Ok(())
}
