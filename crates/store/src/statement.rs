//! Named statements from `sql/*.sql`. Each begins with a line `-- name: <name>`. What several of a file share is a part, behind
//! a line `-- part: <name>`, and stands in a statement wherever it has a line `-- use: <name>`.
//!
//! They are written with `$1`, `$2` ... as PostgreSQL reads them. SQLite would number those by first
//! mention, so they become `?1`, `?2` here.

use std::sync::OnceLock;

/// A statement of a file in `sql/`.
pub struct Stmt {
    file: &'static str,
    name: &'static str,
    written: OnceLock<String>,
    sql: OnceLock<String>,
}

impl Stmt {
    /// The statement `name` in the text of a file; found at first use, and by the test that uses all.
    #[must_use]
    pub const fn new(file: &'static str, name: &'static str) -> Self {
        Self { file, name, written: OnceLock::new(), sql: OnceLock::new() }
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
    pub fn written(&self) -> &str {
        self.written.get_or_init(|| {
            let found = find(self.file, self.name);
            assert!(found.is_some(), "no statement named {}", self.name);
            found.unwrap_or_default()
        })
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

/// A statement with its parts in their places.
fn find(file: &str, name: &str) -> Option<String> {
    let mut out = String::new();
    for line in block(file, "-- name:", name)? {
        match line.trim_start().strip_prefix("-- use:") {
            None => out.extend([line, "\n"]),
            Some(part) => {
                out.extend(block(file, "-- part:", part.trim())?.into_iter().flat_map(|line| [line, "\n"]));
            }
        }
    }
    // What stands behind it is said of the next one.
    let mut out = out.trim();
    while let Some((before, last)) = out.rsplit_once('\n')
        && last.starts_with("--")
    {
        out = before.trim_end();
    }
    Some(out.trim_end_matches(';').to_owned())
}

/// The lines behind a head, up to the next.
fn block<'f>(file: &'f str, head: &str, name: &str) -> Option<Vec<&'f str>> {
    let named = |line: &&str| line.strip_prefix(head).is_some_and(|found| found.trim() == name);
    let is_head = |line: &str| line.starts_with("-- name:") || line.starts_with("-- part:");
    let mut lines = file.lines();
    lines.find(named)?;
    Some(lines.take_while(|line| !is_head(line)).collect())
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
        static FILE: &str = "-- a comment\n-- name: one\nSELECT $2, $1;\n-- of two\n-- more of it\n-- name: two\nSELECT '$x';\n";
        static ONE: Stmt = Stmt::new(FILE, "one");
        static TWO: Stmt = Stmt::new(FILE, "two");
        assert_eq!(ONE.sql(), "SELECT ?2, ?1");
        assert_eq!(TWO.sql(), "SELECT '$x'");
    }

    #[test]
    fn a_part_stands_wherever_it_is_used() {
        static FILE: &str = "-- part: mine\n  AND a = $1\n-- name: one\nSELECT 1\n  -- use: mine\nLIMIT $2;\n\
                             -- name: two\nSELECT 2\n  -- use: mine;\n";
        static ONE: Stmt = Stmt::new(FILE, "one");
        assert_eq!(ONE.sql(), "SELECT 1\n  AND a = ?1\nLIMIT ?2");
        assert_eq!(find(FILE, "two"), None, "a part that is not there is a broken build");
    }
}
