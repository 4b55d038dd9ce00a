//! Partial bytes of uploads on disk: one file each, appended to, fsynced before an offset is told.

use super::parts::{Part, Parts, Turn, UploadId, lock};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// See the module text.
pub struct FsParts {
    root: PathBuf,
    turns: Mutex<BTreeMap<UploadId, Turn>>,
}

fn name_of(id: UploadId) -> String {
    uuid::Uuid::from_bytes(id).simple().to_string()
}

impl FsParts {
    /// Over a folder, made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned(), turns: Mutex::default() })
    }

    /// The file of an upload.
    #[must_use]
    pub fn path_of(&self, id: UploadId) -> PathBuf {
        self.root.join(name_of(id))
    }

    fn mark_of(&self, id: UploadId) -> PathBuf {
        self.root.join(format!("{}.stored", name_of(id)))
    }
}

impl Parts for FsParts {
    fn begin(&self, _: UploadId) {}

    fn len(&self, id: UploadId) -> io::Result<u64> {
        match File::options().write(true).open(self.path_of(id)) {
            Ok(file) => {
                file.sync_all()?;
                Ok(file.metadata()?.len())
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
            Err(e) => Err(e),
        }
    }

    fn hold(&self, id: UploadId, _: u64) -> io::Result<Part> {
        let turn = {
            let mut turns = lock(&self.turns);
            turns.retain(|_, turn| Turn::strong_count(turn) > 1);
            turns.entry(id).or_default().clone()
        };
        Part::take(self.path_of(id), turn)
    }

    fn mark_stored(&self, id: UploadId) -> io::Result<()> {
        fs::write(self.mark_of(id), b"")
    }

    fn is_stored(&self, id: UploadId) -> bool {
        self.mark_of(id).exists()
    }

    fn remove(&self, id: UploadId) -> io::Result<()> {
        for path in [self.path_of(id), self.mark_of(id)] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn each(&self, f: &mut dyn FnMut(UploadId) -> io::Result<()>) -> io::Result<()> {
        let mut ids = BTreeSet::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            let stem = name.to_str().map(|n| n.trim_end_matches(".stored"));
            ids.extend(stem.and_then(|s| uuid::Uuid::try_parse(s).ok()).map(uuid::Uuid::into_bytes));
        }
        ids.into_iter().try_for_each(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_core::id::Sha256;

    #[test]
    fn a_later_hold_takes_over_and_the_earlier_one_writes_no_more() {
        let dir = tempfile::tempdir().expect("a folder");
        let parts = FsParts::open(dir.path()).expect("open");
        let mut first = parts.hold([1; 16], 0).expect("hold");
        first.append(b"abc").expect("append");
        let mut second = parts.hold([1; 16], 0).expect("hold");
        assert_eq!(second.start(), 3);
        assert_eq!(first.append(b"x").expect_err("taken over").kind(), ErrorKind::ResourceBusy);
        assert!(first.undo().is_err());
        second.append(b"def").expect("append");
        assert_eq!(second.sync(false).expect("sync"), 6);
        assert_eq!(second.digest().expect("digest").0, Sha256::of(b"abcdef"));
        second.undo().expect("undo");
        assert_eq!(parts.len([1; 16]).expect("len"), 3);
        let mut all = vec![];
        let collect = &mut |id| {
            all.push(id);
            Ok(())
        };
        parts.mark_stored([2; 16]).expect("mark");
        parts.each(collect).expect("each");
        all.sort_unstable();
        assert_eq!(all, [[1; 16], [2; 16]]);
        parts.remove([1; 16]).expect("remove");
        assert_eq!(parts.len([1; 16]).expect("len"), 0);
    }
}
