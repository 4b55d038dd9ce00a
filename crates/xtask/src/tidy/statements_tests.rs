//! Tests of the statement rules: each with a file that breaks it, and the shapes that the common subset needs.

use super::*;

const TABLES: &str = "-- 0001\nCREATE TABLE cases (city_id TEXT NOT NULL, case_id BLOB NOT NULL, rev INTEGER, \
    PRIMARY KEY (city_id, case_id)) STRICT, WITHOUT ROWID;\n\
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL DEFAULT (lower('A;'))) STRICT;\n";

fn rules(migration: &str, sql: &str) -> Vec<&'static str> {
    let files = vec![
        ("crates/store/migrations/sqlite/0001.sql".to_owned(), migration.to_owned()),
        ("crates/store/sql/cases.sql".to_owned(), sql.to_owned()),
    ];
    check(&files).iter().map(|f| f.rule).collect()
}

#[test]
fn a_tenant_statement_names_its_city() {
    assert_eq!(rules(TABLES, "-- name: a\nSELECT rev FROM cases WHERE case_id = $1;\n"), ["tenant"]);
    assert_eq!(
        rules(TABLES, "-- name: a\nSELECT rev FROM cases WHERE case_id = $1 -- city_id\n"),
        ["tenant"]
    );
    assert_eq!(
        rules(TABLES, "-- name: a\nSELECT rev FROM cases WHERE city_id = $1 AND case_id = $2;\n"),
        [""; 0]
    );
    assert_eq!(rules(TABLES, "-- name: a\nSELECT value FROM meta WHERE key = $1;\n"), [""; 0]);
}

#[test]
fn an_exemption_needs_a_reason() {
    let with = |comment: &str| format!("-- name: a\n{comment}\nSELECT count(*) FROM cases;\n");
    assert_eq!(rules(TABLES, &with("-- tidy: the doctor counts all cities")), [""; 0]);
    assert_eq!(rules(TABLES, &with("-- tidy:")), ["tenant"]);
}

#[test]
fn statements_are_named_once_and_parse_alone() {
    assert_eq!(rules(TABLES, "SELECT 1;\n"), ["sql-name"]);
    assert_eq!(rules(TABLES, "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n"), ["sql-name"]);
    assert_eq!(rules(TABLES, "-- name: a\nSELEC 1 FROM x;\n"), ["sql-parse", "sql-parse"]);
    assert_eq!(rules(TABLES, "-- name: a\nSELECT 1; SELECT 2;\n"), ["sql-parse", "sql-parse"]);
    assert_eq!(rules(TABLES, "-- name: a\n"), ["sql-parse", "sql-parse"]);
}

#[test]
fn the_common_subset_parses_under_both_engines() {
    let shapes = [
        "INSERT INTO cases (city_id, case_id, rev) VALUES ($1, $2, $3) ON CONFLICT (city_id, case_id) DO UPDATE SET rev = \
         excluded.rev WHERE cases.rev < excluded.rev RETURNING rev",
        "SELECT rev FROM cases WHERE city_id = $1 AND (rev, case_id) > ($2, $3) ORDER BY rev ASC NULLS LAST, case_id LIMIT $4",
        "SELECT count(*) FILTER (WHERE rev > 1), row_number() OVER (PARTITION BY rev ORDER BY case_id) FROM cases WHERE \
         city_id = $1",
        "WITH RECURSIVE up AS (SELECT case_id FROM cases WHERE city_id = $1 UNION ALL SELECT case_id FROM up) SELECT * FROM up",
        "UPDATE cases SET rev = rev + 1 WHERE city_id = $1 AND case_id IN (SELECT case_id FROM cases WHERE city_id = $1) \
         RETURNING case_id, rev",
        "DELETE FROM cases WHERE city_id = $1 AND rev < $2",
        "SELECT EXISTS (SELECT 1 FROM cases WHERE city_id = $1 AND case_id = $2), CAST(NULL AS BLOB), coalesce(max(rev), 0) \
         FROM cases WHERE city_id = $1",
    ];
    for shape in shapes {
        assert_eq!(rules(TABLES, &format!("-- name: a\n{shape};\n")), [""; 0], "{shape}");
    }
}

#[test]
fn a_tenant_key_holds_the_city() {
    let second =
        "CREATE TABLE x (id BLOB NOT NULL, city_id TEXT NOT NULL, PRIMARY KEY (id, city_id)) STRICT;";
    assert_eq!(rules(second, ""), [""; 0]);
    let said = "-- Who calls; a MAC of it.\nCREATE TABLE x (id BLOB PRIMARY KEY, city_id TEXT NOT NULL);";
    assert_eq!(rules(said, ""), ["tenant-key"], "a semicolon in a comment hides no table");
    let statement = "-- name: all\nSELECT id FROM x;\n";
    let said =
        "-- Who calls; a MAC of it.\nCREATE TABLE x (id BLOB, city_id TEXT, PRIMARY KEY (city_id, id));";
    assert_eq!(rules(said, statement), ["tenant"]);
    assert_eq!(
        rules("CREATE TABLE IF NOT EXISTS x (id BLOB PRIMARY KEY, city_id TEXT NOT NULL);", ""),
        ["tenant-key"]
    );
    assert_eq!(rules("CREATE TABLE x (city_id TEXT PRIMARY KEY, name TEXT);", ""), [""; 0]);
    assert_eq!(
        rules(
            "-- tidy: sessions are found by token alone\nCREATE TABLE x (t BLOB PRIMARY KEY, city_id TEXT);",
            ""
        ),
        [""; 0]
    );
}

#[test]
fn sql_files_live_in_the_stores() {
    let file = |path: &str| vec![(path.to_owned(), "SELECT 1;".to_owned())];
    assert_eq!(check(&file("crates/server/src/x.sql")).len(), 1);
    assert!(check(&file("crates/client/src/store/migrations/0001.sql")).is_empty());
}
