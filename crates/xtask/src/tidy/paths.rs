//! Paths as written in code: `use` trees spelt out, `a::b::c` in expressions and types. Must not know any rule.

use super::source::{Kind, Tok};

/// One path, its line, and whether only tests compile it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) parts: Vec<String>,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

impl Path {
    /// Whether the parts of `written` (`std::fs`) stand somewhere in this path, next to each other.
    pub(crate) fn holds(&self, written: &str) -> bool {
        let wanted: Vec<&str> = written.split("::").collect();
        self.parts.windows(wanted.len()).any(|w| w.iter().zip(&wanted).all(|(a, b)| a == b))
    }
}

/// All paths of a file in order.
pub(crate) fn paths(toks: &[Tok]) -> Vec<Path> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < toks.len() {
        if toks[at].kind != Kind::Ident {
            at += 1;
        } else if toks[at].text == "use" {
            at = use_tree(toks, at + 1, &[], &mut found);
        } else {
            at = plain(toks, at, &mut found);
        }
    }
    found
}

fn colons(toks: &[Tok], at: usize) -> bool {
    let colon = |i: usize| toks.get(i).is_some_and(|t| t.kind == Kind::Punct(':'));
    colon(at) && colon(at + 1)
}

fn plain(toks: &[Tok], from: usize, found: &mut Vec<Path>) -> usize {
    let mut parts = vec![toks[from].text.clone()];
    let mut at = from + 1;
    while colons(toks, at) && toks.get(at + 2).is_some_and(|t| t.kind == Kind::Ident) {
        parts.push(toks[at + 2].text.clone());
        at += 3;
    }
    found.push(Path { parts, line: toks[from].line, test: toks[from].test });
    at
}

/// One branch of a `use` tree from `at`; returns the index after it.
fn use_tree(toks: &[Tok], mut at: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let mut parts = prefix.to_vec();
    let start = parts.len();
    while let Some(tok) = toks.get(at) {
        match tok.kind {
            Kind::Ident if tok.text == "as" => at += 2,
            Kind::Ident => {
                parts.push(tok.text.clone());
                at += 1;
            }
            Kind::Punct('*') => {
                parts.push("*".to_owned());
                at += 1;
            }
            Kind::Punct(':') => at += 1,
            Kind::Open('{') => return use_group(toks, at + 1, &parts, found),
            _ => break,
        }
    }
    if parts.len() > start
        && let Some(tok) = toks.get(at.saturating_sub(1))
    {
        found.push(Path { parts, line: tok.line, test: tok.test });
    }
    at
}

fn use_group(toks: &[Tok], mut at: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    while let Some(tok) = toks.get(at) {
        match tok.kind {
            Kind::Close => return at + 1,
            Kind::Punct(',') => at += 1,
            // `{self}` imports the prefix itself.
            Kind::Ident if tok.text == "self" => {
                found.push(Path { parts: prefix.to_vec(), line: tok.line, test: tok.test });
                at += 1;
            }
            _ => {
                let next = use_tree(toks, at, prefix, found);
                at = next.max(at + 1);
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Source;

    fn of(text: &str) -> Vec<String> {
        let source = Source::parse("crates/core/src/x.rs", text).expect("sound source");
        paths(&source.toks).iter().map(|p| p.parts.join("::")).collect()
    }

    #[test]
    fn use_trees_are_spelt_out() {
        let found = of("use std::{fs::{self, File as F}, io}; use a::*; fn f() { x::y::z(1); }");
        for wanted in ["std::fs", "std::fs::File", "std::io", "a::*", "x::y::z"] {
            assert!(found.iter().any(|p| p == wanted), "{wanted} not in {found:?}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_parts_only() {
        let path = Path { parts: vec!["std".into(), "fs".into(), "read".into()], line: 1, test: false };
        assert!(path.holds("std::fs") && path.holds("fs") && !path.holds("std::read") && !path.holds("f"));
    }
}
