//! How desks work through what lies before them, over HTTP: lists and counters, leases, many at once.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{Answer, RawPhone, new_case_id, new_op_id, new_photo_id, send_json};
use blindspot_core::CaseId;
use serde_json::{Value, json};

/// Somebody at a desk.
struct Desk {
    base: String,
    cookie: String,
}

impl Desk {
    fn at(house: &TestHouse, login: &str, role: &str) -> Self {
        Self { base: house.base.clone(), cookie: house.desk(login, role).1 }
    }
    /// Of one unit.
    fn of_unit(house: &TestHouse, login: &str, unit: &str) -> Self {
        let person = json!({"login": login, "name": login, "password": "typed by the admin"});
        let made = house.admin("POST", "/v1/people", &person).ok();
        let id = made["person_id"].as_str().expect("an id").to_owned();
        let grant = json!({"role": "unit_clerk", "area": format!("dept:{unit}")});
        house.admin("POST", &format!("/v1/people/{id}/grants"), &grant).ok();
        let desk = Self { base: house.base.clone(), cookie: house.sign_in(login, "typed by the admin") };
        desk.ask("POST", "/v1/me/password", &json!({"old": "typed by the admin", "new": "my own password"}));
        desk
    }
    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("origin", self.base.as_str())];
        send_json(method, &format!("{}{path}", self.base), &headers, body)
    }
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, path, body).ok()
    }
    fn does(&self, case: CaseId, kind: &str, payload: &Value) {
        let op = json!({"op_id": new_op_id(), "kind": kind, "payload": payload});
        let verdict = self.ask("POST", &format!("/v1/cases/{case}/ops"), &op);
        assert_eq!(verdict["verdict"], "applied", "{kind}: {verdict}");
    }
    /// Ids of a list, page by page of two.
    fn lists(&self, query: &str) -> Vec<String> {
        let (mut out, mut cursor) = (Vec::new(), String::new());
        for _ in 0..50 {
            let page = self.ask("GET", &format!("/v1/cases?limit=2&{query}{cursor}"), &Value::Null);
            let items = page["items"].as_array().expect("items");
            out.extend(items.iter().map(|c| c["case_id"].as_str().expect("an id").to_owned()));
            let Some(next) = page["next"].as_str() else { return out };
            cursor = format!("&cursor={next}");
        }
        panic!("a list without end");
    }
}

