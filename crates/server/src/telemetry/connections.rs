//! How many connections there are, and how many were closed on their peer.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Why a connection was closed on its peer, in the order of the counters.
pub const STALLS: [&str; 4] = ["header", "idle", "body", "answer"];

/// See the module text.
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    open: AtomicI64,
    taken: AtomicU64,
    stalled: [AtomicU64; STALLS.len()],
}

impl ConnectionCounts {
    /// One was accepted.
    pub fn opened(&self) {
        self.open.fetch_add(1, Relaxed);
        self.taken.fetch_add(1, Relaxed);
    }

    /// One has ended.
    pub fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    /// One was closed on its peer; `why` is one of `STALLS`.
    pub fn stalled(&self, why: &str) {
        if let Some(at) = STALLS.iter().position(|s| *s == why) {
            self.stalled[at].fetch_add(1, Relaxed);
        }
    }

    /// Open now.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.open.load(Relaxed)
    }

    /// Accepted since the start.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Closed on their peers since the start, by reason.
    pub fn stalls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        STALLS.iter().zip(&self.stalled).map(|(why, n)| (*why, n.load(Relaxed)))
    }
}
