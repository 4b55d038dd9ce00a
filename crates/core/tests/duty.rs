//! Whose a problem is, what nobody answers for, and who can be drawn: by hand from field.md U13, U35 and domain 2.1, 6B, 6E.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::access::Role;
use blindspot_core::case::PhotoRow;
use blindspot_core::check::{Grade, GradeReason, Seen, Shift, eligible, grade};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::command::*;
use blindspot_core::division::{DutyGrid, GridId, Places, Span, TownCode};
use blindspot_core::duty::*;
use blindspot_core::geo::Point;
use blindspot_core::testing::*;
use std::collections::{BTreeMap, BTreeSet};
use story::*;

fn rule(id: &str, code: Option<&str>, class: Option<&str>, town: Option<&str>, lead: &str) -> OwnerRule {
    OwnerRule {
        id: id.into(),
        code: code.map(Into::into),
        place_class: class.map(Into::into),
        town: town.map(|t| TownCode(t.into())),
        grid: None,
        lead: lead.into(),
        assists: vec![],
        basis: None,
        span: Span::default(),
    }
}
const TOWN: &str = "330782003";
const GRID: &str = "330782003002-01";

fn asked<'a>(grid: &'a GridId, town: &'a TownCode) -> Asked<'a> {
    Asked {
        item: Some("3.04"),
        problem: Some("3.04-a"),
        place_class: Some("market_hall"),
        grid: Some(grid),
        town: Some(town),
        site_lead: None,
        at_ms: 1_000,
    }
}
fn lead(duty: &Duty, asked: &Asked<'_>) -> String {
    duty.owner(asked, None).map_or("-".into(), |p| format!("{} {}", p.lead, p.by))
}

#[test]
fn the_narrowest_line_answers_and_the_area_where_none_does() {
    let (grid, town) = (GridId::parse(GRID).unwrap(), TownCode(TOWN.into()));
    let asked = asked(&grid, &town);
    let mut duty = Duty::default();
    assert_eq!(lead(&duty, &asked), "-");
    duty.holders.push(Holder {
        id: "h1".into(),
        kind: HolderKind::Area,
        unit: "choujiang".into(),
        town: Some(town.clone()),
        committee: None,
        grid: None,
        span: Span::default(),
    });
    assert_eq!(lead(&duty, &asked), "choujiang area");
    duty.rules.push(rule("1", Some("3.04"), None, None, "sanitation"));
    assert_eq!(lead(&duty, &asked), "sanitation rule");
    duty.rules.push(rule("2", Some("3.04"), Some("market_hall"), None, "market"));
    assert_eq!(lead(&duty, &asked), "market rule");
    duty.rules.push(rule("3", Some("3.04-a"), None, None, "parks"));
    assert_eq!(lead(&duty, &asked), "parks rule");
    duty.rules.push(rule("4", Some("3.04"), None, Some(TOWN), "urban"));
    assert_eq!(lead(&duty, &asked), "urban rule", "an agreement of the town goes before the city's list");
    duty.rules.push(rule("5", Some("9.99"), None, Some(TOWN), "police"));
    assert_eq!(lead(&duty, &asked), "urban rule", "another item's line says nothing");
    assert_eq!(lead(&duty, &Asked { site_lead: Some("school"), ..asked }), "school site");
    duty.rules.push(rule("6", Some("3.04"), None, Some(TOWN), "river"));
    let both = duty.owner(&asked, None).unwrap();
    assert_eq!((both.lead.as_str(), both.also.len()), ("urban", 1), "two with the same right are named");
}

/// 福田: a town is split, and what was before keeps its unit.
#[test]
fn lines_hold_for_their_time() {
    let (grid, town) = (GridId::parse(GRID).unwrap(), TownCode(TOWN.into()));
    let mut old = rule("1", Some("3.04"), None, None, "sanitation");
    old.span = Span { from_ms: 0, to_ms: Some(2_000) };
    let mut new = rule("2", Some("3.04"), None, None, "market");
    new.span = Span::since(2_000);
    let duty = Duty { rules: vec![old, new], ..Duty::default() };
    let at = |at_ms| lead(&duty, &Asked { at_ms, ..asked(&grid, &town) });
    assert_eq!((at(1_999), at(2_000)), ("sanitation rule".into(), "market rule".into()));
}

