//! The house's rules, held by a program: each failure is one line `file:line rule: why, what to do`. Reads files and
//! asks cargo; must not change anything.

mod bans;
mod docs;
mod edges;
pub(crate) mod files;
mod habits;
mod http;
mod layout;
mod lints;
mod paths;
pub(crate) mod source;
mod sql;
pub(crate) mod statements;
mod tree;

use crate::shell;
use source::Source;
use std::path::Path;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    why: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, why: why.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} {}: {}", self.path, self.line, self.rule, self.why)
    }
}

/// `cargo xtask tidy`.
pub(crate) fn run(root: &Path) -> bool {
    count(root) == 0
}

/// Prints every finding and returns how many there are. A tree that cannot be read is one finding.
pub(crate) fn count(root: &Path) -> u64 {
    match findings(root) {
        Ok((findings, notes)) => {
            findings.iter().for_each(|finding| println!("{finding}"));
            notes.iter().for_each(|note| println!("note: {note}"));
            println!("tidy: {} findings", findings.len());
            findings.len() as u64
        }
        Err(error) => {
            println!("{error}");
            1
        }
    }
}

type Rule = fn(&Source) -> Vec<Finding>;

/// Rules that look at one Rust file at a time.
const FILE_RULES: &[Rule] =
    &[bans::check, habits::check, http::status_codes, http::handlers, layout::check, sql::check];

fn findings(root: &Path) -> Result<(Vec<Finding>, Vec<String>), String> {
    let sources = source::read_sources(root)?;
    let mut all: Vec<Finding> = FILE_RULES.iter().flat_map(|rule| sources.iter().flat_map(rule)).collect();
    all.extend(statements::check(&files::read(root, &["sql"])?));
    all.extend(habits::scripts(&files::read(root, &["js", "mjs", "ts"])?));
    all.extend(docs::check(&files::read(root, docs::ENDINGS)?));
    all.extend(lints::check(&files::read(root, &["toml"])?));
    all.extend(edges::check(&workspace(root)?)?);
    for (package, target, judge) in tree::QUESTIONS {
        all.extend(judge(&package_tree(root, package, target)?));
    }
    all.sort();
    all.dedup();
    Ok((all, layout::notes(&sources)))
}

fn workspace(root: &Path) -> Result<String, String> {
    ask(root, &["metadata", "--no-deps", "--format-version", "1"])
}

fn package_tree(root: &Path, package: &str, target: &str) -> Result<String, String> {
    let edges = "normal,build,features";
    let mut args = vec!["tree", "--package", package, "--edges", edges, "--prefix", "none"];
    if !target.is_empty() {
        args.extend(["--target", target]);
    }
    ask(root, &args)
}

fn ask(root: &Path, args: &[&str]) -> Result<String, String> {
    let ran = shell::capture(shell::cargo(root).args(args))?;
    if ran.ok {
        Ok(ran.stdout)
    } else {
        Err(format!("Cargo.toml:0 cargo: `cargo {}` failed: {}", args.join(" "), ran.stderr))
    }
}
