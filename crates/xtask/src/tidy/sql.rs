//! Where SQL may stand in Rust: the client's store folder, and the server store's `dialect.rs`.

use super::Finding;
use super::source::{Kind, Source};

const MAY_HOLD: &[&str] =
    &["crates/client/src/store/", "crates/client/src/store.rs", "crates/store/src/dialect.rs"];
/// Crates that only check or test the others.
// bench measures what SQLite does without us, pg-temp speaks to servers about themselves.
const UNJUDGED: &[&str] = &["bench", "pg-temp", "testkit", "xtask", "tests"];

/// How a statement begins: (first word, a word that must follow somewhere; empty = none).
const BEGINS: &[(&str, &str)] = &[
    ("SELECT", ""),
    ("INSERT", "INTO"),
    ("REPLACE", "INTO"),
    ("UPDATE", "SET"),
    ("DELETE", "FROM"),
    ("CREATE", ""),
    ("ALTER", "TABLE"),
    ("DROP", ""),
    ("WITH", "AS"),
];

/// Literals that look like statements, outside the files that may hold them.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let path = source.path.as_str();
    let judged = path.starts_with("crates/") && !UNJUDGED.contains(&source.crate_folder());
    if !judged || MAY_HOLD.iter().any(|p| path.starts_with(p)) {
        return Vec::new();
    }
    let why = if path.starts_with("crates/store/") {
        "a statement in Rust; put it in store/sql/*.sql (or dialect.rs when the engines must differ)"
    } else {
        "SQL outside the stores; add a function to client/src/store or store"
    };
    let literals = source.production().filter(|t| t.kind == Kind::Str && looks_like_sql(&t.text));
    literals.map(|t| Finding::new(path, t.line, "sql", why)).collect()
}

/// Upper-case words as SQL is written here, so that prose is not mistaken for it.
fn looks_like_sql(text: &str) -> bool {
    let text = text.replace("\\n", " ").replace("\\\n", " ");
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return false };
    let rest: Vec<&str> = words.collect();
    let follows = |wanted: &str| !rest.is_empty() && (wanted.is_empty() || rest.contains(&wanted));
    BEGINS.iter().any(|(begin, then)| *begin == first && follows(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).expect("sound source")).len()
    }

    const BAD: &[&str] = &[
        "fn f() { q(\"SELECT 1\") }",
        "fn f() { format!(\"UPDATE x SET a = {}\", 1) }",
        "fn f() { q(\"\\n  INSERT INTO x VALUES (1)\") }",
        "fn f() { q(r#\"WITH a AS (SELECT 1) SELECT 2\"#) }",
        "fn f() { q(\"DELETE FROM x\") }",
        "fn f() { q(\"CREATE TABLE x (a)\") }",
    ];

    #[test]
    fn statements_have_few_homes() {
        for text in BAD {
            for path in [
                "crates/server/src/service/push.rs",
                "crates/store/src/cases.rs",
                "crates/client/src/sync.rs",
            ] {
                assert_eq!(count(path, text), 1, "{text} in {path}");
            }
            for path in [
                "crates/client/src/store/outbox.rs",
                "crates/store/src/dialect.rs",
                "crates/testkit/src/a.rs",
            ] {
                assert_eq!(count(path, text), 0, "{text} in {path}");
            }
        }
    }

    #[test]
    fn prose_and_single_words_pass() {
        for text in [
            "fn f() { q(\"Select a case\") }",
            "fn f() { m(\"DELETE\") }",
            "fn f() { q(\"UPDATE the app\") }",
        ] {
            assert_eq!(count("crates/server/src/http/cases.rs", text), 0, "{text}");
        }
    }
}
