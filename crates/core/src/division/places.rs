//! The index: which cell, duty grid and town hold a point at a time, and look-ups by code.
//!
//! Pure and built once per edition of the place data; must not know who asks or what may be seen.

use super::code::{CellCode, CommitteeCode, GridId, TownCode};
use super::model::{Cell, Division, DutyGrid, Site, Span};
use crate::geo::{Bbox, Point, distance_m, in_ring};
use std::collections::BTreeMap;

/// Why place data cannot be indexed: everything found, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("place data does not fit together: {}", problems.join("; "))]
pub struct PlacesError {
    /// One sentence a problem.
    pub problems: Vec<String>,
}

/// Where a point lies; each part is absent when the data has no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The cell that holds the point.
    pub cell: Option<CellCode>,
    /// The duty grid that held the cell.
    pub grid: Option<GridId>,
    /// The town: of the grid, else of the cell's code.
    pub town: Option<TownCode>,
}

/// Divisions, cells, duty grids and sites with their index.
#[derive(Clone, Debug, Default)]
pub struct Places {
    divisions: Vec<Division>,
    cells: Vec<Cell>,
    grids: BTreeMap<GridId, DutyGrid>,
    sites: BTreeMap<String, Site>,
    grids_of_cell: BTreeMap<CellCode, Vec<(Span, GridId)>>,
    bins: Bins,
}

/// Uniform bins over longitude and latitude: sorted pairs of bin and cell, found by bisection.
#[derive(Clone, Debug, Default)]
struct Bins {
    side_deg: f64,
    entries: Vec<((i32, i32), u32)>,
}

/// A cell larger than this many bins a side would bloat the index; the bin side grows instead.
const BINS_A_CELL_MAX: f64 = 64.0;

impl Bins {
    fn of(cells: &[Cell]) -> Self {
        let boxes: Vec<Option<Bbox>> = cells.iter().map(Cell::bbox).collect();
        let mut sides: Vec<f64> =
            boxes.iter().flatten().map(|b| (b.east - b.west).max(b.north - b.south)).collect();
        sides.sort_by(f64::total_cmp);
        let median = sides.get(sides.len() / 2).copied().unwrap_or(0.0);
        let largest = sides.last().copied().unwrap_or(0.0);
        let side_deg = median.max(largest / BINS_A_CELL_MAX).max(1e-6);
        let mut bins = Self { side_deg, entries: Vec::new() };
        for (i, bbox) in boxes.iter().enumerate() {
            let Some(b) = bbox else { continue };
            let (x0, y0) = bins.bin(Point::new(b.south, b.west));
            let (x1, y1) = bins.bin(Point::new(b.north, b.east));
            for bin in (x0..=x1).flat_map(|x| (y0..=y1).map(move |y| (x, y))) {
                bins.entries.push((bin, u32::try_from(i).unwrap_or(u32::MAX)));
            }
        }
        bins.entries.sort_unstable();
        bins
    }

    /// Casts saturate, so a wild point falls into an empty bin instead of failing.
    #[expect(clippy::cast_possible_truncation, reason = "saturates; an empty bin is the right answer")]
    fn bin(&self, p: Point) -> (i32, i32) {
        ((p.lon / self.side_deg).floor() as i32, (p.lat / self.side_deg).floor() as i32)
    }

    fn at(&self, p: Point) -> impl Iterator<Item = usize> + '_ {
        let bin = if self.side_deg > 0.0 { self.bin(p) } else { (0, 0) };
        let start = self.entries.partition_point(|(b, _)| *b < bin);
        self.entries[start..].iter().take_while(move |(b, _)| *b == bin).map(|(_, i)| *i as usize)
    }
}

fn overlap(a: Span, b: Span) -> bool {
    a.to_ms.is_none_or(|to| b.from_ms < to) && b.to_ms.is_none_or(|to| a.from_ms < to)
}

fn both(a: Span, b: Span) -> Span {
    let to_ms = match (a.to_ms, b.to_ms) {
        (Some(x), Some(y)) => Some(x.min(y)),
        (x, y) => x.or(y),
    };
    Span { from_ms: a.from_ms.max(b.from_ms), to_ms }
}

