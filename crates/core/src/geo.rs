//! Points on the earth: datums used in China, distance, point in polygon.
//!
//! Pure arithmetic. It must not know cells, maps or any map vendor's service.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Mean earth radius, metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;
/// Semi-major axis, metres, and squared eccentricity of the Krasovsky ellipsoid that GCJ-02 is computed on.
const KRASOVSKY_A_M: f64 = 6_378_245.0;
const KRASOVSKY_EE: f64 = 0.006_693_421_622_965_943;
/// Degrees (0.1 mm) below which the inverse has settled, and a bound on its steps.
const INVERSE_SETTLED_DEG: f64 = 1e-9;
const INVERSE_STEPS_MAX: usize = 12;

/// A position in degrees; WGS-84 wherever no [`Datum`] stands beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Point {
    /// Latitude, degrees north.
    pub lat: f64,
    /// Longitude, degrees east.
    pub lon: f64,
}

impl Point {
    /// A point from latitude and longitude, degrees.
    #[must_use]
    pub const fn new(lat: f64, lon: f64) -> Self {
        Self { lat, lon }
    }

    /// Whether both numbers are finite and on the globe.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.lat.is_finite() && self.lon.is_finite() && self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0
    }
}

/// What the numbers of a position mean. Stored positions are WGS-84 (CGCS2000 agrees to centimetres).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Datum {
    /// As satellites give it.
    #[default]
    Wgs84,
    /// The shifted datum of public maps in China.
    Gcj02,
    /// Baidu's second layer on GCJ-02.
    Bd09,
}

impl Datum {
    /// Reads `wgs84`, `gcj02` or `bd09`, also with a hyphen and in capitals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().replace('-', "").as_str() {
            "wgs84" | "cgcs2000" => Some(Datum::Wgs84),
            "gcj02" => Some(Datum::Gcj02),
            "bd09" => Some(Datum::Bd09),
            _ => None,
        }
    }
}

/// Whether GCJ-02 shifts this point at all: the rectangle that every known implementation uses.
#[must_use]
pub fn in_shifted_area(p: Point) -> bool {
    (72.004..=137.8347).contains(&p.lon) && (0.8293..=55.8271).contains(&p.lat)
}

/// A position in `datum` as WGS-84. GCJ-02 has no closed inverse: iterated to 0.1 mm.
/// Outside [`in_shifted_area`] the datums are one and the point comes back as it is.
#[must_use]
pub fn to_wgs84(p: Point, datum: Datum) -> Point {
    if !in_shifted_area(p) {
        return p;
    }
    match datum {
        Datum::Wgs84 => p,
        Datum::Gcj02 => invert(p, gcj_of_wgs),
        Datum::Bd09 => invert(invert(p, bd_of_gcj), gcj_of_wgs),
    }
}

/// A WGS-84 position in `datum`, for display on a map of that datum.
#[must_use]
pub fn from_wgs84(p: Point, datum: Datum) -> Point {
    if !in_shifted_area(p) {
        return p;
    }
    match datum {
        Datum::Wgs84 => p,
        Datum::Gcj02 => gcj_of_wgs(p),
        Datum::Bd09 => bd_of_gcj(gcj_of_wgs(p)),
    }
}

/// Fixed-point inverse of a map that moves points by a slowly varying shift.
fn invert(target: Point, forward: fn(Point) -> Point) -> Point {
    let mut guess = target;
    for _ in 0..INVERSE_STEPS_MAX {
        let there = forward(guess);
        let (dlat, dlon) = (target.lat - there.lat, target.lon - there.lon);
        guess = Point::new(guess.lat + dlat, guess.lon + dlon);
        if dlat.abs() < INVERSE_SETTLED_DEG && dlon.abs() < INVERSE_SETTLED_DEG {
            break;
        }
    }
    guess
}

fn wave(x: f64, long: f64, longer: f64, amplitude: (f64, f64)) -> f64 {
    let fine = (20.0 * (x * PI).sin() + 40.0 * (x / 3.0 * PI).sin()) * 2.0 / 3.0;
    fine + (amplitude.0 * (x / long * PI).sin() + amplitude.1 * (x / longer * PI).sin()) * 2.0 / 3.0
}

