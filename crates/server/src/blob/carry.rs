//! A photo from one place to another, compared with its name on the way. Knows no database.

use super::Blobs;
use blindspot_core::id::Sha256;
use sha2::Digest as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was there already.
    There,
    /// It is nowhere at the old place, or damaged there.
    Missing,
    /// It is there now.
    Copied,
}

/// Brings a photo of so many bytes over, through the file `part`, which is gone afterwards.
///
/// # Errors
/// When a file or either place refuses; the file may be left.
pub fn carry(
    from: &dyn Blobs,
    to: &dyn Blobs,
    (sha, length): (&Sha256, u64),
    part: &Path,
) -> io::Result<Carried> {
    if to.len(sha)? == Some(length) {
        return Ok(Carried::There);
    }
    let Some(mut reader) = from.open(sha)? else { return Ok(Carried::Missing) };
    let (mut file, mut hasher, mut piece) = (File::create(part)?, sha2::Sha256::new(), vec![0; 64 * 1_024]);
    loop {
        let n = reader.read(&mut piece)?;
        if n == 0 {
            break;
        }
        hasher.update(&piece[..n]);
        file.write_all(&piece[..n])?;
    }
    if Sha256(hasher.finalize().into()) != *sha {
        fs::remove_file(part)?;
        return Ok(Carried::Missing);
    }
    file.sync_all()?;
    drop(file);
    // One of a wrong length is no reason to keep it.
    to.remove(sha)?;
    to.put(sha, part)?;
    Ok(Carried::Copied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::FsBlobs;

    #[test]
    fn only_what_has_its_name_is_carried() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = |name: &str| FsBlobs::open(&dir.path().join(name)).expect("a place");
        let (from, to, part) = (open("from"), open("to"), dir.path().join("part"));
        let put = |place: &FsBlobs, sha: &Sha256, bytes: &[u8]| {
            fs::write(&part, bytes).expect("written");
            place.put(sha, &part).expect("put");
        };
        let [whole, damaged, nowhere] = [b"whole", b"taken", b"never"].map(|b| Sha256::of(b));
        put(&from, &whole, b"whole");
        put(&from, &damaged, b"hit!!");
        put(&to, &whole, b"cut");
        let carried = |sha| carry(&from, &to, (sha, 5), &part).expect("carried");
        let told = [carried(&whole), carried(&whole), carried(&damaged), carried(&nowhere)];
        assert_eq!(told, [Carried::Copied, Carried::There, Carried::Missing, Carried::Missing]);
        assert_eq!((to.len(&whole).expect("asked"), to.len(&damaged).expect("asked")), (Some(5), None));
        assert!(!part.exists());
    }
}
