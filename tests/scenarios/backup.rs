//! A backup taken from a server that is being written to, and a city that goes on from it: nothing acknowledged before
//! the backup is missing, and phones offer again what came after.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::killed::{Site, blindspot, kill, now_ms, set_up};
use crate::raw::{new_case_id, new_op_id};
use blindspot_core::OpId;
use blindspot_core::row::RowKind;
use blindspot_server::state::DataFolder;
use blindspot_store::{ops, rows};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn run(words: &[&str]) -> Value {
    let out = Command::new(blindspot()).args(words).arg("--json").output().expect("runs");
    let (said, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{words:?}: {said} {error}");
    serde_json::from_str(said.lines().last().expect("a line")).expect("JSON")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// The newest backup in a folder.
fn newest(to: &Path) -> String {
    let all = std::fs::read_dir(to).expect("a folder").map(|e| e.expect("an entry").path());
    let backups = all.filter(|p| p.join("manifest.json").is_file());
    text(&backups.max().expect("a backup")).to_owned()
}

fn verify(data: &Path) {
    for what in ["audit", "blobs", "digests"] {
        run(&["verify", what, "--data", text(data)]);
    }
}

#[test]
fn a_backup_taken_while_four_write_holds_every_op_acknowledged_before_it() {
    let house = TestHouse::start();
    let dir = tempfile::tempdir().expect("a folder");
    let (to, back) = (dir.path().join("备份"), dir.path().join("back"));
    let phones: Vec<_> = (0..4).map(|n| house.phone(&format!("p{n}"), WORKER_ROLE, "city")).collect();
    let (stop, acked) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let wait_for = |most: usize| {
        let began = Instant::now();
        while acked.lock().expect("whole").len() < most {
            assert!(began.elapsed() < Duration::from_secs(60), "the phones push");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let before = std::thread::scope(|s| {
        for mut phone in phones {
            let (stop, acked) = (&stop, &acked);
            s.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let ids: Vec<OpId> = (0..20).map(|_| new_op_id()).collect();
                    let words = "角落有积水，需要清理。".repeat(20);
                    let bodies: Vec<String> = ids
                        .iter()
                        .map(|id| {
                            phone.seq += 1;
                            phone.op_as(
                                *id,
                                "report",
                                Some(new_case_id()),
                                &json!({"description": words}),
                                &[],
                            )
                        })
                        .collect();
                    phone.push(&bodies);
                    acked.lock().expect("whole").extend(ids);
                }
            });
        }
        wait_for(2_000);
        let before = acked.lock().expect("whole").clone();
        let made = run(&["backup", "--data", text(house.data()), "--to", text(&to), "--verify-blobs"]);
        assert_eq!(made["manifest"]["missing"], json!([]));
        let after = acked.lock().expect("whole").len();
        assert!(after > before.len(), "the phones were not held up for as long as the backup took");
        stop.store(true, Ordering::SeqCst);
        before
    });
    let restored = run(&["restore", "--from", &newest(&to), "--data", text(&back)]);
    assert_eq!(restored["jump"], 10_000);
    verify(&back);
    let folder = DataFolder::open(&back, None, now_ms()).expect("a folder");
    let (store, city) = (&folder.house.store, &folder.house.city);
    let there = store.read(|tx| ops::load_ops(tx, city, &before)).expect("ops");
    let lost: Vec<_> = before.iter().filter(|id| !there.contains_key(id)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged ops are not in the backup", lost.len(), before.len());
    // The live server now lets phones forget what the backup holds.
    let mut phone = house.phone("late", WORKER_ROLE, "city");
    let op = phone.op("report", Some(new_case_id()), &json!({}));
    assert!(phone.push(&[op])["safe_through"].as_i64().is_some_and(|ms| ms > 0));
}

#[test]
fn a_restored_server_goes_on_with_its_phones() {
    let (site, code) = set_up();
    let server = site.serve();
    site.phone_ok(&["enrol", "--server", &format!("http://{}", site.listen), "--code", &code]);
    let picture = site.data.with_file_name("a.jpg");
    std::fs::write(&picture, crate::photos::picture(1)).expect("a file");
    let report = |words: &str| {
        let said = site.phone_ok(&["report", "--photo", text(&picture), "--text", words]);
        said["case_id"].as_str().expect("a case").to_owned()
    };
    let before = report("备份前");
    site.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    let to = site.data.with_file_name("backups");
    run(&["backup", "--data", text(&site.data), "--to", text(&to)]);
    let after = report("备份后");
    site.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    kill(server);
    let back = Site { data: site.data.with_file_name("back"), ..site };
    run(&["restore", "--from", &newest(&to), "--data", text(&back.data)]);
    verify(&back.data);
    let server = back.serve();
    // Once to hear of the new epoch, once more to have sent all that it asks for.
    back.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    back.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    kill(server);
    verify(&back.data);
    let folder = DataFolder::open(&back.data, None, now_ms()).expect("a folder");
    let mut cases = BTreeSet::new();
    let listed = folder.house.store.read(|tx| {
        rows::each_of_kind(tx, &folder.house.city, &RowKind::Case, |row| {
            cases.insert(row.key.id.clone());
            Ok(())
        })
    });
    listed.expect("rows");
    assert_eq!(cases, BTreeSet::from([before, after]), "what came after the backup was offered again");
}
