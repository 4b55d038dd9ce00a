//! No statement reads more than it answers: a city's growth must not slow a push, a pull or a desk's click.

use super::{lists::WALKS, statements};
use crate::{Stmt, Store, StoreError};

/// Statements that go through a whole city on purpose, each with why its cost is bounded or wanted.
const WHOLE: &[(&str, &str)] = &[
    // The first or the last of an index that is in order: one row is read.
    ("outset", "the largest number, and the first of what waits, is in quarantine, was erased"),
    ("audit_last", "the last of the log"),
    ("ledger_last", "the last of the ledger"),
    ("erased_any", "the first that was erased, if anything ever was"),
    ("last_feed_n", "the largest number"),
    ("last_n", "the largest number"),
    ("told_last", "the largest number"),
    ("load_trying", "after a crash; servers on the database, a handful"),
    ("nodes_all", "servers on the database"),
    ("city_load", "a row a city"),
    ("city_only", "a row a city"),
    // Partial indexes: only what is open or unfinished stands in them, and most have a limit.
    ("renditions_open", "unfinished jobs, limited"),
    ("erased_untold", "erasures that are not complete"),
    ("undecided_report", "ops without a final verdict; asked only when something waits"),
    // As many as a city has people, phones or feeds: thousands, and not on the way of a push or a pull.
    ("persons_all", "the list of people"),
    ("notice_channels", "robots of a city, a handful"),
    ("devices_all", "the list of devices"),
    ("device_next_prefix", "at an enrolment"),
    ("reports_all", "the list of devices"),
    ("all_heads", "verify digests"),
    ("watch_counts", "what operators watch: partial indexes and devices"),
    // Open cases alone: some thousand, of which none is older than its case is open (decision 0021).
    ("open_in", "counters of a town or unit: open cases, out of one index"),
    ("open_unplaced", "counters: open cases in no known place"),
    ("next_at_desk", "open cases in their order, until one is free"),
    // The days of a window, counted down; each is then looked up by its word.
    ("spans_having", "spans of a window"),
    ("by_window", "the next 5,000 of the list"),
    ("oldest_case", "the first of an index"),
    ("newest_case", "the last of an index"),
    // Every ten minutes or at a backup, beside the work.
    ("failures_sweep", "sign-in failures of the last day"),
    ("browsers_sweep", "known browsers"),
    ("code_sweep", "enrolment codes of the last day"),
    ("session_sweep", "sessions"),
    ("upload_days_sweep", "a row a device and day"),
    ("shifts_clear", "a roster is imported: shifts of a month or two"),
    ("ledger_all", "verify and sums: the whole ledger is what is asked for"),
    ("audit_all", "verify and export: the whole log is what is asked for"),
    ("erased_all", "at a start and a backup: what was ever erased, a handful a year"),
    ("after_restore_count", "for doctor: what came again after a restore and differs"),
    ("backup_counts", "once a backup and once a restore"),
    ("backup_jump_counters", "once a restore"),
    ("upload_counts", "once a backup"),
    ("uploads_verified_hashes", "once a backup: every photo is copied"),
];

fn plan(store: &Store, sql: &str) -> Vec<String> {
    store
        .read(|tx| {
            let mut explain = tx.sqlite().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
            let params = vec![rusqlite::types::Null; explain.parameter_count()];
            let rows = explain.query_map(rusqlite::params_from_iter(params), |r| r.get(3));
            Ok::<_, StoreError>(rows.expect(sql).map(|r| r.expect(sql)).collect())
        })
        .unwrap()
}

/// A step that goes through a table, or through all that a city has in it, or that sorts what it found.
fn is_scan(step: &str) -> bool {
    step.ends_with("(city_id=?)")
        || (step.starts_with("SCAN") && !step.contains("CONSTANT ROW"))
        || step.contains("AUTOMATIC")
}

#[test]
fn no_statement_reads_a_whole_city_unless_it_says_why() {
    let store = Store::open_in_memory().unwrap();
    let mut odd = Vec::new();
    let mut used = 0;
    for (file, text, name) in statements() {
        let plan = plan(&store, Stmt::new(text, name).sql());
        let scans = plan.iter().any(|step| is_scan(step));
        let said = WHOLE.iter().any(|(n, _)| *n == name);
        used += usize::from(said);
        if scans != said {
            odd.push(format!("{file}: {name}: {plan:#?}"));
        }
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
    assert_eq!(used, WHOLE.len(), "a name in WHOLE is no statement, or stands in two files");
}

/// A list walks the index that was chosen for it, and sorts nothing but a window of days, one person's, or a few of one number.
#[test]
fn a_list_walks_the_index_that_was_chosen() {
    let store = Store::open_in_memory().unwrap();
    let all = statements();
    let mut odd = Vec::new();
    for (name, index) in WALKS {
        let (_, text, _) = all.iter().find(|(_, _, n)| n == name).expect(name);
        let plan = plan(&store, Stmt::new(text, name).sql());
        let walks = plan.iter().any(|step| step.starts_with("SEARCH") && step.contains(index))
            // A table that is its own key names no index.
            || (!index.starts_with("cases") && plan.iter().any(|s| s.contains("USING PRIMARY KEY")));
        // Days of a window, a subquery, a count of few: no table.
        let small = ["CONSTANT ROW", "spans", "d", "c", "few"];
        let whole = |step: &String| step.strip_prefix("SCAN ").is_some_and(|of| !small.contains(&of));
        let whole = plan.iter().any(whole);
        let sorts = plan.iter().any(|s| s.contains("TEMP B-TREE FOR ORDER BY"));
        let may_sort = ["by_due_link", "by_short", "spans_having"].contains(name);
        if !walks || whole || (sorts && !may_sort) {
            odd.push(format!("{name}: {plan:#?}"));
        }
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}
