//! What a desk may read: lists page by page, scope everywhere, one answer for absent and foreign.

use super::cases::{CaseQuery, can_read_case, can_read_photo, case_detail, list_cases, timeline};
use super::page::PageQuery;
use super::testing::{Phone, T0, case, grant, house, person};
use super::{Credential, House, ServiceError};
use blindspot_core::PhotoId;
use blindspot_core::access::Role;
use blindspot_core::case::Case;
use blindspot_core::id::Sha256;
use blindspot_core::row::RowKind;
use serde_json::json;

struct Scene {
    house: House,
    worker: Phone,
    neighbour: Credential,
    desk: Phone,
}

/// Eleven cases, ten in the first grid and one in the second; the worker holds only the first.
fn scene() -> Scene {
    let house = house();
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    grant(&house, person(2), Role::Collector, "grid:330782003002-01");
    grant(&house, person(3), Role::Supervisor, "city");
    let mut worker = Phone::enrol(&house, person(1), 1);
    let neighbour = Phone::enrol(&house, person(2), 2);
    let desk = Phone::enrol(&house, person(3), 3);
    let mut other = Phone::enrol(&house, person(2), 5);
    for n in 1..=10 {
        let op = worker.report(n, 1);
        worker.push(&house, T0 + i64::from(n), &[&op]);
    }
    let op = other.report(11, 2);
    other.push(&house, T0 + 11, &[&op]);
    Scene { house, worker, neighbour: neighbour.credential, desk }
}

fn ids(house: &House, who: Credential, query: &CaseQuery) -> Vec<String> {
    let (mut out, mut query) = (Vec::new(), query.clone());
    loop {
        let page = list_cases(house, who, &query, T0 + 99).unwrap();
        let cases =
            page.items.iter().map(|i| serde_json::from_str::<Case>(i.get()).unwrap().case_id.to_string());
        out.extend(cases);
        match page.next {
            None => return out,
            Some(next) => query.cursor = Some(next),
        }
    }
}

#[test]
fn lists_page_newest_first_and_keep_to_the_scope() {
    let s = scene();
    let query = CaseQuery { limit: Some(3), ..CaseQuery::default() };
    let all = ids(&s.house, s.desk.credential, &query);
    let want: Vec<String> = (1..=11).rev().map(|n| case(n).to_string()).collect();
    assert_eq!(all, want);
    assert_eq!(ids(&s.house, s.worker.credential, &query), want[1..]);
    assert_eq!(ids(&s.house, s.neighbour, &query), want[..1]);
    let nobody = Phone::enrol(&s.house, person(9), 9).credential;
    assert!(ids(&s.house, nobody, &query).is_empty());
}

#[test]
fn filters_numbers_and_words_find_cases() {
    let s = scene();
    let find = |query: CaseQuery| ids(&s.house, s.desk.credential, &query).len();
    let text = |t: &str| CaseQuery { text: Some(t.into()), limit: Some(4), ..CaseQuery::default() };
    assert_eq!(find(text("稠江 00007")), 1);
    assert_eq!(find(text("7")), 1);
    assert_eq!(find(text("占道")), 11);
    assert_eq!(find(text("没有")), 0);
    assert_eq!(find(CaseQuery { grid: Some("330782003002-01".into()), ..CaseQuery::default() }), 1);
    s.desk.desk(&s.house, T0 + 50, case(2), "file", &json!({"reason": "r"}));
    assert_eq!(find(CaseQuery { state: Some("filed".into()), ..CaseQuery::default() }), 1);
    assert_eq!(find(CaseQuery { since_ms: Some(T0 + 50), ..CaseQuery::default() }), 1);
    assert_eq!(find(CaseQuery { open: Some(false), ..CaseQuery::default() }), 0);
    let bad = CaseQuery { cursor: Some("a.b".into()), ..CaseQuery::default() };
    assert!(
        matches!(list_cases(&s.house, s.neighbour, &bad, T0), Err(ServiceError::Refused(p, _)) if p.code == "bad_cursor")
    );
}

#[test]
fn a_foreign_case_is_not_there_and_names_are_for_supervision() {
    let mut s = scene();
    let words = s.worker.op("comment", Some(case(1)), &json!({"text": "记"}));
    s.worker.push(&s.house, T0 + 20, &[&words]);
    let missing = |e: ServiceError| matches!(e, ServiceError::Refused(p, _) if p.code == "not_found");
    assert!(missing(case_detail(&s.house, s.neighbour, case(1), T0).unwrap_err()));
    assert!(missing(case_detail(&s.house, s.neighbour, case(999), T0).unwrap_err()));
    assert!(can_read_case(&s.house, s.neighbour, case(1), T0).unwrap().is_none());
    assert!(missing(timeline(&s.house, s.neighbour, case(1), &PageQuery::default(), T0).unwrap_err()));
    let detail = case_detail(&s.house, s.desk.credential, case(1), T0).unwrap();
    assert!(detail.rows.iter().any(|r| r.key.kind == RowKind::Person));
    assert!(detail.legal_moves.contains(&"file"));
    let line = timeline(&s.house, s.desk.credential, case(1), &PageQuery::default(), T0).unwrap().items;
    let kinds: Vec<_> = line.iter().map(|e| (e.kind.as_str(), e.author.as_deref())).collect();
    assert_eq!(kinds, [("report", Some("person 1")), ("comment", Some("person 1"))]);
    grant(&s.house, person(6), Role::Collector, "grid:330782003001-01");
    let colleague = Phone::enrol(&s.house, person(6), 6).credential;
    let detail = case_detail(&s.house, colleague, case(1), T0).unwrap();
    assert!(detail.rows.iter().all(|r| r.key.kind != RowKind::Person));
    assert!(
        timeline(&s.house, colleague, case(1), &PageQuery::default(), T0)
            .unwrap()
            .items
            .iter()
            .all(|e| e.author.is_none())
    );
    s.desk.desk(&s.house, T0 + 30, case(1), "redact", &json!({"comment": words.env.op_id, "reason": "隐私"}));
    let line = timeline(&s.house, colleague, case(1), &PageQuery::default(), T0).unwrap().items;
    assert_eq!(line.iter().map(|e| e.payload.is_some()).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_photo_is_read_with_its_case_and_a_redacted_one_by_supervisors() {
    let mut s = scene();
    let photo_id = PhotoId::from_parts(4, [4; 10]);
    let forms = json!({"working": {"sha256": Sha256::of(b"x"), "bytes": 1}});
    let op = s.worker.op("photo", Some(case(1)), &json!({"photo_id": photo_id, "forms": forms}));
    s.worker.push(&s.house, T0 + 20, &[&op]);
    let reads = |who| can_read_photo(&s.house, who, photo_id, T0).unwrap().is_some();
    assert!(reads(s.worker.credential) && reads(s.desk.credential) && !reads(s.neighbour));
    s.desk.desk(&s.house, T0 + 30, case(1), "redact", &json!({"photo_id": photo_id, "reason": "人脸"}));
    assert!(!reads(s.worker.credential) && reads(s.desk.credential));
}
