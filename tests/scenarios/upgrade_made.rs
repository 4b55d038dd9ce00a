//! Makes golden files: a server's data folder and a phone's, in the middle of everything that can be under way.
//!
//! Each release leaves its own in `fixtures/upgrade/`; every later version must open them and go on
//! (`docs/testing.md`, Upgrades). The story is told anew in every test run, so that it never goes stale.

use crate::trust_town::{HOUR, T0, Town, words};
use blindspot_client::{HttpRequest, HttpResponse, Phone, RawPhoto, Replica, ReportDraft, Saved, SealStep};
use blindspot_core::CaseId;
use blindspot_core::access::Role;
use blindspot_core::command::{Command, Comment, Dispatch, MergeInto, Reason};
use blindspot_core::verdict::Verdict;
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use blindspot_server::service::Credential;
use blindspot_testkit::server::SimServer;
use serde_json::{Value, json};
use std::path::Path;

/// What the network does to a request.
pub(crate) enum Net {
    Passes,
    /// It never arrives.
    Lost,
    /// It arrives; the answer does not.
    AnswerLost,
    /// Our own server says this status instead.
    Says(u16),
}

pub(crate) fn dice(buf: &mut [u8]) {
    for chunk in buf.chunks_mut(10) {
        chunk.copy_from_slice(&crate::raw::unique()[10 - chunk.len()..]);
    }
}

pub(crate) fn now(town: &Town) -> blindspot_client::Now {
    blindspot_client::Now {
        wall_ms: town.now_ms,
        mono_ms: Some(town.now_ms - T0),
        boot_id: Some("boot".into()),
    }
}

/// Lets a phone send and fetch until it has been quiet for some minutes; gives what was said.
pub(crate) fn exchange(
    town: &mut Town,
    app: &mut Replica,
    mut net: impl FnMut(&HttpRequest) -> Net,
) -> Vec<(HttpRequest, HttpResponse)> {
    app.set_pull_pace(0, 60_000);
    let (mut said, mut quiet) = (vec![], 0);
    for online in [false, true] {
        app.set_online(online, &now(town));
    }
    app.pull_now(&now(town));
    while quiet < 20 {
        while let SealStep::Sealed { .. } = app.seal_next(&now(town), &mut dice).expect("sealing") {}
        let Some(request) = app.poll_request(&now(town), &mut dice).expect("a request or none") else {
            quiet += 1;
            town.now_ms += 20_000;
            continue;
        };
        let answer = match net(&request) {
            Net::Passes => Some(town.server.handle(&request, town.now_ms)),
            Net::Lost => None,
            Net::AnswerLost => {
                let _ = town.server.handle(&request, town.now_ms);
                None
            }
            Net::Says(status) => {
                let headers = vec![("blindspot-protocol".into(), "1".into())];
                Some(HttpResponse { status, headers, body: vec![] })
            }
        };
        match answer {
            Some(answer) => {
                app.handle_response(request.id, &answer, &now(town), &mut dice).expect("taken");
                said.push((request, answer));
            }
            None => app.handle_failure(request.id, &now(town), &mut dice).expect("taken"),
        }
    }
    said
}

pub(crate) fn is(request: &HttpRequest, what: &str) -> bool {
    request.path.ends_with(what)
}

/// The bodies of a push.
pub(crate) fn ops_of(request: &HttpRequest) -> Vec<String> {
    let frame: Value = serde_json::from_slice(&request.body).expect("JSON");
    let ops = frame["ops"].as_array().expect("ops");
    ops.iter().map(|op| op.as_str().expect("a body").to_owned()).collect()
}

fn tiny_picture(n: u32) -> RawPhoto {
    let bytes = jpeg(&SceneSpec::nth(9, n).sized(96, 72), &ExifSpec::phone("2026:06:01 08:03:11", None));
    RawPhoto { bytes, ..RawPhoto::default() }
}

fn report(town: &Town, app: &mut Replica, text: &str, photos: Vec<RawPhoto>) -> Saved {
    let draft = ReportDraft { report: words(text), photos, ..ReportDraft::default() };
    app.capture_report(draft, &now(town), &mut dice).expect("saved")
}

fn comment(town: &Town, app: &mut Replica, case: CaseId, text: &str) -> Saved {
    let said = Command::Comment(Comment { text: text.into() });
    app.capture_op(case, said, &now(town), &mut dice).expect("saved")
}

fn seal(town: &Town, app: &mut Replica) {
    while let SealStep::Sealed { .. } = app.seal_next(&now(town), &mut dice).expect("sealing") {}
}

fn case_of(saved: &Saved) -> CaseId {
    saved.case_id.expect("a case")
}

