//! Partial bytes of uploads in a bucket: what each request brought is one object, `uploads/<id>/<offset>-<length>`.
//! Any server may go on with an upload that another began.
//!
//! The name holds the length as well, so that two requests at one offset, or one that comes late, never replace a longer
//! piece by a shorter one: an offset that was told never goes back. Pieces may overlap; where they do they hold the same
//! bytes, and the digest of the whole is compared in any case.
//!
//! The file on disk is a copy of what this server has seen, so that the whole need not be fetched again to be joined.

use super::super::fs_parts::FsParts;
use super::super::parts::{Keep, Part, Parts, UploadId, lock};
use super::Bucket;
use futures_util::StreamExt as _;
use object_store::{GetOptions, ObjectStore as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

const FOLDER: &str = "uploads";
/// Uploads whose pieces are remembered; beyond, the bucket is asked.
const KNOWN_MAX: usize = 10_000;

/// Bytes of an upload that lie in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    start: u64,
    bytes: u64,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes)
    }

    fn name(&self, id: UploadId) -> String {
        format!("{}/{:010}-{}", folder_of(id), self.start, self.bytes)
    }

    /// From the last word of its name.
    fn from_word(word: &str) -> Option<Self> {
        let (start, bytes) = word.split_once('-')?;
        Some(Self { start: start.parse().ok()?, bytes: bytes.parse().ok()? })
    }
}

fn folder_of(id: UploadId) -> String {
    format!("{FOLDER}/{}", uuid::Uuid::from_bytes(id).simple())
}

/// The pieces that give the bytes from `from` on without a gap, each time the one that reaches furthest.
fn chain(pieces: &[Piece], from: u64) -> Vec<Piece> {
    let (mut at, mut chain) = (from, Vec::new());
    loop {
        let next = pieces.iter().filter(|p| p.start <= at && p.end() > at).max_by_key(|p| p.end());
        let Some(piece) = next else { return chain };
        at = piece.end();
        chain.push(*piece);
    }
}

fn reach(pieces: &[Piece]) -> u64 {
    chain(pieces, 0).last().map_or(0, Piece::end)
}

type Known = Arc<Mutex<BTreeMap<UploadId, Vec<Piece>>>>;

/// See the module text.
pub(in crate::blob) struct BucketParts {
    bucket: Arc<Bucket>,
    copies: FsParts,
    /// Pieces of uploads that began or went on here. Another server may have added some.
    known: Known,
    /// Lost with the process: then the last bytes are sent again.
    stored: Mutex<BTreeSet<UploadId>>,
}

struct Keeper {
    bucket: Arc<Bucket>,
    known: Known,
    id: UploadId,
}

impl Keep for Keeper {
    fn keep(&self, file: &mut File, start: u64, end: u64) -> io::Result<()> {
        let piece = Piece { start, bytes: end - start };
        self.bucket.put(&piece.name(self.id), file, start, end, "application/octet-stream")?;
        if let Some(pieces) = lock(&self.known).get_mut(&self.id) {
            pieces.push(piece);
        }
        Ok(())
    }
}

impl BucketParts {
    /// With a folder for copies.
    pub(in crate::blob) fn open(bucket: Arc<Bucket>, copies: &Path) -> io::Result<Self> {
        let here = FsParts::open(copies)?;
        Ok(Self { bucket, copies: here, known: Known::default(), stored: Mutex::default() })
    }

    fn remember(&self, id: UploadId, pieces: Vec<Piece>) {
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(id, pieces);
    }

