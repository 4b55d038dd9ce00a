//! Advice on cell numbering: inside a committee from west to east, row by row from north to south.
//!
//! Advice only: a city's own survey may number otherwise, and a code once given is never changed.

use super::code::{CellCode, CommitteeCode};
use super::model::Cell;
use crate::geo::Bbox;
use std::collections::BTreeMap;

/// A cell whose number stands out of the reading order of its committee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceProblem {
    /// The committee.
    pub committee: CommitteeCode,
    /// The cell with the lower number, which lies further south or east.
    pub cell: CellCode,
    /// The cell that should have come before it.
    pub after: CellCode,
}

/// Degrees (about a metre) within which two cells count as one row.
const SAME_ROW_DEG: f64 = 1e-5;

/// Compares neighbours in number: by north edge from north to south, in one row by west edge from west to
/// east. Cells whose spans never meet are not compared.
#[must_use]
pub fn check_sequence(cells: &[Cell]) -> Vec<SequenceProblem> {
    let mut committees: BTreeMap<(CommitteeCode, super::Span), Vec<(&CellCode, Bbox)>> = BTreeMap::new();
    for cell in cells {
        if let Some(bbox) = cell.bbox() {
            committees.entry((cell.code.committee(), cell.span)).or_default().push((&cell.code, bbox));
        }
    }
    let mut problems = Vec::new();
    for ((committee, _), mut members) in committees {
        members.sort_by(|a, b| a.0.cmp(b.0));
        for pair in members.windows(2) {
            let ((low, a), (high, b)) = (pair[0], pair[1]);
            let one_row = (a.north - b.north).abs() <= SAME_ROW_DEG;
            let in_order = if one_row { a.west <= b.west } else { a.north > b.north };
            if !in_order {
                problems.push(SequenceProblem {
                    committee: committee.clone(),
                    cell: low.clone(),
                    after: high.clone(),
                });
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::division::Span;

    fn cell(code: &str, west: f64, south: f64) -> Cell {
        Cell {
            code: CellCode(code.into()),
            ring: vec![[west, south], [west + 1.0, south], [west + 1.0, south + 1.0], [west, south + 1.0]],
            place_class: String::new(),
            span: Span::default(),
            synthetic: true,
        }
    }

    #[test]
    fn reading_order_passes_and_a_swap_is_named() {
        let good = [
            cell("330782003002001", 0.0, 1.0),
            cell("330782003002002", 1.0, 1.0),
            cell("330782003002003", 0.0, 0.0),
            cell("330782003003001", 9.0, 9.0),
        ];
        assert_eq!(check_sequence(&good), []);
        let bad = [cell("330782003002001", 1.0, 1.0), cell("330782003002002", 0.0, 1.0)];
        assert_eq!(check_sequence(&bad)[0].cell.sequence(), 1);
    }
}
