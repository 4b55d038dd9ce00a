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

/// What is added to a wait that the server asked for: up to a quarter of it, and up to a second in any case.
#[must_use]
pub(super) fn spread_ms(asked_ms: i64, random: u64) -> i64 {
    let most = u64::try_from((asked_ms / 4).max(1_000)).unwrap_or(1_000);
    i64::try_from(random % most).unwrap_or(0)
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

    #[test]
    fn a_wait_that_was_asked_for_is_spread_and_never_shortened() {
        let drawn: std::collections::BTreeSet<i64> =
            (0..100).map(|i| spread_ms(60_000, i * 7_919 * 7_919)).collect();
        assert!(drawn.len() > 50 && drawn.iter().all(|ms| (0..15_000).contains(ms)), "{drawn:?}");
        assert!((0..1_000).contains(&spread_ms(1, u64::MAX)));
    }
}
