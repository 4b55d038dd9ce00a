//! Every fault as a test, as often as CI can afford; `BLINDSPOT_FAULTS=10` makes ten times as many of each.
//! `cargo xtask faults NAME` runs one alone and says what it saw.

use blindspot_tests::faults;

/// Runs a fault so many times and demands that every promise held.
fn held(name: &str, count: u64) -> faults::Outcome {
    let times = std::env::var("BLINDSPOT_FAULTS").ok().map_or(1, |n| n.parse().expect("a number"));
    let outcome = faults::run(name, Some(count * times), 1).expect("it is built");
    println!("{}", serde_json::to_string(&outcome).expect("JSON"));
    assert!(outcome.holds(), "{outcome:#?}");
    outcome
}

/// F4: kill -9 of the real server in mid-push.
#[test]
fn shown_trust_kill_server() {
    let outcome = held("kill-server", 100);
    assert!(outcome.acknowledged > 200, "it did something: {outcome:?}");
}

/// F5: kill -9 of the headless phone at every place where it hands out a request, takes an answer or commits.
#[test]
fn shown_trust_kill_phone() {
    let outcome = held("kill-phone", 100);
    assert!(outcome.acknowledged > 100, "it did something: {outcome:?}");
}

/// F16: the phone's database is damaged: header, pages, WAL, cut off; what no damaged page held goes on.
#[test]
fn shown_trust_corrupt_phone() {
    let outcome = held("corrupt-phone", 100);
    assert!(outcome.acknowledged > 500 && outcome.rescued > 500, "it did something: {outcome:?}");
}

/// F17: a backup is restored under phones that go on working, and the same backup once more.
#[test]
fn shown_trust_restore() {
    let outcome = held("restore", 3);
    assert!(outcome.acknowledged > 300, "it did something: {outcome:?}");
}

/// F17: an old copy of the data folder is put back under phones that go on working, and nobody tells the server.
#[test]
fn shown_trust_rollback() {
    let outcome = held("rollback", 3);
    assert!(outcome.acknowledged > 300, "it did something: {outcome:?}");
}

/// F8: every call to the system of a start, a push and a pull fails in turn.
#[test]
fn shown_trust_io_error() {
    let outcome = held("io-error", 100_000);
    assert!(outcome.runs > 60, "every position: {outcome:?}");
}

/// F6: the power goes at every call of a start, a push and a pull; what was not synced is lost, kept or mixed.
#[test]
fn shown_trust_power_cut() {
    let outcome = held("power-cut", 100_000);
    assert!(outcome.runs > 200 && outcome.acknowledged > 0, "every position: {outcome:?}");
}

/// F13: fifty writers with random delays before their commits, and a poller that misses nothing.
#[test]
fn shown_outgrow_gap() {
    let outcome = held("pg-gap", 100);
    assert!(outcome.acknowledged >= 5_000, "it did something: {outcome:?}");
}

/// The test of the test: with the lock taken out, the same check fails.
#[test]
fn the_gap_check_finds_seqs_that_are_given_out_of_turn() {
    let outcome = faults::run("pg-gap-out-of-turn", Some(3), 1).expect("there is one");
    assert!(!outcome.holds(), "{outcome:#?}");
}

/// F14: the primary of three PostgreSQL servers is killed in mid-push.
#[test]
fn shown_outgrow_failover() {
    let outcome = held("pg-failover", 3);
    assert!(outcome.acknowledged > 10, "it did something: {outcome:?}");
}

/// The same where nobody waits for followers, and both lag: acknowledged ops are gone, and come again.
#[test]
fn shown_outgrow_failover_lagging() {
    let outcome = held("pg-failover-lagging", 2);
    assert!(outcome.acknowledged > 10, "it did something: {outcome:?}");
}

/// From a live SQLite folder to PostgreSQL under phones that push.
#[test]
fn shown_outgrow_move_house() {
    let outcome = held("move-house", 1);
    assert!(outcome.acknowledged > 10, "it did something: {outcome:?}");
}

/// Two servers on one database, killed in turn under load.
#[test]
fn shown_outgrow_node_kill() {
    let outcome = held("node-kill", 3);
    assert!(outcome.acknowledged > 10, "it did something: {outcome:?}");
}

/// The network between a server and its database is cut in mid-push.
#[test]
fn shown_outgrow_cut() {
    let outcome = held("pg-cut", 3);
    assert!(outcome.acknowledged > 10, "it did something: {outcome:?}");
}

/// The test of the test: on a disk that says it has synced and has not, acknowledged ops are gone after a cut.
#[test]
fn the_power_cut_check_finds_a_disk_that_lies() {
    let outcome = faults::run("power-cut-lying-disk", None, 1).expect("there is one");
    assert!(!outcome.holds() && outcome.lost > 0, "{outcome:#?}");
}

/// F10: uploads torn at every class of offset, doubled, overlapping, at a wrong offset, by two at once.
#[test]
fn shown_trust_torn_upload() {
    held("torn-upload", 200);
}

/// The way of a photo's bytes to their name is cut at each call to the system: whole under their digest or not there.
#[test]
fn shown_trust_blob_cut() {
    let outcome = held("blob-cut", 1_000);
    assert!(outcome.runs > 40, "every position: {outcome:?}");
}

/// F24: portals and proxies that answer 200, 403, 413, half-open and crawling connections.
#[test]
fn shown_trust_portal() {
    held("portal", 20);
}

/// F7: the server's disk is full.
#[test]
fn shown_trust_disk_full() {
    held("disk-full", 10);
}

/// F8: no file of the server's may grow any more.
#[test]
fn shown_trust_write_limit() {
    let outcome = held("write-limit", 4);
    assert!(outcome.acknowledged > 100, "it did something: {outcome:?}");
}

/// F9: the phone's storage is full: no photo is taken that cannot be kept, and what was taken is all there.
#[test]
fn shown_trust_full_phone() {
    held("full-phone", 20);
}

/// F15: the object store is down, hangs, is slow, overrun, cuts, and does what it is asked while its answer is lost.
#[test]
fn shown_outgrow_outage() {
    let outcome = held("s3-outage", 6);
    assert!(outcome.acknowledged > 20, "it did something: {outcome:?}");
}

/// F8: the server's disk can no longer be written.
#[test]
fn shown_trust_read_only() {
    held("read-only", 5);
}
