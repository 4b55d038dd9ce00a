//! Enrolment and tokens: no credential problem ever touches the outbox.

use super::*;
use blindspot_core::verdict::Cause;
use blindspot_core::wire::account::{
    HandInNonce, HandInToken, HandInTokenRequest, RefreshReply, RefreshRequest, hand_in_proof_text,
};
use ed25519_dalek::Signature;

fn refresh(request: &HttpRequest) -> RefreshRequest {
    assert_eq!(request.path, "/v1/token/refresh");
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_401_refreshes_and_the_same_ops_go_again() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    let request = rig.poll_lane(&mut r, Lane::Push);
    let before = pushed(&request).ops;
    rig.answer(&mut r, &request, &refusal(401, "token_expired"));
    let request = rig.poll_lane(&mut r, Lane::Auth);
    assert_eq!(refresh(&request).refresh, "r1");
    rig.answer(&mut r, &request, &json(&RefreshReply { tokens: tokens(2), server_ms: T0 }));
    let request = rig.poll_lane(&mut r, Lane::Push);
    assert!(request.headers.contains(&("authorization".into(), "Bearer a2".into())));
    assert_eq!(pushed(&request).ops, before);
}

#[test]
fn a_lost_refresh_reply_costs_nothing() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.later(900_000_001);
    let request = rig.poll(&mut r).unwrap();
    let first = refresh(&request);
    r.handle_failure(request.id, &rig.now, &mut rig.rnd).unwrap();
    drop(r);
    let mut r = rig.open();
    let request = rig.poll_lane(&mut r, Lane::Auth);
    let second = refresh(&request);
    assert_eq!(second.refresh, first.refresh);
    assert_ne!((second.nonce, second.proof), (first.nonce, first.proof));
}

#[test]
fn the_end_of_the_family_keeps_the_outbox_and_the_next_enrolment_sends_it() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(&mut r, &request, &refusal(401, "enrol_again"));
    assert!(events(&mut r).contains(&ClientEvent::SignInAgain));
    drop(r);
    let mut r = rig.open();
    rig.later(9_000_000);
    assert_eq!(rig.poll(&mut r), None);
    assert!(r.status().unwrap().signed_out);
    assert_eq!(r.unsent().unwrap().ops, 1);
    let other = rig.enrol(&mut r, 8, 8).unwrap_err();
    assert!(matches!(other, ClientError::OtherPerson), "{other}");
    assert!(rig.enrol(&mut r, 2, 1).unwrap().again);
    rig.report(&mut r, vec![]);
    let authors: Vec<_> = r.outbox().unwrap().iter().map(|o| (o.device_id, o.device_seq)).collect();
    assert_eq!(authors, [(device(1), 1), (device(2), 1)], "old ops keep their author");
    assert_eq!(pushed(&rig.poll_lane(&mut r, Lane::Push)).ops.len(), 2);
}

#[test]
fn a_late_answer_to_the_former_enrolment_does_not_end_the_new_one() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    let push = rig.poll_lane(&mut r, Lane::Push);
    rig.enrol(&mut r, 2, 1).unwrap();
    rig.answer(&mut r, &push, &refusal(403, "device_revoked"));
    assert!(!r.status().unwrap().signed_out);
    assert_eq!(pushed(&rig.poll_lane(&mut r, Lane::Push)).ops.len(), 1);
}

#[test]
fn a_server_that_is_not_the_one_in_the_qr_is_refused() {
    let mut rig = Rig::new();
    let mut r = rig.open();
    let ask = |r: &mut Replica, rig: &mut Rig, print: &str| {
        r.enrol_request("https://x", "c", Some(print), "p", &rig.now, &mut rig.rnd).unwrap()
    };
    let request = ask(&mut r, &mut rig, &"0".repeat(64));
    let e = r.handle_enrol_response(&enrol_reply(&request, 1, 1), &rig.now).unwrap_err();
    assert!(matches!(e, ClientError::OtherServer));
    let print = Sha256::of(server_key().verifying_key().as_bytes());
    let old = ask(&mut r, &mut rig, &print.to_hex());
    ask(&mut r, &mut rig, &print.to_hex());
    // The signature of another enrolment, played back.
    let e = r.handle_enrol_response(&enrol_reply(&old, 1, 1), &rig.now).unwrap_err();
    assert!(matches!(e, ClientError::OtherServer));
    let e = r.handle_enrol_response(&portal(), &rig.now).unwrap_err();
    assert!(matches!(e, ClientError::BadReply(_)));
    assert_eq!(r.identity().unwrap(), None);
    let request = ask(&mut r, &mut rig, &URL_SAFE_NO_PAD.encode(print.0));
    assert!(r.handle_enrol_response(&enrol_reply(&request, 1, 1), &rig.now).is_ok());
}

