//! 交办单, 督办单 and 整改告知单 over HTTP and by the command line: one a unit, numbered without gaps while many are issued at
//! once, voided ones listed, the photographed receipt attached.

use crate::house::TestHouse;
use crate::life_sheet::Desk;
use crate::raw::{new_case_id, new_photo_id, send_json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn shown_life_letters() {
    letters_on(&TestHouse::start());
}

#[test]
fn shown_life_letters_on_postgres() {
    letters_on(&TestHouse::start_on_postgres());
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn letters_on(house: &TestHouse) {
    let mut worker = house.phone("worker", "collector", "city");
    let [supervision, command] = [("sup", "supervisor"), ("command", "dispatcher")]
        .map(|(login, role)| Desk { house, cookie: house.desk(login, role).1 });
    let unit = house.phone("unit", "unit_clerk", "dept:env_san");
    let cases: Vec<String> = ["env_san", "env_san", "market"]
        .map(|lead| {
            let case = new_case_id();
            let op =
                worker.op("report", Some(case), &json!({"description": "暴露垃圾", "landmark": "菜场北门"}));
            worker.push(&[op]);
            supervision.act(&case.to_string(), "file", &json!({"reason": "valid"}));
            command.act(&case.to_string(), "dispatch", &json!({"lead": lead}));
            case.to_string()
        })
        .to_vec();
    let issue = |desk: &Desk<'_>, body: &Value, key: &str| {
        let headers =
            [("cookie", desk.cookie.as_str()), ("origin", house.base.as_str()), ("idempotency-key", key)];
        send_json("POST", &format!("{}/v1/letters", house.base), &headers, body)
    };

    let prefix = house.command(&["letters", "prefix", "义创卫办"]).output().expect("the command line");
    assert!(prefix.status.success(), "{}", String::from_utf8_lossy(&prefix.stderr));
    let batch =
        json!({"kind": "transfer", "cases": cases, "copies": ["市府办"], "due_ms": 1_800_000_000_000_i64});
    let first = issue(&command, &batch, "k1").ok();
    let numbers: Vec<String> =
        first["items"].as_array().expect("letters").iter().map(|l| text(&l["number"])).collect();
    println!("issued: {first}");
    assert_eq!(numbers.len(), 2, "one a unit");
    assert_eq!(issue(&command, &batch, "k1").ok(), first, "sent again, not issued again");
    issue(&supervision, &batch, "k2").problem("no_rights");
    let watched = json!({"kind": "supervise", "cases": [cases[0]]});
    issue(&command, &watched, "k3").problem("no_rights");
    let watched = issue(&supervision, &watched, "k4").ok();
    assert!(text(&watched["items"][0]["number"]).starts_with("义创卫办督〔20"), "{watched}");

    // Many at once, by HTTP and by the command line beside the server.
    let one = json!({"kind": "transfer", "cases": [cases[0]]});
    let mut all: BTreeSet<String> = numbers.into_iter().collect();
    let more: Vec<String> = std::thread::scope(|scope| {
        let (one, issue, command, cases) = (&one, &issue, &command, &cases);
        let by_http = (0..4).map(|hand| {
            scope.spawn(move || {
                (0..5)
                    .map(|n| text(&issue(command, one, &format!("h{hand}-{n}")).ok()["items"][0]["number"]))
                    .collect()
            })
        });
        let by_hand = (0..2).map(|_| {
            scope.spawn(move || {
                let words = [
                    "letters", "issue", "--as", "command", "--kind", "transfer", "--case", &cases[0],
                    "--json",
                ];
                let ran = house.command(&words).output().expect("the command line");
                assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
                let issued: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
                vec![text(&issued[0]["number"])]
            })
        });
        let hands: Vec<_> = by_http.chain(by_hand).collect();
        hands
            .into_iter()
            .flat_map(|h: std::thread::ScopedJoinHandle<'_, Vec<String>>| h.join().expect("ended"))
            .collect()
    });
    assert_eq!(more.len(), 22);
    all.extend(more);
    let year =
        text(&first["items"][0]["number"]).chars().skip_while(|c| *c != '〔').take(6).collect::<String>();
    let want: BTreeSet<String> = (1..=24).map(|n| format!("义创卫办交{year}{n}号")).collect();
    assert_eq!(all, want, "each number once, none left out");

    let letter =
        first["items"].as_array().expect("letters").iter().find(|l| l["unit"] == "env_san").expect("its");
    let id = text(&letter["letter_id"]);
    let page = command.get(&format!("/v1/letters/{id}/page"));
    page.ok();
    let html = String::from_utf8(page.body.clone()).expect("text");
    assert!(page.header("content-security-policy").is_some_and(|p| p.starts_with("default-src 'none'")));
    for part in ["交办单", "签收回执", "（盖章）", "抄送：市府办", "菜场北门"] {
        assert!(html.contains(part), "{part}");
    }
    for never in ["<script", "src=\"http", "href=", "责令"] {
        assert!(!html.contains(never), "{never}");
    }
    // The unit reads it on its phone and photographs the receipt; another unit's letter is not there.
    assert_eq!(unit.get(&format!("/v1/letters/{id}")).ok()["number"], letter["number"]);
    let foreign =
        first["items"].as_array().expect("letters").iter().find(|l| l["unit"] == "market").expect("its");
    unit.get(&format!("/v1/letters/{}", text(&foreign["letter_id"]))).problem("not_found");
    let photo = new_photo_id();
    let mut unit = unit;
    let case = cases[0].parse().expect("an id");
    let forms = json!({"working": {"sha256": "00".repeat(32), "bytes": 5}});
    let op = unit.op("photo", Some(case), &json!({"photo_id": photo, "role": "paper", "forms": forms}));
    unit.push(&[op]);
    let receipt = command.ask("POST", &format!("/v1/letters/{id}/receipt"), &json!({"photo_id": photo}));
    assert_eq!(receipt["receipt"], json!(photo));

    let gone = text(&foreign["letter_id"]);
    command.ask("POST", &format!("/v1/letters/{gone}/void"), &json!({"reason": "主送写错"}));
    let next = issue(&command, &one, "last").ok();
    assert_eq!(
        text(&next["items"][0]["number"]),
        format!("义创卫办交{year}25号"),
        "a voided number is not given again"
    );
    let (mut listed, mut cursor) = (vec![], String::new());
    loop {
        let page = command.ask("GET", &format!("/v1/letters?kind=transfer&limit=10{cursor}"), &Value::Null);
        listed.extend(page["items"].as_array().expect("letters").clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed.len(), 25);
    let voided: Vec<&Value> = listed.iter().filter(|l| !l["voided_ms"].is_null()).collect();
    assert_eq!((voided.len(), &voided[0]["void_reason"]), (1, &json!("主送写错")));
    let log = house.admin("GET", "/v1/audit?limit=500", &Value::Null).ok();
    let issued =
        log["items"].as_array().expect("rows").iter().filter(|r| r["action"] == "issue_letter").count();
    assert_eq!(issued, 26, "each letter is a row of the audit log");
}
