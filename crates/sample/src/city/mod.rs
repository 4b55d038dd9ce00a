//! The made-up city of Yiwu's real towns: one call, one seed, everything a demo needs.
//!
//! Recipe: whole squares cover the county's outline; a balanced Voronoi gives each to a town, a second one to
//! a committee, a third to a duty grid. So nesting is exact: every cell lies in exactly one committee, and
//! borders run along cell edges. Borders, cells, grids, sites and people are invented and marked so.

mod committees;
mod data;
mod grids;
mod ground;
mod names;
mod people;
mod sites;
mod squares;

use blindspot_core::division::{Cell, Division, DutyGrid, Places, PlacesError, Site};
use serde::{Deserialize, Serialize};

pub use ground::FUTIAN_SPLIT_MS;
pub use people::DEMO_TOWNS;

/// The catalogue of 76 items, format `inspection-catalogue/1`; a sample, as its label says.
pub const CATALOGUE_JSON: &str = include_str!("../../../../fixtures/city/catalogue-76.json");

/// A right of a person: role word and area text as core reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// `collector`, `unit_clerk`, ...
    pub role: String,
    /// `grid:330782003002-03`, `dept:env_san`, `town:330782003` or `city`.
    pub area: String,
}

/// A made-up person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Stable login key: `collector-001`, `filing_desk-1`.
    pub key: String,
    /// Chinese name, invented.
    pub name_zh: String,
    /// The same in Latin letters.
    pub name_en: String,
    /// What the person may do and where.
    pub grants: Vec<Grant>,
}

/// A department or town that cases are dispatched to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Key as the catalogue has it, or `town_` and the town's code.
    pub key: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// The town's code when the unit is a town.
    pub town: Option<String>,
}

/// One line of the roster 排班.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEntry {
    /// The person's key.
    pub person: String,
    /// The duty grid.
    pub grid: String,
    /// `early` 早班, `middle` 中班 or `night` 夜班.
    pub shift: String,
    /// Start, minutes after local midnight.
    pub from_min: u16,
    /// End, minutes after local midnight; more than 1440 when it ends the next day.
    pub to_min: u16,
    /// Working days, 1 Monday to 7 Sunday.
    pub weekdays: Vec<u8>,
}

/// The made-up city.
#[derive(Clone, Debug, PartialEq)]
pub struct City {
    /// The seed that made it.
    pub seed: u64,
    /// County, towns and committees, effective-dated (福田 was split from 稠城).
    pub divisions: Vec<Division>,
    /// Cells, near 4,000, effective-dated.
    pub cells: Vec<Cell>,
    /// Duty grids.
    pub grids: Vec<DutyGrid>,
    /// 215 sites by type.
    pub sites: Vec<Site>,
    /// [`CATALOGUE_JSON`].
    pub catalogue_json: &'static str,
    /// Departments and towns that cases go to.
    pub departments: Vec<Unit>,
    /// People with their rights.
    pub people: Vec<Person>,
    /// Who works where and when.
    pub roster: Vec<RosterEntry>,
}

impl City {
    /// The index over the city's places.
    ///
    /// # Errors
    /// Never for an unchanged city; a city that was edited may contradict itself.
    pub fn places(&self) -> Result<Places, PlacesError> {
        Places::build(self.divisions.clone(), self.cells.clone(), self.grids.clone(), self.sites.clone())
    }

    /// People who hold a role, in order of key.
    pub fn people_with<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Person> {
        self.people.iter().filter(move |p| p.grants.iter().any(|g| g.role == role))
    }
}

/// Makes the city of a seed.
#[must_use]
pub fn city(seed: u64) -> City {
    let county = data::county();
    let squares = squares::cover(&data::outline());
    let ground = ground::Ground::settle(seed, &county, &squares);
    let divisions = ground.divisions(&county);
    let cells = ground.cells(seed, &squares);
    let grids = grids::draw(seed, &ground, &squares);
    let sites = sites::place(seed, &ground, &squares, &grids);
    let departments = people::units(&county);
    let people = people::people(seed, &departments, &grids);
    let roster = people::roster(&people);
    City { seed, divisions, cells, grids, sites, catalogue_json: CATALOGUE_JSON, departments, people, roster }
}

#[cfg(test)]
mod tests;
