//! What of an erasure lies outside the database: the list beside the data and beside the backups, and the bytes
//! themselves (protocol 7). Both follow the commit and come before the answer; what a stop left over is gone on with.
//!
//! The list holds ids, digests, who and why, never content. It outlives every database: whichever old one is put back,
//! the list is carried out again before the first answer.

use super::ingest::{self, Toll};
use super::{House, ServiceError};
use crate::blob::Depot;
use blindspot_core::id::{CityId, Sha256};
use blindspot_store::erased::{self, ErasedId, Item};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The list's name, in the data folder and beside the backups.
pub const LIST: &str = "erased.jsonl";

/// A line as it is kept.
#[derive(Serialize, Deserialize)]
struct Line {
    city: String,
    #[serde(flatten)]
    item: Item,
}

/// The list in a folder; empty when there is none. A line that a stop cut off is passed over.
///
/// # Errors
/// When the file cannot be read.
pub fn read_list(folder: &Path, city: &CityId) -> io::Result<Vec<Item>> {
    let text = match fs::read_to_string(folder.join(LIST)) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => return Err(e),
    };
    let mut items = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        match serde_json::from_str::<Line>(line) {
            Ok(line) if line.city == city.as_str() => items.push(line.item),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "a line of the list of erasures")
            }
        }
    }
    Ok(items)
}

