//! The machine by itself: what leaves when, and what ends a wait.

use super::*;

/// Found by the simulation: after a restart of the app nothing was pulled until the clock passed 1970.
#[test]
fn a_new_machine_pulls_at_once_whatever_the_clock_says() {
    for now in [i64::MIN / 4, -86_400_000, -1, 0, 1] {
        let mut m = SyncMachine::new();
        assert!(m.poll_timeout().is_some_and(|(at, _)| at <= now), "{now}");
        assert!(matches!(m.poll_request(now), Some(Want::Pull { .. })), "{now}");
    }
    let mut m = SyncMachine::new();
    m.set_token_stale();
    assert_eq!(m.poll_request(-1), Some(Want::Refresh));
}

fn push_due(m: &mut SyncMachine) -> Option<Want> {
    m.nothing_to_send(Lane::Pull, None);
    m.handle_captured(0);
    m.poll_request(0)
}

#[test]
fn a_lane_has_one_request_out() {
    let mut m = SyncMachine::new();
    assert!(matches!(m.poll_request(0), Some(Want::Pull { .. })));
    assert_eq!(m.poll_request(0), None);
    m.handle_captured(0);
    assert!(matches!(m.poll_request(0), Some(Want::Push { .. })));
    assert_eq!(m.poll_request(0), None);
}

#[test]
fn a_failure_retries_by_itself() {
    let mut m = SyncMachine::new();
    push_due(&mut m);
    m.handle_failure(Lane::Push, None, 0, 7);
    assert_eq!(m.poll_request(0), None);
    let (at, reason) = m.poll_timeout().unwrap();
    assert_eq!(reason, Reason::Backoff(Lane::Push));
    assert!(matches!(m.poll_request(at), Some(Want::Push { .. })));
}

#[test]
fn an_expired_token_holds_everything_but_the_refresh() {
    let mut m = SyncMachine::new();
    push_due(&mut m);
    m.handle_response(Lane::Push, ReplyClass::Unauthorised, true, 0, 0);
    assert_eq!(m.poll_request(0), Some(Want::Refresh));
    assert_eq!(m.poll_request(0), None);
    m.handle_response(Lane::Auth, ReplyClass::Ok, false, 0, 0);
    assert!(matches!(m.poll_request(0), Some(Want::Push { .. } | Want::Pull { .. })));
}

#[test]
fn a_refused_batch_halves_down_to_one_and_then_leaves_the_way() {
    let mut m = SyncMachine::new();
    push_due(&mut m);
    let mut sizes = vec![];
    for _ in 0..20 {
        m.handle_response(Lane::Push, ReplyClass::TooLarge, true, 0, 0);
        match m.poll_request(0) {
            Some(Want::Push { ops_max, .. }) => sizes.push(ops_max),
            other => panic!("{other:?}"),
        }
        if sizes.last() == Some(&1) {
            break;
        }
    }
    assert!(sizes.len() < 10 && sizes.contains(&1));
    m.handle_response(Lane::Push, ReplyClass::Refused, true, 0, 0);
    assert!(std::iter::from_fn(|| m.poll_event()).any(|e| e == Event::Unsendable));
}

#[test]
fn a_revoked_device_hands_in_and_pulls_nothing() {
    let mut m = SyncMachine::new();
    push_due(&mut m);
    m.handle_response(Lane::Push, ReplyClass::EnrolAgain, true, 0, 0);
    m.set_handing_in(true);
    m.pull_now(0);
    assert_eq!(m.poll_request(0), Some(Want::Refresh));
    assert_eq!(m.poll_request(0), None, "nothing without a token");
    m.handle_response(Lane::Auth, ReplyClass::Ok, false, 0, 0);
    assert!(matches!(m.poll_request(0), Some(Want::Push { .. })));
    m.handle_response(Lane::Push, ReplyClass::Ok, false, 0, 0);
    assert_eq!((m.poll_request(0), m.poll_timeout()), (None, None));
    m.set_handing_in(false);
    m.handle_captured(1);
    assert_eq!(m.poll_request(1), None);
}

#[test]
fn signing_in_again_sets_everything_moving() {
    let mut m = SyncMachine::new();
    push_due(&mut m);
    m.handle_response(Lane::Push, ReplyClass::EnrolAgain, true, 0, 0);
    assert_eq!((m.poll_request(9), m.poll_timeout()), (None, None));
    m.handle_captured(5);
    m.handle_enrolled(10);
    assert!(m.poll_request(10).is_some());
}
