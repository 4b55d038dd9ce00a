//! A phone that was revoked, a person who was deactivated and a grant that was ended stop on every path within
//! seconds, also where a request had begun before, and also when the command line did it beside the server.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::photos::{TUS, create_of, patch};
use crate::raw::{RawPhone, new_case_id, new_photo_id};
use blindspot_core::id::Sha256;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The word: five seconds.
const WITHIN: Duration = Duration::from_secs(5);

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Device,
    Person,
    CommandLine,
}

/// A request written by hand, so that it can be left half done.
fn open(house: &TestHouse, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.addr()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

fn request(phone: &RawPhone, method: &str, path: &str, headers: &str, length: Option<usize>) -> String {
    let length = length.map_or_else(String::new, |n| format!("content-length: {n}\r\n"));
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{headers}{length}\r\n",
        phone.access
    )
}

/// Everything until the end of the connection, or of the answer's first part.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = vec![];
    let mut piece = [0; 64 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return all,
            Ok(n) => all.extend_from_slice(&piece[..n]),
        }
        // The connection stays open after a problem document, and after the last chunk of a stream.
        if all.ends_with(b"0\r\n\r\n") || all.windows(10).any(|w| w == b"request_id") {
            return all;
        }
    }
}

/// A large photo that is verified, for a download that takes its time.
fn large_photo(phone: &mut RawPhone) -> String {
    let case = crate::sync::report(phone);
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0];
    bytes.extend((0..14_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
    let (photo, sha) = (new_photo_id(), Sha256::of(&bytes).to_hex());
    let form = json!({"sha256": sha, "bytes": bytes.len()});
    let op = phone.op("photo", Some(case), &json!({"photo_id": photo, "forms": {"original": form}}));
    phone.push(&[op]);
    let at = create_of(phone, photo, "original", &bytes);
    assert_eq!(patch(phone, &at, 0, &bytes).header("upload-verified"), Some(sha.as_str()));
    format!("/v1/photos/{photo}/original")
}

/// Requests of one phone that had begun before it was ended.
struct Begun {
    poll: TcpStream,
    events: TcpStream,
    upload: TcpStream,
    download: TcpStream,
}

fn begin(house: &TestHouse, phone: &mut RawPhone) -> Begun {
    let photo = large_photo(phone);
    let (_, cursor) = phone.pull_all(None);
    let body = json!({"cursor": cursor, "schema": 1, "wait": 25}).to_string();
    let head =
        request(phone, "POST", "/v1/sync/pull", "content-type: application/json\r\n", Some(body.len()));
    let poll = open(house, &format!("{head}{body}"));
    let mut events = open(house, &request(phone, "GET", "/v1/events", "", None));
    let mut first = [0; 1024];
    assert!(events.read(&mut first).is_ok_and(|n| n > 0), "the stream began");
    let location = create_of(phone, new_photo_id(), "original", &vec![7; 1_000_000]);
    let tus = format!(
        "{}: {}\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\n",
        TUS.0, TUS.1
    );
    let upload = open(house, &request(phone, "PATCH", &location, &tus, Some(1_000_000)));
    let mut download = open(house, &request(phone, "GET", &photo, "", None));
    assert!(download.read(&mut first).is_ok_and(|n| n > 0), "the download began");
    Begun { poll, events, upload, download }
}

/// Sends a byte now and then until the answer comes; gives the answer.
fn trickle(mut upload: TcpStream, until: Instant) -> Vec<u8> {
    upload.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let mut answer = vec![0; 4096];
    while Instant::now() < until {
        let _ = upload.write_all(&[7; 64]);
        if let Ok(n) = upload.read(&mut answer) {
            answer.truncate(n);
            return answer;
        }
    }
    vec![]
}

fn end(house: &TestHouse, how: End, phone: &RawPhone, person: &str) {
    match how {
        End::Device => {
            house.admin("POST", &format!("/v1/devices/{}/revoke", phone.device), &json!({})).ok();
        }
        End::Person => {
            house.admin("PATCH", &format!("/v1/people/{person}"), &json!({"active": false})).ok();
        }
        End::CommandLine => {
            let out = house.command(&["device", "revoke", &phone.device.to_string()]).output();
            let out = out.expect("the command runs");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
    }
}

fn ends_everywhere(how: End) {
    let house = TestHouse::start();
    let person = house.person("worker", WORKER_ROLE, "city");
    let mut phone = RawPhone::enrol(&house.base, &house.code_for(&person));
    let begun = begin(&house, &mut phone);
    std::thread::sleep(Duration::from_millis(300));
    end(&house, how, &phone, &person);
    let ended = Instant::now();

    // New requests: at once at the server that ended it, within seconds at another one.
    if house.has_two_servers() {
        let mut refused = 0;
        while refused < 4 {
            refused = if phone.get("/v1/me").status == 200 { 0 } else { refused + 1 };
            assert!(ended.elapsed() < WITHIN, "{how:?}: a server still lets it in");
        }
    }
    let op = phone.op("report", Some(new_case_id()), &json!({}));
    phone.push_answer(&[op]).problem("device_revoked");
    phone.post("/v1/sync/pull", &json!({"schema": 1})).problem("device_revoked");
    phone.get("/v1/me").problem("device_revoked");
    phone.get("/v1/events").problem("device_revoked");
    phone.send("HEAD", "/v1/photos/00000000-0000-0000-0000-000000000000", &[TUS], b"");
    let url = format!("{}/v1/token/refresh", phone.base);
    crate::raw::send_json("POST", &url, &[], &phone.refresh_request(&phone.refresh))
        .problem("device_revoked");

    // Requests that had begun: within seconds.
    let until = ended + WITHIN;
    let upload = std::thread::spawn(move || trickle(begun.upload, until + Duration::from_secs(5)));
    let events = std::thread::spawn(move || {
        rest(begun.events);
        Instant::now()
    });
    let poll = rest(begun.poll);
    let polled = ended.elapsed();
    assert!(String::from_utf8_lossy(&poll).contains("device_revoked"), "{how:?}: the waiting poll");
    assert!(polled < WITHIN, "{how:?}: the waiting poll took {polled:?}");
    let events = events.join().expect("it ended").duration_since(ended);
    assert!(events < WITHIN, "{how:?}: the event stream took {events:?}");
    let answer = upload.join().expect("it ended");
    let uploaded = ended.elapsed();
    assert!(String::from_utf8_lossy(&answer).contains("device_revoked"), "{how:?}: the upload in mid-body");
    assert!(uploaded < WITHIN, "{how:?}: the upload took {uploaded:?}");
    // The reader was slow: what had not left by then never comes.
    let got = rest(begun.download).len();
    assert!(got < 14_000_000, "{how:?}: {got} bytes of the photo were read after all");
    println!(
        "{how:?}: long poll {polled:?}, events {events:?}, upload {uploaded:?}, download cut at {got} bytes"
    );
}

#[test]
fn shown_platform_revoked() {
    for how in [End::Device, End::Person, End::CommandLine] {
        ends_everywhere(how);
    }
}

#[test]
fn an_ended_grant_takes_its_feeds_away_within_seconds() {
    let house = TestHouse::start();
    let person = house.person("boss", "supervisor", "city");
    let phone = RawPhone::enrol(&house.base, &house.code_for(&person));
    let (_, cursor) = phone.pull_all(None);
    let grant = house.admin("GET", "/v1/people", &json!({})).ok();
    let people = grant["items"].as_array().expect("people").clone();
    let boss = people.iter().find(|p| p["login"] == "boss").expect("the person");
    let id = boss["grants"][0]["grant_id"].as_str().expect("an id").to_owned();
    let waiting = std::thread::spawn(move || {
        let page = phone.post("/v1/sync/pull", &json!({"cursor": cursor, "schema": 1, "wait": 25})).ok();
        (Instant::now(), page)
    });
    std::thread::sleep(Duration::from_millis(300));
    // By the command line: nothing in the server is told of it.
    let out = house.command(&["user", "end-grant", &id]).output().expect("the command runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let ended = Instant::now();
    let (answered, page) = waiting.join().expect("a page");
    assert!(answered.duration_since(ended) < WITHIN, "{:?}", answered.duration_since(ended));
    let removed = page["feeds_removed"].as_array().expect("feeds went away");
    assert!(removed.contains(&json!("desk:supervision")), "{page}");
}

#[test]
fn desk_sessions_end_with_their_person_and_one_by_one() {
    let house = TestHouse::start();
    let (id, cookie) = house.desk("clerk", "supervisor");
    let ask = |cookie: &str| {
        crate::raw::send("GET", &format!("{}/v1/cases", house.base), &[("cookie", cookie)], b"")
    };
    ask(&cookie).ok();
    let other = house.sign_in("clerk", "my own password");
    let path = format!("/v1/people/{id}/sessions");
    let shown = house.admin("GET", &path, &json!({})).ok();
    let sessions = shown["items"].as_array().expect("sessions").clone();
    assert_eq!(sessions.len(), 2);
    let last = sessions[1]["session_id"].as_str().expect("an id");
    house.admin("DELETE", &format!("{path}/{last}"), &json!({})).ok();
    ask(&other).problem("sign_in");
    ask(&cookie).ok();
    // An event stream of the desk ends too.
    let head = format!("GET /v1/events HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n");
    let mut events = open(&house, &head);
    assert!(events.read(&mut [0; 1024]).is_ok_and(|n| n > 0));
    house.admin("PATCH", &format!("/v1/people/{id}"), &json!({"active": false})).ok();
    let ended = Instant::now();
    ask(&cookie).problem("sign_in");
    rest(events);
    assert!(ended.elapsed() < WITHIN, "{:?}", ended.elapsed());
}
