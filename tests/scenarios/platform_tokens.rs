//! Forged access tokens (trust B2): hundreds of them over HTTP, none accepted. Those that say what no token of ours
//! says are signed with the server's own key, so that only the claim itself can be what refuses them.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::raw::{RawPhone, send};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_server::auth::keys::Keys;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What claims of ours never say.
const FALSE_VALUES: &str = r#"{
    "exp": ["9999999999", "tomorrow", 9223372036854775807, 1e300, -1, 0, null],
    "nbf": ["0", null, 9223372036854775807],
    "iat": ["0", null, -9223372036854775808],
    "iss": ["blindspot:elsewhere", "blindspot", "", null, ["blindspot:city"]],
    "aud": ["blindspot-desk", "", null, ["blindspot-device"], ["a", "b"], "*"],
    "typ": ["refresh", "enrol", "download", "ACCESS", "", null],
    "sub": ["not a uuid", "00000000-0000-0000-0000-000000000000", null, 7],
    "person": ["' OR 1=1 --", null, "00000000-0000-0000-0000-000000000000"],
    "fam": ["", "AAAA", null, "../../secret.key", "AAAAAAAAAAAAAAAAAAAAAA"],
    "gen": ["1", null, 1.5]
}"#;

/// A token of the server, taken apart, and the keys to put others together.
struct Forge {
    keys: Keys,
    stranger: SigningKey,
    good: String,
    header: Value,
    claims: Value,
    forged: Vec<(String, String)>,
}

impl Forge {
    fn new(house: &TestHouse, phone: &RawPhone) -> Self {
        let seed: [u8; 32] =
            std::fs::read(house.data().join("secret.key")).expect("a key").try_into().expect("32 bytes");
        let mut parts = phone.access.split('.').map(|p| URL_SAFE_NO_PAD.decode(p).expect("base64"));
        let mut next = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
        let (header, claims) = (next(), next());
        Self {
            keys: Keys::from_seed(&seed),
            stranger: SigningKey::from_bytes(&[42; 32]),
            good: phone.access.clone(),
            header,
            claims,
            forged: vec![],
        }
    }

    fn add(&mut self, what: impl Into<String>, token: String) {
        self.forged.push((what.into(), token));
    }

    /// Signed with the key that signs the server's tokens.
    fn signed(&self, header: &str, claims: &str) -> String {
        let text = format!("{}.{}", b64(header), b64(claims));
        let signature = self.keys.token_key().sign(text.as_bytes()).to_bytes();
        format!("{text}.{}", b64(signature))
    }

    /// Signed with a key of a stranger.
    fn by_stranger(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = self.stranger.sign(text.as_bytes()).to_bytes();
        format!("{text}.{}", b64(signature))
    }

    /// Other algorithms, each with every signature that a confused verifier might take.
    fn algorithms(&mut self) {
        let public = self.keys.token_key().verifying_key().to_bytes();
        let words = [
            "none", "None", "nOnE", "NONE", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256",
            "ES256", "ES384", "eddsa", "EDDSA", "Ed25519", "",
        ];
        for word in words {
            let mut header = self.header.clone();
            header["alg"] = json!(word);
            let claims = self.claims.to_string();
            let text = format!("{}.{}", b64(header.to_string()), b64(&claims));
            let mac = |key: &[u8]| {
                let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length");
                mac.update(text.as_bytes());
                b64(mac.finalize().into_bytes())
            };
            let signatures = [
                String::new(),
                mac(&public),
                mac(b64(public).as_bytes()),
                mac(b""),
                b64([0; 64]),
                b64(self.stranger.sign(text.as_bytes()).to_bytes()),
            ];
            for (n, signature) in signatures.into_iter().enumerate() {
                self.add(format!("alg {word:?} signature {n}"), format!("{text}.{signature}"));
            }
            self.add(format!("alg {word:?}, rightly signed"), self.signed(&header.to_string(), &claims));
        }
        for alg in [Value::Null, json!(1), json!(["EdDSA"]), json!({"alg": "EdDSA"})] {
            let mut header = self.header.clone();
            header["alg"] = alg.clone();
            self.add(format!("alg {alg}"), self.signed(&header.to_string(), &self.claims.to_string()));
        }
    }

