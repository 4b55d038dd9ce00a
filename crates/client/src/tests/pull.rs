//! Pulling: staging, checkpoints, digests, scope.

use super::*;
use blindspot_core::CaseId;
use blindspot_core::command::{Command, Comment};
use blindspot_core::division::Places;
use blindspot_core::op::SealedOp;
use blindspot_core::row::RowKind;
use blindspot_core::testing::{Authority, grant, sealed};
use blindspot_core::{access::Role, testing};

fn feed() -> Feed {
    Feed("grid:330782003002-03".into())
}

/// The rows of a case reported by somebody, as a server would have them.
fn case_lines(n: u64, rev: i64) -> (CaseId, Vec<WireLine>) {
    let mut authority = Authority::new(Places::empty());
    authority.add_person(9, vec![grant(Role::Collector, "city")]);
    let case = testing::case_id(n);
    authority.receive(&sealed(n, 9, Some(case), &Command::Report(Default::default()), vec![]));
    let images = authority.world.cases[&case].images().unwrap();
    let lines = images.into_iter().map(|i| WireLine(i.key, Rev(100, rev), i.body)).collect();
    (case, lines)
}

fn pull(rig: &mut Rig, r: &mut Replica, reply: &PullReply) -> PullRequest {
    let request = rig.poll_lane(r, Lane::Pull);
    if request.path == "/v1/me" {
        let me = serde_json::json!({ "person_id": person(1), "name": "王芳", "city_id": "yiwu", "city_name": "义乌",
            "grants": [], "server_ms": T0, "epoch": 100 });
        rig.answer(r, &request, &json(&me));
        return pull(rig, r, reply);
    }
    let asked = serde_json::from_slice(&request.body).unwrap();
    rig.answer(r, &request, &json(reply));
    asked
}

#[test]
fn pages_are_staged_across_a_restart_and_applied_whole() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let ((a, first), (b, second)) = (case_lines(1, 1), case_lines(2, 1));
    let mut half = page(&feed(), &first, true);
    half.checkpoint = None;
    pull(&mut rig, &mut r, &half);
    assert!(r.cases(CaseFilter::default()).unwrap().is_empty(), "half a checkpoint shows nothing");
    drop(r);
    let mut r = rig.open();
    let mut rest = page(&feed(), &second, false);
    let all: Vec<WireLine> = first.into_iter().chain(second).collect();
    rest.checkpoint = page(&feed(), &all, true).checkpoint;
    let asked = pull(&mut rig, &mut r, &rest);
    assert_eq!(asked.cursor.as_deref(), Some("c1"), "goes on where it was cut");
    let shown: Vec<_> = r.cases(CaseFilter::default()).unwrap().iter().map(|v| v.file.id()).collect();
    assert_eq!(shown, [b, a]);
    let head = &rest.checkpoint.unwrap().heads[0];
    assert_eq!(r.digests().unwrap()[&feed()].sum_hex(), head.digest);
    assert!(events(&mut r).contains(&ClientEvent::CaughtUp));
}

#[test]
fn only_a_higher_rev_replaces_a_row() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let key = RowKey::new(RowKind::Freshness, "c");
    for (rev, body, stands) in
        [(Rev(100, 5), "1", "1"), (Rev(100, 4), "2", "1"), (Rev(100, 5), "3", "1"), (Rev(101, 1), "4", "4")]
    {
        let lines = [WireLine(key.clone(), rev, body.into())];
        pull(&mut rig, &mut r, &page(&feed(), &lines, false));
        assert_eq!(r.row(&key).unwrap().unwrap().1, stands);
    }
}

