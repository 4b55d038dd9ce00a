//! Photos of backups: one folder for all of them, each photo once. On the same file system they are hard links, which
//! cost nothing and outlive a deletion; on another they are copies.

use super::{BackupError, Progress, Result, Stage, at, digest, sync_folder};
use crate::blob::carry::{Carried, carry};
use crate::blob::fs::FsBlobs;
use crate::blob::{Blobs, Found};
use blindspot_core::id::{CityId, Sha256};
use blindspot_store::{Store, uploads};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Photos and their lengths.
pub(super) type Wanted = [(Sha256, u64)];

/// Brings over what is not there yet; says how many that were, and which are nowhere.
pub(super) fn gather(
    from: &Path,
    to: &Path,
    wanted: &Wanted,
    progress: Progress<'_>,
) -> Result<(u64, Vec<Sha256>)> {
    let (source, target) = (at(from, FsBlobs::open(from))?, at(to, FsBlobs::open(to))?);
    let (mut new, mut missing, mut changed) = (0, Vec::new(), BTreeSet::new());
    for (n, (sha, length)) in wanted.iter().enumerate() {
        progress(Stage::Blobs, n as u64, wanted.len() as u64);
        let (there, here) = (source.path_of(sha), target.path_of(sha));
        if at(&here, target.len(sha))? == Some(*length) {
            continue;
        }
        if at(&there, source.len(sha))? != Some(*length) {
            missing.push(*sha);
            continue;
        }
        place(&there, &here, &mut changed)?;
        new += 1;
    }
    for folder in &changed {
        sync_folder(folder)?;
    }
    progress(Stage::Blobs, wanted.len() as u64, wanted.len() as u64);
    Ok((new, missing))
}

/// The same from a place that is no folder: each photo is compared with its name as it comes.
#[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "photos lie in the folder itself"))]
pub(super) fn fetch(
    from: &dyn Blobs,
    to: &Path,
    wanted: &Wanted,
    progress: Progress<'_>,
) -> Result<(u64, Vec<Sha256>)> {
    let target = at(to, FsBlobs::open(to))?;
    let (mut new, mut missing, part) = (0, Vec::new(), to.join("fetched.part"));
    for (n, (sha, length)) in wanted.iter().enumerate() {
        progress(Stage::Blobs, n as u64, wanted.len() as u64);
        match at(&part, carry(from, &target, (sha, *length), &part))? {
            Carried::There => {}
            Carried::Missing => missing.push(*sha),
            Carried::Copied => new += 1,
        }
    }
    progress(Stage::Blobs, wanted.len() as u64, wanted.len() as u64);
    Ok((new, missing))
}

/// Brings photos out of a folder to a place that is none; those that are there stay.
#[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "photos lie in the folder itself"))]
pub(super) fn bring(
    from: &Path,
    to: &dyn Blobs,
    (part, wanted): (&Path, &Wanted),
    progress: Progress<'_>,
) -> Result<Vec<Sha256>> {
    let source = at(from, FsBlobs::open(from))?;
    let mut missing = Vec::new();
    for (n, (sha, length)) in wanted.iter().enumerate() {
        progress(Stage::Blobs, n as u64, wanted.len() as u64);
        if at(Path::new("photos"), to.len(sha))? == Some(*length) {
            continue;
        }
        if at(from, source.len(sha))? != Some(*length) {
            missing.push(*sha);
            continue;
        }
        // What is put is taken over.
        at(part, fs::copy(source.path_of(sha), part))?;
        at(Path::new("photos"), to.put(sha, part))?;
    }
    progress(Stage::Blobs, wanted.len() as u64, wanted.len() as u64);
    Ok(missing)
}

/// A link where one is possible, else a copy that has its name only when it is whole.
fn place(from: &Path, to: &Path, changed: &mut BTreeSet<PathBuf>) -> Result<()> {
    if let Some(folder) = to.parent() {
        at(folder, fs::create_dir_all(folder))?;
        changed.extend(folder.ancestors().take(3).map(Path::to_owned));
    }
    // A file of a wrong length, from a copy that was cut off.
    if to.exists() {
        at(to, fs::remove_file(to))?;
    }
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let part = to.with_extension("part");
    at(&part, fs::copy(from, &part))?;
    at(&part, File::options().write(true).open(&part).and_then(|f| f.sync_all()))?;
    at(to, fs::rename(&part, to))
}

/// Reads every photo and compares it with its name.
pub(super) fn verify(root: &Path, wanted: &Wanted, progress: Progress<'_>) -> Result<()> {
    let blobs = at(root, FsBlobs::open(root))?;
    let mut damaged = Vec::new();
    for (n, (sha, _)) in wanted.iter().enumerate() {
        progress(Stage::Verify, n as u64, wanted.len() as u64);
        if digest(&blobs.path_of(sha))?.0 != *sha {
            damaged.push(sha.to_hex());
        }
    }
    progress(Stage::Verify, wanted.len() as u64, wanted.len() as u64);
    if damaged.is_empty() { Ok(()) } else { Err(BackupError::Damaged(damaged.len(), damaged[0].clone())) }
}

/// Removes one photo; fine when it is not there.
pub(super) fn remove(root: &Path, sha: &Sha256) -> Result<()> {
    at(root, FsBlobs::open(root).and_then(|blobs| blobs.remove(sha)))
}

/// Removes photos that none of these backups holds.
pub(super) fn sweep(root: &Path, city: &CityId, backups: &[PathBuf]) -> Result<()> {
    let mut held = BTreeSet::new();
    for backup in backups {
        let copy = Store::open_copy(&backup.join("blindspot.db"))?;
        held.extend(copy.read(|tx| uploads::load_verified_hashes(tx, city))?.into_iter().map(|(sha, _)| sha));
    }
    let blobs = at(root, FsBlobs::open(root))?;
    let mut unheld = Vec::new();
    at(
        root,
        blobs.each(&mut |Found { sha256, .. }| {
            if !held.contains(&sha256) {
                unheld.push(sha256);
            }
            Ok(())
        }),
    )?;
    unheld.iter().try_for_each(|sha| at(root, blobs.remove(sha)))
}
