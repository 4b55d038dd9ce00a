//! Feeds: who reads which row, in which order, with a digest over what stands there now (protocol 8).
//!
//! Knows no rule of membership: changes come in as data.

use crate::{Result, Row, Stmt, StoreError, Tx};
use blindspot_core::CaseId;
use blindspot_core::feed::Feed;
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::row::{Digest, Rev, RowChange, RowKey, RowKind, entry_hash};
use std::collections::{BTreeMap, BTreeSet};

const SQL: &str = include_str!("../sql/feed.sql");
static ROW_REV: Stmt = Stmt::new(SQL, "row_rev");
static SAVE_ROW: Stmt = Stmt::new(SQL, "save_row");
static DROP_ROW: Stmt = Stmt::new(SQL, "drop_row");
static LOAD_HEAD: Stmt = Stmt::new(SQL, "load_head");
static ALL_HEADS: Stmt = Stmt::new(SQL, "all_heads");
static SAVE_HEAD: Stmt = Stmt::new(SQL, "save_head");
static STANDS_IN: Stmt = Stmt::new(SQL, "stands_in");
static SAVE_ITEM: Stmt = Stmt::new(SQL, "save_item");
static ITEMS_AFTER: Stmt = Stmt::new(SQL, "items_after");
static FEEDS_OF: Stmt = Stmt::new(SQL, "feeds_of");
static ENTRIES: Stmt = Stmt::new(SQL, "entries");

/// The head of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The newest seq.
    pub seq: i64,
    /// Over the rows now in the feed.
    pub digest: Digest,
    /// Markers at or below this were purged: an older place in the feed can no longer be read on from.
    pub min_seq: i64,
}

/// A change with the case that the row is of.
#[derive(Clone, Debug)]
pub struct RowWrite {
    /// The change.
    pub change: RowChange,
    /// The case.
    pub case_id: Option<CaseId>,
}

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

fn head(row: &Row) -> Result<(Feed, Head)> {
    let sum: [u8; 16] = row.id(3)?;
    let count =
        u64::try_from(row.int(2)?).map_err(|_| StoreError::Decode("a feed with a negative count".into()))?;
    let digest = Digest { count, sum: u128::from_be_bytes(sum) };
    Ok((Feed(row.text(0)?.to_owned()), Head { seq: row.int(1)?, digest, min_seq: row.int(4)? }))
}

/// The heads of these feeds; one that never held a row is absent.
///
/// # Errors
/// The engine's.
pub fn load_heads(tx: &Tx<'_>, city: &CityId, feeds: &BTreeSet<Feed>) -> Result<BTreeMap<Feed, Head>> {
    tx.query_many(&LOAD_HEAD, feeds.iter().map(|f| vec![city.into(), f.into()]))?.iter().map(head).collect()
}

/// Items of a feed after a seq, in seq order.
///
/// # Errors
/// The engine's, or `Decode` when an item stands in the feed without its row.
pub fn load_items(tx: &Tx<'_>, city: &CityId, feed: &Feed, after: i64, most: usize) -> Result<Vec<Item>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut out = Vec::new();
    tx.each(&ITEMS_AFTER, &[city.into(), feed.into(), after.into(), most.into()], |row| {
        let key = RowKey::new(RowKind::from_word(row.text(1)?), row.text(2)?);
        let row_now =
            if row.bool(3)? { None } else { Some((Rev(row.int(4)?, row.int(5)?), row.text(6)?.to_owned())) };
        out.push(Item { seq: row.int(0)?, key, row: row_now });
        Ok(())
    })?;
    Ok(out)
}

/// The feeds in which rows stand now.
///
/// # Errors
/// The engine's.
pub fn load_feeds_of(
    tx: &Tx<'_>,
    city: &CityId,
    keys: &BTreeSet<RowKey>,
) -> Result<BTreeMap<RowKey, BTreeSet<Feed>>> {
    let sets = keys.iter().map(|k| vec![city.into(), k.kind.as_str().into(), k.id.as_str().into()]);
    let mut out: BTreeMap<RowKey, BTreeSet<Feed>> = BTreeMap::new();
    for row in tx.query_many(&FEEDS_OF, sets)? {
        let key = RowKey::new(RowKind::from_word(row.text(0)?), row.text(1)?);
        out.entry(key).or_default().insert(Feed(row.text(2)?.to_owned()));
    }
    Ok(out)
}

type Stored = BTreeMap<RowKey, (Rev, Sha256)>;

fn load_revs(tx: &Tx<'_>, city: &CityId, writes: &BTreeMap<RowKey, RowWrite>) -> Result<Stored> {
    let sets = writes.keys().map(|k| vec![city.into(), k.kind.as_str().into(), k.id.as_str().into()]);
    let rows = tx.query_many(&ROW_REV, sets)?;
    let one = |row: &Row| {
        let key = RowKey::new(RowKind::from_word(row.text(0)?), row.text(1)?);
        Ok((key, (Rev(row.int(2)?, row.int(3)?), Sha256(row.hash(4)?))))
    };
    rows.iter().map(one).collect()
}

fn load_standing(
    tx: &Tx<'_>,
    city: &CityId,
    writes: &BTreeMap<RowKey, RowWrite>,
) -> Result<BTreeSet<(Feed, RowKey)>> {
    let pairs = writes.values().flat_map(|w| {
        let key = &w.change.key;
        w.change.enters.iter().chain(&w.change.leaves).map(move |feed| (feed, key))
    });
    let sets = pairs.map(|(f, k)| vec![city.into(), f.into(), k.kind.as_str().into(), k.id.as_str().into()]);
    let rows = tx.query_many(&STANDS_IN, sets)?;
    let one = |row: &Row| {
        let key = RowKey::new(RowKind::from_word(row.text(1)?), row.text(2)?);
        Ok((Feed(row.text(0)?.to_owned()), key))
    };
    rows.iter().map(one).collect()
}

