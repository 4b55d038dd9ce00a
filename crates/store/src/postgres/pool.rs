//! Connections up to a bound; whoever waits too long for one is refused.

use super::{PgConn, PgOptions};
use crate::{Result, StoreError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(super) struct Pool {
    options: PgOptions,
    most: usize,
    wait: Duration,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<PgConn>,
    open: usize,
}

impl Pool {
    pub(super) fn new(options: PgOptions, most: usize, wait: Duration) -> Self {
        Self { options, most: most.max(1), wait, state: Mutex::default(), freed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection.
    ///
    /// # Errors
    /// `Busy` when all are in use for too long, `Io` when none can be opened.
    pub(super) fn take(&self) -> Result<Lent<'_>> {
        let until = Instant::now() + self.wait;
        let mut state = self.state();
        loop {
            if let Some(conn) = state.idle.pop() {
                return Ok(Lent { pool: self, conn: Some(conn) });
            }
            if state.open < self.most {
                state.open += 1;
                drop(state);
                return match PgConn::open(&self.options) {
                    Ok(conn) => Ok(Lent { pool: self, conn: Some(conn) }),
                    Err(error) => {
                        self.gone();
                        Err(error)
                    }
                };
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy);
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn gone(&self) {
        self.state().open -= 1;
        self.freed.notify_one();
    }
}

/// A connection that goes back however its use ends; one that is broken or in the middle of something does not.
pub(super) struct Lent<'p> {
    pool: &'p Pool,
    conn: Option<PgConn>,
}

impl Lent<'_> {
    pub(super) fn conn(&self) -> &PgConn {
        // Taken out by `drop` alone.
        self.conn.as_ref().expect("a connection that is lent is there")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        // A panic comes here in the middle of a transaction.
        conn.roll_back();
        if conn.is_sound() {
            self.pool.state().idle.push(conn);
            self.pool.freed.notify_one();
        } else {
            drop(conn);
            self.pool.gone();
        }
    }
}
