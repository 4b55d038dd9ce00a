//! Where the engines differ. Everything else is written once, in `sql/*.sql`, in what both of them read.
//!
//! `DIFFERENCES` is the list; `cargo xtask dialect` counts it and holds it below ten. What is SQLite's own
//! housekeeping (PRAGMA, copying a file) or PostgreSQL's (sessions, time-outs) is no statement of ours and stands in
//! the engine's file.

#![cfg_attr(not(feature = "postgres"), allow(dead_code))]

/// One difference.
pub struct Difference {
    /// What it is about.
    pub name: &'static str,
    /// How SQLite has it.
    pub sqlite: &'static str,
    /// How PostgreSQL has it.
    pub postgres: &'static str,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference { name: "parameter", sqlite: "?1", postgres: "$1" },
    Difference {
        name: "begin to write",
        sqlite: "BEGIN IMMEDIATE",
        postgres: "BEGIN, SELECT .. FROM write_turn .. FOR UPDATE",
    },
    Difference { name: "begin to read", sqlite: "BEGIN", postgres: BEGIN_READ },
    Difference {
        name: "batch",
        sqlite: "the statement for each set",
        postgres: "one statement over unnest, or COPY",
    },
    Difference { name: "row lock", sqlite: "", postgres: ROW_LOCK },
    Difference { name: "large result", sqlite: "stepped", postgres: "DECLARE CURSOR, FETCH" },
    Difference { name: "run again", sqlite: "never", postgres: "on 40001 and 40P01" },
    Difference { name: "tell other servers", sqlite: "", postgres: NOTIFY },
    Difference { name: "types of columns", sqlite: "migrations/sqlite", postgres: "migrations/postgres" },
];

/// The turn to write comes first in the lock order: whoever has it reads what it will change as it is now. Each city has
/// one of its own.
pub(crate) fn begin_write(city: &str) -> String {
    let city = city.replace('\'', "''");
    format!("{BEGIN_WRITE_OUT_OF_TURN}; SELECT city_id FROM write_turn WHERE city_id = '{city}' FOR UPDATE")
}
/// A city's turn, made once.
pub(crate) const TURN_ADD: &str = "INSERT INTO write_turn (city_id) VALUES ($1) ON CONFLICT DO NOTHING";
/// As above without the turn: for the test that shows what it is for, and for a schema that is not made yet.
pub(crate) const BEGIN_WRITE_OUT_OF_TURN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
pub(crate) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
pub(crate) const ROW_LOCK: &str = " FOR UPDATE";
/// Sent in the transaction, delivered by its commit. A hint: who misses it looks by itself soon.
pub(crate) const NOTIFY: &str = "SELECT pg_notify('blindspot', '')";
pub(crate) const LISTEN: &str = "LISTEN blindspot";
/// A commit must not be cut short by a time-out while it waits for a follower: the server would report success
/// for what is on one machine only.
pub(crate) const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

/// PostgreSQL's own housekeeping: which migrations ran, and who may run them. Servers that start at once wait for each
/// other; the name of the lock is the number that marks our files.
pub(crate) const SCHEMA_LOCK: &str = "SELECT pg_advisory_xact_lock(1112298321)";
pub(crate) const SCHEMA_TABLE: &str = "CREATE TABLE blindspot_schema (n BIGINT NOT NULL PRIMARY KEY)";
pub(crate) const SCHEMA_VERSION: &str = "SELECT COALESCE(MAX(n), 0) FROM blindspot_schema";
pub(crate) const SCHEMA_RAN: &str = "INSERT INTO blindspot_schema (n) VALUES ($1)";
pub(crate) const TABLE_THERE: &str = "SELECT to_regclass($1) IS NOT NULL";
/// What keeps a commit: version, whether the disk is waited for, followers waited for, followers there. And whether a
/// schema of ours is there.
pub(crate) const STANDING: &str = "SELECT current_setting('server_version'), current_setting('fsync'), \
     current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication)::text, \
     to_regclass('blindspot_schema') IS NOT NULL";

/// A table, for moving house. Both engines order by bytes.
pub(crate) struct Moving {
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    pub(crate) keys: Vec<String>,
}

impl Moving {
    /// All rows of a city in order of the key; both engines read it.
    pub(crate) fn select(&self) -> String {
        let (columns, keys) = (self.columns.join(", "), self.keys.join(", "));
        format!("SELECT {columns} FROM {} WHERE city_id = $1 ORDER BY {keys}", self.table)
    }
    /// No row, to learn the columns' types.
    pub(crate) fn nothing(&self) -> String {
        format!("SELECT {} FROM {} WHERE false", self.columns.join(", "), self.table)
    }
    pub(crate) fn copy_in(&self) -> String {
        format!("COPY {} ({}) FROM STDIN BINARY", self.table, self.columns.join(", "))
    }
    /// One row by its key.
    pub(crate) fn delete(&self) -> String {
        let keys: Vec<String> =
            self.keys.iter().enumerate().map(|(i, k)| format!("{k} = ${}", i + 1)).collect();
        format!("DELETE FROM {} WHERE {}", self.table, keys.join(" AND "))
    }
}
/// The cities of a SQLite database of ours: one.
pub(crate) const CITIES: &str = "SELECT city_id FROM cities";
/// The tables of a SQLite database of ours.
pub(crate) const TABLES: &str =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

