//! Units, people with their rights, and the roster. Names are invented.

use super::data::County;
use super::names::person;
use super::{CATALOGUE_JSON, Grant, Person, RosterEntry, Unit};
use crate::dice::Dice;
use blindspot_core::division::DutyGrid;
use serde::Deserialize;

/// The five towns whose every duty grid has a worker: 稠城, 江东, 稠江, 北苑, 福田.
pub const DEMO_TOWNS: [&str; 5] = ["330782001", "330782002", "330782003", "330782004", "330782008"];

/// City-wide desks: role, how many people.
const DESKS: [(&str, usize); 9] = [
    ("filing_desk", 3),
    ("dispatcher", 3),
    ("duty_leader", 2),
    ("supervisor", 2),
    ("hotline_clerk", 2),
    ("inspector", 2),
    ("auditor", 1),
    ("administrator", 1),
    // At the end: names are drawn one after the other, and those before keep theirs.
    ("deputy_head", 1),
];

/// The catalogue's departments, then the towns.
pub(super) fn units(county: &County) -> Vec<Unit> {
    #[derive(Deserialize)]
    struct Departments {
        departments: Vec<Department>,
    }
    #[derive(Deserialize)]
    struct Department {
        key: String,
        name_zh: String,
        name_en: String,
    }
    let read: Departments =
        serde_json::from_str(CATALOGUE_JSON).expect("the embedded catalogue is read by a test of this crate");
    let departments = read.departments.into_iter().map(|d| Unit {
        key: d.key,
        name_zh: d.name_zh,
        name_en: d.name_en,
        town: None,
    });
    let towns = county.divisions.iter().map(|t| Unit {
        key: format!("town_{}", t.code9),
        name_zh: t.name_zh.clone(),
        name_en: t.name_en.clone(),
        town: Some(t.code9.clone()),
    });
    departments.chain(towns).collect()
}

/// One worker for each duty grid of [`DEMO_TOWNS`], one clerk for each unit, and the desks.
pub(super) fn people(seed: u64, units: &[Unit], grids: &[DutyGrid]) -> Vec<Person> {
    let mut dice = Dice::new(seed, 6);
    let mut add = |key: String, role: &str, areas: Vec<String>| {
        let (name_zh, name_en) = person(&mut dice);
        let grants = areas.into_iter().map(|area| Grant { role: role.to_owned(), area }).collect();
        Person { key, name_zh, name_en, grants }
    };
    let mut out = Vec::new();
    let staffed = grids.iter().filter(|g| DEMO_TOWNS.contains(&g.town.as_str()));
    for (n, grid) in staffed.enumerate() {
        out.push(add(format!("collector-{:03}", n + 1), "collector", vec![format!("grid:{}", grid.id)]));
    }
    for unit in units {
        out.push(add(format!("clerk-{}", unit.key), "unit_clerk", vec![format!("dept:{}", unit.key)]));
    }
    for (role, count) in DESKS {
        for n in 1..=count {
            out.push(add(format!("{role}-{n}"), role, vec!["city".to_owned()]));
        }
    }
    out
}

/// Early, middle and night shift by turns; five days a week, days off spread over it.
pub(super) fn roster(people: &[Person]) -> Vec<RosterEntry> {
    const SHIFTS: [(&str, u16, u16); 4] = [
        ("early", 6 * 60, 14 * 60),
        ("middle", 13 * 60, 21 * 60),
        ("early", 7 * 60, 15 * 60),
        ("night", 20 * 60, 28 * 60),
    ];
    let grids = people.iter().flat_map(|p| {
        p.grants.iter().filter_map(move |g| g.area.strip_prefix("grid:").map(|grid| (p, grid)))
    });
    let entry = |(n, (person, grid)): (usize, (&Person, &str))| {
        let (shift, from_min, to_min) = SHIFTS[n % SHIFTS.len()];
        let off = (n % 7) as u8;
        let weekdays = (0..7).filter(|d| *d != off && *d != (off + 1) % 7).map(|d| d + 1).collect();
        RosterEntry {
            person: person.key.clone(),
            grid: grid.to_owned(),
            shift: shift.to_owned(),
            from_min,
            to_min,
            weekdays,
        }
    };
    grids.enumerate().map(entry).collect()
}
