//! What happens every second as long as something is away is told once a minute: a log that is full of it hides the rest.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const AGAIN: Duration = Duration::from_secs(60);

/// When each thing was told last, and in which words.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<BTreeMap<&'static str, (Instant, String)>>);

impl Seldom {
    /// Whether to tell of it now: it has changed, or was last told a minute ago.
    pub fn is_due(&self, what: &'static str, words: &dyn Display, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words = words.to_string();
        if told.get(what).is_some_and(|(at, said)| *said == words && now.duration_since(*at) < AGAIN) {
            return false;
        }
        told.insert(what, (now, words));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_a_minute_and_another_at_once() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        let at =
            |seconds: u64, what, words: &str| seldom.is_due(what, &words, now + Duration::from_secs(seconds));
        assert!(at(0, "replays", "no primary"));
        assert!(!at(59, "replays", "no primary"));
        assert!(at(59, "sweep", "no primary"));
        assert!(at(59, "replays", "a damaged page"));
        assert!(at(60, "sweep", "another") && at(120, "replays", "a damaged page"));
    }
}
