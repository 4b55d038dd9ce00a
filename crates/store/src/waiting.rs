//! What an undecided op waits for: an op, or the report of a case.
//!
//! Must not know why it waits.

use crate::{Result, Stmt, Tx};
use blindspot_core::id::CityId;
use blindspot_core::{CaseId, OpId};
use std::collections::BTreeSet;

const SQL: &str = include_str!("../sql/ops.sql");
static WAITING: Stmt = Stmt::new(SQL, "load_waiting");
static APPEND_WAITING: Stmt = Stmt::new(SQL, "append_waiting");
static END_WAITING: Stmt = Stmt::new(SQL, "end_waiting");
static AWAITED_BY: Stmt = Stmt::new(SQL, "awaited_by");
static UNDECIDED: Stmt = Stmt::new(SQL, "undecided_before");
static UNDECIDED_REPORT: Stmt = Stmt::new(SQL, "undecided_report");

/// The ops that wait for any of some ops and cases, each beside what it waits for.
///
/// # Errors
/// The engine's.
pub fn load_waiting(
    tx: &Tx<'_>,
    city: &CityId,
    awaited: &BTreeSet<[u8; 16]>,
) -> Result<Vec<([u8; 16], OpId)>> {
    let rows = tx.query_many(&WAITING, awaited.iter().map(|a| [city.into(), (*a).into()]))?;
    rows.iter().map(|row| Ok((row.id(0)?, OpId::from_bytes(row.id(1)?)))).collect()
}

/// What an op waits for: ids of ops or cases.
///
/// # Errors
/// The engine's.
pub fn load_awaited_by(tx: &Tx<'_>, city: &CityId, op: OpId) -> Result<Vec<[u8; 16]>> {
    tx.query(&AWAITED_BY, &[city.into(), op.into()])?.iter().map(|row| row.id(0)).collect()
}

/// Lets an op wait.
///
/// # Errors
/// The engine's.
pub fn append_waiting(
    tx: &Tx<'_>,
    city: &CityId,
    op: OpId,
    awaited: &[[u8; 16]],
    since_ms: i64,
) -> Result<()> {
    tx.exec_many(
        &APPEND_WAITING,
        awaited.iter().map(|a| [city.into(), (*a).into(), op.into(), since_ms.into()]),
    )?;
    Ok(())
}

/// The op waits no more.
///
/// # Errors
/// The engine's.
pub fn end_waiting(tx: &Tx<'_>, city: &CityId, op: OpId) -> Result<()> {
    tx.exec(&END_WAITING, &[city.into(), op.into()])?;
    Ok(())
}

/// Ops received before a time that are not finally decided, oldest first.
///
/// # Errors
/// The engine's.
pub fn load_undecided(tx: &Tx<'_>, city: &CityId, before_ms: i64, most: i64) -> Result<Vec<OpId>> {
    let rows = tx.query(&UNDECIDED, &[city.into(), before_ms.into(), most.into()])?;
    rows.iter().map(|row| row.id(0).map(OpId::from_bytes)).collect()
}

/// Whether the report of a case is here but undecided.
///
/// # Errors
/// The engine's.
pub fn load_has_undecided_report(tx: &Tx<'_>, city: &CityId, case: CaseId) -> Result<bool> {
    Ok(tx.query_one(&UNDECIDED_REPORT, &[city.into(), case.into()])?.is_some())
}
