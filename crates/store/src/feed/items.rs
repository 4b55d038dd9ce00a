//! Items of feeds with their rows as they are now: what a reader has not seen, of one feed or of many readers' at once. Reads only.

use super::runs::{self, Kept};
use super::{Head, load_heads};
use crate::{Result, StoreError, Tx, rows};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::row::{Rev, RowKey};
use std::collections::{BTreeMap, BTreeSet};

/// One item of a feed, with the row as it is now.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the feed.
    pub seq: i64,
    /// Which row.
    pub key: RowKey,
    /// Revision and bytes; `None` for a row that left.
    pub row: Option<(Rev, String)>,
}

/// Items of a feed after a seq, in seq order.
///
/// # Errors
/// The engine's, or `Decode` when an item stands in the feed without its row.
pub fn load_items(tx: &Tx<'_>, city: &CityId, feed: &Feed, after: i64, most: usize) -> Result<Vec<Item>> {
    match load_heads(tx, city, &BTreeSet::from([feed.clone()]))?.get(feed) {
        Some(head) => load_items_of(tx, city, head, after, most),
        None => Ok(vec![]),
    }
}

/// Items of the feed whose head is at hand, after a seq, in seq order.
///
/// # Errors
/// As `load_items`.
pub fn load_items_of(tx: &Tx<'_>, city: &CityId, head: &Head, after: i64, most: usize) -> Result<Vec<Item>> {
    let kept = runs::load(tx, city, head.n, after, most)?;
    let rows = rows_now(tx, city, kept.iter())?;
    kept.iter().map(|kept| item(kept, &rows)).collect()
}

/// What several readers have not seen of their feeds, read with one look for all of them: each feed once, from the earliest
/// place of anybody who reads it, and each row once.
pub struct News {
    items: BTreeMap<i64, Vec<Kept>>,
    rows: RowsNow,
}

/// All items of several feeds after a seq in each, up to their heads. A feed may stand there more than once, for readers who stand at
/// different places. For what is known to be little.
///
/// # Errors
/// The engine's.
pub fn load_news(tx: &Tx<'_>, city: &CityId, places: &[(Head, i64)]) -> Result<News> {
    let mut of: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (head, after) in places {
        let (earliest, _) = of.entry(head.n).or_insert((*after, head.seq));
        *earliest = (*earliest).min(*after);
    }
    let items = runs::load_each(tx, city, &of)?;
    let rows = rows_now(tx, city, items.values().flatten())?;
    Ok(News { items, rows })
}

impl News {
    /// Items of a feed after a place that was among those asked for, or later, in seq order.
    ///
    /// # Errors
    /// `Decode` when an item stands in the feed without its row.
    pub fn items(&self, head: &Head, after: i64) -> Result<Vec<Item>> {
        let all = self.items.get(&head.n).map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|kept| kept.0 <= after);
        all.iter().skip(from).map(|kept| item(kept, &self.rows)).collect()
    }
}

type RowsNow = BTreeMap<RowKey, (Rev, String)>;

/// The rows of items, each once, in however many feeds it stands.
fn rows_now<'k>(tx: &Tx<'_>, city: &CityId, kept: impl Iterator<Item = &'k Kept>) -> Result<RowsNow> {
    let keys: BTreeSet<RowKey> = kept.filter(|kept| !kept.gone()).map(Kept::key).collect();
    let rows = rows::load_rows(tx, city, &keys)?;
    Ok(rows.into_iter().map(|row| (row.key, (row.rev, row.body))).collect())
}

fn item(kept: &Kept, rows: &RowsNow) -> Result<Item> {
    let (key, seq) = (kept.key(), kept.0);
    if kept.gone() {
        return Ok(Item { seq, key, row: None });
    }
    let row = rows.get(&key).cloned();
    let lost = || StoreError::Decode(format!("{} {} stands in a feed without its row", key.kind, key.id));
    Ok(Item { row: Some(row.ok_or_else(lost)?), seq, key })
}