/// Writes rows and moves the feeds they stand in: revisions, items, digests, heads. Last in a
/// transaction: heads are taken in feed order, and each seq is given under its head (protocol 8).
///
/// # Errors
/// The engine's.
pub fn save_changes(
    tx: &Tx<'_>,
    city: &CityId,
    epoch: i64,
    writes: &BTreeMap<RowKey, RowWrite>,
) -> Result<BTreeMap<Feed, i64>> {
    let old = load_revs(tx, city, writes)?;
    let standing = load_standing(tx, city, writes)?;
    let new = save_rows(tx, city, epoch, writes, &old)?;
    let mut by_feed: BTreeMap<&Feed, Vec<(&RowKey, bool)>> = BTreeMap::new();
    for write in writes.values() {
        for feed in &write.change.enters {
            by_feed.entry(feed).or_default().push((&write.change.key, false));
        }
        for feed in &write.change.leaves {
            by_feed.entry(feed).or_default().push((&write.change.key, true));
        }
    }
    let feeds: BTreeSet<Feed> = by_feed.keys().map(|f| (*f).clone()).collect();
    let mut heads = load_heads(tx, city, &feeds)?;
    let (mut items, mut moved) = (Vec::new(), BTreeMap::new());
    for (feed, changes) in by_feed {
        let head = heads.entry(feed.clone()).or_default();
        for (key, gone) in changes {
            let stood = standing.contains(&(feed.clone(), key.clone()));
            if gone && !stood {
                continue;
            }
            if let (true, Some((rev, hash))) = (stood, old.get(key)) {
                head.digest.remove(entry_hash(key, *rev, hash));
            }
            if let (false, Some((rev, hash))) = (gone, new.get(key)) {
                head.digest.add(entry_hash(key, *rev, hash));
            }
            head.seq += 1;
            let (kind, id) = (key.kind.as_str(), key.id.as_str());
            items.push(vec![city.into(), feed.into(), head.seq.into(), kind.into(), id.into(), gone.into()]);
            moved.insert(feed.clone(), head.seq);
        }
    }
    tx.exec_many(&SAVE_ITEM, items)?;
    let heads = heads.iter().filter(|(feed, _)| moved.contains_key(*feed));
    tx.exec_many(&SAVE_HEAD, heads.map(|(feed, head)| head_values(city, feed, head)))?;
    Ok(moved)
}

fn head_values(city: &CityId, feed: &Feed, head: &Head) -> Vec<crate::Value> {
    vec![
        city.into(),
        feed.into(),
        head.seq.into(),
        head.digest.count.into(),
        head.digest.sum.to_be_bytes().into(),
    ]
}

fn save_rows(
    tx: &Tx<'_>,
    city: &CityId,
    epoch: i64,
    writes: &BTreeMap<RowKey, RowWrite>,
    old: &Stored,
) -> Result<Stored> {
    let (mut saves, mut drops, mut new) = (Vec::new(), Vec::new(), Stored::new());
    for (key, write) in writes {
        let (kind, id) = (key.kind.as_str(), key.id.as_str());
        let was = old.get(key);
        match (&write.change.body, was) {
            (None, _) => drops.push(vec![city.into(), kind.into(), id.into()]),
            (Some(_), Some(was)) if !write.change.changed => {
                new.insert(key.clone(), *was);
            }
            (Some(body), _) => {
                let rev = was.map_or(Rev(epoch, 0), |w| w.0).next(epoch);
                let hash = Sha256::of(body.as_bytes());
                saves.push(vec![
                    city.into(),
                    kind.into(),
                    id.into(),
                    write.case_id.into(),
                    rev.0.into(),
                    rev.1.into(),
                    hash.into(),
                    body.as_str().into(),
                ]);
                new.insert(key.clone(), (rev, hash));
            }
        }
    }
    tx.exec_many(&SAVE_ROW, saves)?;
    tx.exec_many(&DROP_ROW, drops)?;
    Ok(new)
}

/// A feed whose stored digest was recomputed from its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestCheck {
    /// Which feed.
    pub feed: Feed,
    /// As kept in its head.
    pub stored: Digest,
    /// As its rows give it.
    pub recomputed: Digest,
}

/// Recomputes the digest of every feed from the rows that stand in it, for `blindspot verify digests`.
///
/// # Errors
/// The engine's.
pub fn recompute_digests(tx: &Tx<'_>, city: &CityId) -> Result<Vec<DigestCheck>> {
    let heads: Vec<(Feed, Head)> =
        tx.query(&ALL_HEADS, &[city.into()])?.iter().map(head).collect::<Result<_>>()?;
    let mut out = Vec::with_capacity(heads.len());
    for (feed, head) in heads {
        let mut recomputed = Digest::default();
        tx.each(&ENTRIES, &[city.into(), (&feed).into()], |row| {
            let key = RowKey::new(RowKind::from_word(row.text(0)?), row.text(1)?);
            recomputed.add(entry_hash(&key, Rev(row.int(2)?, row.int(3)?), &Sha256(row.hash(4)?)));
            Ok(())
        })?;
        out.push(DigestCheck { feed, stored: head.digest, recomputed });
    }
    Ok(out)
}
