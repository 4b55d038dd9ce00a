//! Freshness: when somebody was last in each duty grid, for who reads that grid or its town. Knows no HTTP.

use crate::service::page::{Page, PageQuery, page_of};
use crate::service::{Credential, House, ServiceError, pull};
use blindspot_core::division::GridId;
use blindspot_core::feed::Feed;
use blindspot_core::row::RowKind;
use blindspot_core::wire::v1::GridFreshness;
use blindspot_core::world::Freshness;
use blindspot_store::rows;
use std::collections::BTreeMap;

/// A page of the freshness of the grids in the caller's scope, in grid order.
///
/// # Errors
/// `BAD_CURSOR`; when the database fails.
pub fn grids(
    house: &House,
    credential: Credential,
    query: &PageQuery,
    now_ms: i64,
) -> Result<Page<GridFreshness>, ServiceError> {
    let scope = pull::scope(house, credential, now_ms)?;
    let mut found: BTreeMap<GridId, GridFreshness> = BTreeMap::new();
    house.store.read(|tx| {
        rows::each_of_kind(tx, &house.city, &RowKind::Freshness, |row| {
            let fresh: Freshness = serde_json::from_str(&row.body)?;
            let Some(grid) = fresh.grid else { return Ok(()) };
            let in_town = fresh.town.as_ref().is_some_and(|t| scope.contains(&Feed::town(t)));
            if in_town || scope.contains(&Feed::grid(&grid)) {
                let entry = found.entry(grid.clone()).or_insert(GridFreshness { grid, last_ms: 0, cells: 0 });
                entry.last_ms = entry.last_ms.max(fresh.last_ms);
                entry.cells += 1;
            }
            Ok(())
        })
    })?;
    page_of(house, "looks", query, found.into_values(), |g| g.grid.to_string())
}
