//! One phone, two people, no network (U3): handed over by name and PIN, each one's work kept apart, kept under its
//! author, and sent while another has the phone, even when ten wrong PINs have locked it.

use crate::house::{TestHouse, WORKER_ROLE};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `blindspot phone` with lines on stdin.
fn phone(home: &Path, words: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(crate::killed::blindspot())
        .args(["phone", "--home"])
        .arg(home)
        .arg("--json")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the phone runs");
    child.stdin.take().expect("stdin").write_all(stdin.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

fn ok(home: &Path, words: &[&str], stdin: &str) -> Value {
    let out = phone(home, words, stdin);
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    serde_json::from_str(text.lines().last().unwrap_or("null")).expect("JSON")
}

fn refused(home: &Path, words: &[&str], stdin: &str) -> String {
    let out = phone(home, words, stdin);
    assert!(!out.status.success(), "{words:?} was let through");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn shown_platform_shared() {
    let house = TestHouse::start();
    let (early, late) =
        (house.person("early", WORKER_ROLE, "city"), house.person("late", WORKER_ROLE, "city"));
    let dir = tempfile::tempdir().expect("a folder");
    let home = dir.path().join("手机");
    for (name, person, pin) in [("早班", &early, "135790"), ("晚班", &late, "246801")] {
        let code = house.code_for(person);
        ok(&home, &["enrol", "--server", &house.base, "--code", &code, "--person", name], "");
        ok(&home, &["pin"], &format!("{pin}\n"));
    }
    // From here on nobody asks the server: the morning's work.
    assert!(
        refused(&home, &["list", "--person", "早班"], "").contains("handover"),
        "the late shift has the phone"
    );
    ok(&home, &["handover", "早班"], "135790\n");
    let mine = ok(&home, &["report", "--text", "早班拍的"], "")["case_id"].clone();
    // Handed over with the report still on the phone.
    refused(&home, &["handover", "晚班"], "135790\n");
    ok(&home, &["handover", "晚班"], "246801\n");
    let theirs = ok(&home, &["report", "--text", "晚班拍的"], "")["case_id"].clone();
    let shown = ok(&home, &["list"], "").to_string();
    assert!(
        shown.contains("晚班拍的") && !shown.contains("早班拍的"),
        "what one wrote the next does not read"
    );
    for words in
        [&["list", "--person", "早班"][..], &["status", "--person", "早班"], &["report", "--person", "早班"]]
    {
        refused(&home, words, "");
    }

    // Somebody guesses at the early shift's PIN, with a clock put forward each time to skip the waits.
    let mut said = String::new();
    for n in 0..12 {
        let wrong = format!("{:06}\n", 100_001 + n);
        let clock = (i64::from(n) * 3_600_000).to_string();
        said = refused(&home, &["--clock-offset-ms", &clock, "handover", "早班"], &wrong);
    }
    let people = ok(&home, &["people"], "");
    let first = &people[0];
    assert_eq!((&first["name"], &first["unsent"]["ops"]), (&json!("早班"), &json!(1)), "{people}");
    // On a phone with a clock that counts sleep the waits hold whatever the wall clock says.
    assert!(said.contains("s") && !said.is_empty());

    // The late shift syncs: both leave, each under its own name.
    ok(&home, &["sync", "--for", "60", "--until-empty"], "");
    let desk = house.phone("desk", "supervisor", "city");
    let pages = desk.pull_all(None).0;
    for (case, person) in [(&mine, &early), (&theirs, &late)] {
        let rows = pages.iter().flat_map(|p| p["rows"].as_array().into_iter().flatten());
        let reporters: Vec<&Value> = rows
            .filter(|r| {
                r["kind"] == "person" && r["body"]["case_id"] == *case && r["body"]["part"] == "reporter"
            })
            .map(|r| &r["body"]["person"])
            .collect();
        assert_eq!(reporters, [&json!(person)], "authorship is kept");
    }
    let people = ok(&home, &["people"], "");
    assert!(people.as_array().expect("people").iter().all(|p| p["unsent"]["ops"] == 0), "{people}");

    // A forgotten PIN: a new enrolment of the same person opens the replica, another person's code does not.
    let code = house.code_for(&late);
    refused(&home, &["enrol", "--server", &house.base, "--code", &code, "--person", "早班"], "");
    let code = house.code_for(&early);
    ok(&home, &["enrol", "--server", &house.base, "--code", &code, "--person", "早班"], "");
    let shown = ok(&home, &["list"], "").to_string();
    assert!(shown.contains("早班拍的"), "opened, with everything that was there: {shown}");
}
