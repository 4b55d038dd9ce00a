//! Partial bytes of uploads: one file each, appended to, fsynced before an offset is told. A later request
//! for the same upload takes it over from an earlier one that hangs. Knows no tus.

use blindspot_core::id::Sha256;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Turn = Arc<Mutex<u64>>;

/// See the module text.
pub struct Parts {
    root: PathBuf,
    turns: Mutex<BTreeMap<[u8; 16], Turn>>,
}

/// A request's hold on a partial file. Writing through it fails once a later request holds it.
pub struct Part {
    file: File,
    path: PathBuf,
    turn: Turn,
    mine: u64,
    start: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(id: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(id).simple().to_string()
}

impl Parts {
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
    pub fn path_of(&self, id: [u8; 16]) -> PathBuf {
        self.root.join(name_of(id))
    }

    fn mark_of(&self, id: [u8; 16]) -> PathBuf {
        self.root.join(format!("{}.stored", name_of(id)))
    }

    /// Bytes held, durably.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn len(&self, id: [u8; 16]) -> io::Result<u64> {
        match File::options().write(true).open(self.path_of(id)) {
            Ok(file) => {
                file.sync_all()?;
                Ok(file.metadata()?.len())
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
            Err(e) => Err(e),
        }
    }

    /// Takes hold of an upload's file, from whoever held it before.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn hold(&self, id: [u8; 16]) -> io::Result<Part> {
        let turn = {
            let mut turns = lock(&self.turns);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(id).or_default().clone()
        };
        let mut number = lock(&turn);
        *number += 1;
        let mine = *number;
        let path = self.path_of(id);
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        let start = file.seek(SeekFrom::End(0))?;
        drop(number);
        Ok(Part { file, path, turn, mine, start })
    }

    /// Notes that an upload's bytes are stored under their hash, so that an acknowledgement lost on the
    /// way is made again without sending them again.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn mark_stored(&self, id: [u8; 16]) -> io::Result<()> {
        fs::write(self.mark_of(id), b"")
    }

    /// Whether `mark_stored` was called.
    #[must_use]
    pub fn is_stored(&self, id: [u8; 16]) -> bool {
        self.mark_of(id).exists()
    }

    /// Forgets an upload: its file and mark.
    ///
    /// # Errors
    /// When the file system refuses; a file that is not there is no error.
    pub fn remove(&self, id: [u8; 16]) -> io::Result<()> {
        for path in [self.path_of(id), self.mark_of(id)] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Part {
    /// Bytes held when this hold began.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn still_mine(&self) -> io::Result<MutexGuard<'_, u64>> {
        let number = lock(&self.turn);
        if *number == self.mine { Ok(number) } else { Err(ErrorKind::ResourceBusy.into()) }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `ResourceBusy` when a later request holds the upload; else when the file system refuses.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let number = lock(&self.turn);
        if *number != self.mine {
            return Err(ErrorKind::ResourceBusy.into());
        }
        self.file.write_all(bytes)
    }

    /// Throws away what this hold appended.
    ///
    /// # Errors
    /// As `append`.
    pub fn undo(&mut self) -> io::Result<()> {
        let number = self.still_mine()?;
        self.file.set_len(self.start)?;
        drop(number);
        self.file.seek(SeekFrom::Start(self.start)).map(drop)
    }

    /// Makes what was appended durable; gives the length.
    ///
    /// # Errors
    /// As `append`.
    pub fn sync(&mut self) -> io::Result<u64> {
        let _number = self.still_mine()?;
        self.file.sync_all()?;
        Ok(self.file.metadata()?.len())
    }

    /// Bytes in the file now.
    ///
    /// # Errors
    /// As `append`.
    pub fn length(&self) -> io::Result<u64> {
        let _number = self.still_mine()?;
        Ok(self.file.metadata()?.len())
    }

    /// SHA-256 of the whole file and its first bytes, read in pieces.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn digest(&mut self) -> io::Result<(Sha256, Vec<u8>)> {
        self.file.seek(SeekFrom::Start(0))?;
        let (mut hasher, mut head, mut piece) = (sha2::Sha256::new(), vec![], vec![0; 64 * 1024]);
        loop {
            let n = self.file.read(&mut piece)?;
            if n == 0 {
                return Ok((Sha256(hasher.finalize().into()), head));
            }
            if head.is_empty() {
                head.extend_from_slice(&piece[..n.min(256)]);
            }
            hasher.update(&piece[..n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_hold_takes_over_and_the_earlier_one_writes_no_more() {
        let dir = tempfile::tempdir().expect("a folder");
        let parts = Parts::open(dir.path()).expect("open");
        let mut first = parts.hold([1; 16]).expect("hold");
        first.append(b"abc").expect("append");
        let mut second = parts.hold([1; 16]).expect("hold");
        assert_eq!(second.start(), 3);
        assert_eq!(first.append(b"x").expect_err("taken over").kind(), ErrorKind::ResourceBusy);
        assert!(first.undo().is_err());
        second.append(b"def").expect("append");
        assert_eq!(second.sync().expect("sync"), 6);
        assert_eq!(second.digest().expect("digest").0, Sha256::of(b"abcdef"));
        second.undo().expect("undo");
        assert_eq!(parts.len([1; 16]).expect("len"), 3);
        parts.remove([1; 16]).expect("remove");
        assert_eq!(parts.len([1; 16]).expect("len"), 0);
    }
}
