//! Undecided ops that time moves: holds that ran out after 72 hours (protocol 5).

use super::Committed;
use super::group::Group;
use super::sparing::{Sparing, sparing};
use crate::service::{House, Reference, ServiceError};
use blindspot_core::feed::Feed;
use blindspot_core::limits::HELD_MS_MAX;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::Hint;
use blindspot_core::{CaseId, OpId, PhotoId};
use blindspot_store::{Result, waiting};
use std::collections::{BTreeMap, BTreeSet};

/// Most ops looked at in one transaction.
const LOOK_MAX: i64 = 1_000;

/// Quarantines ops that waited too long for something that is not here; each replays by itself when it
/// arrives. One that waits for a quarantined op is held without limit. Says how many were quarantined.
///
/// # Errors
/// The database's.
pub fn expire_holds(house: &House, now_ms: i64) -> Result<usize, ServiceError> {
    let reference = house.reference();
    let (count, moved) = house.store.write(|tx| {
        let mut group = Group::begin(tx, house, &reference, now_ms)?;
        let old = waiting::load_undecided(tx, &house.city, now_ms.saturating_sub(HELD_MS_MAX), LOOK_MAX)?;
        group.need_ops(&old.iter().copied().collect())?;
        let mut count = 0;
        for id in old {
            let held = group.ops.get(&id).is_some_and(|r| matches!(r.verdict, Verdict::Held { .. }));
            if held && group.waits_for_nothing_here(id)? {
                group.quarantine(id, Cause::MissingPredecessor)?;
                count += 1;
            }
        }
        Ok::<_, ServiceError>((count, group.finish(vec![])?.moved))
    })?;
    tell(house, moved);
    Ok(count)
}

/// Decides ops that an older version quarantined as an unknown kind and this one understands. Says how
/// many were decided.
///
/// # Errors
/// The database's.
pub fn replay_understood(house: &House, now_ms: i64) -> Result<usize, ServiceError> {
    let reference = house.reference();
    let (count, moved) = sparing(|with| replay_open(house, &reference, with, now_ms))?;
    tell(house, moved);
    Ok(count)
}

fn replay_open(
    house: &House,
    reference: &Reference,
    with: &Sparing,
    now_ms: i64,
) -> Result<(usize, BTreeMap<Feed, i64>), ServiceError> {
    house.store.write(|tx| {
        let mut group = Group::begin(tx, house, reference, now_ms)?;
        group.sparing = Some(with);
        let open = waiting::load_undecided(tx, &house.city, now_ms.saturating_add(1), LOOK_MAX)?;
        group.need_ops(&open.iter().copied().collect())?;
        let mut count = 0;
        for id in open {
            let understood = group.ops.get(&id).is_some_and(|r| {
                matches!(r.verdict, Verdict::Quarantined { cause: Cause::UnknownKind, .. })
                    && SealedOp::read(r.body.clone()).is_ok_and(|op| op.command().is_ok())
            });
            if understood {
                group.settle_released(id)?;
                count += 1;
            }
        }
        let moved = group.finish(vec![])?.moved;
        with.end()?;
        Ok((count, moved))
    })
}

/// Flags a photo whose working copy does not look like its original (protocol 11). Says whether it is
/// on a case.
///
/// # Errors
/// The database's.
pub fn flag_mismatch(house: &House, photo_id: PhotoId, now_ms: i64) -> Result<bool, ServiceError> {
    let reference = house.reference();
    let (found, moved) = house.store.write(|tx| {
        let mut group = Group::begin(tx, house, &reference, now_ms)?;
        let found = group.flag_mismatch(photo_id, now_ms)?;
        let Committed { moved, .. } = group.finish(vec![])?;
        Ok::<_, ServiceError>((found, moved))
    })?;
    tell(house, moved);
    Ok(found)
}

pub(super) fn tell(house: &House, moved: BTreeMap<Feed, i64>) {
    let hints: Vec<Hint> = moved.into_iter().map(|(feed, seq)| Hint { feed, seq }).collect();
    if !hints.is_empty() {
        house.tell(&hints);
    }
}

impl Group<'_, '_> {
    /// Whether something that the op waits for is not here in any form.
    pub(super) fn waits_for_nothing_here(&mut self, op: OpId) -> Result<bool> {
        for awaited in waiting::load_awaited_by(self.tx, &self.house.city, op)? {
            let (as_op, as_case) = (OpId::from_bytes(awaited), CaseId::from_bytes(awaited));
            self.need_ops(&BTreeSet::from([as_op]))?;
            let here = self.ops.contains_key(&as_op)
                || waiting::load_has_undecided_report(self.tx, &self.house.city, as_case)?;
            if !here {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