#[test]
fn a_ruling_that_is_a_precedent_routes_like_cases_until_it_ends() {
    let mut s = Story::new();
    let c = case_id(1);
    let category = Some(Category { item: Some("3.04".into()), ..Category::default() });
    s.ok(WORKER, c, Command::Report(Report { category, ..Report::default() }));
    s.ok(DESK, c, Command::File(Reason::default()));
    s.ok(DESK, c, dispatch());
    let ask = RequestReturn {
        reason: ReturnReason::OtherDuty,
        basis: "b".into(),
        owner: Some("market".into()),
        photos: vec![],
    };
    s.ok(UNIT, c, Command::RequestReturn(ask));
    let ruling = Ruling {
        ruling: RulingKind::Uphold,
        lead: Some("market".into()),
        assists: vec![],
        text: "归市场".into(),
        precedent: true,
        precedent_until_ms: Some(50_000),
        by_ms: None,
        entered_for: None,
        photos: vec![],
    };
    s.ok(LEADER, c, Command::RuleReturn(ruling));
    let [precedent] = s.a.precedents.as_slice() else { panic!("one ruling, one precedent") };
    assert_eq!((precedent.to.as_str(), precedent.item.as_deref()), ("market", Some("3.04")));
    assert_eq!(precedent.reason, Some(ReturnReason::OtherDuty));
    let duty = Duty {
        rules: vec![rule("1", Some("3.04"), None, None, "sanitation")],
        precedents: vec![precedent.clone()],
        ..Duty::default()
    };
    let (grid, town) = (GridId::parse(GRID).unwrap(), TownCode(TOWN.into()));
    let at = |at_ms| lead(&duty, &Asked { at_ms, ..asked(&grid, &town) });
    assert_eq!((at(40_000), at(50_000)), ("market precedent".into(), "sanitation rule".into()));
}

#[test]
fn gaps_and_double_claims_are_found_before_a_case_falls_into_them() {
    let text = include_str!("../../../fixtures/city/catalogue-76.json");
    let catalogue = blindspot_core::catalogue::load(text).unwrap();
    let grid: DutyGrid = serde_json::from_value(serde_json::json!({
        "id": GRID, "town": TOWN, "name_zh": "第1网格", "cells": []
    }))
    .unwrap();
    let places = Places::build(vec![], vec![], vec![grid], vec![]).unwrap();
    let mut duty = Duty::default();
    let map = gap_map(&duty, &places, &catalogue, 1_000);
    let of_town = catalogue.items.iter().filter(|i| matches!(i.lead.as_str(), "town" | "committee"));
    let classes: usize = of_town.map(|i| i.site_types.len()).sum();
    assert_eq!((map.gaps.len(), map.double_claims.len()), (classes, 0), "items of an area that nobody holds");
    assert_eq!(map.asked, catalogue.items.iter().map(|i| i.site_types.len()).sum::<usize>());
    let item = &catalogue.items[0];
    duty.rules.push(rule("1", Some(&item.code), None, None, "a"));
    duty.rules.push(rule("2", Some(&item.code), None, None, "b"));
    let map = gap_map(&duty, &places, &catalogue, 1_000);
    assert_eq!(map.double_claims.len(), item.site_types.len());
    assert_eq!(map.double_claims[0].units.len(), 2);
}

#[test]
fn a_verifier_is_drawn_from_the_shift_then_from_around_then_from_the_area() {
    let (here, next) = (GridId::parse(GRID).unwrap(), GridId::parse("330782003002-02").unwrap());
    let span = Span { from_ms: 100, to_ms: Some(200) };
    let shift =
        |n, grid: &GridId| Shift { person: person(n), grids: vec![grid.clone()], span, stands_in_for: None };
    let roster = [shift(1, &here), shift(2, &here), shift(3, &next), shift(4, &next)];
    let grants: BTreeMap<_, _> =
        (1..=5).map(|n| (person(n), vec![grant(Role::Collector, &format!("town:{TOWN}"))])).collect();
    let draw = |never: &[u64], paired: &[u64], now_ms| {
        let set = |all: &[u64]| all.iter().map(|n| person(*n)).collect::<BTreeSet<_>>();
        let around = [next.clone()];
        eligible(&roster, &grants, Some(&here), &around, &set(never), &set(paired), now_ms)
            .map(|e| (e.from.to_string(), e.people.len()))
    };
    assert_eq!(draw(&[], &[], 150), Some(("grid".into(), 2)));
    assert_eq!(draw(&[1], &[], 150), Some(("neighbours".into(), 3)));
    assert_eq!(draw(&[1], &[3], 150), Some(("neighbours".into(), 2)), "who judged the unit lately stays out");
    assert_eq!(draw(&[1], &[3, 4], 150), Some(("neighbours".into(), 3)), "as long as two others are there");
    assert_eq!(draw(&[1, 2, 3], &[], 150), Some(("area".into(), 2)), "the one on shift, and the area's own");
    assert_eq!(draw(&[], &[], 250), Some(("area".into(), 5)), "after hours");
    assert_eq!(draw(&[1, 2, 3, 4, 5], &[], 150), None);
}

