//! Two cities on one PostgreSQL database: every route of one, asked about everything that the other has.

use crate::house::TestHouse;
use crate::photos::{create_of, patch, picture};
use crate::raw::{Answer, RawPhone, new_case_id, new_photo_id, send};
use blindspot_core::id::Sha256;
use blindspot_server::openapi::{self, RouteLine};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Stands in every text of the one city.
const MARK: &str = "甲城机密";

/// What the one city has, by the name of the path's part that would lead to it.
struct Found {
    names: BTreeMap<&'static str, Vec<String>>,
    phone: RawPhone,
    cookie: String,
}

/// People, a phone, a case with a photo and a look, an op in quarantine, a photo that belongs to nothing.
fn furnish(house: &TestHouse) -> Found {
    let person = house.person(&format!("{MARK}员"), "collector", "city");
    let (desk, cookie) = house.desk(&format!("{MARK}主管"), "supervisor");
    let mut phone = RawPhone::enrol(&house.base, &house.code_for(&person));
    let (case, photo, bytes) = (new_case_id(), new_photo_id(), picture(1));
    let form = json!({"sha256": Sha256::of(&bytes).to_hex(), "bytes": bytes.len()});
    let ops = [
        phone.op("report", Some(case), &json!({"description": MARK})),
        phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"working": form}})),
        phone.op("from_a_later_version", Some(case), &json!({"text": MARK})),
    ];
    let reply = phone.push(&ops);
    assert_eq!(reply["verdicts"][1]["verdict"], "applied", "{reply}");
    let at = create_of(&phone, photo, "working", &bytes);
    assert_eq!(patch(&phone, &at, 0, &bytes).status, 204);
    let (orphan, other) = (new_photo_id(), picture(2));
    let open = create_of(&phone, orphan, "working", &other);
    let upload = open.rsplit('/').next().expect("an id").to_owned();
    let quarantine = house.admin("GET", "/v1/quarantine", &Value::Null).ok();
    let kept = &quarantine["items"][0];
    assert!(kept["op_id"].is_string(), "{quarantine}");
    let people = house.admin("GET", "/v1/people?limit=500", &Value::Null).ok();
    let grants = people["items"].as_array().expect("people").iter().flat_map(|p| {
        p["grants"].as_array().into_iter().flatten().filter_map(|g| g["grant_id"].as_str().map(str::to_owned))
    });
    let sessions = house.admin("GET", &format!("/v1/people/{desk}/sessions"), &Value::Null).ok();
    let session = sessions["items"].as_array().or(sessions.as_array()).expect("sessions")[0].clone();
    let session = session["session_id"].as_str().or(session["id"].as_str()).expect("an id").to_owned();
    let mut ids = vec![
        case.to_string(),
        person,
        desk,
        phone.device.to_string(),
        photo.to_string(),
        orphan.to_string(),
        upload,
        session.clone(),
    ];
    ids.extend(grants);
    let text = |key: &str| vec![kept[key].as_str().expect("text").to_owned()];
    let hash = kept["hash"].as_str().or(kept["sha256"].as_str()).expect("a hash").to_owned();
    let names = BTreeMap::from([
        ("{id}", ids),
        ("{session}", vec![session]),
        ("{op_id}", text("op_id")),
        ("{hash}", vec![hash]),
        ("{form}", vec!["working".to_owned()]),
        ("{kind}", vec!["divisions".to_owned()]),
        ("{file}", vec!["index.html".to_owned()]),
    ]);
    Found { names, phone, cookie }
}

/// All paths of a route with what the city has in their places.
fn paths(route: &RouteLine, found: &Found) -> Vec<String> {
    let mut all = vec![route.path.clone()];
    for (name, values) in &found.names {
        all = all
            .iter()
            .flat_map(|path| match path.contains(name) {
                true => values.iter().map(|v| path.replace(name, v)).collect(),
                false => vec![path.clone()],
            })
            .collect();
    }
    all
}

/// Every row of a city in every table, as one digest for each table.
fn digests(house: &TestHouse, city: &str) -> BTreeMap<String, String> {
    let mut client = house.client();
    let tables = client
        .query(
            "SELECT table_name FROM information_schema.columns \
             WHERE table_schema = 'public' AND column_name = 'city_id' ORDER BY 1",
            &[],
        )
        .expect("tables");
    assert!(tables.len() > 30, "nearly all tables are of cities");
    let mut out = BTreeMap::new();
    for row in tables {
        let table: String = row.get(0);
        // What a server says of itself again and again.
        if table == "nodes" {
            continue;
        }
        let sql = format!(
            "SELECT count(*)::text || ' ' || coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') \
             FROM {table} t WHERE city_id = $1"
        );
        let digest = client.query_one(&sql, &[&city]).expect("a digest").get(0);
        out.insert(table, digest);
    }
    out
}

