//! Items of feeds as they are kept: in runs, one row for what a commit gave a feed, or a part of it. Most commits give a feed
//! one item; a phone that was away for a day gives it hundreds. Knows no head, no digest and no membership.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::id::CityId;
use blindspot_core::row::{RowKey, RowKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const SQL: &str = include_str!("../../sql/feed.sql");
static SAVE: Stmt = Stmt::new(SQL, "save_run");
static CHANGE: Stmt = Stmt::new(SQL, "change_run");
static END: Stmt = Stmt::new(SQL, "end_run");
static END_ONE: Stmt = Stmt::new(SQL, "end_run_of_one");
static AT: Stmt = Stmt::new(SQL, "run_at");
static AFTER: Stmt = Stmt::new(SQL, "runs_after");

/// Most items of a run, and bytes of them: with more, PostgreSQL would pack the row and put it aside.
const ITEMS_MAX: usize = 28;
const BYTES_MAX: usize = 1_600;
/// Runs that are read at once.
const PAGE: usize = 64;

/// An item: its place in the feed, which row, and whether that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept(pub(super) i64, String, String, u8);

impl Kept {
    pub(super) fn new(seq: i64, key: &RowKey, gone: bool) -> Self {
        Self(seq, key.kind.as_str().to_owned(), key.id.clone(), u8::from(gone))
    }
    pub(super) fn key(&self) -> RowKey {
        RowKey::new(RowKind::from_word(&self.1), self.2.clone())
    }
    pub(super) fn gone(&self) -> bool {
        self.3 != 0
    }
    /// What it takes at most, escapes left aside.
    fn weight(&self) -> usize {
        self.1.len() + self.2.len() + 32
    }
}

/// A run: the feed's number, the seq that is its key (that of its last item when it was written), its items.
struct Run {
    feed_n: i64,
    seq: i64,
    items: Vec<Kept>,
}

fn run(row: &Row) -> Result<Run> {
    Ok(Run { feed_n: row.int(0)?, seq: row.int(1)?, items: serde_json::from_str(row.text(2)?)? })
}

/// Adds items; those of one feed stand together and in order.
///
/// # Errors
/// The engine's, as for all below.
pub(super) fn add(tx: &Tx<'_>, city: &CityId, items: &[(i64, Kept)]) -> Result<()> {
    let mut runs: Vec<&[(i64, Kept)]> = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, (feed_n, item)) in items.iter().enumerate() {
        let other = items.get(from).is_some_and(|(of, _)| of != feed_n);
        if at > from && (other || at - from == ITEMS_MAX || bytes + item.weight() > BYTES_MAX) {
            runs.extend(items.get(from..at));
            (from, bytes) = (at, 0);
        }
        bytes += item.weight();
    }
    runs.extend(items.get(from..).filter(|rest| !rest.is_empty()));
    let sets = runs.into_iter().filter_map(|run| run.last().map(|(n, last)| (*n, last.0, run)));
    let sets = sets.map(|(feed_n, seq, run)| {
        let many = i64::from(run.len() > 1);
        let text = serde_json::to_string(&run.iter().map(|(_, item)| item).collect::<Vec<_>>())?;
        Ok([city.into(), feed_n.into(), seq.into(), many.into(), text.into()])
    });
    tx.exec_each(&SAVE, sets)?;
    Ok(())
}

/// Takes items away, each by its feed's number and its seq. One that is not there any more is passed over.
pub(super) fn end(tx: &Tx<'_>, city: &CityId, ends: &BTreeSet<(i64, i64)>) -> Result<()> {
    let alone =
        tx.exec_many(&END_ONE, ends.iter().map(|(n, seq)| [city.into(), (*n).into(), (*seq).into()]))?;
    if alone == ends.len() {
        return Ok(());
    }
    let found = tx.query_many(&AT, ends.iter().map(|(n, seq)| [city.into(), (*n).into(), (*seq).into()]))?;
    let mut runs: BTreeMap<(i64, i64), Run> = BTreeMap::new();
    for row in &found {
        let run = run(row)?;
        runs.insert((run.feed_n, run.seq), run);
    }
    let (mut changed, mut over) = (Vec::new(), Vec::new());
    for (key, mut run) in runs {
        let before = run.items.len();
        run.items.retain(|item| !ends.contains(&(run.feed_n, item.0)));
        match run.items.len() {
            0 => over.push(key),
            left if left < before => changed.push((key, serde_json::to_string(&run.items)?)),
            _ => {}
        }
    }
    tx.exec_many(&END, over.into_iter().map(|(n, seq)| [city.into(), n.into(), seq.into()]))?;
    let sets = changed.iter().map(|((n, seq), text)| [city.into(), (*n).into(), (*seq).into(), text.into()]);
    tx.exec_many(&CHANGE, sets)?;
    Ok(())
}

/// Items of a feed after a seq, in seq order.
pub(super) fn load(tx: &Tx<'_>, city: &CityId, feed_n: i64, after: i64, most: usize) -> Result<Vec<Kept>> {
    let (mut out, mut at) = (Vec::new(), after);
    while out.len() < most {
        let page = i64::try_from(PAGE.min(most - out.len())).unwrap_or(i64::MAX);
        let found = tx.query(&AFTER, &[city.into(), feed_n.into(), at.into(), page.into()])?;
        let full = i64::try_from(found.len()).unwrap_or(i64::MAX) == page;
        for row in &found {
            let run = run(row)?;
            at = run.seq;
            out.extend(run.items.into_iter().filter(|item| item.0 > after));
        }
        if !full {
            break;
        }
    }
    out.truncate(most);
    Ok(out)
}

/// All items of several feeds by their numbers, each after a seq of its own (the first of the two; the second is that of its head), in
/// seq order: one look for all. For what is known to be little.
pub(super) fn load_each(
    tx: &Tx<'_>,
    city: &CityId,
    places: &BTreeMap<i64, (i64, i64)>,
) -> Result<BTreeMap<i64, Vec<Kept>>> {
    // No more runs than seqs: each has an item at one of its own.
    let sets = places.iter().map(|(feed_n, (after, head))| {
        [city.into(), (*feed_n).into(), (*after).into(), (head - after).max(0).into()]
    });
    let mut out: BTreeMap<i64, Vec<Kept>> = BTreeMap::new();
    for row in tx.query_many(&AFTER, sets)? {
        let run = run(&row)?;
        let after = places.get(&run.feed_n).map_or(0, |(after, _)| *after);
        let items = out.entry(run.feed_n).or_default();
        items.extend(run.items.into_iter().filter(|item| item.0 > after));
    }
    // Results come in the order of the sets; within one no engine promises any.
    out.values_mut().for_each(|items| items.sort_by_key(|item| item.0));
    Ok(out)
}
