//! The outbox and who sends it, on a clock that the test drives: batches, quiet hours, tries, leases, reminders.

use super::channels::{self, ChannelChange, ChannelView, NewChannel};
use super::message::{Address, Answered, Line, Outgoing, Reply, Shape, Taken, build, read_answer};
use super::send::{Post, run_due};
use super::{NoticeSettings, clocks, log};
use crate::service::page::PageQuery;
use crate::service::people::Actor;
use crate::service::testing::{Phone, T0, case, grant, grid, house, person, refusal};
use crate::service::{House, ServiceError};
use blindspot_core::CaseId;
use blindspot_core::access::Role;
use blindspot_core::case::Case;
use blindspot_core::projection::notices::{NoticeKind, Quiet};
use blindspot_core::row::RowKind;
use blindspot_store::rows;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Answers as it is told, the last one again and again; keeps what was sent.
struct Robot {
    answers: Mutex<Vec<Result<(Taken, &'static str), &'static str>>>,
    sent: Mutex<Vec<String>>,
}

impl Robot {
    fn saying(answers: &[Result<(Taken, &'static str), &'static str>]) -> Self {
        Self { answers: Mutex::new(answers.to_vec()), sent: Mutex::default() }
    }
    fn good() -> Self {
        Self::saying(&[Ok((Taken::Yes, r#"{"errcode":0,"errmsg":"ok"}"#))])
    }
    /// The words of each message since the last time.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

impl Post for Robot {
    fn post(&self, out: &Outgoing) -> Result<Reply, String> {
        let body: serde_json::Value = serde_json::from_str(&out.body).unwrap_or_default();
        self.sent.lock().unwrap().push(body["text"]["content"].as_str().unwrap_or(&out.url).to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        let reply = |(taken, body): (Taken, &str)| Reply { taken, body: body.as_bytes().to_vec() };
        answer.map(reply).map_err(str::to_owned)
    }
}

fn robot(targets: &[&str]) -> NewChannel {
    NewChannel {
        name: "环卫处值班群".into(),
        shape: Shape::WecomText,
        targets: targets.iter().map(|t| (*t).to_owned()).collect(),
        kinds: vec![],
        url: "https://qyapi.example/cgi-bin/webhook/send?key=KEY-OF-ROBOT".into(),
        secret: None,
        method: None,
        headers: BTreeMap::new(),
        body: None,
        accept: None,
        quiet: None,
        enabled: true,
    }
}

fn add(house: &House, new: &NewChannel) -> ChannelView {
    channels::add(house, Actor::Cli, new, T0).unwrap()
}

/// People of a city, and what they do.
struct Town {
    house: House,
    worker: Phone,
    desk: Phone,
    unit: Phone,
}

impl Town {
    fn new() -> Self {
        let house = house();
        let enrol = |n: u8| Phone::enrol(&house, person(n), n);
        let (worker, desk, unit) = (enrol(1), enrol(2), enrol(3));
        grant(&house, person(1), Role::Collector, "city");
        for role in [Role::FilingDesk, Role::Dispatcher, Role::Supervisor, Role::DeputyHead, Role::DutyLeader]
        {
            grant(&house, person(2), role, "city");
        }
        grant(&house, person(3), Role::UnitClerk, "dept:sanitation");
        Self { house, worker, desk, unit }
    }
    /// A case in the unit's hands since a moment.
    fn dispatched(&mut self, n: u32, urgent: bool, now_ms: i64) -> CaseId {
        let report = json!({"description": "张三家门口", "grid": grid(1), "urgent_danger": urgent});
        let op = self.worker.op("report", Some(case(n)), &report);
        self.worker.push(&self.house, now_ms, &[&op]);
        self.does(n, "file", &json!({}), now_ms);
        self.does(n, "dispatch", &json!({"lead": "sanitation"}), now_ms);
        case(n)
    }
    fn does(&self, n: u32, kind: &str, payload: &serde_json::Value, now_ms: i64) {
        let who = if matches!(kind, "feed_back" | "hand_on" | "accept") { &self.unit } else { &self.desk };
        let entry = who.desk(&self.house, now_ms, case(n), kind, payload);
        assert_eq!(entry.verdict.word(), "applied", "{kind}: {:?}", entry.verdict);
    }
    fn due_ms(&self, n: u32) -> i64 {
        let id = case(n).to_string();
        let row = self.house.store.read(|tx| rows::load_row(tx, &self.house.city, &RowKind::Case, &id));
        serde_json::from_str::<Case>(&row.unwrap().unwrap().body).unwrap().due.unwrap().due_ms
    }
    fn run(&self, robot: &Robot, now_ms: i64) -> Vec<String> {
        clocks::run_due(&self.house, "a", now_ms).unwrap();
        run_due(&self.house, robot, "a", now_ms).unwrap();
        robot.heard()
    }
    fn log(&self) -> Vec<(String, String, i64)> {
        let page = log::page(&self.house, None, None, &PageQuery::default()).unwrap();
        page.items.into_iter().map(|n| (n.kind, n.state, n.tries)).collect()
    }
}

#[test]
fn messages_have_the_bytes_of_the_golden_files() {
    let lines = [
        Line {
            text: "【紧急·新派遣】稠江 03127｜暴露垃圾｜兴业社区第3网格｜03-02 16:00前".into(),
            link: Some("https://jg.example/c/1".into()),
        },
        Line { text: "【已超时】稠江 03001".into(), link: None },
    ];
    let golden = [
        (Shape::WecomMarkdown, include_str!("../../../../../fixtures/notices/wecom_markdown.json")),
        (Shape::WecomText, include_str!("../../../../../fixtures/notices/wecom_text.json")),
        (Shape::DingtalkMarkdown, include_str!("../../../../../fixtures/notices/dingtalk_markdown.json")),
        (Shape::DingtalkText, include_str!("../../../../../fixtures/notices/dingtalk_text.json")),
    ];
    let secret = Some("SECtest0123456789".to_owned());
    let address =
        Address { url: "https://robot.example/send?access_token=T".into(), secret, ..Address::default() };
    for (shape, want) in golden {
        let (out, taken) = build(shape, &address, &lines, 1_772_409_600_000).unwrap();
        assert_eq!((out.body.as_str(), taken, out.method), (want, 2, "POST"), "{shape:?}");
        assert_eq!(out.headers, [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]);
        // By another hand: Python's hmac over the same time and secret.
        let signed = "https://robot.example/send?access_token=T&timestamp=1772409600000&sign=2inBI5FlOQa%2BLDM%2F126wyojLG%2F0eNgOZQPe83EgaGlg%3D";
        let plain = matches!(shape, Shape::WecomMarkdown | Shape::WecomText);
        assert_eq!(out.url, if plain { address.url.as_str() } else { signed }, "{shape:?}");
    }
}

#[test]
fn a_long_message_takes_what_fits_and_a_template_lets_nothing_break_out() {
    let line = Line { text: "字".repeat(200), link: None };
    let many = vec![line; 30];
    let address = Address { url: "https://robot.example/".into(), ..Address::default() };
    for (shape, want) in [(Shape::WecomText, 3), (Shape::WecomMarkdown, 6), (Shape::DingtalkText, 20)] {
        let (out, taken) = build(shape, &address, &many, 0).unwrap();
        assert_eq!(taken, want, "{shape:?}");
        assert!(out.body.len() < if shape == Shape::WecomText { 2_048 } else { 20_000 });
    }
    let sms = Address {
        url: "https://sms.example/send?k={secret}&t={text}".into(),
        secret: Some("a&b".into()),
        headers: BTreeMap::from([("content-type".into(), "application/json".into())]),
        body: Some(r#"{"content":"{text}","n":{count},"x":"{other}"}"#.into()),
        accept: Some("\"code\":0".into()),
        ..Address::default()
    };
    let odd = [Line { text: "a\"{secret}\\&\n{count}".into(), link: None }];
    let (out, _) = build(Shape::Sms, &sms, &odd, 0).unwrap();
    let body: serde_json::Value = serde_json::from_str(&out.body).unwrap();
    assert_eq!(
        (&body["content"], &body["n"], &body["x"]),
        (&json!("a\"{secret}\\&\n{count}"), &json!(1), &json!("{other}"))
    );
    assert_eq!(out.url, "https://sms.example/send?k=a%26b&t=a%22%7Bsecret%7D%5C%26%0A%7Bcount%7D");
    let reply = |taken, body: &str| Reply { taken, body: body.as_bytes().to_vec() };
    let said = |taken, body: &str| read_answer(Shape::Sms, &sms, &reply(taken, body));
    assert_eq!(said(Taken::Yes, r#"{"code":0}"#), Answered::Sent);
    assert!(matches!(said(Taken::Yes, r#"{"code":7}"#), Answered::Failed(_)));
    let robot = |taken, body: &str| read_answer(Shape::DingtalkText, &sms, &reply(taken, body));
    assert_eq!(robot(Taken::Yes, r#"{"errcode":0,"errmsg":"ok"}"#), Answered::Sent);
    for fast in [r#"{"errcode":45009}"#, r#"{"errcode":130101}"#, r#"{"errcode":410100}"#] {
        assert!(matches!(robot(Taken::Yes, fast), Answered::TooMany(_)), "{fast}");
    }
    assert!(matches!(robot(Taken::TooMany, ""), Answered::TooMany(_)));
    let why = robot(Taken::Yes, r#"{"errcode":310000,"errmsg":"sign not match, key=KEY"}"#);
    assert_eq!(why, Answered::Failed("errcode 310000".into()), "its words are not repeated");
    for (taken, body) in
        [(Taken::No(500), ""), (Taken::No(302), ""), (Taken::Yes, "<html>"), (Taken::Yes, "{}")]
    {
        assert!(matches!(robot(taken, body), Answered::Failed(_)), "{taken:?} {body}");
    }
}

#[test]
fn one_message_carries_what_came_within_two_minutes_and_danger_does_not_wait() {
    let mut town = Town::new();
    let robot = Robot::good();
    add(&town.house, &super::tests::robot(&["unit:sanitation"]));
    town.dispatched(1, false, T0);
    town.dispatched(2, false, T0 + MINUTE);
    assert!(town.run(&robot, T0 + 2 * MINUTE - 1).is_empty());
    let heard = town.run(&robot, T0 + 2 * MINUTE);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].starts_with("净格提醒 2 条\n【新派遣】稠江 00001｜第1网格｜")
            && heard[0].contains("\n【新派遣】稠江 00002"),
        "{heard:?}"
    );
    assert!(!heard[0].contains("张三"), "{heard:?}");
    town.dispatched(3, true, T0 + 10 * MINUTE);
    let heard = town.run(&robot, T0 + 10 * MINUTE);
    assert!(heard.len() == 1 && heard[0].contains("【紧急·新派遣】稠江 00003"), "{heard:?}");
    assert!(town.run(&robot, T0 + 11 * MINUTE).is_empty(), "said once");
    assert!(
        town.log()
            .iter()
            .all(|(kind, state, tries)| (kind.as_str(), state.as_str(), *tries) == ("dispatched", "sent", 1))
    );
}

#[test]
fn nothing_is_put_down_while_no_channel_is_on_or_none_is_for_it() {
    let mut town = Town::new();
    let off = add(&town.house, &NewChannel { enabled: false, ..robot(&["unit:sanitation"]) });
    town.dispatched(1, false, T0);
    add(&town.house, &NewChannel { kinds: vec![NoticeKind::Overdue], ..robot(&["unit:sanitation"]) });
    add(&town.house, &robot(&["unit:market"]));
    town.dispatched(2, false, T0);
    assert!(town.log().is_empty());
    let on = ChannelChange { enabled: Some(true), ..ChannelChange::default() };
    channels::change(&town.house, Actor::Cli, off.channel_id, &on, T0).unwrap();
    town.dispatched(3, false, T0);
    assert_eq!(town.log().len(), 1);
    let off_again = ChannelChange { enabled: Some(false), ..ChannelChange::default() };
    channels::change(&town.house, Actor::Cli, off.channel_id, &off_again, T0).unwrap();
    assert!(town.run(&Robot::good(), T0 + HOUR).is_empty());
    assert_eq!(town.log(), [("dispatched".to_owned(), "dropped".to_owned(), 0)]);
}

#[test]
fn a_night_waits_for_its_morning_and_danger_goes_through() {
    let mut town = Town::new();
    let robot = Robot::good();
    // 2026-06-01 08:00 in UTC+8 is T0.
    let evening = T0 + 14 * HOUR;
    let quiet = Some(Quiet { from_min: 21 * 60, to_min: 7 * 60 });
    add(&town.house, &NewChannel { quiet, ..super::tests::robot(&["unit:sanitation"]) });
    town.dispatched(1, false, evening);
    town.dispatched(2, true, evening);
    let heard = town.run(&robot, evening);
    assert!(heard.len() == 1 && heard[0].contains("00002") && !heard[0].contains("00001"), "{heard:?}");
    let morning = T0 + 23 * HOUR;
    assert!(town.run(&robot, morning - 1).iter().all(|m| !m.contains("00001")), "still quiet");
    let heard = town.run(&robot, morning);
    assert!(heard.iter().any(|m| m.contains("【新派遣】稠江 00001")), "{heard:?}");
}

#[test]
fn what_fails_is_tried_again_ever_later_and_given_up() {
    let mut town = Town::new();
    add(&town.house, &robot(&["unit:sanitation"]));
    town.dispatched(1, false, T0);
    let broken = Robot::saying(&[
        Ok((Taken::No(500), "")),
        Err("no answer in time"),
        Ok((Taken::Yes, r#"{"errcode":93000}"#)),
    ]);
    let (mut now, mut tries) = (T0 + 2 * MINUTE, Vec::new());
    while now < T0 + 5 * HOUR {
        if !town.run(&broken, now).is_empty() {
            tries.push((now - T0) / 1_000);
        }
        now += 10_000;
    }
    assert_eq!(
        tries,
        [120, 150, 210, 330, 570, 1_050, 2_010, 3_810],
        "30 s and doubled, then half an hour at most"
    );
    assert_eq!(town.log()[0], ("dispatched".to_owned(), "failed".to_owned(), 8));
    let told = log::page(&town.house, Some("failed"), None, &PageQuery::default()).unwrap();
    assert_eq!(told.items[0].problem.as_deref(), Some("errcode 93000"));

    // The server was away for two days: nobody is told of what was new then.
    town.dispatched(3, false, now);
    assert!(town.run(&Robot::good(), now + 48 * HOUR).iter().all(|m| !m.contains("新派遣")));
    assert_eq!(
        town.log().iter().filter(|(kind, state, _)| kind == "dispatched" && state == "failed").count(),
        2
    );
    now += 48 * HOUR;

    // Too fast is no fault of the message: it counts no try.
    town.dispatched(2, false, now);
    let busy = r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#;
    let fast = Robot::saying(&[
        Ok((Taken::Yes, busy)),
        Ok((Taken::Yes, busy)),
        Ok((Taken::Yes, r#"{"errcode":0}"#)),
    ]);
    for minute in 2..=4 {
        assert_eq!(town.run(&fast, now + minute * MINUTE).len(), 1, "minute {minute}");
    }
    assert_eq!(town.log()[0], ("dispatched".to_owned(), "sent".to_owned(), 1));
}

/// Stops as a server does that is killed before it could send.
struct Killed;

impl Post for Killed {
    fn post(&self, _: &Outgoing) -> Result<Reply, String> {
        panic!("killed");
    }
}

#[test]
fn a_server_that_stopped_leaves_its_message_to_the_next() {
    let mut town = Town::new();
    add(&town.house, &robot(&["unit:sanitation"]));
    town.dispatched(1, false, T0);
    let at = T0 + 2 * MINUTE;
    let dead = std::panic::AssertUnwindSafe(|| run_due(&town.house, &Killed, "a", at));
    assert!(std::panic::catch_unwind(dead).is_err());
    let good = Robot::good();
    run_due(&town.house, &good, "b", at + 59_999).unwrap();
    assert!(good.heard().is_empty(), "its lease stands");
    run_due(&town.house, &good, "b", at + 60_000).unwrap();
    assert_eq!(good.heard().len(), 1);
    run_due(&town.house, &good, "a", at + HOUR).unwrap();
    assert!(good.heard().is_empty());
}

#[test]
fn each_rung_is_told_once_and_a_clock_that_stands_still_reminds_nobody() {
    let mut town = Town::new();
    let robot = Robot::good();
    add(&town.house, &super::tests::robot(&["unit:sanitation"]));
    for n in 1..=3 {
        town.dispatched(n, true, T0);
    }
    let due = town.due_ms(1);
    assert_eq!(due, T0 + 4 * HOUR);
    town.run(&robot, T0);
    town.does(2, "feed_back", &json!({"text": "已清运"}), T0 + HOUR);
    town.does(3, "hang", &json!({"reason": "等施工", "review_ms": T0 + 90 * HOUR}), T0 + HOUR);
    let mut told = Vec::new();
    let mut now = T0 + HOUR;
    while now < due + 2 * HOUR {
        for message in town.run(&robot, now) {
            let words: Vec<&str> = message.lines().skip(1).map(|l| l.split('】').next().unwrap()).collect();
            told.push((words.join(""), (now - T0) / MINUTE));
        }
        // Another server looks at the same moment.
        clocks::run_due(&town.house, "b", now).unwrap();
        run_due(&town.house, &robot, "b", now).unwrap();
        assert!(robot.heard().is_empty());
        now += MINUTE;
    }
    let want = [("【紧急·将超时", 120), ("【紧急·将超时", 210), ("【紧急·已超时", 241)];
    assert_eq!(told, want.map(|(w, m)| (w.to_owned(), m)), "of the first case alone");
    // Work goes on: the clock runs again, from then on.
    town.does(3, "unhang", &json!({}), T0 + 8 * HOUR);
    let again = town.due_ms(3);
    assert_eq!(again, T0 + 11 * HOUR);
    assert_eq!(town.run(&robot, again - 2 * HOUR).len(), 1);
}

#[test]
fn a_rung_is_put_once_across_a_stop_and_what_was_missed_is_told_as_it_is() {
    let mut town = Town::new();
    let robot = Robot::good();
    town.dispatched(1, true, T0);
    // Nobody was to be told when it was dispatched: its clock is put down with the first channel.
    add(&town.house, &super::tests::robot(&["unit:sanitation"]));
    let late = T0 + 4 * HOUR - 10 * MINUTE;
    assert_eq!(town.run(&robot, late).len(), 1, "the two rungs that were missed are one line");
    assert!(town.run(&robot, late + 1).is_empty());
    assert_eq!(town.run(&robot, T0 + 5 * HOUR).len(), 1);
    assert!(town.run(&robot, T0 + 6 * HOUR).is_empty());
}

#[test]
fn the_digest_comes_once_a_day_to_the_unit_and_to_the_leaders() {
    let mut town = Town::new();
    let robot = Robot::good();
    let digest =
        |targets: &[&str]| NewChannel { kinds: vec![NoticeKind::Digest], ..super::tests::robot(targets) };
    add(&town.house, &digest(&["unit:sanitation"]));
    add(&town.house, &digest(&["leaders"]));
    add(&town.house, &digest(&["unit:market"]));
    town.dispatched(1, true, T0);
    town.dispatched(2, true, T0);
    // T0 is 08:00: the first digest of half past eight finds nothing overdue yet.
    assert!(town.run(&robot, T0 + HOUR / 2).is_empty() && town.run(&robot, T0 + HOUR).is_empty());
    let tomorrow = T0 + 24 * HOUR + HOUR / 2;
    town.run(&robot, tomorrow);
    let heard = town.run(&robot, tomorrow + 2 * MINUTE);
    let line = "净格提醒 1 条\n【超时汇总】sanitation｜2 件｜稠江 00001、稠江 00002";
    assert_eq!(heard, [line, line]);
    assert!(town.run(&robot, tomorrow + HOUR).is_empty());
}

#[test]
fn addresses_are_https_and_never_shown() {
    let town = Town::new();
    let new =
        NewChannel { secret: Some("SECRET-WORD".into()), shape: Shape::DingtalkText, ..robot(&["leaders"]) };
    let made = add(&town.house, &new);
    let shown = serde_json::to_string(&channels::list(&town.house).unwrap()).unwrap();
    assert!(
        shown.contains("qyapi.example") && !shown.contains("KEY-OF-ROBOT") && !shown.contains("SECRET-WORD")
    );
    let stored =
        town.house.store.read(|tx| blindspot_store::notices::load_channels(tx, &town.house.city)).unwrap();
    let at_rest = format!("{stored:?}{:?}", String::from_utf8_lossy(&stored[0].sealed));
    assert!(!at_rest.contains("KEY-OF-ROBOT") && !at_rest.contains("SECRET-WORD"), "{at_rest}");
    let refuse = |new: NewChannel| refusal(channels::add(&town.house, Actor::Cli, &new, T0));
    let at = |url: &str| NewChannel { url: url.into(), ..robot(&["leaders"]) };
    for url in [
        "http://qyapi.example/",
        "http://127.0.0.1:1/",
        "ftp://a/",
        "https://a:b@c/",
        "file:///etc/passwd",
        "x",
    ] {
        assert_eq!(refuse(at(url)), "bad_request", "{url}");
    }
    town.house.set_notice_settings(NoticeSettings { loopback_http: true, ..NoticeSettings::default() });
    assert_eq!(refuse(at("http://127.0.0.1:1/")), "passed");
    assert_eq!(refuse(at("http://qyapi.example/")), "bad_request");
    // What was allowed when it was set is looked at again when it is used.
    town.house.set_notice_settings(NoticeSettings::default());
    let near = channels::list(&town.house).unwrap().into_iter().find(|c| c.host == "127.0.0.1").unwrap();
    let tried = channels::test(&town.house, Actor::Cli, near.channel_id, &Robot::good(), T0).unwrap();
    assert_eq!((tried.taken, tried.problem.as_deref()), (false, Some("the address is not https")));
    assert!(channels::test(&town.house, Actor::Cli, made.channel_id, &Robot::good(), T0).unwrap().taken);
    for wrong in [
        NewChannel { targets: vec!["city".into()], ..robot(&[]) },
        robot(&[]),
        NewChannel { kinds: vec![NoticeKind::Other("x".into())], ..robot(&["leaders"]) },
        NewChannel { shape: Shape::Sms, ..robot(&["leaders"]) },
        NewChannel { body: Some("{text}".into()), ..robot(&["leaders"]) },
        NewChannel { quiet: Some(Quiet { from_min: 1_440, to_min: 0 }), ..robot(&["leaders"]) },
    ] {
        assert_eq!(refuse(wrong), "bad_request");
    }
    let gone: Result<(), ServiceError> = channels::remove(&town.house, Actor::Cli, made.channel_id, T0);
    gone.unwrap();
    assert_eq!(refusal(channels::remove(&town.house, Actor::Cli, made.channel_id, T0)), "not_found");
}
