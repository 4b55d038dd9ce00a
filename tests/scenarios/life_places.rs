//! Places over time and one's own month over HTTP: looks that count, what is long unseen, a leader's places, and that nobody reads
//! another's month.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::killed::blindspot;
use crate::life_sheet::Desk;
use crate::raw::{RawPhone, new_case_id};
use blindspot_core::geo::Point;
use serde_json::{Value, json};
use std::process::Command;

fn fix(at: Point) -> Value {
    json!({"lat": at.lat, "lon": at.lon, "accuracy_m": 8.0})
}

/// The only verdict of the only op.
fn sent(phone: &mut RawPhone, kind: &str, payload: &Value) -> Value {
    let case = (kind != "look").then(new_case_id);
    let op = phone.op(kind, case, payload);
    phone.push(&[op])["verdicts"][0].clone()
}

#[test]
fn shown_life_places() {
    let house = TestHouse::start_with_city();
    let [(grid, at), (_, next), (far, elsewhere)] = house.three_places();
    let town = grid.committee().town();
    let mut worker = house.phone("worker", WORKER_ROLE, &format!("town:{town}"));
    let other = house.phone("other", WORKER_ROLE, &format!("town:{}", far.committee().town()));

    // A look needs a place in its grid; what does not count is kept, and says what to do.
    let nowhere = sent(&mut worker, "look", &json!({"grid": grid}));
    assert_eq!((&nowhere["verdict"], &nowhere["why"]), (&json!("noted"), &json!("look_without_position")));
    let away = sent(&mut worker, "look", &json!({"grid": grid, "position": fix(elsewhere)}));
    assert_eq!(away["why"], "look_outside_grid", "{away}");
    let first = sent(&mut worker, "look", &json!({"grid": grid, "position": fix(at)}));
    assert_eq!(first["verdict"], "applied", "{first}");
    let again = sent(&mut worker, "look", &json!({"grid": grid, "position": fix(at)}));
    assert_eq!(again["why"], "look_too_soon", "{again}");

    let told = worker.get("/v1/freshness?days=7&limit=500&cells=true").ok();
    let of = |told: &Value| -> Value {
        let found = told["items"].as_array().expect("grids").iter().find(|g| g["grid"] == json!(grid));
        found.cloned().unwrap_or(Value::Null)
    };
    let seen = of(&told);
    assert_eq!(
        (&seen["looks"], &seen["days"], &seen["persons"]),
        (&json!(1), &json!(1), &json!(1)),
        "{seen}"
    );
    assert_eq!(seen["unseen_days"], 0);
    assert!(!seen["cells"].as_array().expect("cells").is_empty());
    assert_eq!(
        of(&other.get("/v1/freshness?limit=500").ok()),
        Value::Null,
        "another town is nobody's to read"
    );
    let unseen = worker.get("/v1/freshness/unseen?days=7").ok();
    let grids = unseen["grids"].as_array().expect("grids");
    assert!(!grids.is_empty() && grids.iter().all(|g| g["id"] != json!(grid)), "{unseen}");

    // Beside the server that runs, the command line sees the whole city.
    let listed = Command::new(blindspot())
        .args(["list", "unseen", "--days", "7", "--json", "--data"])
        .arg(house.data())
        .output()
        .expect("runs");
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("a line of JSON");
    assert!(listed["of_grids"].as_u64() > Some(0), "{listed}");

    // A leader reads what his office is linked to, and nothing before it is.
    let leader = house.phone("leader", "linked_leader", "dept:office-1");
    worker.get("/v1/me/places").problem("no_rights");
    assert_eq!(leader.get("/v1/me/places").ok()["places"], json!([]));
    sent(&mut worker, "report", &json!({"position": fix(next), "description": "河边一堆"}));
    let holder = json!({"id": "L1", "kind": "linked_leader", "unit": "office-1", "town": town});
    house.admin("POST", "/v1/duty", &json!({"holders": [holder]})).ok();
    let places = leader.get("/v1/me/places").ok();
    let place = &places["places"][0];
    assert_eq!((&place["kind"], &place["code"], &place["open"]), (&json!("town"), &json!(town), &json!(1)));
    assert_eq!(place["unseen"].as_array().expect("grids").len(), grids.len() - 1, "the report was a visit");
}

