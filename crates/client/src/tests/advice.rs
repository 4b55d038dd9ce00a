//! Near cases and precedents, offline.

use super::*;
use blindspot_core::CaseId;
use blindspot_core::command::{Category, Fix};
use blindspot_core::division::Span;
use blindspot_core::duty::Precedent;
use blindspot_core::projection::near::NearKind;
use blindspot_core::row::RowKind;
use blindspot_core::testing::{case_id, op_id};

fn report(rig: &mut Rig, r: &mut Replica, lat: f64) -> CaseId {
    let position: Fix =
        serde_json::from_value(serde_json::json!({"lat": lat, "lon": 120.07, "accuracy_m": 8.0})).unwrap();
    let category = Some(Category { item: Some("3.04".into()), ..Category::default() });
    let report = Report { position: Some(position), category, ..Report::default() };
    let draft = ReportDraft { report, ..ReportDraft::default() };
    let saved = r.capture_report(draft, &rig.now, &mut rig.rnd).unwrap();
    rig.seal_all(r);
    saved.case_id.unwrap()
}

#[test]
fn what_lies_near_is_known_without_signal() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let (first, second, far) =
        (report(&mut rig, &mut r, 29.3), report(&mut rig, &mut r, 29.3001), report(&mut rig, &mut r, 29.4));
    let found = r.near(second).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].case_id, &found[0].kind, found[0].distance_m),
        (first, &NearKind::Duplicate, Some(11))
    );
    assert!(r.near(far).unwrap().is_empty());
    assert!(r.near(case_id(77)).unwrap().is_empty());
}

#[test]
fn rulings_on_like_cases_come_with_reference_data() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let case = report(&mut rig, &mut r, 29.3);
    let precedent = Precedent {
        op_id: op_id(5),
        case_id: case_id(6),
        short_no: None,
        item: Some("3.04".into()),
        place_class: None,
        town: None,
        reason: None,
        from: None,
        to: "market".into(),
        span: Span { from_ms: T0, to_ms: Some(T0 + 10) },
    };
    let body = serde_json::to_string(&precedent).unwrap();
    let key = RowKey::new(RowKind::Precedent, "p");
    crate::store::mirror::put(&r.db, &key, Rev(1, 1), &body, None, false).unwrap();
    assert_eq!(r.precedents(case, T0).unwrap(), [precedent]);
    assert!(r.precedents(case, T0 + 10).unwrap().is_empty(), "it has ended");
}

#[test]
fn the_own_month_is_told_without_signal() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let first = report(&mut rig, &mut r, 29.3);
    let second = report(&mut rig, &mut r, 29.4);
    let month = blindspot_core::projection::month::month_of(T0);
    let told = r.own_month(&month).unwrap();
    assert_eq!((told.sums.reported, told.sums.waiting, told.sums.valid), (2, 2, 0), "{told:?}");
    let cases: std::collections::BTreeSet<CaseId> = told.lines.iter().map(|l| l.case_id).collect();
    assert_eq!(cases, [first, second].into());
    assert!(r.own_month("1999-01").unwrap().lines.is_empty());
}
