//! With `--statements`: what PostgreSQL spent its time on, by its own account, told on the error output beside the
//! figures. Keeping the account costs a little; figures to be quoted are measured without.

use crate::Failed;
use blindspot_pg_temp::Node;

/// What the server is started with.
pub(crate) const SETTINGS: [(&str, &str); 2] =
    [("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.track_planning", "on")];
const MOST: i64 = 24;

/// Tells the statements of a database that took the most time. Before the database is gone.
pub(crate) fn tell(node: &Node, base: &str) -> Result<(), Failed> {
    let mut client = node.client("postgres")?;
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
    let ask = "SELECT calls, total_plan_time, total_exec_time, rows, shared_blks_hit, wal_bytes::int8, \
               regexp_replace(query, '\\s+', ' ', 'g') \
               FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1) \
               ORDER BY total_plan_time + total_exec_time DESC LIMIT $2";
    eprintln!("{base}: calls, plan ms, run ms, rows, blocks hit, WAL kB");
    for row in client.query(ask, &[&base, &MOST])? {
        let (calls, plan, run): (i64, f64, f64) = (row.get(0), row.get(1), row.get(2));
        let (rows, hit, wal): (i64, i64, i64) = (row.get(3), row.get(4), row.get(5));
        let text: String = row.get::<_, String>(6).chars().take(150).collect();
        eprintln!("{calls:>8} {plan:>8.0} {run:>8.0} {rows:>9} {hit:>10} {:>8}  {text}", wal / 1024);
    }
    Ok(())
}
