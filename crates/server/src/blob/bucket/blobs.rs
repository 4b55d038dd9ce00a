//! Finished photos in a bucket: `blobs/ab/cd/<sha>`, as on disk. Knows no uploads.
//!
//! Names are content hashes, and a name is put only with bytes that have it: a put that comes twice, late, or again
//! because its answer was lost changes nothing. Nothing depends on puts that refuse to overwrite, which some stores
//! accept and ignore.

use super::Bucket;
use super::read::Reader;
use crate::blob::{Blobs, Found, Shown};
use blindspot_core::id::{CityId, Sha256};
use futures_util::StreamExt as _;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{ObjectMeta, ObjectStoreExt as _, PutPayload};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::bytes::Bytes;

/// How long a signed address leads anywhere.
const SIGNED_FOR: Duration = Duration::from_secs(60);
const FOLDER: &str = "blobs";
/// Says whose photos lie here.
const OWNER: &str = "city.id";

/// See the module text.
pub(in crate::blob) struct BucketBlobs {
    bucket: Arc<Bucket>,
}

fn name_of(sha: &Sha256) -> String {
    let hex = sha.to_hex();
    format!("{FOLDER}/{}/{}/{hex}", &hex[..2], &hex[2..4])
}

fn found(object: &ObjectMeta) -> Option<Found> {
    let sha256 = Sha256::from_hex(object.location.filename()?)?;
    Some(Found { sha256, bytes: object.size, put_ms: object.last_modified.timestamp_millis() })
}

impl BucketBlobs {
    pub(in crate::blob) fn new(bucket: Arc<Bucket>) -> Self {
        Self { bucket }
    }
}

impl Blobs for BucketBlobs {
    fn put(&self, sha: &Sha256, finished: &Path) -> io::Result<()> {
        let mut file = File::open(finished)?;
        let bytes = file.metadata()?.len();
        // Put although it may be there: whether it is whole there is not known, and its age counts from now.
        self.bucket.put(&name_of(sha), &mut file, 0, bytes, "application/octet-stream")?;
        drop(file);
        fs::remove_file(finished)
    }

    fn open(&self, sha: &Sha256) -> io::Result<Option<Box<dyn Read + Send>>> {
        Ok(self.open_sized(sha)?.map(|(_, reader)| reader))
    }

    fn open_sized(&self, sha: &Sha256) -> io::Result<Option<(u64, Box<dyn Read + Send>)>> {
        let (name, store) = (self.bucket.name(&name_of(sha)), self.bucket.store()?);
        let Some(object) = self.bucket.ask(async { store.get(&name).await })? else {
            return Ok(None);
        };
        let bytes = object.meta.size;
        let pieces = object.into_stream().boxed();
        let reader = Reader { bucket: self.bucket.clone(), pieces, piece: Bytes::new() };
        Ok(Some((bytes, Box::new(reader))))
    }

    fn len(&self, sha: &Sha256) -> io::Result<Option<u64>> {
        Ok(self.bucket.head(&name_of(sha))?.map(|object| object.size))
    }

    fn is_of(&self, city: &CityId) -> io::Result<bool> {
        let (name, store) = (self.bucket.name(OWNER), self.bucket.store()?);
        let owner = self.bucket.ask(async { store.get(&name).await?.bytes().await })?;
        if let Some(owner) = owner {
            return Ok(owner == city.as_str());
        }
        let mine = PutPayload::from(city.to_string());
        self.bucket.demand(async { store.put(&name, mine).await })?;
        Ok(true)
    }

    fn remove(&self, sha: &Sha256) -> io::Result<()> {
        self.bucket.remove(vec![self.bucket.name(&name_of(sha))])
    }

    fn each(&self, f: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
        self.bucket.each(FOLDER, &mut |object| found(&object).map_or(Ok(()), &mut *f))
    }

    fn signed(&self, sha: &Sha256, shown: Shown<'_>) -> io::Result<Option<String>> {
        let Some(public) = &self.bucket.clients()?.public else { return Ok(None) };
        let name = self.bucket.name(&name_of(sha));
        let options = SignedUrlOptions::new().with_query([
            ("response-content-type", shown.media_type),
            ("response-content-disposition", shown.disposition),
            ("response-cache-control", "private, max-age=3600"),
        ]);
        let signing = public.signed_url_opts(reqwest::Method::GET, &name, SIGNED_FOR, &options);
        let signed = self.bucket.block(signing)?.map_err(io::Error::other)?;
        Ok(Some(signed.to_string()))
    }

    fn is_away(&self) -> bool {
        self.bucket.gate.is_away()
    }
}
