//! An object store beside the server: where W3 puts its photos with `--blobs temp-s3`, and what that store takes when
//! nobody stands between.

use crate::{Failed, child};
use blindspot_core::id::Sha256;
use blindspot_s3_temp::{ACCESS_KEY, SECRET_KEY, TempS3};
use blindspot_server::blob::{Depot, Place};
use std::path::Path;
use std::time::Instant;

/// See the module text.
pub(crate) struct Bucket {
    store: TempS3,
    keys: tempfile::NamedTempFile,
}

impl Bucket {
    /// Starts one.
    pub(crate) fn start() -> Result<Self, Failed> {
        let keys = tempfile::NamedTempFile::new()?;
        std::fs::write(keys.path(), format!("{ACCESS_KEY}\n{SECRET_KEY}\n"))?;
        Ok(Self { store: TempS3::start()?, keys })
    }

    /// A place in it.
    pub(crate) fn place(&self, prefix: &str) -> Result<Place, Failed> {
        Ok(Place::parse(&format!("{}&keys={}", self.store.url(prefix, None), self.keys.path().display()))?)
    }

    /// What the store has used of the processor, seconds.
    pub(crate) fn cpu_s(&self) -> Result<f64, Failed> {
        child::cpu_s(self.store.pid().ok_or("the store has ended")?)
    }

    /// The same bytes put by so many threads, each object another: MB a second.
    pub(crate) fn put_straight(
        &self,
        root: &Path,
        threads: usize,
        objects: usize,
        bytes: &[u8],
    ) -> Result<f64, Failed> {
        let dir = tempfile::tempdir_in(root)?;
        let depot = Depot::open_at(dir.path(), &self.place("straight")?)?;
        let files: Vec<_> = (0..objects).map(|n| dir.path().join(format!("object-{n}"))).collect();
        files.iter().try_for_each(|file| std::fs::write(file, bytes))?;
        let start = Instant::now();
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..threads)
                .map(|lane| {
                    let (files, depot) = (&files, &depot);
                    scope.spawn(move || {
                        // Names that no bytes have: the store does not know.
                        let put = |n: usize| depot.blobs.put(&Sha256::of(&n.to_le_bytes()), &files[n]);
                        (lane..files.len()).step_by(threads).try_for_each(put)
                    })
                })
                .collect();
            lanes.into_iter().try_for_each(|lane| {
                lane.join().map_err(|_| "a thread ended in a panic")?.map_err(Failed::from)
            })
        })?;
        Ok((objects * bytes.len()) as f64 / 1e6 / start.elapsed().as_secs_f64())
    }
}
