//! Golden vectors of protocol version 1, read as another implementation would read them.

use blindspot_core::clock::{CaptureTime, Captured, Sent, recover};
use blindspot_core::id::Sha256;
use blindspot_core::merge::register::{Merged, three_way};
use blindspot_core::op::SealedOp;
use blindspot_core::row::{Digest, Rev, RowKey, RowKind, entry_hash};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/protocol/v1").join(name);
    let text = std::fs::read_to_string(&path).expect("a vector file (make them with `cargo xtask vectors`)");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn ops_of_schema_1_are_read_as_ever() {
    let file = vectors("ops.json");
    let ops = file["ops"].as_array().expect("ops");
    assert!(ops.len() >= blindspot_core::command::Command::KINDS.len());
    for vector in ops {
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
    for vector in vectors("refused.json")["bodies"].as_array().expect("bodies") {
        let cause =
            SealedOp::read(vector["body"].as_str().expect("a body")).err().map(|p| p.cause.to_string());
        assert_eq!(cause.as_deref(), vector["cause"].as_str(), "{}", vector["what"]);
    }
}

#[test]
fn clocks_digests_and_merges_come_out_the_same() {
    for vector in vectors("clock.json")["cases"].as_array().expect("cases") {
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
    let file = vectors("digest.json");
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
    for vector in vectors("merge.json")["cases"].as_array().expect("cases") {
        let answer = match three_way(&vector["current"], &vector["from"], &vector["to"]) {
            Merged::Same => serde_json::json!("same"),
            Merged::Clean => serde_json::json!("clean"),
            Merged::Clash { lost } => serde_json::json!({"clash": {"lost": lost}}),
        };
        assert_eq!(answer, vector["answer"]);
    }
}
