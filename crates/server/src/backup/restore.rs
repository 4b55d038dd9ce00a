//! A backup brought back into a new folder. What the server had told phones after the backup is gone, so it opens a
//! new epoch, and every number that people have seen jumps.

use super::manifest::Manifest;
use super::{BackupError, Progress, Result, at, blobs, digest, private_copy, restores, sync_folder};
#[cfg(feature = "s3")]
use crate::blob::Depot;
use crate::blob::Place;
use crate::service::erasure;
use crate::state::DataFolder;
use blindspot_core::id::CityId;
use blindspot_store::{Options, Store, StoreError, accounts, audit, backup, erased, uploads};
use std::fs::{self, File};
use std::path::Path;

/// What a restore came to.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Restored {
    /// What was restored.
    pub manifest: Manifest,
    /// The epoch that is now in force.
    pub epoch: i64,
    /// How far behind the backup is, milliseconds.
    pub behind_ms: i64,
    /// What every number that people have seen was moved by.
    pub jump: i64,
    /// Whether the restore is noted beside the backups. If not, another restore from there gives the same numbers again.
    pub noted: bool,
    /// Lines of the list of erasures that this backup was older than, and that were carried out again.
    pub erased: usize,
}

/// Erases in the restored database what was erased after the backup. A server that starts on it would do the same.
fn carry_out(data: &Path, now_ms: i64, nothing: bool) -> Result<usize> {
    if nothing {
        return Ok(0);
    }
    let before = Store::open_copy(&data.join("blindspot.db"))?;
    let city = before.read(accounts::load_only_city)?.map(|c| c.city).unwrap_or_else(|| CityId::from("city"));
    let known = before.read(|tx| erased::load_all(tx, &city))?.len();
    drop(before);
    let folder = DataFolder::open(data, None, now_ms).map_err(|e| BackupError::NotWhole(e.to_string()))?;
    let all = folder.house.store.read(|tx| erased::load_all(tx, &city))?.len();
    folder.close()?;
    Ok(all.saturating_sub(known))
}

/// Checks a backup and brings it back into a folder, its photos where the place says. `read_blobs` compares every photo
/// with its name before anything is believed.
///
/// # Errors
/// `NotEmpty`, `NotWhole`, `Missing`, `Damaged`; nothing that was in `data` is touched.
pub fn restore(
    from: &Path,
    (data, photos): (&Path, &Place),
    read_blobs: bool,
    now_ms: i64,
    progress: Progress<'_>,
) -> Result<Restored> {
    if data.exists() && at(data, fs::read_dir(data))?.next().is_some() {
        return Err(BackupError::NotEmpty(data.display().to_string()));
    }
    let manifest = Manifest::read(from)?;
    let database = from.join("blindspot.db");
    let (sha, bytes) = digest(&database)?;
    if sha.to_hex() != manifest.db_sha256 || bytes != manifest.db_bytes {
        return Err(BackupError::NotWhole("blindspot.db differs from manifest.json".into()));
    }
    backup::check(&database)?;
    let city = CityId::from(manifest.city.as_str());
    let mut wanted = Store::open_copy(&database)?.read(|tx| uploads::load_verified_hashes(tx, &city))?;
    // What was missing when it was made is not asked of it; `verify blobs` goes on naming it.
    wanted.retain(|(sha, _)| !manifest.missing.contains(&sha.to_hex()));
    let beside = from.parent().unwrap_or(from);
    // What was erased after the backup was made does not come back; its bytes may be gone from the folder already.
    let list = at(beside, erasure::read_list(beside, &city))?;
    let gone = erasure::blobs_of(&list);
    wanted.retain(|(sha, _)| !gone.contains(sha));
    let shared = beside.join("blobs");
    if read_blobs {
        blobs::verify(&shared, &wanted, progress)?;
    }
    at(data, fs::create_dir_all(data))?;
    let missing = match photos {
        Place::Disk => blobs::gather(&shared, &data.join("blobs"), &wanted, progress)?.1,
        #[cfg(feature = "s3")]
        place => {
            at(data, place.note(data))?;
            let depot = at(data, Depot::open_at(data, place))?;
            blobs::bring(&shared, &*depot.blobs, (&data.join("photo.part"), &wanted), progress)?
        }
    };
    if let Some(first) = missing.first() {
        return Err(BackupError::Missing(missing.len(), first.to_hex()));
    }
    private_copy(&from.join("secret.key"), &data.join("secret.key"))?;
    // Before the database has its name: whoever starts a server on it finds the list.
    at(data, erasure::append_list(data, &city, &list))?;
    // Under its own name only when it is whole and of the new epoch: a restore that was cut off does not start.
    let part = data.join("blindspot.db.part");
    at(&part, fs::copy(&database, &part))?;
    let jump = at(beside, restores::jump(beside))?;
    let noted = restores::note(beside, manifest.snapshot_ms, now_ms);
    let epoch = reopen(&part, &city, &manifest, jump, now_ms)?;
    at(&part, File::open(&part).and_then(|f| f.sync_all()))?;
    let into = data.join("blindspot.db");
    at(&into, fs::rename(&part, &into))?;
    sync_folder(data)?;
    let erased = carry_out(data, now_ms, list.is_empty())?;
    let behind_ms = now_ms - manifest.snapshot_ms;
    Ok(Restored { manifest, epoch, behind_ms, jump, noted, erased })
}

/// Opens the new epoch and moves the numbers on.
fn reopen(part: &Path, city: &CityId, manifest: &Manifest, jump: i64, now_ms: i64) -> Result<i64> {
    let store = Store::open(part, Options { readers: 1, ..Options::default() })?;
    let epoch = store.write(|tx| {
        let backup::Opened { before, epoch } = backup::open_epoch(tx, city, 0, jump, now_ms)?;
        let detail = serde_json::json!({
            "snapshot_ms": manifest.snapshot_ms, "behind_ms": now_ms - manifest.snapshot_ms,
            "epoch_before": before, "epoch": epoch, "jump": jump,
        });
        audit::append(tx, city, now_ms, "cli", "restored", "database", "ok", &detail.to_string())?;
        Ok::<_, StoreError>(epoch)
    })?;
    drop(store);
    // Leaves one file: the write-ahead log goes with its last connection.
    Ok(epoch)
}
