//! What the writer counts of itself: plain atomics, so that use-cases need no metrics library.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Upper bounds of jobs in one commit.
const JOBS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Upper bounds of a group's time to its durable commit, milliseconds.
const MS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000];

/// Observations under upper bounds, and above the last.
#[derive(Debug)]
struct Buckets<const N: usize> {
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Default for Buckets<N> {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; N], above: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }
}

impl<const N: usize> Buckets<N> {
    fn observe(&self, bounds: &[u64; N], value: u64) {
        let at = bounds.iter().position(|b| value <= *b).map_or(&self.above, |i| &self.counts[i]);
        at.fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, bounds: &[u64; N]) {
        let _ = writeln!(out, "# TYPE {name} histogram");
        let mut all = 0;
        for (bound, count) in bounds.iter().zip(&self.counts) {
            all += count.load(Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {all}");
        }
        all += self.above.load(Relaxed);
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {all}");
        let _ = writeln!(out, "{name}_sum {}\n{name}_count {all}", self.sum.load(Relaxed));
    }
}

/// A group of jobs on its way to a commit.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    jobs: usize,
    began: Instant,
}

/// See the module text.
#[derive(Debug, Default)]
pub struct WriterStats {
    /// Jobs that wait.
    pub queued: AtomicI64,
    jobs: Buckets<{ JOBS.len() }>,
    commit_ms: Buckets<{ MS.len() }>,
}

impl WriterStats {
    /// A group of jobs is taken out of the queue.
    #[must_use]
    pub fn take(&self, jobs: usize) -> Taken {
        self.queued.fetch_sub(i64::try_from(jobs).unwrap_or(i64::MAX), Relaxed);
        Taken { jobs, began: Instant::now() }
    }

    /// It is durable, or refused as a whole.
    pub fn committed(&self, taken: Taken) {
        self.observe(taken.jobs, taken.began.elapsed());
    }

    fn observe(&self, jobs: usize, took: Duration) {
        self.jobs.observe(&JOBS, jobs as u64);
        self.commit_ms.observe(&MS, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// As Prometheus text.
    pub(super) fn write(&self, out: &mut String) {
        self.jobs.write(out, "blindspot_writer_batch_jobs", &JOBS);
        self.commit_ms.write(out, "blindspot_writer_commit_ms", &MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let stats = WriterStats::default();
        for jobs in [1, 3, 300] {
            stats.observe(jobs, Duration::from_millis(7));
        }
        let mut out = String::new();
        stats.write(&mut out);
        for line in [
            "blindspot_writer_batch_jobs_bucket{le=\"1\"} 1",
            "blindspot_writer_batch_jobs_bucket{le=\"4\"} 2",
            "blindspot_writer_batch_jobs_bucket{le=\"256\"} 2",
            "blindspot_writer_batch_jobs_bucket{le=\"+Inf\"} 3",
            "blindspot_writer_batch_jobs_sum 304",
            "blindspot_writer_commit_ms_bucket{le=\"5\"} 0",
            "blindspot_writer_commit_ms_bucket{le=\"10\"} 3",
        ] {
            assert!(out.lines().any(|l| l == line), "{line}\n{out}");
        }
    }
}
