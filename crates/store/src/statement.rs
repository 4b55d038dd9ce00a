//! Named statements from `sql/*.sql`. Each begins with a line `-- name: <name>`.
//!
//! They are written with `$1`, `$2` ... as PostgreSQL reads them. SQLite would number those by first
//! mention, so they become `?1`, `?2` here.

use std::sync::OnceLock;

/// A statement of a file in `sql/`.
pub struct Stmt {
    file: &'static str,
    name: &'static str,
    sql: OnceLock<String>,
}

impl Stmt {
    /// The statement `name` in the text of a file; found at first use, and by the test that uses all.
    #[must_use]
    pub const fn new(file: &'static str, name: &'static str) -> Self {
        Self { file, name, sql: OnceLock::new() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its text as it is written: PostgreSQL's.
    ///
    /// # Panics
    /// When the file holds no statement of the name: a broken build, not bad input.
    #[must_use]
    pub fn written(&self) -> &'static str {
        let found = find(self.file, self.name);
        assert!(found.is_some(), "no statement named {}", self.name);
        found.unwrap_or_default()
    }

    /// Its text for SQLite.
    ///
    /// # Panics
    /// When the file holds no statement of the name: a broken build, not bad input.
    #[must_use]
    pub fn sql(&self) -> &str {
        self.sql.get_or_init(|| numbered(self.written()))
    }
}

fn find(file: &'static str, name: &str) -> Option<&'static str> {
    file.split("-- name:").skip(1).find_map(|part| {
        let (head, body) = part.split_once('\n')?;
        (head.trim() == name).then(|| body.trim().trim_end_matches(';'))
    })
}

fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        let digit = chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if c == '$' && digit { '?' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_by_name_and_numbered() {
        static FILE: &str = "-- a comment\n-- name: one\nSELECT $2, $1;\n-- name: two\nSELECT '$x';\n";
        static ONE: Stmt = Stmt::new(FILE, "one");
        static TWO: Stmt = Stmt::new(FILE, "two");
        assert_eq!(ONE.sql(), "SELECT ?2, ?1");
        assert_eq!(TWO.sql(), "SELECT '$x'");
    }
}
