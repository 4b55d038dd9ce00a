//! Notices that leave, over real HTTP to robots on this machine: two servers on one PostgreSQL database, a stop in between,
//! reminders on a clock that the test drives. Shapes byte for byte are tried beside the service.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{RawPhone, new_case_id, new_op_id, send_json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::CaseId;
use blindspot_server::http::outside::Outside;
use blindspot_server::service::notices::clocks;
use blindspot_server::service::notices::message::{Outgoing, Reply, Taken};
use blindspot_server::service::notices::send::{self, Post};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292 million")
}

/// A request as a robot had it.
struct Heard {
    target: String,
    body: String,
}

/// A robot, or a gateway, on this machine.
struct Robot {
    at: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Robot {
    /// Answers every request with these bytes; nothing at all when they are empty.
    fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = format!("http://{}", listener.local_addr().expect("an address"));
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let list = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, list) = (stream.expect("a connection"), list.clone());
                std::thread::spawn(move || serve(stream, answer, &list));
            }
        });
        Self { at, heard }
    }
    fn good() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\ncontent-length: 27\r\n\r\n{\"errcode\":0,\"errmsg\":\"ok\"}")
    }
    fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().expect("nobody panicked"))
    }
    /// The lines of all messages since the last time, titles apart.
    fn lines(&self) -> Vec<String> {
        let text = |h: Heard| {
            let body: Value = serde_json::from_str(&h.body).expect("JSON");
            let text =
                body["markdown"]["content"].as_str().or(body["text"]["content"].as_str()).map(str::to_owned);
            text.expect("words").lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        self.heard().into_iter().flat_map(text).collect()
    }
}

fn serve(stream: TcpStream, answer: &str, list: &Mutex<Vec<Heard>>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut head = String::new();
        reader.read_line(&mut head).expect("a line");
        let head = head.trim_end().to_ascii_lowercase();
        if head.is_empty() {
            break;
        }
        if let Some(n) = head.strip_prefix("content-length: ") {
            length = n.parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let body = String::from_utf8(body).expect("UTF-8");
    list.lock().expect("nobody panicked").push(Heard { target, body });
    if answer.is_empty() {
        std::thread::sleep(Duration::from_secs(30));
    }
    // Whoever has gone reads no answer.
    let _ = reader.get_mut().write_all(answer.as_bytes());
}

/// A city with its people, and cases in a unit's hands.
struct Town {
    house: TestHouse,
    worker: RawPhone,
    unit: RawPhone,
    desk: String,
}

impl Town {
    fn new() -> Self {
        let house = TestHouse::start_noticing();
        let worker = house.phone("worker", WORKER_ROLE, "city");
        let unit = house.phone("unit", "unit_clerk", "dept:sanitation");
        let desk = house.desk("desk", "filing_desk");
        house
            .admin(
                "POST",
                &format!("/v1/people/{}/grants", desk.0),
                &json!({"role": "dispatcher", "area": "city"}),
            )
            .ok();
        Self { house, worker, unit, desk: desk.1 }
    }
    fn act(&self, case: CaseId, kind: &str, payload: &Value) {
        let headers = [("cookie", self.desk.as_str()), ("origin", self.house.base.as_str())];
        let op = json!({"op_id": new_op_id(), "kind": kind, "payload": payload});
        let verdict =
            send_json("POST", &format!("{}/v1/cases/{case}/ops", self.house.base), &headers, &op).ok();
        assert_eq!(verdict["verdict"], "applied", "{kind}: {verdict}");
    }
    fn dispatched(&mut self, urgent: bool) -> CaseId {
        let case = new_case_id();
        let said = json!({"description": "张三家门口，13800000000", "urgent_danger": urgent});
        let op = self.worker.op("report", Some(case), &said);
        self.worker.push(&[op]);
        self.act(case, "file", &json!({}));
        self.act(case, "dispatch", &json!({"lead": "sanitation"}));
        case
    }
    fn channel(&self, shape: &str, target: &str, url: &str, secret: Option<&str>) -> String {
        let new = json!({"name": "环卫处值班群", "shape": shape, "targets": [target], "url": url, "secret": secret, "enabled": true});
        let made = self.house.admin("POST", "/v1/notices/channels", &new).ok();
        assert!(
            !made.to_string().contains("KEY-OF-ROBOT") && !made.to_string().contains("SECRET-WORD"),
            "{made}"
        );
        made["channel_id"].as_str().expect("an id").to_owned()
    }
    fn log(&self) -> Vec<Value> {
        self.house.admin("GET", "/v1/notices", &Value::Null).ok()["items"].as_array().expect("a list").clone()
    }
}

/// Stops the server before or after the robot had the message.
struct Killed<'p>(Option<&'p Outside>);

