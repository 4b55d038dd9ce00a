//! Decisions of a scenario, decoded from bytes: a failing one is kept as data and survives a change of
//! the generator. When the bytes run out every decision is the first, so that a cut file still replays.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A source of decisions.
#[derive(Clone, Debug)]
pub struct Dice {
    bytes: Vec<u8>,
    at: usize,
}

impl Dice {
    /// Bytes of a seed, enough for a long scenario.
    #[must_use]
    pub fn from_seed(seed: u64, len: usize) -> Self {
        let mut bytes = vec![0; len];
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        Self { bytes, at: 0 }
    }

    /// Bytes as kept.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// What has been used so far, to keep.
    #[must_use]
    pub fn used(&self) -> &[u8] {
        &self.bytes[..self.at.min(self.bytes.len())]
    }

    /// All bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether all bytes have been used.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        if n <= 1 {
            return 0;
        }
        let wide = u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()]);
        u64::from(wide) % n
    }

    /// Whether something happens, in per cent.
    pub fn percent(&mut self, chance: u64) -> bool {
        // The first decision of an exhausted source is "no": nothing more goes wrong.
        self.at < self.bytes.len() && self.below(100) < chance
    }

    /// One of several.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        let n = u64::try_from(from.len()).unwrap_or(0);
        from.get(usize::try_from(self.below(n)).unwrap_or(0))
    }

    /// Fills a buffer with bytes that depend on all decisions so far.
    pub fn fill(&mut self, buf: &mut [u8]) {
        let mut seed = [0u8; 32];
        let at = u64::try_from(self.at).unwrap_or(0);
        seed[..8].copy_from_slice(&at.to_be_bytes());
        for slot in &mut seed[8..16] {
            *slot = self.byte();
        }
        ChaCha8Rng::from_seed(seed).fill_bytes(buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_give_the_same_decisions_and_an_end_is_quiet() {
        let mut one = Dice::from_seed(7, 64);
        let decisions: Vec<u64> = (0..10).map(|_| one.below(1000)).collect();
        let mut two = Dice::from_bytes(one.used().to_vec());
        assert_eq!(decisions, (0..10).map(|_| two.below(1000)).collect::<Vec<_>>());
        assert!(!two.percent(100), "nothing goes wrong after the end");
        assert_eq!(two.below(9), 0);
    }
}
