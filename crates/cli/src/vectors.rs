//! Golden vectors of protocol version 1: made once by code, read for ever by every implementation.
//!
//! `fixtures/protocol/v1/*.json`. With `check` nothing is written: a difference is an answer.

use blindspot_core::clock::{Captured, Sent, recover};
use blindspot_core::command::Command;
use blindspot_core::geo::{Datum, Point, distance_m, from_wgs84, to_wgs84};
use blindspot_core::id::Sha256;
use blindspot_core::merge::register::{Merged, three_way};
use blindspot_core::op::{SealedOp, salvage_id};
use blindspot_core::row::{Digest, Rev, RowKey, RowKind, entry_hash};
use blindspot_core::wire::account::{
    enrol_proof_text, enrolled_text, hand_in_proof_text, refresh_proof_text,
};
use blindspot_core::wire::hand_in::hand_in_file_text;
use blindspot_core::{DeviceId, PersonId};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A file of vectors that differs from what the code makes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VectorProblem {
    /// The file on disk is not what the code makes.
    #[error(
        "{0} is stale: run `cargo xtask vectors` and look at the difference; a frozen vector must not change"
    )]
    Stale(PathBuf),
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
}

/// Writes the vectors, or compares them.
pub(crate) fn run(folder: &Path, check: bool) -> Result<usize, VectorProblem> {
    let files = all();
    for (name, value) in &files {
        let path = folder.join(format!("{name}.json"));
        let mut text = format!("{value:#}");
        text.push('\n');
        if check {
            let on_disk = std::fs::read_to_string(&path).map_err(|e| VectorProblem::File(path.clone(), e))?;
            if on_disk != text {
                return Err(VectorProblem::Stale(path));
            }
        } else {
            std::fs::create_dir_all(folder).map_err(|e| VectorProblem::File(folder.to_owned(), e))?;
            std::fs::write(&path, text).map_err(|e| VectorProblem::File(path.clone(), e))?;
        }
    }
    Ok(files.len())
}

fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("ops", ops()),
        ("refused", refused()),
        ("clock", clocks()),
        ("digest", digests()),
        ("merge", merges()),
        ("geo", geo()),
        ("account", account()),
    ]
}

const OP: &str = "018f2f6e-0000-7000-8000-00000000000";
const DEVICE: &str = "018f2f6e-0000-7000-8000-0000000000d1";
const CASE: &str = "018f2f6e-0000-7000-8000-0000000000c1";
const PHOTO: &str = "018f2f6e-0000-7000-8000-0000000000f1";

