//! Takes in an exported file of unsent work (protocol 5): author and device are the signature's, whoever carried it is
//! only recorded. Read once, as it comes: each op and each form is durable when it has passed, so that a cut costs
//! nothing and the same file again does no harm. Knows no HTTP.

use super::ingest::ReadPush;
use super::uploads::{self, NewUpload};
use super::writer::{Done, WriteJob};
use super::{Credential, House, ServiceError};
use crate::auth::device_key::DeviceKey;
use crate::auth::secret::from_base64;
use crate::blob::Depot;
use blindspot_core::clock::Sent;
use blindspot_core::error::{BUSY, HAND_IN_DAMAGED};
use blindspot_core::id::Sha256;
use blindspot_core::limits::{
    HAND_IN_MANIFEST_BYTES_MAX, OP_BYTES_MAX, PUSH_BYTES_AIM, PUSH_OPS_AIM, UPLOAD_BYTES_MAX,
};
use blindspot_core::wire::account::KeyAlg;
use blindspot_core::wire::hand_in::{
    BLOBS, HandInManifest, HandInPhoto, HandInRefusal, HandInReply, MANIFEST, OPS, SIGNATURE,
    hand_in_file_text,
};
use blindspot_core::wire::v1::{PushReply, PushRequest};
use blindspot_store::devices::DeviceRecord;
use blindspot_store::hand_ins::{self, HandIn};
use blindspot_store::{accounts, audit, devices, uploads as store};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::sync::mpsc::channel;
use tar::{Archive, Entries, Entry};

/// A line of `ops.jsonl`: an op with every character escaped.
const LINE_BYTES_MAX: u64 = 6 * OP_BYTES_MAX as u64 + 8;
const SIGNATURE_BYTES_MAX: u64 = 1024;
const PIECE: usize = 64 * 1024;

/// Where what is handed in goes.
pub struct Intake<'a> {
    /// The house.
    pub house: &'a House,
    /// Its photo bytes.
    pub depot: &'a Depot,
    /// Hands a job to the writer.
    pub submit: &'a dyn Fn(WriteJob) -> Result<(), ServiceError>,
    /// Whether there is room for photos.
    pub room: &'a dyn Fn() -> Result<(), ServiceError>,
    /// Server time in milliseconds.
    pub now_ms: i64,
}

/// What the file holds, and whose it is.
struct File {
    manifest: HandInManifest,
    hash: Sha256,
    author: Credential,
    /// The author may act no more: a person looks at it first.
    ended: bool,
}

