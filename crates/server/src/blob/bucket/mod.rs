//! A bucket of S3-compatible storage, asked by threads that may wait. Every question ends within a bound; a bucket that
//! does not answer is left alone for a while, so that whoever asks hears so at once. Knows no photos and no uploads.

mod blobs;
mod client;
mod gate;
mod parts;
mod read;
#[cfg(test)]
mod tests;

pub(super) use blobs::BucketBlobs;
pub(super) use parts::BucketParts;

use super::place::{BucketPlace, Keys};
use futures_util::StreamExt as _;
use gate::Gate;
use object_store::aws::AmazonS3;
use object_store::path::Path as Name;
use object_store::{
    Attribute, Attributes, MultipartUpload as _, ObjectMeta, ObjectStore as _, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload,
};
use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The longest that one question takes, with all that is tried again inside it.
const WITHIN: Duration = Duration::from_secs(15);
/// A question that failed after so long was no mishap: the store hangs, and nobody else is to find that out.
const HANGS: Duration = Duration::from_secs(8);
/// The largest object that is put in one request; also the size of a larger one's pieces. Stores refuse pieces under
/// 5 MiB unless they are the last.
const PIECE_BYTES: u64 = 8 << 20;

type Asked<T> = Result<T, object_store::Error>;

struct Clients {
    store: AmazonS3,
    /// The same bucket as phones and browsers reach it.
    public: Option<AmazonS3>,
}

/// See the module text.
pub(super) struct Bucket {
    /// Without keys there is none, and what is missing: commands that ask for no photo work all the same.
    clients: Result<Clients, String>,
    prefix: String,
    gate: Gate,
    /// Gone only while it is dropped.
    runtime: Option<Runtime>,
}

impl Bucket {
    /// Asks nobody anything: the bucket may be away.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(super) fn open(place: &BucketPlace) -> io::Result<Arc<Self>> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("bucket")
            .enable_all()
            .build()?;
        let clients = Keys::find(place).and_then(|keys| {
            let public = place.public.as_ref().map(|url| client::client(place, Some(url), &keys));
            Ok(Clients {
                store: client::client(place, place.endpoint.as_ref(), &keys)?,
                public: public.transpose()?,
            })
        });
        let clients = clients.map_err(|e| e.to_string());
        let prefix = if place.prefix.is_empty() { String::new() } else { format!("{}/", place.prefix) };
        Ok(Arc::new(Self { clients, prefix, gate: Gate::default(), runtime: Some(runtime) }))
    }

    fn clients(&self) -> io::Result<&Clients> {
        self.clients.as_ref().map_err(|why| self.gate.failed(why.clone()))
    }

    fn store(&self) -> io::Result<&AmazonS3> {
        Ok(&self.clients()?.store)
    }

    /// The full name of an object.
    fn name(&self, name: &str) -> Name {
        Name::from(format!("{}{name}", self.prefix))
    }

    /// An object's name without what all begin with.
    fn short<'n>(&self, name: &'n Name) -> &'n str {
        name.as_ref().strip_prefix(&self.prefix).unwrap_or_default()
    }

    fn block<T>(&self, future: impl Future<Output = T>) -> io::Result<T> {
        let runtime = self.runtime.as_ref().ok_or_else(|| io::Error::other("the bucket is closed"))?;
        Ok(runtime.handle().block_on(future))
    }

    /// One question; an object that is not there is an answer.
    fn ask<T>(&self, question: impl Future<Output = Asked<T>>) -> io::Result<Option<T>> {
        let _turn = self.gate.enter()?;
        let began = Instant::now();
        let answer = self.block(async { tokio::time::timeout(WITHIN, question).await })?;
        match answer {
            Ok(Ok(found)) => {
                self.gate.answered();
                Ok(Some(found))
            }
            Ok(Err(error)) if is_not_there(&error) => {
                self.gate.answered();
                Ok(None)
            }
            Ok(Err(error)) if began.elapsed() < HANGS => Err(self.gate.failed(error.to_string())),
            Ok(Err(error)) => Err(self.gate.hangs(error.to_string())),
            Err(_) => Err(self.gate.hangs("no answer in time".to_owned())),
        }
    }

    /// One question that must find what it asks about.
    fn demand<T>(&self, question: impl Future<Output = Asked<T>>) -> io::Result<T> {
        // Where bytes are put, only the bucket itself can be missing.
        self.ask(question)?.ok_or_else(|| self.gate.failed("there is no such bucket".to_owned()))
    }

    /// How large an object is.
    fn head(&self, name: &str) -> io::Result<Option<ObjectMeta>> {
        let (name, store) = (self.name(name), self.store()?);
        self.ask(async { store.head(&name).await })
    }

    /// Puts the bytes of a file from `start` to `end` under a name. The same again is fine: a put whose answer was lost
    /// is simply made again.
    fn put(
        &self,
        name: &str,
        file: &mut File,
        start: u64,
        end: u64,
        media_type: &'static str,
    ) -> io::Result<()> {
        let (name, store) = (self.name(name), self.store()?);
        file.seek(SeekFrom::Start(start))?;
        let attributes = Attributes::from_iter([(Attribute::ContentType, media_type)]);
        let _room = self.gate.room()?;
        if end - start <= PIECE_BYTES {
            let payload = piece(file, end - start)?;
            let options = PutOptions { attributes, ..PutOptions::default() };
            return self.demand(async { store.put_opts(&name, payload, options).await }).map(drop);
        }
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = self.demand(async { store.put_multipart_opts(&name, options).await })?;
        let mut put = || {
            let mut at = start;
            while at < end {
                let bytes = (end - at).min(PIECE_BYTES);
                let part = upload.put_part(piece(file, bytes)?);
                self.demand(part)?;
                at += bytes;
            }
            self.demand(upload.complete()).map(drop)
        };
        let done = put();
        if done.is_err() {
            // What this does not reach, the bucket's own rule for unfinished uploads does.
            let _ = self.ask(upload.abort());
        }
        done
    }

    /// Removes objects; those that are not there are no error.
    fn remove(&self, names: Vec<Name>) -> io::Result<()> {
        let names = futures_util::stream::iter(names.into_iter().map(Ok)).boxed();
        let store = self.store()?;
        let removing = async {
            let mut gone = store.delete_stream(names);
            while let Some(name) = gone.next().await {
                match name {
                    Err(error) if !is_not_there(&error) => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        };
        self.ask(removing).map(drop)
    }

    /// Calls a function for each object under a folder; the bucket is not asked while the function runs.
    fn each(&self, folder: &str, f: &mut dyn FnMut(ObjectMeta) -> io::Result<()>) -> io::Result<()> {
        let folder = self.name(folder);
        let mut list = self.store()?.list(Some(&folder));
        loop {
            let next = async { list.next().await.transpose() };
            match self.ask(next)? {
                Some(Some(object)) => f(object)?,
                _ => return Ok(()),
            }
        }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // Whoever lets go last may stand in another runtime, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The next bytes of a file as what is sent.
fn piece(file: &mut File, bytes: u64) -> io::Result<PutPayload> {
    let mut held = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    file.take(bytes).read_to_end(&mut held)?;
    if held.len() as u64 == bytes { Ok(held.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// An object that is not there, in a bucket that is.
fn is_not_there(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { source, .. } if !source.to_string().contains("NoSuchBucket"))
}
