//! Shape of files: the opening `//!`, their length. Must not know what they say.

use super::Finding;
use super::source::Source;

const LINES_MAX: usize = 600;
const LINES_LOOK_TWICE: usize = 400;

/// The opening comment and the length of one file.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    if !source.text.starts_with("//!") {
        let why = "opens without `//!`; say what the file is and what it must not know";
        found.push(Finding::new(&source.path, 1, "opening", why));
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        let why = format!("{lines} lines, the limit is {LINES_MAX}; split it by subject");
        found.push(Finding::new(&source.path, LINES_MAX + 1, "length", why));
    }
    found
}

/// The median length, and files that deserve a second look.
pub(crate) fn notes(sources: &[Source]) -> Vec<String> {
    let mut sizes: Vec<(usize, &str)> =
        sources.iter().map(|s| (s.text.lines().count(), s.path.as_str())).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).map_or(0, |s| s.0);
    let mut notes = vec![format!("{} Rust files, median {median} lines", sizes.len())];
    let long = sizes.iter().rev().filter(|(lines, _)| *lines > LINES_LOOK_TWICE);
    notes.extend(long.map(|(lines, path)| format!("{path} has {lines} lines; look twice")));
    notes
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
    fn a_file_without_an_opening_fails() {
        assert_eq!(rules("// what\nfn f() {}\n"), ["opening"]);
        assert_eq!(rules("//! what\nfn f() {}\n"), [""; 0]);
    }

    #[test]
    fn length_fails_just_above_the_limit() {
        let of = |lines: usize| format!("//! x\n{}", "\n".repeat(lines - 1));
        assert_eq!(rules(&of(LINES_MAX)), [""; 0]);
        assert_eq!(rules(&of(LINES_MAX + 1)), ["length"]);
    }

    #[test]
    fn long_files_are_noted_with_the_median() {
        let file = |path: &str, lines: usize| Source::parse(path, &"\n".repeat(lines)).expect("sound source");
        let notes = notes(&[file("crates/a.rs", 10), file("crates/b.rs", 20), file("crates/c.rs", 401)]);
        assert_eq!(notes, ["3 Rust files, median 20 lines", "crates/c.rs has 401 lines; look twice"]);
    }
}