/// A payload for every kind, with the fields a phone writes; one with a field of a later version.
fn payloads() -> Vec<(&'static str, Value)> {
    let fix = json!({"lat": 29.3056, "lon": 120.0741, "accuracy_m": 12.5, "datum": "wgs84", "provider": "gps", "age_ms": 900});
    let form = |c: char, bytes: u32| json!({"sha256": c.to_string().repeat(64), "bytes": bytes, "width": 320, "height": 240});
    vec![
        ("report", json!({})),
        (
            "report",
            json!({"source": "patrol", "urgent_danger": true, "position": fix, "grid": "330782003002-03",
                "site_id": "market-7", "landmark": "菜场北门", "tags": ["三禁"], "local_tag": "37-0312",
                "entered_for": {"name": "张主任", "at_ms": 1_760_000_000_000_i64, "channel": "电话"},
                "category": {"catalogue": "0.1", "item": "3.07", "problem": "3.07-a"},
                "description": "垃圾桶满溢", "from_a_later_version": {"x": 1}}),
        ),
        ("withdraw", json!({})),
        ("self_fixed", json!({"position": fix, "description": "已当场清理"})),
        ("look", json!({"grid": "330782003002-03", "position": fix})),
        (
            "edit",
            json!({"changes": {"description": {"from": "垃圾桶满溢", "to": "垃圾桶倒了"}, "severity": {"from": null, "to": "major"}}}),
        ),
        ("relocate", json!({"position": fix, "landmark": "后巷"})),
        (
            "photo",
            json!({"photo_id": PHOTO, "role": "before", "media": "photo", "origin": "in_page",
                "forms": {"thumbnail": form('a', 30_000), "working": form('b', 200_000), "original": form('c', 1_500_000)},
                "raw_sha256": "d".repeat(64), "position": fix, "exif_time": "2026-04-01T06:20:00", "phash": "00ff00ff00ff00ff"}),
        ),
        ("photo_lost", json!({"photo_id": PHOTO, "reason": "file_unreadable"})),
        ("comment", json!({"text": "昨天刚清过"})),
        ("redact", json!({"photo_id": PHOTO, "reason": "有路人"})),
        ("file", json!({"reason": "valid", "note": "立案"})),
        ("refuse", json!({"reason": "not_in_scope"})),
        ("merge", json!({"into": "018f2f6e-0000-7000-8000-0000000000c2", "reason": "same_spot"})),
        (
            "dispatch",
            json!({"lead": "sanitation", "assists": ["market"], "case_kind": "do_now", "note": "今天16:00前"}),
        ),
        ("accept", json!({})),
        ("feed_back", json!({"text": "已清运", "position": fix, "photos": [PHOTO]})),
        ("verify", json!({"feed_back": format!("{OP}1"), "passed": true, "text": "干净", "photos": []})),
        ("close", json!({"reason": "documents"})),
        ("void", json!({"reason": "test"})),
        ("confirm_void", json!({"void": format!("{OP}1"), "agree": true})),
        ("waive_media", json!({"photos": [PHOTO], "reason": "手机损坏"})),
        ("resolve_conflict", json!({"conflict": format!("{OP}1:description"), "take": "垃圾桶倒了"})),
        // At the end: those before keep the numbers they were frozen with.
        ("erase", json!({"photo_id": PHOTO, "reason": "bystander", "note": "来信要求"})),
        ("confirm_erase", json!({"erase": format!("{OP}1"), "agree": true})),
        ("ask_more", json!({"lacks": ["no_wide_shot", "from_a_later_version"], "note": "拍一张远景"})),
        ("supplement", json!({"text": "补拍远景", "photos": [PHOTO]})),
        ("check", json!({"reason": "old_photo", "note": "照片是早上的"})),
        ("checked", json!({"found": true, "text": "还在", "position": fix, "photos": [PHOTO]})),
        ("hand_on", json!({"to": "三班", "note": "今天清完"})),
        ("take_back", json!({"reason": "slip", "note": "点错了"})),
        (
            "hang",
            json!({"project": "旧管改造", "review_ms": 1_760_000_000_000_i64, "reason": "等施工", "photos": [PHOTO]}),
        ),
        ("unhang", json!({"reason": "works_done"})),
        ("supervise", json!({"reason": "leader", "note": "两次返工"})),
        (
            "request_return",
            json!({"reason": "other_duty", "basis": "市场管理办法第八条", "owner": "market", "photos": [PHOTO]}),
        ),
        (
            "rule_return",
            json!({"ruling": "provisional", "lead": "sanitation", "assists": ["market"], "text": "先清掉，周五定责",
                "precedent": false, "by_ms": 1_760_000_000_000_i64, "entered_for": {"name": "王主任", "channel": "电话"}}),
        ),
    ]
}

fn all_payloads() -> impl Iterator<Item = (&'static str, Value)> {
    payloads().into_iter().chain(later_payloads())
}

/// Of what comes by time, by lot and by coming back.
fn later_payloads() -> Vec<(&'static str, Value)> {
    vec![
        (
            "request_extension",
            json!({"cause": "等清运车", "plan": "周五清完", "until_ms": 1_760_000_000_000_i64, "promise": true, "photos": [PHOTO]}),
        ),
        ("rule_extension", json!({"grant": false, "text": "先处理表面"})),
        (
            "pause_clock",
            json!({"pause": PHOTO, "from_ms": 1_760_000_000_000_i64, "to_ms": 1_760_086_400_000_i64, "reason": "台风"}),
        ),
        ("lapse", json!({"what": "accept", "due_ms": 1_760_000_000_000_i64})),
        (
            "draw",
            json!({"from": "neighbours", "verifier": CASE, "eligible": 3, "attempt": 2, "seed_day": "2026-11-29",
                "open_by_ms": 1_760_000_000_000_i64}),
        ),
        ("opened", json!({})),
        ("relapse", json!({"of": CASE, "note": "又堆了"})),
        ("appeal_relapse", json!({"reason": "两处不同", "photos": [PHOTO]})),
        ("rule_appeal", json!({"stands": true, "text": "现场看过"})),
        ("spot_check", json!({"passed": false, "text": "处理后的照片不是这一处"})),
    ]
}

