//! Push and pull over real HTTP: the sync promises as a stranger's phone would see them.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{RawPhone, new_case_id, new_op_id};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn shown_main_identical() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let case = new_case_id();
    let body = phone.op("report", Some(case), &json!({"description": "一处"}));
    let answers: Vec<Value> = std::thread::scope(|s| {
        let push = || phone.push(std::slice::from_ref(&body));
        let all: Vec<_> = (0..20).map(|_| s.spawn(push)).collect();
        all.into_iter().map(|t| t.join().expect("a push")).collect()
    });
    let first = answers.iter().filter(|a| a["verdicts"][0]["seen_before"] != json!(true)).count();
    assert_eq!(first, 1, "one of twenty was the first");
    for answer in &answers {
        assert_eq!(answer["verdicts"][0]["verdict"], "applied");
        assert_eq!(answer["received_through"], 1);
    }
    let desk = house.phone("desk", "filing_desk", "city");
    let list = desk.get("/v1/cases").ok();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
}

#[test]
fn shown_main_poison() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let mut bodies: Vec<String> = (0..100)
        .map(|i| phone.op("report", Some(new_case_id()), &json!({"description": format!("{i}")})))
        .collect();
    bodies[49] = bodies[49].replace("\"report\"", "\"report_of_a_later_version\"");
    let reply = phone.push(&bodies);
    let words: Vec<&str> = reply["verdicts"]
        .as_array()
        .expect("verdicts")
        .iter()
        .filter_map(|v| v["verdict"].as_str())
        .collect();
    assert_eq!(words.iter().filter(|w| **w == "applied").count(), 99);
    assert_eq!(words[49], "quarantined");
    assert_eq!(reply["verdicts"][49]["cause"], "unknown_kind");
    assert_eq!(reply["received_through"], 100, "a quarantined op is received");
    // Bytes that are no op at all, in the middle of sound ones.
    let mut more = vec![phone.op("report", Some(new_case_id()), &json!({}))];
    more.push("this is not an op".into());
    more.push(phone.op("report", Some(new_case_id()), &json!({"description": "a\u{0}b"})));
    more.push(phone.op("report", Some(new_case_id()), &json!({})));
    let reply = phone.push(&more);
    let verdicts = reply["verdicts"].as_array().expect("verdicts");
    assert_eq!(verdicts.len(), 4);
    assert_eq!((&verdicts[0]["verdict"], &verdicts[3]["verdict"]), (&json!("applied"), &json!("applied")));
    assert_eq!(verdicts[1]["cause"], "malformed");
    assert_eq!(verdicts[2]["cause"], "nul_text");
}

#[test]
fn an_op_waits_for_what_it_depends_on_and_for_nothing_else() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let (case, report) = (new_case_id(), new_op_id());
    phone.seq = 1;
    let late = phone.op_as(report, "report", Some(case), &json!({}), &[]);
    phone.seq = 2;
    let comment = phone.op_as(new_op_id(), "comment", Some(case), &json!({"text": "x"}), &[report]);
    phone.seq = 3;
    let other = phone.op_as(new_op_id(), "report", Some(new_case_id()), &json!({}), &[]);
    let first = phone.push(&[comment.clone(), other]);
    assert_eq!(first["verdicts"][0]["verdict"], "held");
    assert_eq!(first["verdicts"][0]["missing"], json!([report]));
    assert_eq!(first["verdicts"][1]["verdict"], "applied", "a gap in device_seq holds nothing");
    assert_eq!(first["received_through"], 0);
    assert_eq!(phone.push(&[late])["verdicts"][0]["verdict"], "applied");
    let again = phone.push(&[comment]);
    assert_eq!(
        (&again["verdicts"][0]["verdict"], &again["verdicts"][0]["seen_before"]),
        (&json!("applied"), &json!(true))
    );
    assert_eq!(again["received_through"], 3);
}

#[test]
fn the_same_id_with_another_body_stands_aside() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let id = new_op_id();
    phone.seq = 1;
    let one = phone.op_as(id, "report", Some(new_case_id()), &json!({"description": "first"}), &[]);
    let two = phone.op_as(id, "report", Some(new_case_id()), &json!({"description": "second"}), &[]);
    assert_eq!(phone.push(std::slice::from_ref(&one))["verdicts"][0]["verdict"], "applied");
    let other = phone.push(&[two]);
    assert_eq!(
        (&other["verdicts"][0]["verdict"], &other["verdicts"][0]["cause"]),
        (&json!("quarantined"), &json!("other_body"))
    );
    assert_eq!(phone.push(&[one])["verdicts"][0]["verdict"], "applied", "the first stands");
}

