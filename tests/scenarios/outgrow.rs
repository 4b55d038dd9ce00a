//! Several servers on one PostgreSQL database: what one commits the other tells of, knows and refuses.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{RawPhone, new_case_id, send};
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// An event stream of a phone at a server: gives the lines that come.
fn events(phone: &RawPhone, base: &str) -> BufReader<TcpStream> {
    let address = base.strip_prefix("http://").expect("plain http").trim_end_matches('/');
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let head = format!(
        "GET /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
        phone.access
    );
    socket.write_all(head.as_bytes()).expect("sent");
    let mut lines = BufReader::new(socket);
    let mut line = String::new();
    lines.read_line(&mut line).expect("an answer");
    assert!(line.contains("200"), "{line}");
    lines
}

/// Reads until a line has these words; says when it came.
fn wait_for(lines: &mut BufReader<TcpStream>, words: &str) -> Instant {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(lines.read_line(&mut line).expect("a line") > 0, "the stream ended before {words}");
        if line.contains(words) {
            return Instant::now();
        }
    }
}

#[test]
fn shown_outgrow_nodes() {
    let house = TestHouse::start_on_postgres();
    let (other, _dir) = house.another_server();
    let there = other.base_url();
    let mut here = house.phone("w1", WORKER_ROLE, "city");
    // The same phone, its requests sent to the other server: tokens are good everywhere.
    let at_other = RawPhone { base: there.clone(), ..here.clone() };
    assert_eq!(at_other.get("/v1/me").ok()["device_id"], json!(here.device));

    // A commit on one server is told on the other within 100 ms.
    let mut lines = events(&at_other, &there);
    std::thread::sleep(Duration::from_millis(700));
    let mut slowest = Duration::ZERO;
    for n in 0..10 {
        let case = new_case_id();
        let op = here.op("report", Some(case), &json!({"description": format!("积存垃圾 {n}")}));
        let reply = here.push(&[op]);
        let committed = Instant::now();
        assert_eq!(reply["verdicts"][0]["verdict"], "applied", "{reply}");
        let heard = wait_for(&mut lines, "user:");
        slowest = slowest.max(heard.saturating_duration_since(committed));
        // What it told is there to be read, at once.
        let (pages, _) = at_other.pull_all(None);
        assert!(pages.iter().any(|page| page.to_string().contains(&case.to_string())), "{case}");
        std::thread::sleep(Duration::from_millis(120));
    }
    println!("{}", json!({"hint_ms_max": u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX)}));
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");

    // An op that was acknowledged on one is known on the other.
    let again = here.op("report", Some(new_case_id()), &json!({"description": "两次"}));
    here.push(std::slice::from_ref(&again));
    let twice = RawPhone { seq: here.seq, ..at_other.clone() }.push(&[again]);
    assert_eq!(
        (&twice["verdicts"][0]["seen_before"], &twice["verdicts"][0]["verdict"]),
        (&json!(true), &json!("applied"))
    );

    // A revocation reaches every server within five seconds, also one that let the phone in a moment ago.
    at_other.get("/v1/me").ok();
    house.admin("POST", &format!("/v1/devices/{}/revoke", here.device), &json!({})).ok();
    let revoked = Instant::now();
    while at_other.get("/v1/me").status == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(5), "the other server still lets it in");
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{}", json!({"revoked_ms": u64::try_from(revoked.elapsed().as_millis()).unwrap_or(u64::MAX)}));
}

#[test]
fn shown_outgrow_rolling_restart() {
    let house = TestHouse::start_on_postgres();
    let mut phone = house.phone("w1", WORKER_ROLE, "city");
    let mut sent = 0;
    for _ in 0..3 {
        let (other, dir) = house.another_server();
        let there = RawPhone { base: other.base_url(), seq: phone.seq, ..phone.clone() };
        for _ in 0..5 {
            let op = phone.op("report", Some(new_case_id()), &json!({"description": "滚动重启"}));
            let reply = RawPhone { seq: phone.seq, ..there.clone() }.push(&[op]);
            assert_eq!(reply["verdicts"][0]["verdict"], "applied", "{reply}");
            sent += 1;
        }
        other.stop().expect("stopped in order");
        drop(dir);
    }
    assert_eq!(send("GET", &format!("{}/readyz", house.base), &[], b"").status, 200);
    let desk = house.desk("supervisor", "supervisor").1;
    let list = send("GET", &format!("{}/v1/cases?limit=100", house.base), &[("cookie", &desk)], b"").ok();
    assert_eq!(list["items"].as_array().expect("cases").len(), sent);
}

#[test]
fn a_server_with_another_key_is_refused() {
    use blindspot_server::Server;
    use blindspot_server::config::ServeConfig;
    let house = TestHouse::start_on_postgres();
    let dir = tempfile::tempdir().expect("a folder");
    let config = ServeConfig { database: house.database(), ..ServeConfig::new(dir.path()) };
    let refused = Server::start_blocking(config).err().expect("refused");
    assert!(refused.to_string().contains("secret.key"), "{refused}");
    // Nor is the folder of a server on PostgreSQL opened as if it had a database of its own.
    let refused = blindspot_server::state::DataFolder::open(dir.path(), None, 1_000).err().expect("refused");
    assert!(refused.to_string().contains("BLINDSPOT_DATABASE"), "{refused}");
}