/// Adds to the list in a folder what is not on it, durably.
///
/// # Errors
/// When the folder refuses.
pub fn append_list(folder: &Path, city: &CityId, items: &[Item]) -> io::Result<()> {
    let known: BTreeSet<ErasedId> = read_list(folder, city)?.into_iter().map(|i| i.what).collect();
    let mut lines = Vec::new();
    for item in items.iter().filter(|i| !known.contains(&i.what)) {
        serde_json::to_writer(&mut lines, &Line { city: city.to_string(), item: item.clone() })?;
        lines.push(b'\n');
    }
    if lines.is_empty() {
        return Ok(());
    }
    let mut file = File::options().create(true).read(true).append(true).open(folder.join(LIST))?;
    if ends_in_the_middle(&mut file)? {
        lines.insert(0, b'\n');
    }
    file.write_all(&lines)?;
    file.sync_all()?;
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

fn ends_in_the_middle(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Where lists and bytes lie.
pub struct ErasedFiles {
    data: PathBuf,
    depot: Arc<Depot>,
    /// All bytes on the list are to be asked for once more in a storage that is far: what an old database brought back.
    all_due: AtomicBool,
    /// Folders of backups that are known of.
    backups: RwLock<BTreeSet<PathBuf>>,
    /// A reader was in the way: the write-ahead log still holds what was written over.
    log_due: AtomicBool,
}

impl ErasedFiles {
    /// Of a data folder, and where its photos lie.
    #[must_use]
    pub fn open(data: &Path, depot: Arc<Depot>) -> Self {
        Self {
            data: data.to_owned(),
            all_due: AtomicBool::new(depot.is_far()),
            depot,
            backups: RwLock::default(),
            log_due: AtomicBool::new(false),
        }
    }

    /// Backups lie there, or will.
    pub fn add_backups(&self, folder: &Path) {
        self.backups.write().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
    }

    /// The folders that hold a list: data first, then those of backups that are there now.
    fn folders(&self) -> Vec<PathBuf> {
        let backups = self.backups.read().unwrap_or_else(PoisonError::into_inner);
        let there = backups.iter().filter(|folder| {
            let there = folder.is_dir();
            if !there {
                tracing::warn!(folder = %folder.display(), "no folder of backups there: its list of erasures is not written");
            }
            there
        });
        std::iter::once(self.data.clone()).chain(there.cloned()).collect()
    }

    /// Writes the lists; gives their folders.
    fn tell(&self, city: &CityId, items: &[Item]) -> io::Result<Vec<PathBuf>> {
        let listed: Vec<Item> = items
            .iter()
            .filter(|i| !matches!(i.what, ErasedId::Part(_) | ErasedId::File(_)))
            .cloned()
            .collect();
        let folders = self.folders();
        folders.iter().try_for_each(|folder| append_list(folder, city, &listed))?;
        Ok(folders)
    }

    /// Writes the lists, then removes the bytes: where photos lie, and in the folders of backups.
    fn follow(&self, city: &CityId, items: &[Item]) -> io::Result<()> {
        let folders = self.tell(city, items)?;
        for item in items {
            match item.what {
                ErasedId::Blob(sha) => {
                    folders.iter().try_for_each(|f| remove_blob(f, &sha))?;
                    self.depot.blobs.remove(&sha)?;
                }
                ErasedId::File(sha) => self.depot.blobs.remove(&sha)?,
                ErasedId::Part(id) => self.depot.parts.remove(id.into_bytes())?,
                ErasedId::Op(_) | ErasedId::Photo(_) | ErasedId::Letter(_) => {}
            }
        }
        Ok(())
    }
}

fn remove_blob(folder: &Path, sha: &Sha256) -> io::Result<()> {
    let blobs = folder.join("blobs");
    if !blobs.is_dir() {
        return Ok(());
    }
    crate::blob::Blobs::remove(&crate::blob::FsBlobs::open(&blobs)?, sha)
}

/// Brings every erasure to its end: lists, files, the write-ahead log. Nothing to do is the rule.
///
/// # Errors
/// When a list cannot be written or a file not removed; it is tried again.
pub fn settle(house: &House) -> Result<(), ServiceError> {
    if let Some(files) = house.erased_files()
        && files.all_due.load(Ordering::Relaxed)
    {
        let all = house.store.read(|tx| erased::load_all(tx, &house.city))?;
        files.follow(&house.city, &all)?;
        files.all_due.store(false, Ordering::Relaxed);
    }
    let items = house.store.read(|tx| erased::load_untold(tx, &house.city))?;
    if items.is_empty() {
        return empty_log(house, false);
    }
    if let Some(files) = house.erased_files() {
        if let Some(newest) = crate::backup::newest(&house.store, &house.city)?
            && let Some(folder) = Path::new(&newest.folder).parent()
        {
            files.add_backups(folder);
        }
        files.follow(&house.city, &items)?;
    }
    house.store.write(|tx| erased::save_told(tx, &house.city, &items))?;
    empty_log(house, true)
}

/// The same for whoever must not wait for other machines: with photos in a bucket the lists are written, and the bytes
/// there follow within seconds, from a job (decision 0016).
///
/// # Errors
/// As `settle`.
pub fn settle_near(house: &House) -> Result<(), ServiceError> {
    match house.erased_files().filter(|files| files.depot.is_far()) {
        None => settle(house),
        Some(files) => {
            let items = house.store.read(|tx| erased::load_untold(tx, &house.city))?;
            files.tell(&house.city, &items)?;
            empty_log(house, true)
        }
    }
}

/// Takes what was written over out of the write-ahead log, when that is due.
fn empty_log(house: &House, now: bool) -> Result<(), ServiceError> {
    let Some(files) = house.erased_files() else { return Ok(()) };
    if now || files.log_due.load(Ordering::Relaxed) {
        files.log_due.store(!house.store.empty_wal()?, Ordering::Relaxed);
    }
    Ok(())
}

/// Carries out what stands on any list and is not known to this database, and ends what was begun. Before anything is
/// answered: the database may be older than the list. Says how many lines were carried out again.
///
/// # Errors
/// When a list cannot be read, or the database refuses.
pub fn catch_up(house: &House, now_ms: i64) -> Result<usize, ServiceError> {
    let Some(files) = house.erased_files() else { return Ok(0) };
    if let Some(newest) = crate::backup::newest(&house.store, &house.city)?
        && let Some(folder) = Path::new(&newest.folder).parent()
    {
        files.add_backups(folder);
    }
    let mut items = Vec::new();
    for folder in files.folders() {
        items.extend(read_list(&folder, &house.city)?);
    }
    let again = ingest::erase_listed(house, &items, now_ms)?;
    if again > 0 {
        tracing::warn!(
            lines = again,
            "this database was older than the list of erasures; they were carried out again"
        );
    }
    settle_near(house)?;
    // Whatever stands on the list is in every list, and its bytes are nowhere: also what an old folder brought back.
    let all = house.store.read(|tx| erased::load_all(tx, &house.city))?;
    if files.depot.is_far() {
        // The server starts although the bucket may be away.
        files.tell(&house.city, &all)?;
        files.all_due.store(true, Ordering::Relaxed);
    } else {
        files.follow(&house.city, &all)?;
    }
    Ok(again)
}

/// The bytes on a list.
#[must_use]
pub fn blobs_of(items: &[Item]) -> BTreeSet<Sha256> {
    let sha = |i: &Item| if let ErasedId::Blob(sha) = i.what { Some(sha) } else { None };
    items.iter().filter_map(sha).collect()
}

/// What the lines of one erasure name.
pub(super) fn by_erasure(items: Vec<Item>) -> BTreeMap<blindspot_core::OpId, (Item, Toll)> {
    let mut out = BTreeMap::new();
    for item in items {
        let (_, toll) = out.entry(item.erasure.op_id).or_insert_with(|| (item.clone(), Toll::default()));
        match item.what {
            ErasedId::Op(id) => drop(toll.ops.insert(id)),
            ErasedId::Photo(id) => drop(toll.photos.insert(id)),
            ErasedId::Blob(sha) => drop(toll.blobs.insert(sha)),
            ErasedId::Letter(id) => drop(toll.letters.insert(id)),
            ErasedId::Part(_) | ErasedId::File(_) => {}
        }
    }
    out
}

#[cfg(test)]
#[path = "erasure_tests.rs"]
mod tests;
