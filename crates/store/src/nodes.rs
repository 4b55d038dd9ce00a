//! Servers that share a database: who runs, and what they tell each other. Knows no socket and no thread.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use std::collections::BTreeMap;

/// Commits that are kept for servers that were cut off; whoever was away for longer looks at all feeds.
const KEPT: i64 = 10_000;
/// Commits between two sweeps.
const SWEEP_EVERY: i64 = 1_000;

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/nodes.sql"), $key);)+
    };
}
statements! {
    TOLD_LAST = "told_last";
    TOLD_ADD = "told_add";
    TOLD_AFTER = "told_after";
    TOLD_SWEEP = "told_sweep";
    NODE_SAVE = "node_save";
    NODE_END = "node_end";
    NODES_ALL = "nodes_all";
}

/// A server on the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Whose: the name of its data folder's owner, given once and kept there.
    pub node: String,
    /// Which start of the program.
    pub run: i64,
    /// When it was last heard of, its own clock, milliseconds since 1970.
    pub alive_ms: i64,
}

/// What was told, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number, in the order of commits.
    pub n: i64,
    /// Feeds that moved, each to its newest seq.
    pub moved: BTreeMap<Feed, i64>,
}

/// The number of what was told last.
///
/// # Errors
/// The engine's, as for all below.
pub fn last_told(tx: &Tx<'_>, city: &CityId) -> Result<i64> {
    tx.query_one(&TOLD_LAST, &[city.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Tells other servers, with the commit, which feeds moved. Does nothing where there are none.
///
/// # Errors
/// The engine's.
pub fn tell(tx: &Tx<'_>, city: &CityId, moved: &BTreeMap<Feed, i64>) -> Result<()> {
    if !tx.is_shared() || moved.is_empty() {
        return Ok(());
    }
    let n = last_told(tx, city)? + 1;
    let hints = serde_json::to_string(moved)?;
    tx.exec(&TOLD_ADD, &[city.into(), n.into(), hints.into()])?;
    if n % SWEEP_EVERY == 0 {
        tx.exec(&TOLD_SWEEP, &[city.into(), (n - KEPT).into()])?;
    }
    tx.notify();
    Ok(())
}

/// What was told after a number, in order.
///
/// # Errors
/// The engine's.
pub fn load_told(tx: &Tx<'_>, city: &CityId, after: i64, most: i64) -> Result<Vec<Told>> {
    let one = |row: &Row| Ok(Told { n: row.int(0)?, moved: serde_json::from_str(row.text(1)?)? });
    tx.query(&TOLD_AFTER, &[city.into(), after.into(), most.into()])?.iter().map(one).collect()
}

/// A server says that it runs.
///
/// # Errors
/// The engine's.
pub fn save_node(tx: &Tx<'_>, city: &CityId, node: &Node) -> Result<()> {
    let set = [city.into(), node.node.as_str().into(), node.run.into(), node.alive_ms.into()];
    tx.exec(&NODE_SAVE, &set).map(drop)
}

/// A server stops in order.
///
/// # Errors
/// The engine's.
pub fn end_node(tx: &Tx<'_>, city: &CityId, node: &str, run: i64) -> Result<()> {
    tx.exec(&NODE_END, &[city.into(), node.into(), run.into()]).map(drop)
}

/// All that run, or stopped without a word.
///
/// # Errors
/// The engine's.
pub fn load_nodes(tx: &Tx<'_>, city: &CityId) -> Result<Vec<Node>> {
    let one = |row: &Row| Ok(Node { node: row.text(0)?.to_owned(), run: row.int(1)?, alive_ms: row.int(2)? });
    tx.query(&NODES_ALL, &[city.into()])?.iter().map(one).collect()
}
