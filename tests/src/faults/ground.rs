//! The ground of a fault: a data folder with workers who may enrol, and what its database holds afterwards.

use blindspot_core::OpId;
use blindspot_core::access::{Area, Role};
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::state::DataFolder;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall clock, milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292 million")
}

/// A new data folder with so many collectors; gives a code to enrol with for each.
pub(crate) fn lay(data: &Path, workers: usize) -> Vec<String> {
    let folder = DataFolder::open(data, Some(("yiwu", "义乌市")), now_ms()).expect("a folder");
    let codes = (0..workers).map(|n| recruit(&folder, n)).collect();
    folder.close().expect("closed in order");
    codes
}

/// One more collector on a folder that no server has; gives so many codes for this one person.
pub(crate) fn codes_of_one(data: &Path, login: usize, codes: usize) -> Vec<String> {
    let folder = DataFolder::open(data, None, now_ms()).expect("a folder");
    let first = recruit(&folder, login);
    let person = people::find_person(&folder.house, &format!("w{login}")).expect("the new one");
    let code = || people::create_enrol_code(&folder.house, Actor::Cli, person, "http://127.0.0.1", now_ms());
    let more = (1..codes).map(|_| code().expect("a code").code);
    let all = std::iter::once(first).chain(more).collect();
    folder.close().expect("closed in order");
    all
}

pub(crate) fn recruit(folder: &DataFolder, n: usize) -> String {
    let house = &folder.house;
    let new = NewPerson { login: format!("w{n}"), name: format!("网格员{n}"), password: None };
    let person = people::create_person(house, Actor::Cli, &new, now_ms()).expect("a person").person_id;
    let grant = NewGrant { role: Role::Collector, area: Area::City, from_ms: None, to_ms: None };
    people::grant(house, Actor::Cli, person, &grant, now_ms()).expect("a grant");
    people::create_enrol_code(house, Actor::Cli, person, "http://127.0.0.1", now_ms()).expect("a code").code
}

/// What a database holds, read beside the product's own code.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Every op.
    pub(crate) ops: BTreeSet<OpId>,
    /// Ops of a kind that makes one row each, decided as applied.
    pub(crate) applied: [u64; 2],
    /// Rows of those kinds: cases and comments.
    pub(crate) rows: [u64; 2],
    /// What `PRAGMA integrity_check` says.
    pub(crate) integrity: String,
}

/// Reads the database of a server that is not running. One that cannot be read holds nothing, and says why.
pub(crate) fn examine(data: &Path) -> Held {
    read(data).unwrap_or_else(|e| Held { integrity: format!("it cannot be read: {e}"), ..Held::default() })
}

fn read(data: &Path) -> rusqlite::Result<Held> {
    let db = Connection::open(data.join("blindspot.db"))?;
    let count = |sql: &str| db.query_row(sql, [], |r| r.get::<_, i64>(0)).map(i64::unsigned_abs);
    let mut query = db.prepare("SELECT op_id FROM ops")?;
    let ids = query.query_map([], |r| r.get::<_, [u8; 16]>(0))?;
    let ops = ids.map(|id| Ok(OpId(uuid::Uuid::from_bytes(id?)))).collect::<rusqlite::Result<_>>()?;
    let applied = |kind: &str| {
        count(&format!(
            "SELECT count(*) FROM ops WHERE kind = '{kind}' AND verdict LIKE '%\"verdict\":\"applied\"%'"
        ))
    };
    let rows = |kind: &str| count(&format!("SELECT count(*) FROM rows WHERE kind = '{kind}'"));
    Ok(Held {
        applied: [applied("report")?, applied("comment")?],
        rows: [rows("case")?, rows("comment")?],
        integrity: db.query_row("PRAGMA integrity_check", [], |r| r.get(0))?,
        ops,
    })
}
