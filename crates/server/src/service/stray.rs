//! Bytes that nobody counts on: parts of uploads that are over, photos whose acknowledgement never came. A stop, or an
//! answer of the storage that was lost, leaves some; they go after a while. Knows no threads; a job thread calls it.

use super::{House, ServiceError, epoch};
use crate::blob::Depot;
use blindspot_core::id::Sha256;
use blindspot_store::{erased, uploads};
use std::collections::BTreeSet;

/// Photos are left alone for so long after they were put, milliseconds (a day): their acknowledgement may be on its way.
pub const ALONE_MS: i64 = 24 * 3_600_000;
/// More strays than this, and more than a tenth of what is counted on, are no leftovers: then the database is the wrong
/// one, or an old one, and nothing is removed.
const STRAYS_MAX: usize = 100;

/// Removes what is held of uploads that are over or unknown; gives how many those were.
///
/// # Errors
/// When database or storage refuse; what is left is found the next time.
pub fn sweep_parts(house: &House, depot: &Depot) -> Result<usize, ServiceError> {
    if !is_ours(house, depot)? {
        return Ok(0);
    }
    let mut over = Vec::new();
    let mut held = Vec::new();
    depot.parts.each(&mut |id| {
        held.push(id);
        Ok(())
    })?;
    for id in held {
        let upload = house.store.read(|tx| uploads::load_upload(tx, &house.city, id))?;
        if upload.is_none_or(|u| u.verified_ms.is_some()) {
            over.push(id);
        }
    }
    over.iter().try_for_each(|id| depot.parts.remove(*id))?;
    Ok(over.len())
}

/// Removes photos that no upload names, finished or not, and that were put more than `ALONE_MS` ago by the storage's
/// clock, in the epoch in force; gives how many those were. What was put before that epoch was opened may be of a past
/// that this database has lost, and the only copy: it stays until a phone or a person names it.
///
/// # Errors
/// When database or storage refuse; what is left is found the next time.
pub fn sweep_blobs(house: &House, depot: &Depot, now_ms: i64) -> Result<usize, ServiceError> {
    if !is_ours(house, depot)? {
        return Ok(0);
    }
    let (verified, epoch) = house.store.read(|tx| {
        Ok::<_, ServiceError>((
            uploads::load_verified_hashes(tx, &house.city)?,
            epoch::in_force(tx, &house.city)?,
        ))
    })?;
    let counted: BTreeSet<Sha256> = verified.into_iter().map(|(sha, _)| sha).collect();
    // An epoch is the unix second of its opening (protocol 16).
    let alone_ms = epoch.saturating_mul(1_000)..now_ms.saturating_sub(ALONE_MS);
    let mut strays = Vec::new();
    depot.blobs.each(&mut |found| {
        if alone_ms.contains(&found.put_ms) && !counted.contains(&found.sha256) {
            strays.push(found.sha256);
        }
        Ok(())
    })?;
    if strays.len() > STRAYS_MAX.max(counted.len() / 10) {
        tracing::error!(
            strays = strays.len(),
            counted = counted.len(),
            "photos lie here that this database does not know; nothing is removed: is it the right one?"
        );
        return Ok(0);
    }
    let mut removed = 0;
    for sha in strays {
        // Asked for each, right before it goes: an upload of these very bytes may have begun.
        if house.store.read(|tx| erased::load_uploads_of_bytes(tx, &house.city, sha))?.is_empty() {
            depot.blobs.remove(&sha)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Two cities on one bucket would each take the other's photos for strays.
fn is_ours(house: &House, depot: &Depot) -> Result<bool, ServiceError> {
    let ours = depot.blobs.is_of(&house.city)?;
    if !ours {
        tracing::error!(
            "the photos there are another city's: nothing is swept; give each city a prefix of its own"
        );
    }
    Ok(ours)
}

#[cfg(test)]
#[path = "stray_tests.rs"]
mod tests;
