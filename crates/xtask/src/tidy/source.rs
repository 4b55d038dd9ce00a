//! Rust files as flat token lists with lines, test code marked, doc comments left out. Must not know any rule.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Punct(char),
    /// `(`, `[` or `{`; macros' invisible groups vanish.
    Open(char),
    Close,
    /// A string; its text is without quotes, escapes as written.
    Str,
    Literal,
}

/// One token. `test` = compiled only for tests.
#[derive(Debug, Clone)]
pub(crate) struct Tok {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

/// One Rust file; `path` is relative to the workspace with `/`.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) toks: Vec<Tok>,
    /// Modules declared `#[cfg(test)] mod x;`: their files are test code.
    test_mods: Vec<String>,
}

impl Source {
    /// Reads one file's text. `Err` = it is not Rust.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let stream = TokenStream::from_str(text).map_err(|e| {
            let line = e.span().start().line;
            format!("{path}:{line} source: does not tokenise: {e}")
        })?;
        let mut flat = Flat::default();
        flat.level(stream, is_test_path(path));
        Ok(Self { path: path.to_owned(), text: text.to_owned(), toks: flat.toks, test_mods: flat.test_mods })
    }

    /// Tokens of the shipped code only.
    pub(crate) fn production(&self) -> impl Iterator<Item = &Tok> {
        self.toks.iter().filter(|t| !t.test)
    }

    /// The first folder below `crates/`, or `tests`.
    pub(crate) fn crate_folder(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or(""),
            Some(other) => other,
            None => "",
        }
    }
}

/// Reads all Rust files of the workspace, in path order. `Err` = a file cannot be read or tokenised.
pub(crate) fn read_sources(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for (path, text) in super::files::read(root, &["rs"])? {
        if path.starts_with("crates/") || path.starts_with("tests/") {
            sources.push(Source::parse(&path, &text)?);
        }
    }
    let test_files: BTreeSet<String> = sources.iter().flat_map(children_for_tests).collect();
    for source in &mut sources {
        let below = |stem: &String| {
            source.path == format!("{stem}.rs") || source.path.starts_with(&format!("{stem}/"))
        };
        if test_files.iter().any(below) {
            source.toks.iter_mut().for_each(|t| t.test = true);
        }
    }
    Ok(sources)
}

/// Whole crates and folders that never ship.
fn is_test_path(path: &str) -> bool {
    let part = |name: &str| path.split('/').any(|p| p == name);
    path.starts_with("tests/")
        || path.starts_with("crates/testkit/")
        || path.starts_with("crates/store/src/conformance/")
        || part("tests")
        || part("examples")
        || part("benches")
}

/// `src/a/b.rs` with `#[cfg(test)] mod c;` -> `src/a/b/c`.
fn children_for_tests(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        _ => stem,
    };
    source.test_mods.iter().map(|name| format!("{folder}/{name}")).collect()
}

#[derive(Default)]
struct Flat {
    toks: Vec<Tok>,
    test_mods: Vec<String>,
}

impl Flat {
    /// One nesting level: attributes decide whether the item after them is test code.
    fn level(&mut self, stream: TokenStream, mut test: bool) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut item: Option<Item> = None;
        let mut at = 0;
        while at < trees.len() {
            if let Some((inner, group, next)) = attribute(&trees, at) {
                let marks = marks_test(group);
                if inner {
                    test |= marks;
                } else if marks && item.is_none() {
                    item = Some(Item::default());
                }
                if first_ident(group).is_none_or(|name| name != "doc") {
                    let in_test = test || item.is_some();
                    trees[at..next].iter().for_each(|tree| self.tree(tree, in_test));
                }
                at = next;
                continue;
            }
            self.tree(&trees[at], test || item.is_some());
            if let Some(open) = &mut item
                && open.ends_at(&trees[at])
            {
                self.test_mods.extend(open.declared_mod());
                item = None;
            }
            at += 1;
        }
    }

    fn tree(&mut self, tree: &TokenTree, test: bool) {
        let line = tree.span().start().line;
        let (kind, text) = match tree {
            TokenTree::Group(group) => return self.group(group, line, test),
            TokenTree::Ident(ident) => (Kind::Ident, ident.to_string()),
            TokenTree::Punct(punct) => (Kind::Punct(punct.as_char()), punct.as_char().to_string()),
            TokenTree::Literal(literal) => literal_text(&literal.to_string()),
        };
        self.toks.push(Tok { kind, text, line, test });
    }

    fn group(&mut self, group: &Group, line: usize, test: bool) {
        let open = match group.delimiter() {
            Delimiter::Parenthesis => '(',
            Delimiter::Bracket => '[',
            Delimiter::Brace => '{',
            Delimiter::None => return self.level(group.stream(), test),
        };
        self.toks.push(Tok { kind: Kind::Open(open), text: String::new(), line, test });
        self.level(group.stream(), test);
        let line = group.span_close().end().line;
        self.toks.push(Tok { kind: Kind::Close, text: String::new(), line, test });
    }
}