/// Four cases in different states; the server was set back to an old copy and the phone offered its work again.
fn first_days(town: &mut Town, app: &mut Replica, desk: Credential) -> [CaseId; 4] {
    let a = case_of(&report(town, app, "井盖松动", vec![tiny_picture(1)]));
    exchange(town, app, |_| Net::Passes);
    let old = town.server.snapshot(town.now_ms);
    let b = case_of(&report(town, app, "护栏损坏", vec![]));
    exchange(town, app, |_| Net::Passes);
    town.server.roll_back(&old, town.now_ms);
    let c = case_of(&report(town, app, "垃圾满溢", vec![]));
    let d = case_of(&report(town, app, "垃圾又满溢", vec![]));
    exchange(town, app, |_| Net::Passes);
    let because = |reason: &str| Reason { reason: reason.into(), ..Reason::default() };
    let order =
        Dispatch { lead: "330782/city-management".into(), assists: vec![], case_kind: None, note: None };
    for (case, command) in [
        (a, Command::File(because("属实"))),
        (a, Command::Dispatch(order)),
        (b, Command::Refuse(because("已修好"))),
        (d, Command::Merge(MergeInto { into: c, reason: "同一处".into() })),
    ] {
        assert_eq!(town.act(desk, case, &command).verdict, Verdict::Applied, "{}", command.kind());
    }
    [a, b, c, d]
}

/// An op that waits for another, and three in quarantine for three causes.
fn put_aside(town: &mut Town) -> Value {
    let mut li = town.phone("li", &[(Role::Inspector, "city")]);
    let mut wang = town.phone("wang", &[]);
    let e = li.report(town, words("路灯不亮"), vec![]);
    let held = li.act(town, case_of(&e), Command::Comment(Comment { text: "还是不亮".into() }));
    let i = wang.report(town, words("无权上报"), vec![]);
    li.seal(town.now_ms);
    wang.seal(town.now_ms);
    let body = |app: &Replica, id| app.op_body(id).expect("read").expect("there");
    let first = body(&li.app, e.op_id.expect("an op"));
    let other = |n: u64, change: &dyn Fn(&mut Value)| {
        let mut op: Value = serde_json::from_str(&first).expect("JSON");
        op["op_id"] = json!(crate::raw::new_op_id());
        op["device_seq"] = json!(500 + n);
        change(&mut op);
        op.to_string()
    };
    let strange = other(1, &|op| op["kind"] = json!("a_kind_of_later"));
    let nul = other(2, &|op| op["payload"]["description"] = json!("坑\u{0}"));
    let verdicts = li.push_beside(town, &[body(&li.app, held), strange, nul]);
    assert!(matches!(verdicts[0].verdict, Verdict::Held { .. }), "{:?}", verdicts[0]);
    let mut aside: Vec<_> = verdicts[1..].to_vec();
    aside.extend(wang.push_beside(town, &[body(&wang.app, i.op_id.expect("an op"))]));
    assert!(aside.iter().all(|v| matches!(v.verdict, Verdict::Quarantined { .. })), "{aside:?}");
    json!({
        "held": held, "first": first, "person": li.person, "device": li.credential().device,
        "aside": aside.iter().map(|v| json!({"op_id": v.op_id, "verdict": v.verdict})).collect::<Vec<_>>(),
    })
}

/// Work that is under way on the phone: in the tray, held, sent without an answer, unsent, not even sealed.
fn under_way(town: &mut Town, app: &mut Replica, a: CaseId) -> Value {
    let tray = report(town, app, "太长的话", vec![tiny_picture(2)]);
    let held = comment(town, app, case_of(&tray), "补充");
    let tray_id = tray.op_id.expect("an op").to_string();
    exchange(town, app, |request| {
        let has_it = |op: &String| serde_json::from_str::<Value>(op).expect("JSON")["op_id"] == *tray_id;
        match request.method {
            "PATCH" => Net::Lost,
            _ if is(request, "/push") && ops_of(request).iter().any(has_it) => Net::Says(413),
            _ => Net::Passes,
        }
    });
    let lost = comment(town, app, a, "回答丢了");
    exchange(town, app, |r| if is(r, "/push") { Net::AnswerLost } else { Net::Lost });
    let unsent = report(town, app, "还没上传", vec![tiny_picture(3)]);
    comment(town, app, case_of(&unsent), "也没上传");
    seal(town, app);
    let raw = report(town, app, "还没封存", vec![tiny_picture(4)]);
    json!({
        "tray": tray_id, "held": held.op_id, "lost": lost.op_id,
        "cases": [case_of(&tray), case_of(&unsent)], "capture": case_of(&raw),
    })
}

/// Tells the story and leaves `server/`, `phone/` and `story.json`.
pub(crate) fn make(to: &Path) {
    let mut town = Town::on(SimServer::on_file(6, T0), T0);
    let desk = town.desk("desk");
    let home = to.join("phone");
    let phone = Phone::open(&home).expect("a phone");
    let (_, mut app) = phone.add("张", None, &mut dice).expect("room");
    let zhang = town.server.person("zhang", &[(Role::Collector, "city")], town.now_ms);
    town.enrol_replica(&mut app, zhang, &mut dice);
    town.now_ms += HOUR;
    let cases = first_days(&mut town, &mut app, desk);
    let aside = put_aside(&mut town);
    exchange(&mut town, &mut app, |_| Net::Passes);
    let phone = under_way(&mut town, &mut app, cases[0]);
    let device = app.identity().expect("read").expect("enrolled").device_id;
    drop(app);
    town.server.save(&to.join("server"));
    let story = json!({
        "now_ms": town.now_ms, "person": zhang, "device": device, "cases": cases, "aside": aside, "phone": phone,
    });
    let text = serde_json::to_string_pretty(&story).expect("JSON");
    std::fs::write(to.join("story.json"), text + "\n").expect("written");
}
