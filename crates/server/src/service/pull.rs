//! Pull: a person's scope, and what a phone holds in its hands for us: its cursor and its receipt (protocol 9).
//!
//! Must not know HTTP, nor how long anybody waits; what a page holds is `pull_answer`'s.

pub use super::pull_answer::{Answered, Ask, alone, pull, together};

use super::epoch::Receipt;
use super::{Credential, House, ServiceError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::access::Grant;
use blindspot_core::feed::{Feed, feeds_for};
use blindspot_core::wire::v1::{Common, PullReply};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::DeviceRecord;
use blindspot_store::{StoreError, Tx, accounts, devices, meta};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CURSOR: &str = "pull cursor";
const RECEIPT: &str = "receipt";

/// Where a phone stands, inside the authenticated cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) person: PersonId,
    pub(super) schema: u32,
    /// Per feed: epoch and seq; `None` when it must be read again from zero.
    pub(super) feeds: BTreeMap<Feed, Option<(i64, i64)>>,
}

/// Text with its MAC, base64url both, joined by a dot.
pub(crate) fn seal_text<T: Serialize>(
    house: &House,
    purpose: &str,
    value: &T,
) -> Result<String, ServiceError> {
    let text = serde_json::to_vec(value)?;
    let mac = house.keys.mac(purpose, &text);
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(mac)))
}

/// The value of a text that `seal_text` made; `None` for any other.
pub(crate) fn open_text<T: for<'de> Deserialize<'de>>(
    house: &House,
    purpose: &str,
    sealed: &str,
) -> Option<T> {
    let (text, mac) = sealed.split_once('.')?;
    let (text, mac) = (URL_SAFE_NO_PAD.decode(text).ok()?, URL_SAFE_NO_PAD.decode(mac).ok()?);
    if !house.keys.mac_matches(purpose, &text, &mac) {
        return None;
    }
    serde_json::from_slice(&text).ok()
}

/// What every reply carries, from parts already read.
pub(crate) fn common_from(
    house: &House,
    epoch: i64,
    device: DeviceId,
    received_through: u64,
    safe_through: Option<i64>,
    now_ms: i64,
) -> Common {
    let receipt = Receipt { device, epoch, received_through };
    // Three plain numbers always encode.
    let receipt = seal_text(house, RECEIPT, &receipt).unwrap_or_default();
    Common { server_ms: now_ms, epoch, safe_through, receipt }
}

/// What a phone's last receipt says, when that is ours and of this device.
pub(crate) fn receipt_of(house: &House, device: DeviceId, receipt: Option<&str>) -> Option<Receipt> {
    open_text::<Receipt>(house, RECEIPT, receipt?).filter(|r| r.device == device)
}

/// What every reply carries.
///
/// # Errors
/// The database's.
pub fn common(house: &House, credential: Credential, now_ms: i64) -> Result<Common, ServiceError> {
    house.store.read(|tx| {
        let device = devices::load_device(tx, &house.city, credential.device)?;
        let through = device.map_or(0, |d| d.received_through);
        let (epoch, safe) = meta::load_epoch_and_safe(tx, &house.city)?;
        Ok(common_from(house, epoch, credential.device, through, safe, now_ms))
    })
}

/// The feeds a person reads now.
///
/// # Errors
/// The database's.
pub fn scope(house: &House, credential: Credential, now_ms: i64) -> Result<BTreeSet<Feed>, ServiceError> {
    Ok(house.store.read(|tx| scope_in(tx, house, credential.person, now_ms))?)
}

pub(crate) fn scope_in(
    tx: &Tx<'_>,
    house: &House,
    person: PersonId,
    now_ms: i64,
) -> Result<BTreeSet<Feed>, StoreError> {
    let devices = devices::load_devices_of(tx, &house.city, person)?;
    let grants = accounts::load_grants(tx, &house.city, person)?;
    Ok(scope_of(house, person, &devices, &grants, now_ms))
}

/// As `scope_in`, with the person's devices and grants at hand.
pub(super) fn scope_of(
    house: &House,
    person: PersonId,
    devices: &[DeviceRecord],
    grants: &[Grant],
    now_ms: i64,
) -> BTreeSet<Feed> {
    // Desk sessions come and go by the hundred; their verdicts are in the answers themselves.
    let devices: Vec<DeviceId> = devices.iter().filter(|d| !d.desk).map(|d| d.device_id).collect();
    feeds_for(person, &devices, grants, &house.reference().towns, now_ms)
}

/// Whether a long poll should answer: anything came or went.
#[must_use]
pub fn is_news(reply: &PullReply) -> bool {
    !(reply.feeds_added.is_empty() && reply.feeds_removed.is_empty() && reply.changes.is_empty())
        || reply.checkpoint.is_none()
}
