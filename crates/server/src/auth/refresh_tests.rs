//! The refresh rule against lost replies, replays and stolen copies.

use super::*;
use crate::auth::enrol;
use crate::service::testing::{T0, house, refusal};
use blindspot_core::error::{BAD_CODE, TOKEN_EXPIRED};
use blindspot_core::wire::account::{EnrolReply, EnrolRequest, enrol_proof_text, enrolled_text};
use blindspot_store::accounts::PersonRecord;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

const MINUTE: i64 = 60_000;

struct Phone {
    key: SigningKey,
    device: DeviceId,
    nonces: u8,
}

fn with_person() -> (House, Gate, PersonId) {
    let house = house();
    let person_id = PersonId::from_parts(T0, [9; 10]);
    let record =
        PersonRecord { person_id, login: "zhang".into(), name: "张".into(), active: true, created_ms: T0 };
    house.store.write(|tx| accounts::save_person(tx, &house.city, &record)).expect("sound");
    let gate = Gate::new(&house);
    (house, gate, person_id)
}

fn code(house: &House, person: PersonId, now_ms: i64) -> String {
    let bytes = secret::random::<16>(house);
    house.store.write(|tx| enrol::save_code(tx, house, bytes, person, now_ms)).expect("sound");
    secret::to_code(&bytes)
}

fn request(key: &SigningKey, code: &str) -> EnrolRequest {
    let public_key = to_base64(key.verifying_key().as_bytes());
    let proof = to_base64(&key.sign(enrol_proof_text(code, &public_key).as_bytes()).to_bytes());
    EnrolRequest {
        code: code.into(),
        key_alg: KeyAlg::EdDsa,
        public_key,
        label: "红米".into(),
        app: "test 1".into(),
        proof,
    }
}

fn enrolled(house: &House, gate: &Gate, person: PersonId) -> (Phone, EnrolReply) {
    let key = SigningKey::from_bytes(&secret::random(house));
    let reply = gate.enrol(house, &request(&key, &code(house, person, T0)), T0).expect("sound");
    (Phone { key, device: reply.device_id, nonces: 0 }, reply)
}

impl Phone {
    fn ask(&mut self, refresh: &str) -> RefreshRequest {
        self.nonces += 1;
        let nonce = to_base64(&[self.nonces; 16]);
        let text = refresh_proof_text(self.device, refresh, &nonce);
        let proof = to_base64(&self.key.sign(text.as_bytes()).to_bytes());
        RefreshRequest { device_id: self.device, refresh: refresh.into(), nonce, proof, receipt: None }
    }
}

#[test]
fn a_code_enrols_once_and_within_its_time() {
    let (house, gate, person) = with_person();
    let key = SigningKey::from_bytes(&[1; 32]);
    let late = code(&house, person, T0);
    assert_eq!(refusal(gate.enrol(&house, &request(&key, &late), T0 + 10 * MINUTE)), BAD_CODE.code);
    let good = code(&house, person, T0);
    let mut forged = request(&key, &good);
    forged.proof = to_base64(&SigningKey::from_bytes(&[2; 32]).sign(b"x").to_bytes());
    assert_eq!(refusal(gate.enrol(&house, &forged, T0)), BAD_PROOF.code);
    let reply = gate.enrol(&house, &request(&key, &good), T0 + 9 * MINUTE).expect("the proof cost no code");
    assert_eq!(refusal(gate.enrol(&house, &request(&key, &good), T0 + 9 * MINUTE)), BAD_CODE.code);
    assert_eq!(refusal(gate.enrol(&house, &request(&key, "AAAAA"), T0)), BAD_CODE.code);
    // The reply is signed by the key in the QR.
    let identity = from_base64(&reply.identity_key).expect("sound");
    let identity = VerifyingKey::from_bytes(identity.as_slice().try_into().expect("sound")).expect("sound");
    let signature = Signature::from_slice(&from_base64(&reply.signature).expect("sound")).expect("sound");
    let text = enrolled_text(reply.device_id, person, &request(&key, "").public_key);
    identity.verify_strict(text.as_bytes(), &signature).expect("sound");
}

