//! Turns: how many requests of a costly sort run at once and how many may wait for it. Whoever finds the queue
//! full is told to come back, at a time of their own.

use crate::error::{Answer, Fault};
use crate::service::{House, ServiceError, limits};
use blindspot_core::error::BUSY;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a body waits for memory before its sender is told to come back.
const MEMORY_WAIT: Duration = Duration::from_secs(3);

/// See the module text.
pub struct Turns {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// About how long one wait takes, milliseconds, for `Retry-After`.
    pace_ms: i64,
}

impl Turns {
    pub(crate) fn new(at_once: usize, waiting_max: usize, pace_ms: i64) -> Self {
        let running = Arc::new(Semaphore::new(at_once));
        Self { running, waiting: AtomicUsize::new(0), waiting_max, pace_ms }
    }

    /// Waits for a turn. The permit goes into the blocking task: a handler may be dropped before it ends.
    ///
    /// # Errors
    /// `BUSY` when too many wait already.
    pub(crate) async fn turn(&self, house: &House) -> Answer<OwnedSemaphorePermit> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let busy = || Fault::from(ServiceError::Later(&BUSY, limits::jittered_s(house, self.pace_ms)));
        if before >= self.waiting_max {
            return Err(busy());
        }
        self.running.clone().acquire_owned().await.map_err(|_| busy())
    }
}

/// Memory that a request's body takes, out of what all bodies together may.
pub struct Held {
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(crate) fn new(budget: &Arc<Semaphore>) -> Self {
        Self { budget: budget.clone(), permit: None }
    }

    /// Takes more.
    ///
    /// # Errors
    /// `BUSY` when there is none to be had for some seconds.
    pub(crate) async fn grow(&mut self, bytes: usize) -> Answer<()> {
        let busy = || Fault::of(&BUSY, None);
        let wanted = u32::try_from(bytes).map_err(|_| busy())?;
        let budget = self.budget.clone();
        let more = match budget.clone().try_acquire_many_owned(wanted) {
            Ok(more) => more,
            Err(_) => tokio::time::timeout(MEMORY_WAIT, budget.acquire_many_owned(wanted))
                .await
                .map_err(|_| busy())?
                .map_err(|_| busy())?,
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}
