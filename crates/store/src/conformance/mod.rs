//! The promises of the port, each a plain function over a store, run on every engine.
//!
//! Names are those of the promises in the crate's text. An engine that cannot be started fails the run.

mod feeds;
mod jobs;
mod plans;
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
        ("a job is done by one", jobs::a_job_is_done_by_one),
        ("a lease that ran out is taken over", jobs::a_lease_that_ran_out_is_taken_over),
        ("a job put anew is a new one", jobs::a_job_put_anew_is_a_new_one),
        ("numbers are counted through without gaps", writes::numbers_are_counted_through_without_gaps),
    ]
}

#[test]
fn sqlite_in_memory_keeps_every_promise() {
    for (name, promise) in all() {
        println!("{name}");
        promise(&Store::open_in_memory().unwrap());
    }
}

#[test]
fn sqlite_in_a_file_keeps_every_promise() {
    for (name, promise) in all() {
        println!("{name}");
        let dir = tempfile::tempdir().unwrap();
        promise(&Store::open(&dir.path().join("db"), Options::default()).unwrap());
    }
}

#[test]
fn a_committed_write_survives_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    writes::put(&Store::open(&path, Options::default()).unwrap(), "yiwu", 1).unwrap();
    let again = Store::open(&path, Options::default()).unwrap();
    assert_eq!(writes::count(&again, "yiwu"), 1);
}

#[test]
fn every_statement_is_understood_by_the_engine() {
    let store = Store::open_in_memory().unwrap();
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut seen = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let text: &'static str =
            Box::leak(std::fs::read_to_string(file.unwrap().path()).unwrap().into_boxed_str());
        for name in text.lines().filter_map(|l| l.strip_prefix("-- name:")).map(str::trim) {
            let stmt = crate::Stmt::new(text, Box::leak(name.to_owned().into_boxed_str()));
            store
                .read(|tx| tx.conn.prepare(stmt.sql()).map(drop).map_err(crate::sqlite::from_rusqlite))
                .expect(name);
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} statements");
}
