//! People by HTTP: one-time passwords, own sessions, known browsers.

use crate::house::TestHouse;
use crate::raw::{Answer, send, send_json};
use serde_json::json;

fn with(house: &TestHouse, cookie: &str, method: &str, path: &str, body: &serde_json::Value) -> Answer {
    let headers = [("cookie", cookie), ("origin", house.base.as_str())];
    send_json(method, &format!("{}{path}", house.base), &headers, body)
}

#[test]
fn a_one_time_password_opens_nothing_but_its_own_change() {
    let house = TestHouse::start();
    let (id, _) = house.desk("clerk", "supervisor");
    let reset = house.admin("POST", &format!("/v1/people/{id}/password-reset"), &json!({}));
    assert_eq!(reset.status, 201);
    let once = reset.ok()["password"].as_str().expect("a password").to_owned();
    let sign_in = json!({"login": "clerk", "password": once});
    let signed = send_json("POST", &format!("{}/v1/sessions", house.base), &[], &sign_in);
    assert_eq!(signed.ok()["must_change_password"], true);
    let cookie = signed.header("set-cookie").and_then(|c| c.split(';').next()).expect("a cookie");
    for path in ["/v1/cases", "/v1/looks", "/v1/me/sessions", "/v1/audit", "/v1/events"] {
        with(&house, cookie, "GET", path, &json!({})).problem("password_change_required");
    }
    assert_eq!(with(&house, cookie, "GET", "/v1/me", &json!({})).ok()["name"], "clerk");
    let change = |old: &str, new: &str| {
        with(&house, cookie, "POST", "/v1/me/password", &json!({"old": old, "new": new}))
    };
    change("not it", "a good new one").problem("wrong_password");
    let weak = change(&once, "12345678").problem("weak_password");
    assert!(weak["detail"].as_str().is_some_and(|d| d.contains("常见") && d.contains("common")), "{weak}");
    assert_eq!(change(&once, "a good new one").status, 204);
    with(&house, cookie, "GET", "/v1/cases", &json!({})).ok();
    let log = house.admin("GET", "/v1/audit", &json!({})).ok();
    let actions: Vec<&str> =
        log["items"].as_array().expect("rows").iter().filter_map(|r| r["action"].as_str()).collect();
    assert!(actions.contains(&"password_changed") && actions.contains(&"password_reset"), "{actions:?}");
    assert!(!log.to_string().contains(&once), "no secret in the log");
    // A phone has no password to change.
    let phone = house.phone("worker", "collector", "city");
    phone.post("/v1/me/password", &json!({"old": "x", "new": "y"})).problem("no_rights");
    house
        .admin("POST", "/v1/people/0199d7a0-0000-7000-8000-000000000001/password-reset", &json!({}))
        .problem("not_found");
}

#[test]
fn own_sessions_are_listed_and_ended_and_nobody_elses() {
    let house = TestHouse::start();
    let (_, one) = house.desk("clerk", "supervisor");
    let (other_id, stranger) = house.desk("other", "supervisor");
    let two = house.sign_in("clerk", "my own password");
    let shown = with(&house, &one, "GET", "/v1/me/sessions", &json!({})).ok();
    let items = shown["items"].as_array().expect("sessions").clone();
    assert_eq!((items.len(), &items[0]["current"], &items[1]["current"]), (2, &json!(true), &json!(false)));
    let second = format!("/v1/me/sessions/{}", items[1]["session_id"].as_str().expect("an id"));
    with(&house, &stranger, "DELETE", &second, &json!({})).problem("not_found");
    assert_eq!(with(&house, &one, "DELETE", &second, &json!({})).status, 204);
    with(&house, &two, "GET", "/v1/me", &json!({})).problem("sign_in");
    // Only administrators look at the sessions of others.
    with(&house, &one, "GET", &format!("/v1/people/{other_id}/sessions"), &json!({})).problem("no_rights");
}

#[test]
fn a_strangers_guesses_do_not_lock_the_owner_out_of_a_browser_used_before() {
    let house = TestHouse::start();
    house.desk("clerk", "supervisor");
    let url = format!("{}/v1/sessions", house.base);
    let right = json!({"login": "clerk", "password": "my own password"});
    let signed = send_json("POST", &url, &[], &right);
    signed.ok();
    let browser = signed
        .headers
        .iter()
        .filter(|(n, _)| n == "set-cookie")
        .find(|(_, v)| v.starts_with("blindspot_browser="))
        .map(|(_, v)| v.clone())
        .expect("a long-lived cookie");
    assert!(browser.contains("HttpOnly") && browser.contains("SameSite=Strict"), "{browser}");
    let browser = browser.split(';').next().expect("a pair");
    for _ in 0..6 {
        let guess = json!({"login": "clerk", "password": "a guess"});
        assert!(matches!(send_json("POST", &url, &[], &guess).status, 401 | 429));
    }
    let locked = send_json("POST", &url, &[], &right);
    locked.problem("locked_out");
    assert!(locked.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok_and(|s| s > 60)));
    assert_eq!(send_json("POST", &url, &[("cookie", browser)], &right).status, 201);
    // The secret is hashed at rest.
    let value = browser.split_once('=').expect("a pair").1;
    let kept = house.kept_of_browsers();
    assert!(!kept.windows(value.len()).any(|w| w == value.as_bytes()));
    assert_eq!(send("GET", &format!("{}/v1/me", house.base), &[("cookie", browser)], b"").status, 401);
}
