//! Duty grids 责任网格: groups of neighbouring cells in a committee, with the names people say (U7).

use super::ground::{Ground, span_of, voronoi};
use super::names::landmark;
use super::squares::Squares;
use crate::dice::Dice;
use blindspot_core::division::{DutyGrid, GridCell, GridId};

/// Small cells that one worker walks in a shift.
const CELLS_A_GRID: usize = 26;
/// A community has at least this many grids, if it has the cells.
const COMMUNITY_GRIDS_MIN: usize = 3;

pub(super) fn draw(seed: u64, ground: &Ground, squares: &Squares) -> Vec<DutyGrid> {
    let mut dice = Dice::new(seed, 4);
    let mut out = Vec::new();
    for (c, committee) in ground.committees.iter().enumerate() {
        let mine = ground.squares_of(c);
        if mine.is_empty() {
            continue;
        }
        let least = if committee.residential { COMMUNITY_GRIDS_MIN } else { 2 };
        let wanted = mine.len().div_ceil(CELLS_A_GRID).max(least).min(mine.len());
        let points: Vec<[f64; 2]> = mine.iter().map(|i| squares.list[*i].centre_km()).collect();
        let areas: Vec<f64> = mine.iter().map(|i| squares.list[*i].area_km2()).collect();
        let (part, _) = voronoi(&mut dice, &points, &areas, wanted);
        // Numbered by their first cell in reading order, as cells are.
        let mut order: Vec<usize> = Vec::new();
        for p in &part {
            if !order.contains(p) {
                order.push(*p);
            }
        }
        for (n, p) in order.iter().enumerate() {
            let number = u16::try_from(n + 1).unwrap_or(u16::MAX);
            let members = mine.iter().zip(&part).filter(|(_, q)| *q == p).map(|(i, _)| *i);
            let span = span_of(&committee.code.0);
            let cells: Vec<GridCell> =
                members.map(|i| GridCell { code: ground.codes[i].clone(), span }).collect();
            let mut aliases = vec![format!("{}{number}格", committee.short_zh)];
            for _ in 0..=dice.below(2) {
                let alias = landmark(&mut dice, &committee.short_zh, committee.residential);
                if !aliases.contains(&alias) {
                    aliases.push(alias);
                }
            }
            out.push(DutyGrid {
                id: GridId::new(&committee.code, number),
                town: committee.code.town(),
                name_zh: format!("{}第{number}网格", committee.said_zh),
                name_en: format!("{}, grid {number}", committee.said_en),
                aliases,
                cells,
                span,
                synthetic: true,
            });
        }
    }
    out
}