    /// The pieces in the bucket.
    fn list(&self, id: UploadId) -> io::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        self.bucket.each(&folder_of(id), &mut |object| {
            pieces.extend(object.location.filename().and_then(Piece::from_word));
            Ok(())
        })?;
        pieces.sort_unstable();
        self.remember(id, pieces.clone());
        Ok(pieces)
    }

    fn known(&self, id: UploadId) -> Option<Vec<Piece>> {
        lock(&self.known).get(&id).cloned()
    }

    /// Writes the bytes from `from` on to the end of a file.
    fn fetch(&self, id: UploadId, pieces: &[Piece], from: u64, file: &mut File) -> io::Result<()> {
        let (mut at, store) = (from, self.bucket.store()?);
        file.seek(SeekFrom::Start(from))?;
        for piece in chain(pieces, from) {
            let name = self.bucket.name(&piece.name(id));
            let range = at - piece.start..piece.bytes;
            let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
            let whole = self.bucket.demand(async {
                let mut bytes = store.get_opts(&name, options).await?.into_stream();
                let mut held = Vec::new();
                while let Some(some) = bytes.next().await {
                    held.extend_from_slice(&some?);
                }
                Ok(held)
            })?;
            file.write_all(&whole)?;
            at = piece.end();
        }
        Ok(())
    }
}

impl Parts for BucketParts {
    fn begin(&self, id: UploadId) {
        self.remember(id, Vec::new());
    }

    fn len(&self, id: UploadId) -> io::Result<u64> {
        self.list(id).map(|pieces| reach(&pieces))
    }

    fn hold(&self, id: UploadId, at: u64) -> io::Result<Part> {
        // First the turn: what an earlier request keeps after this does not count.
        let mut part = self.copies.hold(id, at)?;
        let known = self.known(id).filter(|pieces| reach(pieces) == at);
        let pieces = known.map_or_else(|| self.list(id), Ok)?;
        let stands = reach(&pieces);
        if stands == at {
            part.stand_at(stands, &mut |from, file| self.fetch(id, &pieces, from, file))?;
        } else {
            part.only_says(stands);
        }
        let (bucket, known) = (self.bucket.clone(), self.known.clone());
        Ok(part.kept_by(Box::new(Keeper { bucket, known, id })))
    }

    fn mark_stored(&self, id: UploadId) -> io::Result<()> {
        lock(&self.stored).insert(id);
        Ok(())
    }

    fn is_stored(&self, id: UploadId) -> bool {
        lock(&self.stored).contains(&id)
    }

    fn remove(&self, id: UploadId) -> io::Result<()> {
        self.copies.remove(id)?;
        let pieces = self.known(id).map_or_else(|| self.list(id), Ok)?;
        if !pieces.is_empty() {
            self.bucket.remove(pieces.iter().map(|p| self.bucket.name(&p.name(id))).collect())?;
        }
        lock(&self.known).remove(&id);
        lock(&self.stored).remove(&id);
        Ok(())
    }

    fn each(&self, f: &mut dyn FnMut(UploadId) -> io::Result<()>) -> io::Result<()> {
        let mut ids = BTreeSet::new();
        let mut held = BTreeSet::new();
        self.bucket.each(FOLDER, &mut |object| {
            let id = self.bucket.short(&object.location).split('/').nth(1);
            held.extend(id.and_then(|id| uuid::Uuid::try_parse(id).ok()).map(uuid::Uuid::into_bytes));
            Ok(())
        })?;
        // Looked at anew: what this server remembers of them may be old.
        lock(&self.known).retain(|id, _| !held.contains(id));
        ids.append(&mut held);
        self.copies.each(&mut |id| {
            ids.insert(id);
            Ok(())
        })?;
        ids.into_iter().try_for_each(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_was_told_never_goes_back() {
        let piece = |start, bytes| Piece { start, bytes };
        assert_eq!(reach(&[]), 0);
        assert_eq!(reach(&[piece(5, 5)]), 0, "a gap");
        assert_eq!(reach(&[piece(0, 10), piece(10, 5)]), 15);
        // A late, shorter piece at the same offset, and overlapping ones.
        let pieces = [piece(0, 4), piece(0, 10), piece(4, 3), piece(8, 7), piece(10, 2)];
        assert_eq!((reach(&pieces), chain(&pieces, 9).len()), (15, 1));
        assert_eq!(chain(&pieces, 0), [piece(0, 10), piece(8, 7)]);
        let named = piece(512, 99);
        let word = named.name([7; 16]);
        assert_eq!(word.rsplit('/').next().and_then(Piece::from_word), Some(named));
    }
}
