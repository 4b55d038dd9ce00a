//! Photos from one place to another: what the database counts on, each compared with its name on the way. What is there
//! already stays, so that a run that was cut off goes on. Knows no note of where photos lie.

use super::{House, ServiceError};
use crate::blob::Depot;
use crate::blob::carry::{Carried, carry};
use blindspot_store::uploads;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Photos on their way at once: the way is longer than the copying.
const AT_ONCE: usize = 4;

/// What a run came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Moved {
    /// Photos that the database counts on.
    pub photos: usize,
    /// Brought over in this run.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// There already.
    pub there: u64,
    /// Nowhere at the old place, or damaged there: their hashes.
    pub missing: Vec<String>,
}

/// Copies what is not there yet. `progress` is told how many are done.
///
/// # Errors
/// When the database, a file or either place refuses; what was copied stays.
pub fn copy(
    house: &House,
    (from, to): (&Depot, &Depot),
    scratch: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Moved, ServiceError> {
    let wanted = house.store.read(|tx| uploads::load_verified_hashes(tx, &house.city))?;
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Moved { photos: wanted.len(), ..Moved::default() }));
    let work = |part: PathBuf| -> io::Result<()> {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some((sha, length)) = wanted.get(n) else { return Ok(()) };
            let step = carry(&*from.blobs, &*to.blobs, (sha, *length), &part);
            if step.is_err() {
                // The others end as well.
                next.store(wanted.len(), Ordering::Relaxed);
                let _ = fs::remove_file(&part);
            }
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            match step? {
                Carried::There => sum.there += 1,
                Carried::Missing => sum.missing.push(sha.to_hex()),
                Carried::Copied => {
                    sum.copied += 1;
                    sum.bytes += length;
                }
            }
            progress(n + 1, wanted.len());
        }
    };
    let results = std::thread::scope(|threads| {
        let started: Vec<_> = (0..AT_ONCE)
            .map(|n| scratch.join(format!("moving-{n}.part")))
            .map(|part| threads.spawn(|| work(part)))
            .collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, io::Result<()>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended in a panic")))
        };
        started.into_iter().map(ended).collect::<Vec<_>>()
    });
    results.into_iter().collect::<io::Result<()>>()?;
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.missing.sort_unstable();
    Ok(sum)
}

/// Removes at a place what the database counts on: it lies elsewhere by now.
///
/// # Errors
/// When the database or the place refuses.
pub fn clear(house: &House, old: &Depot) -> Result<usize, ServiceError> {
    let all = house.store.read(|tx| uploads::load_verified_hashes(tx, &house.city))?;
    all.iter().try_for_each(|(sha, _)| old.blobs.remove(sha))?;
    Ok(all.len())
}