/// Names every pair of neighbours in a sorted list that share a key and a time.
fn doubles<T>(
    items: &[T],
    what: &str,
    key: impl Fn(&T) -> &str,
    span: impl Fn(&T) -> Span,
    out: &mut Vec<String>,
) {
    for pair in items.windows(2) {
        if key(&pair[0]) == key(&pair[1]) && overlap(span(&pair[0]), span(&pair[1])) {
            out.push(format!("{what} {} stands twice for the same time", key(&pair[0])));
        }
    }
}

impl Places {
    /// A city without places: nothing is located.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Indexes place data.
    ///
    /// # Errors
    /// Two records of one code for the same time, a cell in two duty grids at once, a ring that is no area.
    /// A duty grid may name cells that are not loaded.
    pub fn build(
        mut divisions: Vec<Division>,
        mut cells: Vec<Cell>,
        grids: Vec<DutyGrid>,
        sites: Vec<Site>,
    ) -> Result<Self, PlacesError> {
        let mut problems = Vec::new();
        divisions.sort_by(|a, b| (&a.code, a.span).cmp(&(&b.code, b.span)));
        cells.sort_by(|a, b| (&a.code, a.span).cmp(&(&b.code, b.span)));
        doubles(&divisions, "division", |d| &d.code, |d| d.span, &mut problems);
        doubles(&cells, "cell", |c| c.code.as_str(), |c| c.span, &mut problems);
        for cell in &cells {
            if cell.ring.len() < 3 || !cell.ring.iter().all(|c| Point::new(c[1], c[0]).is_valid()) {
                problems.push(format!("cell {} has no valid ring", cell.code));
            }
        }
        let mut grid_map = BTreeMap::new();
        let mut grids_of_cell: BTreeMap<CellCode, Vec<(Span, GridId)>> = BTreeMap::new();
        for grid in grids {
            for cell in &grid.cells {
                let span = both(cell.span, grid.span);
                let held = grids_of_cell.entry(cell.code.clone()).or_default();
                if let Some((_, other)) = held.iter().find(|(s, _)| overlap(*s, span)) {
                    problems.push(format!("cell {} is in {other} and {} at once", cell.code, grid.id));
                }
                held.push((span, grid.id.clone()));
            }
            let id = grid.id.clone();
            if grid_map.insert(id.clone(), grid).is_some() {
                problems.push(format!("duty grid {id} stands twice"));
            }
        }
        let mut site_map = BTreeMap::new();
        for site in sites {
            let id = site.id.clone();
            if site_map.insert(id.clone(), site).is_some() {
                problems.push(format!("site {id} stands twice"));
            }
        }
        if !problems.is_empty() {
            return Err(PlacesError { problems });
        }
        let bins = Bins::of(&cells);
        Ok(Self { divisions, cells, grids: grid_map, sites: site_map, grids_of_cell, bins })
    }

    /// Where a WGS-84 point lay at a time.
    #[must_use]
    pub fn locate(&self, p: Point, at_ms: i64) -> Located {
        let Some(cell) = self.cell_at(p, at_ms) else { return Located::default() };
        let grid = self.grid_of_cell(&cell.code, at_ms);
        let town = grid.as_ref().and_then(|g| self.town_of_grid(g)).unwrap_or_else(|| cell.code.town());
        Located { cell: Some(cell.code.clone()), grid, town: Some(town) }
    }

    fn cell_at(&self, p: Point, at_ms: i64) -> Option<&Cell> {
        let cells = self.bins.at(p).filter_map(|i| self.cells.get(i));
        cells.filter(|c| c.span.contains(at_ms)).find(|c| in_ring(&c.ring, p))
    }

    /// The duty grid that held a cell at a time.
    #[must_use]
    pub fn grid_of_cell(&self, cell: &CellCode, at_ms: i64) -> Option<GridId> {
        let held = self.grids_of_cell.get(cell)?;
        held.iter().find(|(span, _)| span.contains(at_ms)).map(|(_, grid)| grid.clone())
    }

