//! Whether the statements behind a question read a big table whole, by the plans of the engine that they are asked of. Knows no
//! measurement.

use crate::Failed;
use crate::site::Site;
use blindspot_store::Stmt;
use std::path::Path;

const CASES: &str = include_str!("../../../store/sql/cases.sql");
const LEASES: &str = include_str!("../../../store/sql/leases.sql");
const OPS: &str = include_str!("../../../store/sql/ops.sql");
const FEED: &str = include_str!("../../../store/sql/feed.sql");
const TWINS: &str = include_str!("../../../store/sql/twins.sql");

/// Tables that grow with a city.
const BIG: &[&str] = &[
    "cases",
    "rows",
    "ops",
    "op_cases",
    "span_words",
    "case_links",
    "feed_runs",
    "photo_hashes",
    "photo_bands",
];

/// A statement, with the parts it shares in their places.
fn statement(name: &'static str) -> Stmt {
    let has = |file: &&'static str| {
        file.lines().any(|l| l.strip_prefix("-- name:").is_some_and(|n| n.trim() == name))
    };
    Stmt::new([CASES, LEASES, OPS, FEED, TWINS].into_iter().find(has).unwrap_or_default(), name)
}

/// How many steps of these statements read a big table, or all that a city has of it, whole.
pub(crate) fn scans(site: &Site<'_>, names: &[&'static str]) -> Result<usize, Failed> {
    match (site.engine.node(), &site.base) {
        (Some(node), Some(base)) => {
            let mut client = node.client(base)?;
            // As sessions of the server are set, and by the plan that is made for any values.
            client.batch_execute(
                "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                 SET plan_cache_mode = force_generic_plan",
            )?;
            let mut found = 0;
            for name in names {
                let stmt = statement(name);
                let written = stmt.written();
                let values = vec!["NULL"; client.prepare(written)?.params().len()].join(", ");
                client.batch_execute(&format!("PREPARE s_{name} AS {written}"))?;
                let plan = client.query(&format!("EXPLAIN EXECUTE s_{name}({values})"), &[])?;
                client.batch_execute(&format!("DEALLOCATE s_{name}"))?;
                let steps = plan.iter().map(|row| row.get::<_, String>(0));
                found +=
                    steps.filter(|s| BIG.iter().any(|t| s.contains(&format!("Seq Scan on {t}")))).count();
            }
            Ok(found)
        }
        _ => of_sqlite(site.folder(), names),
    }
}

fn of_sqlite(folder: &Path, names: &[&'static str]) -> Result<usize, Failed> {
    let conn = rusqlite::Connection::open(folder.join("blindspot.db"))?;
    let mut found = 0;
    for name in names {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {}", statement(name).sql()))?;
        let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
        let steps = explain.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3))?;
        for step in steps {
            let step = step?;
            // Open cases are no big table.
            let open = step.contains("cases_open") || step.contains("cases_due");
            let whole = step.ends_with("(city_id=?)") && !open;
            // Spans of a window are no table.
            let small = ["CONSTANT ROW", "spans", "d"];
            let table = step.strip_prefix("SCAN ").is_some_and(|of| !small.contains(&of));
            found += usize::from(whole || table || step.contains("AUTOMATIC"));
        }
    }
    Ok(found)
}
