//! The responsibility ledger 责任台账 as it is read, summed and checked. Knows no HTTP.

use super::people::require;
use super::{Credential, House, ServiceError};
use crate::policy::OVERSEERS;
use blindspot_core::id::Sha256;
use blindspot_core::projection::ledger::{LedgerRow, LedgerSum, sum};
use blindspot_store::ledger::{self, Chained};
use serde::Serialize;
use serde_json::value::RawValue;

/// Most rows of a page.
const PAGE: i64 = 500;
/// A row with what chains it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LedgerEntry {
    /// Its number, from 1 without gaps.
    pub n: i64,
    /// What it says, byte for byte as it was hashed.
    #[schema(value_type = LedgerRow)]
    pub row: Box<RawValue>,
    /// Hash of the row before, hex: `hash` is the SHA-256 of it, of `n` in eight bytes and of `row`.
    pub prev: String,
    /// Its own.
    pub hash: String,
}

/// A page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LedgerPage {
    /// Rows in order.
    pub items: Vec<LedgerEntry>,
    /// Where the next page begins; nothing when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// What the whole says, and whether it is whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LedgerReport {
    /// Rows.
    pub rows: i64,
    /// The first row that does not follow from the one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<i64>,
    /// Hash of the last row, hex: written down elsewhere, it holds everything before it fast.
    pub head: String,
    /// The sums.
    #[serde(flatten)]
    pub sum: LedgerSum,
}

/// Rows after a number.
///
/// # Errors
/// `NO_RIGHTS`; the database's.
pub fn page(house: &House, who: Credential, after: i64, now_ms: i64) -> Result<LedgerPage, ServiceError> {
    require(house, who, OVERSEERS, now_ms)?;
    let rows = house.store.read(|tx| ledger::load_page(tx, &house.city, after, PAGE))?;
    let more = i64::try_from(rows.len()).is_ok_and(|n| n == PAGE);
    let after = rows.last().filter(|_| more).map(|row| row.n);
    let entry = |row: Chained| {
        Ok(LedgerEntry {
            n: row.n,
            row: RawValue::from_string(row.body)?,
            prev: row.prev.to_hex(),
            hash: row.hash.to_hex(),
        })
    };
    let items = rows.into_iter().map(entry).collect::<Result<_, serde_json::Error>>()?;
    Ok(LedgerPage { items, after })
}

/// The whole, summed and checked.
///
/// # Errors
/// `NO_RIGHTS`; the database's.
pub fn report_for(house: &House, who: Credential, now_ms: i64) -> Result<LedgerReport, ServiceError> {
    require(house, who, OVERSEERS, now_ms)?;
    report(house)
}

/// As `report_for`, for whoever holds the data folder.
///
/// # Errors
/// The database's.
pub fn report(house: &House) -> Result<LedgerReport, ServiceError> {
    let (mut prev, mut first_bad, mut rows) = (Sha256([0; 32]), None, Vec::new());
    house.store.read(|tx| {
        ledger::each(tx, &house.city, |row| {
            let n = i64::try_from(rows.len()).unwrap_or(i64::MAX).saturating_add(1);
            if first_bad.is_none() && !row.follows(n, prev) {
                first_bad = Some(row.n);
            }
            prev = row.hash;
            rows.push(serde_json::from_str::<LedgerRow>(&row.body)?);
            Ok(())
        })
    })?;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Ok(LedgerReport { rows: count, first_bad, head: prev.to_hex(), sum: sum(&rows) })
}
