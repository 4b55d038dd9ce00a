//! Feeds: who reads which row, in which order, with a digest over what stands there now (protocol 8).
//!
//! Knows no rule of membership: changes come in as data.

mod check;
mod items;
mod runs;

pub use check::{DigestCheck, recompute_digests};
pub use items::{Item, News, load_items, load_items_of, load_news};

use crate::{Result, Row, Stmt, StoreError, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::feed::Feed;
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::mutant;
use blindspot_core::row::{Digest, Rev, RowChange, RowKey, RowKind, entry_hash};
use runs::Kept;
use std::collections::{BTreeMap, BTreeSet};

const SQL: &str = include_str!("../../sql/feed.sql");
static ROW_REV: Stmt = Stmt::new(SQL, "row_rev");
static ADD_ROW: Stmt = Stmt::new(SQL, "add_row");
static CHANGE_ROW: Stmt = Stmt::new(SQL, "change_row");
static MOVE_ROW: Stmt = Stmt::new(SQL, "move_row");
static DROP_ROW: Stmt = Stmt::new(SQL, "drop_row");
static LOAD_HEAD: Stmt = Stmt::new(SQL, "load_head");
static ALL_HEADS: Stmt = Stmt::new(SQL, "all_heads");
static LAST_FEED_N: Stmt = Stmt::new(SQL, "last_feed_n");
static SAVE_HEAD: Stmt = Stmt::new(SQL, "save_head");
static FEED_OF_N: Stmt = Stmt::new(SQL, "feed_of_n");

/// The head of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The feed's number in this database; 0 while it has none.
    n: i64,
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
    /// The caller knows that there never was such a row (its op or case is new in this transaction): it is
    /// not looked for. Were there one after all, its key refuses the write, and the caller looks for it the next time.
    pub fresh: bool,
}

fn head(row: &Row) -> Result<(Feed, Head)> {
    let sum: [u8; 16] = row.id(4)?;
    let count =
        u64::try_from(row.int(3)?).map_err(|_| StoreError::Decode("a feed with a negative count".into()))?;
    let digest = Digest { count, sum: u128::from_be_bytes(sum) };
    let head = Head { n: row.int(1)?, seq: row.int(2)?, digest, min_seq: row.int(5)? };
    Ok((Feed(row.text(0)?.to_owned()), head))
}

/// The heads of these feeds; one that never held a row is absent.
///
/// # Errors
/// The engine's.
pub fn load_heads(tx: &Tx<'_>, city: &CityId, feeds: &BTreeSet<Feed>) -> Result<BTreeMap<Feed, Head>> {
    tx.query_many(&LOAD_HEAD, feeds.iter().map(|f| [city.into(), f.into()]))?.iter().map(head).collect()
}

/// As `load_heads`, held until the transaction ends: nobody else gives seqs in them before it is committed.
fn hold_heads(tx: &Tx<'_>, city: &CityId, feeds: &BTreeSet<Feed>) -> Result<BTreeMap<Feed, Head>> {
    if mutant::is("turn_not_taken") {
        return load_heads(tx, city, feeds);
    }
    let sets = feeds.iter().map(|f| [city.into(), f.into()]);
    tx.query_many_held(&LOAD_HEAD, sets)?.iter().map(head).collect()
}

/// All feeds with their newest seqs.
///
/// # Errors
/// The engine's.
pub fn all_heads(tx: &Tx<'_>, city: &CityId) -> Result<Vec<(Feed, i64)>> {
    let heads = tx.query(&ALL_HEADS, &[city.into()])?;
    heads.iter().map(|row| head(row).map(|(feed, head)| (feed, head.seq))).collect()
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
    let mut out: BTreeMap<RowKey, BTreeSet<Feed>> = BTreeMap::new();
    let stored = load_stored(tx, city, keys.iter())?;
    let standing =
        |old: &Old| -> Vec<i64> { old.stands.iter().filter(|(_, s)| **s > 0).map(|(n, _)| *n).collect() };
    let numbers: BTreeSet<i64> = stored.values().flat_map(standing).collect();
    let named = tx.query_many(&FEED_OF_N, numbers.iter().map(|n| [city.into(), (*n).into()]))?;
    let names: BTreeMap<i64, Feed> =
        named.iter().map(|row| Ok((row.int(0)?, Feed(row.text(1)?.to_owned())))).collect::<Result<_>>()?;
    for (key, old) in stored {
        let feeds: BTreeSet<Feed> = standing(&old).iter().filter_map(|n| names.get(n).cloned()).collect();
        if !feeds.is_empty() {
            out.insert(key, feeds);
        }
    }
    Ok(out)
}

