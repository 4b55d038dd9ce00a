//! Who may call what: every route of the description by seven callers, and every address of a case by where the case
//! lies. What is expected of a route comes from the policy table; what is expected of a case is said here again, in
//! other words, so that a mistake in one is a difference.

use crate::house::TestHouse;
use crate::photos::{create_of, patch, picture};
use crate::raw::{Answer, RawPhone, new_case_id, new_op_id, new_photo_id, send};
use blindspot_core::id::Sha256;
use blindspot_core::{CaseId, PhotoId};
use blindspot_server::openapi::{self, RouteLine};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How somebody shows who it is.
enum Pass {
    Nothing,
    Cookie(String),
    Phone(Box<RawPhone>),
}

struct Caller {
    name: &'static str,
    pass: Pass,
    /// Words of `x-role` that it holds.
    roles: &'static [&'static str],
}

impl Caller {
    fn call(&self, base: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        let bearer;
        let mut headers = vec![("origin", base), ("tus-resumable", "1.0.0")];
        // A body that nobody reads would end the connection, perhaps before the answer is read.
        let reads = matches!(method, "GET" | "HEAD");
        let body = if reads { b"" } else { body };
        if !reads {
            headers.push(("content-type", "application/json"));
        }
        match &self.pass {
            Pass::Nothing => {}
            Pass::Cookie(cookie) => headers.push(("cookie", cookie)),
            Pass::Phone(phone) => {
                bearer = format!("Bearer {}", phone.access);
                headers.push(("authorization", &bearer));
            }
        }
        send(method, &format!("{base}{path}"), &headers, body)
    }
}

const ADMINISTRATOR: &[&str] =
    &["signed_in", "administrator", "auditor", "supervisor", "overseer", "reviewer"];
const SUPERVISOR: &[&str] =
    &["signed_in", "supervisor", "overseer", "reviewer", "hotline_reader", "importer", "filing_desk"];
const AUDITOR: &[&str] = &["signed_in", "auditor", "overseer", "reviewer"];
const HOTLINE: &[&str] = &["signed_in", "hotline", "hotline_reader", "importer"];
const SIGNED_IN: &[&str] = &["signed_in"];

/// Would end the caller, or never end itself; what they do has tests of their own.
fn is_left_out(route: &RouteLine) -> bool {
    let path = route.path.as_str();
    path == "/v1/events" || (route.method == "DELETE" && path == "/v1/sessions")
}

fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap_or("").to_owned()
}

#[test]
fn shown_platform_matrix() {
    let house = TestHouse::start_with_city();
    let city = City::lay_out(&house);
    let callers = city.callers(&house);
    let routes = openapi::routes();
    let mut cells = 0;
    let unknown = "0199d7a0-0000-7000-8000-0000000000ff";
    for route in routes.iter().filter(|r| !is_left_out(r)) {
        assert!(!route.role.is_empty(), "{} {} has no row in the policy table", route.method, route.path);
        for caller in &callers {
            let mut path = route.path.clone();
            for name in ["{id}", "{session}", "{form}", "{kind}", "{file}"] {
                path = path.replace(name, if name == "{form}" { "working" } else { unknown });
            }
            let answer = caller.call(&house.base, &route.method, &path, b"{}");
            let what =
                format!("{} {} as {}: {} {}", route.method, path, caller.name, answer.status, code(&answer));
            let open = route.role == "anonymous";
            let expected = match (&caller.pass, open || caller.roles.contains(&route.role)) {
                (Pass::Nothing, false) => 401,
                (_, false) => 403,
                (_, true) => 0,
            };
            match expected {
                0 => assert!(!matches!(answer.status, 401 | 403 | 500..), "{what}"),
                status => assert_eq!(answer.status, status, "{what}"),
            }
            // A HEAD answer has no body to name its code in.
            if expected != 0 && route.method != "HEAD" {
                let wanted = if expected == 401 { "sign_in" } else { "no_rights" };
                assert_eq!(code(&answer), wanted, "{what}");
            }
            cells += 1;
        }
    }
    let cases = city.check_relations(&house.base, &callers);
    println!(
        "{} routes x {} callers = {cells} cells, and {cases} of cases by place: all as expected",
        routes.len(),
        callers.len()
    );
}