impl Post for Killed<'_> {
    fn post(&self, out: &Outgoing) -> Result<Reply, String> {
        if let Some(outside) = self.0 {
            outside.post(out)?;
        }
        panic!("killed");
    }
}

#[test]
fn shown_life_notices() {
    let mut town = Town::new();
    let (wecom, dingtalk, outside) = (Robot::good(), Robot::good(), Outside::default());
    town.channel("wecom_markdown", "unit:sanitation", &format!("{}/send?key=KEY-OF-ROBOT", wecom.at), None);
    let team = format!("{}/robot?access_token=KEY-OF-ROBOT", dingtalk.at);
    town.channel("dingtalk_text", "team:sanitation/清运二组", &team, Some("SECRET-WORD"));
    let ((a, _dir_a), (b, _dir_b)) = (town.house.another_folder(), town.house.another_folder());

    // Two servers look at the same moment, again and again: each line goes out once.
    let cases: Vec<CaseId> = (0..10).map(|_| town.dispatched(false)).collect();
    let later = now_ms() + 2 * MINUTE;
    std::thread::scope(|scope| {
        for folder in [&a, &b] {
            let outside = &outside;
            scope.spawn(move || {
                for _ in 0..5 {
                    send::run_due(&folder.house, outside, &format!("{:p}", folder), later).expect("run");
                }
            });
        }
    });
    let lines = wecom.lines();
    assert_eq!(lines.len(), cases.len(), "{lines:?} {:?}", town.log());
    for case in &cases {
        let link = format!("[打开](https://jg.example/cases/{case})");
        assert_eq!(lines.iter().filter(|l| l.contains(&link)).count(), 1, "{lines:?}");
    }
    assert!(lines.iter().all(|l| l.starts_with("【新派遣】全市 ") && !l.contains("张三")), "{lines:?}");

    // Killed with the lease in its hands: the other one takes over when it has run out, once.
    town.dispatched(false);
    let at = now_ms() + 2 * MINUTE;
    let dead = |post: &dyn Post, at| {
        let run = std::panic::AssertUnwindSafe(|| send::run_due(&a.house, post, "dead", at));
        assert!(std::panic::catch_unwind(run).is_err());
    };
    dead(&Killed(None), at);
    send::run_due(&b.house, &outside, "b", at + MINUTE - 1).expect("run");
    assert!(wecom.lines().is_empty(), "the lease stands");
    send::run_due(&b.house, &outside, "b", at + MINUTE).expect("run");
    send::run_due(&a.house, &outside, "a", at + 2 * MINUTE).expect("run");
    assert_eq!(wecom.lines().len(), 1);

    // Killed after the robot had it and before that was written down: said again rather than never, and on the log once.
    town.dispatched(false);
    let at = now_ms() + 2 * MINUTE;
    dead(&Killed(Some(&outside)), at);
    send::run_due(&b.house, &outside, "b", at + MINUTE).expect("run");
    assert_eq!(wecom.lines().len(), 2);
    let log = town.log();
    assert_eq!(log.len(), 12);
    assert!(
        log.iter().all(|n| n["state"] == "sent" && n["tries"] == 1 && n["channel"] == "环卫处值班群"),
        "{log:?}"
    );

    a_team_checks_the_signature(&mut town, cases[0], &dingtalk, |at| {
        send::run_due(&b.house, &outside, "b", at).expect("run");
    });

    // Nobody but an administrator sets or reads any of this, and nobody reads an address.
    assert_eq!(town.unit.get("/v1/notices/channels").status, 403);
    let shown = town.house.admin("GET", "/v1/notices/channels", &Value::Null).ok().to_string();
    assert!(shown.contains("127.0.0.1") && !shown.contains("KEY-OF-ROBOT"), "{shown}");
    let audit = town.house.admin("GET", "/v1/audit", &Value::Null).ok().to_string();
    assert!(audit.contains("notice_channel_added") && !audit.contains("KEY-OF-ROBOT"), "{audit}");
}

