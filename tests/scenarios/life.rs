//! The life of a case over HTTP: phones and desks, as a city uses them. What each move allows is tried in core.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{RawPhone, new_case_id, new_op_id, send_json};
use blindspot_core::CaseId;
use serde_json::{Value, json};

/// A person at a desk.
struct Desk<'h> {
    house: &'h TestHouse,
    cookie: String,
}

impl Desk<'_> {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("cookie", self.cookie.as_str()), ("origin", self.house.base.as_str())];
        send_json(method, &format!("{}{path}", self.house.base), &headers, body).ok()
    }
    /// Gives the verdict.
    fn act(&self, case: CaseId, kind: &str, payload: &Value) -> Value {
        let op = json!({"op_id": new_op_id(), "kind": kind, "payload": payload});
        self.ask("POST", &format!("/v1/cases/{case}/ops"), &op)
    }
    fn does(&self, case: CaseId, kind: &str, payload: &Value) {
        let verdict = self.act(case, kind, payload);
        assert_eq!(verdict["verdict"], "applied", "{kind}: {verdict}");
    }
}

/// The case as this phone has it after a pull from the beginning; nothing when it is not its to read.
fn seen(phone: &RawPhone, case: CaseId) -> Option<Value> {
    let (pages, _) = phone.pull_all(None);
    let rows = pages.iter().flat_map(|page| page["rows"].as_array().expect("rows"));
    let mut found = rows.filter(|row| row["kind"] == "case" && row["id"] == json!(case));
    found.next().map(|row| row["body"].clone())
}

#[test]
fn a_report_is_completed_a_unit_returns_it_and_the_leader_rules() {
    let house = TestHouse::start();
    let mut worker = house.phone("worker", WORKER_ROLE, "city");
    let mut sanitation = house.phone("sanitation", "unit_clerk", "dept:sanitation");
    let market = house.phone("market", "unit_clerk", "dept:market");
    let [filing, command, leader] =
        [("filing", "filing_desk"), ("command", "dispatcher"), ("leader", "duty_leader")]
            .map(|(login, role)| Desk { house: &house, cookie: house.desk(login, role).1 });
    let case = new_case_id();
    let push = |phone: &mut RawPhone, kind: &str, payload: &Value| {
        let op = phone.op(kind, Some(case), payload);
        let reply = phone.push(&[op]);
        assert_eq!(reply["verdicts"][0]["verdict"], "applied", "{kind}: {reply}");
    };
    push(&mut worker, "report", &json!({"description": "菜场后门一堆"}));

    filing.does(case, "ask_more", &json!({"lacks": ["no_wide_shot"], "note": "拍一张远景"}));
    let asked = seen(&worker, case).expect("the reporter's own");
    assert_eq!(
        (&asked["state"], &asked["more_asked"]["lacks"]),
        (&json!("need_more"), &json!(["no_wide_shot"]))
    );
    push(&mut worker, "supplement", &json!({"text": "补拍了远景"}));
    filing.does(case, "file", &json!({"reason": "valid"}));
    command.does(case, "dispatch", &json!({"lead": "sanitation"}));

    // The unit asks from its phone; until the ruling the case stays its own.
    let ask = json!({"reason": "other_duty", "basis": "市场管理办法第八条", "owner": "market"});
    push(&mut sanitation, "request_return", &ask);
    let waiting = seen(&sanitation, case).expect("still its own");
    assert_eq!(
        (&waiting["state"], &waiting["return_asked"]["owner"]),
        (&json!("return_requested"), &json!("market"))
    );
    let detail = leader.ask("GET", &format!("/v1/cases/{case}"), &Value::Null);
    assert!(detail["legal_moves"].as_array().expect("moves").contains(&json!("rule_return")), "{detail}");
    let mute = leader.act(case, "rule_return", &json!({"ruling": "uphold", "text": "归市场"}));
    assert_eq!((&mute["verdict"], &mute["why"]), (&json!("noted"), &json!("lead_needed")), "{mute}");
    leader.does(
        case,
        "rule_return",
        &json!({"ruling": "uphold", "lead": "market", "text": "归市场", "precedent": true}),
    );

    assert_eq!(seen(&sanitation, case), None, "it is no longer its to read");
    let theirs = seen(&market, case).expect("the other unit's now");
    assert_eq!((&theirs["state"], &theirs["round"]), (&json!("dispatched"), &json!(2)));
    assert_eq!(theirs["rulings"][0]["from"], "sanitation");
    let told = leader.ask("GET", &format!("/v1/cases/{case}/timeline"), &Value::Null);
    let kinds: Vec<&str> =
        told["items"].as_array().expect("ops").iter().filter_map(|op| op["kind"].as_str()).collect();
    let want = [
        "report",
        "ask_more",
        "supplement",
        "file",
        "dispatch",
        "request_return",
        "rule_return",
        "rule_return",
    ];
    assert_eq!(kinds, want);
}
