//! What is on the disk for certain, and what was written since and not synced. Knows no SQLite.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Written as a whole or not at all.
const SECTOR: usize = 512;

/// What becomes of writes that were not synced when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All are lost.
    Lost,
    /// All had reached the disk.
    Kept,
    /// Each sector of each write is kept or lost as a seed says: the disk wrote in an order of its own.
    Mixed(u64),
}

enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Default)]
struct Image {
    durable: Vec<u8>,
    since: Vec<Change>,
}

/// The files that were opened, by path.
#[derive(Default)]
pub(crate) struct Disk {
    images: BTreeMap<PathBuf, Image>,
}

impl Disk {
    /// A file was opened: what it holds now is on the disk.
    pub(crate) fn opened(&mut self, path: &Path) {
        self.images
            .entry(path.to_owned())
            .or_insert_with(|| Image { durable: fs::read(path).unwrap_or_default(), since: vec![] });
    }

    pub(crate) fn written(&mut self, path: &Path, offset: usize, bytes: &[u8]) {
        if let Some(image) = self.images.get_mut(path) {
            image.since.push(Change::Write(offset, bytes.to_vec()));
        }
    }

    pub(crate) fn truncated(&mut self, path: &Path, len: usize) {
        if let Some(image) = self.images.get_mut(path) {
            image.since.push(Change::Truncate(len));
        }
    }

    pub(crate) fn synced(&mut self, path: &Path) {
        if let Some(image) = self.images.get_mut(path) {
            for change in std::mem::take(&mut image.since) {
                apply(&mut image.durable, &change, &mut |_| true);
            }
        }
    }

    pub(crate) fn deleted(&mut self, path: &Path) {
        self.images.remove(path);
    }

    /// Writes each file as it is after the power came back.
    pub(crate) fn come_back(self, fate: Fate) -> io::Result<()> {
        let mut state = match fate {
            Fate::Mixed(seed) => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            _ => 1,
        };
        for (path, mut image) in self.images {
            for change in std::mem::take(&mut image.since) {
                apply(&mut image.durable, &change, &mut |_| match fate {
                    Fate::Lost => false,
                    Fate::Kept => true,
                    Fate::Mixed(_) => {
                        // Xorshift: the same seed keeps the same sectors.
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        (state >> 32) & 1 == 1
                    }
                });
            }
            fs::write(&path, &image.durable)?;
        }
        Ok(())
    }
}

/// Applies a change, sector by sector, as far as `keeps` says.
fn apply(bytes: &mut Vec<u8>, change: &Change, keeps: &mut dyn FnMut(usize) -> bool) {
    match change {
        Change::Truncate(len) => {
            if keeps(*len) {
                bytes.resize(*len, 0);
            }
        }
        Change::Write(offset, new) => {
            let (mut at, end) = (*offset, offset + new.len());
            while at < end {
                let next = ((at / SECTOR + 1) * SECTOR).min(end);
                if keeps(at) {
                    if bytes.len() < next {
                        bytes.resize(next, 0);
                    }
                    bytes[at..next].copy_from_slice(&new[at - offset..next - offset]);
                }
                at = next;
            }
        }
    }
}
