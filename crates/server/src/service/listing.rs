//! Reference data as it is read: the rows of the city's own feed, verbatim. Knows no HTTP.

use crate::service::{House, ServiceError};
use blindspot_core::error::NOT_FOUND;
use blindspot_core::row::RowKind;
use blindspot_store::rows;
use serde_json::value::RawValue;

/// The kinds that may be listed: all of feed `ref`, which everybody reads.
fn kind_of(word: &str) -> Option<RowKind> {
    match word {
        "catalogue" => Some(RowKind::Catalogue),
        "divisions" => Some(RowKind::Division),
        "grids" => Some(RowKind::DutyGrid),
        _ => None,
    }
}

/// All rows of a kind, in order of id.
///
/// # Errors
/// `NOT_FOUND` for a word that names no such kind.
pub fn list(house: &House, word: &str) -> Result<Vec<Box<RawValue>>, ServiceError> {
    let kind = kind_of(word).ok_or(ServiceError::Refused(&NOT_FOUND, None))?;
    let mut items = vec![];
    house.store.read(|tx| {
        rows::each_of_kind(tx, &house.city, &kind, |row| {
            items.push(RawValue::from_string(row.body)?);
            Ok(())
        })
    })?;
    Ok(items)
}
