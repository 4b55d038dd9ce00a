//! Honest work that comes late, or across other work, is kept and never forced; text that no database takes.

use crate::trust_town::{HOUR, Pocket, Town, words};
use blindspot_client::ClientError;
use blindspot_core::CaseId;
use blindspot_core::access::Role;
use blindspot_core::case::CaseState;
use blindspot_core::command::{Command, Comment, Dispatch, FeedBack, MergeInto, Reason, Verify};
use blindspot_core::verdict::{Cause, Verdict, Why};
use blindspot_server::service::Credential;
use serde_json::Value;

fn reported(town: &mut Town, phone: &mut Pocket, text: &str) -> CaseId {
    let case = phone.report(town, words(text), vec![]).case_id.expect("a case");
    town.sync(phone);
    case
}

fn dispatch(town: &mut Town, desk: Credential, case: CaseId) {
    let order =
        Dispatch { lead: "330782/city-management".into(), assists: vec![], case_kind: None, note: None };
    assert_eq!(town.act(desk, case, &Command::Dispatch(order)).verdict, Verdict::Applied);
}

/// A passed verification of the first round arrives after the case went back to work: it closes nothing, it is kept,
/// and the worker reads why.
#[test]
fn shown_trust_late_pass() {
    let mut town = Town::new();
    let desk = town.desk("desk");
    let mut reporter = town.phone("reporter", &[(Role::Collector, "city")]);
    let mut unit = town.phone("unit", &[(Role::UnitClerk, "dept:330782/city-management")]);
    let mut slow = town.phone("slow", &[(Role::Inspector, "city")]);
    let mut quick = town.phone("quick", &[(Role::Inspector, "city")]);
    let case = reported(&mut town, &mut reporter, "井盖松动");
    let reason = Reason { reason: "属实".into(), ..Reason::default() };
    assert_eq!(town.act(desk, case, &Command::File(reason)).verdict, Verdict::Applied);
    dispatch(&mut town, desk, case);
    town.sync(&mut unit);
    let back =
        unit.act(&town, case, Command::FeedBack(FeedBack { text: "已修".into(), ..FeedBack::default() }));
    town.sync(&mut unit);
    for inspector in [&mut slow, &mut quick] {
        town.sync(inspector);
    }
    let verify = |passed| {
        Command::Verify(Verify {
            feed_back: back,
            passed,
            text: "看过".into(),
            position: None,
            photos: vec![],
        })
    };
    let late = slow.act(&town, case, verify(true));
    town.pass(2 * HOUR);
    let failed = quick.act(&town, case, verify(false));
    town.sync(&mut quick);
    assert_eq!(town.op(failed).verdict, Verdict::Applied);
    let before = town.case(case).case;
    assert_eq!(before.state, CaseState::Rework);
    town.sync(&mut slow);
    let Some(Verdict::Noted { why }) = slow.verdict(late) else { panic!("{:?}", slow.verdict(late)) };
    assert!(matches!(why, Why::OtherRound | Why::StateMoved), "{why:?}");
    assert!(!why.text().0.is_empty(), "in the worker's words");
    let after = town.case(case);
    assert_eq!((after.case.state, after.case.round), (CaseState::Rework, before.round), "closes nothing");
    assert!(town.op(late).landed.contains(&case), "and stays on the case");
    for phone in [&mut reporter, &mut unit, &mut slow, &mut quick] {
        phone.agrees(&mut town);
    }
}

/// Two desks merge A into B and B into A: one of them stands, the other is a note, and everybody sees one case.
#[test]
fn shown_trust_crossed() {
    let mut town = Town::new();
    let (one, two) = (town.desk("one"), town.desk("two"));
    let mut phone = town.phone("w", &[(Role::Collector, "city")]);
    let (a, b) = (reported(&mut town, &mut phone, "甲"), reported(&mut town, &mut phone, "乙"));
    let into = |into| Command::Merge(MergeInto { into, reason: "同一处".into() });
    let first = town.act(one, a, &into(b));
    let second = town.act(two, b, &into(a));
    assert_eq!(first.verdict, Verdict::Applied);
    assert_eq!(second.verdict, Verdict::Noted { why: Why::SameCase });
    let (from, root) = (town.case(a), town.case(b));
    assert_eq!((from.case.state, from.case.merged_into), (CaseState::Merged, Some(b)));
    assert!(root.case.merged_into.is_none() && root.case.state.is_open(), "no ring");
    // Work that names the merged case lands on the one that stands.
    let comment = phone.act(&town, a, Command::Comment(Comment { text: "还在".into() }));
    town.sync(&mut phone);
    assert_eq!(town.op(comment).landed, [b]);
    assert_eq!(town.case(b).comments.len(), 1);
    phone.agrees(&mut town);
}

/// U+0000 is refused where it is typed; bytes that carry it all the same stand aside on arrival and hold nothing up.
#[test]
fn shown_trust_nul() {
    let mut town = Town::new();
    let mut phone = town.phone("w", &[(Role::Collector, "city")]);
    let case = reported(&mut town, &mut phone, "坑");
    let now = phone.now(town.now_ms);
    let bad = Command::Comment(Comment { text: "坑\u{0}洼".into() });
    let refused = phone.app.capture_op(case, bad, &now, &mut |b: &mut [u8]| b.fill(9));
    assert!(matches!(refused, Err(ClientError::Op(ref p)) if p.cause == Cause::NulText), "{refused:?}");
    assert!(phone.app.unsent().expect("counts").is_empty(), "nothing of it stays");
    let good = phone.act(&town, case, Command::Comment(Comment { text: "坑洼".into() }));
    let body = phone.app.op_body(good).expect("read").expect("there");
    // A phone of another make sends it, raw and escaped, before and behind a good one.
    let forge = |id: &str, text: &str| {
        let mut op: Value = serde_json::from_str(&body).expect("JSON");
        op["op_id"] = Value::from(id);
        op["device_seq"] = Value::from(op["device_seq"].as_u64().unwrap_or(0) + u64::from(id.as_bytes()[35]));
        op["payload"]["text"] = Value::from(text);
        op.to_string()
    };
    let ids = ["019f0000-0000-7000-8000-000000000001", "019f0000-0000-7000-8000-000000000002"];
    let batch = [forge(ids[0], "坑\u{0}"), body.clone(), forge(ids[1], "\u{0}")];
    let verdicts = phone.push_beside(&mut town, &batch);
    let causes: Vec<_> = verdicts
        .iter()
        .map(|v| match &v.verdict {
            Verdict::Quarantined { cause, .. } => cause.as_str().to_owned(),
            other => other.word().to_owned(),
        })
        .collect();
    assert_eq!(causes, ["nul_text", "applied", "nul_text"]);
    town.sync(&mut phone);
    assert_eq!(town.case(case).comments.len(), 1);
    phone.agrees(&mut town);
}
