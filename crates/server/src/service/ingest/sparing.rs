//! Which of the ops that a group releases the engine refuses (protocol 5). An op that arrives is not to blame for one
//! that waited for it: that one is put aside, and the rest of the group stands.

use super::group::Group;
use crate::service::ServiceError;
use blindspot_core::OpId;
use blindspot_core::verdict::Cause;
use blindspot_store::StoreError;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// What a group does with the ops that it releases, and which it met.
#[derive(Default)]
pub(super) struct Sparing {
    /// The engine refuses these: they are put aside.
    refused: BTreeSet<OpId>,
    /// Only so many are decided, and nothing of it is kept: a trial.
    trial: Option<usize>,
    met: RefCell<Vec<OpId>>,
    passed: Cell<bool>,
}

/// What becomes of a released op.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is decided.
    Decide,
    /// The engine refuses it.
    PutAside,
    /// Not in this trial.
    Leave,
}

impl Sparing {
    /// An op is released.
    pub(super) fn turn(&self, op: OpId) -> Turn {
        if self.refused.contains(&op) {
            return Turn::PutAside;
        }
        let mut met = self.met.borrow_mut();
        if self.trial.is_some_and(|most| met.len() >= most) {
            return Turn::Leave;
        }
        met.push(op);
        Turn::Decide
    }

    /// All was written; the commit may come. A trial ends here.
    pub(super) fn end(&self) -> Result<(), StoreError> {
        self.passed.set(true);
        if self.trial.is_some() { Err(StoreError::Busy) } else { Ok(()) }
    }

    /// Whether the engine takes the group with so many of the released ops.
    fn takes<T>(
        &mut self,
        most: usize,
        run: &mut impl FnMut(&Self) -> Result<T, ServiceError>,
    ) -> Result<bool, ServiceError> {
        self.trial = Some(most);
        self.met.borrow_mut().clear();
        self.passed.set(false);
        let tried = run(self);
        self.trial = None;
        match tried {
            Ok(_) => Ok(true),
            Err(_) if self.passed.get() => Ok(true),
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether the engine refused what was written.
pub(super) fn is_refusal(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Store(error) if error.is_refusal())
}

/// Runs a group in its transaction. When the engine refuses it, the released ops that are to blame are found by halving,
/// one after the other, and put aside. The closure may run many times; what it tries is rolled back.
///
/// # Errors
/// The closure's; a refusal when the group is refused without any released op as well.
pub(super) fn sparing<T>(
    mut run: impl FnMut(&Sparing) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let mut sparing = Sparing::default();
    loop {
        sparing.met.borrow_mut().clear();
        let error = match run(&sparing) {
            Err(error) if is_refusal(&error) => error,
            done => return done,
        };
        let met = sparing.met.borrow().clone();
        if met.is_empty() || !sparing.takes(0, &mut run)? {
            return Err(error);
        }
        // Taken with `good` of them, refused with `bad`.
        let (mut good, mut bad) = (0, met.len());
        while bad - good > 1 {
            let half = good + (bad - good) / 2;
            if sparing.takes(half, &mut run)? {
                good = half;
            } else {
                bad = half;
            }
        }
        let Some(op) = met.get(good).copied() else { return Err(error) };
        tracing::error!(%op, %error, "an op that waited is refused by the database and is quarantined");
        sparing.refused.insert(op);
    }
}

impl Group<'_, '_> {
    /// What becomes of an op that is released.
    pub(super) fn turn(&self, op: OpId) -> Turn {
        self.sparing.map_or(Turn::Decide, |sparing| sparing.turn(op))
    }

    /// Decides an op that nobody sent just now, as one that is released.
    pub(super) fn settle_released(&mut self, op: OpId) -> Result<(), StoreError> {
        match self.turn(op) {
            Turn::Decide => self.settle(op),
            Turn::PutAside => self.quarantine(op, Cause::Engine),
            Turn::Leave => Ok(()),
        }
    }
}
