//! Who does what in the demo: six people on five phones, a hundred reports a phone. The same seed, the same plan.
//!
//! Knows the sample city; no server and no phone.

use super::wire::Shot;
use blindspot_core::division::{DutyGrid, GridId};
use blindspot_core::geo::Point;
use blindspot_sample::scene::SceneSpec;
use blindspot_sample::{City, Person};

/// Phones.
const PHONES: u32 = 5;
/// Reports in all: a hundred a phone.
pub(crate) const REPORTS: u32 = 100 * PHONES;
/// Phones 4 and 5 report so many spots both.
pub(crate) const SHARED_SPOTS: usize = 4;
/// The unit whose clerk shares phone 5 and handles what is dispatched.
pub(crate) const UNIT: &str = "env_san";
/// How wrong the clock of phone 3 is, milliseconds: three years.
pub(crate) const WRONG_CLOCK_MS: i64 = 3 * 365 * 24 * 3_600_000;

/// A person of the demo with their shots.
pub(crate) struct Part {
    /// The made-up person.
    pub(crate) person: Person,
    /// What they will report.
    pub(crate) shots: Vec<Shot>,
}

/// The cast: per phone, who uses it.
pub(crate) struct Cast {
    /// Five phones.
    pub(crate) phones: Vec<Vec<Part>>,
    /// The duty grid that worker 1 is moved to.
    pub(crate) moved_to: GridId,
}

/// A small generator (SplitMix64): the plan must be the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Casts the demo; nothing when the city has too few workers or no clerk of the unit.
pub(crate) fn cast(city: &City, seed: u64) -> Option<Cast> {
    let collectors: Vec<(&Person, &DutyGrid)> = city
        .people_with("collector")
        .filter_map(|p| {
            let area = p.grants.iter().find_map(|g| g.area.strip_prefix("grid:"))?;
            city.grids.iter().find(|g| g.id.as_str() == area && !g.cells.is_empty()).map(|g| (p, g))
        })
        .collect();
    let clerk = city.people.iter().find(|p| p.grants.iter().any(|g| g.area == format!("dept:{UNIT}")))?;
    // Workers from all over the staffed towns; the sixth one's duty grid is where worker 1 is sent.
    let step = (collectors.len() / 6).max(1);
    let chosen: Vec<_> = (0..6).map(|i| collectors.get(i * step)).collect::<Option<_>>()?;
    let mut dice = Dice::new(seed);
    // Scenes go round the phones, so that the pictures of 12 megapixels (every 25th) are all the fifth's: four
    // cheap phones and a good one, and not five programs that each once held a large picture.
    let mut taken = [0; PHONES as usize];
    let mut shots = |phone: usize, grid: &DutyGrid, n: u32| -> Vec<Shot> {
        let from = taken[phone];
        taken[phone] += n;
        let number = |k| k * PHONES + u32::try_from(phone).unwrap_or(0) + 1;
        (from..from + n).filter_map(|k| shot(city, grid, seed, number(k), &mut dice)).collect()
    };
    let per_phone = REPORTS / PHONES;
    let mut phones: Vec<Vec<Part>> = chosen[..5]
        .iter()
        .enumerate()
        .map(|(i, (person, grid))| {
            let n = if i == 4 { per_phone / 2 } else { per_phone };
            vec![Part { person: (*person).clone(), shots: shots(i, grid, n) }]
        })
        .collect();
    let by_clerk = shots(4, chosen[4].1, per_phone - per_phone / 2);
    phones[4].push(Part { person: clerk.clone(), shots: by_clerk });
    let spots: Vec<Shot> = phones[3][0].shots.iter().take(SHARED_SPOTS).cloned().collect();
    for (mine, theirs) in phones[4][0].shots.iter_mut().zip(spots) {
        // Another phone at the same spot: a few metres off, the same thing wrong.
        mine.point = Point { lat: theirs.point.lat + 0.000_03, lon: theirs.point.lon - 0.000_02 };
        mine.problem = theirs.problem;
        mine.urgent = theirs.urgent;
    }
    Some(Cast { phones, moved_to: chosen[5].1.id.clone() })
}

fn shot(city: &City, grid: &DutyGrid, seed: u64, scene: u32, dice: &mut Dice) -> Option<Shot> {
    let spec = SceneSpec::nth(seed, scene);
    let index = usize::try_from(dice.next() % grid.cells.len() as u64).ok()?;
    let code = &grid.cells[index].code;
    let cell = city.cells.iter().find(|c| c.code == *code)?;
    let bbox = cell.bbox()?;
    let within = |low: f64, high: f64, share: f64| low + (high - low) * (0.1 + 0.8 * share);
    let point = Point {
        lat: within(bbox.south, bbox.north, dice.share()),
        lon: within(bbox.west, bbox.east, dice.share()),
    };
    Some(Shot {
        scene,
        point,
        accuracy_m: (4.0 + 12.0 * dice.share()).round(),
        // Every fifth of each phone has a second look.
        photos: if (scene / PHONES).is_multiple_of(5) { 2 } else { 1 },
        problem: spec.kind.problem_code().to_owned(),
        urgent: scene.is_multiple_of(17),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_cast_is_six_people_with_a_hundred_reports_a_phone() {
        let city = blindspot_sample::city(1);
        let cast = cast(&city, 1).expect("the sample city has workers and the unit's clerk");
        assert_eq!(cast.phones.len(), 5);
        let parts: Vec<&Part> = cast.phones.iter().flatten().collect();
        assert_eq!(parts.len(), 6);
        let scenes: BTreeSet<u32> = parts.iter().flat_map(|p| p.shots.iter().map(|s| s.scene)).collect();
        assert_eq!(scenes.len(), REPORTS as usize, "each report is one scene");
        assert!(parts.iter().flat_map(|p| &p.shots).all(|s| s.photos >= 1));
        let grids: BTreeSet<&str> =
            parts.iter().flat_map(|p| p.person.grants.iter().map(|g| g.area.as_str())).collect();
        assert!(
            !grids.contains(format!("grid:{}", cast.moved_to).as_str()),
            "worker 1 moves to a grid of nobody here"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        let city = blindspot_sample::city(2);
        let of = |seed| cast(&city, seed).map(|c| c.phones[3][0].shots.clone());
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