#[test]
fn a_lost_reply_logs_nobody_out_however_late_and_often() {
    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    let token = first.tokens.refresh;
    let mut now = T0;
    let mut newest = None;
    for _ in 0..3 {
        now += 40 * 24 * 60 * MINUTE;
        newest = Some(gate.refresh(&house, &phone.ask(&token), now).expect("sound").tokens);
    }
    let newest = newest.expect("sound");
    let who = gate.check_bearer(&house, &newest.access, now).expect("sound");
    assert_eq!((who.person, who.device), (person, phone.device));
    // The successor's access token was shown: the predecessor may be a request that was late on its way,
    // and a minute later it is a stolen copy.
    assert_eq!(refusal(gate.refresh(&house, &phone.ask(&token), now + MINUTE)), CONFLICT.code);
    assert!(gate.check_bearer(&house, &newest.access, now + MINUTE).is_ok(), "the family stands");
    now += MINUTE + 1;
    assert_eq!(refusal(gate.refresh(&house, &phone.ask(&token), now)), ENROL_AGAIN.code);
    assert_eq!(refusal(gate.check_bearer(&house, &newest.access, now)), ENROL_AGAIN.code);
    assert_eq!(refusal(gate.refresh(&house, &phone.ask(&newest.refresh), now)), ENROL_AGAIN.code);
    let audited = house.store.read(|tx| audit::load_page(tx, &house.city, i64::MAX, 1)).expect("sound");
    assert_eq!(audited[0].act.action, "refresh_reused");
}

#[test]
fn two_requests_on_the_way_bring_one_token_whichever_reply_is_kept() {
    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    // The app was killed after it had sent the first request, and sent a second one after its start.
    let (before, after) = (phone.ask(&first.tokens.refresh), phone.ask(&first.tokens.refresh));
    let kept = gate.refresh(&house, &after, T0).expect("sound").tokens;
    let unread = gate.refresh(&house, &before, T0 + 1).expect("sound").tokens;
    assert_eq!(kept.refresh, unread.refresh);
    assert!(gate.check_bearer(&house, &kept.access, T0 + 2).is_ok());
    gate.refresh(&house, &phone.ask(&kept.refresh), T0 + 15 * MINUTE).expect("nobody is logged out");
}

#[test]
fn a_token_two_turns_old_revokes_the_family() {
    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    let second = gate.refresh(&house, &phone.ask(&first.tokens.refresh), T0).expect("sound").tokens;
    let third = gate.refresh(&house, &phone.ask(&second.refresh), T0).expect("sound").tokens;
    assert_eq!(refusal(gate.refresh(&house, &phone.ask(&first.tokens.refresh), T0)), ENROL_AGAIN.code);
    assert_eq!(refusal(gate.refresh(&house, &phone.ask(&third.refresh), T0)), ENROL_AGAIN.code);
}

#[test]
fn a_proof_counts_once_and_only_from_the_device_key() {
    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    let asked = phone.ask(&first.tokens.refresh);
    gate.refresh(&house, &asked, T0).expect("sound");
    assert_eq!(refusal(gate.refresh(&house, &asked, T0)), CONFLICT.code, "a replayed request");
    let mut thief = Phone { key: SigningKey::from_bytes(&[8; 32]), device: phone.device, nonces: 100 };
    assert_eq!(refusal(gate.refresh(&house, &thief.ask(&first.tokens.refresh), T0)), BAD_PROOF.code);
    // The thief's tries revoked nothing.
    gate.refresh(&house, &phone.ask(&first.tokens.refresh), T0).expect("sound");
    let mut short = phone.ask(&first.tokens.refresh);
    short.nonce = "AAAA".into();
    assert_eq!(refusal(gate.refresh(&house, &short, T0)), BAD_PROOF.code);
    assert_eq!(refusal(gate.refresh(&house, &phone.ask("rubbish"), T0)), TOKEN_INVALID.code);
    let (_, other) = enrolled(&house, &gate, person);
    assert_eq!(refusal(gate.refresh(&house, &phone.ask(&other.tokens.refresh), T0)), TOKEN_INVALID.code);
}

