//! The ground of a fault on PostgreSQL: data folders whose database is on a server, and what that holds afterwards.

use super::ground::{now_ms, recruit};
use blindspot_core::OpId;
use blindspot_server::database::Database;
use blindspot_server::state::{DataFolder, Opening};
use blindspot_store::PgOptions;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The database at an address that holds its password.
pub(crate) fn database(url: &str) -> Database {
    Database::Postgres(Box::new(PgOptions::new(url, None).expect("an address")))
}

/// A data folder with so many collectors in a new database; gives a code to enrol with for each.
pub(crate) fn lay(data: &Path, url: &str, workers: usize) -> Vec<String> {
    let database = database(url);
    let opening = Opening { city: Some("yiwu"), city_name: Some("义乌市"), ..Opening::of(&database) };
    let folder = DataFolder::open_with(data, &opening, now_ms()).expect("a folder");
    let codes = (0..workers).map(|n| recruit(&folder, n)).collect();
    folder.close().expect("closed in order");
    codes
}

/// The folder of one more server on the database of another: with its key.
pub(crate) fn beside(first: &Path, name: &str) -> PathBuf {
    let folder = first.with_file_name(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(first.join("secret.key"), folder.join("secret.key")).expect("the key");
    folder
}

/// The product's binary with the database named by the environment, the password apart.
pub(crate) fn on(url: &str) -> Command {
    let (before, rest) = url.split_once("://").expect("an address");
    let (user, host) = rest.split_once('@').expect("a user");
    let (user, password) = user.split_once(':').expect("a password");
    let mut command = Command::new(super::child::blindspot());
    command.env("BLINDSPOT_DATABASE", format!("{before}://{user}@{host}")).env("PGPASSWORD", password);
    command
}

/// What the database holds, read beside the product's own code.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Every op.
    pub(crate) ops: BTreeSet<OpId>,
    /// Ops that make one row each, decided as applied, and rows of those kinds: reports, comments.
    pub(crate) applied: [i64; 2],
    pub(crate) rows: [i64; 2],
    /// Seqs of a feed that stand in it more than once, or beyond its head.
    pub(crate) odd_seqs: i64,
}

/// Reads it.
pub(crate) fn examine(client: &mut postgres::Client) -> Held {
    let mut count = |sql: &str| client.query_one(sql, &[]).expect(sql).get::<_, i64>(0);
    let mut applied = |kind: &str| {
        count(&format!(
            "SELECT count(*) FROM ops WHERE kind = '{kind}' AND verdict LIKE '%\"verdict\":\"applied\"%'"
        ))
    };
    let applied = [applied("report"), applied("comment")];
    let rows = [
        count("SELECT count(*) FROM rows WHERE kind = 'case'"),
        count("SELECT count(*) FROM rows WHERE kind = 'comment'"),
    ];
    let odd_seqs = count(
        "SELECT count(*) FROM feed_runs i JOIN feed_heads h ON h.city_id = i.city_id AND h.feed_n = i.feed_n \
         WHERE i.seq > h.seq",
    );
    let ids = client.query("SELECT encode(uuid_send(op_id), 'hex') FROM ops", &[]).expect("ops");
    let ops = ids.iter().map(|row| row.get::<_, &str>(0).parse().expect("an id")).map(OpId).collect();
    Held { ops, applied, rows, odd_seqs }
}
