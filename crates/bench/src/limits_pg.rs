//! What PostgreSQL itself does on this machine, with no rule of ours and no HTTP: rows of one table, commits, reads.

use crate::Failed;
use blindspot_pg_temp::Node;
use postgres::Client;
use std::time::Instant;

/// The database that these make their tables in; there is one on every server.
const BASE: &str = "postgres";
/// Connections that read at once, as many as our server has readers.
const READERS: usize = 8;

/// Rows a second into one table, `batch` a durable commit, one statement each: no index but the key.
pub(crate) fn rows(node: &Node, batch: usize, total: usize, body: &str) -> Result<f64, Failed> {
    let mut client = node.client(BASE)?;
    client.batch_execute(
        "DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGINT PRIMARY KEY, body TEXT NOT NULL)",
    )?;
    let insert = client.prepare("INSERT INTO t (id, body) SELECT * FROM unnest($1::int8[], $2::text[])")?;
    let start = Instant::now();
    let mut n: i64 = 0;
    while n < i64::try_from(total)? {
        let ids: Vec<i64> = (n..n + i64::try_from(batch)?).collect();
        let bodies = vec![body; ids.len()];
        client.batch_execute("BEGIN")?;
        client.execute(&insert, &[&ids, &bodies])?;
        client.batch_execute("COMMIT")?;
        n += i64::try_from(batch)?;
    }
    let rate = n as f64 / start.elapsed().as_secs_f64();
    client.batch_execute("DROP TABLE t")?;
    Ok(rate)
}

/// Commits a second, one small row each, by so many connections.
pub(crate) fn commits(node: &Node, connections: usize) -> Result<f64, Failed> {
    let mut client = node.client(BASE)?;
    client.batch_execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGSERIAL PRIMARY KEY, body TEXT)")?;
    let rate = at_once(node, connections, 500, |client| {
        Ok(client.batch_execute("INSERT INTO t (body) VALUES ('x')")?)
    })?;
    client.batch_execute("DROP TABLE t")?;
    Ok(rate)
}

/// Read-only transactions a second, each one row by its key, three round trips.
pub(crate) fn reads(node: &Node) -> Result<f64, Failed> {
    at_once(node, READERS, 1_000, |client| {
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        client.batch_execute("SELECT oid FROM pg_class WHERE oid = 1259")?;
        Ok(client.batch_execute("ROLLBACK")?)
    })
}

fn at_once(
    node: &Node,
    connections: usize,
    each: usize,
    act: impl Fn(&mut Client) -> Result<(), Failed> + Sync,
) -> Result<f64, Failed> {
    let clients = (0..connections).map(|_| node.client(BASE)).collect::<Result<Vec<_>, _>>()?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let hands: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let act = &act;
                scope.spawn(move || (0..each).try_for_each(|_| act(&mut client)).map_err(|e| e.to_string()))
            })
            .collect();
        hands.into_iter().try_for_each(|hand| hand.join().map_err(|_| "a thread ended in a panic")?)
    })?;
    Ok((connections * each) as f64 / start.elapsed().as_secs_f64())
}

/// Seconds to read the bodies of so many case rows in order of the key.
pub(crate) fn read_bodies(node: &Node, base: &str, most: usize) -> Result<f64, Failed> {
    let mut client = node.client(base)?;
    let most = i64::try_from(most)?;
    let ask = "SELECT body FROM rows WHERE city_id = (SELECT min(city_id) FROM cities) AND kind = 'case' ORDER BY id LIMIT $1";
    let start = Instant::now();
    let rows = client.query(ask, &[&most])?;
    let bytes: usize = rows.iter().map(|row| row.get::<_, &str>(0).len()).sum();
    std::hint::black_box(bytes);
    Ok(start.elapsed().as_secs_f64())
}
