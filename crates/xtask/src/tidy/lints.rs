//! Lint settings: a crate's own `clippy.toml` replaces the root's, so each must repeat it; the pure crates must have
//! one. Must not know what any lint means.

use super::Finding;
use toml::{Table, Value};

const MUST_HAVE: &[&str] = &["core", "photo", "client"];

/// Judges all `clippy.toml` and manifests among these files (path, text).
pub(crate) fn check(files: &[(String, String)]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|(p, _)| p == path).map(|(_, text)| text.as_str());
    let Some(root) = text("clippy.toml") else {
        return vec![Finding::new(
            "clippy.toml",
            1,
            "clippy",
            "missing; the budgets and bans of all crates live there",
        )];
    };
    let mut found = Vec::new();
    let root = parse("clippy.toml", root, &mut found);
    for (path, text) in files.iter().filter(|(p, _)| p.starts_with("crates/") && p.ends_with("/clippy.toml"))
    {
        let own = parse(path, text, &mut found);
        for (key, value) in &root {
            found.extend(missing(value, own.get(key)).into_iter().map(|what| {
                let why =
                    format!("`{key}` lacks {what}; this file replaces the root's, so repeat its entries");
                Finding::new(path, 1, "clippy", why)
            }));
        }
    }
    for name in MUST_HAVE {
        let path = format!("crates/{name}/clippy.toml");
        if text(&path).is_none() {
            found.push(Finding::new(
                &path,
                1,
                "clippy",
                "missing; this crate bans clocks, files and threads by lint as well",
            ));
        }
    }
    found.extend(files.iter().filter_map(|(path, text)| manifest(path, text)));
    found
}

fn parse(path: &str, text: &str, found: &mut Vec<Finding>) -> Table {
    text.parse().unwrap_or_else(|error| {
        found.push(Finding::new(path, 1, "clippy", format!("is not TOML: {error}")));
        Table::new()
    })
}

/// What `own` leaves out of `wanted`, in words.
fn missing(wanted: &Value, own: Option<&Value>) -> Vec<String> {
    match (wanted, own) {
        (Value::Array(wanted), Some(Value::Array(own))) => wanted
            .iter()
            .filter(|entry| !own.iter().any(|o| subject(o) == subject(entry)))
            .map(subject)
            .collect(),
        (wanted, Some(own)) if wanted == own => Vec::new(),
        (wanted, _) => vec![format!("the root's value {wanted}")],
    }
}

/// A ban is known by its path; its reason may be said in the crate's own words.
fn subject(entry: &Value) -> String {
    entry.get("path").unwrap_or(entry).to_string()
}

/// Every package takes the workspace's lints.
fn manifest(path: &str, text: &str) -> Option<Finding> {
    let package =
        (path.starts_with("crates/") || path.starts_with("tests/")) && path.ends_with("/Cargo.toml");
    let manifest: Table = text.parse().ok()?;
    let inherits = manifest.get("lints").and_then(|l| l.get("workspace")) == Some(&Value::Boolean(true));
    (package && !inherits).then(|| Finding::new(path, 1, "lints", "add `[lints] workspace = true`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "limit = 70\nbans = [{ path = \"a::b\", reason = \"r\" }, \"c\"]\n";

    fn rules(core: &str) -> Vec<String> {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let mut files = vec![file("clippy.toml", ROOT), file("crates/core/clippy.toml", core)];
        files.extend(["photo", "client"].map(|name| file(&format!("crates/{name}/clippy.toml"), ROOT)));
        check(&files).iter().map(|f| f.why.clone()).collect()
    }

    #[test]
    fn every_root_entry_is_repeated() {
        assert!(
            rules("limit = 70\nbans = [{ path = \"a::b\", reason = \"other words\" }, \"c\", \"more\"]\n")
                .is_empty()
        );
        assert_eq!(rules("limit = 71\nbans = [{ path = \"a::b\" }, \"c\"]\n").len(), 1);
        assert_eq!(rules("bans = [{ path = \"a::b\" }, \"c\"]\n").len(), 1);
        assert_eq!(rules("limit = 70\nbans = [\"c\"]\n").len(), 1);
        assert_eq!(rules("limit = 70\n").len(), 1);
        assert!(!rules("= 1").is_empty());
    }

    #[test]
    fn the_root_and_the_pure_crates_have_one() {
        assert_eq!(check(&[]).len(), 1);
        let only_root = vec![("clippy.toml".to_owned(), ROOT.to_owned())];
        assert_eq!(check(&only_root).len(), MUST_HAVE.len());
    }

    #[test]
    fn packages_inherit_the_lints() {
        assert!(manifest("crates/x/Cargo.toml", "[package]\nname = \"x\"\n").is_some());
        assert!(
            manifest("crates/x/Cargo.toml", "[package]\nname = \"x\"\n[lints]\nworkspace = true\n").is_none()
        );
        assert!(manifest("Cargo.toml", "[workspace]\n").is_none());
    }
}
