//! A SQLite VFS that fails the n-th call to the system, or cuts the power there. Used by tests only.
//!
//! Everything goes to the system's own VFS but for the calls that are to fail; locks and shared memory are the real
//! ones. What was written and not synced is noted, so that a power cut can take it back. One plan a process: hold
//! the [`Plan`] while you use files opened through [`NAME`]. Knows no store and no client.

#![expect(
    unsafe_code,
    reason = "SQLite's VFS is a table of C functions; this crate is nothing but that table"
)]

mod disk;
mod shim;

pub use disk::Fate;
pub use shim::register;

use disk::Disk;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The name to open databases by.
pub const NAME: &str = "faulty";

/// What is to happen at the chosen call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; calls are counted.
    #[default]
    None,
    /// That call alone fails, as a bad sector does.
    Error,
    /// That call and all after it fail, and nothing more is written: the machine is off.
    Power,
}

#[derive(Default)]
struct State {
    fault: Fault,
    /// The call that fails; the first is 1.
    at: u64,
    armed: bool,
    calls: u64,
    struck: bool,
    /// Syncs are said to be done and are not.
    lies: bool,
    disk: Disk,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static TURN: Mutex<()> = Mutex::new(());

fn state<T>(f: impl FnOnce(&mut State) -> T) -> T {
    f(STATE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// The hold on the one plan of this process.
pub struct Plan {
    _turn: MutexGuard<'static, ()>,
}

impl Plan {
    /// Takes hold, waiting for whoever has it; nothing fails yet, and all files count as synced.
    #[must_use]
    pub fn take() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        state(|s| *s = State::default());
        Self { _turn: turn }
    }

    /// From now on calls are counted, and the `at`-th fails.
    pub fn arm(&self, fault: Fault, at: u64) {
        state(|s| (s.fault, s.at, s.armed, s.calls, s.struck) = (fault, at, true, 0, false));
    }

    /// Until the power is back, the disk says that it has synced and has not: a dishonest disk, on which a check that
    /// promises must find losses.
    pub fn lie(&self) {
        state(|s| s.lies = true);
    }

    /// No more calls are counted or fail, but for those after a power cut; gives whether the fault struck.
    pub fn disarm(&self) -> bool {
        state(|s| {
            s.armed = false;
            s.struck
        })
    }

    /// Calls since `arm`.
    #[must_use]
    pub fn calls(&self) -> u64 {
        state(|s| s.calls)
    }

    /// After a power cut, with every connection closed: what had not been synced meets its fate, and the machine is
    /// on again.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn come_back(&self, fate: Fate) -> std::io::Result<()> {
        state(|s| {
            let disk = std::mem::take(&mut s.disk);
            *s = State::default();
            disk.come_back(fate)
        })
    }
}

/// What a call is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Goes,
    Fails,
}

/// Counts a call and says what becomes of it.
fn judge() -> Judged {
    state(|s| {
        if s.fault == Fault::Power && s.struck {
            return Judged::Fails;
        }
        if !s.armed {
            return Judged::Goes;
        }
        s.calls += 1;
        if s.fault == Fault::None || s.calls != s.at {
            return Judged::Goes;
        }
        s.struck = true;
        Judged::Fails
    })
}
