//! What the matrix is asked for a case: its item, its problem, its place.

use super::owner::Asked;
use crate::case::Case;
use crate::catalogue::Catalogue;
use crate::division::{GridId, Places, TownCode};

/// What is known of a case that owners are found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfCase {
    item: Option<String>,
    problem: Option<String>,
    place_class: Option<String>,
    grid: Option<GridId>,
    town: Option<TownCode>,
    site_lead: Option<String>,
}

impl OfCase {
    /// Reads a case: the class of its place from its site, else from its cell.
    #[must_use]
    pub fn read(case: &Case, places: &Places, catalogue: Option<&Catalogue>, at_ms: i64) -> Self {
        let site = case.site_id.as_ref().and_then(|id| places.site(id));
        let cell = case.place.cell.as_ref().and_then(|code| places.cell(code, at_ms));
        let class = site.map(|s| &s.site_type).or(cell.map(|c| &c.place_class));
        let problem = case.fields.get("category").and_then(|c| c.get("problem")).and_then(|p| p.as_str());
        Self {
            item: case.item(catalogue),
            problem: problem.map(str::to_owned),
            place_class: class.filter(|class| !class.is_empty()).cloned(),
            grid: case.place.grid.clone(),
            town: case.place.town.clone(),
            site_lead: site.and_then(|s| s.lead.clone()),
        }
    }

    /// The question at a time.
    #[must_use]
    pub fn asked(&self, at_ms: i64) -> Asked<'_> {
        Asked {
            item: self.item.as_deref(),
            problem: self.problem.as_deref(),
            place_class: self.place_class.as_deref(),
            grid: self.grid.as_ref(),
            town: self.town.as_ref(),
            site_lead: self.site_lead.as_deref(),
            at_ms,
        }
    }
}
