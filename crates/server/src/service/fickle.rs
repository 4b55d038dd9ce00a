//! A storage of photos that is away when a test says so.

use crate::blob::{Away, Blobs, Depot, Found, FsBlobs, FsParts};
use blindspot_core::id::Sha256;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it is away.
pub(crate) type Gone = Arc<AtomicBool>;

struct Fickle {
    inner: FsBlobs,
    gone: Gone,
}

/// A depot that counts as far, on a folder, and the switch of it.
pub(crate) fn depot(data: &Path) -> (Depot, Gone) {
    let gone = Gone::default();
    let inner = FsBlobs::open(&data.join("far")).expect("a folder");
    let parts = FsParts::open(&data.join("far-uploads")).expect("a folder");
    (Depot::far(Box::new(Fickle { inner, gone: gone.clone() }), Box::new(parts)), gone)
}

impl Fickle {
    fn there(&self) -> io::Result<&FsBlobs> {
        match self.gone.load(Ordering::Relaxed) {
            false => Ok(&self.inner),
            true => Err(Away { again_s: 5, why: "a test says so".into() }.into_io()),
        }
    }
}

impl Blobs for Fickle {
    fn put(&self, sha: &Sha256, finished: &Path) -> io::Result<()> {
        self.there()?.put(sha, finished)
    }
    fn open(&self, sha: &Sha256) -> io::Result<Option<Box<dyn Read + Send>>> {
        self.there()?.open(sha)
    }
    fn len(&self, sha: &Sha256) -> io::Result<Option<u64>> {
        self.there()?.len(sha)
    }
    fn remove(&self, sha: &Sha256) -> io::Result<()> {
        self.there()?.remove(sha)
    }
    fn each(&self, f: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
        self.there()?.each(f)
    }
}
