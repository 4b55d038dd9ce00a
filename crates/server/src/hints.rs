//! Hints: tells waiting requests that feeds have moved. Carries no data; whoever misses one pulls.

use blindspot_core::feed::Feed;
use blindspot_core::wire::v1::Hint;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::broadcast;

/// Groups of hints a slow listener may fall behind before it is told that it has missed some.
const BEHIND_MAX: usize = 256;

/// See the module text.
#[derive(Clone)]
pub struct Hints {
    sender: broadcast::Sender<Arc<[Hint]>>,
    /// When each was told, newest last; as many as anybody may be behind.
    told: Arc<Mutex<VecDeque<Instant>>>,
    /// What was told last of each feed; kept where other servers tell of their commits and, again, of ours.
    newest: Option<Arc<Mutex<BTreeMap<Feed, i64>>>>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND_MAX), told: Arc::default(), newest: None }
    }
}

impl Hints {
    /// Where other servers commit, too.
    #[must_use]
    pub fn shared() -> Self {
        Self { newest: Some(Arc::default()), ..Self::default() }
    }

    /// Tells of commits that other servers made; those that were told of here already are left out.
    pub fn tell_of_others(&self, hints: &[Hint]) {
        let Some(newest) = &self.newest else { return self.tell(hints) };
        let news: Vec<Hint> = {
            let newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
            // Equal and not less: after a new epoch seqs may begin again.
            hints.iter().filter(|h| h.seq == 0 || newest.get(&h.feed) != Some(&h.seq)).cloned().collect()
        };
        if !news.is_empty() {
            self.tell(&news);
        }
    }

    /// Tells all who listen.
    pub fn tell(&self, hints: &[Hint]) {
        if let Some(newest) = &self.newest {
            let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
            newest.extend(hints.iter().map(|h| (h.feed.clone(), h.seq)));
        }
        // Nobody listening is no error.
        if self.sender.send(hints.into()).is_ok() {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() == BEHIND_MAX {
                told.pop_front();
            }
            told.push_back(Instant::now());
        }
    }

    /// Age of the oldest hint that somebody who listens has not taken, milliseconds; 0 when all have.
    #[must_use]
    pub fn lag_ms(&self) -> i64 {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = self.sender.len().min(told.len());
        let oldest = behind.checked_sub(1).and_then(|n| told.iter().rev().nth(n));
        oldest.map_or(0, |at| i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<[Hint]>> {
        self.sender.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_oldest_hint_not_taken() {
        let hints = Hints::default();
        hints.tell(&[]);
        assert_eq!(hints.lag_ms(), 0, "nobody listens");
        let mut listener = hints.listen();
        hints.tell(&[]);
        std::thread::sleep(std::time::Duration::from_millis(30));
        hints.tell(&[]);
        assert!(hints.lag_ms() >= 30);
        assert!(listener.try_recv().is_ok() && hints.lag_ms() < 30_000);
        assert!(listener.try_recv().is_ok());
        assert_eq!(hints.lag_ms(), 0);
    }
}