#[test]
fn shown_main_authors() {
    let house = TestHouse::start();
    let mut early = house.phone("early", WORKER_ROLE, "city");
    let mut late = house.phone("late", WORKER_ROLE, "city");
    let mine = early.op("report", Some(new_case_id()), &json!({}));
    let carried = late.push(std::slice::from_ref(&mine));
    assert_eq!(carried["verdicts"][0]["cause"], "author_mismatch", "never re-attributed");
    let own = late.op("report", Some(new_case_id()), &json!({}));
    assert_eq!(late.push(&[own])["verdicts"][0]["verdict"], "applied");
    // A later enrolment of the same person carries the earlier one's ops.
    let mut first = house.phone_of("early", "first");
    let waiting = first.op("report", Some(new_case_id()), &json!({}));
    let second = house.phone_of("early", "second");
    assert_eq!(second.push(&[waiting])["verdicts"][0]["verdict"], "applied");
}

#[test]
fn shown_main_moved() {
    let house = TestHouse::start_with_city();
    let [(from_grid, from), (to_grid, to)] = house.two_grids();
    let mut reporter = house.phone("reporter", "inspector", "city");
    let leaving = house.phone("leaving", WORKER_ROLE, &format!("grid:{from_grid}"));
    let entering = house.phone("entering", WORKER_ROLE, &format!("grid:{to_grid}"));
    let case = new_case_id();
    let report = reporter.op("report", Some(case), &json!({"position": {"lat": from.lat, "lon": from.lon}}));
    let moved_later =
        reporter.op("relocate", Some(case), &json!({"position": {"lat": to.lat, "lon": to.lon}}));
    reporter.push(&[report]);
    let (_, leaving_at) = leaving.pull_all(None);
    let (_, entering_at) = entering.pull_all(None);
    assert_eq!(reporter.push(&[moved_later])["verdicts"][0]["verdict"], "applied");
    let left = leaving.pull(Some(&leaving_at));
    let gone = find_feed(&left, &format!("grid:{from_grid}"));
    assert!(gone["left"].as_array().is_some_and(|l| l.iter().any(|k| k["id"] == json!(case))), "{left}");
    assert!(!left["checkpoint"].is_null(), "in one checkpoint");
    let entered = entering.pull(Some(&entering_at));
    assert!(
        entered["rows"].as_array().is_some_and(|r| r.iter().any(|r| r["id"] == json!(case))),
        "{entered}"
    );
    assert!(!entered["checkpoint"].is_null(), "in one checkpoint");
}

fn find_feed<'v>(page: &'v Value, feed: &str) -> &'v Value {
    let changes = page["changes"].as_array().expect("changes");
    changes.iter().find(|c| c["feed"] == feed).unwrap_or(&Value::Null)
}

/// What a phone would hold: feed -> row key -> revision, from pages as they came.
#[derive(Default)]
struct Mirror(BTreeMap<String, BTreeMap<String, Value>>);

impl Mirror {
    fn take(&mut self, page: &Value) {
        for change in page["changes"].as_array().into_iter().flatten() {
            let feed = self.0.entry(change["feed"].as_str().expect("a feed").to_owned()).or_default();
            if change["from_zero"] == json!(true) {
                feed.clear();
            }
            for index in change["entered"].as_array().into_iter().flatten() {
                let row = &page["rows"][index.as_u64().expect("an index") as usize];
                feed.insert(format!("{}/{}", row["kind"], row["id"]), row["rev"].clone());
            }
            for key in change["left"].as_array().into_iter().flatten() {
                feed.remove(&format!("{}/{}", key["kind"], key["id"]));
            }
        }
    }

    fn take_all(&mut self, (pages, cursor): (Vec<Value>, String)) -> String {
        pages.iter().for_each(|page| self.take(page));
        cursor
    }
}