/// The public formula of the GCJ-02 shift, without the bounds check.
fn gcj_of_wgs(p: Point) -> Point {
    let (x, y) = (p.lon - 105.0, p.lat - 35.0);
    let common = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    let shift_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * x.abs().sqrt();
    let shift_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * x.abs().sqrt();
    let shift_lat = shift_lat + common + wave(y, 12.0, 30.0, (160.0, 320.0));
    let shift_lon = shift_lon + common + wave(x, 12.0, 30.0, (150.0, 300.0));
    let lat_rad = p.lat.to_radians();
    let magic = 1.0 - KRASOVSKY_EE * lat_rad.sin().powi(2);
    let metres_lat = KRASOVSKY_A_M * (1.0 - KRASOVSKY_EE) / (magic * magic.sqrt()) * PI / 180.0;
    let metres_lon = KRASOVSKY_A_M / magic.sqrt() * lat_rad.cos() * PI / 180.0;
    Point::new(p.lat + shift_lat / metres_lat, p.lon + shift_lon / metres_lon)
}

/// Baidu's published layer on top of GCJ-02.
fn bd_of_gcj(p: Point) -> Point {
    let k = PI * 3000.0 / 180.0;
    let radius = p.lon.hypot(p.lat) + 0.000_02 * (p.lat * k).sin();
    let angle = p.lat.atan2(p.lon) + 0.000_003 * (p.lon * k).cos();
    Point::new(radius * angle.sin() + 0.006, radius * angle.cos() + 0.0065)
}

/// Great-circle distance, metres (haversine on the mean sphere: within 0.5 % of the ellipsoid).
#[must_use]
pub fn distance_m(a: Point, b: Point) -> f64 {
    let (dlat, dlon) = ((b.lat - a.lat).to_radians(), (b.lon - a.lon).to_radians());
    let h = (dlat / 2.0).sin().powi(2)
        + a.lat.to_radians().cos() * b.lat.to_radians().cos() * (dlon / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
}

/// Metres of one degree of latitude on the same sphere as [`distance_m`].
#[must_use]
pub fn metres_per_degree() -> f64 {
    EARTH_RADIUS_M * PI / 180.0
}

/// Whether a ring of `[lon, lat]` corners holds a point; the ring may or may not repeat its first corner.
///
/// Edges are half open: of two polygons that share an edge exactly one holds a point on it (for a
/// square: west and south edges in, east and north edges out), so a tiling places every point once.
#[must_use]
pub fn in_ring(ring: &[[f64; 2]], p: Point) -> bool {
    let Some(&last) = ring.last() else { return false };
    let mut inside = false;
    let mut from = last;
    for &to in ring {
        // Both owners of an edge must compute the same crossing, so walk each edge from south to north.
        let (low, high) = if from[1] <= to[1] { (from, to) } else { (to, from) };
        if low[1] <= p.lat && p.lat < high[1] {
            let crossing = low[0] + (p.lat - low[1]) / (high[1] - low[1]) * (high[0] - low[0]);
            inside ^= p.lon < crossing;
        }
        from = to;
    }
    inside
}

/// Area of a ring of `[lon, lat]` corners, square metres, always positive (local plane: for places, not countries).
#[must_use]
pub fn ring_area_m2(ring: &[[f64; 2]]) -> f64 {
    let Some(bbox) = Bbox::of_ring(ring) else { return 0.0 };
    let per_lat = metres_per_degree();
    let per_lon = per_lat * ((bbox.south + bbox.north) / 2.0).to_radians().cos();
    let mut twice = 0.0;
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        twice += (a[0] - bbox.west) * (b[1] - bbox.south) - (b[0] - bbox.west) * (a[1] - bbox.south);
    }
    (twice / 2.0 * per_lat * per_lon).abs()
}

/// A rectangle along parallels and meridians, degrees; does not cross the date line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bbox {
    /// Least longitude.
    pub west: f64,
    /// Least latitude.
    pub south: f64,
    /// Greatest longitude.
    pub east: f64,
    /// Greatest latitude.
    pub north: f64,
}

impl Bbox {
    /// The box around a ring; `None` of no corners.
    #[must_use]
    pub fn of_ring(ring: &[[f64; 2]]) -> Option<Self> {
        let first = ring.first()?;
        let start = Self { west: first[0], south: first[1], east: first[0], north: first[1] };
        Some(ring.iter().fold(start, |b, c| Self {
            west: b.west.min(c[0]),
            south: b.south.min(c[1]),
            east: b.east.max(c[0]),
            north: b.north.max(c[1]),
        }))
    }

    /// Whether a point lies in the box or on its edge.
    #[must_use]
    pub fn contains(&self, p: Point) -> bool {
        (self.west..=self.east).contains(&p.lon) && (self.south..=self.north).contains(&p.lat)
    }

