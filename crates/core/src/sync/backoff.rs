//! Back-off with full jitter. Randomness comes in as a number.

use crate::limits::{BACKOFF_MS_MAX, BACKOFF_MS_MIN};

/// The wait after `failures` failures in a row: half of the doubled bound fixed, half drawn, so that
/// phones that failed together do not return together.
#[must_use]
pub fn backoff_ms(failures: u32, random: u64) -> i64 {
    let bound = BACKOFF_MS_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACKOFF_MS_MAX);
    let half = bound / 2;
    let drawn = i64::try_from(random % u64::try_from(half.max(1)).unwrap_or(1)).unwrap_or(0);
    half + drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_never_vanish() {
        for failures in 1..40 {
            for random in [0, 1, u64::MAX] {
                let ms = backoff_ms(failures, random);
                assert!((BACKOFF_MS_MIN / 2..=BACKOFF_MS_MAX).contains(&ms), "{failures} {random} {ms}");
            }
        }
        assert!(backoff_ms(9, 0) > backoff_ms(1, 0));
    }
}
