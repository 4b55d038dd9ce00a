//! What a desk may read: lists page by page, scope everywhere, one answer for absent and foreign.

use super::cases::{CaseQuery, can_read_case, can_read_photo, case_detail, list_cases, timeline};
use super::page::PageQuery;
use super::testing::{Phone, T0, case, grant, house, person};
use super::{Credential, House, ServiceError, case_files};
use blindspot_core::PhotoId;
use blindspot_core::access::Role;
use blindspot_core::case::Case;
use blindspot_core::id::Sha256;
use blindspot_core::row::RowKind;
use blindspot_store::StoreError;
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

/// One photo of after for two cases of a lane: whoever reads either of them sees it, and a name alone opens nothing.
#[test]
fn shown_life_one_after_photo_for_many_cases() {
    let house = house();
    grant(&house, person(1), Role::Collector, "town:330782003");
    grant(&house, person(2), Role::Collector, "grid:330782003002-01");
    for role in [Role::FilingDesk, Role::Supervisor, Role::Dispatcher] {
        grant(&house, person(3), role, "city");
    }
    grant(&house, person(4), Role::UnitClerk, "dept:sanitation");
    grant(&house, person(5), Role::Collector, "grid:330782003002-01");
    let [mut worker, second, desk, mut clerk, other] =
        [1, 2, 3, 4, 5].map(|n| Phone::enrol(&house, person(n), n));
    let mut thief = Phone::enrol(&house, person(5), 15);
    for (n, at) in [(1, 1), (2, 2), (3, 2)] {
        let op = worker.report(n, at);
        worker.push(&house, T0 + i64::from(n), &[&op]);
        desk.desk(&house, T0 + 10, case(n), "file", &json!({"reason": "valid"}));
        desk.desk(&house, T0 + 20, case(n), "dispatch", &json!({"lead": "sanitation"}));
    }
    let photo = PhotoId::from_bytes([9; 16]);
    let form = json!({"sha256": Sha256::of(b"after"), "bytes": 5});
    let taken = json!({"photo_id": photo, "role": "after", "forms": {"working": form}});
    let after = json!({"text": "一条巷子一起清的", "photos": [photo]});
    let taken = clerk.op("photo", Some(case(1)), &taken);
    let backs = [1, 2].map(|n| clerk.op("feed_back", Some(case(n)), &after));
    clerk.push(&house, T0 + 100, &[&taken, &backs[0], &backs[1]]);
    let reads = |who: Credential| can_read_photo(&house, who, photo, T0 + 200).unwrap().is_some();
    assert!(reads(worker.credential) && reads(desk.credential) && reads(clerk.credential));
    assert!(reads(second.credential), "he reads the second case, which shows it");
    // Somebody else names it on a case: that shows nothing, who took it has no part there.
    let named = thief.op("checked", Some(case(3)), &json!({"found": true, "photos": [photo]}));
    thief.push(&house, T0 + 300, &[&named]);
    let shown = |n: u32| can_read_case(&house, desk.credential, case(n), T0 + 350).unwrap().unwrap();
    assert!(shown(2).shows(photo, person(4)) && !shown(3).shows(photo, person(4)));
    assert!(other.credential != second.credential);
    // What is printed of the cases has it too.
    let printed = house.store.read(|tx| {
        let mut files = case_files::load(tx, &house, &[1, 2, 3].map(case).into())?;
        case_files::add_shown(tx, &house, files.values_mut())?;
        Ok::<_, StoreError>(files)
    });
    let printed = printed.unwrap();
    assert_eq!([1, 2, 3].map(|n| printed[&case(n)].photos.contains_key(&photo)), [true, true, false]);
    let evidence =
        super::advice::advise(&house, desk.credential, case(2), T0 + 400).unwrap().evidence.unwrap();
    let reasons = format!("{:?}", evidence.reasons);
    assert!(!reasons.contains("NoPhoto"), "{reasons}");
}