/// For a query.
fn quoted(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

fn report(phone: &mut RawPhone, payload: &Value) -> CaseId {
    let case = new_case_id();
    let op = phone.op("report", Some(case), payload);
    let reply = phone.push(&[op]);
    assert_eq!(reply["verdicts"][0]["verdict"], "applied", "{reply}");
    case
}

#[test]
fn shown_life_lists() {
    let house = TestHouse::start();
    let mut worker = house.phone("worker", WORKER_ROLE, "city");
    let mut other = house.phone("other", WORKER_ROLE, "grid:330782003001-01");
    let [filing, command] =
        [("filing", "filing_desk"), ("command", "dispatcher")].map(|(l, r)| Desk::at(&house, l, r));
    let unit = Desk::of_unit(&house, "unit", "sanitation");
    let texts = ["菜场北门暴露垃圾", "垃圾桶满溢", "小广告 KTV2楼", "下水道堵塞", "乱堆杂物"];
    let cases: Vec<CaseId> =
        texts.iter().map(|t| report(&mut worker, &json!({"description": t, "source": "hotline"}))).collect();
    let name = |n: usize| cases[n].to_string();
    let text = |t: &str| filing.lists(&format!("text={}", quoted(t)));

    // Words of two characters, of one, of letters; together; in no case at all.
    assert_eq!(text("垃圾"), [name(1), name(0)], "newest first");
    assert_eq!(text("圾"), [name(1), name(0)]);
    assert_eq!(text("ＫＴＶ"), [name(2)]);
    assert_eq!(text("北门 垃圾"), [name(0)]);
    assert_eq!(text("垃桶"), [""; 0], "not the pairs apart, the word");

    for case in &cases[..3] {
        filing.does(*case, "file", &json!({"reason": "valid"}));
        command.does(*case, "dispatch", &json!({"lead": "sanitation"}));
    }
    filing.does(cases[3], "file", &json!({"reason": "valid"}));
    assert_eq!(filing.lists("state=reported,filed"), [name(4), name(3)]);
    assert_eq!(filing.lists("lead=sanitation&sort=due").len(), 3, "those whose clock runs");
    assert_eq!(filing.lists("overdue=yes"), [""; 0]);
    assert_eq!(filing.lists("overdue=no").len(), 5);
    assert_eq!(filing.lists("source=hotline&open=true").len(), 5);
    assert_eq!(filing.lists("supervised=true"), [""; 0]);
    assert_eq!(filing.lists("relapse=true"), [""; 0]);
    let bad = filing.send("GET", "/v1/cases?overdue=perhaps", &Value::Null);
    assert_eq!((bad.status, bad.json()["code"].as_str()), (400, Some("bad_request")));

    // Each reader counts and finds what is his.
    let counts = filing.ask("GET", "/v1/cases/counters", &Value::Null);
    assert_eq!((&counts["open"], &counts["by_state"]["dispatched"]), (&json!(5), &json!(3)), "{counts}");
    assert!(
        counts["by_lead"]
            .as_array()
            .expect("units")
            .contains(&json!({"key": "sanitation", "open": 3, "overdue": 0}))
    );
    assert_eq!(unit.ask("GET", "/v1/cases/counters", &Value::Null)["open"], 3);
    assert_eq!(unit.lists(&format!("text={}", quoted("堵塞"))), [""; 0], "there, and not theirs");
    assert_eq!(unit.lists(&format!("text={}", quoted("满溢"))), [name(1)]);
    let none: Value = other.get("/v1/cases").ok();
    assert_eq!(none["items"], json!([]));

    // The timeline tells what became of the clock and what was said in two ways.
    let told = command.ask("GET", &format!("/v1/cases/{}/timeline", cases[0]), &Value::Null);
    let dispatched =
        told["items"].as_array().expect("ops").iter().find(|op| op["kind"] == "dispatch").expect("there");
    assert_eq!(dispatched["clock"]["step"], "set", "{dispatched}");
    assert!(dispatched["clock"]["due_ms"].as_i64().expect("a time") > 1_700_000_000_000);
    let change = json!({"changes": {"description": {"from": "x", "to": "河边"}}});
    let late = other.op("comment", Some(cases[0]), &json!({"text": "记"}));
    other.push(&[late]);
    let edit = worker.op("edit", Some(cases[4]), &change);
    assert_eq!(worker.push(&[edit])["verdicts"][0]["verdict"], "merged");
    let told = filing.ask("GET", &format!("/v1/cases/{}/timeline", cases[4]), &Value::Null);
    let edited = &told["items"].as_array().expect("ops")[1];
    assert_eq!(edited["conflicts"][0]["field"], "description", "{edited}");
    // And the list has moved with the words.
    assert_eq!(text("河边"), [name(4)]);
    assert_eq!(text("杂物"), [""; 0]);
}

#[test]
fn shown_life_leases() {
    let house = TestHouse::start();
    let mut worker = house.phone("worker", WORKER_ROLE, "city");
    let [wang, li] = ["wang", "li"].map(|login| Desk::at(&house, login, "filing_desk"));
    let first = report(&mut worker, &json!({"description": "一"}));
    let second = report(&mut worker, &json!({"description": "二"}));
    let danger = report(&mut worker, &json!({"description": "井盖没了", "urgent_danger": true}));
    let next = |desk: &Desk| desk.ask("POST", "/v1/cases/take-next", &json!({"desk": "filing"}));
    let id = |taken: &Value| taken["case"]["case_id"].as_str().map(str::to_owned);

    // Danger first, then the oldest; nobody gets what another holds.
    assert_eq!(id(&next(&wang)), Some(danger.to_string()));
    assert_eq!(id(&next(&li)), Some(first.to_string()));
    assert_eq!(id(&next(&wang)), Some(second.to_string()));
    assert_eq!(next(&li), json!({}), "none waits");
    let seen = li.ask("GET", &format!("/v1/cases/{second}"), &Value::Null);
    assert_eq!((&seen["lease"]["name"], &seen["lease"]["own"]), (&json!("wang"), &json!(false)), "{seen}");
    let listed = li.ask("GET", "/v1/cases", &Value::Null);
    assert_eq!(listed["leases"].as_array().expect("leases").len(), 3);
    let field: Value = worker.get(&format!("/v1/cases/{second}")).ok();
    assert!(
        field["lease"]["name"].is_null() && field["lease"]["until_ms"].is_i64(),
        "no names in the field: {field}"
    );

    // Kept by its holder alone, given back, taken by the next.
    let lease = format!("/v1/cases/{second}/lease");
    let kept = wang.ask("POST", &lease, &Value::Null);
    assert!(kept["until_ms"].as_i64() >= seen["lease"]["until_ms"].as_i64());
    assert_eq!(li.send("POST", &lease, &Value::Null).status, 409);
    assert_eq!(li.send("DELETE", &lease, &Value::Null).status, 204);
    assert_eq!(next(&li), json!({}), "another's lease is not given back by that");
    assert_eq!(wang.send("DELETE", &lease, &Value::Null).status, 204);
    assert_eq!(id(&next(&li)), Some(second.to_string()));

    // A courtesy: who decides all the same decides.
    wang.does(second, "file", &json!({"reason": "valid"}));
    assert_eq!(wang.send("POST", "/v1/cases/take-next", &json!({"desk": "dispatch"})).status, 403);
    assert_eq!(wang.send("POST", "/v1/cases/take-next", &json!({"desk": "tea"})).status, 400);
}

#[test]
fn shown_life_bulk() {
    let house = TestHouse::start();
    let mut worker = house.phone("worker", WORKER_ROLE, "city");
    let mut cleaner = house.phone("cleaner", "unit_clerk", "dept:sanitation");
    let [filing, command] =
        [("filing", "filing_desk"), ("command", "dispatcher")].map(|(l, r)| Desk::at(&house, l, r));
    let unit = Desk::of_unit(&house, "unit", "sanitation");
    let lane: Vec<CaseId> =
        (0..40).map(|n| report(&mut worker, &json!({"description": format!("小广告{n}")}))).collect();
    let bulk = |cases: &[CaseId], kind: &str, payload: &Value| {
        let one = |case: &CaseId| json!({"case_id": case, "op": {"op_id": new_op_id(), "kind": kind, "payload": payload}});
        json!({"ops": cases.iter().map(one).collect::<Vec<_>>()})
    };
    let said = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().expect("items").iter();
        let word = |i: &Value| {
            i["verdict"]["verdict"].as_str().or(i["problem"]["code"].as_str()).expect("one").to_owned()
        };
        items.map(word).collect()
    };
    // One that is not there and one that no longer fits hold up none of the others.
    filing.does(lane[1], "file", &json!({"reason": "valid"}));
    let stranger = new_case_id();
    let mut mixed = lane.clone();
    mixed[5] = stranger;
    let ops = bulk(&mixed, "file", &json!({"reason": "valid"}));
    let answer = filing.ask("POST", "/v1/cases/bulk", &ops);
    let words = said(&answer);
    assert_eq!((words[1].as_str(), words[5].as_str()), ("noted", "not_found"), "{answer}");
    assert_eq!(words.iter().filter(|w| *w == "applied").count(), 38);
    assert_eq!(answer["items"][5]["case_id"], json!(stranger));
    // Sent again, each is answered as before.
    let again = filing.ask("POST", "/v1/cases/bulk", &ops);
    assert_eq!(said(&again), words);
    assert!(again["items"][0]["verdict"]["seen_before"].as_bool().unwrap_or(false), "{again}");
    filing.does(lane[5], "file", &json!({"reason": "valid"}));
    let answer =
        command.ask("POST", "/v1/cases/bulk", &bulk(&lane, "dispatch", &json!({"lead": "sanitation"})));
    assert!(said(&answer).iter().all(|w| w == "applied"));

    // One after-photo of the wall for all of them (U22).
    let photo = new_photo_id();
    let form = json!({"sha256": "ab".repeat(32), "bytes": 9});
    let named = json!({"photo_id": photo, "role": "after", "forms": {"working": form}});
    let op = cleaner.op("photo", Some(lane[0]), &named);
    assert_eq!(cleaner.push(&[op])["verdicts"][0]["verdict"], "applied");
    let back = json!({"text": "一面墙一起清的", "photos": [photo]});
    let answer = unit.ask("POST", "/v1/cases/bulk", &bulk(&lane, "feed_back", &back));
    assert!(said(&answer).iter().all(|w| w == "applied"), "{answer}");
    let last = unit.ask("GET", &format!("/v1/cases/{}", lane[39]), &Value::Null);
    let case = last["rows"].as_array().expect("rows").iter().find(|r| r["kind"] == "case").expect("it");
    assert_eq!(
        (&case["body"]["state"], &case["body"]["feed_back"]["photos"]),
        (&json!("fed_back"), &json!([photo]))
    );
    assert_eq!(unit.lists("state=fed_back").len(), 40);

    let many = bulk(&[lane.as_slice(); 6].concat(), "comment", &json!({"text": "x"}));
    assert_eq!(filing.send("POST", "/v1/cases/bulk", &many).status, 400, "200 at most");
}
