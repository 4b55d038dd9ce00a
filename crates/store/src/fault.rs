//! Failures to plan, for the simulation: the n-th call of a store fails as a disk or another process would make it.
//!
//! Behind the feature `faults`, which only the test packages ask for; without it every question is answered "goes
//! on" at compile time.

/// What the chosen call comes to.
#[cfg(feature = "faults")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full.
    Full,
    /// Another process holds the database.
    Busy,
    /// The disk failed.
    Io,
    /// It is done, and the answer says that it failed: only a commit can end so.
    Unsure,
    /// That call and all after it fail: the machine is off.
    Dead,
}

#[cfg(feature = "faults")]
mod planned {
    use super::Fault;
    use crate::{Result, StoreError};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    #[derive(Default)]
    struct State {
        plan: Option<(Fault, u64)>,
        struck: bool,
        calls: u64,
    }

    /// The plan of one store.
    #[derive(Default)]
    pub(crate) struct Faults(Mutex<State>);

    impl Faults {
        fn state(&self) -> MutexGuard<'_, State> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn plan(&self, plan: Option<(Fault, u64)>) -> bool {
            let mut state = self.state();
            let struck = state.struck;
            *state = State { plan, struck: false, calls: state.calls };
            struck
        }

        pub(crate) fn calls(&self) -> u64 {
            self.state().calls
        }

        fn error(fault: Fault) -> StoreError {
            match fault {
                Fault::Full => StoreError::Full,
                Fault::Busy => StoreError::Busy,
                Fault::Io | Fault::Unsure | Fault::Dead => StoreError::Io("planned".into()),
            }
        }

        /// Counts a call; `commit` for the last of a transaction.
        fn call(&self, commit: bool) -> Option<Fault> {
            let mut state = self.state();
            state.calls += 1;
            let (fault, left) = state.plan.as_mut()?;
            let fault = *fault;
            *left = left.saturating_sub(1);
            if *left > 0 || (fault == Fault::Unsure && !commit) {
                return None;
            }
            if fault != Fault::Dead {
                state.plan = None;
            }
            state.struck = true;
            Some(fault)
        }

        pub(crate) fn judge(&self) -> Result<()> {
            self.call(false).map_or(Ok(()), |fault| Err(Self::error(fault)))
        }

        /// Asked before a commit; gives what to say after it although it held.
        pub(crate) fn judge_commit(&self) -> Result<Option<StoreError>> {
            match self.call(true) {
                Some(Fault::Unsure) => Ok(Some(Self::error(Fault::Unsure))),
                Some(fault) => Err(Self::error(fault)),
                None => Ok(None),
            }
        }
    }
}

#[cfg(not(feature = "faults"))]
mod planned {
    use crate::{Result, StoreError};

    /// No plan, ever.
    #[derive(Default)]
    pub(crate) struct Faults {}

    impl Faults {
        #[inline(always)]
        #[expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "the other one of its name may fail"
        )]
        pub(crate) const fn judge(&self) -> Result<()> {
            Ok(())
        }
        #[inline(always)]
        #[expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "the other one of its name may fail"
        )]
        pub(crate) const fn judge_commit(&self) -> Result<Option<StoreError>> {
            Ok(None)
        }
    }
}

pub(crate) use planned::Faults;
