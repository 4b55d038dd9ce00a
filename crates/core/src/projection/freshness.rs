//! Freshness 巡查新鲜度: when somebody was last at a place, and by how many days and people it was looked at (field.md U20; domain
//! 6D). Counts alone leave this module: which people they were is nobody's to know, and no person is ranked.

use crate::division::CellCode;
use crate::id::PersonId;
use crate::local::DAY_MS;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Looks of one person in one cell on one day that counted. Never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookSum {
    /// The cell, where the fix lay in one.
    pub cell: Option<CellCode>,
    /// The day, UTC+8, since 1970.
    pub day: i64,
    /// Who.
    pub person: PersonId,
    /// The last of them.
    pub last_ms: i64,
    /// How many.
    pub looks: u32,
}

/// How a place was looked at in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Looked {
    /// The last look; nothing when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<i64>,
    /// Looks that counted.
    pub looks: u32,
    /// On how many different days.
    pub days: u32,
    /// By how many different people.
    pub persons: u32,
}

/// A cell of a duty grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CellLooked {
    /// The cell.
    pub cell: CellCode,
    /// How it was looked at.
    #[serde(flatten)]
    pub looked: Looked,
}

/// Sums looks, in whatever order they come.
#[must_use]
pub fn looked<'l>(all: impl IntoIterator<Item = &'l LookSum>) -> Looked {
    let (mut days, mut persons) = (BTreeSet::new(), BTreeSet::new());
    let mut sum = Looked::default();
    for look in all {
        days.insert(look.day);
        persons.insert(look.person);
        sum.looks = sum.looks.saturating_add(look.looks);
        sum.last_ms = sum.last_ms.max(Some(look.last_ms));
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Looked { days: count(days.len()), persons: count(persons.len()), ..sum }
}

/// The same for each of some cells, in their order; cells that nobody was in are there too.
#[must_use]
pub fn looked_by_cell(cells: &BTreeSet<CellCode>, all: &[LookSum]) -> Vec<CellLooked> {
    let mut of: BTreeMap<&CellCode, Vec<&LookSum>> = cells.iter().map(|cell| (cell, vec![])).collect();
    for look in all {
        if let Some(of_cell) = look.cell.as_ref().and_then(|cell| of.get_mut(cell)) {
            of_cell.push(look);
        }
    }
    of.into_iter().map(|(cell, of)| CellLooked { cell: cell.clone(), looked: looked(of) }).collect()
}

/// Whole days since somebody was there; nothing when nobody ever was.
#[must_use]
pub fn unseen_days(last_ms: Option<i64>, now_ms: i64) -> Option<i64> {
    last_ms.map(|last| (now_ms - last).max(0) / DAY_MS)
}

/// Whether a place is long unseen 久未巡查: for so many days, or ever.
#[must_use]
pub fn is_long_unseen(last_ms: Option<i64>, days: u32, now_ms: i64) -> bool {
    unseen_days(last_ms, now_ms).is_none_or(|n| n >= i64::from(days))
}
