//! A page of a pull, filled from one snapshot: the items of each feed from where the phone stands, as far as there is room.

use super::pull::Cursor;
use super::{House, ServiceError};
use blindspot_core::feed::Feed;
use blindspot_core::limits::PAGE_BYTES_MAX;
use blindspot_core::mutant;
use blindspot_core::row::RowKey;
use blindspot_core::wire::v1::{Checkpoint, FeedChange, FeedHead, WireRow};
use blindspot_store::feed::{Head, Item, News};
use blindspot_store::{StoreError, Tx, feed};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// A page being filled from one snapshot.
pub(super) struct Page {
    epoch: i64,
    room: usize,
    bytes: usize,
    pub(super) rows: Vec<WireRow>,
    at: BTreeMap<RowKey, u32>,
    pub(super) changes: Vec<FeedChange>,
    pub(super) added: Vec<Feed>,
}

impl Page {
    pub(super) fn new(room: usize, epoch: i64) -> Self {
        Self { epoch, room, bytes: 0, rows: vec![], at: BTreeMap::new(), changes: vec![], added: vec![] }
    }

    fn is_full(&self) -> bool {
        self.room == 0 || self.bytes >= PAGE_BYTES_MAX
    }

    pub(super) fn read(
        mut self,
        tx: &Tx<'_>,
        house: &House,
        scope: &BTreeSet<Feed>,
        heads: &BTreeMap<Feed, Head>,
        cursor: &mut Cursor,
        news: Option<&News>,
    ) -> Result<(Self, Vec<Feed>, Option<Checkpoint>), ServiceError> {
        let removed: Vec<Feed> = cursor.feeds.keys().filter(|f| !scope.contains(*f)).cloned().collect();
        cursor.feeds.retain(|feed, _| scope.contains(feed));
        let mut all_reached = true;
        for feed in scope {
            let head = heads.get(feed).copied().unwrap_or_default();
            let at = self.place(cursor.feeds.get(feed).copied(), head);
            let items = |after: i64, room: usize| match news {
                Some(news) => news.items(&head, after),
                None if after >= head.seq => Ok(vec![]),
                None => feed::load_items_of(tx, &house.city, &head, after, room),
            };
            all_reached &= self.read_feed((feed, head), at, items, cursor)?;
        }
        let checkpoint = all_reached.then(|| Checkpoint {
            heads: scope
                .iter()
                .map(|feed| wire_head(feed, heads.get(feed).copied().unwrap_or_default()))
                .collect(),
        });
        Ok((self, removed, checkpoint))
    }

    /// Where a feed is read on from; nothing when that is from zero. Another epoch, or a place beyond the head: what the
    /// phone holds is of another history. A place before the purged markers: what left since then is no longer known.
    fn place(&self, known: Option<Option<(i64, i64)>>, head: Head) -> Option<i64> {
        let of_now =
            |(epoch, seq): &(i64, i64)| *epoch == self.epoch && (head.min_seq..=head.seq).contains(seq);
        known.flatten().filter(of_now).map(|(_, seq)| seq)
    }

    /// Where what is new begins in each feed, when all of it has room in this page and is no more than `most`: it can be read at
    /// once, for many pages at once. Most pulls are so.
    pub(super) fn little_news(
        &self,
        scope: &BTreeSet<Feed>,
        heads: &BTreeMap<Feed, Head>,
        cursor: &Cursor,
        most: usize,
    ) -> Option<Vec<(Head, i64)>> {
        let moved = scope.iter().filter_map(|feed| {
            let head = *heads.get(feed)?;
            let after = self.place(cursor.feeds.get(feed).copied(), head).unwrap_or(0);
            (after < head.seq).then_some((head, after))
        });
        let places: Vec<(Head, i64)> = moved.collect();
        let new: i64 = places.iter().map(|(head, after)| head.seq - after).sum();
        (usize::try_from(new).ok()? <= most.min(self.room)).then_some(places)
    }

    /// Reads a feed as far as there is room; says whether its head was reached.
    fn read_feed(
        &mut self,
        (feed, head): (&Feed, Head),
        at: Option<i64>,
        items: impl FnOnce(i64, usize) -> Result<Vec<Item>, StoreError>,
        cursor: &mut Cursor,
    ) -> Result<bool, ServiceError> {
        let known = cursor.feeds.get(feed).copied();
        let from_zero = at.is_none();
        let mut after = at.unwrap_or(0);
        after += i64::from(mutant::is("cursor_skips") && !from_zero && after < head.seq - 1);
        if mutant::is("new_feed_from_head") && known.is_none() && head.seq > 2 {
            after = head.seq - 1;
        }
        if !from_zero && after == head.seq {
            return Ok(true);
        }
        if self.is_full() {
            if known.is_some() && from_zero {
                cursor.feeds.insert(feed.clone(), None);
            }
            return Ok(false);
        }
        if known.is_none() {
            self.added.push(feed.clone());
        }
        let mut change = FeedChange { feed: feed.clone(), from_zero, entered: vec![], left: vec![] };
        let mut reached = after;
        for item in items(after, self.room)? {
            if self.is_full() {
                break;
            }
            reached = item.seq;
            self.put(item, &mut change)?;
        }
        self.changes.push(change);
        // The items that a feed keeps end at its head: the newest change always stands there.
        cursor.feeds.insert(feed.clone(), Some((self.epoch, reached)));
        Ok(reached == head.seq)
    }

    fn put(&mut self, item: Item, change: &mut FeedChange) -> Result<(), ServiceError> {
        self.room -= 1;
        let Some((rev, body)) = item.row else {
            if !mutant::is("left_marker_lost") {
                change.left.push(item.key);
            }
            return Ok(());
        };
        let index = match self.at.get(&item.key) {
            Some(index) => *index,
            None => {
                let index = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
                self.bytes += body.len();
                self.at.insert(item.key.clone(), index);
                self.rows.push(WireRow { key: item.key, rev, body: RawValue::from_string(body)? });
                index
            }
        };
        change.entered.push(index);
        Ok(())
    }
}

fn wire_head(feed: &Feed, head: Head) -> FeedHead {
    FeedHead { feed: feed.clone(), seq: head.seq, count: head.digest.count, digest: head.digest.sum_hex() }
}
