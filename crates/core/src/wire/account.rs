//! Frames of enrolment, token refresh and `/v1/me` (protocol 12).

use crate::access::Grant;
use crate::id::{CityId, DeviceId, PersonId};
use serde::{Deserialize, Serialize};

crate::open_enum! {
    /// The kind of a device key.
    pub enum KeyAlg {
        /// Ed25519, 32 bytes.
        EdDsa = "EdDSA",
        /// ECDSA P-256, SEC1 point, for hardware keystores.
        Es256 = "ES256",
    }
}

/// `POST /v1/devices/enrol`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrolRequest {
    /// The one-time code from the QR.
    pub code: String,
    /// The kind of key.
    pub key_alg: KeyAlg,
    /// The public key, base64url without padding.
    pub public_key: String,
    /// A name for the phone, as its person would say it.
    #[serde(default)]
    pub label: String,
    /// App and version.
    #[serde(default)]
    pub app: String,
    /// Signature over `enrol\n<code>\n<public_key>` with the device key, base64url: the key is really held.
    pub proof: String,
}

/// The answer to an enrolment, signed by the server's identity key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrolReply {
    /// The new enrolment.
    pub device_id: DeviceId,
    /// The person it is for.
    pub person_id: PersonId,
    /// The person's name as shown.
    pub person_name: String,
    /// The city.
    pub city_id: CityId,
    /// The city's name as shown.
    pub city_name: String,
    /// Digits that go in front of local tags: `37` of `37-0312`.
    pub tag_prefix: u32,
    /// Server time.
    pub server_ms: i64,
    /// Tokens to begin with.
    pub tokens: Tokens,
    /// The server's identity key, base64url; its SHA-256 is in the QR.
    pub identity_key: String,
    /// Signature by it over `enrolled\n<device_id>\n<person_id>\n<public_key>`, base64url.
    pub signature: String,
    /// The person's grants.
    pub grants: Vec<Grant>,
}

/// Access and refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// `Authorization: Bearer` for 15 minutes.
    pub access: String,
    /// When it ends, server time.
    pub access_until_ms: i64,
    /// Buys the next pair.
    pub refresh: String,
}

/// `POST /v1/token/refresh`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefreshRequest {
    /// The enrolment.
    pub device_id: DeviceId,
    /// The refresh token held.
    pub refresh: String,
    /// Sixteen or more random bytes, base64url, new each time.
    pub nonce: String,
    /// Signature over `refresh\n<device_id>\n<refresh>\n<nonce>` with the device key, base64url.
    pub proof: String,
    /// The last receipt the phone got: after a restore it tells the server what it has lost, so that a token
    /// newer than the backup is taken for what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

/// The answer to a refresh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefreshReply {
    /// The next pair.
    pub tokens: Tokens,
    /// Server time.
    pub server_ms: i64,
}

/// `POST /v1/token/hand-in/nonce`: the first step of a phone that was revoked and still holds work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInNonceRequest {
    /// The enrolment.
    pub device_id: DeviceId,
}

/// The server's nonce, to be signed with the device key within minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInNonce {
    /// Opaque.
    pub nonce: String,
    /// Server time.
    pub server_ms: i64,
}

/// `POST /v1/token/hand-in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInTokenRequest {
    /// The enrolment.
    pub device_id: DeviceId,
    /// The server's nonce.
    pub nonce: String,
    /// Signature over `hand-in\n<device_id>\n<nonce>` with the device key, base64url.
    pub proof: String,
}

/// A token that opens push and photo upload, nothing else; all that comes by it waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandInToken {
    /// `Authorization: Bearer`.
    pub access: String,
    /// When it ends, server time.
    pub access_until_ms: i64,
    /// Until when tokens are given to this device; afterwards the exported file is the way.
    pub until_ms: i64,
    /// Server time.
    pub server_ms: i64,
}

/// `GET /v1/me`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The person.
    pub person_id: PersonId,
    /// Name as shown.
    pub name: String,
    /// The city.
    pub city_id: CityId,
    /// The city's name as shown.
    pub city_name: String,
    /// The device, for phones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// The person's grants.
    pub grants: Vec<Grant>,
    /// Server time.
    pub server_ms: i64,
    /// Epoch.
    pub epoch: i64,
}

/// Text that a device signs to prove its key at enrolment.
#[must_use]
pub fn enrol_proof_text(code: &str, public_key: &str) -> String {
    format!("enrol\n{code}\n{public_key}")
}

/// Text that the server signs to close an enrolment.
#[must_use]
pub fn enrolled_text(device: DeviceId, person: PersonId, public_key: &str) -> String {
    format!("enrolled\n{device}\n{person}\n{public_key}")
}

/// Text that a revoked device signs to hand in its work.
#[must_use]
pub fn hand_in_proof_text(device: DeviceId, nonce: &str) -> String {
    format!("hand-in\n{device}\n{nonce}")
}

/// Text that a device signs to refresh.
#[must_use]
pub fn refresh_proof_text(device: DeviceId, refresh: &str, nonce: &str) -> String {
    format!("refresh\n{device}\n{refresh}\n{nonce}")
}
