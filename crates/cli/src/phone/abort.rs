//! A place to die at, for trials: `BLINDSPOT_PHONE_ABORT_AT=n` ends the program without a word at the n-th place
//! where the machine hands out a request, takes an answer or is about to commit. Without it nothing is counted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static AT: OnceLock<Option<u64>> = OnceLock::new();
static PASSED: AtomicU64 = AtomicU64::new(0);

fn at() -> Option<u64> {
    *AT.get_or_init(|| std::env::var("BLINDSPOT_PHONE_ABORT_AT").ok()?.parse().ok())
}

/// Whether somebody asked for it.
pub(super) fn is_asked() -> bool {
    at().is_some()
}

/// Counts the place; may not come back.
pub(super) fn point() {
    if at().is_some_and(|at| PASSED.fetch_add(1, Ordering::SeqCst) + 1 == at) {
        // As a battery that falls out: no destructor runs, nothing is flushed or closed.
        std::process::abort();
    }
}
