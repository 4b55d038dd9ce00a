//! Cases of a site, and what was fixed on the spot, as far as somebody reads. Decides nothing about a case.

use super::{SQL, Scope};
use crate::{Result, Stmt, Tx};
use blindspot_core::CaseId;
use blindspot_core::id::CityId;
use std::collections::BTreeSet;

static OF_SITE: Stmt = Stmt::new(SQL, "cases_of_site");
static SELF_FIXED: Stmt = Stmt::new(SQL, "cases_self_fixed");

/// One part of what somebody reads; all open is the whole city.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    town: Option<String>,
    grid: Option<String>,
    lead: Option<String>,
}

/// A scope by its parts: towns, duty grids, units. What is somebody's own by his part in it is no place.
#[must_use]
pub fn within(scope: &Scope) -> Vec<Within> {
    let Scope::Feeds(feeds) = scope else { return vec![Within::default()] };
    let part = |feed: &blindspot_core::feed::Feed| {
        let (kind, id) = feed.as_str().split_once(':')?;
        let id = Some(id.to_owned());
        match kind {
            "town" => Some(Within { town: id, ..Within::default() }),
            "grid" => Some(Within { grid: id, ..Within::default() }),
            "dept" => Some(Within { lead: id, ..Within::default() }),
            _ => None,
        }
    };
    feeds.iter().filter_map(part).collect()
}

/// Cases at a site, the newest of each part first.
///
/// # Errors
/// The engine's.
pub fn load_site_cases(
    tx: &Tx<'_>,
    city: &CityId,
    scope: &[Within],
    site: &str,
    most: i64,
) -> Result<BTreeSet<CaseId>> {
    let sets = scope.iter().map(|w| {
        let (town, grid, lead) = (w.town.as_ref(), w.grid.as_ref(), w.lead.as_ref());
        [city.into(), site.into(), town.into(), grid.into(), lead.into(), most.into()]
    });
    tx.query_many(&OF_SITE, sets)?.iter().map(|row| row.id(0).map(CaseId::from_bytes)).collect()
}

/// What was fixed on the spot and received in a span of time.
///
/// # Errors
/// The engine's.
pub fn load_self_fixed(
    tx: &Tx<'_>,
    city: &CityId,
    scope: &[Within],
    from_ms: i64,
    to_ms: i64,
) -> Result<BTreeSet<CaseId>> {
    let sets = scope.iter().map(|w| {
        let (town, grid, lead) = (w.town.as_ref(), w.grid.as_ref(), w.lead.as_ref());
        [city.into(), from_ms.into(), to_ms.into(), town.into(), grid.into(), lead.into()]
    });
    tx.query_many(&SELF_FIXED, sets)?.iter().map(|row| row.id(0).map(CaseId::from_bytes)).collect()
}
