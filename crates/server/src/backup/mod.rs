//! Backups: a verified copy of database and key in a folder of its own, photos shared by all backups beside it.
//! Made while the server writes. Synchronous; `now_ms` is handed in.

mod blobs;
pub mod manifest;
pub mod restore;
mod restores;
pub mod schedule;
#[cfg(test)]
mod tests;

#[cfg(feature = "s3")]
use crate::blob::Depot;
use crate::blob::Place;
use crate::service::{ServiceError, erasure};
use blindspot_core::id::{CityId, Sha256};
use blindspot_store::{Store, StoreError, audit, backup as copying, erased, meta, uploads};
use manifest::Manifest;
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What backup folders are called.
const PREFIX: &str = "blindspot-";

/// Why there is no backup. Chinese / English.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Files refuse.
    #[error("{0}：{1} / {0}: {1}")]
    File(String, io::Error),
    /// Another one is being made there.
    #[error("另一个备份正在写这个文件夹 / another backup is being written to this folder")]
    InUse,
    /// Photos that the database counts on are not there.
    #[error(
        "有 {0} 张照片在库里缺失或长度不对，第一张 {1}；用 blindspot verify blobs 查看 / {0} photos are missing or of a wrong length, the first is {1}; see `blindspot verify blobs`"
    )]
    Missing(usize, String),
    /// Photos whose bytes are not what their names say.
    #[error("有 {0} 张照片内容损坏，第一张 {1} / the bytes of {0} photos are damaged, the first is {1}")]
    Damaged(usize, String),
    /// The backup to restore is not whole.
    #[error("这份备份不完整：{0} / this backup is not whole: {0}")]
    NotWhole(String),
    /// Restoring over data.
    #[error(
        "{0} 不是空文件夹；恢复只写进新文件夹 / {0} is not empty; a restore writes only into a new folder"
    )]
    NotEmpty(String),
    /// The database is no file of the data folder.
    #[error(
        "数据库在 PostgreSQL 上：请用 pg_basebackup 或 pg_dump 备份数据库，照片和 secret.key 另行复制，见 docs/operations.md / the database is on PostgreSQL: back it up with pg_basebackup or pg_dump, and copy photos and secret.key beside it; see docs/operations.md"
    )]
    Elsewhere,
    /// A database refuses.
    #[error("数据库：{0} / database: {0}")]
    Store(#[from] StoreError),
    /// The server's own code refuses.
    #[error("{0} / {0}")]
    Service(#[from] ServiceError),
}

/// Shorthand here.
pub type Result<T> = std::result::Result<T, BackupError>;

/// What to back up, and where to.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// The folder of backups.
    pub to: &'a Path,
    /// How many are kept; all when left out.
    pub keep: Option<u32>,
    /// Days after which one is removed; the newest never is.
    pub keep_days: Option<u32>,
    /// Whether every photo's bytes are read and compared with its name.
    pub verify_blobs: bool,
}

/// What is being done, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Copying the database.
    Database,
    /// Linking or copying photos.
    Blobs,
    /// Reading photos back.
    Verify,
}

/// Told of progress: stage, done, of how many.
pub type Progress<'a> = &'a mut dyn FnMut(Stage, u64, u64);

/// A backup that was made and verified.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    /// Its folder.
    pub folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// Photos that were new to the folder of backups.
    pub new_blobs: u64,
    /// Older backups that were removed.
    pub removed: usize,
}

/// The newest backup as the live database remembers it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Noted {
    /// Its folder.
    pub folder: String,
    /// The moment it shows, milliseconds since 1970.
    pub snapshot_ms: i64,
}

/// The newest verified backup of a live database.
///
/// # Errors
/// The database's.
pub fn newest(store: &Store, city: &CityId) -> std::result::Result<Option<Noted>, StoreError> {
    let text = store.read(|tx| meta::load(tx, city, meta::LAST_BACKUP))?;
    Ok(text.and_then(|t| serde_json::from_str(&t).ok()))
}

/// Makes a backup, verifies it, and only then lets phones forget what it holds. One that lacks photos which the data
/// folder lacks itself is kept, says so in its manifest, and lets phones forget nothing.
///
/// # Errors
/// See `BackupError`; what was begun is removed by the next one.
pub fn make(
    store: &Store,
    city: &CityId,
    order: &Order<'_>,
    now_ms: i64,
    progress: Progress<'_>,
) -> Result<Made> {
    if store.is_shared() {
        return Err(BackupError::Elsewhere);
    }
    let to = order.to;
    at(to, fs::create_dir_all(to))?;
    let _lock = lock(&to.join("lock"))?;
    sweep_unfinished(to)?;
    let name = format!("{PREFIX}{}", manifest::utc(now_ms));
    let part = to.join(format!(".{name}.part"));
    at(&part, fs::create_dir_all(&part))?;
    let database = part.join("blindspot.db");
    copying::copy(&order.data.join("blindspot.db"), &database, &mut |left, all| {
        progress(Stage::Database, all - left, all);
    })?;
    copying::check(&database)?;
    private_copy(&order.data.join("secret.key"), &part.join("secret.key"))?;
    let copy = Store::open_copy(&database)?;
    let mut wanted = copy.read(|tx| uploads::load_verified_hashes(tx, city))?;
    // What was erased since the snapshot is not asked for any more.
    let gone = erased_now(store, city, to)?;
    wanted.retain(|(sha, _)| !gone.contains(sha));
    let (new_blobs, missing) = match at(order.data, Place::noted(order.data))? {
        Place::Disk => blobs::gather(&order.data.join("blobs"), &to.join("blobs"), &wanted, progress)?,
        #[cfg(feature = "s3")]
        place => {
            let depot = at(order.data, Depot::open_at(order.data, &place))?;
            blobs::fetch(&*depot.blobs, &to.join("blobs"), &wanted, progress)?
        }
    };
    if order.verify_blobs {
        let there: Vec<_> = wanted.iter().copied().filter(|(sha, _)| !missing.contains(sha)).collect();
        blobs::verify(&to.join("blobs"), &there, progress)?;
    }
    let manifest = Manifest::of(&copy, city, &database, &wanted, &missing, now_ms)?;
    drop(copy);
    manifest.write(&part)?;
    for file in ["blindspot.db", "secret.key"] {
        let path = part.join(file);
        at(&path, File::open(&path).and_then(|f| f.sync_all()))?;
    }
    sync_folder(&part)?;
    let folder = to.join(&name);
    at(&folder, fs::rename(&part, &folder))?;
    sync_folder(to)?;
    if missing.is_empty() {
        note(store, city, &folder, now_ms)?;
    }
    for sha in erased_now(store, city, to)? {
        blobs::remove(&to.join("blobs"), &sha)?;
    }
    let removed = prune(order, city, &name, now_ms)?;
    Ok(Made { folder, manifest, new_blobs, removed })
}

