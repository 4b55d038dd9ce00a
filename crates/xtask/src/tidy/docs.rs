//! What the written parts must hold (the two commands, the glossary) and must not (paths of somebody's machine).

use super::Finding;

/// Endings of files that people wrote; the empty one is `.ci/run` and its like.
pub(crate) const ENDINGS: &[&str] =
    &["md", "rs", "toml", "sql", "js", "mjs", "ts", "html", "css", "sh", "yml", "yaml", "json", ""];

const COMMANDS: &[&str] = &["cargo run --release -- demo", ".ci/run"];
const DOCUMENTS: &[&str] = &[
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/protocol.md",
    "docs/glossary.md",
    "docs/operations.md",
    "docs/decisions/README.md",
];
/// First folders of paths that exist on one machine only. Kept without slashes, so that this file passes its own rule.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "home", "Users", "tmp"];

/// Judges all written files (path, text).
pub(crate) fn check(files: &[(String, String)]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|(p, _)| p == path).map(|(_, text)| text.as_str());
    let mut found = Vec::new();
    for document in DOCUMENTS.iter().filter(|d| text(d).is_none()) {
        found.push(Finding::new(document, 1, "document", "missing; a newcomer looks for it"));
    }
    if let Some(readme) = text("README.md") {
        for command in COMMANDS.iter().filter(|c| !readme.contains(**c)) {
            found.push(Finding::new(
                "README.md",
                1,
                "readme",
                format!("does not name `{command}`, one of the two commands"),
            ));
        }
    }
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| holds_absolute(line, folder)) {
                let why =
                    format!("an absolute path into `{folder}`; write it relative, or as a word like DATA");
                found.push(Finding::new(path, index + 1, "machine-path", why));
            }
        }
    }
    found
}

/// `/folder/x` that does not continue an address or a relative path.
fn holds_absolute(line: &str, folder: &str) -> bool {
    let wanted = format!("/{folder}/");
    line.match_indices(&wanted).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + wanted.len()..].chars().next();
        let continues = before.is_some_and(|c| c.is_alphanumeric() || "._-/}*~>)".contains(c));
        !continues && after.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(folder: &str) -> String {
        format!("see /{folder}/x")
    }

    #[test]
    fn machine_paths_are_seen_and_addresses_are_not() {
        for folder in MACHINE_FOLDERS {
            assert!(holds_absolute(&path(folder), folder), "{folder}");
        }
        let home = MACHINE_FOLDERS[2];
        assert!(!holds_absolute(&format!("https://example.org/{home}/x"), home));
        assert!(!holds_absolute(&format!("crates/{home}/x and ./{home}/x"), home));
        assert!(!holds_absolute(&format!("the /{home}/ folder"), home));
    }

    #[test]
    fn missing_documents_and_commands_are_seen() {
        let missing = check(&[]);
        assert_eq!(missing.len(), DOCUMENTS.len());
        assert!(missing.iter().any(|f| f.path == "docs/glossary.md"));
        let readme = |text: &str| check(&[("README.md".to_owned(), text.to_owned())]);
        assert_eq!(readme("nothing").iter().filter(|f| f.rule == "readme").count(), 2);
        assert_eq!(
            readme("`cargo run --release -- demo` and `.ci/run`")
                .iter()
                .filter(|f| f.rule == "readme")
                .count(),
            0
        );
    }

    #[test]
    fn a_machine_path_in_a_file_is_a_finding_with_its_line() {
        let found = check(&[("docs/x.md".to_owned(), format!("a\n{}\n", path("tmp")))]);
        assert!(found.iter().any(|f| f.rule == "machine-path" && f.line == 2));
    }
}
