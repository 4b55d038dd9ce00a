//! Covers the county's outline with whole squares: 100 m in the urban core, 650 m elsewhere.
//!
//! A square belongs to the county when its centre lies inside the outline; it is never cut. All corners lie on
//! one lattice of 50 m, so neighbours share their corners exactly. Knows no town and no committee.

use blindspot_core::geo::{Bbox, Point, metres_per_degree};

/// Lattice step, metres.
const STEP_M: f64 = 50.0;
/// Sides in steps: 100 m, 650 m, and the 1,300 m blocks that the core is made of (13 small squares a side).
const SMALL: i32 = 2;
const LARGE: i32 = 13;
const BLOCK: i32 = 26;
/// 7 blocks of 1.69 km2: 11.8 km2 of core, 1,183 small squares.
const CORE_BLOCKS: usize = 7;
/// The middle of the old town, about.
const CENTRE: Point = Point::new(29.310, 120.075);

/// One square, in lattice steps from the south-west corner of the outline's box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Square {
    pub(super) west: i32,
    pub(super) south: i32,
    pub(super) side: i32,
}

impl Square {
    /// Centre in kilometres east and north of the lattice's origin.
    pub(super) fn centre_km(&self) -> [f64; 2] {
        let km = |start: i32| (f64::from(start) + f64::from(self.side) / 2.0) * STEP_M / 1000.0;
        [km(self.west), km(self.south)]
    }
    pub(super) fn area_km2(&self) -> f64 {
        (f64::from(self.side) * STEP_M / 1000.0).powi(2)
    }
    pub(super) fn is_core(&self) -> bool {
        self.side == SMALL
    }
}

/// All squares and the lattice they lie on.
pub(super) struct Squares {
    pub(super) list: Vec<Square>,
    west: f64,
    south: f64,
    step_lat: f64,
    step_lon: f64,
}

impl Squares {
    /// A lattice corner in degrees, rounded to a centimetre so that it prints short.
    fn corner(&self, x: i32, y: i32) -> [f64; 2] {
        let short = |degrees: f64| (degrees * 1e7).round() / 1e7;
        [short(self.west + f64::from(x) * self.step_lon), short(self.south + f64::from(y) * self.step_lat)]
    }

    pub(super) fn ring(&self, s: &Square) -> Vec<[f64; 2]> {
        let (x, y, side) = (s.west, s.south, s.side);
        vec![
            self.corner(x, y),
            self.corner(x + side, y),
            self.corner(x + side, y + side),
            self.corner(x, y + side),
        ]
    }

    /// A point inside the square, as shares of its side from the south-west.
    pub(super) fn point_in(&self, s: &Square, share: [f64; 2]) -> Point {
        let [lon, lat] = self.corner(s.west, s.south);
        let side = f64::from(s.side);
        Point::new(lat + share[1] * side * self.step_lat, lon + share[0] * side * self.step_lon)
    }

    /// A position in kilometres on the lattice.
    pub(super) fn km_of(&self, p: Point) -> [f64; 2] {
        let km = STEP_M / 1000.0;
        [(p.lon - self.west) / self.step_lon * km, (p.lat - self.south) / self.step_lat * km]
    }
}

/// Covers a ring of `[lon, lat]`.
pub(super) fn cover(outline: &[[f64; 2]]) -> Squares {
    let bbox = Bbox::of_ring(outline).unwrap_or(Bbox { west: 0.0, south: 0.0, east: 0.0, north: 0.0 });
    let step_lat = STEP_M / metres_per_degree();
    let step_lon = step_lat / bbox.centre().lat.to_radians().cos();
    let mut out = Squares { list: Vec::new(), west: bbox.west, south: bbox.south, step_lat, step_lon };
    let columns = ((bbox.east - bbox.west) / step_lon).ceil() as i32;
    let rows = ((bbox.north - bbox.south) / step_lat).ceil() as i32;
    let core = core_blocks(&out, columns, rows);
    for south in (0..rows).step_by(LARGE as usize) {
        let middle = out.corner(0, south)[1] + f64::from(LARGE) / 2.0 * step_lat;
        let crossings = crossings(outline, middle);
        for west in (0..columns).step_by(LARGE as usize) {
            let lon = out.corner(west, south)[0] + f64::from(LARGE) / 2.0 * step_lon;
            let inside = crossings.iter().filter(|x| lon < **x).count() % 2 == 1;
            if inside && !core.contains(&(west / BLOCK, south / BLOCK)) {
                out.list.push(Square { west, south, side: LARGE });
            }
        }
    }
    for (bx, by) in core {
        for (i, j) in (0..BLOCK / SMALL).flat_map(|i| (0..BLOCK / SMALL).map(move |j| (i, j))) {
            let (west, south) = (bx * BLOCK + i * SMALL, by * BLOCK + j * SMALL);
            out.list.push(Square { west, south, side: SMALL });
        }
    }
    // Reading order, north edge first: the order in which cells are numbered inside a committee.
    out.list.sort_by_key(|s| (-(s.south + s.side), s.west));
    out
}

/// The blocks nearest to the centre of town.
fn core_blocks(lattice: &Squares, columns: i32, rows: i32) -> Vec<(i32, i32)> {
    let centre = lattice.km_of(CENTRE);
    let mut blocks: Vec<(i32, i32)> =
        (0..columns / BLOCK).flat_map(|x| (0..rows / BLOCK).map(move |y| (x, y))).collect();
    let far = |b: &(i32, i32)| {
        let at = Square { west: b.0 * BLOCK, south: b.1 * BLOCK, side: BLOCK }.centre_km();
        (at[0] - centre[0]).hypot(at[1] - centre[1])
    };
    blocks.sort_by(|a, b| far(a).total_cmp(&far(b)));
    blocks.truncate(CORE_BLOCKS);
    blocks
}

/// Longitudes at which a parallel crosses a ring.
fn crossings(ring: &[[f64; 2]], lat: f64) -> Vec<f64> {
    let next = ring.iter().cycle().skip(1);
    let edges = ring.iter().zip(next).filter(|(a, b)| (a[1] <= lat) != (b[1] <= lat));
    edges.map(|(a, b)| a[0] + (lat - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).collect()
}
