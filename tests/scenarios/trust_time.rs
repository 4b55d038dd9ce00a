//! Work that waits: in quarantine, asleep, for an answer that was lost, for a day without a reply.

use crate::trust_town::{DAY, HOUR, T0, Town, picture, words};
use blindspot_core::OpId;
use blindspot_core::access::{Area, Role};
use blindspot_core::clock::ClockClass;
use blindspot_core::command::{Command, Comment};
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_server::service::people::{self, Actor, NewGrant};
use blindspot_server::service::quarantine_desk;

/// The photo comes home, its op waits three days for a person, and then both are on the case: the sweep takes no
/// bytes that a waiting op names.
#[test]
fn shown_trust_quarantined_photo() {
    let mut town = Town::new();
    let mut phone = town.phone("new", &[]);
    let saved = phone.report(&town, words("新来的，权限还没办"), vec![picture(1)]);
    let (case, report) = (saved.case_id.expect("a case"), saved.op_id.expect("an op"));
    town.sync(&mut phone);
    assert!(phone.app.uploads().expect("uploads").iter().all(|u| u.verified), "the bytes are delivered");
    let Verdict::Quarantined { cause, .. } = town.op(report).verdict else { panic!("in quarantine") };
    assert_eq!(cause, Cause::NoRights);
    for _ in 0..3 {
        town.pass(DAY);
    }
    // The right should have stood from the first day: the administrator says so, and has the entries decided again.
    let grant = NewGrant { role: Role::Collector, area: Area::City, from_ms: Some(T0 - DAY), to_ms: None };
    people::grant(town.server.house(), Actor::Cli, phone.person, &grant, town.now_ms).expect("a grant");
    let ops: Vec<OpId> = phone.app.outbox().expect("ops").iter().map(|o| o.op_id).collect();
    for op in ops {
        let entry = (op, town.op(op).hash);
        if let Verdict::Quarantined { .. } = town.op(op).verdict {
            quarantine_desk::ask_replay(town.server.house(), Actor::Cli, entry, town.now_ms).expect("asked");
        }
    }
    town.pass(HOUR);
    town.sync(&mut phone);
    assert_eq!(phone.verdict(report), Some(Verdict::Applied), "the phone hears of it");
    let file = town.case(case);
    assert_eq!(file.photos.len(), 1);
    assert_eq!((file.case.media.n, file.case.media.m), (1, 1), "with its bytes");
    for upload in phone.app.uploads().expect("uploads") {
        let sha = blindspot_core::id::Sha256::from_hex(&upload.sha256).expect("hex");
        assert_eq!(town.server.depot().blobs.len(&sha).expect("read"), Some(upload.bytes), "{}", upload.form);
    }
}

/// An op waits for one that has not arrived; that arrives and both are decided, but the answer is lost. The phone
/// hears of it all the same, and nothing happens twice.
#[test]
fn shown_trust_held() {
    let mut town = Town::new();
    let mut phone = town.phone("w", &[(Role::Collector, "city")]);
    let saved = phone.report(&town, words("等"), vec![]);
    let (case, report) = (saved.case_id.expect("a case"), saved.op_id.expect("an op"));
    let comment = phone.act(&town, case, Command::Comment(Comment { text: "后到的先到".into() }));
    // Only the second leaves: the first comes again as from a batch that was cut off.
    let body = |op| phone.app.op_body(op).expect("read").expect("there");
    let (first, second) = (body(report), body(comment));
    assert_eq!(push(&mut town, &phone, &[second]), ["held"]);
    assert_eq!(push(&mut town, &phone, &[first]), ["applied"], "its answer never reaches the phone");
    assert_eq!(town.op(comment).verdict, Verdict::Applied, "decided as soon as it could be");
    assert_eq!(phone.verdict(comment), None, "the phone knows of nothing");
    let mut pushes = 0;
    town.sync_but(&mut phone, |request| {
        let is_push = request.path == "/v1/sync/push";
        pushes += i32::from(is_push);
        is_push && pushes == 1
    });
    town.sync(&mut phone);
    assert!(pushes > 0, "the answer was lost once more; by a push or by a pull, the phone hears of it");
    assert_eq!(phone.verdict(report), Some(Verdict::Applied));
    assert_eq!(phone.verdict(comment), Some(Verdict::Applied));
    assert_eq!(town.case(case).comments.len(), 1, "once");
    phone.agrees(&mut town);
}

/// A push of chosen bodies under the phone's credential, beside the phone; gives the verdicts.
fn push(town: &mut Town, phone: &crate::trust_town::Pocket, bodies: &[String]) -> Vec<&'static str> {
    phone.push_beside(town, bodies).iter().map(|v| v.verdict.word()).collect()
}

/// A phone with a clock three years off captures, sleeps eight hours, and pushes: its clock that counts sleep says when.
#[test]
fn shown_trust_sleep() {
    for skew in [-3 * 365 * DAY, 0, 3 * 365 * DAY] {
        let mut town = Town::new();
        let mut phone = town.phone("w", &[(Role::Collector, "city")]);
        phone.skew_ms = skew;
        let captured_at = town.now_ms;
        let saved = phone.report(&town, words("睡前拍的"), vec![]);
        town.pass(8 * HOUR);
        let pushed_at = town.now_ms;
        town.sync(&mut phone);
        let op = town.op(saved.op_id.expect("an op"));
        assert_eq!(op.time.class, ClockClass::Exact, "skew {skew}");
        assert_eq!(op.time.at_ms, captured_at, "skew {skew}");
        assert_eq!(op.time.claimed_ms, captured_at + skew);
        assert!(op.received_ms >= pushed_at);
    }
}

/// Every answer to a refresh is lost for a day; each try turns the family, and nobody is signed out.
#[test]
fn shown_trust_refresh() {
    let mut town = Town::new();
    let mut phone = town.phone("w", &[(Role::Collector, "city")]);
    town.sync(&mut phone);
    let saved = phone.report(&town, words("刷新丢了一天"), vec![picture(2)]);
    // Long enough that the access token is over.
    town.pass(HOUR);
    let (began, mut lost) = (town.now_ms, 0);
    while town.now_ms < began + DAY {
        town.sync_but(&mut phone, |request| {
            let is_refresh = request.path.ends_with("/token/refresh");
            lost += i32::from(is_refresh);
            is_refresh
        });
        town.pass(HOUR / 2);
    }
    assert!(lost > 20, "{lost} answers were lost");
    assert!(!phone.app.status().expect("a status").signed_out);
    assert!(!phone.app.unsent().expect("counts").is_empty(), "nothing got through");
    town.sync(&mut phone);
    assert!(!phone.app.status().expect("a status").signed_out, "the family stands");
    assert_eq!(phone.verdict(saved.op_id.expect("an op")), Some(Verdict::Applied));
    phone.agrees(&mut town);
}