/// Handed on to a team: its robot hears of it, signed, and without the name in the note.
fn a_team_checks_the_signature(town: &mut Town, case: CaseId, robot: &Robot, send: impl Fn(i64)) {
    let hand_on = json!({"to": "清运二组", "note": "王师傅"});
    let op = town.unit.op("hand_on", Some(case), &hand_on);
    assert_eq!(town.unit.push(&[op])["verdicts"][0]["verdict"], "applied");
    send(now_ms() + 3 * MINUTE);
    let heard = robot.heard();
    assert_eq!(heard.len(), 1);
    assert!(
        !heard[0].body.contains("王师傅")
            && heard[0]
                .body
                .starts_with("{\"msgtype\":\"text\",\"text\":{\"content\":\"净格提醒 1 条\\n【新派遣】"),
        "{}",
        heard[0].body
    );
    let (_, signed) = heard[0].target.split_once("&timestamp=").expect("a time");
    let (at, sign) = signed.split_once("&sign=").expect("a signature");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"SECRET-WORD").expect("a key");
    mac.update(format!("{at}\nSECRET-WORD").as_bytes());
    let want = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(sign.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="), want);
}

#[test]
fn shown_life_rungs() {
    let mut town = Town::new();
    let (robot, outside) = (Robot::good(), Outside::default());
    town.channel("wecom_text", "unit:sanitation", &format!("{}/send", robot.at), None);
    town.channel("wecom_text", "leaders", &format!("{}/leaders", robot.at), None);
    let ((a, _dir_a), (b, _dir_b)) = (town.house.another_folder(), town.house.another_folder());
    let began = now_ms();
    let (first, second) = (town.dispatched(true), town.dispatched(true));
    // Two servers, the second a moment later, both with the clock of the test.
    let look = |now: i64| {
        for folder in [&a, &b] {
            clocks::run_due(&folder.house, &format!("{folder:p}"), now).expect("run");
            send::run_due(&folder.house, &outside, &format!("{folder:p}"), now).expect("run");
        }
        robot.lines()
    };
    // Danger is told at once, by the server's own clock as well: whoever was first.
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut at_once = Vec::new();
    while at_once.len() < 2 && Instant::now() < deadline {
        at_once.extend(look(now_ms()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let urgent = at_once.iter().all(|l| l.starts_with("【紧急·新派遣】"));
    assert!(at_once.len() == 2 && urgent, "{at_once:?} {:?}", town.log());

    let (due, slack) = (began + 4 * HOUR, MINUTE);
    let rung = |lines: &[String], word: &str| lines.iter().filter(|l| l.contains(word)).count();
    assert!(look(due - 2 * HOUR - MINUTE).is_empty());
    let two_hours = look(due - 2 * HOUR + slack);
    assert_eq!((two_hours.len(), rung(&two_hours, "将超时")), (2, 2), "{two_hours:?}");
    assert!(look(due - 2 * HOUR + slack + 1).is_empty(), "once");
    // The unit has fed back one of them: its clock stands still.
    let op = town.unit.op("feed_back", Some(second), &json!({"text": "已清运"}));
    assert_eq!(town.unit.push(&[op])["verdicts"][0]["verdict"], "applied");
    let half_hour = look(due - HOUR / 2 + slack);
    assert!(half_hour.len() == 1 && half_hour[0].contains(&first.to_string()), "{half_hour:?}");
    let over = look(due + slack);
    assert!(
        over.len() == 1 && over[0].starts_with("【紧急·已超时】") && over[0].contains(&first.to_string()),
        "{over:?}"
    );
    assert!(look(due + HOUR).is_empty());
    // The digest of the next mornings: the unit's own, and the leaders'. The one that is overdue, and once a day.
    let mut digests = Vec::new();
    for hours in 0..48 {
        digests.extend(look(due + HOUR + hours * HOUR));
    }
    assert!(digests.iter().all(|l| l.starts_with("【超时汇总】sanitation｜1 件｜")), "{digests:?}");
    assert!((2..=4).contains(&digests.len()) && digests.len() % 2 == 0, "{digests:?}");
    assert!(town.log().iter().all(|n| n["state"] == "sent" && n["tries"] == 1));
}

#[test]
fn the_way_out_is_bounded_and_follows_nobody() {
    let outside = Outside::default();
    let post = |robot: &Robot| {
        let (url, body) = (format!("{}/send?key=KEY-OF-ROBOT", robot.at), "{}".to_owned());
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        outside.post(&Outgoing { method: "POST", url, headers, body })
    };
    let other = Robot::good();
    let lead = format!("HTTP/1.1 307 Go\r\nlocation: {}/elsewhere\r\ncontent-length: 0\r\n\r\n", other.at);
    let astray = Robot::answering(Box::leak(lead.into_boxed_str()));
    assert_eq!(post(&astray).expect("an answer").taken, Taken::No(307));
    assert!(other.heard().is_empty(), "nobody is followed");
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n{}", "x".repeat(200_000));
    let said = post(&Robot::answering(Box::leak(long.into_boxed_str()))).expect_err("too long");
    assert_eq!(said, "the answer is too long");
    assert_eq!(
        post(&Robot::answering("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")).expect("an answer").taken,
        Taken::No(500)
    );
    let began = Instant::now();
    assert_eq!(post(&Robot::answering("")).expect_err("silence"), "no answer in time");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let gone = Robot { at: "http://127.0.0.1:1".to_owned(), heard: Arc::default() };
    assert_eq!(post(&gone).expect_err("nobody there"), "no connection");
    // Over TLS by the machine's roots: a server whose certificate nobody knows is refused.
    let house = TestHouse::start();
    let plain = house.addr();
    let url = format!("https://127.0.0.1:{}/", plain.port());
    let refused = outside.post(&Outgoing { method: "GET", url, headers: vec![], body: String::new() });
    assert!(refused.is_err());
}

#[test]
fn a_channel_is_set_by_the_command_line_and_its_address_stays_out_of_sight() {
    let house = TestHouse::start();
    let robot = Robot::good();
    let file = house.data().join("robot");
    std::fs::write(&file, format!("{}/send?key=KEY-OF-ROBOT\n", robot.at)).expect("written");
    let path = file.to_str().expect("a path");
    let run = |words: &[&str]| {
        let out = house.command(words).arg("--json").output().expect("runs");
        assert!(!String::from_utf8_lossy(&out.stdout).contains("KEY-OF-ROBOT"));
        (out.status.success(), serde_json::from_slice::<Value>(&out.stdout).unwrap_or_default())
    };
    let words = [
        "notices",
        "channel",
        "add",
        "--name",
        "群",
        "--shape",
        "wecom_text",
        "--to",
        "leaders",
        "--file",
        path,
    ];
    assert!(!run(&words).0, "http is for trials alone");
    let (made, channel) = run(&[words.as_slice(), &["--loopback-http", "--quiet", "21:30-07:00"]].concat());
    assert!(made && channel["enabled"] == false, "{channel}");
    let id = channel["channel_id"].as_str().expect("an id").to_owned();
    assert!(!run(&["notices", "channel", "test", &id]).0, "http is for trials alone");
    assert!(run(&["notices", "channel", "test", &id, "--loopback-http"]).0);
    assert_eq!(robot.lines().len(), 1);
    assert!(run(&["notices", "channel", "enable", &id]).0);
    assert_eq!(run(&["notices", "channel", "list"]).1[0]["enabled"], true);
    assert!(run(&["notices", "channel", "remove", &id]).0);
    assert_eq!(run(&["notices", "channel", "list"]).1, json!([]));
}
