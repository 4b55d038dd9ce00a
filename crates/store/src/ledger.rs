//! The responsibility ledger 责任台账: append-only and chained. Knows nothing of what a row says.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::CaseId;
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::projection::ledger::link;

const SQL: &str = include_str!("../sql/ledger.sql");
static LAST: Stmt = Stmt::new(SQL, "ledger_last");
static APPEND: Stmt = Stmt::new(SQL, "ledger_append");
static ALL: Stmt = Stmt::new(SQL, "ledger_all");
static PAGE: Stmt = Stmt::new(SQL, "ledger_page");
static OF_CASE: Stmt = Stmt::new(SQL, "ledger_of_case");

/// A row to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, server time.
    pub at_ms: i64,
    /// Of which case.
    pub case_id: CaseId,
    /// What it says, JSON text.
    pub body: String,
}

/// A row as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chained {
    /// Its number, from 1 without gaps.
    pub n: i64,
    /// What it says.
    pub body: String,
    /// Hash of the row before.
    pub prev: Sha256,
    /// Its own.
    pub hash: Sha256,
}

impl Chained {
    /// Whether it follows from the one before.
    #[must_use]
    pub fn follows(&self, n: i64, prev: Sha256) -> bool {
        self.n == n && self.prev == prev && self.hash == link(&prev, n, &self.body)
    }
}

fn chained(row: &Row) -> Result<Chained> {
    Ok(Chained {
        n: row.int(0)?,
        body: row.text(1)?.to_owned(),
        prev: Sha256(row.hash(2)?),
        hash: Sha256(row.hash(3)?),
    })
}

/// Appends rows in their order. Whoever calls it has the turn to write, so that no two follow the same row.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn append(tx: &Tx<'_>, city: &CityId, entries: &[Entry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (mut n, mut prev) = match tx.query_one(&LAST, &[city.into()])? {
        Some(row) => (row.int(0)?, Sha256(row.hash(1)?)),
        None => (0, Sha256([0; 32])),
    };
    let sets: Vec<_> = entries
        .iter()
        .map(|entry| {
            n += 1;
            let hash = link(&prev, n, &entry.body);
            let before = std::mem::replace(&mut prev, hash);
            [
                city.into(),
                n.into(),
                entry.at_ms.into(),
                entry.case_id.into(),
                entry.body.as_str().into(),
                before.0.into(),
                hash.0.into(),
            ]
        })
        .collect();
    tx.exec_many(&APPEND, sets).map(drop)
}

/// Reads all of it in order.
///
/// # Errors
/// The engine's, or the reader's.
pub fn each(tx: &Tx<'_>, city: &CityId, mut take: impl FnMut(Chained) -> Result<()>) -> Result<()> {
    tx.each(&ALL, &[city.into()], |row| take(chained(&row)?))
}

/// Rows after a number.
///
/// # Errors
/// The engine's.
pub fn load_page(tx: &Tx<'_>, city: &CityId, after: i64, most: i64) -> Result<Vec<Chained>> {
    tx.query(&PAGE, &[city.into(), after.into(), most.into()])?.iter().map(chained).collect()
}

/// Rows of one case.
///
/// # Errors
/// The engine's.
pub fn load_of_case(tx: &Tx<'_>, city: &CityId, case: CaseId) -> Result<Vec<Chained>> {
    tx.query(&OF_CASE, &[city.into(), case.into()])?.iter().map(chained).collect()
}

/// The first row that does not follow from the one before, and how many there are.
///
/// # Errors
/// The engine's.
pub fn verify(tx: &Tx<'_>, city: &CityId) -> Result<(i64, Option<i64>)> {
    let (mut rows, mut prev, mut bad) = (0, Sha256([0; 32]), None);
    each(tx, city, |row| {
        rows += 1;
        if bad.is_none() && !row.follows(rows, prev) {
            bad = Some(row.n);
        }
        prev = row.hash;
        Ok(())
    })?;
    Ok((rows, bad))
}