    /// The town that a duty grid reports to.
    #[must_use]
    pub fn town_of_grid(&self, grid: &GridId) -> Option<TownCode> {
        self.grids.get(grid).map(|g| g.town.clone())
    }

    /// A division of any level as its code held at a time.
    #[must_use]
    pub fn division(&self, code: &str, at_ms: i64) -> Option<&Division> {
        let start = self.divisions.partition_point(|d| d.code.as_str() < code);
        self.divisions[start..].iter().take_while(|d| d.code == code).find(|d| d.span.contains(at_ms))
    }

    /// A town at a time.
    #[must_use]
    pub fn town(&self, code: &TownCode, at_ms: i64) -> Option<&Division> {
        self.division(code.as_str(), at_ms)
    }

    /// A committee at a time.
    #[must_use]
    pub fn committee(&self, code: &CommitteeCode, at_ms: i64) -> Option<&Division> {
        self.division(code.as_str(), at_ms)
    }

    /// A cell as it was at a time.
    #[must_use]
    pub fn cell(&self, code: &CellCode, at_ms: i64) -> Option<&Cell> {
        let start = self.cells.partition_point(|c| c.code < *code);
        self.cells[start..].iter().take_while(|c| c.code == *code).find(|c| c.span.contains(at_ms))
    }

    /// A duty grid, also one that has ended.
    #[must_use]
    pub fn grid(&self, id: &GridId) -> Option<&DutyGrid> {
        self.grids.get(id)
    }

