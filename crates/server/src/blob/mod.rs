//! Photo bytes by content hash, and the partial bytes of uploads. Knows no photos and no database.

#[cfg(feature = "s3")]
mod bucket;
pub mod carry;
pub mod fs;
pub mod fs_parts;
pub mod parts;
pub mod place;

use blindspot_core::id::{CityId, Sha256};
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

pub use fs::FsBlobs;
pub use fs_parts::FsParts;
pub use parts::{Part, Parts};
pub use place::{Place, PlaceError};

/// Bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Their name.
    pub sha256: Sha256,
    /// How many.
    pub bytes: u64,
    /// When they were last put, milliseconds since 1970 by the storage's clock.
    pub put_ms: i64,
}

/// How a signed address shows what it leads to.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The media type.
    pub media_type: &'a str,
    /// `Content-Disposition`.
    pub disposition: &'a str,
}

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
    /// Both at once.
    ///
    /// # Errors
    /// When the storage refuses.
    fn open_sized(&self, sha: &Sha256) -> io::Result<Option<(u64, Box<dyn Read + Send>)>> {
        let Some(bytes) = self.len(sha)? else { return Ok(None) };
        Ok(self.open(sha)?.map(|reader| (bytes, reader)))
    }
    /// Whether what lies here is this city's; a bucket is whose servers asked first. Nothing is swept of another's.
    ///
    /// # Errors
    /// When the storage refuses.
    fn is_of(&self, city: &CityId) -> io::Result<bool> {
        let _ = city;
        Ok(true)
    }
    /// Removes bytes; those that are not there are no error.
    ///
    /// # Errors
    /// When the storage refuses.
    fn remove(&self, sha: &Sha256) -> io::Result<()>;
    /// Calls a function for each that is there.
    ///
    /// # Errors
    /// When the storage or the function refuses.
    fn each(&self, f: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()>;
    /// An address from which whoever has it may fetch the bytes for a short while; nothing where there are none.
    ///
    /// # Errors
    /// When the storage refuses.
    fn signed(&self, _: &Sha256, _: Shown<'_>) -> io::Result<Option<String>> {
        Ok(None)
    }
    /// Whether the storage is known not to answer right now.
    fn is_away(&self) -> bool {
        false
    }
}

/// The storage of photos cannot be reached, or refuses whatever it is asked; everything else goes on.
#[derive(Clone, Debug)]
pub struct Away {
    /// Seconds after which it may be worth another try.
    pub again_s: u32,
    /// What it said; for the log.
    pub why: String,
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the storage of photos does not answer: {}", self.why)
    }
}

impl std::error::Error for Away {}

impl Away {
    /// As an error of files.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        io::Error::new(ErrorKind::NotConnected, self)
    }

    /// Of an error of files, when it is this one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

/// Where bytes live: finished ones and those still arriving.
pub struct Depot {
    /// Finished.
    pub blobs: Box<dyn Blobs>,
    /// Still arriving.
    pub parts: Box<dyn Parts>,
    is_far: bool,
}

impl Depot {
    /// Where the photos of a data folder lie, as its note says: in the folder itself when there is none.
    ///
    /// # Errors
    /// When a folder cannot be made, or the note or the keys of its bucket cannot be read.
    pub fn open(data: &Path) -> io::Result<Self> {
        Self::open_at(data, &Place::noted(data)?)
    }

    /// A place, whatever the note says. Asks no other machine anything.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_at(data: &Path, place: &Place) -> io::Result<Self> {
        match place {
            Place::Disk => Ok(Self {
                blobs: Box::new(FsBlobs::open(&data.join("blobs"))?),
                parts: Box::new(FsParts::open(&data.join("uploads"))?),
                is_far: false,
            }),
            #[cfg(feature = "s3")]
            Place::Bucket(place) => {
                let bucket = bucket::Bucket::open(place)?;
                Ok(Self {
                    parts: Box::new(bucket::BucketParts::open(bucket.clone(), &data.join("uploads"))?),
                    blobs: Box::new(bucket::BucketBlobs::new(bucket)),
                    is_far: true,
                })
            }
        }
    }

    /// Finished bytes somewhere far.
    #[cfg(test)]
    pub(crate) fn far(blobs: Box<dyn Blobs>, parts: Box<dyn Parts>) -> Self {
        Self { blobs, parts, is_far: true }
    }

    /// Forgets copies of what is elsewhere, which an earlier process left: they may not be whole. For whoever has the
    /// data folder alone.
    ///
    /// # Errors
    /// When the folder refuses.
    pub fn forget_copies(&self, data: &Path) -> io::Result<()> {
        if !self.is_far {
            return Ok(());
        }
        for entry in std::fs::read_dir(data.join("uploads"))? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// Whether bytes are on other machines: nobody who must not wait may ask them anything.
    #[must_use]
    pub fn is_far(&self) -> bool {
        self.is_far
    }
}
