//! Where a report belongs: from its fix, or from a duty grid chosen by hand (U1).

use crate::case::{Place, PlacedBy};
use crate::command::Fix;
use crate::division::{GridId, Places};

/// Finds cell, duty grid and town. A grid chosen by hand counts only where the fix finds none.
pub(super) fn find(
    places: &Places,
    fix: Option<&Fix>,
    by_hand: Option<&GridId>,
    by: PlacedBy,
    at_ms: i64,
) -> Place {
    let point = fix.and_then(Fix::wgs84);
    let located = point.map(|p| places.locate(p, at_ms));
    let mut place = Place { point, cell: None, grid: None, town: None, by: PlacedBy::Unknown };
    if let Some(located) = located {
        place.cell = located.cell;
        place.grid = located.grid;
        place.town = located.town;
        if place.town.is_some() || place.grid.is_some() {
            place.by = by.clone();
        }
    }
    if place.grid.is_none()
        && let Some(grid) = by_hand
    {
        place.town = places.town_of_grid(grid).or(place.town).or_else(|| Some(grid.committee().town()));
        place.grid = Some(grid.clone());
        place.by = if by == PlacedBy::Relocated { by } else { PlacedBy::Hand };
    }
    place
}
