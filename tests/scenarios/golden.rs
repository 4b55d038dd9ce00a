//! Golden vectors of protocol version 1, read as another implementation would read them.

use blindspot_core::clock::{CaptureTime, Captured, Sent, recover};
use blindspot_core::id::Sha256;
use blindspot_core::merge::register::{Merged, three_way};
use blindspot_core::op::SealedOp;
use blindspot_core::row::{Digest, Rev, RowKey, RowKind, entry_hash};
use serde_json::Value;

/// The vectors of this version, and those that were frozen: phones out there were built against them.
const NOW: &str = "protocol/v1";
const FROZEN: &str = "upgrade/v1/vectors";

fn read(folder: &str, name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder).join(name);
    std::fs::read_to_string(&path).expect("a vector file (make them with `cargo xtask vectors`)")
}

fn vectors(folder: &str, name: &str) -> Value {
    serde_json::from_str(&read(folder, name)).expect("JSON")
}

/// Whether everything that was said then is still said; more may be said now.
fn holds(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(key, old)| now.get(key).is_some_and(|new| key == "about" || holds(new, old)))
        }
        (Value::Array(now), Value::Array(then)) => {
            then.iter().all(|old| now.iter().any(|new| holds(new, old)))
        }
        _ => now == then,
    }
}

/// SHA-256 of the frozen vectors, so that nobody mends them instead of the code.
const FILES: [(&str, &str); 7] = [
    ("account.json", "4a32e08f058091b155c47155225c27a48d50ba30b15abc4bcdd2da999e669e49"),
    ("clock.json", "ecb5118b8902437536e4fb724782e636c48d88d09f36d442164aa2094d7704da"),
    ("digest.json", "e467385bfdb9ff7173ee54bdfb1fadf3db67aa15ebd48a7c3cdfbeccfb2f957f"),
    ("geo.json", "6acdd44544b2c779c7ab78b6ce3d44f993d6eee7d56e5566801ddd0e6c3a19bd"),
    ("merge.json", "529699ee8f98e1c5cbeadcfe393f2e7996c4bfa1eb618b87d376957e18115a4b"),
    ("ops.json", "f123b4a089a56d18dc97b4c86916db390d9aec6be62fc7b69337abcf6c8de4f2"),
    ("refused.json", "86739726b9fe0ea98d7100510f94a0c12d87e5eb96b82a10fc5a56e091760242"),
];

#[test]
fn frozen_vectors_are_frozen_and_this_version_still_says_what_they_say() {
    for (name, hash) in FILES {
        let found = Sha256::of(read(FROZEN, name).as_bytes()).to_hex();
        assert_eq!(found, hash, "{name} is frozen: add to {NOW}, never change what {FROZEN} says");
        // Ops may be named otherwise; whether they are read as ever is tried below.
        if name != "ops.json" {
            assert!(
                holds(&vectors(NOW, name), &vectors(FROZEN, name)),
                "{name}: something is not said any more"
            );
        }
    }
}

#[test]
fn ops_of_schema_1_are_read_as_ever() {
    let (now, frozen) = (vectors(NOW, "ops.json"), vectors(FROZEN, "ops.json"));
    let (now, frozen) = (now["ops"].as_array().expect("ops"), frozen["ops"].as_array().expect("ops"));
    assert!(now.len() >= blindspot_core::command::Command::KINDS.len() && frozen.len() == 25);
    for vector in now.iter().chain(frozen) {
        let body = vector["body"].as_str().expect("a body");
        let op = SealedOp::read(body).expect("an op");
        assert_eq!(op.hash.to_hex(), vector["sha256"].as_str().expect("a hash"));
        let understood = op.command().expect("a command").to_payload().expect("JSON");
        let understood: Value = serde_json::from_str(understood.get()).expect("JSON");
        assert_eq!(understood, vector["payload_as_understood"], "{}", vector["kind"]);
    }
}

#[test]
fn what_was_refused_stays_refused() {
    let (now, frozen) = (vectors(NOW, "refused.json"), vectors(FROZEN, "refused.json"));
    let bodies = [&now, &frozen].map(|file| file["bodies"].as_array().expect("bodies"));
    for vector in bodies.into_iter().flatten() {
        let cause =
            SealedOp::read(vector["body"].as_str().expect("a body")).err().map(|p| p.cause.to_string());
        assert_eq!(cause.as_deref(), vector["cause"].as_str(), "{}", vector["what"]);
    }
}

#[test]
fn clocks_digests_and_merges_come_out_the_same() {
    come_out_the_same(NOW);
    come_out_the_same(FROZEN);
}

fn come_out_the_same(folder: &str) {
    for vector in vectors(folder, "clock.json")["cases"].as_array().expect("cases") {
        let captured: Captured = serde_json::from_value(vector["captured"].clone()).expect("clocks");
        let sent: Sent = serde_json::from_value(vector["sent"].clone()).expect("clocks");
        let ms = |name: &str| vector[name].as_i64().expect("milliseconds");
        let want: CaptureTime = serde_json::from_value(vector["recovered"].clone()).expect("a time");
        assert_eq!(
            recover(&captured, &sent, ms("receipt_ms"), ms("enrolled_ms")),
            want,
            "{}",
            vector["what"]
        );
    }
    let file = vectors(folder, "digest.json");
    let mut digest = Digest::default();
    for row in file["rows"].as_array().expect("rows") {
        let key = RowKey::new(
            RowKind::from_word(row["kind"].as_str().expect("a kind")),
            row["id"].as_str().expect("an id"),
        );
        let rev: Rev = serde_json::from_value(row["rev"].clone()).expect("a rev");
        let entry = entry_hash(&key, rev, &Sha256::of(row["body"].as_str().expect("a body").as_bytes()));
        assert_eq!(format!("{entry:032x}"), row["entry"].as_str().expect("an entry"));
        digest.add(entry);
    }
    assert_eq!(digest.sum_hex(), file["sum"].as_str().expect("a sum"));
    for vector in vectors(folder, "merge.json")["cases"].as_array().expect("cases") {
        let answer = match three_way(&vector["current"], &vector["from"], &vector["to"]) {
            Merged::Same => serde_json::json!("same"),
            Merged::Clean => serde_json::json!("clean"),
            Merged::Clash { lost } => serde_json::json!({"clash": {"lost": lost}}),
        };
        assert_eq!(answer, vector["answer"]);
    }
}