impl Intake<'_> {
    /// Takes a file in.
    ///
    /// # Errors
    /// `HAND_IN_DAMAGED` when it is no such file, another city's, or its signature does not verify: then nothing was
    /// taken; `BUSY` when it was cut on the way, `NO_SPACE`, `UPLOAD_QUOTA`, the database's: then what passed is kept.
    pub fn take(&self, carrier: Credential, file: impl Read) -> Result<HandInReply, ServiceError> {
        let mut archive = Archive::new(file);
        let mut entries = archive.entries().map_err(|e| broken(&e))?.raw(true);
        let file = self.open(carrier, &mut entries)?;
        let mut reply = HandInReply {
            server_ms: self.now_ms,
            manifest: file.hash,
            device_id: file.manifest.device_id,
            ops: BTreeMap::new(),
            seen_before: 0,
            photos: 0,
            missing: (file.manifest.ops.len() + file.manifest.photos.len()) as u64,
            refused: vec![],
        };
        match self.take_rest(&file, &mut entries, &mut reply) {
            Err(Stop::Cut) => return Err(ServiceError::because(&BUSY, "the body was cut")),
            Err(Stop::Failed(error)) => return Err(*error),
            // Whatever is behind the damage is missing; the phone, or another copy, still has it.
            Ok(()) | Err(Stop::Damaged) => {}
        }
        self.record(carrier, &file)?;
        Ok(reply)
    }

    /// Reads the manifest and checks whose signature it bears.
    fn open<R: Read>(&self, carrier: Credential, entries: &mut Entries<'_, R>) -> Result<File, ServiceError> {
        let bytes = whole(entries, MANIFEST, HAND_IN_MANIFEST_BYTES_MAX)?;
        let signature = whole(entries, SIGNATURE, SIGNATURE_BYTES_MAX)?;
        let hash = Sha256::of(&bytes);
        let manifest: HandInManifest = serde_json::from_slice(&bytes).map_err(|e| damaged(&e.to_string()))?;
        if manifest.city_id != self.house.city {
            return Err(damaged("another city's"));
        }
        let (device, active) = self.house.store.read(|tx| {
            let device = devices::load_device(tx, &self.house.city, manifest.device_id)?;
            let person = match &device {
                Some(d) => accounts::load_person(tx, &self.house.city, d.person_id)?,
                None => None,
            };
            Ok::<_, ServiceError>((device, person.is_some_and(|p| p.active)))
        })?;
        check(&manifest, device.as_ref(), hash, &signature)?;
        // Nobody knows whose an unknown device is: what it brings is kept apart as its carrier's.
        let author = match &device {
            Some(d) => Credential { person: d.person_id, device: d.device_id, desk: false },
            None => carrier,
        };
        Ok(File { manifest, hash, author, ended: device.is_some() && !active })
    }

    fn take_rest<R: Read>(
        &self,
        file: &File,
        entries: &mut Entries<'_, R>,
        reply: &mut HandInReply,
    ) -> Result<(), Stop> {
        let mut forms: BTreeMap<Sha256, Vec<&HandInPhoto>> = BTreeMap::new();
        for photo in &file.manifest.photos {
            forms.entry(photo.sha256).or_default().push(photo);
        }
        for entry in entries {
            let mut entry = entry?;
            let name = name_of(&entry)?;
            if name == OPS {
                self.take_ops(file, entry, reply)?;
            } else if let Some(photos) =
                name.strip_prefix(BLOBS).and_then(Sha256::from_hex).and_then(|h| forms.remove(&h))
            {
                for photo in photos {
                    (self.room)()?;
                    let refusal = self.take_form(file.author, photo, &mut entry)?;
                    reply.missing -= 1;
                    match refusal {
                        None => reply.photos += 1,
                        Some(code) => reply.refused.push(HandInRefusal {
                            photo_id: photo.photo_id,
                            form: photo.form.clone(),
                            code: code.to_owned(),
                        }),
                    }
                }
            }
        }
        Ok(())
    }

    /// Pushes the ops that are named, in the order of the file, a batch a commit.
    fn take_ops(&self, file: &File, ops: impl Read, reply: &mut HandInReply) -> Result<(), Stop> {
        let mut named: BTreeSet<Sha256> = file.manifest.ops.iter().copied().collect();
        let mut lines = BufReader::new(ops);
        let (mut batch, mut bytes) = (vec![], 0);
        loop {
            let mut line = vec![];
            let n = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let ended = match n {
                Ok(n) => n == 0,
                Err(e) => {
                    // What came whole is taken before the damage is told of.
                    self.push(file, batch, reply)?;
                    return Err(e.into());
                }
            };
            if let Ok(body) = serde_json::from_slice::<String>(&line)
                && named.remove(&Sha256::of(body.as_bytes()))
            {
                bytes += body.len();
                batch.push(body);
            }
            if ended || batch.len() >= PUSH_OPS_AIM || bytes >= PUSH_BYTES_AIM {
                self.push(file, std::mem::take(&mut batch), reply)?;
                bytes = 0;
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn push(&self, file: &File, ops: Vec<String>, reply: &mut HandInReply) -> Result<(), Stop> {
        if ops.is_empty() {
            return Ok(());
        }
        let count = ops.len() as u64;
        // When the file was on its way, no clock of the phone's dates its captures: the wall clock is all there is.
        let sent = Sent { wall_ms: file.manifest.made_ms, ..Sent::default() };
        let push = ReadPush::of(PushRequest { sent, ops, ..PushRequest::default() })?.from_file();
        let push = if file.ended { push.handed_in() } else { push };
        let (credential, received_ms) = (file.author, self.now_ms);
        let answer: PushReply =
            self.written(|done| WriteJob::Push { credential, push, received_ms, done })?;
        for entry in &answer.verdicts {
            *reply.ops.entry(entry.verdict.word().to_owned()).or_default() += 1;
            reply.seen_before += u64::from(entry.seen_before);
        }
        reply.missing -= count;
        Ok(())
    }

    /// Stores a form as its author's own upload; gives the code when it is refused.
    fn take_form(
        &self,
        author: Credential,
        photo: &HandInPhoto,
        bytes: &mut impl Read,
    ) -> Result<Option<&'static str>, Stop> {
        let (house, depot) = (self.house, self.depot);
        let known = house.store.read(|tx| store::load_uploads_of_photo(tx, &house.city, photo.photo_id))?;
        if known.iter().any(|u| u.form == photo.form && u.sha256 == photo.sha256) {
            return Ok(None);
        }
        if photo.bytes > UPLOAD_BYTES_MAX {
            return Ok(Some(blindspot_core::error::UPLOAD_TOO_LARGE.code));
        }
        let new = NewUpload {
            length: photo.bytes,
            photo_id: photo.photo_id,
            form: photo.form.clone(),
            media: photo.media.clone(),
            sha256: photo.sha256,
        };
        let stored = uploads::create(house, depot, author, &new, self.now_ms).and_then(|state| {
            if state.arrival.is_some() {
                return Ok(Ok(state));
            }
            let at = (state.upload_id, 0);
            let mut incoming =
                uploads::begin(house, depot, author, at, (Some(photo.bytes), None), self.now_ms)?;
            let mut piece = vec![0; PIECE];
            loop {
                match bytes.read(&mut piece) {
                    Ok(0) => return incoming.finish(house, depot, true).map(Ok),
                    Ok(n) => incoming.write(&piece[..n])?,
                    Err(e) => return Ok(Err(e)),
                }
            }
        });
        let state = match stored {
            Ok(Ok(state)) => state,
            Ok(Err(cut)) => return Err(cut.into()),
            Err(ServiceError::Refused(text, _)) => return Ok(Some(text.code)),
            Err(other) => return Err(other.into()),
        };
        let upload_id = state.upload_id;
        let Some(arrival) = state.arrival else {
            return Ok(Some(blindspot_core::error::DIGEST_MISMATCH.code));
        };
        self.written(|done| arrival.into_job(self.now_ms, done))?;
        uploads::acknowledged(depot, upload_id);
        Ok(None)
    }

    /// Hands a job to the writer and waits for its durable commit.
    fn written<T: Send + 'static>(&self, make: impl FnOnce(Done<T>) -> WriteJob) -> Result<T, ServiceError> {
        let (send, receive) = channel();
        let job = make(Box::new(move |result| {
            // Whoever waits is right below.
            let _ = send.send(result);
        }));
        (self.submit)(job)?;
        receive.recv().unwrap_or(Err(ServiceError::Refused(&BUSY, None)))
    }

    fn record(&self, carrier: Credential, file: &File) -> Result<(), ServiceError> {
        let (house, now_ms) = (self.house, self.now_ms);
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let row = HandIn {
            manifest: file.hash,
            device_id: file.manifest.device_id,
            carrier: carrier.device,
            at_ms: now_ms,
            ops: count(file.manifest.ops.len()),
            photos: count(file.manifest.photos.len()),
        };
        house.store.write(|tx| {
            let times = hand_ins::save_hand_in(tx, &house.city, &row)?;
            let detail =
                serde_json::json!({"manifest": row.manifest, "ops": row.ops, "photos": row.photos, "times": times});
            let (actor, object) = (carrier.person.to_string(), format!("device:{}", row.device_id));
            audit::append(tx, &house.city, now_ms, &actor, "hand_in", &object, "ok", &detail.to_string())?;
            Ok(())
        })
    }
}

