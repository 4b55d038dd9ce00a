//! Limits: rates, quotas, the reserve of disk, slow senders, and memory under a crowd.

use crate::house::{TestHouse, WORKER_ROLE, roomy};
use crate::photos::{TUS, create_of, metadata, patch, picture};
use crate::raw::{new_case_id, new_photo_id, send_json};
use blindspot_port_temp::Port;
use blindspot_server::service::limits::{LimitConfig, Rate, Rates};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn who_asks_too_often_is_told_when_to_come_back_and_others_are_not_touched() {
    let few = Rate { per_minute: 60, burst: 5 };
    let house =
        TestHouse::start_with(LimitConfig { rates: Rates { push: few, ..Rates::default() }, ..roomy() });
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let mut other = house.phone("b", WORKER_ROLE, "city");
    let mut refused = None;
    for _ in 0..8 {
        let op = phone.op("report", Some(new_case_id()), &json!({}));
        let answer = phone.push_answer(&[op]);
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("more than the burst");
    assert_eq!(refused.status, 429);
    refused.problem("too_many_requests");
    assert!(
        refused.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok_and(|s| (1..10).contains(&s)))
    );
    crate::sync::report(&mut other);
    phone.get("/v1/me").ok();
}

#[test]
fn a_busy_phone_and_fifty_at_one_address_are_never_limited() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    for _ in 0..300 {
        let op = phone.op("report", Some(new_case_id()), &json!({}));
        phone.push(&[op]);
    }
    std::thread::scope(|s| {
        for n in 0..50 {
            let mut phone = house.phone(&format!("p{n}"), WORKER_ROLE, "city");
            s.spawn(move || {
                let ops: Vec<String> =
                    (0..20).map(|_| phone.op("report", Some(new_case_id()), &json!({}))).collect();
                phone.push(&ops);
            });
        }
    });
}

#[test]
fn over_the_days_quota_photos_wait_and_ops_go_on() {
    let house = TestHouse::start_with(LimitConfig { upload_quota_bytes: 400_000, ..roomy() });
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let bytes = picture(1);
    let mut begun = 0;
    let refused = loop {
        let (length, meta) = (bytes.len().to_string(), metadata(&bytes));
        let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
        let answer = phone.send("POST", "/v1/photos", &headers, b"");
        if answer.status != 201 {
            break answer;
        }
        begun += bytes.len();
        assert!(begun <= 400_000, "{begun} bytes were begun");
    };
    assert_eq!(refused.status, 429);
    refused.problem("upload_quota");
    assert!(refused.header("retry-after").is_some());
    crate::sync::report(&mut phone);
    // Another phone has its own.
    let other = house.phone("b", WORKER_ROLE, "city");
    let at = create_of(&other, new_photo_id(), "working", &bytes);
    assert_eq!(patch(&other, &at, 0, &bytes).status, 204);
}

#[test]
fn below_the_reserve_photos_are_refused_and_ops_taken() {
    let house = TestHouse::start_with(LimitConfig { reserve_bytes: Some(u64::MAX), ..roomy() });
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let bytes = picture(1);
    let (length, meta) = (bytes.len().to_string(), metadata(&bytes));
    let headers = [TUS, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
    let refused = phone.send("POST", "/v1/photos", &headers, b"");
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (507, true));
    refused.problem("no_space");
    let at = "/v1/photos/00000000-0000-0000-0000-000000000000";
    patch(&phone, at, 0, &bytes).problem("no_space");
    crate::sync::report(&mut phone);
}

#[test]
fn a_body_that_trickles_is_ended_and_holds_nobody_up() {
    let house = TestHouse::start();
    let mut phone = house.phone("a", WORKER_ROLE, "city");
    let head = format!(
        "POST /v1/sync/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 100000\r\n\r\n",
        phone.access
    );
    let began = Instant::now();
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(house.addr()).expect("a connection");
            stream.write_all(head.as_bytes()).expect("sent");
            stream
        })
        .collect();
    // Meanwhile honest work goes through.
    crate::sync::report(&mut phone);
    let mut ended = 0;
    let mut streams = slow;
    while !streams.is_empty() && began.elapsed() < Duration::from_secs(50) {
        streams.retain_mut(|stream| {
            stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
            let alive = stream.write_all(b" ").is_ok() && stream.read(&mut [0; 512]).is_err();
            ended += usize::from(!alive);
            alive
        });
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(ended, 200, "all slow senders were ended in time");
}

