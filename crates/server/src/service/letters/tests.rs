//! Who issues which letter, how they are numbered, who reads them, what stands on the page.

use super::{LetterQuery, LetterView, NewLetters, issue, list, one, page, receipt, set_prefix, void};
use crate::blob::Depot;
use crate::service::testing::{Phone, T0, case, grant, house, person, refusal};
use crate::service::{Credential, House};
use blindspot_core::access::Role;
use blindspot_core::letter::LetterKind;
use blindspot_core::{CaseId, PhotoId};
use serde_json::json;

struct Office {
    house: House,
    command: Phone,
    supervisor: Phone,
    unit: Phone,
}

/// Three cases, two dispatched to one unit and one to another.
fn office() -> Office {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    grant(&house, person(3), Role::Supervisor, "city");
    grant(&house, person(4), Role::Dispatcher, "city");
    grant(&house, person(5), Role::UnitClerk, "dept:sanitation");
    let mut worker = Phone::enrol(&house, person(1), 1);
    let (supervisor, command) = (Phone::enrol(&house, person(3), 3), Phone::enrol(&house, person(4), 4));
    let unit = Phone::enrol(&house, person(5), 5);
    for (n, lead) in [(1, "sanitation"), (2, "sanitation"), (3, "market")] {
        let op = worker.report(n, 1);
        worker.push(&house, T0 + i64::from(n), &[&op]);
        supervisor.desk(&house, T0 + 10, case(n), "file", &json!({"reason": "r"}));
        command.desk(&house, T0 + 20, case(n), "dispatch", &json!({"lead": lead}));
    }
    let op = worker.report(4, 1);
    worker.push(&house, T0 + 4, &[&op]);
    Office { house, command, supervisor, unit }
}

fn new(kind: LetterKind, cases: &[u32]) -> NewLetters {
    NewLetters {
        kind,
        cases: cases.iter().map(|n| case(*n)).collect::<Vec<CaseId>>(),
        addressee: None,
        copies: vec!["市府办".into()],
        due_ms: Some(T0 + 86_400_000),
        words: Some("请重视<script>。".into()),
    }
}

fn numbers(letters: &[LetterView]) -> Vec<&str> {
    letters.iter().map(|l| l.number.as_str()).collect()
}

fn all(house: &House, who: Credential) -> Vec<LetterView> {
    let (mut out, mut query) = (vec![], LetterQuery { limit: Some(1), ..LetterQuery::default() });
    loop {
        let page = list(house, who, &query, T0 + 100).unwrap();
        out.extend(page.items);
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return out,
        }
    }
}

#[test]
fn one_letter_a_unit_numbered_by_kind_and_year_and_voided_ones_stay_on_the_list() {
    let o = office();
    let (command, supervisor) = (o.command.credential, o.supervisor.credential);
    let first = issue(&o.house, command, &new(LetterKind::Transfer, &[3, 1, 2]), T0 + 50).unwrap();
    assert_eq!(numbers(&first), ["创卫办交〔2026〕1号", "创卫办交〔2026〕2号"]);
    let of = |unit: &str| first.iter().find(|l| l.unit.as_deref() == Some(unit)).unwrap();
    assert_eq!(of("sanitation").cases, [case(1), case(2)]);
    assert_eq!(of("market").cases, [case(3)]);
    set_prefix(&o.house, "义创卫办").unwrap();
    let second = issue(&o.house, supervisor, &new(LetterKind::Supervise, &[1]), T0 + 51).unwrap();
    assert_eq!(numbers(&second), ["义创卫办督〔2026〕1号"]);

    let gone = void(&o.house, command, of("market").letter_id, "重复", T0 + 60).unwrap();
    assert_eq!((gone.voided_ms, gone.void_reason.as_deref()), (Some(T0 + 60), Some("重复")));
    let again = void(&o.house, command, of("market").letter_id, "重复", T0 + 61);
    assert_eq!(refusal(again), "conflict");
    let third = issue(&o.house, command, &new(LetterKind::Transfer, &[3]), T0 + 62).unwrap();
    assert_eq!(numbers(&third), ["义创卫办交〔2026〕3号"], "a voided number is not given again");
    assert_eq!(all(&o.house, command).len(), 4, "the voided one is listed");
    // A unit reads what went to it, and nothing else.
    let own = all(&o.house, o.unit.credential);
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(|l| l.unit.as_deref() == Some("sanitation")));
    let foreign = one(&o.house, o.unit.credential, of("market").letter_id, T0 + 70);
    assert_eq!(refusal(foreign), "not_found");
}

