//! Forged, foreign, late and malformed access tokens; each made with care, none may pass.

use super::*;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000_000;

fn keys(seed: u8) -> Keys {
    Keys::from_seed(&[seed; 32])
}

fn subject() -> Subject {
    Subject {
        device: DeviceId::from_bytes([1; 16]),
        person: PersonId::from_bytes([2; 16]),
        family: [3; 16],
        generation: 4,
    }
}

fn tokens(seed: u8) -> AccessTokens {
    AccessTokens::new(&keys(seed), &CityId::from("yiwu"))
}

/// Signs any header and claims with a key of ours, as only a holder of the key could.
fn forge(seed: u8, header: &Value, claims: &Value) -> String {
    let text =
        format!("{}.{}", to_base64(header.to_string().as_bytes()), to_base64(claims.to_string().as_bytes()));
    let signature = keys(seed).token_key().sign(text.as_bytes()).to_bytes();
    format!("{text}.{}", to_base64(&signature))
}

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token
        .split('.')
        .take(2)
        .map(|p| serde_json::from_slice(&from_base64(p).expect("sound")).expect("sound"));
    (parts.next().expect("sound"), parts.next().expect("sound"))
}

#[test]
fn a_token_of_ours_passes_until_its_end() {
    let tokens = tokens(1);
    let (token, until_ms) = tokens.mint(subject(), [9; 12], NOW).expect("sound");
    let claims = tokens.verify(&token, NOW).expect("sound");
    assert_eq!((claims.sub, claims.generation), (subject().device, 4));
    assert_eq!(claims.family(), Some([3; 16]));
    assert_eq!(until_ms, NOW + 900_000);
    assert!(tokens.verify(&token, until_ms + 59_000).is_ok());
    assert_eq!(tokens.verify(&token, until_ms + 62_000), Err(TokenFault::Expired));
    assert_eq!(tokens.verify(&token, NOW - 62_000), Err(TokenFault::Invalid));
}

#[test]
fn none_and_hmac_with_the_public_key_do_not_pass() {
    let ours = tokens(1);
    let (token, _) = ours.mint(subject(), [9; 12], NOW).expect("sound");
    let (mut header, claims) = parts(&token);
    for alg in ["none", "None", "HS256", "ES256", "RS256"] {
        header["alg"] = json!(alg);
        let text = format!(
            "{}.{}",
            to_base64(header.to_string().as_bytes()),
            to_base64(claims.to_string().as_bytes())
        );
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(keys(1).token_key().verifying_key().as_bytes())
            .expect("sound");
        mac.update(text.as_bytes());
        let hmac = to_base64(&mac.finalize().into_bytes());
        for signature in ["", hmac.as_str()] {
            let token = format!("{text}.{signature}");
            assert_eq!(ours.verify(&token, NOW), Err(TokenFault::Invalid), "{alg}");
        }
        assert_eq!(ours.verify(&forge(1, &header, &claims), NOW), Err(TokenFault::Invalid), "{alg}");
    }
}

#[test]
fn another_key_another_city_and_a_changed_byte_do_not_pass() {
    let ours = tokens(1);
    let (theirs, _) = tokens(2).mint(subject(), [9; 12], NOW).expect("sound");
    assert_eq!(ours.verify(&theirs, NOW), Err(TokenFault::Invalid));
    let (good, _) = ours.mint(subject(), [9; 12], NOW).expect("sound");
    let (header, claims) = parts(&good);
    // Another key under our key's id.
    assert_eq!(ours.verify(&forge(2, &header, &claims), NOW), Err(TokenFault::Invalid));
    let other = AccessTokens::new(&keys(1), &CityId::from("dongyang"));
    assert_eq!(other.verify(&good, NOW), Err(TokenFault::Invalid));
    let mut bytes = good.clone().into_bytes();
    let at = bytes.len() / 2;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(ours.verify(&String::from_utf8(bytes).expect("sound"), NOW), Err(TokenFault::Invalid));
}

#[test]
fn every_claim_is_required_and_has_its_one_value() {
    let ours = tokens(1);
    let (good, _) = ours.mint(subject(), [9; 12], NOW).expect("sound");
    let (header, claims) = parts(&good);
    assert!(ours.verify(&forge(1, &header, &claims), NOW).is_ok());
    for name in ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "typ", "person", "fam", "gen"] {
        let mut less = claims.clone();
        less.as_object_mut().expect("sound").remove(name);
        assert_eq!(ours.verify(&forge(1, &header, &less), NOW), Err(TokenFault::Invalid), "{name}");
    }
    for (name, value) in [
        ("aud", json!("someone-else")),
        ("aud", json!(["a", "b"])),
        ("iss", json!("blindspot:other")),
        ("typ", json!("refresh")),
        ("sub", json!("not a uuid")),
        ("exp", json!("tomorrow")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(NOW / 1000 + 901)),
        ("fam", json!("x")),
    ] {
        let mut other = claims.clone();
        other[name] = value;
        assert_eq!(ours.verify(&forge(1, &header, &other), NOW), Err(TokenFault::Invalid), "{name}");
    }
    let mut unknown = header.clone();
    unknown["kid"] = json!("../../etc/passwd");
    assert_eq!(ours.verify(&forge(1, &unknown, &claims), NOW), Err(TokenFault::Invalid));
}

#[test]
fn rubbish_and_huge_tokens_are_refused() {
    let ours = tokens(1);
    for text in ["", ".", "..", "a.b.c", "....", "网格.网格.网格", &"A".repeat(1 << 20), &"a.".repeat(1000)]
    {
        assert_eq!(ours.verify(text, NOW), Err(TokenFault::Invalid));
    }
}