#[test]
fn revoked_and_cloned_devices_are_told_apart() {
    let (house, gate, person) = with_person();
    let (mut cloned, one) = enrolled(&house, &gate, person);
    house.store.write(|tx| devices::mark_cloned(tx, &house.city, cloned.device)).expect("sound");
    assert!(gate.check_bearer(&house, &one.tokens.access, T0).is_ok(), "until the next refresh");
    assert_eq!(refusal(gate.refresh(&house, &cloned.ask(&one.tokens.refresh), T0)), ENROL_AGAIN.code);
    let (mut revoked, two) = enrolled(&house, &gate, person);
    crate::service::people::revoke_device(&house, crate::service::people::Actor::Cli, revoked.device, T0)
        .expect("sound");
    assert_eq!(refusal(gate.check_bearer(&house, &two.tokens.access, T0)), DEVICE_REVOKED.code);
    assert_eq!(refusal(gate.refresh(&house, &revoked.ask(&two.tokens.refresh), T0)), DEVICE_REVOKED.code);
}

#[test]
fn an_access_token_ends_also_in_the_cache() {
    let (house, gate, person) = with_person();
    let (_, reply) = enrolled(&house, &gate, person);
    for _ in 0..2 {
        assert!(gate.check_bearer(&house, &reply.tokens.access, T0 + MINUTE).is_ok());
    }
    let late = reply.tokens.access_until_ms + 2 * MINUTE;
    assert_eq!(refusal(gate.check_bearer(&house, &reply.tokens.access, late)), TOKEN_EXPIRED.code);
}

/// A token that the database does not know, as every phone holds one that refreshed after the backup.
#[test]
fn a_token_newer_than_the_backup_is_let_in_once_and_only_after_an_epoch() {
    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    let newer = |of: &EnrolReply, secret: u8| {
        let mut token = from_base64(&of.tokens.refresh).expect("sound");
        token[47] ^= secret;
        to_base64(&token)
    };
    house.store.write(|tx| epoch::open(tx, &house, 0, T0 + 10 * MINUTE)).expect("opened");
    let now = T0 + 11 * MINUTE;
    let next = gate.refresh(&house, &phone.ask(&newer(&first, 1)), now).expect("let in").tokens;
    assert!(gate.check_bearer(&house, &next.access, now).is_ok());
    let again = gate.refresh(&house, &phone.ask(&newer(&first, 2)), now + MINUTE);
    assert_eq!(refusal(again), ENROL_AGAIN.code, "once a family has turned in this epoch, a copy is a copy");

    // Its reply is lost, and meanwhile the phone goes on with the access token of the lost past, which bears the number
    // that would have come next: it says nothing of what was given now.
    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    let family = from_base64(&first.tokens.refresh).expect("sound")[..16].try_into().expect("sixteen");
    let past = Subject { device: phone.device, person, family, generation: 2 };
    let (access, _) = gate.tokens.mint(past, [0; 12], now).expect("signed");
    house.store.write(|tx| epoch::open(tx, &house, 0, T0 + 10 * MINUTE)).expect("opened");
    let held = newer(&first, 1);
    gate.refresh(&house, &phone.ask(&held), now).expect("let in");
    assert!(gate.check_bearer(&house, &access, now).is_ok());
    for later in [MINUTE, 9 * MINUTE] {
        gate.refresh(&house, &phone.ask(&held), now + later).expect("a lost reply logs nobody out");
    }

    let (house, gate, person) = with_person();
    let (mut phone, first) = enrolled(&house, &gate, person);
    let unknown = gate.refresh(&house, &phone.ask(&newer(&first, 1)), now);
    assert_eq!(refusal(unknown), ENROL_AGAIN.code, "no epoch was opened: a copy");
}