/// Cases in several places, named by their relation to the grid worker.
struct City {
    own: String,
    town: String,
    cases: BTreeMap<&'static str, CaseId>,
    /// One on each case.
    photos: BTreeMap<&'static str, PhotoId>,
}

/// Puts a photo on a case, with its bytes.
fn photograph(reporter: &mut RawPhone, case: CaseId) -> PhotoId {
    let (photo, bytes) = (new_photo_id(), picture(1));
    let form = json!({"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()});
    let op = reporter.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"working": form}}));
    assert_eq!(reporter.push(&[op])["verdicts"][0]["verdict"], "applied");
    let at = create_of(reporter, photo, "working", &bytes);
    assert_eq!(patch(reporter, &at, 0, &bytes).status, 204);
    photo
}

impl City {
    fn lay_out(house: &TestHouse) -> Self {
        let places = house.three_places();
        let [(own, _), (sibling, _), (other, _)] = &places;
        let town = |grid: &blindspot_core::division::GridId| grid.committee().town();
        assert_eq!(town(own), town(sibling), "two grids of one town");
        assert_ne!(town(own), town(other), "and one of another");
        let (mut cases, mut photos) = (BTreeMap::new(), BTreeMap::from([("unknown", new_photo_id())]));
        for (relation, (grid, point)) in ["own", "sibling", "other_town"].into_iter().zip(&places) {
            let mut reporter =
                house.phone(&format!("reporter-{relation}"), "collector", &format!("grid:{grid}"));
            let case = new_case_id();
            let position = json!({"lat": point.lat, "lon": point.lon, "accuracy_m": 3, "datum": "wgs84"});
            let op =
                reporter.op("report", Some(case), &json!({"position": position, "description": relation}));
            assert_eq!(reporter.push(&[op])["verdicts"][0]["verdict"], "applied");
            cases.insert(relation, case);
            photos.insert(relation, photograph(&mut reporter, case));
        }
        cases.insert("unknown", new_case_id());
        Self { own: format!("grid:{own}"), town: format!("town:{}", town(own)), cases, photos }
    }

    fn callers(&self, house: &TestHouse) -> Vec<Caller> {
        let desk = |login: &str, role: &str| Pass::Cookie(house.desk(login, role).1);
        let phone =
            |login: &str, role: &str, area: &str| Pass::Phone(Box::new(house.phone(login, role, area)));
        let caller = |name, pass, roles| Caller { name, pass, roles };
        vec![
            caller("anonymous", Pass::Nothing, &[]),
            caller("worker", phone("worker", "collector", &self.own), SIGNED_IN),
            caller("former worker", self.former(house), SIGNED_IN),
            caller("town supervisor", phone("town-supervisor", "supervisor", &self.town), SUPERVISOR),
            caller("supervisor", desk("supervisor", "supervisor"), SUPERVISOR),
            caller("hotline clerk", desk("hotline", "hotline_clerk"), HOTLINE),
            caller("auditor", desk("auditor", "auditor"), AUDITOR),
            caller("administrator", desk("second-admin", "administrator"), ADMINISTRATOR),
        ]
    }

    /// Somebody whose grid it was.
    fn former(&self, house: &TestHouse) -> Pass {
        let phone = house.phone("former", "collector", &self.own);
        let case = self.cases["own"];
        assert_eq!(phone.get(&format!("/v1/cases/{case}")).status, 200, "it was theirs");
        let people = house.admin("GET", "/v1/people?limit=500", &Value::Null).ok();
        let me = people["items"]
            .as_array()
            .expect("people")
            .iter()
            .find(|p| p["login"] == "former")
            .expect("there");
        let grant = me["grants"][0]["grant_id"].as_str().expect("an id");
        assert_eq!(house.admin("DELETE", &format!("/v1/grants/{grant}"), &Value::Null).status, 204);
        Pass::Phone(Box::new(phone))
    }

