//! Answers to pulls: pages read from one snapshot, one page or many (protocol 9).
//!
//! A push moves a feed that two hundred phones read, and all of them ask at once: what they ask about is then asked of the database
//! once. A pull that needs more than a little of it is read alone, so that no other waits for it.

use super::epoch::{self, Receipt};
use super::pull::{self, CURSOR, Cursor};
use super::pull_page::Page;
use super::{Credential, House, ServiceError};
use blindspot_core::access::Grant;
use blindspot_core::error;
use blindspot_core::feed::Feed;
use blindspot_core::limits::{FEEDS_MAX, PAGE_ROWS_MAX, ROW_SCHEMA};
use blindspot_core::wire::v1::{PullReply, PullRequest};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::DeviceRecord;
use blindspot_store::feed::Head;
use blindspot_store::{StoreError, Tx, accounts, devices, feed, meta};
use std::collections::{BTreeMap, BTreeSet};

/// Items of a page that is read together with others: with more it is read alone.
const LITTLE: usize = 100;

/// A pull that has been read: who asks, and from where.
#[derive(Clone, Debug)]
pub struct Ask {
    credential: Credential,
    cursor: Cursor,
    receipt: Option<Receipt>,
    room: usize,
}

impl Ask {
    /// Reads a request.
    ///
    /// # Errors
    /// `bad_cursor` for one that is not ours or another person's, `upgrade_required` for a row schema that this server no longer
    /// writes.
    pub fn read(house: &House, credential: Credential, request: &PullRequest) -> Result<Self, ServiceError> {
        if request.schema < ROW_SCHEMA {
            return Err(ServiceError::refused(&error::UPGRADE_REQUIRED));
        }
        let mut cursor = match &request.cursor {
            None => Cursor { person: credential.person, schema: ROW_SCHEMA, feeds: BTreeMap::new() },
            Some(text) => pull::open_text::<Cursor>(house, CURSOR, text)
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
        let receipt = pull::receipt_of(house, credential.device, request.receipt.as_deref());
        let limit = request.limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(PAGE_ROWS_MAX);
        Ok(Self { credential, cursor, receipt, room: limit.clamp(1, PAGE_ROWS_MAX) })
    }

    /// Whether some feed is read from its beginning: seldom a little.
    #[must_use]
    pub fn from_zero(&self) -> bool {
        self.cursor.feeds.is_empty() || self.cursor.feeds.values().any(Option::is_none)
    }
}

/// A page, and the scope it was read for.
#[derive(Debug)]
pub struct Answered {
    /// The page.
    pub reply: PullReply,
    /// The feeds that the person reads now.
    pub feeds: BTreeSet<Feed>,
}

/// What became of a pull.
enum Found {
    Page(Box<Answered>),
    /// The phone knows more than the database: nothing of it may be told in this epoch.
    PastLost,
    /// More is new than is read together with others.
    Much,
}

/// One page of a pull.
///
/// # Errors
/// As `Ask::read`; else the database's.
pub fn pull(
    house: &House,
    credential: Credential,
    request: &PullRequest,
    now_ms: i64,
) -> Result<PullReply, ServiceError> {
    Ok(alone(house, &Ask::read(house, credential, request)?, now_ms)?.reply)
}

/// One page, however much there is.
///
/// # Errors
/// The database's.
pub fn alone(house: &House, ask: &Ask, now_ms: i64) -> Result<Answered, ServiceError> {
    let read = || match house.store.read(|tx| answer(tx, house, &[ask], now_ms))?.pop() {
        Some(Found::Page(answered)) => Ok(Some(*answered)),
        Some(Found::PastLost) => Ok(None),
        Some(Found::Much) | None => Err(ServiceError::refused(&error::INTERNAL)),
    };
    if let Some(answered) = read()? {
        return Ok(answered);
    }
    // Judged again under the writer's lock: another phone may have told of it in the meantime.
    house.store.write(|tx| {
        let epoch = epoch::in_force(tx, &house.city)?;
        if let Some(claimed) = past_lost(tx, house, ask, epoch)? {
            epoch::open(tx, house, claimed, now_ms)?;
        }
        Ok::<_, StoreError>(())
    })?;
    read()?.ok_or_else(|| ServiceError::refused(&error::BUSY))
}

/// A page for each, from one snapshot, in their order; nothing for one that has to be read alone.
///
/// # Errors
/// The database's: then none was read, and each may be alone.
pub fn together(house: &House, asks: &[&Ask], now_ms: i64) -> Result<Vec<Option<Answered>>, ServiceError> {
    let found = house.store.read(|tx| answer(tx, house, asks, now_ms))?;
    let page = |found| if let Found::Page(answered) = found { Some(*answered) } else { None };
    Ok(found.into_iter().map(page).collect())
}

fn past_lost(tx: &Tx<'_>, house: &House, ask: &Ask, epoch: i64) -> Result<Option<i64>, StoreError> {
    let feeds: BTreeSet<Feed> = ask.cursor.feeds.keys().cloned().collect();
    let heads = feed::load_heads(tx, &house.city, &feeds)?;
    let by_cursor = epoch::lost_by_cursor(epoch, &heads, &ask.cursor.feeds);
    let Some(receipt) = ask.receipt else { return Ok(by_cursor) };
    let device = devices::load_device(tx, &house.city, ask.credential.device)?;
    let through = device.map_or(0, |d| d.received_through);
    Ok(by_cursor.max(epoch::lost_by_receipt(epoch, through, &receipt)))
}

/// What is asked once for all.
struct Common {
    devices: BTreeMap<PersonId, Vec<DeviceRecord>>,
    grants: BTreeMap<PersonId, Vec<Grant>>,
    epoch: i64,
    safe: Option<i64>,
    heads: BTreeMap<Feed, Head>,
}

/// A pull with its scope, its heads and its empty page.
struct Begun<'q> {
    ask: &'q Ask,
    scope: BTreeSet<Feed>,
    through: u64,
    page: Page,
    /// Where what is new begins; nothing when that is too much.
    news: Option<Vec<(Head, i64)>>,
}

