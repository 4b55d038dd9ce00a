//! `cargo xtask shown NAME`: runs the tests that show one thing, with what they print. Finds them by reading the
//! sources, so that only the packages that hold them are built.

use crate::shell;
use crate::tidy::source::{Kind, Source, read_sources};
use std::collections::BTreeSet;
use std::path::Path;

/// A test found in the sources.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    package: String,
    name: String,
}

/// Runs all tests that `NAME` means; false when there is none or one fails.
pub(crate) fn run(root: &Path, args: &[String]) -> bool {
    let [wanted] = args else {
        eprintln!("usage: cargo xtask shown NAME");
        return false;
    };
    let sources = match read_sources(root) {
        Ok(sources) => sources,
        Err(error) => {
            eprintln!("{error}");
            return false;
        }
    };
    let found: BTreeSet<Found> =
        sources.iter().flat_map(|s| tests_in(s, |name| means(wanted, name))).collect();
    if found.is_empty() {
        eprintln!("no test named shown_*_{wanted} or {wanted}; there are:");
        let all: BTreeSet<Found> =
            sources.iter().flat_map(|s| tests_in(s, |n| n.starts_with("shown_"))).collect();
        all.iter().for_each(|f| eprintln!("  {} ({})", f.name, f.package));
        return false;
    }
    let nextest = shell::answers(shell::cargo(root).args(["nextest", "--version"]));
    let mut ok = true;
    for test in &found {
        println!("== {} ({})", test.name, test.package);
        let mut command = shell::cargo(root);
        if nextest {
            let only = format!("test(/(^|::){}$/)", test.name);
            command.args(["nextest", "run", "-p", &test.package, "--no-capture", "-E", &only]);
        } else {
            command.args(["test", "-p", &test.package, "--", "--nocapture", "--test-threads=1", &test.name]);
        }
        ok &= shell::inherit(&mut command);
    }
    ok
}

/// `main_word` and `word` both mean `shown_main_word`; a full name means itself.
fn means(wanted: &str, name: &str) -> bool {
    name == wanted || (name.starts_with("shown_") && name.ends_with(&format!("_{wanted}")))
}

/// Functions right under a `#[test]` whose name is chosen.
fn tests_in(source: &Source, chosen: impl Fn(&str) -> bool) -> Vec<Found> {
    let Some(package) = package_of(&source.path) else { return Vec::new() };
    let mut found = Vec::new();
    let mut is_test = false;
    for pair in source.toks.windows(3) {
        if pair[0].kind == Kind::Punct('#') && pair[1].kind == Kind::Open('[') && pair[2].text == "test" {
            is_test = true;
        }
        if pair[0].text == "fn" && pair[1].kind == Kind::Ident {
            if is_test && chosen(&pair[1].text) {
                found.push(Found { package: package.clone(), name: pair[1].text.clone() });
            }
            is_test = false;
        }
    }
    found
}

fn package_of(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    match parts.next()? {
        "tests" => Some("blindspot-tests".to_owned()),
        "crates" => Some(format!("blindspot-{}", parts.next()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_the_shown_test_of_any_part() {
        assert!(means("poison", "shown_main_poison"));
        assert!(means("main_poison", "shown_main_poison"));
        assert!(means("grid::x", "grid::x") && means("shown_main_poison", "shown_main_poison"));
        assert!(!means("poison", "shown_main_poison_twice"));
        assert!(!means("poison", "hidden_poison"));
    }

    #[test]
    fn only_functions_under_a_test_attribute_are_found() {
        let text = "//! x\n#[test]\nfn shown_main_a() {}\nfn shown_main_b() {}\n";
        let source = Source::parse("tests/scenarios/main.rs", text).expect("sound source");
        let found = tests_in(&source, |_| true);
        assert_eq!(found, [Found { package: "blindspot-tests".into(), name: "shown_main_a".into() }]);
    }
}
