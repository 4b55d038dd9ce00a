//! The server's statements: each one named, readable by both engines, and bound to its city. Must not know what any
//! statement is for.

use super::Finding;
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};

const STATEMENTS: &str = "crates/store/sql/";
const MIGRATIONS: &str = "crates/store/migrations/";
const CITY: &str = "city_id";
/// A statement or table with this comment and a reason may leave `city_id` out.
const EXEMPT: &str = "-- tidy:";

/// One `-- name:` block of a file.
pub(crate) struct Statement<'a> {
    pub(crate) path: &'a str,
    line: usize,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Judges all `.sql` files of the store (path, text).
pub(crate) fn check(files: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tenants = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with(MIGRATIONS)) {
        for table in tables(text) {
            if let Some(finding) = table.judge(path) {
                found.push(finding);
            }
            if table.columns.iter().any(|c| c == CITY) {
                tenants.insert(table.name);
            }
        }
    }
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in files {
        if path.starts_with(STATEMENTS) {
            for statement in statements(path, text, &mut found) {
                judge(&statement, &tenants, &mut names, &mut found);
            }
        } else if path.starts_with("crates/")
            && !path.starts_with(MIGRATIONS)
            && !path.starts_with("crates/client/src/store/")
        {
            found.push(Finding::new(path, 1, "sql", "an SQL file outside the stores; move it to store/sql"));
        }
    }
    found
}

/// All named statements of the store, and the tables that have the city's column, of the same files as `check`.
pub(crate) fn of_store(files: &[(String, String)]) -> (Vec<Statement<'_>>, BTreeSet<String>) {
    let mut found = Vec::new();
    let own = files.iter().filter(|(path, _)| path.starts_with(STATEMENTS));
    let all = own.flat_map(|(path, text)| statements(path, text, &mut found)).collect();
    let migrations = files.iter().filter(|(path, _)| path.starts_with(MIGRATIONS));
    let made = migrations.flat_map(|(_, text)| tables(text));
    (all, made.filter(|t| t.columns.iter().any(|c| c == CITY)).map(|t| t.name).collect())
}

/// Cuts a file at its `-- name:` lines, with the parts that they use in their places; text before the first that is no part
/// is a finding.
fn statements<'a>(path: &'a str, text: &str, found: &mut Vec<Finding>) -> Vec<Statement<'a>> {
    let mut all: Vec<Statement<'a>> = Vec::new();
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    let mut part = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("-- name:") {
            part = None;
            all.push(Statement { path, line: index + 1, name: name.trim().to_owned(), text: String::new() });
        } else if let Some(name) = line.strip_prefix("-- part:") {
            part = Some(name.trim());
        } else if let Some(name) = part {
            parts.entry(name).or_default().extend([line, "\n"]);
        } else if let (Some(used), Some(open)) = (line.trim_start().strip_prefix("-- use:"), all.last_mut()) {
            match parts.get(used.trim()) {
                Some(text) => open.text.push_str(text),
                None => found.push(Finding::new(path, index + 1, "sql-name", "a part that is not above it")),
            }
        } else if let Some(open) = all.last_mut() {
            open.text.push_str(line);
            open.text.push('\n');
        } else if !line.trim().is_empty() && !line.starts_with("--") {
            found.push(Finding::new(
                path,
                index + 1,
                "sql-name",
                "a statement without a `-- name: foo` line above it",
            ));
            break;
        }
    }
    all
}

fn judge(
    statement: &Statement<'_>,
    tenants: &BTreeSet<String>,
    names: &mut BTreeMap<String, String>,
    found: &mut Vec<Finding>,
) {
    let mut say = |rule, why: String| found.push(Finding::new(statement.path, statement.line, rule, why));
    if let Some(first) = names.insert(statement.name.clone(), statement.path.to_owned()) {
        say("sql-name", format!("`{}` is also in {first}; one name, one statement", statement.name));
    }
    let engines: [(&str, &dyn Dialect); 2] =
        [("SQLite", &SQLiteDialect {}), ("PostgreSQL", &PostgreSqlDialect {})];
    for (engine, dialect) in engines {
        match Parser::parse_sql(dialect, &statement.text) {
            Ok(parsed) if parsed.len() == 1 => {}
            Ok(parsed) => {
                say("sql-parse", format!("`{}` holds {} statements; want one", statement.name, parsed.len()))
            }
            Err(error) => say(
                "sql-parse",
                format!(
                    "`{}` is not {engine}: {error}; keep to the common subset or use dialect.rs",
                    statement.name
                ),
            ),
        }
    }
    let words = words(&statement.text);
    let touched: Vec<&String> = tenants.iter().filter(|t| words.contains(t)).collect();
    if let Some(table) = touched.first()
        && !words.iter().any(|w| w == CITY)
        && !exempt(&statement.text)
    {
        let why = format!(
            "`{}` touches {table} without {CITY}; name it, or write `{EXEMPT} reason` above the statement",
            statement.name
        );
        say("tenant", why);
    }
}