fn answer(tx: &Tx<'_>, house: &House, asks: &[&Ask], now_ms: i64) -> Result<Vec<Found>, ServiceError> {
    let people: BTreeSet<PersonId> = asks.iter().map(|ask| ask.credential.person).collect();
    let devices = devices::load_devices_of_each(tx, &house.city, &people)?;
    let grants = accounts::load_grants_of_each(tx, &house.city, &people)?;
    let (epoch, safe) = meta::load_epoch_and_safe(tx, &house.city)?;
    let mut common = Common { devices, grants, epoch, safe, heads: BTreeMap::new() };
    let scopes: Vec<_> = asks.iter().map(|ask| common.scope(house, ask, now_ms)).collect();
    let feeds: BTreeSet<Feed> = scopes.iter().flatten().cloned().collect();
    common.heads = feed::load_heads(tx, &house.city, &feeds)?;
    let most = if asks.len() > 1 { LITTLE } else { PAGE_ROWS_MAX };
    let begun: Vec<_> = asks.iter().zip(scopes).map(|(ask, scope)| common.begin(ask, scope, most)).collect();
    let places = begun.iter().flatten().filter_map(|b| b.news.as_deref()).flatten();
    let places: Vec<(Head, i64)> = places.copied().collect();
    let news = feed::load_news(tx, &house.city, &places)?;
    let finish = |begun: Option<Begun<'_>>| match begun {
        None => Ok(Found::PastLost),
        Some(begun) if begun.news.is_none() && asks.len() > 1 => Ok(Found::Much),
        Some(begun) => {
            let news = begun.news.is_some().then_some(&news);
            Ok(Found::Page(Box::new(common.finish(tx, house, begun, news, now_ms)?)))
        }
    };
    begun.into_iter().map(finish).collect()
}

impl Common {
    fn devices_of(&self, person: PersonId) -> &[DeviceRecord] {
        self.devices.get(&person).map_or(&[], Vec::as_slice)
    }

    fn through(&self, person: PersonId, device: DeviceId) -> u64 {
        let own = self.devices_of(person).iter().find(|d| d.device_id == device);
        own.map_or(0, |d| d.received_through)
    }

    fn scope(&self, house: &House, ask: &Ask, now_ms: i64) -> BTreeSet<Feed> {
        let person = ask.credential.person;
        let grants = self.grants.get(&person).map_or(&[][..], Vec::as_slice);
        let scope = pull::scope_of(house, person, self.devices_of(person), grants, now_ms);
        if scope.len() <= FEEDS_MAX {
            return scope;
        }
        tracing::warn!(feeds = scope.len(), "a scope is wider than a cursor; the last feeds are left out");
        scope.into_iter().take(FEEDS_MAX).collect()
    }

    /// Nothing for a phone that knows more than the database.
    fn begin<'q>(&self, ask: &'q Ask, scope: BTreeSet<Feed>, most: usize) -> Option<Begun<'q>> {
        let through = self.through(ask.credential.person, ask.credential.device);
        let known = ask.cursor.feeds.iter().filter(|(feed, _)| scope.contains(*feed));
        let by_receipt = |r: &Receipt| epoch::lost_by_receipt(self.epoch, through, r).is_some();
        if epoch::lost_by_cursor(self.epoch, &self.heads, known).is_some()
            || ask.receipt.as_ref().is_some_and(by_receipt)
        {
            return None;
        }
        let page = Page::new(ask.room, self.epoch);
        let news = page.little_news(&scope, &self.heads, &ask.cursor, most);
        Some(Begun { ask, scope, through, page, news })
    }

    fn finish(
        &self,
        tx: &Tx<'_>,
        house: &House,
        begun: Begun<'_>,
        news: Option<&feed::News>,
        now_ms: i64,
    ) -> Result<Answered, ServiceError> {
        let Begun { ask, scope, through, page, .. } = begun;
        let mut cursor = ask.cursor.clone();
        let (page, removed, checkpoint) = page.read(tx, house, &scope, &self.heads, &mut cursor, news)?;
        let device = ask.credential.device;
        let reply = PullReply {
            common: pull::common_from(house, self.epoch, device, through, self.safe, now_ms),
            cursor: pull::seal_text(house, CURSOR, &cursor)?,
            feeds_added: page.added,
            feeds_removed: removed,
            rows: page.rows,
            changes: page.changes,
            checkpoint,
        };
        Ok(Answered { reply, feeds: scope })
    }
}