    /// A site of the register, also one that has ended.
    #[must_use]
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.sites.get(id)
    }

    /// All divisions in order of code, then time.
    pub fn divisions(&self) -> impl Iterator<Item = &Division> {
        self.divisions.iter()
    }

    /// The towns that exist at a time, in order of code.
    pub fn towns(&self, at_ms: i64) -> impl Iterator<Item = &Division> {
        self.divisions.iter().filter(move |d| d.code.len() == 9 && d.span.contains(at_ms))
    }

    /// All cells in order of code, then time.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    /// All duty grids in order of id.
    pub fn grids(&self) -> impl Iterator<Item = &DutyGrid> {
        self.grids.values()
    }

    /// All sites in order of id.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.values()
    }

    /// The duty grids that exist at a time and whose name or alias holds some words, in order of id.
    pub fn grids_named<'a>(&'a self, words: &'a str, at_ms: i64) -> impl Iterator<Item = &'a DutyGrid> {
        self.grids.values().filter(move |g| {
            g.span.contains(at_ms)
                && (g.name_zh.contains(words) || g.aliases.iter().any(|a| a.contains(words)))
        })
    }

    /// The sites nearest to a point, nearest first, with metres; at most `most`, none beyond `within_m`.
    #[must_use]
    pub fn nearest_sites(&self, p: Point, at_ms: i64, within_m: f64, most: usize) -> Vec<(&Site, f64)> {
        let on_register = self.sites.values().filter(|s| s.span.contains(at_ms));
        let mut near: Vec<_> = on_register
            .filter_map(|s| s.point.map(|at| (s, distance_m(p, at))))
            .filter(|(_, metres)| *metres <= within_m)
            .collect();
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.id.cmp(&b.0.id)));
        near.truncate(most);
        near
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::GridCell;
    use super::*;

    const SPLIT_MS: i64 = 1_412_092_800_000;

    fn square(code: &str, west: f64, south: f64, span: Span) -> Cell {
        let (e, n) = (west + 0.007_812_5, south + 0.007_812_5);
        Cell {
            code: CellCode(code.into()),
            ring: vec![[west, south], [e, south], [e, n], [west, n]],
            place_class: String::new(),
            span,
            synthetic: true,
        }
    }

    fn grid(id: &str, town: &str, cells: &[(&str, Span)]) -> DutyGrid {
        DutyGrid {
            id: GridId(id.into()),
            town: TownCode(town.into()),
            name_zh: "下娄店村第1网格".into(),
            name_en: String::new(),
            aliases: vec!["下娄店老街".into()],
            cells: cells
                .iter()
                .map(|(c, span)| GridCell { code: CellCode((*c).into()), span: *span })
                .collect(),
            span: Span::default(),
            synthetic: true,
        }
    }

    /// 福田 was split from 稠城 in 2014: one piece of ground, two codes, one after the other.
    fn futian() -> Places {
        let before = Span { from_ms: 0, to_ms: Some(SPLIT_MS) };
        let after = Span::since(SPLIT_MS);
        let town = |code: &str, name: &str, span| Division {
            code: code.into(),
            name_zh: name.into(),
            span,
            ..Division::default()
        };
        let divisions =
            vec![town("330782001", "稠城街道", Span::default()), town("330782008", "福田街道", after)];
        let cells = vec![
            square("330782001227001", 120.093_75, 29.34, before),
            square("330782008227001", 120.093_75, 29.34, after),
            square("330782008227002", 120.101_562_5, 29.34, after),
        ];
        let grids = vec![grid(
            "330782008227-01",
            "330782008",
            &[("330782008227001", after), ("330782008227002", after)],
        )];
        Places::build(divisions, cells, grids, Vec::new()).expect("fits together")
    }

    #[test]
    fn the_futian_split_keeps_old_cases_in_their_old_unit() {
        let places = futian();
        let spot = Point::new(29.345, 120.095);
        let before = places.locate(spot, SPLIT_MS - 1);
        assert_eq!(before.town, Some(TownCode("330782001".into())));
        assert_eq!((before.cell.map(|c| c.0), before.grid), (Some("330782001227001".into()), None));
        let after = places.locate(spot, SPLIT_MS);
        assert_eq!(after.town, Some(TownCode("330782008".into())));
        assert_eq!(after.grid, Some(GridId("330782008227-01".into())));
        assert!(places.town(&TownCode("330782008".into()), SPLIT_MS - 1).is_none());
        assert_eq!(places.towns(SPLIT_MS - 1).count(), 1);
        assert_eq!(places.towns(SPLIT_MS).count(), 2);
    }

    #[test]
    fn a_shared_edge_belongs_to_one_cell_and_nowhere_is_nowhere() {
        let places = futian();
        let on_edge = places.locate(Point::new(29.345, 120.101_562_5), SPLIT_MS);
        assert_eq!(on_edge.cell.map(|c| c.0), Some("330782008227002".into()));
        for p in [Point::new(0.0, 0.0), Point::new(f64::NAN, f64::INFINITY), Point::new(29.345, 120.111)] {
            assert_eq!(places.locate(p, SPLIT_MS), Located::default());
            assert_eq!(Places::empty().locate(p, 0), Located::default());
        }
    }

    #[test]
    fn data_that_contradicts_itself_is_refused_with_all_reasons() {
        let mut bad = square("330782001227002", 120.2, 29.3, Span::default());
        bad.ring.truncate(2);
        let twice = square("330782001227001", 120.093_75, 29.34, Span::default());
        let error = Places::build(
            Vec::new(),
            vec![twice.clone(), twice, bad],
            vec![
                grid("330782001227-01", "330782001", &[("330782001227001", Span::default())]),
                grid("330782001227-02", "330782001", &[("330782001227001", Span::since(5))]),
            ],
            Vec::new(),
        )
        .expect_err("three contradictions");
        assert_eq!(error.problems.len(), 3, "{error}");
    }

    #[test]
    fn a_grid_is_found_by_the_name_people_say_and_a_site_by_nearness() {
        let mut places = futian();
        assert_eq!(places.grids_named("老街", SPLIT_MS).count(), 1);
        let site = |id: &str, lat: f64| Site {
            id: id.into(),
            point: Some(Point::new(lat, 120.095)),
            ..Site::default()
        };
        for s in [site("b", 29.3460), site("a", 29.3451), site("far", 29.4)] {
            places.sites.insert(s.id.clone(), s);
        }
        let near = places.nearest_sites(Point::new(29.345, 120.095), SPLIT_MS, 500.0, 5);
        assert_eq!(near.iter().map(|(s, _)| s.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!((near[0].1 - 11.1).abs() < 0.2);
    }
}
