//! Unsent work as one file, signed by the device key: for another phone or a desk to hand in (protocol 5). Nothing on
//! this phone changes: what is in the file may be sent from here as well, twice does no harm.

use crate::error::ClientError;
use crate::host::{FileProblem, Now};
use crate::replica::Replica;
use crate::store::{captures, outbox, uploads};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::PhotoId;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::id::Sha256;
use blindspot_core::wire::account::KeyAlg;
use blindspot_core::wire::hand_in::{
    BLOBS, HandInManifest, HandInPhoto, MANIFEST, OPS, SIGNATURE, hand_in_file_text,
};
use ed25519_dalek::SigningKey;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use tar::{Builder, EntryType, Header};

/// What an exported file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Ops that the server has not acknowledged, the tray included.
    pub ops: u64,
    /// Forms of photos, voice notes and documents.
    pub photos: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Captures that are saved and could not be sealed into ops yet: they are not in the file.
    pub captures_left: u64,
    /// Photos of which a form is missing or damaged here: it is not in the file.
    pub photos_left: Vec<PhotoId>,
}

impl Replica {
    /// Writes everything that the server has not acknowledged. Seal first (`seal_next`): a capture that is not sealed
    /// is no op yet.
    ///
    /// # Errors
    /// `NotEnrolled` before a first enrolment; `Files` when the file cannot be written or the key is gone; `Db`.
    pub fn export_unsent(&self, out: impl Write, now: &Now) -> Result<Exported, ClientError> {
        let identity = self.enrolled()?;
        let secret = self.keys.load(&identity.key_slot)?;
        let secret = secret.ok_or_else(|| ClientError::Stored("no device key".into()))?;
        let ops = outbox::not_acknowledged(&self.db)?;
        let (photos, photos_left) = self.forms_here()?;
        let manifest = HandInManifest {
            v: 1,
            city_id: identity.city_id,
            device_id: identity.device_id,
            person_id: identity.person_id,
            key_alg: KeyAlg::EdDsa,
            public_key: URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(&secret).verifying_key().as_bytes()),
            made_ms: now.wall_ms,
            ops: ops.iter().map(|body| Sha256::of(body.as_bytes())).collect(),
            photos: photos.iter().map(|(photo, _)| photo.clone()).collect(),
        };
        let text = serde_json::to_vec(&manifest)?;
        let signature = self.sign(&identity.key_slot, &hand_in_file_text(&Sha256::of(&text)))?;
        let mut lines = Vec::new();
        for body in &ops {
            serde_json::to_writer(&mut lines, body)?;
            lines.push(b'\n');
        }
        let mut file = Packed { tar: Builder::new(out), at_s: now.wall_ms.div_euclid(1000) };
        file.add(MANIFEST, &text)?;
        file.add(SIGNATURE, signature.as_bytes())?;
        file.add(OPS, &lines)?;
        let (mut packed, mut bytes) = (BTreeSet::new(), 0);
        for (photo, name) in &photos {
            if packed.insert(photo.sha256) {
                file.add(&format!("{BLOBS}{}", photo.sha256.to_hex()), &self.files.read(name)?)?;
                bytes += photo.bytes;
            }
        }
        file.tar.into_inner().and_then(|mut out| out.flush()).map_err(problem)?;
        Ok(Exported {
            ops: ops.len() as u64,
            photos: photos.len() as u64,
            bytes,
            captures_left: captures::counts(&self.db)?.0,
            photos_left,
        })
    }

    /// Forms to send whose bytes are here and whole, each with its file; and the photos that miss one.
    fn forms_here(&self) -> Result<(Vec<InFile>, Vec<PhotoId>), ClientError> {
        let (mut here, mut left) = (vec![], vec![]);
        for upload in uploads::list(&self.db)?.into_iter().filter(|u| u.state == 0) {
            if self.files.len(&upload.file)? != Some(upload.bytes) {
                left.push(upload.photo_id);
                continue;
            }
            let photo = HandInPhoto {
                photo_id: upload.photo_id,
                form: FormName::from_word(&upload.form),
                media: MediaKind::from_word(&upload.media),
                sha256: Sha256::from_hex(&upload.sha256)
                    .ok_or_else(|| ClientError::Stored(format!("hash of {}", upload.photo_id)))?,
                bytes: upload.bytes,
            };
            here.push((photo, upload.file));
        }
        left.dedup();
        Ok((here, left))
    }
}

/// A form, and the file that holds its bytes.
type InFile = (HandInPhoto, String);

struct Packed<W: Write> {
    tar: Builder<W>,
    at_s: i64,
}

impl<W: Write> Packed<W> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
        let mut header = Header::new_ustar();
        header.set_path(name).map_err(problem)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.at_s).unwrap_or(0));
        header.set_cksum();
        self.tar.append(&header, bytes).map_err(problem)
    }
}

fn problem(error: std::io::Error) -> ClientError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => FileProblem::Full.into(),
        _ => FileProblem::Io(error.to_string()).into(),
    }
}