#[test]
fn shown_life_month() {
    let house = TestHouse::start_with_city();
    let [(_, at), (_, next), _] = house.three_places();
    let mut worker = house.phone("worker", WORKER_ROLE, "city");
    let mut other = house.phone("other", WORKER_ROLE, "city");
    let filing = Desk { house: &house, cookie: house.desk("filing", "filing_desk").1 };
    let mut opened = vec![];
    for (own, place) in [(true, at), (true, at), (true, next), (false, next)] {
        let phone = if own { &mut worker } else { &mut other };
        let case = new_case_id();
        // A word that a spreadsheet would run.
        let op = phone.op("report", Some(case), &json!({"position": fix(place), "description": "=1+1"}));
        phone.push(&[op]);
        opened.push(case.to_string());
    }
    sent(&mut worker, "self_fixed", &json!({"position": fix(at), "description": "扫了"}));
    filing.act(&opened[0], "file", &json!({"reason": "valid"}));
    filing.act(&opened[1], "refuse", &json!({"reason": "not_in_scope"}));
    filing.act(&opened[2], "merge", &json!({"into": opened[3], "reason": "same_spot"}));
    let own = worker.get("/v1/me/month").ok();
    let sums = &own["sums"];
    let n = |word: &str| sums[word].as_u64().expect("a number");
    assert_eq!(
        [n("reported"), n("valid"), n("merged"), n("refused"), n("self_fixed")],
        [3, 2, 1, 1, 1],
        "{own}"
    );
    assert_eq!(sums["refused_by"], json!({"not_in_scope": 1}));
    let theirs = other.get("/v1/me/month").ok();
    assert_eq!(theirs["lines"].as_array().expect("lines").len(), 1);
    assert_eq!(theirs["lines"][0]["case_id"], json!(opened[3]));
    worker.get("/v1/me/month?month=2026-13").problem("bad_request");
    let file = worker.get("/v1/me/month/file?format=csv");
    let text = String::from_utf8(file.body.clone()).expect("text");
    assert!(text.contains("有效（并案）") && text.contains("not_in_scope"), "{text}");
    assert!(!text.contains(",=1+1"), "no formula: {text}");
    assert!(!text.contains(&opened[3]), "nobody else's");
    let book = worker.get("/v1/me/month/file");
    assert_eq!(&book.body[..2], b"PK");

    // The sample is the desk's, and holds no names.
    worker.get("/v1/self-fixed").problem("no_rights");
    let day = filing.get("/v1/self-fixed").ok();
    assert_eq!(
        (&day["self_fixed"], &day["share_percent"], &day["seed"]),
        (&json!(1), &json!(5), &Value::Null)
    );
    let clusters = filing.get("/v1/clusters").ok();
    assert!(clusters["items"].is_array(), "{clusters}");
}

/// A list of findings is handed to a server that runs: each line becomes a report once.
#[test]
fn shown_life_online() {
    let house = TestHouse::start_with_city();
    house.desk("filing", "filing_desk");
    let dir = tempfile::tempdir().expect("a folder");
    let (list, password) = (dir.path().join("found.csv"), dir.path().join("password"));
    std::fs::write(&list, "问题描述,具体位置\n河边一堆,稠江桥下\n桶满溢,菜场北门\n").expect("written");
    std::fs::write(&password, "my own password\n").expect("written");
    let run = |password: &std::path::Path| {
        let (list, password) = (list.to_string_lossy().into_owned(), password.to_string_lossy().into_owned());
        let words =
            ["import", "findings", "--json", "--file", &list, "--as", "filing", "--server", &house.base];
        house.command(&[&words[..], &["--password-file", &password]].concat()).output().expect("it runs")
    };
    let told = |out: &std::process::Output| -> Value {
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("JSON")
    };
    let first = told(&run(&password));
    assert_eq!((&first["taken"], &first["seen_before"]), (&json!(2), &json!(0)), "{first}");
    let again = told(&run(&password));
    assert_eq!((&again["taken"], &again["seen_before"]), (&json!(0), &json!(2)), "{again}");
    std::fs::write(&password, "not the password\n").expect("written");
    let refused = run(&password);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the server refused"), "{refused:?}");
}