/// The digests once the city's own jobs have looked at its photos: they work on while others are asked.
fn digests_at_rest(house: &TestHouse, city: &str) -> BTreeMap<String, String> {
    let mut seen = digests(house, city);
    for _ in 0..60 {
        std::thread::sleep(Duration::from_secs(1));
        let now = digests(house, city);
        // A photo that belongs to nothing waits for its op.
        let open = "SELECT count(*) FROM rendition_jobs j JOIN rows r ON r.city_id = j.city_id AND r.kind = 'photo' \
                    AND r.id = j.photo_id::text WHERE j.city_id = $1 AND j.done_ms IS NULL AND j.tries < 3";
        let waits: i64 = house.client().query_one(open, &[&city]).expect("a count").get(0);
        // What phones last said of themselves is written a while after they said it.
        let said = "SELECT count(*) FROM device_reports WHERE city_id = $1";
        let said: i64 = house.client().query_one(said, &[&city]).expect("a count").get(0);
        if now == seen && waits == 0 && said > 0 {
            break;
        }
        seen = now;
    }
    seen
}

fn call(base: &str, who: (&str, &str), method: &str, path: &str) -> Answer {
    let reads = matches!(method, "GET" | "HEAD");
    let mut headers = vec![("origin", base), ("tus-resumable", "1.0.0"), who];
    if !reads {
        headers.push(("content-type", "application/json"));
    }
    send(method, &format!("{base}{path}"), &headers, if reads { b"" } else { b"{}" })
}

#[test]
fn shown_outgrow_tenancy() {
    let ours = TestHouse::start_on_postgres();
    let found = furnish(&ours);
    let theirs = ours.another_city("dongyang");
    let worker = theirs.phone("worker", "collector", "city");
    let supervisor = theirs.desk("supervisor", "supervisor").1;
    let auditor = theirs.desk("auditor", "auditor").1;
    let bearer = |phone: &RawPhone| format!("Bearer {}", phone.access);
    let (own, foreign) = (bearer(&worker), bearer(&found.phone));
    let (admin, routes) = (theirs.cookie(), openapi::routes());
    let before = digests_at_rest(&ours, "city");
    let mut asked = 0;
    for route in routes.iter().filter(|r| r.path != "/v1/events") {
        for path in paths(route, &found) {
            // People of the other city who may do everything there.
            for who in
                [("cookie", admin), ("cookie", &supervisor), ("cookie", &auditor), ("authorization", &own)]
            {
                if route.method == "DELETE" && path == "/v1/sessions" {
                    continue;
                }
                let answer = call(&theirs.base, who, &route.method, &path);
                let body = String::from_utf8_lossy(&answer.body);
                assert!(!body.contains(MARK), "{} {path}: {body}", route.method);
                let names_ours = path != route.path && !path.contains("working") || path.contains("photos/");
                let open = ["{file}", "{kind}"].iter().any(|part| route.path.contains(part));
                if names_ours && path != route.path && !open && route.method != "OPTIONS" {
                    assert!(
                        answer.status >= 400,
                        "{} {path} as {who:?}: {} {body}",
                        route.method,
                        answer.status
                    );
                }
                asked += 1;
            }
            // People of this city at the other one's door.
            for who in
                [("cookie", ours.cookie()), ("cookie", found.cookie.as_str()), ("authorization", &foreign)]
            {
                let answer = call(&theirs.base, who, &route.method, &path);
                if route.role != "anonymous" {
                    assert_eq!(answer.status, 401, "{} {path} by a stranger", route.method);
                }
                asked += 1;
            }
        }
    }
    println!("{}", json!({"routes": routes.len(), "asked": asked}));
    assert_eq!(digests(&ours, "city"), before, "a row of the one city changed by what the other was asked");
    // And both go on by themselves.
    assert_eq!(found.phone.get("/v1/me").status, 200);
    assert_eq!(worker.get("/v1/me").status, 200);
    let listed = theirs.admin("GET", "/v1/cases?limit=500", &Value::Null).ok();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(0), "{listed}");
}