#[test]
fn shown_main_paging() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let reader = house.phone("reader", "supervisor", "city");
    let cases: Vec<_> = (0..120).map(|_| new_case_id()).collect();
    let bodies: Vec<String> = cases.iter().map(|c| phone.op("report", Some(*c), &json!({}))).collect();
    phone.push(&bodies);
    let mut mirror = Mirror::default();
    let mut cursor: Option<String> = None;
    let mut pages = 0;
    loop {
        let page = reader.post("/v1/sync/pull", &json!({"cursor": cursor, "schema": 1, "limit": 20})).ok();
        cursor = page["cursor"].as_str().map(str::to_owned);
        mirror.take(&page);
        pages += 1;
        if !page["checkpoint"].is_null() {
            break;
        }
        // Rows already read and rows not yet read change between the pages.
        if pages <= 6 {
            let edits: Vec<String> = [pages * 3, 119 - pages * 5]
                .iter()
                .map(|i| phone.op("comment", Some(cases[*i]), &json!({"text": format!("page {pages}")})))
                .collect();
            phone.push(&edits);
        }
        assert!(pages < 60, "paging ends");
    }
    assert!(pages > 5, "there were pages");
    let mut fresh = Mirror::default();
    for page in reader.pull_all(None).0 {
        fresh.take(&page);
    }
    let seen = mirror.0.remove("desk:unplaced").unwrap_or_default();
    let truth = fresh.0.remove("desk:unplaced").unwrap_or_default();
    assert!(truth.len() >= 120);
    assert_eq!(seen, truth);
}

#[test]
fn a_long_poll_answers_when_something_happens() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let reader = house.phone("reader", "supervisor", "city");
    let (_, cursor) = reader.pull_all(None);
    let waiting = std::thread::spawn(move || {
        let began = std::time::Instant::now();
        let page = reader.post("/v1/sync/pull", &json!({"cursor": cursor, "schema": 1, "wait": 20})).ok();
        (began.elapsed(), page)
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let report = phone.op("report", Some(new_case_id()), &json!({}));
    phone.push(&[report]);
    let (took, page) = waiting.join().expect("a page");
    assert!(page["rows"].as_array().is_some_and(|r| !r.is_empty()), "{page}");
    assert!(took.as_secs() < 15, "woken, not timed out: {took:?}");
}

/// One push wakes everybody who waits, and what they ask the database about is read for many at once: each still gets what is theirs.
#[test]
fn phones_that_wake_together_each_get_a_page_of_their_own() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let enrol = |n: usize| {
        let role = if n.is_multiple_of(3) { WORKER_ROLE } else { "supervisor" };
        let reader = house.phone(&format!("reader{n}"), role, "city");
        let mut mirror = Mirror::default();
        // Every fourth has never pulled.
        let cursor = (!n.is_multiple_of(4)).then(|| mirror.take_all(reader.pull_all(None)));
        (reader, mirror, cursor)
    };
    let readers: Vec<(RawPhone, Mirror, Option<String>)> = (0..24).map(enrol).collect();
    let ready = std::sync::Barrier::new(readers.len() + 1);
    std::thread::scope(|s| {
        for (reader, mut mirror, cursor) in readers {
            let ready = &ready;
            s.spawn(move || {
                ready.wait();
                let ask = json!({"cursor": cursor, "schema": 1, "wait": 3});
                let page = reader.post("/v1/sync/pull", &ask).ok();
                mirror.take(&page);
                // Whoever had never pulled was answered at once, and reads on.
                std::thread::sleep(std::time::Duration::from_secs(2));
                mirror.take_all(reader.pull_all(page["cursor"].as_str()));
                let mut fresh = Mirror::default();
                fresh.take_all(reader.pull_all(None));
                assert_eq!(mirror.0, fresh.0, "{cursor:?}: {page}");
            });
        }
        ready.wait();
        std::thread::sleep(std::time::Duration::from_millis(500));
        report(&mut phone);
    });
}

#[test]
fn a_device_refreshes_and_a_lost_reply_logs_nobody_out() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let url = format!("{}/v1/token/refresh", phone.base);
    let first = phone.refresh.clone();
    let lost = crate::raw::send_json("POST", &url, &[], &phone.refresh_request(&first)).ok();
    // The reply was lost: the phone still holds the first token and asks again with a new nonce.
    let got = crate::raw::send_json("POST", &url, &[], &phone.refresh_request(&first)).ok();
    phone.access = got["tokens"]["access"].as_str().expect("a token").to_owned();
    assert_eq!(phone.get("/v1/me").ok()["device_id"], json!(phone.device));
    let next = got["tokens"]["refresh"].as_str().expect("a token").to_owned();
    let newest = crate::raw::send_json("POST", &url, &[], &phone.refresh_request(&next)).ok();
    assert!(newest["tokens"]["refresh"].is_string());
    // Now the successor has been used: the first token is a stolen copy.
    crate::raw::send_json("POST", &url, &[], &phone.refresh_request(&first)).problem("enrol_again");
    drop(lost);
}

pub(crate) fn report(phone: &mut RawPhone) -> blindspot_core::CaseId {
    let case = new_case_id();
    let body = phone.op("report", Some(case), &json!({}));
    assert_eq!(phone.push(&[body])["verdicts"][0]["verdict"], "applied");
    case
}
