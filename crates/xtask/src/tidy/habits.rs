//! Habits of all code: no `unwrap` in production, no stubs, no skipped tests, lints expected with a reason.

use super::Finding;
use super::source::{Kind, Source, Tok};

const STUBS: &[&str] = &["todo", "unimplemented", "dbg"];

/// Habits of one Rust file.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, tok) in source.toks.iter().enumerate() {
        let mut say = |rule, why: &str| found.push(Finding::new(&source.path, tok.line, rule, why));
        let next = |n: usize, kind: Kind| source.toks.get(at + n).is_some_and(|t| t.kind == kind);
        if tok.kind == Kind::Ident && STUBS.contains(&tok.text.as_str()) && next(1, Kind::Punct('!')) {
            say("stub", "a stub or debug print was left; finish it");
        }
        let dot = at > 0 && source.toks[at - 1].kind == Kind::Punct('.');
        if !tok.test && dot && tok.text == "unwrap" && next(1, Kind::Open('(')) && next(2, Kind::Close) {
            say("unwrap", "bad input must not panic; return an error, or `expect` a stated invariant");
        }
        if let Some(attribute) = attribute_at(&source.toks, at) {
            match attribute.name {
                "ignore" => say("skipped", "a test that does not run proves nothing; fix or delete it"),
                // A helper shared by test files cannot expect: one file uses it, the next does not.
                "allow" if !tok.test => {
                    say("allow", "use `#[expect(lint, reason = \"..\")]`: it fails once it is not needed")
                }
                "expect" if !attribute.has_reason => {
                    say("reason", "`#[expect(..)]` without `reason = \"..\"`")
                }
                _ => {}
            }
        }
    }
    found
}

struct Attribute<'a> {
    name: &'a str,
    has_reason: bool,
}

/// The attribute whose `#` stands here.
fn attribute_at(toks: &[Tok], at: usize) -> Option<Attribute<'_>> {
    if toks[at].kind != Kind::Punct('#') {
        return None;
    }
    let bang = usize::from(toks.get(at + 1)?.kind == Kind::Punct('!'));
    if toks.get(at + 1 + bang)?.kind != Kind::Open('[') {
        return None;
    }
    let body = &toks[at + 2 + bang..];
    let mut depth = 1;
    let end = body.iter().position(|t| {
        depth += i32::from(matches!(t.kind, Kind::Open(_))) - i32::from(t.kind == Kind::Close);
        depth == 0
    })?;
    let has_reason = body[..end].iter().any(|t| t.text == "reason");
    Some(Attribute { name: body.first()?.text.as_str(), has_reason })
}

/// Skipped or singled-out tests in scripts (path, text).
pub(crate) fn scripts(files: &[(String, String)]) -> Vec<Finding> {
    let calls: Vec<String> = ["test", "it", "describe"]
        .iter()
        .flat_map(|f| [format!("{f}.skip("), format!("{f}.only("), format!("x{f}(")])
        .collect();
    let mut found = Vec::new();
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            if let Some(call) = calls.iter().find(|call| stands_alone(line, call)) {
                let why = format!("`{call}..)` leaves tests out; fix or delete them");
                found.push(Finding::new(path, index + 1, "skipped", why));
            }
        }
    }
    found
}

/// Found, and not as the tail of a longer word (`exit(` holds `xit(`).
fn stands_alone(line: &str, call: &str) -> bool {
    line.match_indices(call)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        check(&Source::parse("crates/core/src/x.rs", text).expect("sound source"))
            .iter()
            .map(|f| f.rule)
            .collect()
    }

    #[test]
    fn each_habit_fires() {
        assert_eq!(rules("fn f() { todo!() }"), ["stub"]);
        assert_eq!(rules("fn f() { dbg!(1); unimplemented!(\"later\") }"), ["stub", "stub"]);
        assert_eq!(rules("fn f(x: Option<u8>) -> u8 { x.unwrap() }"), ["unwrap"]);
        assert_eq!(rules("#[test] #[ignore = \"slow\"] fn f() {}"), ["skipped"]);
        assert_eq!(rules("#[allow(dead_code)] fn f() {}"), ["allow"]);
        assert_eq!(rules("#![allow(dead_code)]"), ["allow"]);
        assert_eq!(rules("#[expect(dead_code)] fn f() {}"), ["reason"]);
    }

    #[test]
    fn sound_code_passes() {
        assert_eq!(rules("fn f(x: Option<u8>) -> u8 { x.unwrap_or(1) }"), [""; 0]);
        assert_eq!(rules("#[cfg(test)] mod t { fn f() { g().unwrap(); } }"), [""; 0]);
        assert_eq!(rules("#[cfg(test)] mod t { #![allow(dead_code)] }"), [""; 0]);
        assert_eq!(rules("#![cfg_attr(test, allow(clippy::unwrap_used))]"), [""; 0]);
        assert_eq!(rules("#[expect(dead_code, reason = \"read by the phone\")] fn f() {}"), [""; 0]);
        assert_eq!(rules("//! A `todo!` in words, and `x.unwrap()`.\n// dbg!(1)\n"), [""; 0]);
    }

    #[test]
    fn scripts_may_not_leave_tests_out() {
        let file = |text: &str| vec![("tests/js/a.mjs".to_owned(), text.to_owned())];
        assert_eq!(scripts(&file("test.skip('x', () => {})")).len(), 1);
        assert_eq!(scripts(&file("  it.only('x')")).len(), 1);
        assert_eq!(scripts(&file("xit('x')")).len(), 1);
        assert!(scripts(&file("process.exit(0); test('x')")).is_empty());
    }
}
