//! The refresh rule and enrolment by numbers (trust B2), on houses in memory and on virtual time: ten thousand lost
//! replies log nobody out, ten thousand stolen copies are found, ten thousand tries at codes enrol nobody twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::id::CityId;
use blindspot_core::wire::account::{
    EnrolRequest, KeyAlg, RefreshRequest, Tokens, enrol_proof_text, refresh_proof_text,
};
use blindspot_core::{DeviceId, PersonId};
use blindspot_server::auth::Gate;
use blindspot_server::service::people::{self, Actor, NewPerson};
use blindspot_server::service::{House, Random, ServiceError, start};
use blindspot_store::{Store, devices};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const T0: i64 = 1_780_272_000_000;
const MINUTE: i64 = 60_000;

/// Numbers that differ, hashed, so that a secret looks like one and a run can be repeated.
struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            let bytes = blindspot_core::id::Sha256::of(&n.to_be_bytes()).0;
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// A seeded number below a bound.
fn below(seed: &mut u64, bound: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % bound
}

fn house() -> (House, Gate, PersonId) {
    let store = Store::open_in_memory().expect("a database");
    let random = Box::new(Counted(AtomicU64::new(1)));
    let house = start::open(store, CityId::from("city"), "市", [7; 32], random, T0, None).expect("a house");
    let new = NewPerson { login: "a".into(), name: "甲".into(), password: None };
    let person = people::create_person(&house, Actor::Cli, &new, T0).expect("a person").person_id;
    let gate = Gate::new(&house);
    (house, gate, person)
}

fn enrol_request(key: &SigningKey, code: &str) -> EnrolRequest {
    let public_key = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let proof = key.sign(enrol_proof_text(code, &public_key).as_bytes()).to_bytes();
    EnrolRequest {
        code: code.into(),
        key_alg: KeyAlg::EdDsa,
        public_key,
        label: String::new(),
        app: String::new(),
        proof: URL_SAFE_NO_PAD.encode(proof),
    }
}

fn code(house: &House, person: PersonId, now_ms: i64) -> String {
    people::create_enrol_code(house, Actor::Cli, person, "http://x", now_ms).expect("a code").code
}

/// What a phone holds; a copy of it is a stolen copy.
#[derive(Clone)]
struct Phone {
    key: SigningKey,
    device: DeviceId,
    tokens: Tokens,
    nonce: u64,
}

impl Phone {
    fn enrol(house: &House, gate: &Gate, person: PersonId, now_ms: i64) -> Self {
        let mut seed = [0; 32];
        house.random.fill(&mut seed);
        let key = SigningKey::from_bytes(&seed);
        let request = enrol_request(&key, &code(house, person, now_ms));
        let reply = gate.enrol(house, &request, now_ms).expect("enrolled");
        Self { key, device: reply.device_id, tokens: reply.tokens, nonce: 0 }
    }

