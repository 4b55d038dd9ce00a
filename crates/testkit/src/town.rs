//! The simulated city: two towns, four cells in a row, a duty grid for each. Small, so that cases meet in one feed.

use blindspot_core::division::{Cell, CellCode, Division, DutyGrid, GridCell, GridId, Span, TownCode};
use blindspot_server::service::{House, reference};

/// How many cells, and duty grids.
pub(crate) const CELLS: usize = 4;
const TOWNS: [&str; 2] = ["330782003", "330782004"];
const SOUTH: f64 = 29.3;
const WEST: f64 = 120.07;
const SIDE: [f64; 2] = [0.01, 0.0025];

fn town(n: usize) -> &'static str {
    TOWNS[n * TOWNS.len() / CELLS]
}

/// Where a person may be at work.
pub(crate) const AREAS: &[&str] = &[
    "grid:330782003001-01",
    "grid:330782003002-01",
    "grid:330782004003-01",
    "grid:330782004004-01",
    "town:330782003",
    "town:330782004",
];

fn cell(n: usize) -> Cell {
    let west = WEST + SIDE[1] * f64::from(u32::try_from(n).unwrap_or(0));
    let (east, north) = (west + SIDE[1], SOUTH + SIDE[0]);
    Cell {
        code: CellCode(format!("{}00{}001", town(n), n + 1)),
        ring: vec![[west, SOUTH], [east, SOUTH], [east, north], [west, north]],
        place_class: String::new(),
        span: Span::default(),
        synthetic: true,
    }
}

fn grid(n: usize, cells: Vec<GridCell>) -> DutyGrid {
    DutyGrid {
        id: GridId(format!("{}00{}-01", town(n), n + 1)),
        town: TownCode(town(n).into()),
        name_zh: format!("第{}网格", n + 1),
        name_en: String::new(),
        aliases: vec![],
        cells,
        span: Span::default(),
        synthetic: true,
    }
}

/// Builds the city.
pub(crate) fn build(house: &House, now_ms: i64) {
    let divisions = TOWNS.map(|code| Division {
        code: code.into(),
        name_zh: format!("{code}街道"),
        short_zh: code[7..].into(),
        ..Division::default()
    });
    let grids = (0..CELLS).map(|n| grid(n, vec![GridCell { code: cell(n).code, span: Span::default() }]));
    reference::import_divisions(house, divisions.to_vec(), now_ms).expect("divisions");
    reference::import_cells(house, (0..CELLS).map(cell).collect(), now_ms).expect("cells");
    reference::import_grids(house, grids.collect(), now_ms).expect("grids");
}

/// From the next millisecond on a cell belongs to another duty grid. Old cases stay where they are.
pub(crate) fn reassign(house: &House, cell_n: usize, to: usize, now_ms: i64) {
    let code = cell(cell_n).code;
    let from_ms = now_ms + 1;
    let mut grids: Vec<DutyGrid> = house.reference().places.grids().cloned().collect();
    for grid in &mut grids {
        for held in grid.cells.iter_mut().filter(|c| c.code == code && c.span.to_ms.is_none()) {
            held.span.to_ms = Some(from_ms);
        }
        // What was given and taken back in one moment never held.
        grid.cells.retain(|c| c.span.to_ms.is_none_or(|to| to > c.span.from_ms));
    }
    let target = self::grid(to, vec![]).id;
    if let Some(grid) = grids.iter_mut().find(|g| g.id == target) {
        grid.cells.push(GridCell { code, span: Span::since(from_ms) });
    }
    reference::import_grids(house, grids, now_ms).expect("grids");
}
