//! How often a folder of backups was restored from. The database cannot know: every restore of one backup begins with
//! the same bytes, and numbers that were given after the first would be given again after the second.

use super::{at, sync_folder};
use blindspot_core::epoch::JUMP;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// A line of JSON a restore, beside the backups.
const LIST: &str = "restores.jsonl";

/// What numbers have to jump by so that no earlier restore from here gave the same.
pub(super) fn jump(beside: &Path) -> io::Result<i64> {
    // As bytes: a list that was hit still counts.
    let lines = match fs::read(beside.join(LIST)) {
        Ok(list) => list.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count(),
        Err(e) if e.kind() == ErrorKind::NotFound => 0,
        Err(e) => return Err(e),
    };
    Ok(JUMP.saturating_mul(1 + i64::try_from(lines).unwrap_or(i64::MAX)))
}

/// Notes a restore durably; before it can be started. Says whether the folder took it: a medium that cannot be written
/// must not keep anybody from a restore.
pub(super) fn note(beside: &Path, snapshot_ms: i64, now_ms: i64) -> bool {
    let append = || -> io::Result<()> {
        let mut file = File::options().create(true).append(true).open(beside.join(LIST))?;
        let line = serde_json::json!({ "restored_ms": now_ms, "snapshot_ms": snapshot_ms });
        // A line of its own, whatever a cut has left.
        file.write_all(format!("\n{line}\n").as_bytes())?;
        file.sync_all()
    };
    let noted = at(beside, append()).and_then(|()| sync_folder(beside));
    if let Err(error) = &noted {
        tracing::warn!(%error, "the restore is not noted beside the backups");
    }
    noted.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_restore_jumps_further_whatever_a_cut_left_of_a_line() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(jump(dir.path()).unwrap(), JUMP);
        assert!(note(dir.path(), 1, 2));
        assert_eq!(jump(dir.path()).unwrap(), 2 * JUMP);
        let path = dir.path().join(LIST);
        let mut cut = fs::read(&path).unwrap();
        cut.extend(b"\n{\"resto\xff");
        fs::write(&path, cut).unwrap();
        assert!(note(dir.path(), 1, 3));
        assert_eq!(
            jump(dir.path()).unwrap(),
            4 * JUMP,
            "half a line may be a restore: one jump more does no harm"
        );
    }

    #[test]
    fn a_folder_that_takes_nothing_is_told_and_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("不在");
        assert!(!note(&gone, 1, 2));
        assert_eq!(jump(&gone).unwrap(), JUMP);
    }
}
