//! The server's log: one line a request with ids and numbers; nothing that is somebody's.

use crate::killed::{blindspot, kill};
use crate::raw::{RawPhone, new_case_id, send, send_json};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_log_of_a_day_holds_no_name_no_position_and_no_secret() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, logs) = (dir.path().join("data"), dir.path().join("logs"));
    let mut child = Command::new(blindspot())
        .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug"])
        .arg("--data")
        .arg(&data)
        .arg("--log-dir")
        .arg(&logs)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    // Kept to the end: the greeting has more lines than the one that is looked for.
    let mut out = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("its output")));
    let link = out
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.trim().strip_prefix("http://").map(|rest| format!("http://{rest}")))
        .expect("a set-up link");
    let (base, token) = link.split_once("/setup?token=").expect("a token");
    let secrets = drive(base, token);
    // Lines are written behind the requests.
    std::thread::sleep(Duration::from_millis(500));
    kill(child);
    drop(out);
    let mut log = String::new();
    for entry in std::fs::read_dir(&logs).expect("a folder") {
        log += &std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
    }
    for secret in &secrets {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
    let lines: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).expect("a line of JSON")).collect();
    let access = |route: &str| {
        let found = lines.iter().find(|l| l["target"] == "access" && l["route"] == route);
        found.unwrap_or_else(|| panic!("no line of {route}: {log}")).clone()
    };
    let push = access("/v1/sync/push");
    for field in ["request_id", "method", "status", "ms", "person", "device"] {
        assert!(!push[field].is_null(), "{field}: {push}");
    }
    assert_eq!(access("other")["code"], "not_found");
    assert_eq!(access("/v1/cases/{id}")["code"], "not_found");
}

/// A day's worth of requests; gives everything that must not be found again.
fn drive(base: &str, token: &str) -> Vec<String> {
    let began = Instant::now();
    while send("GET", &format!("{base}/livez"), &[], b"").status != 200 {
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    let me = json!({"token": token, "login": "plantedadmin", "name": "潘大山", "password": "planted horse battery"});
    send_json("POST", &format!("{base}/v1/setup"), &[], &me).ok();
    let wrong = json!({"login": "plantedadmin", "password": "planted wrong words"});
    send_json("POST", &format!("{base}/v1/sessions"), &[], &wrong);
    let right = json!({"login": "plantedadmin", "password": "planted horse battery"});
    let signed = send_json("POST", &format!("{base}/v1/sessions"), &[], &right);
    let cookie = signed.header("set-cookie").and_then(|c| c.split(';').next()).expect("a cookie").to_owned();
    let admin = |path: &str, body: Value| {
        send_json("POST", &format!("{base}{path}"), &[("cookie", &cookie), ("origin", base)], &body).ok()
    };
    let person = admin("/v1/people", json!({"login": "plantedworker", "name": "潘小河"}));
    let id = person["person_id"].as_str().expect("an id");
    admin(&format!("/v1/people/{id}/grants"), json!({"role": "collector", "area": "city"}));
    let code = admin(&format!("/v1/people/{id}/enrol-codes"), json!({}));
    let code = code["code"].as_str().expect("a code").to_owned();
    let mut phone = RawPhone::enrol(base, &code);
    let report = json!({"description": "潘家后院的垃圾", "position": {"lat": 29.123_456, "lon": 120.654_321,
        "accuracy_m": 5.0, "datum": "wgs84", "provider": "gps", "age_ms": 1}});
    let op = phone.op("report", Some(new_case_id()), &report);
    phone.push(&[op, "planted nonsense".into()]);
    phone.pull(None);
    phone.get("/v1/cases/planted-path");
    phone.get("/planted/nowhere?planted=query");
    phone.post(
        "/v1/token/refresh",
        &json!({"refresh": phone.refresh, "nonce": "planted", "proof": "planted"}),
    );
    let words = ["planted", "潘大山", "潘小河", "潘家后院", "29.1234", "120.6543"].map(str::to_owned);
    let given = [token.to_owned(), code, phone.access, phone.refresh];
    let session = cookie.split_once('=').expect("a value").1.to_owned();
    words.into_iter().chain(given).chain([session]).collect()
}