    /// The middle of the box.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point::new(f64::midpoint(self.south, self.north), f64::midpoint(self.west, self.east))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: Point, b: Point, metres: f64) {
        assert!(distance_m(a, b) <= metres, "{a:?} and {b:?} are {} m apart", distance_m(a, b));
    }

    #[test]
    fn gcj02_agrees_with_published_values() {
        for (wgs, gcj) in [
            ((31.177_427_6, 121.527_210_6), (31.175_303_983_646, 121.531_541_859_215)),
            ((22.543_847, 113.912_316), (22.540_796_131_694, 113.917_176_480_836)),
            ((39.911_954, 116.377_817), (39.913_345_455_360, 116.384_047_224_556)),
        ] {
            let (wgs, gcj) = (Point::new(wgs.0, wgs.1), Point::new(gcj.0, gcj.1));
            near(from_wgs84(wgs, Datum::Gcj02), gcj, 0.05);
            near(to_wgs84(gcj, Datum::Gcj02), wgs, 0.05);
            assert!(distance_m(wgs, gcj) > 300.0);
        }
    }

    #[test]
    fn bd09_agrees_with_a_published_value() {
        near(
            bd_of_gcj(Point::new(39.915, 116.404)),
            Point::new(39.921_336_993_510, 116.410_369_493_710),
            0.01,
        );
    }

    #[test]
    fn outside_china_nothing_moves() {
        let paris = Point::new(48.8566, 2.3522);
        for datum in [Datum::Wgs84, Datum::Gcj02, Datum::Bd09] {
            assert_eq!(from_wgs84(paris, datum), paris);
            assert_eq!(to_wgs84(paris, datum), paris);
        }
    }

    proptest! {
        #[test]
        fn round_trip_in_yiwu_is_within_a_decimetre(lat in 29.0..29.6f64, lon in 119.8..120.3f64) {
            let p = Point::new(lat, lon);
            for datum in [Datum::Gcj02, Datum::Bd09] {
                prop_assert!(distance_m(to_wgs84(from_wgs84(p, datum), datum), p) <= 0.1);
                prop_assert!(distance_m(from_wgs84(p, datum), p) > 100.0);
            }
        }

        #[test]
        fn round_trip_over_china_is_within_half_a_metre(lat in 18.0..53.5f64, lon in 73.5..135.0f64) {
            let p = Point::new(lat, lon);
            for datum in [Datum::Gcj02, Datum::Bd09] {
                prop_assert!(distance_m(to_wgs84(from_wgs84(p, datum), datum), p) <= 0.5);
            }
        }

        #[test]
        fn any_two_triangles_of_a_split_square_place_a_point_once(x in 0.0..1.0f64, y in 0.0..1.0f64) {
            let lower = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]];
            let upper = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
            let p = Point::new(y, x);
            prop_assert!(in_ring(&lower, p) ^ in_ring(&upper, p));
        }
    }

    #[test]
    fn edges_of_a_square_are_half_open_and_a_hole_in_a_c_is_outside() {
        let square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]];
        assert!(in_ring(&square, Point::new(0.0, 0.0)) && in_ring(&square, Point::new(0.5, 0.0)));
        assert!(!in_ring(&square, Point::new(0.5, 1.0)) && !in_ring(&square, Point::new(1.0, 0.5)));
        let c =
            [[0.0, 0.0], [3.0, 0.0], [3.0, 1.0], [1.0, 1.0], [1.0, 2.0], [3.0, 2.0], [3.0, 3.0], [0.0, 3.0]];
        assert!(in_ring(&c, Point::new(0.5, 2.0)) && !in_ring(&c, Point::new(1.5, 2.0)));
        assert!(!in_ring(&[], Point::new(0.0, 0.0)));
        assert!(!in_ring(&square, Point::new(f64::NAN, 0.5)));
    }

    #[test]
    fn distance_and_area_have_the_right_size() {
        let (yiwu, hangzhou) = (Point::new(29.306, 120.075), Point::new(30.274, 120.155));
        assert!((distance_m(yiwu, hangzhou) - 107_900.0).abs() < 500.0);
        let (dlat, dlon) = (0.001, 0.001);
        let ring = [[120.0, 29.3], [120.0 + dlon, 29.3], [120.0 + dlon, 29.3 + dlat], [120.0, 29.3 + dlat]];
        assert!((ring_area_m2(&ring) - 111.195 * 111.195 * 29.3005f64.to_radians().cos()).abs() < 1.0);
    }

    #[test]
    fn datum_words_are_lower_case_on_the_wire() {
        assert_eq!(serde_json::to_string(&Datum::Gcj02).expect("writes"), "\"gcj02\"");
        assert_eq!(Datum::parse("WGS-84"), Some(Datum::Wgs84));
        assert_eq!(Datum::parse("epsg"), None);
    }
}
