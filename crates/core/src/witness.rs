//! What the server takes to decide it, in its order: told to whoever listens on the same thread, so that a test can feed
//! a model the same. An op put aside is taken again when it is decided after all; what rolled back is taken again, too.
//!
//! Behind the feature `mutants`, as the planted bugs: in a program that people run it is nothing.

#[cfg(feature = "mutants")]
mod kept {
    use crate::OpId;
    use std::cell::RefCell;

    thread_local! {
        static TAKEN: RefCell<Option<Vec<OpId>>> = const { RefCell::new(None) };
    }

    /// Listens from now on, anew.
    pub fn listen() {
        TAKEN.set(Some(vec![]));
    }

    /// The server takes an op to decide it.
    pub fn takes(op: OpId) {
        TAKEN.with_borrow_mut(|taken| taken.as_mut().map(|all| all.push(op)));
    }

    /// All that was taken since `listen`; an op that was taken more than once stands there as often.
    #[must_use]
    pub fn taken() -> Vec<OpId> {
        TAKEN.with_borrow(|taken| taken.clone().unwrap_or_default())
    }
}

#[cfg(feature = "mutants")]
pub use kept::{listen, taken, takes};

/// The server takes an op to decide it: nobody listens, in a program that people run.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub const fn takes(_op: crate::OpId) {}