fn exempt(text: &str) -> bool {
    text.lines().any(|line| line.trim().strip_prefix(EXEMPT).is_some_and(|reason| !reason.trim().is_empty()))
}

/// Unquoted and quoted names in lower case, and punctuation as itself; comments and strings vanish.
pub(crate) fn words(text: &str) -> Vec<String> {
    let tokens = Tokenizer::new(&SQLiteDialect {}, text).tokenize().unwrap_or_default();
    let spell = |token: &Token| match token {
        Token::Whitespace(_) => None,
        Token::Word(word) => Some(word.value.to_lowercase()),
        Token::SingleQuotedString(_) => Some(String::new()),
        other => Some(other.to_string()),
    };
    tokens.iter().filter_map(spell).collect()
}

/// A `CREATE TABLE` of a migration.
struct Table {
    name: String,
    line: usize,
    columns: Vec<String>,
    key: Vec<String>,
    exempt: bool,
}

impl Table {
    fn judge(&self, path: &str) -> Option<Finding> {
        let tenant = self.columns.iter().any(|c| c == CITY);
        let keyed = self.key.iter().any(|c| c == CITY);
        if !tenant || keyed || self.exempt {
            return None;
        }
        let why = format!("the key of {} must hold {CITY}, so that a cluster can shard by it", self.name);
        Some(Finding::new(path, self.line, "tenant-key", why))
    }
}

/// The tables of one migration, read word by word: both engines' flavours have this much in common.
fn tables(text: &str) -> Vec<Table> {
    let mut found = Vec::new();
    let mut line = 1;
    for piece in pieces(text) {
        let words = words(piece);
        let blank = piece.lines().take_while(|l| l.trim().is_empty() || l.trim().starts_with("--")).count();
        let create = words.iter().take(4).position(|w| w == "table").filter(|_| words[0] == "create");
        if let (Some(at), Some(open)) = (create, words.iter().position(|w| w == "(")) {
            let name = words[at + 1..open].iter().rfind(|w| w.as_str() != ".").cloned().unwrap_or_default();
            let mut table = Table {
                name,
                line: line + blank,
                columns: Vec::new(),
                key: Vec::new(),
                exempt: exempt(piece),
            };
            body_items(&words[open + 1..]).iter().for_each(|item| add_item(&mut table, item));
            found.push(table);
        }
        line += piece.matches('\n').count();
    }
    found
}

/// The statements of a migration, each with the comment before it, in which a semicolon ends nothing. One begins on a line of
/// its own.
fn pieces(text: &str) -> Vec<&str> {
    let (mut all, mut from, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.split("--").next().is_some_and(|code| code.contains(';')) {
            all.extend(text.get(from..at));
            from = at;
        }
    }
    all.extend(text.get(from..).filter(|rest| !rest.is_empty()));
    all
}

/// Splits the words inside the outer brackets at their commas.
fn body_items(words: &[String]) -> Vec<Vec<String>> {
    let mut items = vec![Vec::new()];
    let mut depth = 1;
    for word in words {
        depth += match word.as_str() {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        if depth == 0 {
            break;
        }
        if depth == 1 && word == "," {
            items.push(Vec::new());
        } else if let Some(item) = items.last_mut() {
            item.push(word.clone());
        }
    }
    items
}

fn add_item(table: &mut Table, item: &[String]) {
    let words: Vec<&str> = item.iter().map(String::as_str).collect();
    let primary = words.windows(2).position(|w| w == ["primary", "key"]);
    let constraint =
        matches!(words.first(), Some(&("primary" | "constraint" | "unique" | "check" | "foreign")));
    if !constraint {
        table.columns.extend(item.first().cloned());
    }
    match primary {
        Some(at) if constraint => {
            let inside = words[at + 2..].iter().filter(|w| !matches!(**w, "(" | ")" | ","));
            table.key = inside.map(|w| (*w).to_owned()).collect();
        }
        Some(_) => table.key = item.first().cloned().into_iter().collect(),
        None => {}
    }
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