/// A row as it was before a group: revision, hash, and where it stands or left (`rows.stands`).
struct Old {
    rev: Rev,
    hash: Sha256,
    stands: BTreeMap<i64, i64>,
}

fn load_stored<'k>(
    tx: &Tx<'_>,
    city: &CityId,
    keys: impl Iterator<Item = &'k RowKey>,
) -> Result<BTreeMap<RowKey, Old>> {
    let sets = keys.map(|k| [city.into(), k.kind.as_str().into(), k.id.as_str().into()]);
    let one = |row: &Row| {
        let key = RowKey::new(RowKind::from_word(row.text(0)?), row.text(1)?);
        let stands = serde_json::from_str(row.text(5)?)?;
        Ok((key, Old { rev: Rev(row.int(2)?, row.int(3)?), hash: Sha256(row.hash(4)?), stands }))
    };
    tx.query_many(&ROW_REV, sets)?.iter().map(one).collect()
}

/// A row as it will be.
struct Next<'w> {
    write: &'w RowWrite,
    /// Nothing when the row is gone altogether.
    now: Option<(Rev, Sha256)>,
    /// Whether its bytes are written again.
    saved: bool,
    /// Whether there was none of its key.
    added: bool,
    stands: BTreeMap<i64, i64>,
    /// In a digest, as it was and as it will be.
    entry_old: Option<u128>,
    entry_new: Option<u128>,
}

impl<'w> Next<'w> {
    fn of(key: &RowKey, write: &'w RowWrite, old: Option<Old>, epoch: i64) -> Self {
        let entry_old = old.as_ref().map(|old| entry_hash(key, old.rev, &old.hash));
        let added = old.is_none();
        let (was, stands) = match old {
            Some(Old { rev, hash, stands }) => (Some((rev, hash)), stands),
            None => (None, BTreeMap::new()),
        };
        let (now, saved) = match (&write.change.body, was) {
            (None, _) => (None, false),
            (Some(_), Some(was)) if !write.change.changed => (Some(was), false),
            (Some(body), _) => {
                let rev = was.map_or(Rev(epoch, 0), |(rev, _)| rev).next(epoch);
                (Some((rev, Sha256::of(body.as_bytes()))), true)
            }
        };
        let entry_new = now.map(|(rev, hash)| entry_hash(key, rev, &hash));
        Self { write, now, saved, added, stands, entry_old, entry_new }
    }
}

/// What is to be written, with revisions, hashes and digests made: no answer of the engine is needed for that, so that it may be busy
/// with something else.
pub struct Prepared<'w>(Vec<(&'w RowKey, Next<'w>)>);

/// Reads what was there of these rows, and makes what will be.
///
/// # Errors
/// The engine's.
pub fn prepare<'w>(
    tx: &Tx<'_>,
    city: &CityId,
    epoch: i64,
    writes: &'w BTreeMap<RowKey, RowWrite>,
) -> Result<Prepared<'w>> {
    let mut old = load_stored(tx, city, writes.iter().filter(|(_, w)| !w.fresh).map(|(key, _)| key))?;
    let next = |(key, write)| (key, Next::of(key, write, old.remove(key), epoch));
    Ok(Prepared(writes.iter().map(next).collect()))
}

/// Writes rows and moves the feeds they stand in, as `prepare` and `save_prepared` one after the other.
///
/// # Errors
/// The engine's.
pub fn save_changes(
    tx: &Tx<'_>,
    city: &CityId,
    epoch: i64,
    writes: &BTreeMap<RowKey, RowWrite>,
) -> Result<BTreeMap<Feed, i64>> {
    save_prepared(tx, city, prepare(tx, city, epoch, writes)?)
}

