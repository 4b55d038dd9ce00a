//! Gaps 责任空白 and double claims 责任重叠, found by asking the matrix for every item at every class of place in every duty
//! grid before a case falls into them (domain 6B).

use super::model::Duty;
use super::owner::{Asked, ProposedBy};
use crate::catalogue::Catalogue;
use crate::division::{GridId, Places};
use crate::id::DeptKey;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most lines of each list.
const LINES_MAX: usize = 2_000;

/// Items at a class of places in grids for which nobody answers, or only the unit of the area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gap {
    /// The item.
    pub item: String,
    /// The class of places.
    pub place_class: String,
    /// Duty grids in which it is so.
    pub grids: Vec<GridId>,
    /// The unit of the area that is left with it in all of them; nothing where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub falls_to: Option<DeptKey>,
}

/// Units that answer for the same with the same right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DoubleClaim {
    /// The item.
    pub item: String,
    /// The class of places.
    pub place_class: String,
    /// Duty grids in which it is so.
    pub grids: Vec<GridId>,
    /// The units.
    pub units: Vec<DeptKey>,
}

/// What the matrix does not answer, and what it answers twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GapMap {
    /// Nobody by name.
    pub gaps: Vec<Gap>,
    /// Several.
    pub double_claims: Vec<DoubleClaim>,
    /// How many questions were asked: item x class of place x duty grid.
    pub asked: usize,
    /// Whether lines were left off.
    pub truncated: bool,
}

/// Asks the matrix everything. The cost is items x their classes of places x duty grids.
#[must_use]
pub fn gap_map(duty: &Duty, places: &Places, catalogue: &Catalogue, at_ms: i64) -> GapMap {
    let mut gaps: BTreeMap<(String, String, Option<DeptKey>), Vec<GridId>> = BTreeMap::new();
    let mut doubles: BTreeMap<(String, String, Vec<DeptKey>), Vec<GridId>> = BTreeMap::new();
    let mut map = GapMap::default();
    for grid in places.grids().filter(|grid| grid.span.contains(at_ms)) {
        for item in &catalogue.items {
            for class in &item.site_types {
                map.asked += 1;
                let asked = Asked {
                    item: Some(&item.code),
                    place_class: Some(class),
                    grid: Some(&grid.id),
                    town: Some(&grid.town),
                    at_ms,
                    ..Asked::default()
                };
                let key = || (item.code.clone(), class.clone());
                match duty.owner(&asked, Some(catalogue)) {
                    Some(found) if !found.also.is_empty() => {
                        let units: BTreeSet<DeptKey> = found.also.into_iter().chain([found.lead]).collect();
                        let (item, class) = key();
                        let key = (item, class, units.into_iter().collect());
                        doubles.entry(key).or_default().push(grid.id.clone());
                    }
                    Some(found) if found.by != ProposedBy::Area => {}
                    found => {
                        let (item, class) = key();
                        let key = (item, class, found.map(|area| area.lead));
                        gaps.entry(key).or_default().push(grid.id.clone());
                    }
                }
            }
        }
    }
    map.truncated = gaps.len() > LINES_MAX || doubles.len() > LINES_MAX;
    map.gaps = gaps
        .into_iter()
        .take(LINES_MAX)
        .map(|((item, place_class, falls_to), grids)| Gap { item, place_class, grids, falls_to })
        .collect();
    map.double_claims = doubles
        .into_iter()
        .take(LINES_MAX)
        .map(|((item, place_class, units), grids)| DoubleClaim { item, place_class, grids, units })
        .collect();
    map
}
