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
use blindspot_store::{StoreError, Tx, audit, backup, meta};
use serde::{Deserialize, Serialize};
use serde_json::json;
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
    Ok(meta::load_int(tx, city, meta::EPOCH)?.unwrap_or(0))
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

/// Opens a new epoch because a phone knows more than the database. Gives it.
pub(crate) fn open(tx: &Tx<'_>, house: &House, claimed: i64, now_ms: i64) -> Result<i64, StoreError> {
    let (before, epoch) =
        raise(tx, house, claimed, now_ms, ("system", "past_lost"), json!({"claimed": claimed}))?;
    tracing::error!(
        before,
        epoch,
        "a phone knows more than this database: it is older than what this server has told; a new epoch is open"
    );
    Ok(epoch)
}

/// The epoch in force, for whoever looks after the database.
///
/// # Errors
/// The database's.
pub fn current(house: &House) -> Result<i64, StoreError> {
    house.store.read(|tx| in_force(tx, &house.city))
}

/// Opens a new epoch because an operator has brought an older state of the database back, before any phone finds out: nothing
/// is answered out of the lost past in between. Gives the one before and the new one.
///
/// # Errors
/// The database's.
pub fn open_by_hand(house: &House, why: &str, now_ms: i64) -> Result<(i64, i64), StoreError> {
    house.store.write(|tx| raise(tx, house, 0, now_ms, ("operator", "by_hand"), json!({"why": why})))
}

/// A new epoch above every one that is known of, with every number that people have seen moved on, and a row of the audit log.
fn raise(
    tx: &Tx<'_>,
    house: &House,
    claimed: i64,
    now_ms: i64,
    (actor, result): (&str, &str),
    mut detail: serde_json::Value,
) -> Result<(i64, i64), StoreError> {
    let city = &house.city;
    let by = jump(in_force(tx, city)?, claimed);
    let opened = backup::open_epoch(tx, city, claimed, by, now_ms)?;
    for (name, n) in [("epoch_before", opened.before), ("epoch", opened.epoch), ("jump", by)] {
        detail[name] = n.into();
    }
    let detail = detail.to_string();
    audit::append(tx, city, now_ms, actor, "epoch_opened", "database", result, &detail)?;
    Ok((opened.before, opened.epoch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_core::row::RowKind;

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

    #[test]
    fn an_epoch_opened_by_hand_is_above_the_one_before_and_on_record() {
        use crate::service::testing::{Phone, T0, grant, house, person};
        let house = house();
        grant(&house, person(1), blindspot_core::access::Role::Collector, "city");
        let mut worker = Phone::enrol(&house, person(1), 1);
        let (first, second) = (worker.report(1, 1), worker.report(2, 2));
        worker.push(&house, T0, &[&first]);
        let (before, now) = open_by_hand(&house, "从昨天的备份恢复", T0 + 5).expect("opened");
        assert!(now > before && current(&house).expect("read") == now);
        let number = |op: &blindspot_core::op::SealedOp| {
            let case = op.env.case_id.expect("a report's");
            let rows = house.store.read(|tx| {
                blindspot_store::rows::load_row(tx, &house.city, &RowKind::Case, &case.to_string())
            });
            let body: serde_json::Value =
                serde_json::from_str(&rows.expect("read").expect("there").body).expect("JSON");
            body["short_no"]["n"].as_i64().expect("a number")
        };
        worker.push(&house, T0 + 9, &[&second]);
        assert!(number(&second) >= number(&first) + 10_000, "no number is given twice");
        let said = house.store.read(|tx| audit::load_page(tx, &house.city, i64::MAX, 50)).expect("read");
        let told =
            |row: &audit::AuditRow| row.act.action == "epoch_opened" && row.act.detail.contains("昨天的备份");
        assert!(said.iter().any(told));
    }
}
