//! The lot 抽签: which of the eligible is drawn. The seed of a day is fixed and its hash published before; published itself when
//! the day is over, anybody draws again and finds the same (domain 6E).

use crate::id::{CaseId, OpId, PersonId};
use sha2::{Digest as _, Sha256};

/// What a lot is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot<'a> {
    /// The seed of the day.
    pub seed: &'a [u8; 32],
    /// The feedback that is to be checked.
    pub feed_back: OpId,
    /// Which draw for it, from 1.
    pub attempt: u32,
}

impl Lot<'_> {
    fn number(&self, use_for: &[u8]) -> u128 {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.feed_back.as_bytes());
        hash.update(self.attempt.to_be_bytes());
        hash.update(use_for);
        let out: [u8; 32] = hash.finalize().into();
        let mut first = [0; 16];
        first.copy_from_slice(&out[..16]);
        u128::from_be_bytes(first)
    }
}

/// The drawn one, of people in the order of their ids. Nothing of nobody.
#[must_use]
pub fn draw_lot(lot: Lot<'_>, people: &[PersonId]) -> Option<PersonId> {
    let n = u128::try_from(people.len()).ok().filter(|n| *n > 0)?;
    // 2^128 is so much larger than a roster that the remainder favours nobody by more than 2^-100.
    people.get(usize::try_from(lot.number(b"verifier") % n).ok()?).copied()
}

/// Whether the desk checks it on its photos, for a share of items in a hundred.
#[must_use]
pub fn desk_checks(lot: Lot<'_>, share_percent: u8) -> bool {
    lot.number(b"desk") % 100 < u128::from(share_percent)
}

/// Whether something fixed on the spot is looked at by the desk, for a share of all in a hundred (field.md U20). The seed of the
/// day of receipt is known to nobody who takes photos, so that nobody can tell beforehand; afterwards anybody can.
#[must_use]
pub fn is_sampled(seed: &[u8; 32], case: CaseId, share_percent: u8) -> bool {
    let mut hash = Sha256::new();
    hash.update(seed);
    hash.update(case.as_bytes());
    hash.update(b"self_fixed");
    let out: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&out[..8]);
    u64::from_be_bytes(first) % 100 < u64::from(share_percent)
}

/// What is published of a seed beforehand: its SHA-256, hex.
#[must_use]
pub fn commitment(seed: &[u8; 32]) -> String {
    crate::id::Sha256::of(seed).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_is_fair_and_drawn_again_it_is_the_same() {
        let people: Vec<PersonId> = (0..4).map(|n| PersonId::from_parts(1, [n; 10])).collect();
        let seed = [7; 32];
        let mut hits = [0; 4];
        let mut desk = 0;
        for n in 0..4_000_i64 {
            let lot = Lot { seed: &seed, feed_back: OpId::from_parts(n, [1; 10]), attempt: 1 };
            let drawn = draw_lot(lot, &people).unwrap();
            assert_eq!(draw_lot(lot, &people), Some(drawn));
            hits[people.iter().position(|p| *p == drawn).unwrap()] += 1;
            desk += i32::from(desk_checks(lot, 50));
        }
        // Five standard deviations of a binomial: 4,000 x 1/4 is 1,000 +- 137; x 1/2 is 2,000 +- 158.
        assert!(hits.iter().all(|h: &i32| (h - 1_000).abs() < 137), "{hits:?}");
        assert!((desk - 2_000).abs() < 158, "{desk}");
        let lot = Lot { seed: &seed, feed_back: OpId::from_parts(1, [1; 10]), attempt: 1 };
        assert_eq!(draw_lot(lot, &[]), None);
        assert!(!desk_checks(lot, 0) && desk_checks(lot, 100));
    }

    #[test]
    fn five_of_a_hundred_are_sampled_and_another_day_others() {
        let cases: Vec<CaseId> = (0..20_000).map(|n| CaseId::from_parts(n, [3; 10])).collect();
        let of =
            |seed: u8| -> Vec<&CaseId> { cases.iter().filter(|c| is_sampled(&[seed; 32], **c, 5)).collect() };
        let (one, other) = (of(1), of(2));
        // Five standard deviations of a binomial: 20,000 x 1/20 is 1,000 +- 154.
        assert!((1_000 - i64::try_from(one.len()).unwrap()).abs() < 154, "{}", one.len());
        assert_eq!(one, of(1));
        let both = one.iter().filter(|c| other.contains(c)).count();
        assert!(both < 100, "{both}: one day tells nothing of another");
        assert!(!is_sampled(&[1; 32], cases[0], 0) && is_sampled(&[1; 32], cases[0], 100));
    }
}
