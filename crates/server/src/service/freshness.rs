//! Freshness 巡查新鲜度 and what is long unseen 久未巡查, for who reads the place. Counts alone: days and people, no names, nobody
//! ranked (field.md U20). Knows no HTTP.

use super::case_list::list_scope;
use super::page::{Page, PageQuery, page_of};
use super::{Credential, House, ServiceError};
use blindspot_core::division::{DutyGrid, GridId, Site, TownCode};
use blindspot_core::error::BAD_REQUEST;
use blindspot_core::feed::Feed;
use blindspot_core::limits::LONG_UNSEEN_DAYS;
use blindspot_core::local::DAY_MS;
use blindspot_core::projection::freshness::{
    CellLooked, LookSum, Looked, is_long_unseen, looked, looked_by_cell, unseen_days,
};
use blindspot_store::cases::Scope;
use blindspot_store::looks::{self, Last, Of};
use blindspot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Longest span of time that looks are counted in, days.
const DAYS_MAX: u32 = 366;
/// Days of counts when nothing is said.
const DAYS: u32 = 30;

/// What freshness is asked with.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct FreshnessQuery {
    /// Count looks of so many days back, 30 when left out, 366 at most.
    pub days: Option<u32>,
    /// One town.
    pub town: Option<String>,
    /// Each cell of a grid as well.
    pub cells: Option<bool>,
}

/// A duty grid as it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GridLooked {
    /// The grid.
    pub grid: GridId,
    /// As people say it.
    pub name: String,
    /// Its town.
    pub town: TownCode,
    /// The last look that counted, ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_look_ms: Option<i64>,
    /// When somebody was last there, clean or not: a look, or something found on patrol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<i64>,
    /// Whole days since then; nothing when nobody ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_days: Option<i64>,
    /// Looks in the span asked for.
    #[serde(flatten)]
    pub looked: Looked,
    /// Its cells, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellLooked>,
}

/// A page of the grids that the caller reads, in grid order.
///
/// # Errors
/// `BAD_REQUEST` for a span that is too long; `BAD_CURSOR`; the database's.
pub fn grids(
    house: &House,
    reader: Option<Credential>,
    query: &FreshnessQuery,
    page: &PageQuery,
    now_ms: i64,
) -> Result<Page<GridLooked>, ServiceError> {
    let since_ms = now_ms - i64::from(days_of(query.days, DAYS, DAYS_MAX)?) * DAY_MS;
    let reference = house.reference();
    house.store.read(|tx| {
        let scope = scope_of(tx, house, reader, now_ms)?;
        let all = reference.places.grids().filter(|g| g.span.contains(now_ms) && reads(&scope, g));
        let of_town = all.filter(|g| query.town.as_ref().is_none_or(|t| g.town.as_str() == t));
        // Only those of the page are asked about.
        let Page { items, next } = page_of(house, "freshness", page, of_town, |g| g.id.to_string())?;
        let ids: Vec<String> = items.iter().map(|g| g.id.to_string()).collect();
        let mut found = looks::load_looks(tx, &house.city, Of::Grids(&ids), since_ms)?;
        let last = looks::load_last(tx, &house.city, Of::Grids(&ids))?;
        let told = |(grid, id): (&DutyGrid, &String)| {
            let all = found.remove(id).unwrap_or_default();
            let last = last.get(id).copied().unwrap_or_default();
            grid_looked(grid, &all, last, query.cells.unwrap_or(false), now_ms)
        };
        Ok(Page { items: items.into_iter().zip(&ids).map(told).collect(), next })
    })
}

fn grid_looked(
    grid: &DutyGrid,
    all: &[LookSum],
    (look, found): Last,
    with_cells: bool,
    now_ms: i64,
) -> GridLooked {
    let last_seen_ms = look.max(found);
    let cells: BTreeSet<_> =
        grid.cells.iter().filter(|c| with_cells && c.span.contains(now_ms)).map(|c| c.code.clone()).collect();
    GridLooked {
        grid: grid.id.clone(),
        name: grid.name_zh.clone(),
        town: grid.town.clone(),
        last_look_ms: look,
        last_seen_ms,
        unseen_days: unseen_days(last_seen_ms, now_ms),
        looked: looked(all),
        cells: looked_by_cell(&cells, all),
    }
}

/// A number of days as asked, or the default.
pub(super) fn days_of(asked: Option<u32>, default: u32, most: u32) -> Result<u32, ServiceError> {
    let days = asked.unwrap_or(default);
    if (1..=most).contains(&days) {
        Ok(days)
    } else {
        Err(ServiceError::because(&BAD_REQUEST, format!("days: 1 to {most}")))
    }
}

