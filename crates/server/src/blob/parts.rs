//! Partial bytes of uploads, before they have a name. A later request for the same upload takes it over from an
//! earlier one that hangs. Knows no tus.

use blindspot_core::id::Sha256;
use sha2::Digest as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whose turn it is with an upload: the number of the request that came last.
pub(super) type Turn = Arc<Mutex<u64>>;

/// An upload's id.
pub type UploadId = [u8; 16];

/// Where partial bytes lie.
pub trait Parts: Send + Sync {
    /// An upload begins that nobody has heard of: none of its bytes are anywhere.
    fn begin(&self, id: UploadId);
    /// Bytes held, durably.
    ///
    /// # Errors
    /// When the storage refuses (as for all below).
    fn len(&self, id: UploadId) -> io::Result<u64>;
    /// Takes hold of an upload, from whoever held it before. `at` is where the caller means to go on; the hold says
    /// where the upload really stands.
    ///
    /// # Errors
    /// When the storage refuses.
    fn hold(&self, id: UploadId, at: u64) -> io::Result<Part>;
    /// Notes that an upload's bytes are stored under their hash, so that an acknowledgement lost on the
    /// way is made again without sending them again.
    ///
    /// # Errors
    /// When the storage refuses.
    fn mark_stored(&self, id: UploadId) -> io::Result<()>;
    /// Whether `mark_stored` was called.
    fn is_stored(&self, id: UploadId) -> bool;
    /// Forgets an upload: its bytes and mark. One that is not there is no error.
    ///
    /// # Errors
    /// When the storage refuses.
    fn remove(&self, id: UploadId) -> io::Result<()>;
    /// Calls a function for each upload of which anything is held.
    ///
    /// # Errors
    /// When the storage or the function refuses.
    fn each(&self, f: &mut dyn FnMut(UploadId) -> io::Result<()>) -> io::Result<()>;
}

/// Where what a request brought is kept besides the file, so that another server can go on with it.
pub(super) trait Keep: Send + Sync {
    /// Makes the bytes of `file` from `start` on durable elsewhere.
    fn keep(&self, file: &mut File, start: u64, end: u64) -> io::Result<()>;
}

/// A request's hold on a partial file. Writing through it fails once a later request holds it.
pub struct Part {
    file: File,
    path: PathBuf,
    turn: Turn,
    mine: u64,
    start: u64,
    keep: Option<Box<dyn Keep>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The turn, as long as it is still that of this request.
fn held(turn: &Turn, mine: u64) -> io::Result<MutexGuard<'_, u64>> {
    let number = lock(turn);
    if *number == mine { Ok(number) } else { Err(ErrorKind::ResourceBusy.into()) }
}

impl Part {
    /// Takes the turn at a file.
    pub(super) fn take(path: PathBuf, turn: Turn) -> io::Result<Self> {
        let mut number = lock(&turn);
        *number += 1;
        let mine = *number;
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        let start = file.seek(SeekFrom::End(0))?;
        drop(number);
        Ok(Self { file, path, turn, mine, start, keep: None })
    }

    /// The upload really stands at `start`: what the file has beyond it goes, what it lacks is read from `fill`.
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "for files that are not what lasts"))]
    pub(super) fn stand_at(
        &mut self,
        start: u64,
        fill: &mut dyn FnMut(u64, &mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let _number = held(&self.turn, self.mine)?;
        if self.start > start {
            self.file.set_len(start)?;
        } else if self.start < start {
            fill(self.start, &mut self.file)?;
            if self.file.metadata()?.len() != start {
                return Err(io::Error::new(ErrorKind::InvalidData, "the pieces of an upload do not fit"));
            }
        }
        self.start = self.file.seek(SeekFrom::Start(start))?;
        Ok(())
    }

    /// The upload stands at `start`, which is not where the caller means to go on: the file stays as it is.
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "for files that are not what lasts"))]
    pub(super) fn only_says(&mut self, start: u64) {
        self.start = start;
    }

    /// The file is not what lasts: `keep` does.
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "for files that are not what lasts"))]
    pub(super) fn kept_by(mut self, keep: Box<dyn Keep>) -> Self {
        self.keep = Some(keep);
        self
    }

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

    /// Appends bytes.
    ///
    /// # Errors
    /// `ResourceBusy` when a later request holds the upload; else when the file system refuses.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _number = held(&self.turn, self.mine)?;
        self.file.write_all(bytes)
    }

    /// Throws away what this hold appended.
    ///
    /// # Errors
    /// As `append`.
    pub fn undo(&mut self) -> io::Result<()> {
        let _number = held(&self.turn, self.mine)?;
        self.file.set_len(self.start)?;
        self.file.seek(SeekFrom::Start(self.start)).map(drop)
    }

    /// Makes what was appended durable; gives the length. `last` says that the upload is whole and is given its name
    /// next: then it need not be kept in pieces as well.
    ///
    /// # Errors
    /// As `append`. What could not be kept does not count.
    pub fn sync(&mut self, last: bool) -> io::Result<u64> {
        let _number = held(&self.turn, self.mine)?;
        let end = self.file.metadata()?.len();
        match &self.keep {
            None => self.file.sync_all()?,
            Some(keep) if !last && end > self.start => {
                if let Err(error) = keep.keep(&mut self.file, self.start, end) {
                    self.file.set_len(self.start)?;
                    return Err(error);
                }
            }
            Some(_) => {}
        }
        Ok(end)
    }

    /// Bytes in the file now.
    ///
    /// # Errors
    /// As `append`.
    pub fn length(&self) -> io::Result<u64> {
        let _number = held(&self.turn, self.mine)?;
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