/// Writes rows and moves the feeds they stand in: revisions, items, digests, heads. Last in a
/// transaction: heads are taken in feed order, and each seq is given under its head (protocol 8).
///
/// # Errors
/// The engine's.
pub fn save_prepared(
    tx: &Tx<'_>,
    city: &CityId,
    Prepared(mut rows): Prepared<'_>,
) -> Result<BTreeMap<Feed, i64>> {
    // (row, whether it leaves) by feed.
    let mut by_feed: BTreeMap<&Feed, Vec<(usize, bool)>> = BTreeMap::new();
    for (at, (_, row)) in rows.iter().enumerate() {
        let change = &row.write.change;
        for (feeds, gone) in [(&change.enters, false), (&change.leaves, true)] {
            feeds.iter().for_each(|feed| by_feed.entry(feed).or_default().push((at, gone)));
        }
    }
    let feeds: BTreeSet<Feed> = by_feed.keys().map(|f| (*f).clone()).collect();
    let mut heads = hold_heads(tx, city, &feeds)?;
    number_new_feeds(tx, city, &feeds, &mut heads)?;
    let (mut ends, mut items, mut moved) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
    for (feed, changes) in by_feed {
        let Some(head) = heads.get_mut(feed) else { continue };
        let from = head.seq;
        for (at, gone) in changes {
            let (key, row) = &mut rows[at];
            let before = row.stands.get(&head.n).copied();
            let stood = before.is_some_and(|seq| seq > 0);
            if gone && !stood {
                continue;
            }
            if let (true, Some(entry), false) = (stood, row.entry_old, mutant::is("digest_not_removed")) {
                head.digest.remove(entry);
            }
            if let (false, Some(entry)) = (gone, row.entry_new) {
                head.digest.add(entry);
            }
            ends.extend(before.map(|seq| (head.n, seq.abs())));
            head.seq += 1;
            row.stands.insert(head.n, if gone { -head.seq } else { head.seq });
            items.push((head.n, Kept::new(head.seq, key, gone)));
        }
        if head.seq > from {
            moved.insert(feed.clone(), head.seq);
        }
    }
    save_rows(tx, city, &rows)?;
    if mutant::is("item_not_superseded") {
        ends.clear();
    }
    runs::end(tx, city, &ends)?;
    runs::add(tx, city, &items)?;
    let heads = heads.iter().filter(|(feed, _)| moved.contains_key(*feed));
    tx.exec_many(&SAVE_HEAD, heads.map(|(feed, head)| head_values(city, feed, head)))?;
    crate::nodes::tell(tx, city, &moved)?;
    Ok(moved)
}

/// A feed gets its number with its first row.
fn number_new_feeds(
    tx: &Tx<'_>,
    city: &CityId,
    feeds: &BTreeSet<Feed>,
    heads: &mut BTreeMap<Feed, Head>,
) -> Result<()> {
    if feeds.len() == heads.len() {
        return Ok(());
    }
    let mut last = tx.query_one(&LAST_FEED_N, &[city.into()])?.map_or(Ok(0), |row| row.int(0))?;
    for feed in feeds {
        if !heads.contains_key(feed) {
            last += 1;
            heads.insert(feed.clone(), Head { n: last, ..Head::default() });
        }
    }
    Ok(())
}

fn head_values<'v>(city: &'v CityId, feed: &'v Feed, head: &Head) -> [Value<'v>; 6] {
    [
        city.into(),
        feed.into(),
        head.n.into(),
        head.seq.into(),
        head.digest.count.into(),
        head.digest.sum.to_be_bytes().into(),
    ]
}

fn save_rows<'w>(tx: &Tx<'_>, city: &'w CityId, rows: &'w [(&'w RowKey, Next<'w>)]) -> Result<()> {
    let stands = |row: &Next<'_>| serde_json::to_string(&row.stands);
    let save = |added: bool, key: &'w RowKey, row: &'w Next<'w>| {
        let (Some(body), Some((rev, hash)), true) = (&row.write.change.body, row.now, row.saved) else {
            return None;
        };
        if row.added != added {
            return None;
        }
        let set = stands(row).map(|stands| {
            [
                city.into(),
                key.kind.as_str().into(),
                key.id.as_str().into(),
                row.write.case_id.into(),
                rev.0.into(),
                rev.1.into(),
                hash.into(),
                body.as_str().into(),
                stands.into(),
            ]
        });
        Some(set.map_err(StoreError::from))
    };
    for (stmt, added) in [(&ADD_ROW, true), (&CHANGE_ROW, false)] {
        tx.exec_each(stmt, rows.iter().filter_map(|(key, row)| save(added, key, row)))?;
    }
    for (stmt, gone) in [(&MOVE_ROW, false), (&DROP_ROW, true)] {
        let rest = rows.iter().filter(|(_, row)| !row.saved && row.write.change.body.is_none() == gone);
        let sets = rest.map(|(key, row)| {
            Ok([city.into(), key.kind.as_str().into(), key.id.as_str().into(), stands(row)?.into()])
        });
        tx.exec_each(stmt, sets)?;
    }
    Ok(())
}
