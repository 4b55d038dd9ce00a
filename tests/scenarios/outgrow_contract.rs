//! The promises' HTTP contract on PostgreSQL and an object store, with two servers behind one door that takes each
//! request to the next of them: the very scenarios that run on a file, run again.

use std::process::Command;

/// Modules of scenarios that speak HTTP to a house. What they try, they try on each engine.
const CONTRACT: &[&str] = &[
    "sync::",
    "photos::",
    "trust_hand_in::",
    "shared_phone::",
    "wrong_input::",
    "life::",
    "platform_people::",
    "platform_revoked::",
    "platform_tokens::",
    "platform_voice::",
];

#[test]
fn shown_outgrow_contract() {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(CONTRACT).args(["--test-threads", "2"]);
    command.env("BLINDSPOT_TEST_DATABASE", "temp-pg").env("BLINDSPOT_TEST_BLOBS", "temp-s3");
    let out = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}\n{}", String::from_utf8_lossy(&out.stderr));
    let passed = said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ok"));
    let of = |module: &str| passed.clone().filter(|line| line[5..].starts_with(module)).count();
    for module in CONTRACT {
        assert!(of(module) > 0, "nothing of {module} ran:\n{said}");
    }
    println!("{} scenarios on PostgreSQL and an object store with two servers", passed.clone().count());
}