    /// Which cases a caller sees, in words of its own.
    fn sees(caller: &str, relation: &str) -> bool {
        match caller {
            "worker" => relation == "own",
            "town supervisor" => matches!(relation, "own" | "sibling"),
            "supervisor" | "auditor" => relation != "unknown",
            _ => false,
        }
    }

    /// On which cases a caller's comment is taken: on those that they see.
    fn acts(caller: &str, relation: &str) -> bool {
        Self::sees(caller, relation)
    }

    /// Whether a comment of a caller came to stand on a case.
    fn act(&self, base: &str, caller: &Caller, case: CaseId) -> bool {
        let op = json!({"op_id": new_op_id(), "kind": "comment", "payload": {"text": caller.name}});
        let answer = caller.call(base, "POST", &format!("/v1/cases/{case}/ops"), op.to_string().as_bytes());
        if answer.status == 404 {
            return false;
        }
        let verdict = answer.ok()["verdict"].clone();
        assert!(
            ["applied", "quarantined"].iter().any(|word| verdict == *word),
            "{verdict} of {}",
            caller.name
        );
        verdict == "applied"
    }

    fn check_relations(&self, base: &str, callers: &[Caller]) -> usize {
        let mut cells = 0;
        for caller in callers.iter().filter(|c| !matches!(c.pass, Pass::Nothing)) {
            let mut refusals: Vec<Value> = vec![];
            for (relation, case) in &self.cases {
                let photo = self.photos[relation];
                for path in [
                    format!("/v1/cases/{case}"),
                    format!("/v1/cases/{case}/timeline"),
                    format!("/v1/photos/{photo}/working"),
                ] {
                    let answer = caller.call(base, "GET", &path, b"");
                    let what = format!("{path} of {relation} by {}", caller.name);
                    let expected = if Self::sees(caller.name, relation) { 200 } else { 404 };
                    assert_eq!(answer.status, expected, "{what}");
                    if expected == 404 {
                        let mut body = answer.json();
                        body["request_id"] = Value::Null;
                        refusals.push(body);
                    }
                    cells += 1;
                }
                let acted = self.act(base, caller, *case);
                assert_eq!(
                    acted,
                    Self::acts(caller.name, relation),
                    "an op on {relation} by {}",
                    caller.name
                );
                cells += 1;
            }
            // What is not theirs and what is not there answer alike.
            assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{}: {refusals:?}", caller.name);
            let listed = caller.call(base, "GET", "/v1/cases?limit=500", b"").ok();
            let ids: Vec<&str> = listed["items"]
                .as_array()
                .expect("cases")
                .iter()
                .filter_map(|c| c["case_id"].as_str())
                .collect();
            for (relation, case) in &self.cases {
                let expected = Self::sees(caller.name, relation);
                assert_eq!(
                    ids.contains(&case.to_string().as_str()),
                    expected,
                    "list of {}: {relation}",
                    caller.name
                );
                cells += 1;
            }
        }
        cells
    }
}

#[test]
fn a_desk_input_with_a_field_that_nobody_knows_is_refused_and_a_sync_frame_is_not() {
    let house = TestHouse::start();
    let person = house.person("known", "collector", "city");
    for (method, path, body) in [
        ("POST", "/v1/people".to_owned(), json!({"login": "x", "name": "x", "active": true})),
        ("POST", "/v1/people".to_owned(), json!({"login": "x", "name": "x", "person_id": person})),
        ("PATCH", format!("/v1/people/{person}"), json!({"active": true, "login": "other"})),
        (
            "POST",
            format!("/v1/people/{person}/grants"),
            json!({"role": "auditor", "area": "city", "granted_by": "me"}),
        ),
        ("POST", "/v1/sessions".to_owned(), json!({"login": "x", "password": "y", "role": "administrator"})),
    ] {
        let answer = house.admin(method, &path, &body);
        assert_eq!(answer.status, 400, "{method} {path} {body}");
        answer.problem("bad_request");
    }
    let mut phone = house.phone_of("known", "x");
    let op = phone.op("comment", Some(new_case_id()), &json!({"text": "x", "from_a_later_version": 1}));
    let frame = json!({"ops": [op], "from_a_later_version": {"x": 1}});
    phone.post("/v1/sync/push", &frame).ok();
}
