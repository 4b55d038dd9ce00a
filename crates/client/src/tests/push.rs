//! Pushing: batches, verdicts, refusals, portals.

use super::*;
use blindspot_core::row::RowKind;
use blindspot_core::verdict::{Cause, VerdictRow};

#[test]
fn ops_go_verbatim_in_order_and_verdicts_are_kept_by_op() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let (a, b) = (rig.report(&mut r, vec![]), rig.report(&mut r, vec![]));
    let request = rig.poll_lane(&mut r, Lane::Push);
    let frame = pushed(&request);
    let bodies = [a.op_id, b.op_id].map(|id| r.op_body(id.unwrap()).unwrap().unwrap());
    assert_eq!(frame.ops, bodies);
    assert_eq!((frame.next_seq, frame.sent.boot_id.as_deref()), (3, Some("b")));
    assert!(request.headers.contains(&("authorization".into(), "Bearer a1".into())));
    let quarantined = Verdict::Quarantined { ticket: "t".into(), cause: Cause::NoRights };
    rig.answer(&mut r, &request, &verdicts(2, &quarantined));
    let list = r.outbox().unwrap();
    assert!(list.iter().all(|o| o.state == OpState::Acknowledged && o.verdict == Some(quarantined.clone())));
    assert!(list.iter().all(|o| o.overlay), "a quarantined one stays shown");
    assert_eq!(r.cases(CaseFilter::default()).unwrap().len(), 2);
    assert_eq!(r.unsent().unwrap(), Unsent::default());
    assert_eq!(r.status().unwrap().undecided, 2);
}

#[test]
fn a_portal_and_silence_delete_nothing_and_drop_no_credential() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    for status in [200, 401, 403, 413] {
        let request = rig.poll_lane(&mut r, Lane::Push);
        rig.answer(&mut r, &request, &HttpResponse { status, ..portal() });
        assert_eq!(r.unsent().unwrap().ops, 1);
    }
    let request = rig.poll_lane(&mut r, Lane::Push);
    assert!(request.headers.contains(&("authorization".into(), "Bearer a1".into())));
    rig.answer(&mut r, &request, &verdicts(1, &Verdict::Applied));
    assert!(r.unsent().unwrap().is_empty());
}

#[test]
fn a_refused_batch_is_halved_until_the_bad_op_lies_alone_in_the_tray() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let saved: Vec<_> = (0..7).map(|_| rig.report(&mut r, vec![])).collect();
    let bad = r.op_body(saved[4].op_id.unwrap()).unwrap().unwrap();
    let mut pushes = 0;
    while r.unsent().unwrap().ops > r.status().unwrap().unsendable {
        let request = rig.poll_lane(&mut r, Lane::Push);
        let ops = pushed(&request).ops;
        let response = if ops.contains(&bad) {
            refusal(413, "body_too_large")
        } else {
            verdicts(ops.len(), &Verdict::Applied)
        };
        rig.answer(&mut r, &request, &response);
        pushes += 1;
        assert!(pushes < 20, "halving ends");
    }
    let tray: Vec<_> = r.outbox().unwrap().into_iter().filter(|o| o.state == OpState::Unsendable).collect();
    assert_eq!(tray.iter().map(|o| Some(o.op_id)).collect::<Vec<_>>(), [saved[4].op_id]);
    assert_eq!(tray[0].problem.as_deref(), Some("body_too_large"));
    assert!(events(&mut r).iter().any(|e| matches!(e, ClientEvent::Unsendable { .. })));
    assert_eq!(r.retry_unsendable(&rig.now).unwrap(), 1);
    assert_eq!(pushed(&rig.poll_lane(&mut r, Lane::Push)).ops, [bad]);
}

#[test]
fn an_overlay_op_goes_only_with_the_checkpoint_that_brings_its_final_verdict() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let op_id = rig.report(&mut r, vec![]).op_id.unwrap();
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(&mut r, &request, &verdicts(1, &Verdict::Applied));
    assert!(r.outbox().unwrap()[0].overlay, "the push reply alone does not bring the row");
    assert_eq!(r.cases(CaseFilter::default()).unwrap().len(), 1);
    let feed = Feed::device(device(1));
    let line = |n: i64, verdict: Verdict| {
        let row = VerdictRow { op_id, device_seq: 1, verdict, cases: vec![], erased: None };
        let key = RowKey::new(RowKind::Verdict, op_id.to_string());
        WireLine(key, Rev(100, n), serde_json::to_string(&row).unwrap())
    };
    let mut half = page(&feed, &[line(1, Verdict::Held { missing: vec![] })], true);
    half.checkpoint = None;
    let request = rig.poll_lane(&mut r, Lane::Pull);
    rig.answer(&mut r, &request, &json(&half));
    let whole = page(&feed, &[line(2, Verdict::Applied)], false);
    let request = rig.poll_lane(&mut r, Lane::Pull);
    assert!(r.outbox().unwrap()[0].overlay);
    rig.answer(&mut r, &request, &json(&whole));
    assert!(!r.outbox().unwrap()[0].overlay);
}

#[test]
fn after_a_new_epoch_what_the_server_lacks_is_offered_again() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    for _ in 0..3 {
        rig.report(&mut r, vec![]);
    }
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(&mut r, &request, &verdicts(3, &Verdict::Applied));
    let restored =
        PullReply { common: Common { epoch: 101, ..common() }, ..page(&Feed::reference(), &[], true) };
    let request = rig.poll_lane(&mut r, Lane::Pull);
    rig.answer(&mut r, &request, &json(&restored));
    let request = rig.poll_lane(&mut r, Lane::Push);
    assert!(pushed(&request).ops.is_empty(), "asks first how far the server got");
    let common = Common { epoch: 101, ..common() };
    let reply = PushReply { common, received_through: 1, verdicts: vec![] };
    rig.answer(&mut r, &request, &json(&reply));
    assert_eq!(pushed(&rig.poll_lane(&mut r, Lane::Push)).ops.len(), 2);
}

#[test]
fn an_answer_that_a_pull_overtook_does_not_bring_back_an_older_verdict() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let op_id = rig.report(&mut r, vec![]).op_id.unwrap();
    let push = rig.poll_lane(&mut r, Lane::Push);
    let pull = rig.poll_lane(&mut r, Lane::Pull);
    let row = VerdictRow { op_id, device_seq: 1, verdict: Verdict::Applied, cases: vec![], erased: None };
    let line = WireLine(
        RowKey::new(RowKind::Verdict, op_id.to_string()),
        Rev(100, 2),
        serde_json::to_string(&row).unwrap(),
    );
    rig.answer(&mut r, &pull, &json(&page(&Feed::device(device(1)), &[line], true)));
    rig.answer(&mut r, &push, &verdicts(1, &Verdict::Held { missing: vec![] }));
    assert_eq!(r.outbox().unwrap()[0].verdict, Some(Verdict::Applied));
}
