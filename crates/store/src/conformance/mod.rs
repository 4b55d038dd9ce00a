//! The promises of the port, each a plain function over a store, run on every engine.
//!
//! Names are those of the promises in the crate's text. An engine that cannot be started fails the run.

mod feeds;
mod jobs;
mod letters;
mod life;
mod lists;
mod nodes;
mod notices;
mod places;
mod plans;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_tls;
mod writes;

use crate::{Options, Store};

type Promise = fn(&Store);

/// Every promise that can be tried on an open store.
fn all() -> Vec<(&'static str, Promise)> {
    vec![
        ("a dropped transaction leaves no trace", writes::a_dropped_transaction_leaves_no_trace),
        ("a read sees one snapshot", writes::a_read_sees_one_snapshot),
        ("an op id is inserted once", writes::an_op_id_is_inserted_once),
        ("one city never sees another", writes::one_city_never_sees_another),
        ("a feed misses nothing", feeds::a_feed_misses_nothing),
        ("a digest is that of the rows now in the feed", feeds::a_digest_is_that_of_the_rows_now_in_the_feed),
        ("a row that left enters again", feeds::a_row_that_left_enters_again),
        ("runs of many and of one are read alike", feeds::runs_of_many_and_of_one_are_read_alike),
        ("a job is done by one", jobs::a_job_is_done_by_one),
        ("a lease that ran out is taken over", jobs::a_lease_that_ran_out_is_taken_over),
        ("a job put anew is a new one", jobs::a_job_put_anew_is_a_new_one),
        ("letters are numbered without gaps", letters::letters_are_numbered_without_gaps),
        ("numbers are counted through without gaps", writes::numbers_are_counted_through_without_gaps),
        ("a batch is as its statements one by one", writes::a_batch_is_as_its_statements_one_by_one),
        ("values come back as they went", writes::values_come_back_as_they_went),
        ("the audit log is never changed", writes::the_audit_log_is_never_changed),
        ("the ledger is one chain", life::the_ledger_is_one_chain),
        ("shifts replace those of their span", life::shifts_replace_those_of_their_span),
        ("a draw stays as it was done", life::a_draw_stays_as_it_was_done),
        ("a pause said again moves its end", life::a_pause_said_again_moves_its_end),
        ("photos that look alike are found", life::photos_that_look_alike_are_found),
        ("looks are counted by place, day and person", places::looks_are_counted_by_place_day_and_person),
        ("cases of a place are found in a scope", places::cases_of_a_place_are_found_in_a_scope),
        ("what somebody opened is found", places::what_somebody_opened_is_found),
        ("a list is what a plain look finds", lists::a_list_is_what_a_plain_look_finds),
        ("counters are what a plain look counts", lists::counters_are_what_a_plain_look_counts),
        ("a word that went is not found", lists::a_word_that_went_is_not_found),
        ("a case is held by one", lists::a_case_is_held_by_one),
        ("servers that run are known", nodes::servers_that_run_are_known),
        ("a notice is told a channel once", notices::a_notice_is_told_a_channel_once),
        ("a job is due sooner and its lease stands", notices::a_job_is_due_sooner_and_its_lease_stands),
        ("a work link ends once and counts", notices::a_work_link_ends_once_and_counts),
        ("every statement is understood", every_statement_is_understood),
    ]
}

/// Runs all of them, each on a database of its own, and says each one's name and result on a line that
/// `cargo xtask conformance` reads.
fn keeps_every_promise(engine: &str, mut open: impl FnMut() -> Store) {
    let mut broken = Vec::new();
    for (name, promise) in all() {
        let store = open();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| promise(&store)));
        println!("conformance {engine} {} {name}", if run.is_ok() { "ok" } else { "failed" });
        broken.extend(run.is_err().then_some(name));
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn sqlite_in_memory_keeps_every_promise() {
    keeps_every_promise("sqlite-memory", || Store::open_in_memory().unwrap());
}

#[test]
fn sqlite_in_a_file_keeps_every_promise() {
    let dir = tempfile::tempdir().unwrap();
    let mut n = 0;
    keeps_every_promise("sqlite", || {
        n += 1;
        Store::open(&dir.path().join(format!("{n}.db")), Options::default()).unwrap()
    });
}

#[test]
fn a_committed_write_survives_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    writes::put(&Store::open(&path, Options::default()).unwrap(), "yiwu", 1).unwrap();
    let again = Store::open(&path, Options::default()).unwrap();
    assert_eq!(writes::count(&again, "yiwu"), 1);
}

/// All statements of `sql/`, by name.
fn statements() -> Vec<(String, &'static str, &'static str)> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut out = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let text: &'static str = Box::leak(std::fs::read_to_string(&path).unwrap().into_boxed_str());
        let of = path.file_stem().unwrap().to_string_lossy().into_owned();
        for name in text.lines().filter_map(|l| l.strip_prefix("-- name:")).map(str::trim) {
            out.push((of.clone(), text, name));
        }
    }
    out.sort();
    out
}

fn every_statement_is_understood(store: &Store) {
    let all = statements();
    assert!(all.len() > 40, "{} statements", all.len());
    let mut odd = Vec::new();
    for (_, text, name) in all {
        let stmt = crate::Stmt::new(text, name);
        if let Err(error) = store.read(|tx| tx.understands(&stmt)) {
            odd.push(format!("{name}: {error}"));
        }
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}
