//! What an op releases by its decision, and which of that the engine refuses (protocol 5). An op that arrives is not to
//! blame for one that waited for it: that one is put aside, and the rest of the group stands.

use super::decide::waits;
use super::group::Group;
use crate::service::ServiceError;
use blindspot_core::OpId;
use blindspot_core::mutant;
use blindspot_core::verdict::Cause;
use blindspot_store::StoreError;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

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
#[derive(Clone, Copy)]
enum Turn {
    /// It is decided.
    Decide,
    /// The engine refuses it.
    PutAside,
    /// Not in this trial.
    Leave,
}

impl Sparing {
    /// An op is released.
    fn turn(&self, op: OpId) -> Turn {
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

    /// All was written; the commit may come. A trial ends here, with an error that rolls it back. Every closure given to
    /// `sparing` must call it last.
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
    /// Decides an op that was sent, then in commit order what waited for it, and so on, in the same transaction.
    pub(super) fn settle(&mut self, sent: OpId) -> Result<(), StoreError> {
        self.cascade(sent, Some(sent))
    }

    /// As `settle`, for an op that nobody sent just now: it may be put aside itself.
    pub(super) fn settle_released(&mut self, op: OpId) -> Result<(), StoreError> {
        self.cascade(op, None)
    }

    fn cascade(&mut self, first: OpId, sent: Option<OpId>) -> Result<(), StoreError> {
        let mut queue = BTreeMap::from([(self.ops.get(&first).map_or(0, |r| r.n), first)]);
        while let Some((_, op_id)) = queue.pop_first() {
            match self.sparing.filter(|_| sent != Some(op_id)).map_or(Turn::Decide, |s| s.turn(op_id)) {
                Turn::Decide => {}
                Turn::PutAside => {
                    self.quarantine(op_id, Cause::Engine)?;
                    continue;
                }
                Turn::Leave => continue,
            }
            let opened = self.decide(op_id)?;
            let is_final = self.ops.get(&op_id).is_some_and(|r| r.verdict.is_final());
            if !is_final || !self.any_waiting || mutant::is("hold_forgotten") {
                continue;
            }
            let here = opened.iter().map(|case| *case.as_bytes()).chain([*op_id.as_bytes()]);
            let released = self.waiting_for(here.collect())?;
            self.need_ops(&released)?;
            for id in released {
                if let Some(record) = self.ops.get(&id)
                    && waits(&record.verdict)
                {
                    queue.insert(record.n, id);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world of released ops, some of which the engine refuses; gives how many commits there were and what was
    /// put aside.
    fn play(bad: u64, count: u8, sent_is_bad: bool) -> (usize, Result<BTreeSet<OpId>, ServiceError>) {
        let op = |n: u8| OpId::from_parts(0, [n; 10]);
        let mut commits = 0;
        let done = sparing(|with| {
            let (mut aside, mut refused) = (BTreeSet::new(), sent_is_bad);
            for n in 0..count {
                match with.turn(op(n)) {
                    Turn::Decide => refused |= bad >> n & 1 == 1,
                    Turn::PutAside => drop(aside.insert(op(n))),
                    Turn::Leave => {}
                }
            }
            if refused {
                return Err(StoreError::Sql("refused".into()).into());
            }
            with.end()?;
            commits += 1;
            Ok(aside)
        });
        (commits, done)
    }

    #[test]
    fn exactly_the_refused_ones_are_put_aside_in_one_commit() {
        for count in 0..=8u8 {
            for bad in 0..1u64 << count {
                let (commits, aside) = play(bad, count, false);
                let want: BTreeSet<OpId> =
                    (0..count).filter(|n| bad >> n & 1 == 1).map(|n| OpId::from_parts(0, [n; 10])).collect();
                assert_eq!((commits, aside.unwrap()), (1, want), "{bad:b} of {count}");
            }
        }
    }

    #[test]
    fn when_the_op_that_was_sent_is_refused_nothing_is_committed_and_nobody_else_blamed() {
        for bad in 0..16 {
            let (commits, done) = play(bad, 4, true);
            assert!(commits == 0 && is_refusal(&done.unwrap_err()), "{bad:b}");
        }
    }
}
