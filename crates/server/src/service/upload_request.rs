//! What tus requests say of an upload: its metadata and checksums. Knows no HTTP and no storage.

use crate::service::ServiceError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::PhotoId;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::error::BAD_REQUEST;
use blindspot_core::id::Sha256;
use sha1::Digest as _;

/// What a creation names.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Bytes in all.
    pub length: u64,
    /// The photo.
    pub photo_id: PhotoId,
    /// Which form of it.
    pub form: FormName,
    /// What the bytes are.
    pub media: MediaKind,
    /// SHA-256 that they must have.
    pub sha256: Sha256,
}

impl NewUpload {
    /// Reads tus `Upload-Metadata`: pairs of a key and a base64 value. Keys nobody knows are let be.
    ///
    /// # Errors
    /// `BAD_REQUEST` naming what is missing or malformed.
    pub fn from_metadata(length: u64, metadata: &str) -> Result<Self, ServiceError> {
        let (mut photo_id, mut form, mut sha256, mut media) = (None, None, None, MediaKind::Photo);
        for pair in metadata.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let bytes = STANDARD.decode(value.trim()).map_err(|_| bad(format!("Upload-Metadata: {key}")))?;
            let value = String::from_utf8(bytes).map_err(|_| bad(format!("Upload-Metadata: {key}")))?;
            match key {
                "photo_id" => photo_id = value.parse().ok(),
                "sha256" => sha256 = Sha256::from_hex(&value),
                "form" => form = Some(FormName::from_word(&value)),
                "kind" => media = MediaKind::from_word(&value),
                _ => {}
            }
        }
        if length == 0 {
            return Err(bad("Upload-Length: no bytes"));
        }
        let known = form.filter(|f| !matches!(f, FormName::Other(_)));
        if matches!(media, MediaKind::Other(_)) {
            return Err(bad("Upload-Metadata: kind"));
        }
        // Only pictures have smaller forms.
        if media != MediaKind::Photo && known.as_ref().is_some_and(|f| *f != FormName::Original) {
            return Err(bad("Upload-Metadata: form of a voice note or document is original"));
        }
        Ok(Self {
            length,
            photo_id: photo_id.ok_or_else(|| bad("Upload-Metadata: photo_id"))?,
            form: known.ok_or_else(|| bad("Upload-Metadata: form"))?,
            media,
            sha256: sha256.ok_or_else(|| bad("Upload-Metadata: sha256"))?,
        })
    }
}

fn bad(why: impl Into<String>) -> ServiceError {
    ServiceError::because(&BAD_REQUEST, why)
}

/// A checksum that a request states for its own bytes.
#[derive(Clone, Debug)]
pub enum Checksum {
    /// SHA-256.
    Sha256(Vec<u8>),
    /// SHA-1, which tus asks every server to know.
    Sha1(Vec<u8>),
}

impl Checksum {
    /// Reads `Upload-Checksum`.
    ///
    /// # Errors
    /// `BAD_REQUEST` for another algorithm or a malformed value.
    pub fn from_header(text: &str) -> Result<Self, ServiceError> {
        let (algorithm, value) = text.trim().split_once(' ').ok_or_else(|| bad("Upload-Checksum"))?;
        let value = STANDARD.decode(value.trim()).map_err(|_| bad("Upload-Checksum: base64"))?;
        match algorithm {
            "sha256" => Ok(Checksum::Sha256(value)),
            "sha1" => Ok(Checksum::Sha1(value)),
            _ => Err(bad("Upload-Checksum: sha256 or sha1")),
        }
    }
}

pub(crate) enum Running {
    Sha256(sha2::Sha256, Vec<u8>),
    Sha1(sha1::Sha1, Vec<u8>),
}

impl Running {
    pub(crate) fn new(stated: Checksum) -> Self {
        match stated {
            Checksum::Sha256(want) => Self::Sha256(sha2::Sha256::new(), want),
            Checksum::Sha1(want) => Self::Sha1(sha1::Sha1::new(), want),
        }
    }
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher, _) => hasher.update(bytes),
            Self::Sha1(hasher, _) => hasher.update(bytes),
        }
    }
    pub(crate) fn holds(self) -> bool {
        match self {
            Self::Sha256(hasher, want) => hasher.finalize().as_slice() == want,
            Self::Sha1(hasher, want) => hasher.finalize().as_slice() == want,
        }
    }
}

/// The digest of bytes as they come, and their beginning.
#[derive(Default)]
pub(super) struct Gathered {
    hasher: sha2::Sha256,
    head: Vec<u8>,
}

impl Gathered {
    /// Enough to tell a file's kind by.
    const HEAD: usize = 256;

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let room = Self::HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        sha2::Digest::update(&mut self.hasher, bytes);
    }

    pub(super) fn finish(self) -> (Sha256, Vec<u8>) {
        (Sha256(sha2::Digest::finalize(self.hasher).into()), self.head)
    }
}