#[test]
fn evidence_is_graded_with_reasons_and_never_blocks() {
    let place = Some(Point::new(29.3, 120.07));
    let fix = |lat: f64, accuracy: f64, mock: bool| -> Fix {
        serde_json::from_value(
            serde_json::json!({"lat": lat, "lon": 120.07, "accuracy_m": accuracy, "mock": mock}),
        )
        .unwrap()
    };
    let photo = |origin: Origin, class: ClockClass, at_ms: i64, position: Option<Fix>| -> PhotoRow {
        let mut row: PhotoRow = serde_json::from_value(serde_json::json!({
            "photo_id": "00000000-0000-7000-8000-000000000001", "case_id": case_id(1), "op_id": op_id(1),
            "role": "after", "captured": {"at_ms": 0, "class": "exact", "claimed_ms": 0}
        }))
        .unwrap();
        row.origin = Some(origin);
        row.captured = CaptureTime { at_ms, class, claimed_ms: at_ms };
        row.position = position;
        row
    };
    let judge = |row: &PhotoRow, twin: bool, by_link: bool| {
        let twin = twin.then_some(row.photo_id);
        let seen = [Seen { photo: row, same_bytes: None, looks_alike: twin }];
        grade(&seen, place, None, Some(1_000), by_link)
    };
    let good = photo(Origin::InPage, ClockClass::Exact, 2_000, Some(fix(29.3002, 20.0, false)));
    assert_eq!(judge(&good, false, false).grade, Grade::A);
    assert_eq!(judge(&good, false, true).grade, Grade::B);
    let twin = judge(&good, true, false);
    assert_eq!((twin.grade, twin.reasons, twin.matches.len()), (Grade::C, vec![GradeReason::LooksAlike], 1));
    let near = photo(Origin::InPage, ClockClass::Exact, 2_000, Some(fix(29.3018, 20.0, false)));
    assert_eq!(judge(&near, false, false).reasons, [GradeReason::Far]);
    let vague = photo(Origin::InPage, ClockClass::Exact, 2_000, Some(fix(29.3018, 250.0, false)));
    assert_eq!(judge(&vague, false, false).grade, Grade::A, "a bad fix is not held against a weak phone");
    let far = photo(Origin::InPage, ClockClass::Exact, 2_000, Some(fix(29.31, 20.0, false)));
    assert_eq!(judge(&far, false, false).grade, Grade::C);
    let mock = photo(Origin::InPage, ClockClass::Exact, 2_000, Some(fix(29.3, 20.0, true)));
    assert_eq!(judge(&mock, false, false).reasons, [GradeReason::MockLocation]);
    let old = photo(Origin::InPage, ClockClass::Exact, 900, Some(fix(29.3, 20.0, false)));
    assert_eq!(judge(&old, false, false).reasons, [GradeReason::BeforeDispatch]);
    let album = photo(Origin::Album, ClockClass::Claimed, 2_000, None);
    let graded = judge(&album, false, false);
    assert_eq!(graded.grade, Grade::C);
    assert_eq!(
        graded.reasons,
        [GradeReason::AlbumWithoutTime, GradeReason::ClockUnsure, GradeReason::NoPosition]
    );
    assert_eq!(grade(&[], place, None, None, false).reasons, [GradeReason::NoPhoto]);
}

proptest::proptest! {
    /// Whoever is told to have answered at a moment is whoever answered then, and nobody is where nobody did.
    #[test]
    fn who_answered_over_time_is_who_answered_then(
        lines in proptest::collection::vec((0..3_u8, 0..3_u8, 0..50_i64, proptest::option::of(1..50_i64)), 0..8),
        at_ms in 0..120_i64,
    ) {
        let grid = GridId::parse("330782003001-01").unwrap();
        let (committee, town) = (grid.committee(), grid.committee().town());
        let holders = lines.iter().enumerate().map(|(n, &(unit, wide, from_ms, long))| Holder {
            id: n.to_string(),
            kind: HolderKind::Area,
            unit: format!("u{unit}").as_str().into(),
            town: (wide == 0).then(|| town.clone()),
            committee: (wide == 1).then(|| committee.clone()),
            grid: (wide == 2).then(|| grid.clone()),
            span: Span { from_ms, to_ms: long.map(|long| from_ms + long) },
        });
        let duty = Duty { holders: holders.collect(), ..Duty::default() };
        let told = duty.over_time(Some(&grid), &[HolderKind::Area]);
        let asked = Asked { grid: Some(&grid), town: Some(&town), at_ms, ..Asked::default() };
        let then = duty.holder(&HolderKind::Area, &asked).map(|h| h.unit.clone());
        let mut covering = told.iter().filter(|r| r.span.contains(at_ms)).map(|r| r.unit.clone());
        proptest::prop_assert_eq!(covering.next(), then, "{:?}", told);
        proptest::prop_assert_eq!(covering.next(), None, "one at a time");
        proptest::prop_assert!(told.windows(2).all(|w| w[0].unit != w[1].unit || w[0].span.to_ms != Some(w[1].span.from_ms)));
    }
}
