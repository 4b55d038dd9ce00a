//! What the made-up city promises.

use super::*;
use blindspot_core::catalogue;
use blindspot_core::division::{CellCode, TownCode, check_sequence};
use blindspot_core::geo::{Bbox, Point, ring_area_m2};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const NOW_MS: i64 = 1_760_000_000_000;

/// The city of seed 1, made once for all tests of a process.
fn one() -> &'static City {
    static CITY: OnceLock<City> = OnceLock::new();
    CITY.get_or_init(|| city(1))
}

#[test]
fn towns_and_committees_are_the_counted_ones() {
    let c = one();
    let now: Vec<_> = c.divisions.iter().filter(|d| d.span.contains(NOW_MS)).collect();
    let of_len = |n: usize| now.iter().filter(|d| d.code.len() == n).count();
    assert_eq!((of_len(6), of_len(9), of_len(12)), (1, 14, 544));
    let real = now.iter().filter(|d| d.code.len() == 12 && !d.synthetic).count();
    assert_eq!(real, 141);
    assert!(now.iter().filter(|d| d.code.len() == 9).all(|d| d.short_zh.chars().count() == 2));
    let said: BTreeSet<_> = now.iter().map(|d| (&d.parent, &d.name_zh)).collect();
    assert_eq!(said.len(), now.len());
}

#[test]
fn near_four_thousand_cells_nest_exactly() {
    let c = one();
    let now: Vec<_> = c.cells.iter().filter(|x| x.span.contains(NOW_MS)).collect();
    assert!((3_500..=4_300).contains(&now.len()), "{} cells", now.len());
    let small = now.iter().filter(|x| ring_area_m2(&x.ring) < 20_000.0);
    let core_km2: f64 = small.clone().map(|x| ring_area_m2(&x.ring)).sum::<f64>() / 1e6;
    assert!((11.5..=12.5).contains(&core_km2), "{core_km2} km2 of core in {} cells", small.count());
    let total_km2: f64 = now.iter().map(|x| ring_area_m2(&x.ring)).sum::<f64>() / 1e6;
    assert!((1_095.0..=1_115.0).contains(&total_km2), "{total_km2} km2");
    let committees: BTreeSet<_> = now.iter().map(|x| x.code.committee()).collect();
    assert_eq!(committees.len(), 544, "a committee without a cell");
    assert!(c.cells.iter().all(|x| x.synthetic && CellCode::parse(x.code.as_str()).is_ok()));
    assert_eq!(check_sequence(&c.cells), []);
}

#[test]
fn every_cell_lies_in_one_grid_and_is_found_by_its_middle() {
    let c = one();
    let places = c.places().expect("the city fits together");
    for cell in c.cells.iter().filter(|x| x.span.contains(NOW_MS)) {
        let middle = Bbox::of_ring(&cell.ring).expect("a ring").centre();
        let found = places.locate(middle, NOW_MS);
        assert_eq!(found.cell.as_ref(), Some(&cell.code));
        assert_eq!(found.town, Some(cell.code.town()));
        assert_eq!(found.grid.expect("a grid").committee(), cell.code.committee());
    }
    assert!(places.locate(Point::new(30.0, 121.0), NOW_MS).cell.is_none());
}

#[test]
fn futian_was_choucheng_before_the_split() {
    let c = one();
    let places = c.places().expect("the city fits together");
    let xialoudian = |x: &&Cell| x.code.as_str().starts_with("330782008227");
    let cell = c.cells.iter().find(xialoudian).expect("下娄店 has cells");
    let middle = cell.bbox().expect("a ring").centre();
    let before = places.locate(middle, FUTIAN_SPLIT_MS - 1);
    assert_eq!(before.town, Some(TownCode("330782001".into())));
    assert_eq!(places.locate(middle, FUTIAN_SPLIT_MS).town, Some(TownCode("330782008".into())));
    let old = places.division("330782001227", 0).expect("the old code");
    assert_eq!(old.successor.as_deref(), Some("330782008227"));
    assert_eq!(places.towns(0).count(), 13);
}

#[test]
fn grids_have_names_people_say() {
    let c = one();
    let third = c.grids.iter().find(|g| g.name_zh == "兴业社区第3网格").expect("the grid of the glossary");
    assert_eq!(third.id.as_str(), "330782003002-03");
    assert!(third.aliases.contains(&"兴业3格".to_owned()) && third.aliases.len() > 1);
    let names: BTreeSet<_> = c.grids.iter().map(|g| (&g.town, &g.name_zh)).collect();
    assert_eq!(names.len(), c.grids.len(), "two grids of a town share a name");
}

#[test]
fn people_sites_and_units_fit_the_catalogue() {
    let c = one();
    let catalogue = catalogue::load(c.catalogue_json).expect("the sample catalogue is sound");
    assert_eq!((catalogue.sections.len(), catalogue.items.len()), (10, 76));
    assert_eq!(catalogue.problems().count(), 203);
    assert_eq!(catalogue.items.iter().filter(|i| i.veto).count(), 10);
    assert_eq!(c.sites.len(), 215);
    let types: BTreeSet<_> = catalogue.items.iter().flat_map(|i| &i.site_types).collect();
    let units: BTreeSet<_> = c.departments.iter().map(|u| u.key.as_str()).collect();
    let places = c.places().expect("the city fits together");
    for site in &c.sites {
        assert!(types.contains(&site.site_type), "{}", site.site_type);
        assert!(units.contains(site.lead.as_deref().expect("a lead")));
        assert_eq!(places.locate(site.point.expect("a point"), NOW_MS).grid, site.grid);
    }
    let keys: BTreeSet<_> = c.people.iter().map(|p| &p.key).collect();
    assert_eq!(keys.len(), c.people.len());
    for role in
        ["filing_desk", "dispatcher", "duty_leader", "deputy_head", "supervisor", "hotline_clerk", "auditor"]
    {
        assert!(c.people_with(role).count() > 0, "{role}");
    }
    assert_eq!(c.people_with("unit_clerk").count(), c.departments.len());
    let staffed: BTreeMap<_, _> =
        c.people_with("collector").flat_map(|p| &p.grants).map(|g| (g.area.as_str(), ())).collect();
    let demo = c.grids.iter().filter(|g| DEMO_TOWNS.contains(&g.town.as_str()));
    assert!(demo.clone().count() >= 40);
    assert!(demo.clone().all(|g| staffed.contains_key(format!("grid:{}", g.id).as_str())));
    assert_eq!(c.roster.len(), staffed.len());
}

#[test]
fn a_seed_names_its_city() {
    assert_eq!(*one(), city(1));
    assert_ne!(one().cells, city(2).cells);
}

#[test]
fn other_seeds_keep_the_promises_too() {
    for seed in [0, 2, 42, 20_260_412, u64::MAX] {
        let c = city(seed);
        assert!(c.places().is_ok(), "seed {seed}");
        let now = c.cells.iter().filter(|x| x.span.contains(NOW_MS));
        let committees: BTreeSet<_> = now.map(|x| x.code.committee()).collect();
        assert_eq!(committees.len(), 544, "seed {seed}: a committee without a cell");
        assert!(c.grids.iter().any(|g| g.name_zh == "兴业社区第3网格"), "seed {seed}");
        assert_eq!(check_sequence(&c.cells), [], "seed {seed}");
    }
}
