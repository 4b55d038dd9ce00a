//! Reference data as it is read: the rows of the city's own feed, verbatim. Knows no HTTP.

use crate::service::page::{Page, PageQuery, page_of};
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

/// A page of the rows of a kind, in order of id.
///
/// # Errors
/// `NOT_FOUND` for a word that names no such kind, `BAD_CURSOR`.
pub fn list(house: &House, word: &str, query: &PageQuery) -> Result<Page<Box<RawValue>>, ServiceError> {
    let kind = kind_of(word).ok_or(ServiceError::Refused(&NOT_FOUND, None))?;
    let list = format!("reference {word}");
    let after = query.after(house, &list)?;
    let most = query.limit() + 1;
    let mut found = vec![];
    house.store.read(|tx| {
        rows::each_of_kind(tx, &house.city, &kind, |row| {
            // Rows come in the order of their ids; only those of this page are kept.
            if found.len() < most && after.as_ref().is_none_or(|a| row.key.id > *a) {
                found.push((row.key.id, RawValue::from_string(row.body)?));
            }
            Ok(())
        })
    })?;
    let Page { items, next } = page_of(house, &list, query, found, |(id, _)| id.clone())?;
    Ok(Page { items: items.into_iter().map(|(_, body)| body).collect(), next })
}
