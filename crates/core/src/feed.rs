//! Feed names, and who reads which (protocol 8). Knows no storage.

use crate::access::{Area, Grant, Role};
use crate::division::{GridId, TownCode};
use crate::id::{DeptKey, DeviceId, PersonId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The name of a feed: `grid:330782003002-03`, `user:<person>`, `ref`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
#[serde(transparent)]
pub struct Feed(pub String);

impl Feed {
    /// Cases of a duty grid.
    #[must_use]
    pub fn grid(grid: &GridId) -> Self {
        Self(format!("grid:{grid}"))
    }
    /// Cases of a town.
    #[must_use]
    pub fn town(town: &TownCode) -> Self {
        Self(format!("town:{town}"))
    }
    /// Cases a department leads or assists.
    #[must_use]
    pub fn dept(dept: &DeptKey) -> Self {
        Self(format!("dept:{dept}"))
    }
    /// What concerns one person.
    #[must_use]
    pub fn user(person: PersonId) -> Self {
        Self(format!("user:{person}"))
    }
    /// Verdicts on one device's ops.
    #[must_use]
    pub fn device(device: DeviceId) -> Self {
        Self(format!("device:{device}"))
    }
    /// Cases in no known place.
    #[must_use]
    pub fn unplaced() -> Self {
        Self("desk:unplaced".into())
    }
    /// Names of reporters and verifiers.
    #[must_use]
    pub fn supervision() -> Self {
        Self("desk:supervision".into())
    }
    /// Reference data of the city: catalogue, divisions, duty names.
    #[must_use]
    pub fn reference() -> Self {
        Self("ref".into())
    }
    /// Cells, sites and known places of a town.
    #[must_use]
    pub fn reference_of(town: &TownCode) -> Self {
        Self(format!("ref:{town}"))
    }
    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The feeds a person's device reads, from the grants in force (protocol 9: scope is data).
///
/// `devices` are all enrolments of the person: a later one also reads the verdicts of an earlier one.
/// `towns` are all towns of the city now, for roles that cover it whole.
#[must_use]
pub fn feeds_for(
    person: PersonId,
    devices: &[DeviceId],
    grants: &[Grant],
    towns: &[TownCode],
    at_ms: i64,
) -> BTreeSet<Feed> {
    let devices = if crate::mutant::is("former_verdicts_unread") {
        devices.get(devices.len().saturating_sub(1)..).unwrap_or_default()
    } else {
        devices
    };
    let mut feeds: BTreeSet<Feed> = devices.iter().map(|d| Feed::device(*d)).collect();
    feeds.insert(Feed::user(person));
    feeds.insert(Feed::reference());
    for grant in grants.iter().filter(|g| g.span.contains(at_ms)) {
        match &grant.area {
            Area::Grid(grid) => {
                feeds.insert(Feed::grid(grid));
                feeds.insert(Feed::reference_of(&grid.committee().town()));
            }
            Area::Town(town) => {
                feeds.insert(Feed::town(town));
                feeds.insert(Feed::reference_of(town));
            }
            Area::Dept(dept) => {
                feeds.insert(Feed::dept(dept));
            }
            Area::City if grant.role.reads_every_case() => {
                feeds.extend(towns.iter().map(Feed::town));
                feeds.insert(Feed::unplaced());
            }
            Area::City | Area::Other(_) => {}
        }
        if matches!(grant.role, Role::FilingDesk | Role::Supervisor) && grant.area == Area::City {
            feeds.insert(Feed::supervision());
        }
    }
    feeds
}
