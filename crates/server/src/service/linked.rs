//! 我挂钩的地方: what a linked leader 挂钩领导 reads of the towns and communities that are linked to him: open, overdue, come back, long
//! unseen (domain 1, line 1). Linked is what a grant of the role names itself, and what the holders of areas link to the
//! office that it names. Knows no HTTP.

use super::freshness::{UnseenPlace, unseen_days_of, unseen_in};
use super::{Credential, House, ServiceError};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::case::Case;
use blindspot_core::division::{CommitteeCode, GridId, TownCode};
use blindspot_core::duty::HolderKind;
use blindspot_core::feed::Feed;
use blindspot_core::projection::head::Lateness;
use blindspot_store::cases::{self, CaseFilter, Scope, Sort, count};
use blindspot_store::{StoreError, Tx, accounts};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// Cases told of each kind.
const CASES: usize = 20;
/// Relapses that are counted, at most.
const RELAPSES: usize = 500;

/// A place that is linked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Town(TownCode),
    Committee(CommitteeCode),
    Grid(GridId),
}

/// What the page is asked with.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct LinkedQuery {
    /// Long unseen is what nobody was at for so many days, 7 when left out.
    pub days: Option<u32>,
}

/// One linked place.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkedPlace {
    /// `town`, `committee` or `grid`.
    pub kind: &'static str,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Open cases.
    pub open: i64,
    /// Of these 超时.
    pub overdue: i64,
    /// Of these 督办.
    pub supervised: i64,
    /// Open cases that are come back 回潮.
    pub relapsed: usize,
    /// Its duty grids.
    pub grids: usize,
    /// Of these long unseen 久未巡查, longest first.
    pub unseen: Vec<UnseenPlace>,
    /// Cases longest over, at most 20.
    #[schema(value_type = Vec<Case>)]
    pub overdue_cases: Vec<Box<RawValue>>,
    /// Cases come back, newest first, at most 20.
    #[schema(value_type = Vec<Case>)]
    pub relapsed_cases: Vec<Box<RawValue>>,
}

/// The page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkedPlaces {
    /// Long unseen is what nobody was at for so many days.
    pub days: u32,
    /// The places, towns first.
    pub places: Vec<LinkedPlace>,
}

/// The caller's linked places; none when nothing is linked to him.
///
/// # Errors
/// `BAD_REQUEST` for a span that is too long; the database's.
pub fn places(
    house: &House,
    who: Credential,
    days: Option<u32>,
    now_ms: i64,
) -> Result<LinkedPlaces, ServiceError> {
    let days = unseen_days_of(days)?;
    let read = house.store.read(|tx| {
        let grants = accounts::load_grants(tx, &house.city, who.person)?;
        let links = links_of(house, &grants, now_ms);
        links.iter().map(|link| place(tx, house, link, days, now_ms)).collect::<Result<Vec<_>, StoreError>>()
    });
    Ok(LinkedPlaces { days, places: read? })
}

/// What is linked now: by grants of the role, and by holders of the office that a grant names.
fn links_of(house: &House, grants: &[Grant], now_ms: i64) -> BTreeSet<Link> {
    let reference = house.reference();
    let duty = house.duty();
    let held = grants.iter().filter(|g| g.role == Role::LinkedLeader && g.span.contains(now_ms));
    let mut links = BTreeSet::new();
    for grant in held {
        match &grant.area {
            Area::City => links.extend(reference.towns.iter().cloned().map(Link::Town)),
            Area::Town(town) => drop(links.insert(Link::Town(town.clone()))),
            Area::Grid(grid) => drop(links.insert(Link::Grid(grid.clone()))),
            Area::Dept(office) => {
                let of_office = duty.holders.iter().filter(|h| {
                    h.kind == HolderKind::LinkedLeader && h.unit == *office && h.span.contains(now_ms)
                });
                links.extend(of_office.filter_map(|h| {
                    let town = h.town.clone().map(Link::Town);
                    h.grid.clone().map(Link::Grid).or(h.committee.clone().map(Link::Committee)).or(town)
                }));
            }
            Area::Other(_) => {}
        }
    }
    links
}

fn place(tx: &Tx<'_>, house: &House, link: &Link, days: u32, now_ms: i64) -> Result<LinkedPlace, StoreError> {
    let reference = house.reference();
    let places = &reference.places;
    let (kind, code, name, feeds) = match link {
        Link::Town(town) => {
            let name = places.town(town, now_ms).map(|d| d.name_zh.clone());
            ("town", town.to_string(), name, vec![Feed::town(town)])
        }
        Link::Committee(code) => {
            let name = places.committee(code, now_ms).map(|d| d.name_zh.clone());
            let grids = places.grids().filter(|g| g.id.committee() == *code);
            ("committee", code.to_string(), name, grids.map(|g| Feed::grid(&g.id)).collect())
        }
        Link::Grid(grid) => {
            let name = places.grid(grid).map(|g| g.name_zh.clone());
            ("grid", grid.to_string(), name, vec![Feed::grid(grid)])
        }
    };
    let scope = Scope::Feeds(feeds);
    let counts = count::load_counts(tx, &house.city, &scope, now_ms)?;
    let overdue = CaseFilter { late: Some((Lateness::Yes, now_ms)), ..open() };
    let overdue = cases::load_page(tx, &house.city, &scope, &overdue, (Sort::Due, None), CASES)?;
    let relapsed = CaseFilter { relapsed: Some(true), ..open() };
    let back = cases::load_page(tx, &house.city, &scope, &relapsed, (Sort::Received, None), RELAPSES)?;
    let bodies = |keys: &[cases::ListKey]| -> Result<Vec<Box<RawValue>>, StoreError> {
        let keys = &keys[..keys.len().min(CASES)];
        let lines = cases::load_bodies(tx, &house.city, keys)?;
        lines.into_iter().map(|line| Ok(RawValue::from_string(line.body)?)).collect()
    };
    let unseen = unseen_in(tx, house, &scope, days, now_ms)?;
    Ok(LinkedPlace {
        kind,
        name: name.unwrap_or_else(|| code.clone()),
        code,
        open: counts.by_state.values().sum(),
        overdue: counts.overdue,
        supervised: counts.supervised,
        relapsed: back.keys.len(),
        grids: unseen.of_grids,
        unseen: unseen.grids,
        overdue_cases: bodies(&overdue.keys)?,
        relapsed_cases: bodies(&back.keys)?,
    })
}

fn open() -> CaseFilter {
    CaseFilter { open: Some(true), ..CaseFilter::default() }
}