/// Puts the list of erasures beside the backups; gives the bytes that must not be in any.
fn erased_now(store: &Store, city: &CityId, to: &Path) -> Result<BTreeSet<Sha256>> {
    let items = store.read(|tx| erased::load_all(tx, city))?;
    at(to, erasure::append_list(to, city, &items))?;
    Ok(erasure::blobs_of(&items))
}

/// From now on phones may drop what they acknowledged before the snapshot.
fn note(store: &Store, city: &CityId, folder: &Path, now_ms: i64) -> Result<()> {
    // Whoever asks later asks from another folder.
    let shown = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let noted = Noted { folder: shown.display().to_string(), snapshot_ms: now_ms };
    let text = serde_json::to_string(&noted).map_err(ServiceError::from)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    store.write(|tx| {
        if meta::load_int(tx, city, meta::SAFE_THROUGH)?.is_none_or(|old| old < now_ms) {
            meta::save(tx, city, meta::SAFE_THROUGH, &now_ms.to_string())?;
        }
        meta::save(tx, city, meta::LAST_BACKUP, &text)?;
        audit::append(tx, city, now_ms, "system", "backup_made", &name, "ok", "{}")
    })?;
    Ok(())
}

fn lock(path: &Path) -> Result<File> {
    let file = at(path, File::options().create(true).truncate(false).write(true).open(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::InUse),
        Err(TryLockError::Error(e)) => at(path, Err(e)),
    }
}

/// Backups there, oldest first.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(to: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in at(to, fs::read_dir(to))? {
        let path = at(to, entry)?.path();
        let named = path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PREFIX));
        if named && path.join(manifest::NAME).is_file() {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// What an interrupted backup left.
fn sweep_unfinished(to: &Path) -> Result<()> {
    for entry in at(to, fs::read_dir(to))? {
        let path = at(to, entry)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(&format!(".{PREFIX}")) && name.ends_with(".part") {
            at(&path, fs::remove_dir_all(&path))?;
        }
    }
    Ok(())
}

/// Removes what is beyond the number or the days; photos that no backup left holds go with it.
fn prune(order: &Order<'_>, city: &CityId, newest: &str, now_ms: i64) -> Result<usize> {
    let mut kept = list(order.to)?;
    let most = order.keep.map_or(usize::MAX, |k| usize::try_from(k.max(1)).unwrap_or(usize::MAX));
    let too_many = kept.len().saturating_sub(most);
    let oldest_ms = order.keep_days.map_or(i64::MIN, |days| now_ms - i64::from(days) * 86_400_000);
    let mut gone = Vec::new();
    for (n, path) in std::mem::take(&mut kept).into_iter().enumerate() {
        let made = Manifest::read(&path).map_or(i64::MAX, |m| m.snapshot_ms);
        let is_newest = path.ends_with(newest);
        if !is_newest && (n < too_many || made < oldest_ms) { gone.push(path) } else { kept.push(path) }
    }
    for path in &gone {
        at(path, fs::remove_dir_all(path))?;
    }
    if !gone.is_empty() {
        blobs::sweep(&order.to.join("blobs"), city, &kept)?;
    }
    Ok(gone.len())
}

/// The server's key, for its owner alone wherever it is copied to.
fn private_copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = at(from, fs::read(from))?;
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = at(to, options.open(to))?;
    at(to, io::Write::write_all(&mut file, &bytes))
}

/// SHA-256 and length of a file.
fn digest(path: &Path) -> Result<(Sha256, u64)> {
    use sha2::Digest as _;
    let mut file = at(path, File::open(path))?;
    let (mut hasher, mut piece, mut all) = (sha2::Sha256::new(), vec![0; 64 * 1_024], 0);
    loop {
        let n = at(path, file.read(&mut piece))?;
        if n == 0 {
            return Ok((Sha256(hasher.finalize().into()), all));
        }
        hasher.update(&piece[..n]);
        all += n as u64;
    }
}

fn sync_folder(path: &Path) -> Result<()> {
    if cfg!(windows) { Ok(()) } else { at(path, File::open(path).and_then(|f| f.sync_all())) }
}

/// Names the file in an error.
fn at<T>(path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|e| BackupError::File(path.display().to_string(), e))
}