/// `#[..]` or `#![..]` at this place: (inner, its bracket, index after it).
fn attribute(trees: &[TokenTree], at: usize) -> Option<(bool, &Group, usize)> {
    let is = |i: usize, c: char| matches!(trees.get(i), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let bracket = |i: usize| match trees.get(i) {
        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Bracket => Some(g),
        _ => None,
    };
    if !is(at, '#') {
        return None;
    }
    if is(at + 1, '!') {
        return bracket(at + 2).map(|g| (true, g, at + 3));
    }
    bracket(at + 1).map(|g| (false, g, at + 2))
}

fn first_ident(group: &Group) -> Option<String> {
    group.stream().into_iter().find_map(|tree| match tree {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    })
}

/// `#[test]`, or `#[cfg(..)]` that asks for tests or the `testing` feature (and not for their absence).
fn marks_test(group: &Group) -> bool {
    match first_ident(group).as_deref() {
        Some("test") => true,
        Some("cfg") => asks_for_test(group.stream()),
        _ => false,
    }
}

fn asks_for_test(stream: TokenStream) -> bool {
    let mut negated = false;
    for tree in stream {
        match tree {
            TokenTree::Ident(ident) if ident == "test" => return true,
            TokenTree::Ident(ident) => negated = ident == "not",
            TokenTree::Literal(literal) if literal.to_string() == "\"testing\"" => return true,
            TokenTree::Group(inner) if !negated && asks_for_test(inner.stream()) => return true,
            _ => negated = false,
        }
    }
    false
}

/// The item under a test attribute, until its end: a `;`, or a body in braces unless the item is a value or import.
#[derive(Default)]
struct Item {
    words: Vec<String>,
    bare_end: bool,
}

impl Item {
    fn ends_at(&mut self, tree: &TokenTree) -> bool {
        match tree {
            TokenTree::Ident(ident) => {
                self.words.push(ident.to_string());
                false
            }
            TokenTree::Punct(punct) => {
                self.bare_end = punct.as_char() == ';';
                // A field or variant ends at its comma; an item's commas stand in its generics.
                self.bare_end || (punct.as_char() == ',' && !self.is_item())
            }
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !self.is_value(),
            TokenTree::Literal(_) => false,
        }
    }

    fn is_item(&self) -> bool {
        let words = [
            "fn", "struct", "enum", "union", "trait", "impl", "mod", "use", "type", "const", "static", "let",
        ];
        self.words.iter().any(|w| words.contains(&w.as_str()))
    }

    fn is_value(&self) -> bool {
        let word = self.words.iter().find(|w| !matches!(w.as_str(), "pub" | "unsafe" | "async"));
        let is_fn = self.words.iter().any(|w| w == "fn");
        matches!(word.map(String::as_str), Some("use" | "static" | "type" | "let"))
            || (word.is_some_and(|w| w == "const") && !is_fn)
    }

    fn declared_mod(&self) -> Option<String> {
        let at = self.words.iter().position(|w| w == "mod")?;
        self.words.get(at + 1).filter(|_| self.bare_end).cloned()
    }
}

/// Strings lose prefix, hashes and quotes; other literals stay as written.
fn literal_text(written: &str) -> (Kind, String) {
    let quoted = written.starts_with(['"', 'r', 'b', 'c']) && written.contains('"');
    match (written.find('"'), written.rfind('"')) {
        (Some(from), Some(to)) if quoted && to > from => (Kind::Str, written[from + 1..to].to_owned()),
        _ => (Kind::Literal, written.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(text: &str) -> Vec<String> {
        let source = Source::parse("crates/core/src/x.rs", text).expect("sound source");
        source.production().filter(|t| t.kind == Kind::Ident).map(|t| t.text.clone()).collect()
    }

    #[test]
    fn test_code_is_marked_and_the_code_after_it_is_not() {
        let text = "#[cfg(test)]\nuse a::{b};\n#[cfg(all(test, unix))] mod t { fn hidden() {} }\nfn kept() {}\n\
                    #[test]\nfn gone() -> u8 { 1 }\n#[cfg(not(test))]\nfn real() {}\n\
                    struct S { #[cfg(test)] probe: u8, held: u8 }\n";
        let names = shipped(text);
        for name in ["kept", "real", "held"] {
            assert!(names.iter().any(|n| n == name), "{name} is missing from {names:?}");
        }
        for name in ["hidden", "gone", "probe", "b"] {
            assert!(names.iter().all(|n| n != name), "{name} must be test code in {names:?}");
        }
    }

    #[test]
    fn comments_are_no_tokens_and_strings_lose_their_quotes() {
        let text = "//! SELECT\n/// DELETE\nfn f() { g(r#\"WITH x\"#, \"a\"); }\n";
        let source = Source::parse("crates/core/src/x.rs", text).expect("sound source");
        let strings: Vec<&str> =
            source.toks.iter().filter(|t| t.kind == Kind::Str).map(|t| t.text.as_str()).collect();
        assert_eq!(strings, ["WITH x", "a"]);
        assert_eq!(source.toks.iter().find(|t| t.text == "f").map(|t| t.line), Some(3));
    }

    #[test]
    fn files_of_test_modules_are_test_code() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let src = dir.path().join("crates/core/src");
        std::fs::create_dir_all(src.join("a")).expect("folders");
        std::fs::write(src.join("a.rs"), "//! a\n#[cfg(test)]\nmod probe;\nmod real;\n").expect("write");
        std::fs::write(src.join("a/probe.rs"), "//! p\nfn p() {}\n").expect("write");
        std::fs::write(src.join("a/real.rs"), "//! r\nfn r() {}\n").expect("write");
        let sources = read_sources(dir.path()).expect("sound tree");
        let ships = |name: &str| sources.iter().any(|s| s.production().any(|t| t.text == name));
        assert!(ships("r") && !ships("p"));
    }
}
