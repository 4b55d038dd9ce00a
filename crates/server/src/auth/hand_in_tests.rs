//! A revoked device's token: who gets it, for how long, and that what comes by it waits for a person.

use super::*;
use crate::auth::secret::to_base64;
use crate::service::ingest::ReadPush;
use crate::service::people::{Actor, revoke_device};
use crate::service::testing::{Phone, T0, grant, house, person, refusal};
use crate::service::{WriteJob, ingest, quarantine_desk};
use blindspot_core::access::Role;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::PushReply;
use blindspot_store::hand_ins;
use ed25519_dalek::{Signer as _, SigningKey};
use std::sync::mpsc::channel;

const DAY: i64 = 86_400_000;

fn scene() -> (House, Gate, Phone, SigningKey) {
    let house = house();
    grant(&house, person(1), Role::Collector, "city");
    let phone = Phone::enrol(&house, person(1), 1);
    // As `Phone::enrol` made it.
    let key = SigningKey::from_bytes(&[1; 32]);
    let gate = Gate::new(&house);
    (house, gate, phone, key)
}

fn signed(house: &House, gate: &Gate, device: DeviceId, key: &SigningKey, now_ms: i64) -> HandInTokenRequest {
    let nonce =
        gate.hand_in_nonce(house, &HandInNonceRequest { device_id: device }, now_ms).expect("one").nonce;
    let proof = to_base64(&key.sign(hand_in_proof_text(device, &nonce).as_bytes()).to_bytes());
    HandInTokenRequest { device_id: device, nonce, proof }
}

#[test]
fn only_a_revoked_device_that_signs_gets_a_token_and_only_for_thirty_days() {
    let (house, gate, phone, key) = scene();
    let device = phone.credential.device;
    let ask = |key: &SigningKey, at| gate.hand_in_token(&house, &signed(&house, &gate, device, key, at), at);
    assert_eq!(refusal(ask(&key, T0)), CONFLICT.code, "it is not revoked");
    revoke_device(&house, Actor::Cli, device, T0 + 1).expect("revoked");
    assert_eq!(refusal(ask(&SigningKey::from_bytes(&[8; 32]), T0 + 2)), BAD_PROOF.code);
    let request = signed(&house, &gate, device, &key, T0 + 3);
    let token = gate.hand_in_token(&house, &request, T0 + 3).expect("a token");
    assert_eq!(token.until_ms, T0 + 1 + 30 * DAY);
    assert_eq!(refusal(gate.hand_in_token(&house, &request, T0 + 4)), CONFLICT.code, "a nonce is for once");
    let late = signed(&house, &gate, device, &key, T0);
    assert_eq!(refusal(gate.hand_in_token(&house, &late, T0 + 6 * 60_000)), CONFLICT.code, "too old");
    let mut other = signed(&house, &gate, device, &key, T0);
    other.device_id = Phone::enrol(&house, person(2), 2).credential.device;
    assert_eq!(refusal(gate.hand_in_token(&house, &other, T0 + 5)), BAD_PROOF.code, "another device's nonce");
    let admitted = gate.admit_bearer(&house, &token.access, T0 + 5).expect("let in");
    assert!(admitted.hands_in());
    assert!(gate.stands(&house, admitted.proof, T0 + 29 * DAY).is_ok());
    assert_eq!(refusal(gate.stands(&house, admitted.proof, T0 + 31 * DAY)), HAND_IN_OVER.code);
    assert_eq!(refusal(ask(&key, T0 + 31 * DAY)), HAND_IN_OVER.code);
    house
        .store
        .write(|tx| hand_ins::count_handed_in(tx, &house.city, device, HAND_IN_OPS_MAX))
        .expect("sound");
    assert_eq!(refusal(ask(&key, T0 + DAY)), HAND_IN_QUOTA.code);
}

#[test]
fn a_deactivated_person_hands_in_and_an_ordinary_token_of_theirs_is_refused() {
    let (house, gate, phone, key) = scene();
    crate::service::people::set_active(&house, Actor::Cli, person(1), false, T0).expect("sound");
    let device = phone.credential.device;
    house.store.write(|tx| devices::save_device_seen(tx, &house.city, device, T0)).expect("sound");
    let request = signed(&house, &gate, device, &key, T0 + 3);
    let token = gate.hand_in_token(&house, &request, T0 + 3).expect("a token");
    assert!(gate.admit_bearer(&house, &token.access, T0 + 4).expect("let in").hands_in());
    let subject = crate::auth::token::Subject {
        device: phone.credential.device,
        person: person(1),
        family: [1; 16],
        generation: 1,
    };
    let (ordinary, _) = gate.tokens.mint(subject, [0; 12], T0).expect("signed");
    assert_ne!(refusal(gate.admit_bearer(&house, &ordinary, T0 + 4)), "passed");
}

fn hand_in(house: &House, phone: &Phone, now_ms: i64, ops: &[&blindspot_core::op::SealedOp]) -> PushReply {
    let (send, receive) = channel();
    let push = ReadPush::of(phone.request(ops)).expect("read").handed_in();
    let done = Box::new(move |result| send.send(result).expect("waited for"));
    ingest::step(
        house,
        vec![WriteJob::Push { credential: phone.credential, push, received_ms: now_ms, done }],
    );
    receive.recv().expect("answered").expect("taken")
}

#[test]
fn what_is_handed_in_waits_for_a_person_and_is_counted() {
    let (house, _, mut phone, _) = scene();
    let (first, second) = (phone.report(1, 1), phone.report(2, 1));
    crate::service::people::set_active(&house, Actor::Cli, person(1), false, T0).expect("sound");
    for round in 0..2 {
        let reply = hand_in(&house, &phone, T0 + round, &[&first, &second]);
        for entry in &reply.verdicts {
            let waits = matches!(&entry.verdict, Verdict::Quarantined { cause, .. } if *cause == Cause::RevokedDevice);
            assert!(waits, "{entry:?}");
        }
    }
    let counted = house.store.read(|tx| hand_ins::load_handed_in(tx, &house.city, phone.credential.device));
    assert_eq!(counted.expect("sound"), 2, "sent again counts for nothing");
    let entry = (first.env.op_id, first.hash);
    let vouch = |vouched| quarantine_desk::ReplayRequest { vouched };
    let replay =
        |v| quarantine_desk::replay(&house, Actor::Cli, entry, vouch(v), T0 + 9).expect("sound").verdict;
    assert!(matches!(replay(false), Verdict::Quarantined { .. }), "whose work it is has to be vouched for");
    assert_eq!(replay(true), Verdict::Applied);
}
