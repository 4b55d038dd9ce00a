//! The roster 排班: who is on shift in which duty grids, and who of them can be drawn for a check (field.md U13).

use crate::access::{Area, Grant, Role};
use crate::command::DrawnFrom;
use crate::division::{GridId, Span, TownCode};
use crate::id::PersonId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Fewer than this many are no draw.
const FEWEST: usize = 2;

/// One person's shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shift {
    /// Who.
    pub person: PersonId,
    /// In which duty grids.
    pub grids: Vec<GridId>,
    /// From when till when.
    pub span: Span,
    /// 代班: in whose place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_in_for: Option<PersonId>,
}

/// Who can be drawn, in the order of their ids, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eligible {
    /// From where.
    pub from: DrawnFrom,
    /// Who.
    pub people: Vec<PersonId>,
}

/// Who can be drawn for a check in a duty grid: those on shift in it, else those on shift in the grids around, else the area's
/// own collectors. `never` had a part in the fix or were drawn before; `paired` judged the same unit lately: they are left out
/// as long as two others are there. Nothing when there is nobody.
#[must_use]
pub fn eligible(
    roster: &[Shift],
    grants: &BTreeMap<PersonId, Vec<Grant>>,
    grid: Option<&GridId>,
    around: &[GridId],
    never: &BTreeSet<PersonId>,
    paired: &BTreeSet<PersonId>,
    now_ms: i64,
) -> Option<Eligible> {
    let collects = |person: &PersonId| {
        let collector = |g: &Grant| g.role == Role::Collector && g.span.contains(now_ms);
        grants.get(person).is_some_and(|all| all.iter().any(collector))
    };
    let on_shift = |grids: &[GridId]| -> BTreeSet<PersonId> {
        let now = roster.iter().filter(|s| s.span.contains(now_ms));
        let here = now.filter(|s| s.grids.iter().any(|g| grids.contains(g)));
        here.map(|s| s.person).filter(|p| !never.contains(p) && collects(p)).collect()
    };
    let own: Vec<GridId> = grid.into_iter().cloned().collect();
    let mut wider = own.clone();
    wider.extend(around.iter().cloned());
    for (from, grids) in [(DrawnFrom::Grid, &own), (DrawnFrom::Neighbours, &wider)] {
        let people = on_shift(grids);
        if people.len() >= FEWEST {
            return Some(Eligible { from, people: unpaired(people, paired) });
        }
    }
    let of_area: BTreeSet<PersonId> = grants
        .iter()
        .filter(|(person, all)| !never.contains(person) && all.iter().any(|g| covers(g, grid, now_ms)))
        .map(|(person, _)| *person)
        .collect();
    let people: BTreeSet<PersonId> = on_shift(&wider).into_iter().chain(of_area).collect();
    (!people.is_empty()).then(|| Eligible { from: DrawnFrom::Area, people: unpaired(people, paired) })
}

fn covers(grant: &Grant, grid: Option<&GridId>, now_ms: i64) -> bool {
    let town: Option<TownCode> = grid.map(|g| g.committee().town());
    grant.role == Role::Collector
        && grant.span.contains(now_ms)
        && match &grant.area {
            Area::Grid(g) => grid == Some(g),
            Area::Town(t) => town.as_ref() == Some(t),
            Area::City => true,
            Area::Dept(_) | Area::Other(_) => false,
        }
}

fn unpaired(people: BTreeSet<PersonId>, paired: &BTreeSet<PersonId>) -> Vec<PersonId> {
    let fresh: Vec<PersonId> = people.difference(paired).copied().collect();
    if fresh.len() >= FEWEST { fresh } else { people.into_iter().collect() }
}
