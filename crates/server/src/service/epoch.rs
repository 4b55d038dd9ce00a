//! Epochs: how a server that has lost its past learns of it, and what it does then (protocol 10).
//!
//! A rolled-back snapshot, an old folder copied back, a failover to a replica that lagged: the database looks sound and
//! knows nothing of what it told phones since. They do: their receipts and cursors are ours, and say more than it
//! holds. Whoever brings such a one makes the server open a new epoch, durably, before it answers. The epoch is read
//! in the transaction that uses it, never kept in the process.

use super::House;
use blindspot_core::DeviceId;
use blindspot_core::epoch::jump;
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::mutant;
use blindspot_store::feed::Head;
use blindspot_store::meta::of_city;
use blindspot_store::{StoreError, Tx, audit, backup};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a receipt proves: how far the server had stored the numbers of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) device: DeviceId,
    pub(crate) epoch: i64,
    pub(crate) received_through: u64,
}

/// The epoch in force.
pub(crate) fn in_force(tx: &Tx<'_>, city: &CityId) -> Result<i64, StoreError> {
    Ok(of_city::load_int(tx, city, of_city::EPOCH)?.unwrap_or(0))
}

/// Whether a receipt of a device knows more than the database: the epoch it was given in, when it does.
pub(crate) fn lost_by_receipt(epoch: i64, stored_through: u64, receipt: &Receipt) -> Option<i64> {
    if mutant::is("epoch_not_opened") {
        return None;
    }
    let more = receipt.epoch == epoch && receipt.received_through > stored_through;
    (receipt.epoch > epoch || more).then_some(receipt.epoch)
}

/// Whether a cursor knows more than the database: the newest epoch in it, when it does.
pub(crate) fn lost_by_cursor<'p>(
    epoch: i64,
    heads: &BTreeMap<Feed, Head>,
    places: impl IntoIterator<Item = (&'p Feed, &'p Option<(i64, i64)>)>,
) -> Option<i64> {
    let beyond = |(feed, place): (&Feed, &Option<(i64, i64)>)| {
        let (of, seq) = (*place)?;
        let head = heads.get(feed).map_or(0, |head| head.seq);
        (of > epoch || (of == epoch && seq > head)).then_some(of)
    };
    if mutant::is("epoch_not_opened") {
        return None;
    }
    places.into_iter().filter_map(beyond).max()
}

/// Opens a new epoch above every one that is known of, and moves on every number that people have seen. Gives it.
pub(crate) fn open(tx: &Tx<'_>, house: &House, claimed: i64, now_ms: i64) -> Result<i64, StoreError> {
    let jump_by = jump(in_force(tx, &house.city)?, claimed);
    let opened = backup::open_epoch(tx, &house.city, claimed, jump_by, now_ms)?;
    let detail = serde_json::json!({
        "epoch_before": opened.before, "claimed": claimed, "epoch": opened.epoch, "jump": jump_by,
    });
    audit::append(
        tx,
        &house.city,
        now_ms,
        "system",
        "epoch_opened",
        "database",
        "past_lost",
        &detail.to_string(),
    )?;
    tracing::error!(
        before = opened.before,
        epoch = opened.epoch,
        "a phone knows more than this database: it is older than what this server has told; a new epoch is open"
    );
    Ok(opened.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_receipt_that_knows_more_tells_of_a_lost_past() {
        let receipt = |epoch, received_through| Receipt {
            device: DeviceId::from_parts(1, [1; 10]),
            epoch,
            received_through,
        };
        assert_eq!(lost_by_receipt(5, 10, &receipt(5, 10)), None);
        assert_eq!(lost_by_receipt(5, 10, &receipt(5, 11)), Some(5));
        assert_eq!(lost_by_receipt(5, 10, &receipt(6, 1)), Some(6));
        assert_eq!(lost_by_receipt(5, 10, &receipt(4, 99)), None, "told before a restore that is known of");
    }

    #[test]
    fn only_a_cursor_beyond_a_head_tells_of_a_lost_past() {
        let feed = Feed("town:330782001".to_owned());
        let mut head = Head::default();
        head.seq = 7;
        let heads = BTreeMap::from([(feed.clone(), head)]);
        let at = |place| BTreeMap::from([(feed.clone(), place)]);
        assert_eq!(lost_by_cursor(5, &heads, &at(Some((5, 7)))), None);
        assert_eq!(lost_by_cursor(5, &heads, &at(Some((5, 8)))), Some(5));
        assert_eq!(lost_by_cursor(5, &heads, &at(Some((6, 1)))), Some(6));
        assert_eq!(lost_by_cursor(5, &heads, &at(Some((4, 99)))), None);
        assert_eq!(lost_by_cursor(5, &heads, &at(None)), None);
        assert_eq!(lost_by_cursor(5, &BTreeMap::new(), &at(Some((5, 1)))), Some(5), "a feed that is gone");
    }
}