#[test]
fn a_digest_mismatch_reads_that_feed_again_once_an_hour_and_heals() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let key = RowKey::new(RowKind::Freshness, "c");
    let truth = page(&feed(), &[WireLine(key.clone(), Rev(100, 1), "1".into())], true);
    let mut damaged = page(&feed(), &[WireLine(key.clone(), Rev(100, 1), "0".into())], true);
    damaged.checkpoint = truth.checkpoint.clone();
    assert!(pull(&mut rig, &mut r, &damaged).reread.is_empty());
    let mismatches = |r: &mut Replica| {
        let all = events(r);
        all.into_iter()
            .filter_map(|e| match e {
                ClientEvent::DigestMismatch { reread, .. } => Some(reread),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(mismatches(&mut r), [true]);
    drop(r);
    let mut r = rig.open();
    assert_eq!(pull(&mut rig, &mut r, &damaged).reread, [feed()], "that feed alone, also after a restart");
    assert_eq!(mismatches(&mut r), [false], "reported and left alone");
    assert!(pull(&mut rig, &mut r, &damaged).reread.is_empty());
    rig.later(3_600_000);
    pull(&mut rig, &mut r, &damaged);
    assert_eq!(pull(&mut rig, &mut r, &truth).reread, [feed()]);
    assert_eq!(r.row(&key).unwrap().unwrap().1, "1", "the same rev repairs when read again from zero");
    events(&mut r);
    pull(&mut rig, &mut r, &page(&feed(), &[], false));
}

#[test]
fn rows_with_unsent_work_stay_pinned_when_the_scope_is_gone() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let ((a, first), (b, second)) = (case_lines(1, 1), case_lines(2, 1));
    let all: Vec<WireLine> = first.into_iter().chain(second).collect();
    pull(&mut rig, &mut r, &page(&feed(), &all, true));
    let comment = Command::Comment(Comment { text: "还在".into() });
    let op = r.capture_op(a, comment, &rig.now, &mut rig.rnd).unwrap().op_id.unwrap();
    let own = Feed::device(device(1));
    let mut gone = page(&own, &[], true);
    gone.feeds_removed = vec![feed()];
    pull(&mut rig, &mut r, &gone);
    assert!(r.case(b).unwrap().is_none(), "nothing unsent: dropped");
    let view = r.case(a).unwrap().unwrap();
    assert!(view.scope_lost);
    assert_eq!((view.pending(), view.file.comments.len()), (1, 1));
    assert!(events(&mut r).iter().any(|e| matches!(e, ClientEvent::ScopeChanged { .. })));
    let verdict = blindspot_core::verdict::VerdictRow {
        op_id: op,
        device_seq: 1,
        verdict: Verdict::Applied,
        cases: vec![a],
        erased: None,
    };
    let key = RowKey::new(RowKind::Verdict, op.to_string());
    let line = WireLine(key, Rev(100, 1), serde_json::to_string(&verdict).unwrap());
    pull(&mut rig, &mut r, &page(&own, &[line], false));
    assert!(r.case(a).unwrap().is_none(), "its last op is decided: it goes");
    assert_eq!(r.outbox().unwrap()[0].verdict, Some(Verdict::Applied), "its reason stays");
}

#[test]
fn mirror_and_outbox_give_the_same_case_as_the_server() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let (case, lines) = case_lines(1, 1);
    pull(&mut rig, &mut r, &page(&feed(), &lines, true));
    let mut authority = Authority::new(Places::empty());
    authority.add_person(9, vec![grant(Role::Collector, "city")]);
    authority.add_person(1, vec![grant(Role::Collector, "city")]);
    authority.receive(&sealed(1, 9, Some(case), &Command::Report(Default::default()), vec![]));
    for text in ["一", "二"] {
        let comment = Command::Comment(Comment { text: text.into() });
        let op = r.capture_op(case, comment, &rig.now, &mut rig.rnd).unwrap().op_id.unwrap();
        let sealed = SealedOp::read(r.op_body(op).unwrap().unwrap()).unwrap();
        assert_eq!(authority.receive(&sealed), Verdict::Applied);
    }
    let mine = r.case(case).unwrap().unwrap().file;
    let texts = |f: &blindspot_core::case::CaseFile| {
        f.comments.values().map(|c| (c.op_id, c.text.clone())).collect::<Vec<_>>()
    };
    assert_eq!(texts(&mine), texts(&authority.world.cases[&case]));
}

#[test]
fn a_bad_cursor_reads_from_zero_and_keeps_the_mirror_until_then() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let (case, lines) = case_lines(1, 1);
    pull(&mut rig, &mut r, &page(&feed(), &lines, true));
    let request = rig.poll_lane(&mut r, Lane::Pull);
    rig.answer(&mut r, &request, &refusal(400, "bad_cursor"));
    assert!(r.case(case).unwrap().is_some());
    let asked = pull(&mut rig, &mut r, &page(&feed(), &lines, true));
    assert_eq!(asked.cursor, None);
}

#[test]
fn a_page_that_contradicts_itself_is_dropped_and_read_again_from_zero() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let (case, lines) = case_lines(1, 1);
    let good = page(&feed(), &lines, true);
    let mut half = good.clone();
    half.checkpoint = None;
    half.changes[0].entered.push(99);
    pull(&mut rig, &mut r, &half);
    let request = rig.poll_lane(&mut r, Lane::Pull);
    let e = r.handle_response(request.id, &json(&page(&feed(), &[], false)), &rig.now, &mut rig.rnd);
    assert!(matches!(e, Err(ClientError::BadReply(_))), "{e:?}");
    assert_eq!(pull(&mut rig, &mut r, &good).cursor, None);
    assert!(r.case(case).unwrap().is_some());
}
