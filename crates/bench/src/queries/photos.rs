//! Hashes of a city's photos, five a case: a third are of places that are photographed again and again, whose hashes differ in
//! up to eight bits; the others look like nothing else. Knows no measurement.

use super::fill::Dice;
use crate::Failed;
use blindspot_core::PhotoId;
use blindspot_core::id::Sha256;
use blindspot_server::service::House;
use blindspot_store::twins::{self, Hashes};
use blindspot_store::{StoreError, Tx};

const A_CASE: usize = 5;
/// Photos of one transaction.
const STEP: usize = 5_000;
/// Photos of one place.
const OF_A_PLACE: u64 = 60;
/// Most bits in which pictures of one place differ.
const BITS: u64 = 8;
/// What counts as the same picture, as the server asks.
const SAME_BITS: u32 = 10;

fn flipped(dice: &mut Dice, mut hash: u64) -> u64 {
    for _ in 0..dice.below(BITS + 1) {
        hash ^= 1 << dice.below(64);
    }
    hash
}

/// Fills a house with the photos of so many cases; gives some of them.
pub(super) fn fill(house: &House, cases: usize, seed: u64, now_ms: i64) -> Result<Vec<PhotoId>, Failed> {
    let mut dice = Dice::new(seed ^ 0x9407);
    let count = cases * A_CASE;
    let places: Vec<u64> =
        (0..(count as u64 / 3 / OF_A_PLACE).max(1)).map(|_| dice.below(u64::MAX)).collect();
    let mut some = vec![];
    let mut left = count;
    while left > 0 {
        let step = left.min(STEP);
        let made: Vec<(PhotoId, Hashes)> = (0..step).map(|_| one(&mut dice, &places, now_ms)).collect();
        house.store.write(|tx| twins::save(tx, &house.city, &made))?;
        some.extend(made.iter().step_by(997).map(|(photo, _)| *photo));
        left -= step;
    }
    Ok(some)
}

fn one(dice: &mut Dice, places: &[u64], at_ms: i64) -> (PhotoId, Hashes) {
    let (mut id, mut sha256) = ([0; 10], [0; 32]);
    id[..8].copy_from_slice(&dice.below(u64::MAX).to_be_bytes());
    sha256[..8].copy_from_slice(&id[..8]);
    let fresh = dice.below(u64::MAX);
    let place = *dice.one(places);
    let phash = if dice.below(3) == 0 { flipped(dice, place) } else { fresh };
    (PhotoId::from_parts(at_ms, id), Hashes { sha256: Sha256(sha256), phash, at_ms })
}

/// What the server asks of a photo: its hashes, the same bytes, the same looks.
pub(super) fn ask(tx: &Tx<'_>, house: &House, photo: PhotoId) -> Result<usize, StoreError> {
    let Some(own) = twins::load(tx, &house.city, photo)? else { return Ok(0) };
    let same = twins::load_same_bytes(tx, &house.city, photo, &own.sha256)?;
    let alike = twins::load_alike(tx, &house.city, photo, own.phash, SAME_BITS)?;
    Ok(usize::from(same.is_some()) + alike.len())
}
