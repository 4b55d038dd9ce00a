//! Files, keys and opening on a system with folders. The only part of this crate that touches `std::fs`.

use crate::error::ClientError;
use crate::host::{FileProblem, KeyStore, PhotoFiles};
use crate::replica::Replica;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Photo bytes in a folder.
#[derive(Clone, Debug)]
pub struct NativeFiles {
    dir: PathBuf,
}

/// Device keys in a folder, each a file that only its owner can read.
#[derive(Clone, Debug)]
pub struct NativeKeys {
    dir: PathBuf,
}

pub(crate) fn problem(name: &str, e: &std::io::Error) -> FileProblem {
    match e.kind() {
        ErrorKind::NotFound => FileProblem::Missing(name.to_owned()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileProblem::Full,
        _ => FileProblem::Io(format!("{name}: {e}")),
    }
}

/// Writes beside, syncs, renames into place, syncs the folder.
pub(crate) fn write_durable(dir: &Path, name: &str, bytes: &[u8], private: bool) -> std::io::Result<()> {
    write_stream(dir, name, &mut &*bytes, private).map(drop)
}

fn write_stream(
    dir: &Path,
    name: &str,
    source: &mut dyn std::io::Read,
    private: bool,
) -> std::io::Result<u64> {
    let (part, target) = (dir.join(format!("{name}.part")), dir.join(name));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let written = options.open(&part).and_then(|mut file| {
        let bytes = std::io::copy(source, &mut file)?;
        file.sync_all()?;
        Ok(bytes)
    });
    let bytes = match written.and_then(|bytes| fs::rename(&part, &target).map(|()| bytes)) {
        Ok(bytes) => bytes,
        Err(e) => {
            // A half-written file is worth nothing and may be all that fills the disk.
            let _ = fs::remove_file(&part);
            return Err(e);
        }
    };
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    Ok(bytes)
}

impl NativeFiles {
    /// In a folder, made if need be.
    ///
    /// # Errors
    /// `Files` when it cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ClientError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(|e| problem(&dir.to_string_lossy(), &e))?;
        Ok(Self { dir })
    }
}

impl PhotoFiles for NativeFiles {
    fn write_durable(&self, name: &str, bytes: &[u8]) -> Result<(), FileProblem> {
        write_durable(&self.dir, name, bytes, false).map_err(|e| problem(name, &e))
    }
    fn write_stream(&self, name: &str, source: &mut dyn std::io::Read) -> Result<u64, FileProblem> {
        write_stream(&self.dir, name, source, false).map_err(|e| problem(name, &e))
    }
    fn locate(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }
    fn read(&self, name: &str) -> Result<Vec<u8>, FileProblem> {
        fs::read(self.dir.join(name)).map_err(|e| problem(name, &e))
    }
    fn read_at(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileProblem> {
        let read = || {
            let mut file = File::open(self.dir.join(name))?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(len);
            file.take(u64::try_from(len).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|e: std::io::Error| problem(name, &e))
    }
    fn len(&self, name: &str) -> Result<Option<u64>, FileProblem> {
        match fs::metadata(self.dir.join(name)) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(problem(name, &e)),
        }
    }
    fn remove(&self, name: &str) -> Result<(), FileProblem> {
        match fs::remove_file(self.dir.join(name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(problem(name, &e)),
            _ => Ok(()),
        }
    }
    fn free_bytes(&self) -> Option<u64> {
        free_bytes(&self.dir)
    }
}

/// Bytes that an ordinary program can still write where a folder lies, or its nearest parent that is there.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|p| p.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// As [`Replica::check_room`], of a folder whose replica need not be open: a full disk may not even let it be opened.
///
/// # Errors
/// `NoRoom`.
pub fn check_room_at(home: &Path) -> Result<(), ClientError> {
    crate::capture::check_room(free_bytes(home))
}

impl NativeKeys {
    /// In a folder that exists.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }
}

impl KeyStore for NativeKeys {
    fn load(&self, slot: &str) -> Result<Option<[u8; 32]>, FileProblem> {
        match fs::read(self.dir.join(slot)) {
            Ok(bytes) => match bytes.try_into() {
                Ok(secret) => Ok(Some(secret)),
                Err(_) => Err(FileProblem::Io(format!("{slot}: not a key"))),
            },
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(problem(slot, &e)),
        }
    }
    fn save(&self, slot: &str, secret: &[u8; 32]) -> Result<(), FileProblem> {
        write_durable(&self.dir, slot, secret, true).map_err(|e| problem(slot, &e))
    }
}

/// Opens a replica in a folder: `replica.db`, `photos/` and the key beside them. A damaged database is set aside and
/// what is whole in it goes into a new one; [`Replica::recovered`] says so.
///
/// # Errors
/// As [`Replica::open`]; `Files` when the folder cannot be made.
pub fn open_native(home: &Path) -> Result<Replica, ClientError> {
    let files = NativeFiles::open(home.join("photos"))?;
    crate::native_recover::open(home, files)
}
