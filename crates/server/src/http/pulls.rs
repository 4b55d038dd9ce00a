//! Pulls that come while others are read are read together, in turn: a commit wakes two hundred phones at once, and what they ask
//! the database about is then one question instead of two hundred. A pull that comes alone waits for nobody. Decides nothing.

use crate::error::Answer;
use crate::http::{now_ms, reading};
use crate::service::pull::{self, Answered, Ask};
use crate::state::App;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Groups that are read at once, out of the turns to read: the others are for whoever has much to read.
const GROUPS_AT_ONCE: usize = 2;
/// Pulls of a group: enough that its questions are a small part of each, few enough that nobody waits long for the others' pages.
const GROUP_MAX: usize = 32;

/// See the module text.
pub(crate) struct Pulls {
    waiting: Mutex<VecDeque<Waiting>>,
    turns: Arc<Semaphore>,
}

struct Waiting {
    ask: Arc<Ask>,
    done: oneshot::Sender<Option<Answered>>,
}

impl Default for Pulls {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turns: Arc::new(Semaphore::new(GROUPS_AT_ONCE)) }
    }
}

impl Pulls {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pull with those that wait beside it; none when somebody else has taken it along.
    fn group_of(&self, ask: &Arc<Ask>) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let own = waiting.iter().position(|one| Arc::ptr_eq(&one.ask, ask));
        let Some(own) = own.and_then(|at| waiting.remove(at)) else { return vec![] };
        let mut group = vec![own];
        while group.len() < GROUP_MAX {
            let Some(next) = waiting.pop_front() else { break };
            if !next.done.is_closed() {
                group.push(next);
            }
        }
        group
    }
}

/// A page of a pull.
///
/// # Errors
/// The database's.
pub(crate) async fn answered(app: &Arc<App>, ask: &Arc<Ask>) -> Answer<Answered> {
    if !ask.from_zero()
        && let Some(answered) = beside_others(app, ask).await
    {
        return Ok(answered);
    }
    let ask = ask.clone();
    reading(app, move |app| pull::alone(app.house(), &ask, now_ms())).await
}

/// Nothing when it has to be read alone.
async fn beside_others(app: &Arc<App>, ask: &Arc<Ask>) -> Option<Answered> {
    let (done, mut answer) = oneshot::channel();
    app.pulls.waiting().push_back(Waiting { ask: ask.clone(), done });
    let turns = async {
        let group = app.pulls.turns.clone().acquire_owned().await;
        let read = app.reads.clone().acquire_owned().await;
        (group, read)
    };
    tokio::select! {
        biased;
        answered = &mut answer => return answered.ok().flatten(),
        (Ok(group), Ok(read)) = turns => read_group(app, ask, (group, read)),
        else => return None,
    }
    answer.await.ok().flatten()
}

fn read_group(app: &Arc<App>, ask: &Arc<Ask>, turns: (OwnedSemaphorePermit, OwnedSemaphorePermit)) {
    let group = app.pulls.group_of(ask);
    if group.is_empty() {
        return;
    }
    let app = app.clone();
    tokio::task::spawn_blocking(move || {
        let _turns = turns;
        let asks: Vec<&Ask> = group.iter().map(|one| &*one.ask).collect();
        match pull::together(app.house(), &asks, now_ms()) {
            Ok(pages) => {
                for (one, page) in group.into_iter().zip(pages) {
                    // Nobody waiting any more is no error.
                    let _ = one.done.send(page);
                }
            }
            // Each is read alone then: what fails one of them fails no other.
            Err(error) => tracing::warn!(%error, pulls = group.len(), "pulls are not read together"),
        }
    });
}