/// The statement for many sets at once. `$1` stays one value, the city; each of the others becomes an array.
/// `types` are those of all parameters, in order.
pub(crate) fn batch(written: &str, types: &[String], held: bool) -> Option<String> {
    let arrays: Vec<String> =
        types.iter().enumerate().skip(1).map(|(i, t)| format!("${}::{t}[]", i + 1)).collect();
    let names: Vec<String> = (2..=types.len()).map(|n| format!("p{n}")).collect();
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    let source = format!("unnest({arrays}) AS p({names})");
    let own = in_place(written);
    let verb = written.split_whitespace().next()?;
    match verb {
        "INSERT" => {
            let at = own.find("VALUES (")?;
            let open = at + "VALUES ".len();
            let close = closing(&own, open)?;
            let (values, rest) = (&own[open + 1..close], &own[close + 1..]);
            Some(format!("{}SELECT {values} FROM {source}{rest}", &own[..at]))
        }
        "UPDATE" => {
            let at = own.find("WHERE ")?;
            Some(format!("{}FROM {source} {}", &own[..at], &own[at..]))
        }
        "DELETE" => {
            let at = own.find("WHERE ")?;
            Some(format!("{}USING {source} {}", &own[..at], &own[at..]))
        }
        "SELECT" => {
            let lock = if held { ROW_LOCK } else { "" };
            // The fence: each set is looked up by its keys. Without it a planner that has seen the table young joins all of
            // the table with the sets.
            Some(format!(
                "SELECT q.* FROM unnest({arrays}) WITH ORDINALITY AS p({names}, place) \
                 CROSS JOIN LATERAL ({own} OFFSET 0{lock}) AS q ORDER BY p.place"
            ))
        }
        _ => None,
    }
}

/// The COPY that does what a statement does with many sets, when all that it does is add rows. A unique key that is there already
/// refuses it as it refuses the statement.
pub(crate) fn copy(written: &str) -> Option<String> {
    let (into, values) = written.strip_prefix("INSERT INTO ")?.split_once("VALUES (")?;
    let mut values = values.strip_suffix(')')?.split(',').map(str::trim).enumerate();
    let in_order = values.all(|(i, value)| value == format!("${}", i + 1));
    in_order.then(|| format!("COPY {} FROM STDIN BINARY", into.trim_end()))
}

/// `$2` and above become columns of `p`; `$1` stays.
fn in_place(written: &str) -> String {
    let mut out = String::with_capacity(written.len() + 32);
    let mut rest = written;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let digits: String = rest[at + 1..].chars().take_while(char::is_ascii_digit).collect();
        rest = &rest[at + 1 + digits.len()..];
        if digits.is_empty() || digits == "1" {
            out.push('$');
        } else {
            out.push_str("p.p");
        }
        out.push_str(&digits);
    }
    out.push_str(rest);
    out
}

/// The place of the parenthesis that closes the one at `open`.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, c) in text.char_indices().skip_while(|(i, _)| *i < open) {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(i),
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(written: &str, types: &[&str], held: bool) -> String {
        batch(written, &types.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>(), held).unwrap()
    }

    #[test]
    fn each_kind_of_statement_becomes_one_over_arrays() {
        assert_eq!(
            of(
                "INSERT INTO t (c, a, b) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &["text", "uuid", "int8"],
                false
            ),
            "INSERT INTO t (c, a, b) SELECT $1, p.p2, p.p3 FROM unnest($2::uuid[], $3::int8[]) AS p(p2, p3) \
             ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            of("UPDATE t SET b = $3 WHERE c = $1 AND a = $2", &["text", "uuid", "int8"], false),
            "UPDATE t SET b = p.p3 FROM unnest($2::uuid[], $3::int8[]) AS p(p2, p3) WHERE c = $1 AND a = p.p2"
        );
        assert_eq!(
            of("DELETE FROM t WHERE c = $1 AND a = $2", &["text", "uuid"], false),
            "DELETE FROM t USING unnest($2::uuid[]) AS p(p2) WHERE c = $1 AND a = p.p2"
        );
        assert_eq!(
            of("SELECT a FROM t WHERE c = $1 AND a = $2", &["text", "uuid"], true),
            "SELECT q.* FROM unnest($2::uuid[]) WITH ORDINALITY AS p(p2, place) \
             CROSS JOIN LATERAL (SELECT a FROM t WHERE c = $1 AND a = p.p2 OFFSET 0 FOR UPDATE) AS q ORDER BY p.place"
        );
    }

    #[test]
    fn rows_that_are_only_added_are_copied() {
        assert_eq!(
            copy("INSERT INTO t (c, a, b) VALUES ($1, $2, $3)").unwrap(),
            "COPY t (c, a, b) FROM STDIN BINARY"
        );
        for other in [
            "INSERT INTO t (c, a) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            "INSERT INTO t (c, a) VALUES ($2, $1)",
            "INSERT INTO t (c, a) VALUES ($1, 0)",
            "UPDATE t SET b = $2 WHERE c = $1",
        ] {
            assert_eq!(copy(other), None);
        }
    }

    #[test]
    fn differences_are_few_and_named_once() {
        assert!(DIFFERENCES.len() < 10);
        let names: std::collections::BTreeSet<_> = DIFFERENCES.iter().map(|d| d.name).collect();
        assert_eq!(names.len(), DIFFERENCES.len());
    }
}
