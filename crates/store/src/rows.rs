//! Rows: the latest state of each thing, bytes verbatim. Reading only; `feed` writes them.

use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::row::{Rev, RowKey, RowKind};
use std::collections::BTreeSet;

const SQL: &str = include_str!("../sql/feed.sql");
static LOAD: Stmt = Stmt::new(SQL, "load_row");
static OF_CASE: Stmt = Stmt::new(SQL, "rows_of_case");
static OF_KIND: Stmt = Stmt::new(SQL, "rows_of_kind");

/// A row as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Which row.
    pub key: RowKey,
    /// The case it is of.
    pub case_id: Option<CaseId>,
    /// Its revision.
    pub rev: Rev,
    /// SHA-256 of its bytes.
    pub hash: Sha256,
    /// Its bytes, JSON text.
    pub body: String,
}

fn stored(row: &Row) -> Result<StoredRow> {
    Ok(StoredRow {
        key: RowKey::new(RowKind::from_word(row.text(0)?), row.text(1)?),
        case_id: row.opt_id(2)?.map(CaseId::from_bytes),
        rev: Rev(row.int(3)?, row.int(4)?),
        hash: Sha256(row.hash(5)?),
        body: row.text(6)?.to_owned(),
    })
}

/// The rows that are here, of those named.
///
/// # Errors
/// The engine's.
pub fn load_rows(tx: &Tx<'_>, city: &CityId, keys: &BTreeSet<RowKey>) -> Result<Vec<StoredRow>> {
    let sets = keys.iter().map(|k| [city.into(), k.kind.as_str().into(), k.id.as_str().into()]);
    tx.query_many(&LOAD, sets)?.iter().map(stored).collect()
}

/// One row.
///
/// # Errors
/// The engine's.
pub fn load_row(tx: &Tx<'_>, city: &CityId, kind: &RowKind, id: &str) -> Result<Option<StoredRow>> {
    tx.query_one(&LOAD, &[city.into(), kind.as_str().into(), id.into()])?.as_ref().map(stored).transpose()
}

/// The rows of some cases. Most of those that a push asks for are new: of a case that is not there nothing else is asked.
///
/// # Errors
/// The engine's.
pub fn load_rows_of_cases(tx: &Tx<'_>, city: &CityId, cases: &BTreeSet<CaseId>) -> Result<Vec<StoredRow>> {
    let keys = cases.iter().map(|case| RowKey::new(RowKind::Case, case.to_string())).collect();
    let mut out = load_rows(tx, city, &keys)?;
    let sets: Vec<[Value<'_>; 4]> = out
        .iter()
        .filter_map(|row| {
            // Rows of its people begin with it; see `PersonRow::id`. A semicolon is behind a colon.
            let (from, to) = (format!("{}:", row.key.id), format!("{};", row.key.id));
            Some([city.into(), row.case_id?.into(), from.into(), to.into()])
        })
        .collect();
    out.extend(tx.query_many(&OF_CASE, sets)?.iter().map(stored).collect::<Result<Vec<_>>>()?);
    Ok(out)
}

/// All rows of a kind, in order of id.
///
/// # Errors
/// The engine's, or the closure's.
pub fn each_of_kind(
    tx: &Tx<'_>,
    city: &CityId,
    kind: &RowKind,
    mut f: impl FnMut(StoredRow) -> Result<()>,
) -> Result<()> {
    tx.each(&OF_KIND, &[city.into(), kind.as_str().into()], |row| f(stored(&row)?))
}
