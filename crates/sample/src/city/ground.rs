//! Who owns which square: towns, then committees, by balanced Voronoi cells over the squares.
//!
//! Makes divisions and cells of it, with the split of 福田 from 稠城. Knows no duty grid, site or person.

use super::committees::{Committee, committees};
use super::data::County;
use super::names::place_class;
use super::squares::Squares;
use crate::dice::Dice;
use blindspot_core::division::{Cell, CellCode, CommitteeCode, Division, Span, TownCode};
use blindspot_core::geo::Point;
use std::collections::BTreeMap;

/// 福田街道 was split from 稠城街道 in 2014 (浙政函〔2014〕104号). The day, 1 October in Beijing, is ours.
pub const FUTIAN_SPLIT_MS: i64 = 1_412_092_800_000;
const FUTIAN: &str = "330782008";
const CHOUCHENG: &str = "330782001";

/// Where the seed of each town starts: near its real seat, to the kilometre, so that the map looks like home.
const SEATS: [(&str, f64, f64); 14] = [
    ("330782001", 29.310, 120.075),
    ("330782002", 29.290, 120.095),
    ("330782003", 29.283, 120.030),
    ("330782004", 29.330, 120.045),
    ("330782005", 29.370, 120.050),
    ("330782006", 29.315, 119.990),
    ("330782007", 29.310, 120.160),
    ("330782008", 29.345, 120.095),
    ("330782100", 29.200, 120.025),
    ("330782101", 29.115, 120.030),
    ("330782102", 29.245, 119.950),
    ("330782104", 29.315, 119.910),
    ("330782105", 29.415, 120.125),
    ("330782106", 29.490, 120.095),
];

/// The settled county: each square with its committee.
pub(super) struct Ground {
    pub(super) committees: Vec<Committee>,
    /// Index into `committees` of each square.
    pub(super) owner: Vec<usize>,
    /// Code of each square today.
    pub(super) codes: Vec<CellCode>,
}

impl Ground {
    pub(super) fn settle(seed: u64, county: &County, squares: &Squares) -> Self {
        let points: Vec<[f64; 2]> = squares.list.iter().map(|s| s.centre_km()).collect();
        let areas: Vec<f64> = squares.list.iter().map(|s| s.area_km2()).collect();
        let towns = settle_towns(seed, county, squares, &points, &areas);
        let mut all = Vec::new();
        let mut owner = vec![0; points.len()];
        for (t, town) in county.divisions.iter().enumerate() {
            let mine: Vec<usize> = (0..points.len()).filter(|i| towns[*i] == t).collect();
            let here: Vec<[f64; 2]> = mine.iter().map(|i| points[*i]).collect();
            let weight: Vec<f64> = mine.iter().map(|i| areas[*i]).collect();
            let mut dice = Dice::new(seed, 100 + t as u64);
            let (parts, centres) = voronoi(&mut dice, &here, &weight, town.children_total);
            // Communities lie around the seat, villages further out.
            let seat = seat_km(&town.code9, squares);
            let mut order: Vec<usize> = (0..centres.len()).collect();
            order.sort_by(|a, b| square(centres[*a], seat).total_cmp(&square(centres[*b], seat)));
            let first = all.len();
            for (i, part) in mine.iter().zip(parts) {
                owner[*i] = first + order.iter().position(|o| *o == part).unwrap_or(0);
            }
            all.extend(committees(town));
        }
        let mut used: BTreeMap<usize, u16> = BTreeMap::new();
        let codes = owner.iter().map(|o| {
            let n = used.entry(*o).or_insert(0);
            *n += 1;
            CellCode(format!("{}{n:03}", all[*o].code))
        });
        let codes = codes.collect();
        Self { committees: all, owner, codes }
    }