#[test]
fn endless_401_backs_off() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    let mut requests = 0;
    while let Some(request) = rig.poll(&mut r) {
        requests += 1;
        assert!(requests < 20, "a tight loop");
        let response = if request.lane == Lane::Auth {
            json(&RefreshReply { tokens: tokens(requests), server_ms: T0 })
        } else {
            refusal(401, "token_invalid")
        };
        rig.answer(&mut r, &request, &response);
    }
    assert_eq!(r.unsent().unwrap().ops, 1);
}

/// Brings a revoked phone to its token; gives the token's text.
fn hand_in_token(rig: &mut Rig, r: &mut Replica, n: u8) -> String {
    let ask = rig.poll_lane(r, Lane::Auth);
    assert_eq!(ask.path, "/v1/token/hand-in/nonce");
    rig.answer(r, &ask, &json(&HandInNonce { nonce: format!("nonce{n}"), server_ms: T0 }));
    let ask = rig.poll_lane(r, Lane::Auth);
    assert_eq!(ask.path, "/v1/token/hand-in");
    let frame: HandInTokenRequest = serde_json::from_slice(&ask.body).unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(&frame.proof).unwrap()).unwrap();
    let text = hand_in_proof_text(frame.device_id, &format!("nonce{n}"));
    rig.device_key(r).verify_strict(text.as_bytes(), &signature).unwrap();
    let access = format!("h{n}");
    let reply =
        HandInToken { access: access.clone(), access_until_ms: T0 + 99_000_000, until_ms: T0, server_ms: T0 };
    rig.answer(r, &ask, &json(&reply));
    access
}

#[test]
fn a_revoked_phone_hands_in_what_it_holds_and_nothing_else_leaves() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    let request = rig.poll_lane(&mut r, Lane::Push);
    let before = pushed(&request).ops;
    rig.answer(&mut r, &request, &refusal(403, "device_revoked"));
    assert!(r.status().unwrap().handing_in && r.status().unwrap().signed_out);
    // Closed and opened in between: it goes on.
    drop(r);
    let mut r = rig.open();
    let access = hand_in_token(&mut rig, &mut r, 1);
    let request = rig.poll_lane(&mut r, Lane::Push);
    assert!(request.headers.contains(&("authorization".into(), format!("Bearer {access}"))));
    assert_eq!(pushed(&request).ops, before, "the very bytes");
    rig.answer(&mut r, &request, &refusal(401, "token_expired"));
    hand_in_token(&mut rig, &mut r, 2);
    let request = rig.poll_lane(&mut r, Lane::Push);
    let waits = Verdict::Quarantined { ticket: "t".into(), cause: Cause::RevokedDevice };
    rig.answer(&mut r, &request, &verdicts(1, &waits));
    assert_eq!(rig.poll(&mut r), None, "nothing is pulled");
    rig.later(900_000_000);
    assert_eq!(rig.poll(&mut r), None, "nothing waits: no token is asked for");
    assert_eq!(r.unsent().unwrap().ops, 0);
}

#[test]
fn when_the_time_to_hand_in_is_over_the_work_stays_for_export() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(&mut r, &request, &refusal(403, "device_revoked"));
    let ask = rig.poll_lane(&mut r, Lane::Auth);
    rig.answer(&mut r, &ask, &json(&HandInNonce { nonce: "n".into(), server_ms: T0 }));
    let ask = rig.poll_lane(&mut r, Lane::Auth);
    rig.answer(&mut r, &ask, &refusal(403, "hand_in_over"));
    for _ in 0..2 {
        rig.later(9_000_000);
        assert_eq!(rig.poll(&mut r), None);
        assert_eq!((r.unsent().unwrap().ops, r.status().unwrap().handing_in), (1, false));
        drop(r);
        r = rig.open();
    }
    assert!(rig.enrol(&mut r, 2, 1).unwrap().again);
    assert_eq!(pushed(&rig.poll_lane(&mut r, Lane::Push)).ops.len(), 1);
}