    /// Asks for the next pair; does not keep it.
    fn ask(&mut self, house: &House, gate: &Gate, now_ms: i64) -> Result<Tokens, &'static str> {
        let mut bits = [0; 16];
        house.random.fill(&mut bits);
        self.nonce += 1;
        let nonce = URL_SAFE_NO_PAD.encode(bits);
        let text = refresh_proof_text(self.device, &self.tokens.refresh, &nonce);
        let proof = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).to_bytes());
        let refresh = self.tokens.refresh.clone();
        let request = RefreshRequest { device_id: self.device, refresh, nonce, proof, receipt: None };
        match gate.refresh(house, &request, now_ms) {
            Ok(reply) => Ok(reply.tokens),
            Err(ServiceError::Refused(text, _) | ServiceError::Later(text, _)) => Err(text.code),
            Err(other) => panic!("{other}"),
        }
    }

    fn turn(&mut self, house: &House, gate: &Gate, now_ms: i64) -> Result<(), &'static str> {
        self.tokens = self.ask(house, gate, now_ms)?;
        self.use_access(house, gate, now_ms)
    }

    fn use_access(&self, house: &House, gate: &Gate, now_ms: i64) -> Result<(), &'static str> {
        match gate.check_bearer(house, &self.tokens.access, now_ms) {
            Ok(_) => Ok(()),
            Err(ServiceError::Refused(text, _)) => Err(text.code),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn shown_platform_refresh() {
    let logouts = lost_replies(10_000);
    let (found, missed) = stolen_copies(10_000);
    println!(
        "10,000 lost replies: {logouts} logouts; stolen copies found at second use: {found}, missed: {missed}"
    );
    assert_eq!((logouts, found, missed), (0, 10_000, 0));
}

/// Refreshes whose reply was lost, one to three times in a row, hours and months apart.
fn lost_replies(count: usize) -> usize {
    let (house, gate, person) = house();
    let mut seed = 20_261_124;
    let (mut now, mut lost, mut logouts) = (T0, 0, 0);
    let mut phone = Phone::enrol(&house, &gate, person, now);
    while lost < count {
        for _ in 0..=below(&mut seed, 3) {
            now += 1 + i64::try_from(below(&mut seed, 60 * 24)).expect("small") * MINUTE;
            // The reply never arrives.
            logouts += usize::from(phone.ask(&house, &gate, now).is_err());
            lost += 1;
        }
        now += MINUTE;
        logouts += usize::from(phone.turn(&house, &gate, now).is_err());
        if logouts > 0 {
            return logouts;
        }
    }
    logouts
}

/// A copy of a phone's whole memory, its key too, is used beside the phone: whoever comes second is found, and the
/// family is over for both.
fn stolen_copies(count: usize) -> (usize, usize) {
    let (mut found, mut missed) = (0, 0);
    let mut seed = 42;
    let per_house = 500;
    for _ in 0..count / per_house {
        let (house, gate, person) = house();
        for _ in 0..per_house {
            let mut now = T0;
            let mut owner = Phone::enrol(&house, &gate, person, now);
            for _ in 0..below(&mut seed, 3) {
                now += 15 * MINUTE;
                owner.turn(&house, &gate, now).expect("the only one");
            }
            let mut thief = owner.clone();
            now += MINUTE;
            let thief_first = below(&mut seed, 2) == 0;
            let (first, second) =
                if thief_first { (&mut thief, &mut owner) } else { (&mut owner, &mut thief) };
            first.turn(&house, &gate, now).expect("nobody can tell them apart yet");
            let late = below(&mut seed, 3) == 0;
            if late {
                // Within the minute it may be a request that was late on its way: it gets nothing.
                now += i64::try_from(below(&mut seed, 59_000)).expect("small");
                if second.ask(&house, &gate, now) != Err("conflict") {
                    missed += 1;
                    continue;
                }
            }
            now += MINUTE + 1 + i64::try_from(below(&mut seed, 90 * 24 * 60)).expect("small") * MINUTE;
            let caught = second.ask(&house, &gate, now) == Err("enrol_again");
            let over = first.ask(&house, &gate, now) == Err("enrol_again");
            if caught && over {
                found += 1;
            } else {
                missed += 1;
            }
        }
    }
    (found, missed)
}

#[test]
fn ten_thousand_tries_at_enrolment_codes_enrol_nobody_twice() {
    let (house, gate, person) = house();
    let tries = AtomicUsize::new(0);
    let mut expected = 0;
    for round in 0..100 {
        // Ten codes: eight good ones raced for, one expired, one guessed at.
        let now = T0 + round * 60 * MINUTE;
        let good: Vec<String> = (0..8).map(|_| code(&house, person, now)).collect();
        let expired = code(&house, person, now - 10 * MINUTE);
        let guess = "0123456789ABCDEFGHJKMNPQRS".to_owned();
        expected += good.len();
        std::thread::scope(|s| {
            for hand in 0..10_u8 {
                let (gate, house, tries) = (&gate, &house, &tries);
                let all: Vec<&String> = good.iter().chain([&expired, &guess]).collect();
                s.spawn(move || {
                    let key = SigningKey::from_bytes(&[hand + 1; 32]);
                    for code in all {
                        tries.fetch_add(1, Ordering::Relaxed);
                        // Whether it gets through is counted below.
                        let _ = gate.enrol(house, &enrol_request(&key, code), now);
                    }
                });
            }
        });
    }
    assert_eq!(tries.load(Ordering::Relaxed), 10_000);
    let enrolled = house.store.read(|tx| devices::load_all_devices(tx, &house.city)).expect("devices");
    assert_eq!(enrolled.len(), expected, "each good code once, no other at all");
    // Each of a round's ten was raced for by ten hands; somebody won every one.
    let mut by_time: BTreeMap<i64, usize> = BTreeMap::new();
    for device in enrolled {
        *by_time.entry(device.enrolled_ms).or_default() += 1;
    }
    assert!(by_time.values().all(|n| *n == 8), "{by_time:?}");
}
