//! Which files belong to the project, and their text. Must not know any rule.

use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// Larger files are data, not text that someone wrote.
const TEXT_BYTES_MAX: u64 = 1_000_000;

/// Text files with one of these endings (an empty ending = no dot in the name), as (relative path with `/`, text), in
/// path order. Build output, dependencies and demo data are not the project's.
pub(crate) fn read(root: &Path, endings: &[&str]) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    for entry in
        WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|e| e.depth() == 0 || belongs(e))
    {
        let entry = entry.map_err(|e| format!("cannot list the tree: {e}"))?;
        let ending = entry.path().extension().and_then(|e| e.to_str()).unwrap_or("");
        let small = entry.metadata().is_ok_and(|m| m.len() <= TEXT_BYTES_MAX);
        if !entry.file_type().is_file() || !endings.contains(&ending) || !small {
            continue;
        }
        let path = relative(root, entry.path());
        match std::fs::read_to_string(entry.path()) {
            Ok(text) => files.push((path, text)),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {}
            Err(error) => return Err(format!("{path}:0 files: cannot read: {error}")),
        }
    }
    Ok(files)
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn belongs(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let ours = [".ci", ".cargo", ".gitignore"];
    !matches!(name.as_ref(), "target" | "node_modules" | "demo-data")
        && (!name.starts_with('.') || ours.contains(&name.as_ref()))
}
