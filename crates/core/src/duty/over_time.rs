//! Who answered for a place, from when till when: the narrowest holder of each kind, span by span (field.md U15: the page of a
//! site). An old answer stays as it was given.

use super::model::{Duty, HolderKind};
use super::owner::Asked;
use crate::division::{GridId, Span};
use crate::id::DeptKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Responsible {
    /// For what.
    pub kind: HolderKind,
    /// Who.
    pub unit: DeptKey,
    /// From when till when.
    pub span: Span,
}

impl Duty {
    /// Who answered for a duty grid, of some kinds, oldest first. A time in which nobody did is left out.
    #[must_use]
    pub fn over_time(&self, grid: Option<&GridId>, kinds: &[HolderKind]) -> Vec<Responsible> {
        let Some(grid) = grid else { return vec![] };
        let town = grid.committee().town();
        let mut edges: BTreeSet<i64> = BTreeSet::from([0]);
        edges.extend(self.holders.iter().flat_map(|h| [Some(h.span.from_ms), h.span.to_ms]).flatten());
        let edges: Vec<i64> = edges.into_iter().collect();
        let mut told: Vec<Responsible> = vec![];
        for kind in kinds {
            let mut last: Option<Responsible> = None;
            for (n, from_ms) in edges.iter().enumerate() {
                let asked =
                    Asked { grid: Some(grid), town: Some(&town), at_ms: *from_ms, ..Asked::default() };
                let to_ms = edges.get(n + 1).copied();
                let unit = self.holder(kind, &asked).map(|h| h.unit.clone());
                match (&mut last, unit) {
                    (Some(same), Some(unit)) if same.unit == unit => same.span.to_ms = to_ms,
                    (_, unit) => {
                        let span = Span { from_ms: *from_ms, to_ms };
                        let next = unit.map(|unit| Responsible { kind: kind.clone(), unit, span });
                        told.extend(std::mem::replace(&mut last, next));
                    }
                }
            }
            told.extend(last);
        }
        told.sort_by_key(|r| r.span.from_ms);
        told
    }
}
