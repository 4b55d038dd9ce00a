//! What can go wrong, how often, and how often it did. Knows no socket.

use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Faults of a network; shares are from 0 (never) to 1 (always). The default spoils nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// Names which turns are spoiled.
    pub seed: u64,
    /// Share of connections closed before a byte.
    pub refuse: f64,
    /// Share of turns whose request arrives and whose reply is lost.
    pub cut_before_reply: f64,
    /// Share of turns cut after a number of bytes of both directions; counts only with `cut_after_bytes`.
    pub cut: f64,
    /// How many bytes of a turn pass before the cut.
    pub cut_after_bytes: Option<Range<usize>>,
    /// Share of turns that a captive portal answers: 200, a page in HTML, the request goes nowhere.
    pub portal: f64,
    /// Share of turns answered with 503 and an error as object stores write it; the request goes nowhere.
    pub unavailable: f64,
    /// Wait before each request is passed on, milliseconds.
    pub delay_ms: Range<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 0,
            refuse: 0.0,
            cut_before_reply: 0.0,
            cut: 1.0,
            cut_after_bytes: None,
            portal: 0.0,
            unavailable: 0.0,
            delay_ms: 0..0,
        }
    }
}

impl Faults {
    /// No signal: every connection is closed at once.
    #[must_use]
    pub fn offline() -> Self {
        Self { refuse: 1.0, ..Self::default() }
    }

    /// A bad evening on the edge of coverage: everything happens, most turns still pass.
    #[must_use]
    pub fn bad_network(seed: u64) -> Self {
        Self {
            seed,
            refuse: 0.08,
            cut_before_reply: 0.06,
            cut: 0.08,
            cut_after_bytes: Some(200..300_000),
            portal: 0.03,
            unavailable: 0.0,
            delay_ms: 0..25,
        }
    }
}

/// What has happened on a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Of those, closed by `refuse`.
    pub refused: u64,
    /// Of those, turned away because too many were open.
    pub turned_away: u64,
    /// Of those, closed because the target did not answer.
    pub unreachable: u64,
    /// Turns begun: a request, and its reply if one comes.
    pub turns: u64,
    /// Replies dropped after their request had arrived.
    pub lost_replies: u64,
    /// Turns cut in mid-stream.
    pub cuts: u64,
    /// Turns answered by the portal.
    pub portals: u64,
    /// Turns answered with 503.
    pub unavailable: u64,
    /// Bytes passed to the target.
    pub bytes_up: u64,
    /// Bytes passed to clients.
    pub bytes_down: u64,
}

/// The counters as the threads share them.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) turned_away: AtomicU64,
    pub(super) unreachable: AtomicU64,
    pub(super) turns: AtomicU64,
    pub(super) lost_replies: AtomicU64,
    pub(super) cuts: AtomicU64,
    pub(super) portals: AtomicU64,
    pub(super) unavailable: AtomicU64,
    pub(super) bytes_up: AtomicU64,
    pub(super) bytes_down: AtomicU64,
}

impl Tally {
    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counters {
        let get = |c: &AtomicU64| c.load(Ordering::Relaxed);
        Counters {
            connections: get(&self.connections),
            refused: get(&self.refused),
            turned_away: get(&self.turned_away),
            unreachable: get(&self.unreachable),
            turns: get(&self.turns),
            lost_replies: get(&self.lost_replies),
            cuts: get(&self.cuts),
            portals: get(&self.portals),
            unavailable: get(&self.unavailable),
            bytes_up: get(&self.bytes_up),
            bytes_down: get(&self.bytes_down),
        }
    }
}