/// After how many days a place is long unseen, as asked.
pub(super) fn unseen_days_of(asked: Option<u32>) -> Result<u32, ServiceError> {
    days_of(asked, LONG_UNSEEN_DAYS, DAYS_MAX)
}

pub(super) fn scope_of(
    tx: &Tx<'_>,
    house: &House,
    reader: Option<Credential>,
    now_ms: i64,
) -> Result<Scope, StoreError> {
    reader.map_or(Ok(Scope::City), |who| list_scope(tx, house, who, now_ms))
}

fn reads(scope: &Scope, grid: &DutyGrid) -> bool {
    match scope {
        Scope::City => true,
        Scope::Feeds(feeds) => {
            feeds.contains(&Feed::grid(&grid.id)) || feeds.contains(&Feed::town(&grid.town))
        }
    }
}

/// Whether a scope reads the place of a site. One in no known grid is read with the whole city alone.
pub(super) fn reads_site(scope: &Scope, site: &Site) -> bool {
    match (scope, &site.grid) {
        (Scope::City, _) => true,
        (Scope::Feeds(_), None) => false,
        (Scope::Feeds(feeds), Some(grid)) => {
            feeds.contains(&Feed::grid(grid)) || feeds.contains(&Feed::town(&grid.committee().town()))
        }
    }
}

/// What long unseen places are asked with.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct UnseenQuery {
    /// Not seen for so many days, 7 when left out.
    pub days: Option<u32>,
}

/// A place that nobody was at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UnseenPlace {
    /// The duty grid's id, or the site's.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its town, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// When somebody was last there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<i64>,
    /// Whole days since then; nothing when nobody ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_days: Option<i64>,
}

/// Places long unseen 久未巡查, longest first: places, never people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Unseen {
    /// For so many days.
    pub days: u32,
    /// Duty grids.
    pub grids: Vec<UnseenPlace>,
    /// Sites of the register.
    pub sites: Vec<UnseenPlace>,
    /// Duty grids that were asked about.
    pub of_grids: usize,
    /// Sites that were.
    pub of_sites: usize,
}

/// What nobody was at for some days, in the caller's scope.
///
/// # Errors
/// `BAD_REQUEST` for a span that is too long; the database's.
pub fn unseen(
    house: &House,
    reader: Option<Credential>,
    days: Option<u32>,
    now_ms: i64,
) -> Result<Unseen, ServiceError> {
    let days = unseen_days_of(days)?;
    house.store.read(|tx| {
        let scope = scope_of(tx, house, reader, now_ms)?;
        Ok(unseen_in(tx, house, &scope, days, now_ms)?)
    })
}

pub(super) fn unseen_in(
    tx: &Tx<'_>,
    house: &House,
    scope: &Scope,
    days: u32,
    now_ms: i64,
) -> Result<Unseen, StoreError> {
    let reference = house.reference();
    let grids = reference.places.grids().filter(|g| g.span.contains(now_ms) && reads(scope, g));
    let grids: Vec<_> = grids.map(|g| (g.id.to_string(), g.name_zh.clone(), Some(g.town.clone()))).collect();
    let sites = reference.places.sites().filter(|s| s.span.contains(now_ms) && reads_site(scope, s));
    let town = |s: &Site| s.grid.as_ref().map(|g| g.committee().town());
    let sites: Vec<_> = sites.map(|s| (s.id.clone(), s.name_zh.clone(), town(s))).collect();
    let ids = |all: &[Named]| all.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>();
    let (of_grids, of_sites) = (grids.len(), sites.len());
    let last_in = looks::load_last(tx, &house.city, Of::Grids(&ids(&grids)))?;
    let last_at = looks::load_last(tx, &house.city, Of::Sites(&ids(&sites)))?;
    Ok(Unseen {
        days,
        grids: long_unseen(grids, &last_in, days, now_ms),
        sites: long_unseen(sites, &last_at, days, now_ms),
        of_grids,
        of_sites,
    })
}

type Named = (String, String, Option<TownCode>);

fn long_unseen(all: Vec<Named>, last: &BTreeMap<String, Last>, days: u32, now_ms: i64) -> Vec<UnseenPlace> {
    let place = |(id, name, town): Named| {
        let (look, found) = last.get(&id).copied().unwrap_or_default();
        let last_seen_ms = look.max(found);
        UnseenPlace { id, name, town, last_seen_ms, unseen_days: unseen_days(last_seen_ms, now_ms) }
    };
    let mut places: Vec<UnseenPlace> =
        all.into_iter().map(place).filter(|p| is_long_unseen(p.last_seen_ms, days, now_ms)).collect();
    // Never seen comes first.
    places.sort_by(|a, b| (a.last_seen_ms, &a.id).cmp(&(b.last_seen_ms, &b.id)));
    places
}
