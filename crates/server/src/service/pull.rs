//! Pull: a person's scope, pages of its feeds, and the checkpoint that closes them (protocol 9).
//!
//! Each page is one read snapshot of its own. Must not know HTTP, nor how long anybody waits.

use super::epoch::{self, Receipt};
use super::pull_page::Page;
use super::{Credential, House, ServiceError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::error;
use blindspot_core::feed::{Feed, feeds_for};
use blindspot_core::limits::{FEEDS_MAX, PAGE_ROWS_MAX, ROW_SCHEMA};
use blindspot_core::wire::v1::{Common, PullReply, PullRequest};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::DeviceRecord;
use blindspot_store::{StoreError, Tx, accounts, devices, feed, meta};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const CURSOR: &str = "pull cursor";
const RECEIPT: &str = "receipt";

/// Where a phone stands, inside the authenticated cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    person: PersonId,
    schema: u32,
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
    scope_with(tx, house, person, &devices, now_ms)
}

/// As `scope_in`, with the person's devices at hand.
fn scope_with(
    tx: &Tx<'_>,
    house: &House,
    person: PersonId,
    devices: &[DeviceRecord],
    now_ms: i64,
) -> Result<BTreeSet<Feed>, StoreError> {
    let grants = accounts::load_grants(tx, &house.city, person)?;
    // Desk sessions come and go by the hundred; their verdicts are in the answers themselves.
    let devices: Vec<DeviceId> = devices.iter().filter(|d| !d.desk).map(|d| d.device_id).collect();
    Ok(feeds_for(person, &devices, &grants, &house.reference().towns, now_ms))
}

/// Whether a long poll should answer: anything came or went.
#[must_use]
pub fn is_news(reply: &PullReply) -> bool {
    !(reply.feeds_added.is_empty() && reply.feeds_removed.is_empty() && reply.changes.is_empty())
        || reply.checkpoint.is_none()
}

/// One page of a pull.
///
/// # Errors
/// `bad_cursor` for one that is not ours or another person's, `upgrade_required` for a row schema that
/// this server no longer writes; else the database's.
pub fn pull(
    house: &House,
    credential: Credential,
    request: &PullRequest,
    now_ms: i64,
) -> Result<PullReply, ServiceError> {
    if request.schema < ROW_SCHEMA {
        return Err(ServiceError::refused(&error::UPGRADE_REQUIRED));
    }
    let mut cursor = match &request.cursor {
        None => Cursor { person: credential.person, schema: ROW_SCHEMA, feeds: BTreeMap::new() },
        Some(text) => open_text::<Cursor>(house, CURSOR, text)
            .filter(|c| c.person == credential.person)
            .ok_or_else(|| ServiceError::refused(&error::BAD_CURSOR))?,
    };
    if cursor.schema != ROW_SCHEMA {
        cursor.schema = ROW_SCHEMA;
        cursor.feeds.values_mut().for_each(|at| *at = None);
    }
    for feed in &request.reread {
        if let Some(at) = cursor.feeds.get_mut(feed) {
            *at = None;
        }
    }
    let receipt = receipt_of(house, credential.device, request.receipt.as_deref());
    match page(house, credential, request, cursor.clone(), receipt, now_ms)? {
        Found::Page(reply) => Ok(*reply),
        Found::PastLost => {
            // Judged again under the writer's lock: another phone may have told of it in the meantime.
            house.store.write(|tx| {
                let epoch = epoch::in_force(tx, &house.city)?;
                if let Some(claimed) = past_lost(tx, house, credential, epoch, &cursor, receipt)? {
                    epoch::open(tx, house, claimed, now_ms)?;
                }
                Ok::<_, StoreError>(())
            })?;
            match page(house, credential, request, cursor, receipt, now_ms)? {
                Found::Page(reply) => Ok(*reply),
                Found::PastLost => Err(ServiceError::refused(&error::BUSY)),
            }
        }
    }
}

enum Found {
    Page(Box<PullReply>),
    /// The phone knows more than the database: nothing of it may be told in this epoch.
    PastLost,
}

fn past_lost(
    tx: &Tx<'_>,
    house: &House,
    credential: Credential,
    epoch: i64,
    cursor: &Cursor,
    receipt: Option<Receipt>,
) -> Result<Option<i64>, StoreError> {
    let feeds: BTreeSet<Feed> = cursor.feeds.keys().cloned().collect();
    let by_cursor = epoch::lost_by_cursor(epoch, &feed::load_heads(tx, &house.city, &feeds)?, &cursor.feeds);
    let Some(receipt) = receipt else { return Ok(by_cursor) };
    let device = devices::load_device(tx, &house.city, credential.device)?;
    let through = device.map_or(0, |d| d.received_through);
    Ok(by_cursor.max(epoch::lost_by_receipt(epoch, through, &receipt)))
}

fn page(
    house: &House,
    credential: Credential,
    request: &PullRequest,
    mut cursor: Cursor,
    receipt: Option<Receipt>,
    now_ms: i64,
) -> Result<Found, ServiceError> {
    let limit = request.limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(PAGE_ROWS_MAX);
    house.store.read(|tx| {
        let devices = devices::load_devices_of(tx, &house.city, credential.person)?;
        let mut scope = scope_with(tx, house, credential.person, &devices, now_ms)?;
        if scope.len() > FEEDS_MAX {
            tracing::warn!(
                feeds = scope.len(),
                "a scope is wider than a cursor; the last feeds are left out"
            );
            scope = scope.into_iter().take(FEEDS_MAX).collect();
        }
        let (epoch, safe) = meta::load_epoch_and_safe(tx, &house.city)?;
        let own = devices.iter().find(|d| d.device_id == credential.device);
        let through = own.map_or(0, |d| d.received_through);
        let heads = feed::load_heads(tx, &house.city, &scope)?;
        let known = cursor.feeds.iter().filter(|(feed, _)| scope.contains(*feed));
        if epoch::lost_by_cursor(epoch, &heads, known).is_some()
            || receipt.is_some_and(|r| epoch::lost_by_receipt(epoch, through, &r).is_some())
        {
            return Ok(Found::PastLost);
        }
        let page = Page::new(limit.clamp(1, PAGE_ROWS_MAX), epoch);
        let (page, removed, checkpoint) = page.read(tx, house, &scope, &heads, &mut cursor)?;
        Ok(Found::Page(Box::new(PullReply {
            common: common_from(house, epoch, credential.device, through, safe, now_ms),
            cursor: seal_text(house, CURSOR, &cursor)?,
            feeds_added: page.added,
            feeds_removed: removed,
            rows: page.rows,
            changes: page.changes,
            checkpoint,
        })))
    })
}