    /// Claims that none of ours has.
    fn claims(&mut self, other: &RawPhone) {
        let now = self.claims["iat"].as_i64().expect("a number");
        let mut parts = other.access.split('.');
        let theirs = URL_SAFE_NO_PAD.decode(parts.nth(1).expect("claims")).expect("base64");
        let theirs: Value = serde_json::from_slice(&theirs).expect("JSON");
        let mut values: BTreeMap<String, Vec<Value>> = serde_json::from_str(FALSE_VALUES).expect("JSON");
        let mut also = |name: &str, value: Value| values.entry(name.to_owned()).or_default().push(value);
        for exp in [json!(now + 901), json!(now as f64 + 60.5), json!([now + 60]), json!(now - 3_600)] {
            also("exp", exp);
        }
        also("nbf", json!(now + 3_600));
        also("iat", json!(now + 3_600));
        for name in ["sub", "person", "fam"] {
            also(name, theirs[name].clone());
        }
        for (name, values) in values {
            let name = name.as_str();
            for value in values {
                let mut claims = self.claims.clone();
                claims[name] = value.clone();
                self.add(
                    format!("{name} {value}"),
                    self.signed(&self.header.to_string(), &claims.to_string()),
                );
            }
            let mut claims = self.claims.clone();
            claims.as_object_mut().expect("an object").remove(name);
            self.add(format!("no {name}"), self.signed(&self.header.to_string(), &claims.to_string()));
            // Twice, the false one first and last: which one would a careless reader take?
            let (ours, false_one) =
                (self.claims[name].clone(), theirs.get(name).cloned().unwrap_or(json!("x")));
            let whole = self.claims.to_string();
            for pair in [
                format!("{{\"{name}\":{false_one},{}", &whole[1..]),
                format!("{},\"{name}\":{ours}}}", &whole[..whole.len() - 1]),
            ] {
                self.add(format!("{name} twice"), self.signed(&self.header.to_string(), &pair));
            }
        }
    }

    /// Key ids and keys that a token brings along.
    fn keys(&mut self) {
        let own = b64(self.stranger.verifying_key().to_bytes());
        let long = "k".repeat(4_000);
        for kid in [
            "",
            "0",
            "../../secret.key",
            "/dev/null",
            "' UNION SELECT 1 --",
            "网格",
            "\0",
            "key\nkey",
            long.as_str(),
        ] {
            let mut header = self.header.clone();
            header["kid"] = json!(kid);
            self.add(format!("kid {kid:.20}"), self.signed(&header.to_string(), &self.claims.to_string()));
            self.add(format!("kid {kid:.20}, stranger"), self.by_stranger(&header, &self.claims.clone()));
        }
        for kid in [Value::Null, json!(7), json!(["a"])] {
            let mut header = self.header.clone();
            header["kid"] = kid;
            self.add("kid of another type", self.signed(&header.to_string(), &self.claims.to_string()));
        }
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": own, "kid": self.header["kid"]});
        let extras = [
            ("jwk", jwk),
            ("jku", json!("https://evil.example/keys.json")),
            ("jku", json!("http://127.0.0.1:1/keys.json")),
            ("x5u", json!("https://evil.example/cert.pem")),
            ("x5c", json!([own])),
            ("crit", json!(["b64"])),
        ];
        for (name, value) in extras {
            let mut header = self.header.clone();
            header[name] = value;
            self.add(name, self.by_stranger(&header, &self.claims.clone()));
        }
        self.add("another key under our id", self.by_stranger(&self.header.clone(), &self.claims.clone()));
        // The server's other key, which signs enrolments.
        let text = format!("{}.{}", b64(self.header.to_string()), b64(self.claims.to_string()));
        let identity = b64(self.keys.sign_identity(text.as_bytes()));
        self.add("signed with the identity key", format!("{text}.{identity}"));
        let next_door = Keys::from_seed(&[9; 32]);
        let theirs = b64(next_door.token_key().sign(text.as_bytes()).to_bytes());
        self.add("signed by another installation", format!("{text}.{theirs}"));
        let whole = self.header.to_string();
        let twice = format!("{{\"alg\":\"none\",{}", &whole[1..]);
        self.add("alg twice", self.signed(&twice, &self.claims.to_string()));
    }

