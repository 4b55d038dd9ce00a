//! The ground of a measurement: a folder with the made-up city, people with grants, codes to enrol with.

use crate::Failed;
use blindspot_core::access::{Area, Role};
use blindspot_core::division::GridId;
use blindspot_core::geo::Point;
use blindspot_sample::city;
use blindspot_server::database::Database;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::{House, reference};
use blindspot_server::state::{DataFolder, Opening};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Somebody who may enrol.
pub(crate) struct Recruit {
    /// The one-time code.
    pub(crate) code: String,
    /// A place inside the duty grid.
    pub(crate) at: Point,
}

/// Wall clock, milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A new folder with the city, its database there or elsewhere, and collectors: the n-th has the duty grid that
/// `grid_of(n)` counts to.
pub(crate) fn lay(
    data: &Path,
    database: &Database,
    seed: u64,
    recruits: usize,
    grid_of: impl Fn(usize) -> usize,
) -> Result<Vec<Recruit>, Failed> {
    let city = city::city(seed);
    let places = city.places()?;
    let now = now_ms();
    let grids = grids_with_a_point(&places, now);
    let opening = Opening { city: Some("sample"), city_name: Some("样例市"), ..Opening::of(database) };
    let folder = DataFolder::open_with(data, &opening, now)?;
    let house = &folder.house;
    reference::import_divisions(house, city.divisions, now)?;
    reference::import_cells(house, city.cells, now)?;
    reference::import_grids(house, city.grids, now)?;
    reference::import_sites(house, city.sites, now)?;
    reference::import_catalogue(house, city.catalogue_json, now)?;
    let out = hire(house, &grids, ("bench", recruits), grid_of, now)?;
    folder.close()?;
    Ok(out)
}

/// More collectors in a city that has its reference data: one of those that `lay` laid, or a copy of it.
pub(crate) fn join(
    data: &Path,
    opening: &Opening<'_>,
    seed: u64,
    recruits: usize,
    grid_of: impl Fn(usize) -> usize,
) -> Result<Vec<Recruit>, Failed> {
    let now = now_ms();
    let grids = grids_with_a_point(&city::city(seed).places()?, now);
    let folder = DataFolder::open_with(data, opening, now)?;
    let out = hire(&folder.house, &grids, ("joined", recruits), grid_of, now)?;
    folder.close()?;
    Ok(out)
}

fn hire(
    house: &House,
    grids: &[(GridId, Point)],
    (prefix, count): (&str, usize),
    grid_of: impl Fn(usize) -> usize,
    now: i64,
) -> Result<Vec<Recruit>, Failed> {
    if grids.is_empty() {
        return Err("the made-up city has no duty grid with a cell".into());
    }
    let mut out = Vec::with_capacity(count);
    for n in 0..count {
        let (grid, at) = &grids[grid_of(n) % grids.len()];
        let new =
            NewPerson { login: format!("{prefix}-{n:04}"), name: format!("网格员{n}"), password: None };
        let person = people::create_person(house, Actor::Cli, &new, now)?.person_id;
        let grant = NewGrant {
            role: Role::from_word("collector"),
            area: Area::Grid(grid.clone()),
            from_ms: Some(now - 1_000),
            to_ms: None,
        };
        people::grant(house, Actor::Cli, person, &grant, now)?;
        let code = people::create_enrol_code(house, Actor::Cli, person, "http://127.0.0.1", now)?.code;
        out.push(Recruit { code, at: *at });
    }
    Ok(out)
}

pub(crate) fn grids_with_a_point(
    places: &blindspot_core::division::Places,
    now: i64,
) -> Vec<(GridId, Point)> {
    let mut found = std::collections::BTreeMap::new();
    for cell in places.cells() {
        let n = cell.ring.len() as f64;
        let (lon, lat) = cell.ring.iter().fold((0.0, 0.0), |(a, b), p| (a + p[0] / n, b + p[1] / n));
        let point = Point { lat, lon };
        if let Some(grid) = places.locate(point, now).grid {
            found.entry(grid).or_insert(point);
        }
    }
    found.into_iter().collect()
}
