//! Photo bytes by content hash, and the partial bytes of uploads. Knows no photos and no database.

pub mod fs;
pub mod parts;

use blindspot_core::id::Sha256;
use std::io::{self, Read};
use std::path::Path;

pub use fs::FsBlobs;
pub use parts::{Part, Parts};

/// Bytes named by their SHA-256; what is there is complete and never changes.
pub trait Blobs: Send + Sync {
    /// Takes over a finished file whose hash was checked and whose bytes were fsynced. After `Ok` the bytes are durable under their
    /// name and the file is gone; after an error either is whole.
    ///
    /// # Errors
    /// When the storage refuses.
    fn put(&self, sha: &Sha256, finished: &Path) -> io::Result<()>;
    /// Opens bytes for reading; nothing when they are not there.
    ///
    /// # Errors
    /// When the storage refuses.
    fn open(&self, sha: &Sha256) -> io::Result<Option<Box<dyn Read + Send>>>;
    /// How many bytes; nothing when they are not there.
    ///
    /// # Errors
    /// When the storage refuses.
    fn len(&self, sha: &Sha256) -> io::Result<Option<u64>>;
    /// Removes bytes; those that are not there are no error.
    ///
    /// # Errors
    /// When the storage refuses.
    fn remove(&self, sha: &Sha256) -> io::Result<()>;
    /// Calls a function for each that is there.
    ///
    /// # Errors
    /// When the storage or the function refuses.
    fn each(&self, f: &mut dyn FnMut(Sha256) -> io::Result<()>) -> io::Result<()>;
}

/// Where bytes live: finished ones and those still arriving.
pub struct Depot {
    /// Finished.
    pub blobs: Box<dyn Blobs>,
    /// Still arriving.
    pub parts: Parts,
}

impl Depot {
    /// The folders `blobs` and `uploads` of a data folder, made when they are not there.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        Ok(Self {
            blobs: Box::new(FsBlobs::open(&data.join("blobs"))?),
            parts: Parts::open(&data.join("uploads"))?,
        })
    }
}