    /// County, towns and committees; 福田's committees stood under 稠城 until the split.
    pub(super) fn divisions(&self, county: &County) -> Vec<Division> {
        let mut out = vec![Division {
            code: county.county.code6.clone(),
            parent: None,
            name_zh: county.county.name_zh.clone(),
            name_en: county.county.name_en.clone(),
            short_zh: county.county.name_zh.chars().take(2).collect(),
            kind: county.county.kind.clone(),
            ..Division::default()
        }];
        for town in &county.divisions {
            out.push(Division {
                code: town.code9.clone(),
                parent: Some(county.county.code6.clone()),
                name_zh: town.name_zh.clone(),
                name_en: town.name_en.clone(),
                short_zh: town.short_zh(),
                kind: town.kind.clone(),
                span: span_of(&town.code9),
                ..Division::default()
            });
        }
        for c in &self.committees {
            let today = c.division(span_of(&c.code.0));
            if let Some(old) = before_split(&c.code) {
                out.push(Division {
                    code: old.0.clone(),
                    parent: Some(old.town().0),
                    span: Span { from_ms: 0, to_ms: Some(FUTIAN_SPLIT_MS) },
                    successor: Some(today.code.clone()),
                    synthetic: true,
                    ..today.clone()
                });
            }
            out.push(today);
        }
        out.sort_by(|a, b| (&a.code, a.span).cmp(&(&b.code, b.span)));
        out
    }

    pub(super) fn cells(&self, seed: u64, squares: &Squares) -> Vec<Cell> {
        let mut dice = Dice::new(seed, 3);
        let mut out = Vec::with_capacity(squares.list.len());
        for (i, square) in squares.list.iter().enumerate() {
            let committee = &self.committees[self.owner[i]];
            let code = self.codes[i].clone();
            let today = Cell {
                ring: squares.ring(square),
                place_class: place_class(&mut dice, square.is_core(), committee.residential).to_owned(),
                span: span_of(&code.0),
                code,
                synthetic: true,
            };
            if let Some(old) = before_split(&committee.code) {
                out.push(Cell {
                    code: CellCode(format!("{old}{}", &today.code.0[12..])),
                    span: Span { from_ms: 0, to_ms: Some(FUTIAN_SPLIT_MS) },
                    ..today.clone()
                });
            }
            out.push(today);
        }
        out.sort_by(|a, b| a.code.cmp(&b.code));
        out
    }

    /// Squares of a committee, as indices in reading order.
    pub(super) fn squares_of(&self, committee: usize) -> Vec<usize> {
        (0..self.owner.len()).filter(|i| self.owner[*i] == committee).collect()
    }

    pub(super) fn town_of(&self, square: usize) -> TownCode {
        self.codes[square].town()
    }
}

/// Since when a code of any length holds.
pub(super) fn span_of(code: &str) -> Span {
    if code.starts_with(FUTIAN) { Span::since(FUTIAN_SPLIT_MS) } else { Span::default() }
}

/// The code of a 福田 committee while it stood under 稠城: invented, free in today's list.
fn before_split(code: &CommitteeCode) -> Option<CommitteeCode> {
    let number: u16 = code.0.strip_prefix(FUTIAN)?.parse().ok()?;
    let old = if number < 200 { number + 100 } else { number };
    Some(CommitteeCode(format!("{CHOUCHENG}{old:03}")))
}

fn seat_km(code: &str, squares: &Squares) -> [f64; 2] {
    let seat = SEATS.iter().find(|(c, _, _)| *c == code);
    seat.map_or([0.0, 0.0], |(_, lat, lon)| squares.km_of(Point::new(*lat, *lon)))
}

