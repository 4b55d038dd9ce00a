//! How many ask a bucket at once, and whether it is asked at all: after some failures in a row it is left alone for a
//! few seconds, then one may look. Without this every thread of the server would end up waiting for a dead bucket.

use crate::blob::Away;
use crate::blob::parts::lock;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Questions at once.
const ASKED_MAX: usize = 64;
/// Objects on their way into the bucket at once: each is held in memory.
const PUTS_MAX: usize = 16;
/// The longest wait for a turn.
const TURN: Duration = Duration::from_secs(5);
/// Failures in a row after which it is left alone.
const FAILURES: u32 = 3;
/// For how long at first; doubled with each look that fails.
const ALONE: Duration = Duration::from_secs(2);
const ALONE_MAX: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Count {
    taken: Mutex<usize>,
    free: Condvar,
}

/// A turn; given back when dropped.
pub(super) struct Turn<'g>(&'g Count);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.taken) -= 1;
        self.0.free.notify_one();
    }
}

impl Count {
    fn take(&self, most: usize) -> Option<Turn<'_>> {
        let taken = lock(&self.taken);
        let waited = self.free.wait_timeout_while(taken, TURN, |taken| *taken >= most);
        let (mut taken, result) = waited.unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() {
            return None;
        }
        *taken += 1;
        Some(Turn(self))
    }
}

#[derive(Default)]
struct Health {
    failures: u32,
    alone: Duration,
    until: Option<Instant>,
    why: String,
}

/// See the module text.
#[derive(Default)]
pub(super) struct Gate {
    asked: Count,
    puts: Count,
    health: Mutex<Health>,
}

fn away(left: Duration, why: &str) -> io::Error {
    let again_s = u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    Away { again_s, why: why.to_owned() }.into_io()
}

impl Gate {
    /// A turn to ask.
    pub(super) fn enter(&self) -> io::Result<Turn<'_>> {
        self.look()?;
        self.asked.take(ASKED_MAX).ok_or_else(|| away(TURN, "too many wait for it"))
    }

    /// Room for one object on its way in.
    pub(super) fn room(&self) -> io::Result<Turn<'_>> {
        if let Some(error) = self.left_alone() {
            return Err(error);
        }
        self.puts.take(PUTS_MAX).ok_or_else(|| away(TURN, "too many photos are on their way to it"))
    }

    /// Whether it is left alone right now.
    pub(super) fn is_away(&self) -> bool {
        self.left_alone().is_some()
    }

    fn left_alone(&self) -> Option<io::Error> {
        let health = lock(&self.health);
        let left = health.until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| away(left, &health.why))
    }

    /// Refuses while it is left alone. When the time is over the first may look, and the others wait on.
    fn look(&self) -> io::Result<()> {
        let mut health = lock(&self.health);
        let Some(until) = health.until else { return Ok(()) };
        let now = Instant::now();
        if until > now {
            return Err(away(until - now, &health.why));
        }
        health.until = Some(now + health.alone);
        Ok(())
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&self) {
        let mut health = lock(&self.health);
        if health.until.take().is_some() {
            tracing::info!("the storage of photos answers again");
        }
        health.failures = 0;
        health.alone = Duration::ZERO;
    }

    /// It did not, or refused; gives what whoever asked is told.
    pub(super) fn failed(&self, why: String) -> io::Error {
        self.note(why, 1)
    }

    /// It gave no answer for so long that one is enough.
    pub(super) fn hangs(&self, why: String) -> io::Error {
        self.note(why, FAILURES)
    }

    fn note(&self, why: String, failures: u32) -> io::Error {
        let mut health = lock(&self.health);
        health.failures = health.failures.saturating_add(failures);
        if health.failures >= FAILURES {
            if health.until.is_none() {
                tracing::warn!(%why, "the storage of photos does not answer; photos wait, everything else goes on");
            }
            health.alone = (health.alone * 2).clamp(ALONE, ALONE_MAX);
            health.until = Some(Instant::now() + health.alone);
        }
        health.why = why;
        away(health.alone, &health.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_three_failures_it_is_left_alone_and_then_one_looks() {
        let gate = Gate::default();
        for n in 1..=3 {
            assert!(gate.enter().is_ok() && !gate.is_away(), "{n}");
            assert!(Away::of(&gate.failed("refused".into())).is_some());
        }
        let told = gate.enter().err().expect("left alone");
        let told = Away::of(&told).expect("away");
        assert_eq!((told.again_s, told.why.as_str()), (2, "refused"));
        lock(&gate.health).until = Some(Instant::now());
        assert!(gate.enter().is_ok(), "one looks");
        assert!(gate.enter().is_err(), "the others wait");
        gate.answered();
        assert!(gate.enter().is_ok() && gate.enter().is_ok() && !gate.is_away());
    }

    #[test]
    fn one_that_hangs_is_left_alone_at_once() {
        let gate = Gate::default();
        assert!(Away::of(&gate.hangs("silence".into())).is_some_and(|away| away.again_s > 1));
        assert!(gate.is_away() && gate.enter().is_err());
    }

    #[test]
    fn turns_are_given_back() {
        let count = Count::default();
        let one = count.take(1).expect("free");
        drop(one);
        assert!(count.take(1).is_some());
    }
}
