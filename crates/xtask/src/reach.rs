//! Which of the store's statements reach beyond one city. Reads their text as tidy does; must not know what any of them is
//! for, but for the few that are named here.

use crate::tidy::statements::{of_store, words};
use std::collections::BTreeSet;

/// Statements on tables with a city that name none, each with who asks it. None of them is on a phone's path: a server
/// opens with it, or a person's command does.
const AT_START: &[(&str, &str)] =
    &[("city_only", "a server or a command that opens a data folder and was not told which city it is for")];

/// Where a statement leads when tables are spread by `city_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One shard: every table with a city that it names is held to `city_id = $1`.
    City,
    /// Tables without a city only: a copy on every machine.
    Reference,
    /// All shards; asked at a start or by a command.
    Start,
    /// All shards, and a phone may wait for it. There must be none.
    Phone,
}

/// Each statement of the files (path, text): where it stands, its name, where it leads.
pub(crate) fn judge(files: &[(String, String)]) -> Vec<(String, String, Reach)> {
    let (statements, tenants) = of_store(files);
    let all = statements.iter();
    all.map(|s| (s.path.to_owned(), s.name.clone(), reach(&s.name, &words(&s.text), &tenants))).collect()
}

/// Who asks a statement of class `Start`.
pub(crate) fn asked_by(name: &str) -> &'static str {
    AT_START.iter().find(|(known, _)| *known == name).map_or("", |(_, who)| who)
}

fn reach(name: &str, words: &[String], tenants: &BTreeSet<String>) -> Reach {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let named = |pair: &&[&str]| {
        matches!(pair[0], "from" | "join" | "update" | "into" | "using") && tenants.contains(pair[1])
    };
    let tables = words.windows(2).filter(named).count();
    let inserts = usize::from(words.first() == Some(&"insert"));
    if tables == 0 {
        Reach::Reference
    } else if inserts <= usize::from(insert_pins(&words)) && tables - inserts <= pins(&words) {
        Reach::City
    } else if asked_by(name).is_empty() {
        Reach::Phone
    } else {
        Reach::Start
    }
}

/// How many comparisons hold a table to the city: `city_id = $1`, and `a.city_id = b.city_id` of a join.
fn pins(words: &[&str]) -> usize {
    let at_parameter = words.windows(3).filter(|w| *w == ["city_id", "=", "$1"]).count();
    let join = |w: &&[&str]| w[0] == "city_id" && w[1] == "=" && w[3] == "." && w[4] == "city_id";
    at_parameter + words.windows(5).filter(join).count()
}

/// Whether the first column of an `INSERT` is the city and its value `$1`.
fn insert_pins(words: &[&str]) -> bool {
    words.windows(2).any(|w| w == ["(", "city_id"]) && words.windows(3).any(|w| w == ["values", "(", "$1"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach_of(name: &str, sql: &str) -> Reach {
        let files = [
            (
                "crates/store/migrations/postgres/0001.sql".to_owned(),
                "CREATE TABLE cases (city_id TEXT, id UUID, PRIMARY KEY (city_id, id));\n\
                 CREATE TABLE ops (city_id TEXT, id UUID, PRIMARY KEY (city_id, id));\n\
                 CREATE TABLE meta (key TEXT PRIMARY KEY);"
                    .to_owned(),
            ),
            ("crates/store/sql/a.sql".to_owned(), format!("-- name: {name}\n{sql};\n")),
        ];
        judge(&files)[0].2
    }

    #[test]
    fn what_is_held_to_one_city_leads_to_one_shard() {
        for sql in [
            "SELECT id FROM cases WHERE city_id = $1 AND id = $2",
            "SELECT o.id FROM cases c JOIN ops o ON o.city_id = c.city_id AND o.id = c.id WHERE c.city_id = $1",
            "SELECT (SELECT COUNT(*) FROM ops WHERE city_id = $1), (SELECT COUNT(*) FROM cases WHERE city_id = $1)",
            "INSERT INTO cases (city_id, id) VALUES ($1, $2) ON CONFLICT (city_id, id) DO UPDATE SET id = excluded.id",
            "UPDATE cases SET id = $2 WHERE city_id = $1",
        ] {
            assert_eq!(reach_of("a", sql), Reach::City, "{sql}");
        }
    }

    #[test]
    fn what_is_not_is_a_phones_unless_it_is_known_as_asked_at_a_start() {
        for sql in [
            "SELECT city_id FROM cases",
            "SELECT id FROM cases WHERE city_id <> $1",
            "SELECT o.id FROM cases c JOIN ops o ON o.id = c.id WHERE c.city_id = $1",
            "SELECT id FROM cases WHERE city_id = $1 UNION SELECT id FROM ops",
            "INSERT INTO cases (city_id, id) VALUES ($2, $1)",
            "DELETE FROM ops",
        ] {
            assert_eq!(reach_of("a", sql), Reach::Phone, "{sql}");
        }
        assert_eq!(reach_of("city_only", "SELECT city_id FROM cases"), Reach::Start);
        assert_eq!(reach_of("a", "SELECT key FROM meta WHERE key = $1"), Reach::Reference);
    }
}
