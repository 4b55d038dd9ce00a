//! What a backup says of itself: `manifest.json`, written last.

use super::{BackupError, Result, at, digest};
use blindspot_core::id::{CityId, Sha256};
use blindspot_store::backup::{Counts, counts, epoch_max};
use blindspot_store::{Store, StoreError, accounts, meta};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// The file's name.
pub const NAME: &str = "manifest.json";
/// Raised when a restore would read something else out of it.
const FORMAT: u32 = 1;

/// See the module text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file.
    pub format: u32,
    /// The program that made it.
    pub version: String,
    /// The city.
    pub city: String,
    /// Its name as shown.
    pub city_name: String,
    /// The epoch in force.
    pub epoch: i64,
    /// The highest epoch of any row.
    pub epoch_max: i64,
    /// The moment it shows, milliseconds since 1970.
    pub snapshot_ms: i64,
    /// SHA-256 of `blindspot.db`.
    pub db_sha256: String,
    /// Its length.
    pub db_bytes: u64,
    /// Photos that the database counts on.
    pub blobs: u64,
    /// Their bytes in all.
    pub blob_bytes: u64,
    /// Those of them that were not there when it was made.
    pub missing: Vec<String>,
    /// What the database holds.
    pub counts: Counts,
}

impl Manifest {
    /// Of a finished copy.
    pub(super) fn of(
        copy: &Store,
        city: &CityId,
        database: &Path,
        wanted: &super::blobs::Wanted,
        missing: &[Sha256],
        snapshot_ms: i64,
    ) -> Result<Self> {
        let (sha, db_bytes) = digest(database)?;
        let (record, epoch, epoch_max, counts) = copy.read(|tx| {
            let epoch = meta::load_int(tx, city, meta::EPOCH)?.unwrap_or(0);
            Ok::<_, StoreError>((
                accounts::load_city(tx, city)?,
                epoch,
                epoch_max(tx, city)?,
                counts(tx, city)?,
            ))
        })?;
        Ok(Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            city: city.to_string(),
            city_name: record.map(|r| r.name).unwrap_or_default(),
            epoch,
            epoch_max,
            snapshot_ms,
            db_sha256: sha.to_hex(),
            db_bytes,
            blobs: wanted.len() as u64,
            blob_bytes: wanted.iter().map(|(_, n)| n).sum(),
            missing: missing.iter().map(Sha256::to_hex).collect(),
            counts,
        })
    }

    /// Writes it durably.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let text = serde_json::to_vec_pretty(self).map_err(crate::service::ServiceError::from)?;
        let mut file = at(&path, File::create(&path))?;
        at(&path, file.write_all(&text).and_then(|()| file.sync_all()))
    }

    /// Reads it back.
    ///
    /// # Errors
    /// `NotWhole` when it is none, or of a newer kind.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let bytes = fs::read(&path).map_err(|e| BackupError::NotWhole(format!("{}: {e}", path.display())))?;
        let found: Self =
            serde_json::from_slice(&bytes).map_err(|e| BackupError::NotWhole(format!("{NAME}: {e}")))?;
        if found.format != FORMAT {
            return Err(BackupError::NotWhole(format!(
                "format {}, this program reads {FORMAT}",
                found.format
            )));
        }
        Ok(found)
    }
}

/// A moment as folders are named: `20261124T103000Z`.
#[must_use]
pub fn utc(ms: i64) -> String {
    let t = time::OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (y, m, d) = (t.year(), u8::from(t.month()), t.day());
    format!("{y:04}{m:02}{d:02}T{:02}{:02}{:02}Z", t.hour(), t.minute(), t.second())
}