fn ops() -> Value {
    let list: Vec<Value> = all_payloads()
        .enumerate()
        .map(|(i, (kind, payload))| {
            let seq = i + 1;
            let case = if kind == "look" { String::new() } else { format!(r#""case_id":"{CASE}","#) };
            let body = format!(
                r#"{{"op_id":"018f2f6e-0000-7000-8000-{seq:012}","device_id":"{DEVICE}","device_seq":{seq},"kind":"{kind}",{case}"schema":1,"round":1,"expected_state":"reported","depends_on":["{OP}9"],"payload":{payload},"captured":{{"wall_ms":1760000000000,"mono_ms":5000,"boot_id":"b1","offset_ms":-120}},"later":"kept"}}"#
            );
            let (hash, parsed) = match SealedOp::read(body.as_str()) {
                Ok(op) => (op.hash.to_hex(), op.command().and_then(|c| as_value(&c)).ok()),
                Err(problem) => (problem.to_string(), None),
            };
            json!({"kind": kind, "body": body, "sha256": hash, "payload_as_understood": parsed})
        })
        .collect();
    json!({"about": "Ops of schema 1: the body's exact bytes, their SHA-256, and the payload as this version understands it.", "ops": list})
}

fn as_value(command: &Command) -> Result<Value, blindspot_core::command::CommandProblem> {
    Ok(command.to_payload().ok().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or(Value::Null))
}

fn refused() -> Value {
    let head = format!(r#"{{"op_id":"{OP}1","device_id":"{DEVICE}","device_seq":1,"#);
    let bodies = [
        ("not json", "hello".to_owned()),
        ("no payload", format!(r#"{head}"kind":"comment"}}"#)),
        ("U+0000 in a text", format!(r#"{head}"kind":"comment","payload":{{"text":"a\u0000b"}}}}"#)),
        (
            "an escaped backslash before u0000 is no U+0000",
            format!(r#"{head}"kind":"comment","payload":{{"text":"a\\u0000b"}}}}"#),
        ),
        (
            "over 16 KB",
            format!(r#"{head}"kind":"comment","payload":{{"text":"{}"}}}}"#, "x".repeat(16 * 1024)),
        ),
    ];
    let list: Vec<Value> = bodies
        .iter()
        .map(|(what, body)| {
            let cause = SealedOp::read(body.as_str()).err().map(|p| p.cause.to_string());
            let salvaged = salvage_id(body).map(|(id, _)| id.to_string());
            json!({"what": what, "body": body, "cause": cause, "salvaged_op_id": salvaged})
        })
        .collect();
    json!({"about": "Bodies that are not ops that can be decided, and the cause each is quarantined for.", "bodies": list})
}

fn clocks() -> Value {
    let captured = |text: Value| serde_json::from_value::<Captured>(text).unwrap_or_default();
    let sent = |text: Value| serde_json::from_value::<Sent>(text).unwrap_or_default();
    let table = [
        (
            "same boot",
            json!({"wall_ms": 99, "mono_ms": 1000, "boot_id": "b"}),
            json!({"wall_ms": 5, "mono_ms": 28_801_000, "boot_id": "b"}),
        ),
        (
            "rebooted, fresh fix",
            json!({"wall_ms": 99, "gnss_ms": 50_000_000, "gnss_age_ms": 20, "offset_ms": 7}),
            json!({"wall_ms": 5}),
        ),
        (
            "rebooted, stale fix",
            json!({"wall_ms": 40_000_000, "gnss_ms": 50_000_000, "gnss_age_ms": 10_001, "offset_ms": 7}),
            json!({"wall_ms": 5}),
        ),
        ("wall clock alone", json!({"wall_ms": 40_000_000}), json!({"wall_ms": 5})),
        ("three years ahead", json!({"wall_ms": 94_608_000_000_i64, "offset_ms": 0}), json!({"wall_ms": 5})),
    ];
    let list: Vec<Value> = table
        .into_iter()
        .map(|(what, c, s)| {
            let time = recover(&captured(c.clone()), &sent(s.clone()), 100_000_000, 1_000);
            json!({"what": what, "captured": c, "sent": s, "receipt_ms": 100_000_000, "enrolled_ms": 1_000, "recovered": time})
        })
        .collect();
    json!({"about": "Capture time recovery (protocol 4).", "cases": list})
}

fn digests() -> Value {
    let rows = [
        (RowKind::Case, "a", Rev(1_760_000_000, 1), "{}"),
        (RowKind::Photo, "b", Rev(1_760_000_000, 7), r#"{"x":1}"#),
    ];
    let mut digest = Digest::default();
    let list: Vec<Value> = rows
        .iter()
        .map(|(kind, id, rev, body)| {
            let entry = entry_hash(&RowKey::new(kind.clone(), *id), *rev, &Sha256::of(body.as_bytes()));
            digest.add(entry);
            json!({"kind": kind, "id": id, "rev": rev, "body": body, "entry": format!("{entry:032x}")})
        })
        .collect();
    json!({"about": "Entry hashes and the digest of a feed with exactly these rows (protocol 8).", "rows": list, "count": digest.count, "sum": digest.sum_hex()})
}

fn merges() -> Value {
    let list: Vec<Value> = [("a", "a", "b"), ("b", "a", "b"), ("c", "a", "b"), ("a", "b", "a")]
        .iter()
        .map(|(current, from, to)| {
            let answer = match three_way(&json!(current), &json!(from), &json!(to)) {
                Merged::Same => json!("same"),
                Merged::Clean => json!("clean"),
                Merged::Clash { lost } => json!({"clash": {"lost": lost}}),
            };
            json!({"current": current, "from": from, "to": to, "answer": answer})
        })
        .collect();
    json!({"about": "Three-way merge of one field (protocol 7).", "cases": list})
}

fn geo() -> Value {
    // Eight decimals are a millimetre: enough to compare by, and the same on every machine.
    let shown = |p: Point| json!([format!("{:.8}", p.lat), format!("{:.8}", p.lon)]);
    let points = [
        Point { lat: 29.3056, lon: 120.0741 },
        Point { lat: 39.9087, lon: 116.3975 },
        Point { lat: 51.5, lon: -0.12 },
    ];
    let list: Vec<Value> = points
        .iter()
        .map(|p| {
            let (gcj, bd) = (from_wgs84(*p, Datum::Gcj02), from_wgs84(*p, Datum::Bd09));
            let back_m = distance_m(*p, to_wgs84(gcj, Datum::Gcj02)).max(distance_m(*p, to_wgs84(bd, Datum::Bd09)));
            json!({"wgs84": shown(*p), "gcj02": shown(gcj), "bd09": shown(bd), "back_within_m": if back_m <= 0.1 { 0.1 } else { back_m }})
        })
        .collect();
    json!({"about": "WGS-84, GCJ-02 and BD-09 (domain 2.5), degrees as text with eight decimals.", "points": list})
}

fn account() -> Value {
    let device: Option<DeviceId> = DEVICE.parse().ok();
    let person: Option<PersonId> = CASE.parse().ok();
    let (Some(device), Some(person)) = (device, person) else { return Value::Null };
    json!({
        "about": "Texts that are signed (protocol 12).",
        "enrol_proof": {"code": "C", "public_key": "K", "text": enrol_proof_text("C", "K")},
        "enrolled": {"device_id": device, "person_id": person, "public_key": "K", "text": enrolled_text(device, person, "K")},
        "refresh_proof": {"device_id": device, "refresh": "R", "nonce": "N", "text": refresh_proof_text(device, "R", "N")},
        "hand_in_proof": {"device_id": device, "nonce": "N", "text": hand_in_proof_text(device, "N")},
        "hand_in_file": {"manifest": "{}", "text": hand_in_file_text(&Sha256::of(b"{}"))},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_is_a_vector_for_every_kind() {
        let kinds: BTreeSet<&str> = all_payloads().map(|(k, _)| k).collect();
        for kind in Command::KINDS {
            assert!(kinds.contains(kind), "{kind}");
        }
        let understood = ops();
        for op in understood["ops"].as_array().into_iter().flatten() {
            assert!(!op["payload_as_understood"].is_null(), "{}", op["kind"]);
        }
    }
}
