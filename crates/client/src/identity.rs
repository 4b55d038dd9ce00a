//! Who a replica is: one enrolment of one person in one city.

use blindspot_core::id::CityId;
use blindspot_core::{DeviceId, PersonId};
use serde::{Deserialize, Serialize};

/// The enrolment that stands on a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The server's address, without a slash at its end.
    pub base: String,
    /// The enrolment.
    pub device_id: DeviceId,
    /// Its person.
    pub person_id: PersonId,
    /// The person's name as shown.
    pub person_name: String,
    /// The city.
    pub city_id: CityId,
    /// The city's name as shown.
    pub city_name: String,
    /// Digits in front of local tags.
    pub tag_prefix: u32,
    /// When it was enrolled, server time.
    pub enrolled_ms: i64,
    /// The server's identity key, base64url.
    pub identity_key: String,
    /// Where the device key lies in the key store.
    pub key_slot: String,
}

/// An enrolment that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) base: String,
    pub(crate) public_key: String,
    pub(crate) fingerprint: Option<String>,
    pub(crate) key_slot: String,
}

/// Whether the access token is over, or nearly, by the server's clock.
pub(crate) fn stale(access_until_ms: i64, server_now_ms: i64) -> bool {
    access_until_ms.saturating_sub(server_now_ms) < 60_000
}
