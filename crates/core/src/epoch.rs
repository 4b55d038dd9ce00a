//! What follows from a past that a server has lost (protocol 16). Knows no database.

/// What a first restore adds to every number that people have seen, so that none given in the lost past comes again.
pub const JUMP: i64 = 10_000;
/// Different jumps of databases that went back to the same past again and again.
const JUMPS: i64 = 8;

/// What numbers jump by in a database that phones know to be old: its epoch is `before`, they know of `claimed`. When
/// that is a later one the database went back before, and numbers were given after the jump of that time.
#[must_use]
pub fn jump(before: i64, claimed: i64) -> i64 {
    let further = if claimed > before { 1 + claimed.saturating_sub(before) % JUMPS } else { 0 };
    JUMP * (1 + further)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_third_time_jumps_otherwise_than_a_second() {
        assert_eq!((jump(5, 0), jump(5, 5)), (JUMP, JUMP));
        assert_ne!(jump(5, 9), jump(5, 11));
    }

    proptest! {
        /// Whatever a phone claims: never less than the first jump, more when the database went back before.
        #[test]
        fn a_database_that_went_back_before_jumps_further(before: i64, claimed: i64) {
            let by = jump(before, claimed);
            prop_assert_eq!(by > JUMP, claimed > before);
            prop_assert!((JUMP..=(JUMPS + 1) * JUMP).contains(&by));
        }
    }
}
