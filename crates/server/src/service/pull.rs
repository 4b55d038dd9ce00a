//! Pull: a person's scope, pages of its feeds, and the checkpoint that closes them (protocol 9).
//!
//! Each page is one read snapshot of its own. Must not know HTTP, nor how long anybody waits.

use super::epoch::{self, Receipt};
use super::{Credential, House, ServiceError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::error;
use blindspot_core::feed::{Feed, feeds_for};
use blindspot_core::limits::{FEEDS_MAX, PAGE_BYTES_MAX, PAGE_ROWS_MAX, ROW_SCHEMA};
use blindspot_core::mutant;
use blindspot_core::row::RowKey;
use blindspot_core::wire::v1::{Checkpoint, Common, FeedChange, FeedHead, PullReply, PullRequest, WireRow};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::DeviceRecord;
use blindspot_store::feed::{Head, Item};
use blindspot_store::{StoreError, Tx, accounts, devices, feed, meta};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

const CURSOR: &str = "pull cursor";
const RECEIPT: &str = "receipt";

/// Where a phone stands, inside the authenticated cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    person: PersonId,
    schema: u32,
    /// Per feed: epoch and seq; `None` when it must be read again from zero.
    feeds: BTreeMap<Feed, Option<(i64, i64)>>,
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

/// A page being filled from one snapshot.
struct Page {
    epoch: i64,
    room: usize,
    bytes: usize,
    rows: Vec<WireRow>,
    at: BTreeMap<RowKey, u32>,
    changes: Vec<FeedChange>,
    added: Vec<Feed>,
    /// Items that were read for several feeds at once.
    ahead: BTreeMap<Feed, Vec<Item>>,
}

impl Page {
    fn new(room: usize, epoch: i64) -> Self {
        Self {
            epoch,
            room,
            bytes: 0,
            rows: vec![],
            at: BTreeMap::new(),
            changes: vec![],
            added: vec![],
            ahead: BTreeMap::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.room == 0 || self.bytes >= PAGE_BYTES_MAX
    }

    fn read(
        mut self,
        tx: &Tx<'_>,
        house: &House,
        scope: &BTreeSet<Feed>,
        heads: &BTreeMap<Feed, Head>,
        cursor: &mut Cursor,
    ) -> Result<(Self, Vec<Feed>, Option<Checkpoint>), ServiceError> {
        let removed: Vec<Feed> = cursor.feeds.keys().filter(|f| !scope.contains(*f)).cloned().collect();
        cursor.feeds.retain(|feed, _| scope.contains(feed));
        self.read_ahead(tx, house, scope, heads, cursor)?;
        let mut all_reached = true;
        for feed in scope {
            let head = heads.get(feed).copied().unwrap_or_default();
            all_reached &= self.read_feed(tx, house, feed, head, cursor)?;
        }
        let checkpoint = all_reached.then(|| Checkpoint {
            heads: scope
                .iter()
                .map(|feed| wire_head(feed, heads.get(feed).copied().unwrap_or_default()))
                .collect(),
        });
        Ok((self, removed, checkpoint))
    }

    /// Where a feed is read on from; nothing when that is from zero. Another epoch, or a place beyond the head: what the
    /// phone holds is of another history. A place before the purged markers: what left since then is no longer known.
    fn place(&self, known: Option<Option<(i64, i64)>>, head: Head) -> Option<i64> {
        let of_now =
            |(epoch, seq): &(i64, i64)| *epoch == self.epoch && (head.min_seq..=head.seq).contains(seq);
        known.flatten().filter(of_now).map(|(_, seq)| seq)
    }

    /// When all that is new in all feeds has room in this page, it is read at once: most pulls are so.
    fn read_ahead(
        &mut self,
        tx: &Tx<'_>,
        house: &House,
        scope: &BTreeSet<Feed>,
        heads: &BTreeMap<Feed, Head>,
        cursor: &Cursor,
    ) -> Result<(), StoreError> {
        let moved = scope.iter().filter_map(|feed| {
            let head = *heads.get(feed)?;
            let after = self.place(cursor.feeds.get(feed).copied(), head).unwrap_or(0);
            (after < head.seq).then_some((feed, (head, after)))
        });
        let (feeds, places): (Vec<&Feed>, Vec<(Head, i64)>) = moved.unzip();
        let room = i64::try_from(self.room).unwrap_or(i64::MAX);
        if feeds.len() > 1 && places.iter().map(|(head, after)| head.seq - after).sum::<i64>() <= room {
            let items = feed::load_items_of_each(tx, &house.city, &places)?;
            self.ahead = feeds.into_iter().cloned().zip(items).collect();
        }
        Ok(())
    }

    /// Reads a feed as far as there is room; says whether its head was reached.
    fn read_feed(
        &mut self,
        tx: &Tx<'_>,
        house: &House,
        feed: &Feed,
        head: Head,
        cursor: &mut Cursor,
    ) -> Result<bool, ServiceError> {
        let known = cursor.feeds.get(feed).copied();
        let at = self.place(known, head);
        let from_zero = at.is_none();
        let mut after = at.unwrap_or(0);
        after += i64::from(mutant::is("cursor_skips") && !from_zero && after < head.seq - 1);
        if mutant::is("new_feed_from_head") && known.is_none() && head.seq > 2 {
            after = head.seq - 1;
        }
        if !from_zero && after == head.seq {
            return Ok(true);
        }
        if self.is_full() {
            if known.is_some() && from_zero {
                cursor.feeds.insert(feed.clone(), None);
            }
            return Ok(false);
        }
        if known.is_none() {
            self.added.push(feed.clone());
        }
        let mut change = FeedChange { feed: feed.clone(), from_zero, entered: vec![], left: vec![] };
        let mut reached = after;
        let items = match self.ahead.remove(feed) {
            Some(items) => items,
            None if after >= head.seq => vec![],
            None => feed::load_items_of(tx, &house.city, &head, after, self.room)?,
        };
        for item in items.into_iter().skip_while(|item| item.seq <= after) {
            if self.is_full() {
                break;
            }
            reached = item.seq;
            self.put(item, &mut change)?;
        }
        self.changes.push(change);
        // The items that a feed keeps end at its head: the newest change always stands there.
        cursor.feeds.insert(feed.clone(), Some((self.epoch, reached)));
        Ok(reached == head.seq)
    }

    fn put(&mut self, item: Item, change: &mut FeedChange) -> Result<(), ServiceError> {
        self.room -= 1;
        let Some((rev, body)) = item.row else {
            if !mutant::is("left_marker_lost") {
                change.left.push(item.key);
            }
            return Ok(());
        };
        let index = match self.at.get(&item.key) {
            Some(index) => *index,
            None => {
                let index = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
                self.bytes += body.len();
                self.at.insert(item.key.clone(), index);
                self.rows.push(WireRow { key: item.key, rev, body: RawValue::from_string(body)? });
                index
            }
        };
        change.entered.push(index);
        Ok(())
    }
}

fn wire_head(feed: &Feed, head: Head) -> FeedHead {
    FeedHead { feed: feed.clone(), seq: head.seq, count: head.digest.count, digest: head.digest.sum_hex() }
}
