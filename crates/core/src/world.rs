//! What `apply` sees: the case files an op touches, and the context of its author.
//!
//! Built by server and phone alike from their own storage; must not know either.

use crate::access::Grant;
use crate::case::{CaseFile, PhotoArrival};
use crate::catalogue::Catalogue;
use crate::clock::CaptureTime;
use crate::deadline::CityCalendar;
use crate::division::{CellCode, GridId, Places, TownCode};
use crate::duty::Precedent;
use crate::id::{CaseId, DeviceId, LetterId, OpId, PersonId};
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The case files at hand, with the roots of merged ones.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Case files by id.
    pub cases: BTreeMap<CaseId, Box<CaseFile>>,
    /// Freshness of the cells at hand.
    pub freshness: BTreeMap<CellCode, Freshness>,
    /// When a person made looks that counted in a grid, by capture time: one that was put aside is judged among later ones.
    pub counted_looks: BTreeMap<(PersonId, GridId), BTreeSet<i64>>,
    /// Letters at hand, with the cases that they list.
    pub letters: BTreeMap<LetterId, BTreeSet<CaseId>>,
    /// Verified bytes whose photo op may arrive only now.
    pub arrived: BTreeSet<PhotoArrival>,
}

impl World {
    /// Follows merges to the case that stands; a ring or a gap ends where it begins to repeat or lack.
    #[must_use]
    pub fn root_of(&self, case: CaseId) -> CaseId {
        let mut at = case;
        let mut seen = BTreeSet::new();
        while let Some(next) = self.cases.get(&at).and_then(|f| f.case.merged_into) {
            if !seen.insert(at) || !self.cases.contains_key(&next) {
                break;
            }
            at = next;
        }
        at
    }

    /// Takes over what an op changed.
    pub fn absorb(&mut self, outcome: Outcome) {
        self.cases.extend(outcome.changed.into_iter().map(|file| (file.id(), Box::new(file))));
        if let Some(look) = outcome.look {
            if let (true, Some(grid)) = (look.counted, look.grid) {
                self.counted_looks.entry((look.person, grid)).or_default().insert(look.at_ms);
            }
            if let Some(fresh) = look.freshness {
                self.freshness.insert(fresh.cell.clone(), fresh);
            }
        }
    }
}

/// When somebody last looked at a cell: one row a cell, no rows for single looks (protocol 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// The cell.
    pub cell: CellCode,
    /// Its duty grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Its town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// Capture time of the latest look that counted, milliseconds since 1970.
    pub last_ms: i64,
    /// Looks that counted.
    pub looks: u32,
}

/// A look as kept by the server.
#[derive(Clone, Debug, PartialEq)]
pub struct LookFact {
    /// Who looked.
    pub person: PersonId,
    /// The duty grid.
    pub grid: Option<GridId>,
    /// The cell stood in.
    pub cell: Option<CellCode>,
    /// The town.
    pub town: Option<TownCode>,
    /// The site that was looked at.
    pub site_id: Option<String>,
    /// Recovered capture time.
    pub at_ms: i64,
    /// Whether it counts (U20).
    pub counted: bool,
    /// The cell's freshness after it, when it counts.
    pub freshness: Option<Freshness>,
}

/// Who did it, with the rights that may matter.
#[derive(Clone, Debug)]
pub struct Author<'a> {
    /// The person for whom the op's device was enrolled.
    pub person: PersonId,
    /// That device.
    pub device: DeviceId,
    /// When it was enrolled, server time.
    pub enrolled_ms: i64,
    /// All grants the person ever had.
    pub grants: &'a [Grant],
}

/// The surroundings of one decision.
#[derive(Clone, Debug)]
pub struct Ctx<'a> {
    /// Server time of receipt (on a phone: its best guess).
    pub now_ms: i64,
    /// Divisions, cells, duty grids, sites.
    pub places: &'a Places,
    /// The catalogue, when there is one.
    pub catalogue: Option<&'a Catalogue>,
    /// The city's own calendars; a clock that begins takes one along.
    pub calendars: &'a [CityCalendar],
    /// The author.
    pub author: Author<'a>,
    /// The recovered capture time.
    pub time: CaptureTime,
}

/// What deciding an op gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// The cases it landed on.
    pub cases: Vec<CaseId>,
    /// Case files as they are after it.
    pub changed: Vec<CaseFile>,
    /// A look to keep.
    pub look: Option<LookFact>,
    /// A ruling that like cases follow from now on.
    pub precedent: Option<Precedent>,
}

impl Outcome {
    /// A verdict, and nothing else.
    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        Self { verdict, cases: vec![], changed: vec![], look: None, precedent: None }
    }
}

/// How the ops named by `depends_on` stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Finally decided.
    Final,
    /// Here, but held or quarantined.
    Waiting,
    /// Not here.
    Absent,
}

/// The predecessors an op must wait for (protocol 3, 5); empty means go.
#[must_use]
pub fn missing_predecessors(depends_on: &[OpId], known: impl Fn(OpId) -> Known) -> Vec<OpId> {
    depends_on.iter().copied().filter(|id| known(*id) != Known::Final).collect()
}