fn square(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

/// A power diagram of 14 seeds whose weights are tuned until areas follow the number of committees, relaxed
/// twice towards the centres (more would pull the towns away from their seats).
fn settle_towns(
    seed: u64,
    county: &County,
    squares: &Squares,
    points: &[[f64; 2]],
    areas: &[f64],
) -> Vec<usize> {
    let mut dice = Dice::new(seed, 1);
    let mut seeds: Vec<[f64; 2]> = county.divisions.iter().map(|t| seat_km(&t.code9, squares)).collect();
    for s in &mut seeds {
        *s = [s[0] + dice.between(-0.3, 0.3), s[1] + dice.between(-0.3, 0.3)];
    }
    let total: f64 = areas.iter().sum();
    let committees: usize = county.divisions.iter().map(|t| t.children_total).sum();
    let share = |t: usize| county.divisions[t].children_total as f64 / committees as f64;
    let mut weights = vec![0.0; seeds.len()];
    let mut owner = vec![0; points.len()];
    for round in 0..240 {
        let mut got = vec![0.0; seeds.len()];
        for (i, p) in points.iter().enumerate() {
            owner[i] = nearest(*p, &seeds, &weights);
            got[owner[i]] += areas[i];
        }
        if round == 80 || round == 160 {
            let centres = centres(points, areas, &owner, &seeds);
            seeds = seeds.iter().zip(centres).map(|(s, c)| [mid(s[0], c[0]), mid(s[1], c[1])]).collect();
        }
        for (t, weight) in weights.iter_mut().enumerate() {
            *weight += 0.2 * (share(t) * total - got[t]);
        }
    }
    owner
}

fn mid(a: f64, b: f64) -> f64 {
    a * 0.6 + b * 0.4
}

fn nearest(p: [f64; 2], seeds: &[[f64; 2]], weights: &[f64]) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (i, s) in seeds.iter().enumerate() {
        let far = square(p, *s) - weights[i];
        if far < best.0 {
            best = (far, i);
        }
    }
    best.1
}

/// Weighted centres of parts; an empty part keeps its seed.
fn centres(points: &[[f64; 2]], weight: &[f64], owner: &[usize], seeds: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut sums = vec![[0.0; 3]; seeds.len()];
    for ((p, w), o) in points.iter().zip(weight).zip(owner) {
        let s = &mut sums[*o];
        *s = [s[0] + p[0] * w, s[1] + p[1] * w, s[2] + w];
    }
    let centre = |(s, seed): (&[f64; 3], &[f64; 2])| {
        if s[2] > 0.0 { [s[0] / s[2], s[1] / s[2]] } else { *seed }
    };
    sums.iter().zip(seeds).map(centre).collect()
}

/// Lloyd-relaxed Voronoi of `parts` seeds over weighted points: the part of each point, and the centres. Every
/// part gets a point as long as there are enough.
pub(super) fn voronoi(
    dice: &mut Dice,
    points: &[[f64; 2]],
    weight: &[f64],
    parts: usize,
) -> (Vec<usize>, Vec<[f64; 2]>) {
    let parts = parts.clamp(1, points.len().max(1));
    let mut seeds = Vec::with_capacity(parts);
    let total: f64 = weight.iter().sum();
    // One seed a step along the list: the list is in reading order, so the seeds start spread out.
    let mut next = total / parts as f64 * dice.unit();
    let mut sum = 0.0;
    for (p, w) in points.iter().zip(weight) {
        sum += w;
        while sum > next && seeds.len() < parts {
            seeds.push([p[0] + dice.between(-0.01, 0.01), p[1] + dice.between(-0.01, 0.01)]);
            next += total / parts as f64;
        }
    }
    while seeds.len() < parts {
        seeds.push(*dice.pick(points));
    }
    let even = vec![0.0; parts];
    let mut owner = vec![0; points.len()];
    for _ in 0..14 {
        for (o, p) in owner.iter_mut().zip(points) {
            *o = nearest(*p, &seeds, &even);
        }
        seeds = centres(points, weight, &owner, &seeds);
    }
    feed_empty_parts(points, &seeds, &mut owner, parts);
    (owner, seeds)
}

/// Gives each empty part the nearest point of a part that has more than one.
fn feed_empty_parts(points: &[[f64; 2]], seeds: &[[f64; 2]], owner: &mut [usize], parts: usize) {
    let mut count = vec![0usize; parts];
    for o in owner.iter() {
        count[*o] += 1;
    }
    for part in 0..parts {
        if count[part] > 0 {
            continue;
        }
        let spare = (0..points.len()).filter(|i| count[owner[*i]] > 1);
        let best =
            spare.min_by(|a, b| square(points[*a], seeds[part]).total_cmp(&square(points[*b], seeds[part])));
        if let Some(i) = best {
            count[owner[i]] -= 1;
            owner[i] = part;
            count[part] += 1;
        }
    }
}
