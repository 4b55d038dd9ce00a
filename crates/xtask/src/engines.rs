//! The two engines of the store: the promises that each keeps, and where they differ. Must not know what any promise is.

use crate::shell;
use serde_json::json;
use std::path::Path;

/// (engine, the test that runs all promises on it).
const ENGINES: &[(&str, &str)] = &[
    ("sqlite", "conformance::sqlite_in_a_file_keeps_every_promise"),
    ("postgres", "conformance::postgres::postgres_keeps_every_promise"),
];
/// More differences than these are double code.
const DIFFERENCES_MAX: usize = 9;

/// `cargo xtask conformance [--engine E] [--json]`: runs the suite, says each promise with its result, and that both
/// engines were asked for the same ones.
pub(crate) fn conformance(root: &Path, args: &[String]) -> bool {
    let as_json = args.iter().any(|a| a == "--json");
    let wanted = args.iter().position(|a| a == "--engine").and_then(|at| args.get(at + 1));
    let engines: Vec<_> = ENGINES.iter().filter(|(e, _)| wanted.is_none_or(|w| w == e)).collect();
    if engines.is_empty() {
        eprintln!("no such engine; there are sqlite and postgres");
        return false;
    }
    let mut all: Vec<(&str, Vec<(String, bool)>)> = Vec::new();
    for (engine, test) in engines {
        let mut cargo = shell::cargo(root);
        cargo.args([
            "test",
            "--quiet",
            "-p",
            "blindspot-store",
            "--lib",
            "--",
            "--exact",
            "--nocapture",
            test,
        ]);
        let ran = match shell::capture(&mut cargo) {
            Ok(ran) => ran,
            Err(error) => {
                eprintln!("{error}");
                return false;
            }
        };
        let found = promises(&ran.stdout, engine);
        if found.is_empty() {
            eprintln!("{engine}: the suite did not run\n{}{}", ran.stdout, ran.stderr);
            return false;
        }
        all.push((engine, found));
    }
    let ok = all.iter().all(|(_, found)| found.iter().all(|(_, ok)| *ok));
    let names = |found: &[(String, bool)]| found.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    let same = all.windows(2).all(|pair| names(&pair[0].1) == names(&pair[1].1));
    if as_json {
        let engines: Vec<_> = all
            .iter()
            .map(|(engine, found)| {
                let tests: Vec<_> = found.iter().map(|(name, ok)| json!({"name": name, "ok": ok})).collect();
                json!({"engine": engine, "passed": found.iter().filter(|(_, ok)| *ok).count(), "tests": tests})
            })
            .collect();
        println!("{}", json!({"ok": ok && same, "same_names": same, "engines": engines}));
    } else {
        for (engine, found) in &all {
            for (name, ok) in found {
                println!("{engine}: {}: {name}", if *ok { "ok" } else { "FAILED" });
            }
        }
    }
    ok && same
}

/// Lines `conformance ENGINE ok|failed NAME`; the first may stand behind what the test harness wrote.
fn promises(stdout: &str, engine: &str) -> Vec<(String, bool)> {
    let begin = format!("conformance {engine} ");
    let rest = stdout.lines().filter_map(|line| line.split_once(&begin).map(|(_, rest)| rest));
    rest.filter_map(|rest| rest.split_once(' ')).map(|(word, name)| (name.to_owned(), word == "ok")).collect()
}

/// `cargo xtask dialect [--json]`: the list in `dialect.rs`, read as text.
pub(crate) fn dialect(root: &Path, args: &[String]) -> bool {
    let path = root.join("crates/store/src/dialect.rs");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("cannot read {}", path.display());
        return false;
    };
    let names = differences(&text);
    if args.iter().any(|a| a == "--json") {
        println!("{}", json!({"differences": names.len(), "names": names}));
    } else {
        println!("{} differences: {}", names.len(), names.join(", "));
    }
    (1..=DIFFERENCES_MAX).contains(&names.len())
}

fn differences(text: &str) -> Vec<&str> {
    let parts = text.split("Difference {").skip(1);
    parts.filter_map(|part| part.trim_start().strip_prefix("name: \"")?.split('"').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_differences_are_read_from_text() {
        let out =
            "running 1 test\ntest x ... conformance sqlite ok a b\nconformance sqlite failed c\nother\n";
        assert_eq!(promises(out, "sqlite"), [("a b".to_owned(), true), ("c".to_owned(), false)]);
        let text = "pub struct Difference {\n pub name: x }\n&[Difference { name: \"a\", sqlite: \"\" },\n Difference {\n name: \"b b\",";
        assert_eq!(differences(text), ["a", "b b"]);
    }
}
