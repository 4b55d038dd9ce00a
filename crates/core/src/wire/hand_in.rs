//! The exported file of unsent work (protocol 5): what stands in it and what is signed. Knows no file.
//!
//! A tar archive: `manifest.json`, `manifest.sig`, `ops.jsonl`, then `blobs/<sha256>`. The manifest names every op and
//! every form by its hash, and the device key signs the manifest: nothing in the file can be changed, left out or added
//! unseen, and what is whole in a damaged file is still of use.

use crate::command::{FormName, MediaKind};
use crate::id::{CityId, DeviceId, PersonId, PhotoId, Sha256};
use crate::wire::account::KeyAlg;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The media type of the file.
pub const HAND_IN_TYPE: &str = "application/vnd.blindspot.hand-in";
/// Name of the first entry.
pub const MANIFEST: &str = "manifest.json";
/// Name of the second: the signature, base64url.
pub const SIGNATURE: &str = "manifest.sig";
/// Name of the third: a line an op, each a JSON string that holds its captured bytes.
pub const OPS: &str = "ops.jsonl";
/// Folder of the rest.
pub const BLOBS: &str = "blobs/";

/// What stands in the file, signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInManifest {
    /// Version of the format.
    pub v: u32,
    /// The city.
    pub city_id: CityId,
    /// The enrolment whose key signs.
    pub device_id: DeviceId,
    /// Its person: the author.
    pub person_id: PersonId,
    /// The kind of the key.
    pub key_alg: KeyAlg,
    /// The public key, base64url; a server that knows the device takes its own copy.
    pub public_key: String,
    /// When it was made, by the phone's wall clock.
    pub made_ms: i64,
    /// SHA-256 of each op's captured bytes, in the order of the outbox.
    pub ops: Vec<Sha256>,
    /// Forms whose bytes are in the file.
    pub photos: Vec<HandInPhoto>,
}

/// A form of a photo in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInPhoto {
    /// The photo.
    pub photo_id: PhotoId,
    /// Which form of it.
    pub form: FormName,
    /// What the bytes are.
    pub media: MediaKind,
    /// SHA-256 of the bytes, which names their entry.
    pub sha256: Sha256,
    /// How many.
    pub bytes: u64,
}

/// What a server made of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInReply {
    /// Server time.
    pub server_ms: i64,
    /// SHA-256 of the manifest, which names the file.
    pub manifest: Sha256,
    /// Whose work it was.
    pub device_id: DeviceId,
    /// How many ops have which verdict now.
    pub ops: BTreeMap<String, u64>,
    /// Ops that the server had before.
    pub seen_before: u64,
    /// Forms that are stored.
    pub photos: u64,
    /// Ops and forms that the manifest names and that the file does not hold whole: the phone still has them.
    pub missing: u64,
    /// Forms that are refused, with the problem's code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<HandInRefusal>,
}

/// A form that a server does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInRefusal {
    /// The photo.
    pub photo_id: PhotoId,
    /// Which form.
    pub form: FormName,
    /// Why.
    pub code: String,
}

/// Text that the device key signs.
#[must_use]
pub fn hand_in_file_text(manifest: &Sha256) -> String {
    format!("hand-in-file\n{}", manifest.to_hex())
}