/// Why reading ended before the end.
enum Stop {
    /// The sender is gone.
    Cut,
    /// The file is not whole.
    Damaged,
    /// This server could not.
    Failed(Box<ServiceError>),
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<blindspot_store::StoreError> for Stop {
    fn from(error: blindspot_store::StoreError) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::ConnectionAborted { Self::Cut } else { Self::Damaged }
    }
}

fn damaged(why: &str) -> ServiceError {
    ServiceError::because(&HAND_IN_DAMAGED, why)
}

fn broken(error: &std::io::Error) -> ServiceError {
    match Stop::from(std::io::Error::from(error.kind())) {
        Stop::Cut => ServiceError::because(&BUSY, "the body was cut"),
        _ => damaged(&error.to_string()),
    }
}

fn name_of<R: Read>(entry: &Entry<'_, R>) -> Result<String, std::io::Error> {
    if !entry.header().entry_type().is_file() {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&entry.path_bytes()).into_owned())
}

/// The next entry, which must have this name and no more than so many bytes.
fn whole<R: Read>(entries: &mut Entries<'_, R>, name: &str, most: u64) -> Result<Vec<u8>, ServiceError> {
    let entry = entries.next().ok_or_else(|| damaged(&format!("no {name}")))?.map_err(|e| broken(&e))?;
    if name_of(&entry).map_err(|e| broken(&e))? != name || entry.size() > most {
        return Err(damaged(&format!("no {name}")));
    }
    let (size, mut bytes) = (entry.size(), vec![]);
    let read = entry.take(most).read_to_end(&mut bytes).map_err(|e| broken(&e))?;
    if read as u64 == size { Ok(bytes) } else { Err(damaged(&format!("{name} is not whole"))) }
}

/// A known device's signature is checked by the key that was enrolled; an unknown one's by the key in the manifest,
/// which only shows that the file is as it was made.
fn check(
    manifest: &HandInManifest,
    device: Option<&DeviceRecord>,
    hash: Sha256,
    signature: &[u8],
) -> Result<(), ServiceError> {
    let wrong = |_| damaged("the signature does not verify");
    let key = match device {
        Some(d) => {
            let known = d.key_alg.as_deref().zip(d.public_key.as_deref());
            let (alg, public) = known.ok_or_else(|| damaged("that device signs nothing"))?;
            DeviceKey::from_bytes(&KeyAlg::from_word(alg), public).map_err(wrong)?
        }
        None => {
            let public = from_base64(&manifest.public_key).ok_or_else(|| damaged("public_key"))?;
            DeviceKey::from_bytes(&manifest.key_alg, &public).map_err(wrong)?
        }
    };
    let signature = std::str::from_utf8(signature).map_err(|_| damaged("the signature is no text"))?;
    key.check(&hand_in_file_text(&hash), signature.trim()).map_err(wrong)
}

#[cfg(test)]
#[path = "hand_in_tests.rs"]
mod tests;
