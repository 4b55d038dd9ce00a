//! Counting what test runners print: nextest's summary, cargo test's result lines. Must not know which tests ran.

/// Passed and failed, of one stage or of all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// One check.
    pub(crate) fn of(ok: bool) -> Self {
        Self { passed: u64::from(ok), failed: u64::from(!ok) }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// A runner that failed without saying how many (it did not compile, it was killed) counts one failure; one that
    /// ended well without any test counts nothing.
    pub(crate) fn with_status(mut self, ok: bool) -> Self {
        if !ok && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

/// Sums every `Summary [..] N tests run: ..` of nextest. Tests that a stopped run did not reach count as failed.
pub(crate) fn nextest(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().filter(|line| line.trim_start().starts_with("Summary [")) {
        let Some((head, tail)) = line.split_once("run:") else { continue };
        let head = head.rsplit_once(']').map_or(head, |(_, h)| h).trim();
        let run = head.split_whitespace().next().unwrap_or("0");
        let planned = run.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let passed = number_before(tail, "passed");
        tally.add(Tally { passed, failed: u64::saturating_sub(planned, passed) });
    }
    tally
}

/// Sums every `test result: ..` of cargo test.
pub(crate) fn cargo_test(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().filter(|line| line.starts_with("test result:")) {
        tally.add(Tally { passed: number_before(line, "passed"), failed: number_before(line, "failed") });
    }
    tally
}

/// `12 passed` -> 12.
fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.windows(2).find(|w| w[1].trim_matches(|c: char| !c.is_alphanumeric()) == word);
    at.and_then(|w| w[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64) -> Tally {
        Tally { passed, failed }
    }

    #[test]
    fn nextest_summaries_are_summed() {
        let fine = "     Summary [   0.003s] 3 tests run: 3 passed (1 slow), 2 skipped\n";
        let bad = "     Summary [   1.0s] 6 tests run: 3 passed, 2 failed, 1 timed out, 0 skipped\n";
        let stopped = "     Summary [   1.0s] 2/5 tests run: 1 passed, 1 failed, 0 skipped\n";
        let one = "     Summary [   0.003s] 1 test run: 1 passed, 0 skipped\n";
        assert_eq!(nextest(fine), tally(3, 0));
        assert_eq!(nextest(bad), tally(3, 3));
        assert_eq!(nextest(stopped), tally(1, 4));
        assert_eq!(nextest(&format!("{fine}noise\n{one}")), tally(4, 0));
    }

    #[test]
    fn cargo_test_results_are_summed() {
        let text = "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                    test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(cargo_test(text), tally(6, 3));
        assert_eq!(cargo_test("test a ... ok\n"), tally(0, 0));
    }

    #[test]
    fn a_runner_that_dies_silently_counts_one_failure() {
        assert_eq!(tally(3, 0).with_status(false), tally(3, 1));
        assert_eq!(tally(3, 2).with_status(false), tally(3, 2));
        assert_eq!(tally(3, 0).with_status(true), tally(3, 0));
    }
}