/// Ends with the test.
struct Process {
    child: Child,
    _listen: Port,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(data: &std::path::Path) -> (Process, String) {
    let held = Port::take().expect("a port");
    let listen = held.to_string();
    let child = Command::new(crate::killed::blindspot())
        .args(["serve", "--listen", &listen, "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let process = Process { child, _listen: held };
    let began = Instant::now();
    while TcpStream::connect(&listen).is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "the server comes up");
        std::thread::sleep(Duration::from_millis(20));
    }
    (process, listen)
}

fn peak_kb(process: &Process) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).expect("a Linux /proc");
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn shown_platform_signins() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    for n in 0..10 {
        let mut child = Command::new(crate::killed::blindspot())
            .args(["user", "add", &format!("clerk{n}"), "--name", "甲", "--desk", "--data"])
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("runs");
        child.stdin.take().expect("stdin").write_all(b"a password of mine\n").expect("written");
        assert!(child.wait().expect("ends").success());
    }
    let (process, listen) = serve(&data);
    let before = peak_kb(&process);
    // A thousand connections, all open before the first request is sent.
    let mut streams: Vec<TcpStream> = (0..1_000)
        .map(|_| {
            let stream = TcpStream::connect(&listen).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
            stream
        })
        .collect();
    let began = Instant::now();
    for (n, stream) in streams.iter_mut().enumerate() {
        // Two thirds are logins that nobody has: they cost as much as any.
        let login = if n % 3 == 0 { format!("clerk{}", n % 10) } else { format!("ghost{n}") };
        let body = json!({"login": login, "password": "a password of mine"}).to_string();
        let head = format!(
            "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("sent");
    }
    let mut statuses = std::collections::BTreeMap::<String, usize>::new();
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).unwrap_or("none").to_owned();
        if status == "503" {
            assert!(answer.to_ascii_lowercase().contains("retry-after: "), "{answer}");
        }
        *statuses.entry(status).or_default() += 1;
    }
    let (took, peak) = (began.elapsed(), peak_kb(&process));
    println!(
        "1,000 sign-ins in {took:?}: {statuses:?}; peak {} MB (before {} MB)",
        peak / 1024,
        before / 1024
    );
    assert!(peak < 300 * 1024, "peak resident memory {peak} kB");
    let known = ["201", "401", "429", "503"];
    assert!(statuses.keys().all(|s| known.contains(&s.as_str())), "{statuses:?}");
    assert!(statuses.contains_key("201"), "some got in: {statuses:?}");
    // And the server is well.
    let again = send_json(
        "POST",
        &format!("http://{listen}/v1/sessions"),
        &[],
        &json!({"login": "nobody", "password": "whoever"}),
    );
    again.problem("wrong_password");
}

#[test]
fn parallel_push_bodies_stay_within_their_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let user = |words: &[&str]| {
        let mut command = Command::new(crate::killed::blindspot());
        let out = command.arg("user").args(words).arg("--data").arg(&data).output().expect("runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    user(&["add", "worker", "--name", "甲", "--grant", "collector@city"]);
    let made: serde_json::Value =
        serde_json::from_str(user(&["enrol-code", "worker", "--json"]).trim()).expect("JSON");
    let (process, listen) = serve(&data);
    let code = made["code"].as_str().expect("a code");
    let mut phone = crate::raw::RawPhone::enrol(&format!("http://{listen}"), code);
    // A hundred and fifty bodies of almost 2 MB at once, none of them ever whole.
    let head = format!(
        "POST /v1/sync/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 2000000\r\n\r\n",
        phone.access
    );
    let body = vec![b' '; 1_990_000];
    let busy = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|s| {
        for _ in 0..150 {
            s.spawn(|| {
                let mut stream = TcpStream::connect(&listen).expect("a connection");
                stream.set_write_timeout(Some(Duration::from_secs(6))).expect("a timeout");
                stream.set_read_timeout(Some(Duration::from_secs(6))).expect("a timeout");
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                let mut answer = [0; 1024];
                let n = stream.read(&mut answer).unwrap_or(0);
                if answer[..n].starts_with(b"HTTP/1.1 503") {
                    busy.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    let (peak, busy) = (peak_kb(&process), busy.into_inner());
    println!("150 bodies of 2 MB at once: peak {} MB, {busy} were told to come back", peak / 1024);
    assert!(peak < 300 * 1024, "peak resident memory {peak} kB");
    assert!(busy > 0, "the bound was reached");
    crate::sync::report(&mut phone);
}
