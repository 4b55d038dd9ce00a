//! One phone, two people: early shift and late shift keep their own work, each under their own name (U3).

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::send;
use blindspot_client::{ClientError, HttpResponse, Now, Phone, Random, Replica, ReportDraft};
use blindspot_core::CaseId;
use blindspot_core::command::Report;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

struct Dice;

impl Random for Dice {
    fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(10) {
            chunk.copy_from_slice(&crate::raw::unique()[10 - chunk.len()..]);
        }
    }
}

fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Now::wall(i64::try_from(since.as_millis()).expect("a small number"))
}

/// Carries one request of a replica over real HTTP.
fn carry(base: &str, request: &blindspot_client::HttpRequest) -> HttpResponse {
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = send(request.method, &format!("{base}{}", request.path), &headers, &request.body);
    HttpResponse { status: answer.status, headers: answer.headers, body: answer.body }
}

fn enrol(replica: &mut Replica, house: &TestHouse, code: &str) {
    let request =
        replica.enrol_request(&house.base, code, None, "shared", &now(), &mut Dice).expect("a request");
    let answer = carry(&house.base, &request);
    replica.handle_enrol_response(&answer, &now()).expect("enrolled");
}

/// Syncs until nothing is left to send.
fn sync(replica: &mut Replica, base: &str) {
    replica.pull_now(&now());
    for _ in 0..50 {
        let Some(request) = replica.poll_request(&now(), &mut Dice).expect("a request or none") else {
            return;
        };
        let answer = carry(base, &request);
        replica.handle_response(request.id, &answer, &now(), &mut Dice).expect("taken");
    }
    panic!("a sync of two reports takes no 50 requests");
}

fn report(replica: &mut Replica, text: &str) -> CaseId {
    let report = Report { description: Some(text.into()), ..Report::default() };
    let draft = ReportDraft { report, ..ReportDraft::default() };
    replica.capture_report(draft, &now(), &mut Dice).expect("saved").case_id.expect("a case")
}

#[test]
fn shown_main_shared() {
    let house = TestHouse::start();
    let early = house.person("early", WORKER_ROLE, "city");
    let late = house.person("late", WORKER_ROLE, "city");
    let home = tempfile::tempdir().expect("a folder");
    let phone = Phone::open(home.path()).expect("a phone");
    let (first, mut replica) = phone.add("早班", Some("135790"), &mut Dice).expect("room");
    enrol(&mut replica, &house, &house.code_for(&early));
    let mine = report(&mut replica, "早班拍的");
    drop(replica); // handed over with the report still on the phone

    let (second, mut other) = phone.add("晚班", Some("246801"), &mut Dice).expect("room");
    enrol(&mut other, &house, &house.code_for(&late));
    let theirs = report(&mut other, "晚班拍的");
    sync(&mut other, &house.base);
    assert!(other.unsent().expect("counts").is_empty());
    assert!(
        other.case(mine).expect("a look").is_none(),
        "what one wrote is not read through the other's replica"
    );
    drop(other);

    assert!(matches!(phone.hand_over(&first.slot, "000000", &now()), Err(ClientError::WrongPin { .. })));
    let mut back = phone.hand_over(&first.slot, "135790", &now()).expect("the right PIN");
    assert_eq!(back.unsent().expect("counts").ops, 1, "it waited");
    sync(&mut back, &house.base);
    assert!(back.unsent().expect("counts").is_empty());
    assert_ne!(first.slot, second.slot);

    let desk = house.phone("desk", "supervisor", "city");
    for (case, person) in [(mine, &early), (theirs, &late)] {
        assert_eq!(reporters(&desk.pull_all(None).0, case), json!([person]), "authorship is kept");
    }
}

fn reporters(pages: &[Value], case: CaseId) -> Value {
    let rows = pages.iter().flat_map(|p| p["rows"].as_array().into_iter().flatten());
    let people: Vec<Value> = rows
        .filter(|r| {
            r["kind"] == "person" && r["body"]["case_id"] == json!(case) && r["body"]["part"] == "reporter"
        })
        .map(|r| r["body"]["person"].clone())
        .collect();
    json!(people)
}
