//! Blobs as files, sharded: `ab/cd/<sha>`. Knows no uploads.

use super::{Blobs, Found};
use blindspot_core::id::Sha256;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// See the module text.
pub struct FsBlobs {
    root: PathBuf,
}

impl FsBlobs {
    /// Over a folder, made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// The file of a hash.
    #[must_use]
    pub fn path_of(&self, sha: &Sha256) -> PathBuf {
        let hex = sha.to_hex();
        self.root.join(&hex[..2]).join(&hex[2..4]).join(hex)
    }
}

/// Makes what is written in a folder (new names, renames) durable. On Windows folders cannot be opened so;
/// its file system journals names itself.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { File::open(path)?.sync_all() }
}

/// The one way a finished file, fsynced by whoever wrote it, reaches its durable place: its name, and the
/// folders made for it.
fn place_durably(root: &Path, from: &Path, to: &Path) -> io::Result<()> {
    let Some(folder) = to.parent() else { return Err(ErrorKind::InvalidInput.into()) };
    let made_from = folder.ancestors().find(|p| p.exists() || *p == root).unwrap_or(root).to_owned();
    fs::create_dir_all(folder)?;
    fs::rename(from, to)?;
    for changed in folder.ancestors() {
        sync_folder(changed)?;
        if changed == made_from {
            break;
        }
    }
    Ok(())
}

impl Blobs for FsBlobs {
    fn put(&self, sha: &Sha256, finished: &Path) -> io::Result<()> {
        let to = self.path_of(sha);
        if to.exists() {
            // Whoever put it is done or will be: its name appears only with complete bytes.
            sync_folder(to.parent().unwrap_or(&self.root))?;
            return fs::remove_file(finished);
        }
        place_durably(&self.root, finished, &to)
    }

    fn open(&self, sha: &Sha256) -> io::Result<Option<Box<dyn Read + Send>>> {
        match File::open(self.path_of(sha)) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn len(&self, sha: &Sha256) -> io::Result<Option<u64>> {
        match fs::metadata(self.path_of(sha)) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn remove(&self, sha: &Sha256) -> io::Result<()> {
        match fs::remove_file(self.path_of(sha)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn each(&self, f: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
        for first in folders(&self.root)? {
            for second in folders(&first)? {
                for entry in fs::read_dir(second)? {
                    let entry = entry?;
                    if let Some(sha256) = entry.file_name().to_str().and_then(Sha256::from_hex) {
                        let meta = entry.metadata()?;
                        let put = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                        let put_ms = i64::try_from(put.as_millis()).unwrap_or(i64::MAX);
                        f(Found { sha256, bytes: meta.len(), put_ms })?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = vec![];
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_by_hash_and_twice_is_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let blobs = FsBlobs::open(&dir.path().join("blobs")).expect("open");
        let sha = Sha256::of(b"bytes");
        for _ in 0..2 {
            let part = dir.path().join("part");
            fs::write(&part, b"bytes").expect("write");
            blobs.put(&sha, &part).expect("put");
            assert!(!part.exists());
        }
        let mut text = String::new();
        blobs.open(&sha).expect("open").expect("there").read_to_string(&mut text).expect("read");
        assert_eq!((text.as_str(), blobs.len(&sha).expect("len")), ("bytes", Some(5)));
        let mut all = vec![];
        let collect = &mut |found: Found| {
            all.push((found.sha256, found.bytes));
            Ok(())
        };
        blobs.each(collect).expect("each");
        assert_eq!(all, [(sha, 5)]);
        blobs.remove(&sha).expect("remove");
        blobs.remove(&sha).expect("remove again");
        assert!(blobs.open(&sha).expect("open").is_none());
    }

    #[test]
    fn a_put_that_fails_leaves_the_finished_file_and_no_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("blobs");
        let blobs = FsBlobs::open(&root).expect("open");
        let (sha, part) = (Sha256::of(b"bytes"), dir.path().join("part"));
        fs::write(&part, b"bytes").expect("write");
        // A file stands where the shard's folder must be.
        fs::write(root.join(&sha.to_hex()[..2]), b"in the way").expect("write");
        assert!(blobs.put(&sha, &part).is_err());
        assert_eq!(fs::read(&part).expect("still there"), b"bytes");
        assert!(blobs.len(&sha).ok().flatten().is_none());
    }
}
