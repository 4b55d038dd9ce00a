//! Place clusters 点位聚合 of what the caller reads (domain 6A): where the same comes back, for desks and leaders. Knows no HTTP.

use super::case_list::{CaseQuery, list_all_cases, list_cases};
use super::freshness::days_of;
use super::{Credential, House, ServiceError};
use blindspot_core::case::Case;
use blindspot_core::error::SHEET_TOO_LARGE;
use blindspot_core::limits::SHEET_ROWS_MAX;
use blindspot_core::local::DAY_MS;
use blindspot_core::projection::clusters::{Cluster, clusters};
use serde::{Deserialize, Serialize};

/// Days back when nothing is said, and at most.
const DAYS: u32 = 180;
const DAYS_MAX: u32 = 730;
/// Cases read at once.
const PAGE: usize = 500;
/// Places when nothing is said, and at most.
const PLACES: usize = 100;
const PLACES_MAX: usize = 500;

/// What clusters are asked with.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ClusterQuery {
    /// Of cases received in so many days back, 180 when left out.
    pub days: Option<u32>,
    /// One town.
    pub town: Option<String>,
    /// One duty grid.
    pub grid: Option<String>,
    /// One catalogue item.
    pub item: Option<String>,
    /// Only 顽疾点位.
    pub stubborn: Option<bool>,
    /// Most places, 100 when left out.
    pub limit: Option<usize>,
}

/// Places at which the same was found more than once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClusterList {
    /// Cases that were looked at.
    pub cases: usize,
    /// Places in all.
    pub places: usize,
    /// Those with most relapses first.
    pub items: Vec<Cluster>,
}

/// Places of what the caller reads.
///
/// # Errors
/// `BAD_REQUEST`; `SHEET_TOO_LARGE` when it is of more than 20,000 cases; the database's.
pub fn list(
    house: &House,
    reader: Option<Credential>,
    query: &ClusterQuery,
    now_ms: i64,
) -> Result<ClusterList, ServiceError> {
    let days = days_of(query.days, DAYS, DAYS_MAX)?;
    let cases = gather(house, reader, query, now_ms - i64::from(days) * DAY_MS, now_ms)?;
    let reference = house.reference();
    let mut items = clusters(&cases, reference.catalogue.as_ref(), now_ms);
    items.retain(|c| query.stubborn.is_none_or(|wanted| c.stubborn == wanted));
    let places = items.len();
    items.truncate(query.limit.unwrap_or(PLACES).clamp(1, PLACES_MAX));
    Ok(ClusterList { cases: cases.len(), places, items })
}

/// Cases received since a time, page by page: the newest come first.
fn gather(
    house: &House,
    reader: Option<Credential>,
    query: &ClusterQuery,
    since_ms: i64,
    now_ms: i64,
) -> Result<Vec<Case>, ServiceError> {
    let mut ask = CaseQuery {
        town: query.town.clone(),
        grid: query.grid.clone(),
        item: query.item.clone(),
        limit: Some(PAGE),
        ..CaseQuery::default()
    };
    let mut found = vec![];
    loop {
        let page = match reader {
            Some(who) => list_cases(house, who, &ask, now_ms)?,
            None => list_all_cases(house, &ask, now_ms)?,
        };
        for item in &page.items {
            let case: Case = serde_json::from_str(item.get())?;
            if case.received_ms < since_ms {
                return Ok(found);
            }
            found.push(case);
        }
        if found.len() > SHEET_ROWS_MAX {
            let why = format!("more than {SHEET_ROWS_MAX} cases: ask for a town, an item or fewer days");
            return Err(ServiceError::because(&SHEET_TOO_LARGE, why));
        }
        match page.next {
            Some(next) => ask.cursor = Some(next),
            None => return Ok(found),
        }
    }
}
