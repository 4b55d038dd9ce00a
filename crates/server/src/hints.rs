//! Hints: tells waiting requests that feeds have moved. Carries no data; whoever misses one pulls.

use blindspot_core::wire::v1::Hint;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Groups of hints a slow listener may fall behind before it is told that it has missed some.
const BEHIND_MAX: usize = 256;

/// See the module text.
#[derive(Clone)]
pub struct Hints {
    sender: broadcast::Sender<Arc<[Hint]>>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND_MAX) }
    }
}

impl Hints {
    /// Tells all who listen.
    pub fn tell(&self, hints: &[Hint]) {
        // Nobody listening is no error.
        let _ = self.sender.send(hints.into());
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<[Hint]>> {
        self.sender.subscribe()
    }
}
