//! Work that is handed in: how much a revoked device handed in by itself, and which exported files were taken in.
//! Knows no file.

use crate::{Result, Stmt, Tx};
use blindspot_core::DeviceId;
use blindspot_core::id::{CityId, Sha256};

const SQL: &str = include_str!("../sql/hand_ins.sql");
static COUNT: Stmt = Stmt::new(SQL, "count_handed_in");
static LOAD: Stmt = Stmt::new(SQL, "load_handed_in");
static SAVE: Stmt = Stmt::new(SQL, "save_hand_in");

/// An exported file that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandIn {
    /// SHA-256 of its manifest, which names it.
    pub manifest: Sha256,
    /// Whose work it is.
    pub device_id: DeviceId,
    /// Whose credential brought it.
    pub carrier: DeviceId,
    /// When, server time in milliseconds.
    pub at_ms: i64,
    /// Ops in it.
    pub ops: i64,
    /// Photo forms in it.
    pub photos: i64,
}

/// Adds to the ops that a revoked device handed in by itself.
///
/// # Errors
/// The engine's.
pub fn count_handed_in(tx: &Tx<'_>, city: &CityId, device: DeviceId, ops: i64) -> Result<()> {
    tx.exec(&COUNT, &[city.into(), device.into(), ops.into()]).map(drop)
}

/// How many ops a revoked device handed in by itself.
///
/// # Errors
/// The engine's.
pub fn load_handed_in(tx: &Tx<'_>, city: &CityId, device: DeviceId) -> Result<i64> {
    tx.query_one(&LOAD, &[city.into(), device.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Notes that a file was taken in; says how many times it was by now.
///
/// # Errors
/// The engine's.
pub fn save_hand_in(tx: &Tx<'_>, city: &CityId, file: &HandIn) -> Result<i64> {
    let HandIn { manifest, device_id, carrier, at_ms, ops, photos } = *file;
    let params = [
        city.into(),
        manifest.into(),
        device_id.into(),
        carrier.into(),
        at_ms.into(),
        ops.into(),
        photos.into(),
    ];
    tx.query_one(&SAVE, &params)?.map_or(Ok(1), |row| row.int(0))
}
