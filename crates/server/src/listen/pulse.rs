//! What a connection is doing, in a few atomics, and whether that has taken too long. Knows no HTTP and no socket:
//! the stream and the service tell it, the connection's task asks it now and then.

use crate::config::Connections;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Why a connection is closed on its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stalled {
    /// The head of a request did not arrive in time.
    Header,
    /// There was no request for long.
    Idle,
    /// The body stopped coming.
    Body,
    /// The answer was not taken.
    Answer,
}

impl Stalled {
    /// As metrics and logs name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Idle => "idle",
            Self::Body => "body",
            Self::Answer => "answer",
        }
    }
}

/// See the module text. Times are milliseconds since the connection began, plus one; 0 is "not so".
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    /// Requests being answered.
    active: AtomicU32,
    /// Since when none is, and none has begun to arrive.
    idle_since: AtomicU64,
    /// Since when the head of one is arriving.
    head_since: AtomicU64,
    /// Since when a handler waits for the next piece of a body.
    body_since: AtomicU64,
    /// Since when the peer takes nothing of an answer.
    answer_since: AtomicU64,
}

impl Pulse {
    /// Of a connection accepted now: the first head is expected at once.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            active: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(1),
            body_since: AtomicU64::new(0),
            answer_since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Bytes came in.
    pub(crate) fn received(&self) {
        if self.idle_since.load(Relaxed) != 0 {
            self.idle_since.store(0, Relaxed);
            self.head_since.store(self.now(), Relaxed);
        }
    }

    /// The peer takes no bytes, or takes them again.
    pub(crate) fn sending(&self, blocked: bool) {
        mark(&self.answer_since, blocked, || self.now());
    }

    /// A handler waits for its body, or has got a piece of it.
    pub(crate) fn awaiting_body(&self, waiting: bool) {
        mark(&self.body_since, waiting, || self.now());
    }

    /// The head of a request is complete.
    pub(crate) fn request(&self) {
        self.active.fetch_add(1, Relaxed);
        self.head_since.store(0, Relaxed);
        self.idle_since.store(0, Relaxed);
    }

    /// A request has been answered.
    pub(crate) fn answered(&self) {
        if self.active.fetch_sub(1, Relaxed) == 1 {
            self.idle_since.store(self.now(), Relaxed);
        }
    }

    /// Whether the connection has to end, and why.
    pub(crate) fn stalled(&self, bounds: &Connections) -> Option<Stalled> {
        let now = self.now();
        let over = |since: &AtomicU64, most: Duration| {
            let since = since.load(Relaxed);
            since != 0 && u128::from(now.saturating_sub(since)) >= most.as_millis()
        };
        if over(&self.answer_since, bounds.stall) {
            Some(Stalled::Answer)
        } else if over(&self.body_since, bounds.stall) {
            Some(Stalled::Body)
        } else if over(&self.head_since, bounds.header) {
            Some(Stalled::Header)
        } else if over(&self.idle_since, bounds.idle) {
            Some(Stalled::Idle)
        } else {
            None
        }
    }
}

/// Keeps the first moment of a state that lasts.
fn mark(since: &AtomicU64, so: bool, now: impl FnOnce() -> u64) {
    match (so, since.load(Relaxed)) {
        (true, 0) => since.store(now(), Relaxed),
        (false, n) if n != 0 => since.store(0, Relaxed),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(header: u64, idle: u64, stall: u64) -> Connections {
        let ms = Duration::from_millis;
        Connections { header: ms(header), idle: ms(idle), stall: ms(stall), ..Connections::default() }
    }

    /// Long enough that no bound of an hour is met, and all of none are.
    const HOUR: u64 = 3_600_000;

    #[test]
    fn each_state_has_its_own_bound() {
        let pulse = Pulse::new();
        assert_eq!(pulse.stalled(&bounds(HOUR, 0, 0)), None);
        assert_eq!(pulse.stalled(&bounds(0, HOUR, HOUR)), Some(Stalled::Header));
        pulse.request();
        assert_eq!(pulse.stalled(&bounds(0, 0, 0)), None, "a handler may take its time");
        pulse.awaiting_body(true);
        assert_eq!(pulse.stalled(&bounds(HOUR, HOUR, 0)), Some(Stalled::Body));
        pulse.awaiting_body(false);
        pulse.sending(true);
        assert_eq!(pulse.stalled(&bounds(HOUR, HOUR, 0)), Some(Stalled::Answer));
        pulse.sending(false);
        pulse.answered();
        assert_eq!(pulse.stalled(&bounds(0, HOUR, 0)), None);
        assert_eq!(pulse.stalled(&bounds(HOUR, 0, HOUR)), Some(Stalled::Idle));
    }

    #[test]
    fn bytes_after_idling_begin_a_head() {
        let pulse = Pulse::new();
        pulse.request();
        pulse.received();
        pulse.answered();
        pulse.received();
        assert_eq!(pulse.stalled(&bounds(HOUR, 0, 0)), None);
        assert_eq!(pulse.stalled(&bounds(0, HOUR, HOUR)), Some(Stalled::Header));
    }

    #[test]
    fn a_connection_of_many_requests_idles_after_the_last() {
        let pulse = Pulse::new();
        pulse.request();
        pulse.request();
        pulse.answered();
        assert_eq!(pulse.stalled(&bounds(0, 0, 0)), None);
        pulse.answered();
        assert_eq!(pulse.stalled(&bounds(0, 0, 0)), Some(Stalled::Idle));
    }
}
