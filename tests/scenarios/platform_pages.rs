//! Lists in pages, answers by their tags, and requests that are done once: over HTTP, as a console uses them.

use crate::house::TestHouse;
use crate::raw::{Answer, send};
use serde_json::{Value, json};

fn with(house: &TestHouse, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let cookie = house.sign_in("admin", "correct horse battery");
    let mut all = vec![("cookie", cookie.as_str()), ("content-type", "application/json")];
    all.extend_from_slice(headers);
    send(method, &format!("{}{path}", house.base), &all, body.to_string().as_bytes())
}

#[test]
fn lists_are_read_to_their_end_page_by_page() {
    let house = TestHouse::start_with_city();
    for n in 0..5 {
        house.person(&format!("p{n}"), "collector", "city");
    }
    for list in ["/v1/people", "/v1/audit", "/v1/reference/divisions", "/v1/reference/grids"] {
        let whole = house.admin("GET", &format!("{list}?limit=500"), &Value::Null).ok();
        let first: Vec<Value> = whole["items"].as_array().expect("items").iter().take(9).cloned().collect();
        let (mut seen, mut cursor) = (vec![], String::new());
        while seen.len() < first.len() {
            let page = house.admin("GET", &format!("{list}?limit=2{cursor}"), &Value::Null).ok();
            let items = page["items"].as_array().expect("items");
            assert!(!items.is_empty() && items.len() <= 2, "{list}");
            seen.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        seen.truncate(first.len());
        assert_eq!(seen, first, "{list}");
        house.admin("GET", &format!("{list}?cursor=e30.AAAA"), &Value::Null).problem("bad_cursor");
    }
    let people = house.admin("GET", "/v1/people?limit=1", &Value::Null).ok();
    let next = people["next"].as_str().expect("more");
    house.admin("GET", &format!("/v1/audit?cursor={next}"), &Value::Null).problem("bad_cursor");
}

#[test]
fn a_copy_that_is_held_is_not_sent_again_and_a_change_needs_the_latest() {
    let house = TestHouse::start();
    let person = house.person("one", "collector", "city");
    let path = format!("/v1/people/{person}");
    let first = with(&house, "GET", &path, &[], &Value::Null);
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = with(&house, "GET", &path, &[("if-none-match", &tag)], &Value::Null);
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())));
    assert_eq!(again.header("blindspot-protocol"), Some("1"));
    let off = json!({"active": false});
    assert_eq!(with(&house, "PATCH", &path, &[("if-match", &tag)], &off).status, 204);
    let late = with(&house, "PATCH", &path, &[("if-match", &tag)], &json!({"active": true}));
    assert_eq!(late.status, 412);
    late.problem("changed_meanwhile");
    let now = with(&house, "GET", &path, &[("if-none-match", &tag)], &Value::Null);
    assert_eq!((now.status, &now.json()["active"]), (200, &json!(false)));
}

#[test]
fn a_request_with_a_key_is_done_once() {
    let house = TestHouse::start();
    let key = [("idempotency-key", "a-key")];
    let new = json!({"login": "once", "name": "x"});
    let first = with(&house, "POST", "/v1/people", &key, &new);
    let again = with(&house, "POST", "/v1/people", &key, &new);
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.ok(), again.ok());
    assert_eq!(
        (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
        (None, Some("true"))
    );
    let other = with(&house, "POST", "/v1/people", &key, &json!({"login": "other", "name": "x"}));
    assert_eq!(other.status, 422);
    other.problem("key_reused");
    with(&house, "POST", "/v1/people", &[], &new).problem("conflict");
    let person = first.json()["person_id"].as_str().expect("an id").to_owned();
    let codes = format!("/v1/people/{person}/enrol-codes");
    let made = with(&house, "POST", &codes, &[("idempotency-key", "code")], &Value::Null);
    assert_eq!(made.status, 201);
    with(&house, "POST", &codes, &[("idempotency-key", "code")], &Value::Null).problem("conflict");
}