#[test]
fn nobody_issues_what_is_not_theirs_or_cannot_be_written() {
    let o = office();
    let (command, supervisor) = (o.command.credential, o.supervisor.credential);
    let try_it = |who, new: &NewLetters| refusal(issue(&o.house, who, new, T0 + 50));
    assert_eq!(try_it(supervisor, &new(LetterKind::Transfer, &[1])), "no_rights");
    assert_eq!(try_it(command, &new(LetterKind::Supervise, &[1])), "no_rights");
    assert_eq!(try_it(o.unit.credential, &new(LetterKind::Notice, &[1])), "no_rights");
    assert_eq!(try_it(command, &new(LetterKind::Other("order".into()), &[1])), "no_rights");
    assert_eq!(try_it(command, &new(LetterKind::Transfer, &[4])), "bad_request", "no unit yet");
    assert_eq!(try_it(command, &new(LetterKind::Transfer, &[])), "bad_request");
    assert_eq!(try_it(command, &new(LetterKind::Transfer, &[1, 1])), "bad_request");
    assert_eq!(try_it(command, &new(LetterKind::Transfer, &[9])), "not_found");
    assert_eq!(try_it(command, &new(LetterKind::Notice, &[1])), "bad_request", "to whom?");
    let named = NewLetters { addressee: Some("张记".into()), ..new(LetterKind::Transfer, &[1]) };
    assert_eq!(try_it(command, &named), "bad_request");
    assert!(all(&o.house, command).is_empty(), "no number was used up");
    for bad in ["", "有 空格", &"长".repeat(21)] {
        assert_eq!(refusal(set_prefix(&o.house, bad)), "bad_request");
    }
}

#[test]
fn the_page_is_whole_escapes_what_it_shows_and_orders_nobody() {
    let o = office();
    let (command, dir) = (o.command.credential, tempfile::tempdir().unwrap());
    let depot = Depot::open(dir.path()).unwrap();
    let named = NewLetters { addressee: Some("张记<b>".into()), ..new(LetterKind::Notice, &[1, 2]) };
    let letter = issue(&o.house, command, &named, T0 + 50).unwrap().remove(0);
    let html = page(&o.house, &depot, command, letter.letter_id, T0 + 60).unwrap();
    for part in [
        "整改告知单",
        "创卫办告〔2026〕1号",
        "张记&lt;b&gt;",
        "稠江 00001",
        "稠江 00002",
        "（盖章）",
        "签收回执",
        "拒签，留置",
        "抄送：市府办",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for never in ["责令", "<script", "http://", "https://", "<b>"] {
        assert!(!html.replace("<b>签收回执</b>", "").contains(never), "{never}");
    }
    let read = page(&o.house, &depot, o.unit.credential, letter.letter_id, T0 + 60);
    assert_eq!(refusal(read), "not_found", "a notice is not the unit's");
    void(&o.house, command, letter.letter_id, "写错了", T0 + 61).unwrap();
    assert!(page(&o.house, &depot, command, letter.letter_id, T0 + 62).unwrap().contains("已作废"));

    // Its clerk reads the letter after a case went elsewhere, and no longer that case.
    let letter = issue(&o.house, command, &new(LetterKind::Transfer, &[1, 2]), T0 + 70).unwrap().remove(0);
    let seen = || page(&o.house, &depot, o.unit.credential, letter.letter_id, T0 + 80).unwrap();
    assert!(seen().contains("稠江 00002") && !seen().contains("已不归你管"));
}

#[test]
fn a_receipt_is_a_photo_of_its_cases_with_the_role_of_a_paper() {
    let o = office();
    let command = o.command.credential;
    let letter = issue(&o.house, command, &new(LetterKind::Transfer, &[1]), T0 + 50).unwrap().remove(0);
    let photo = |n: u8, on: u32, role: &str| {
        let id = PhotoId::from_parts(1, [n; 10]);
        let forms = json!({"working": {"sha256": "00".repeat(32), "bytes": 5}});
        let payload = json!({"photo_id": id, "role": role, "forms": forms});
        o.unit.desk(&o.house, T0 + 60, case(on), "photo", &payload);
        id
    };
    let attach = |id| receipt(&o.house, command, letter.letter_id, id, T0 + 70);
    assert_eq!(refusal(attach(photo(1, 1, "after"))), "bad_request");
    assert_eq!(refusal(attach(photo(2, 2, "paper"))), "bad_request", "of another case");
    assert_eq!(refusal(attach(PhotoId::from_parts(1, [9; 10]))), "not_found");
    let paper = photo(3, 1, "paper");
    assert_eq!(attach(paper).unwrap().receipt, Some(paper));
    void(&o.house, command, letter.letter_id, "重发", T0 + 80).unwrap();
    assert_eq!(refusal(attach(paper)), "conflict");
}
