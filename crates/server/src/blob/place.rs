//! Where the photos of a data folder lie: in it, or in a bucket. Said once, noted in the folder, so that every command
//! finds them and a server that is started with another word does not begin a second collection. Opens nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

#[cfg(feature = "s3")]
mod bucket_url;
#[cfg(feature = "s3")]
pub use bucket_url::{BucketPlace, Keys};

/// The note's name in the data folder.
const NOTE: &str = "photos.place";
/// The word for the data folder itself.
pub const DISK: &str = "disk";

/// See the module text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The data folder.
    Disk,
    /// A bucket of S3-compatible storage.
    #[cfg(feature = "s3")]
    Bucket(Box<BucketPlace>),
}

/// Why a place is none. Chinese / English.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It does not read as one.
    #[error("照片位置写错了：{0} / the place of photos: {0}")]
    Bad(String),
    /// This program knows no buckets.
    #[error("这个程序不带 S3 / this program was built without S3")]
    NotBuilt,
    /// Photos lie somewhere else.
    #[error(
        "这个数据文件夹的照片在 {0}；换地方请用 blindspot blobs move --to / the photos of this data folder are at {0}; to move them: blindspot blobs move --to"
    )]
    Elsewhere(String),
    /// Files refuse.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Place {
    /// `disk`, or `s3://bucket/prefix?endpoint=https://...`.
    ///
    /// # Errors
    /// `Bad`, `NotBuilt`.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        match text {
            DISK => Ok(Self::Disk),
            #[cfg(feature = "s3")]
            _ if text.starts_with("s3://") => {
                BucketPlace::parse(text).map(|place| Self::Bucket(Box::new(place))).map_err(PlaceError::Bad)
            }
            #[cfg(not(feature = "s3"))]
            _ if text.starts_with("s3://") => Err(PlaceError::NotBuilt),
            _ => Err(PlaceError::Bad("disk, or s3://bucket/prefix?endpoint=https://...".into())),
        }
    }

    /// As it was said.
    #[must_use]
    pub fn as_text(&self) -> &str {
        match self {
            Self::Disk => DISK,
            #[cfg(feature = "s3")]
            Self::Bucket(place) => &place.text,
        }
    }

    /// Whether the same photos are meant; the way to them may differ.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Disk, Self::Disk) => true,
            #[cfg(feature = "s3")]
            (Self::Bucket(one), Self::Bucket(two)) => {
                (&one.bucket, &one.prefix) == (&two.bucket, &two.prefix)
            }
            #[cfg(feature = "s3")]
            _ => false,
        }
    }

    /// Whether there is all that a server needs to use it. Asks no other machine.
    ///
    /// # Errors
    /// When there are no keys, or certificates cannot be read.
    pub fn check(&self) -> io::Result<()> {
        match self {
            Self::Disk => Ok(()),
            #[cfg(feature = "s3")]
            Self::Bucket(place) => {
                Keys::find(place)?;
                match &place.ca {
                    Some(ca) => {
                        fs::read(ca).map(drop).map_err(|e| io::Error::other(format!("{}: {e}", ca.display())))
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// What the note in a data folder says; the folder itself when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn noted(data: &Path) -> io::Result<Self> {
        match fs::read_to_string(data.join(NOTE)) {
            Ok(text) => Self::parse(text.trim()).map_err(io::Error::other),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::Disk),
            Err(e) => Err(e),
        }
    }

    /// Writes the note durably.
    ///
    /// # Errors
    /// When the folder refuses.
    pub fn note(&self, data: &Path) -> io::Result<()> {
        // Complete before it has its name.
        let (note, fresh) = (data.join(NOTE), data.join("photos.place.new"));
        let mut file = File::create(&fresh)?;
        writeln!(file, "{}", self.as_text())?;
        file.sync_all()?;
        fs::rename(&fresh, &note)?;
        if cfg!(windows) { Ok(()) } else { File::open(data)?.sync_all() }
    }

    /// What a server was told, against what the folder says: the same photos by another way are noted anew, a folder
    /// without photos may begin anywhere.
    ///
    /// # Errors
    /// `Elsewhere` when photos lie somewhere else.
    pub fn settle(data: &Path, told: Option<&Self>) -> Result<Self, PlaceError> {
        let noted = Self::noted(data)?;
        let Some(told) = told else { return Ok(noted) };
        if told == &noted {
            return Ok(noted);
        }
        if !told.is_same(&noted) && (noted != Self::Disk || has_files(&data.join("blobs"))?) {
            return Err(PlaceError::Elsewhere(noted.as_text().to_owned()));
        }
        told.note(data)?;
        Ok(told.clone())
    }
}

/// Whether there is any file below a folder.
fn has_files(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || has_files(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_photos_does_not_begin_a_second_collection() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path();
        let place = |text| Place::parse(text).expect("a place");
        let (one, way) =
            (place("s3://b/p?endpoint=http://127.0.0.1:1"), place("s3://b/p?endpoint=http://127.0.0.1:2"));
        let other = place("s3://b/q?endpoint=http://127.0.0.1:1");
        assert_eq!(Place::settle(data, None).expect("settled"), Place::Disk);
        assert_eq!(Place::settle(data, Some(&one)).expect("an empty folder"), one);
        assert_eq!(Place::settle(data, Some(&way)).expect("another way"), way);
        assert_eq!(Place::settle(data, None).expect("as noted"), way);
        assert!(matches!(Place::settle(data, Some(&other)), Err(PlaceError::Elsewhere(_))));
        assert!(matches!(Place::settle(data, Some(&Place::Disk)), Err(PlaceError::Elsewhere(_))));
        let full = dir.path().join("full");
        fs::create_dir_all(full.join("blobs/ab/cd")).expect("made");
        assert_eq!(Place::settle(&full, Some(&one)).expect("folders alone are no photos"), one);
        Place::Disk.note(&full).expect("noted");
        fs::write(full.join("blobs/ab/cd/abcd"), b"x").expect("written");
        assert!(matches!(Place::settle(&full, Some(&one)), Err(PlaceError::Elsewhere(at)) if at == DISK));
    }
}
