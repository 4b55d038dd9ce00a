//! Many cities from one: all rows of a city that was really pushed, copied by COPY under other names. Every table has
//! the city first in its key, and no row names its city elsewhere but those of the audit log, which is not copied.
//! Knows no load.

use crate::Failed;
use blindspot_pg_temp::Node;
use postgres::Client;
use std::time::Instant;

/// Tables that are not copied: a chain of hashes that begins with its city's name, who runs, what was told to them, and
/// what lets somebody in.
const LEFT_OUT: &[&str] = &[
    "audit",
    "nodes",
    "told",
    "write_turn",
    "sessions",
    "browsers",
    "token_families",
    "enrol_codes",
    "proof_nonces",
];

/// How a copying went.
pub(crate) struct Copied {
    /// Rows of one city.
    pub(crate) rows_a_city: u64,
    /// COPY alone.
    pub(crate) seconds: f64,
    /// VACUUM, ANALYZE and a checkpoint after it.
    pub(crate) settled_s: f64,
}

/// Copies a city so many times in its database; the n-th copy has the name that `name(n)` gives.
pub(crate) fn make(
    node: &Node,
    base: &str,
    city: &str,
    copies: usize,
    name: impl Fn(usize) -> String,
) -> Result<Copied, Failed> {
    let (mut from, mut to) = (node.client(base)?, node.client(base)?);
    let tables = tables(&mut from)?;
    let start = Instant::now();
    let mut rows_a_city = 0;
    for n in 0..copies {
        to.batch_execute("BEGIN")?;
        rows_a_city = 0;
        for (table, columns) in &tables {
            rows_a_city += copy(&mut from, &mut to, (table, columns), (city, &name(n)))?;
        }
        to.batch_execute("COMMIT")?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let settled_s = settle(node, base)?;
    Ok(Copied { rows_a_city, seconds, settled_s })
}

/// What a database does by itself after a load, done at once: statistics, hint bits, dirty pages.
pub(crate) fn settle(node: &Node, base: &str) -> Result<f64, Failed> {
    let start = Instant::now();
    let mut client = node.client(base)?;
    client.batch_execute("VACUUM (ANALYZE)")?;
    client.batch_execute("CHECKPOINT")?;
    Ok(start.elapsed().as_secs_f64())
}

/// Tables with a city, and their other columns.
fn tables(client: &mut Client) -> Result<Vec<(String, String)>, Failed> {
    let ask = "SELECT table_name::text, string_agg(quote_ident(column_name::text), ', ' ORDER BY ordinal_position) \
               FILTER (WHERE column_name <> 'city_id') FROM information_schema.columns \
               WHERE table_schema = 'public' GROUP BY table_name \
               HAVING bool_or(column_name = 'city_id') AND count(*) > 1 ORDER BY table_name";
    let found = client.query(ask, &[])?;
    let all = found.iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1)));
    Ok(all.filter(|(table, _)| !LEFT_OUT.contains(&table.as_str())).collect())
}

/// Rows of one table. Names are ours: letters, digits and hyphens.
fn copy(
    from: &mut Client,
    to: &mut Client,
    (table, columns): (&str, &str),
    (city, copy): (&str, &str),
) -> Result<u64, Failed> {
    let read = format!(
        "COPY (SELECT '{copy}'::text, {columns} FROM {table} WHERE city_id = '{city}') TO STDOUT (FORMAT binary)"
    );
    let write = format!("COPY {table} (city_id, {columns}) FROM STDIN (FORMAT binary)");
    let mut reader = from.copy_out(&read)?;
    let mut writer = to.copy_in(&write)?;
    std::io::copy(&mut reader, &mut writer)?;
    Ok(writer.finish()?)
}

/// What a database takes on the disk, and its largest tables with their indexes, megabytes (10^6).
pub(crate) fn size(node: &Node, base: &str) -> Result<(f64, serde_json::Value), Failed> {
    let mut client = node.client(base)?;
    let whole: i64 = client.query_one("SELECT pg_database_size(current_database())", &[])?.get(0);
    let ask = "SELECT relname::text, pg_total_relation_size(oid), pg_indexes_size(oid) FROM pg_class \
               WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 6";
    let mb = |bytes: i64| bytes as f64 / 1e6;
    let found = client.query(ask, &[])?;
    let one = |row: &postgres::Row| {
        let sizes = serde_json::json!({"mb": mb(row.get(1)), "of_it_indexes_mb": mb(row.get(2))});
        (row.get::<_, String>(0), sizes)
    };
    Ok((mb(whole), found.iter().map(one).collect::<serde_json::Map<_, _>>().into()))
}