    /// A good token, damaged.
    fn damage(&mut self) {
        let good = self.good.clone();
        let len = good.len();
        for cut in (0..len).step_by(len / 40) {
            self.add(format!("cut at {cut}"), good[..cut].to_owned());
        }
        for at in (0..len).step_by(len / 60) {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = match bytes[at] {
                b'.' => b'A',
                b'A' => b'B',
                _ => b'A',
            };
            if bytes != good.as_bytes() {
                self.add(format!("changed at {at}"), String::from_utf8(bytes).expect("ASCII"));
            }
        }
        let parts: Vec<&str> = good.split('.').collect();
        let [h, c, s] = parts[..] else { panic!("three parts") };
        for token in [
            format!("{h}.{c}."),
            format!("{h}.{c}"),
            format!("{h}..{s}"),
            format!(".{c}.{s}"),
            format!("{c}.{h}.{s}"),
            format!("{h}.{c}.{s}.{s}"),
            format!("{h}.{c}.{s}="),
            format!("{h}.{c}=.{s}"),
            format!("{h}.{c}.{s}A"),
            format!("{h}.{c}.{}", b64([0; 64])),
            format!("{h}.{c}.{}", b64([255; 64])),
            format!("{h}.{c}.{}", b64([])),
            "..".to_owned(),
            "...".to_owned(),
            "Bearer".to_owned(),
            "null".to_owned(),
            good.to_uppercase(),
            good.to_lowercase(),
            format!("{good}{}", "A".repeat(64 << 10)),
            "A".repeat(64 << 10),
            format!("{}.{}.{s}", h.repeat(200), c.repeat(20)),
        ] {
            self.add("another shape", token);
        }
    }
}

#[test]
fn shown_platform_tokens() {
    let house = TestHouse::start();
    let phone = house.phone("a", WORKER_ROLE, "city");
    let other = house.phone("b", "supervisor", "city");
    let mut forge = Forge::new(&house, &phone);
    phone.get("/v1/me").ok();
    let again = forge.signed(&forge.header.to_string(), &forge.claims.to_string());
    let me = format!("{}/v1/me", house.base);
    let ask = |token: &str| send("GET", &me, &[("authorization", &format!("Bearer {token}"))], b"");
    assert_eq!(ask(&again).status, 200, "the forge can make a good one");
    forge.algorithms();
    forge.claims(&other);
    forge.keys();
    forge.damage();
    assert!(forge.forged.len() >= 200, "{} tokens", forge.forged.len());
    let mut accepted = vec![];
    let mut codes = BTreeMap::<String, usize>::new();
    for (what, token) in &forge.forged {
        let answer = ask(token);
        if answer.status < 400 {
            accepted.push(what);
        }
        assert!(answer.status < 500, "{what}: {}", answer.status);
        let code = answer.json()["code"].as_str().map_or_else(|| answer.status.to_string(), str::to_owned);
        *codes.entry(code).or_default() += 1;
    }
    println!("{} forged tokens, {} accepted; answers {codes:?}", forge.forged.len(), accepted.len());
    assert!(accepted.is_empty(), "accepted: {accepted:?}");
    phone.get("/v1/me").ok();
}
