//! The mirror: rows as the server merged them, and which feed holds which. Only pull writes here.

use super::parsed;
use crate::error::ClientError;
use blindspot_core::CaseId;
use blindspot_core::feed::Feed;
use blindspot_core::id::Sha256;
use blindspot_core::row::{Rev, RowKey, RowKind, entry_hash};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeSet;

/// Writes a row when its revision is higher, or also when it is the same (`heal`: a feed read again
/// after a mismatch must be able to repair a row). Says whether it was written.
pub(crate) fn put(
    db: &Connection,
    key: &RowKey,
    rev: Rev,
    body: &str,
    case: Option<CaseId>,
    heal: bool,
) -> Result<bool, ClientError> {
    let entry = entry_hash(key, rev, &Sha256::of(body.as_bytes())).to_be_bytes();
    let changed = db
        .prepare_cached(
            "INSERT INTO rows (kind, id, epoch, n, body, entry, case_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (kind, id) DO UPDATE SET epoch = ?3, n = ?4, body = ?5, entry = ?6, case_id = ?7
             WHERE (?3, ?4) > (epoch, n) OR (?8 AND (?3, ?4) = (epoch, n))",
        )?
        .execute(params![
            key.kind.as_str(),
            key.id,
            rev.0,
            rev.1,
            body,
            entry.as_slice(),
            case.map(|c| c.to_string()),
            heal
        ])?;
    Ok(changed > 0)
}

/// After a new epoch: rows stay shown, and whatever the server now says of them replaces them.
pub(crate) fn forget_revisions(db: &Connection) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE rows SET epoch = 0, n = 0")?.execute([])?;
    Ok(())
}

pub(crate) fn enter(db: &Connection, feed: &Feed, key: &RowKey) -> Result<(), ClientError> {
    db.prepare_cached("INSERT OR IGNORE INTO feed_rows (feed, kind, id) VALUES (?1, ?2, ?3)")?
        .execute(params![feed.as_str(), key.kind.as_str(), key.id])?;
    Ok(())
}

pub(crate) fn leave(db: &Connection, feed: &Feed, key: &RowKey) -> Result<(), ClientError> {
    db.prepare_cached("DELETE FROM feed_rows WHERE feed = ?1 AND kind = ?2 AND id = ?3")?
        .execute(params![feed.as_str(), key.kind.as_str(), key.id])?;
    Ok(())
}

/// Forgets what a feed held; the rows themselves go in `sweep`.
pub(crate) fn empty_feed(db: &Connection, feed: &Feed) -> Result<(), ClientError> {
    db.prepare_cached("DELETE FROM feed_rows WHERE feed = ?1")?.execute([feed.as_str()])?;
    Ok(())
}

/// The feeds that hold a row.
pub(crate) fn feeds_of(db: &Connection, key: &RowKey) -> Result<Vec<Feed>, ClientError> {
    let mut query = db.prepare_cached("SELECT feed FROM feed_rows WHERE kind = ?1 AND id = ?2")?;
    let rows = query.query_map(params![key.kind.as_str(), key.id], |r| Ok(Feed(r.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Drops rows that no feed holds, but for those of cases with work that is not on the server yet:
/// they stay, marked (已不归你管; 你拍的仍会上传). Says how many went.
pub(crate) fn sweep(db: &Connection) -> Result<usize, ClientError> {
    db.prepare_cached(
        "UPDATE rows SET pinned = NOT EXISTS
           (SELECT 1 FROM feed_rows f WHERE f.kind = rows.kind AND f.id = rows.id)
         WHERE pinned <> NOT EXISTS (SELECT 1 FROM feed_rows f WHERE f.kind = rows.kind AND f.id = rows.id)",
    )?
    .execute([])?;
    Ok(db
        .prepare_cached(
            "DELETE FROM rows WHERE pinned = 1 AND (case_id IS NULL OR case_id NOT IN (
           SELECT c.case_id FROM outbox_cases c JOIN outbox o ON o.n = c.n WHERE o.overlay = 1
           UNION SELECT case_id FROM uploads WHERE state IN (0, 3)
           UNION SELECT case_id FROM captures WHERE state = 0))",
        )?
        .execute([])?)
}

/// Whether rows stay only because of unsent work.
pub(crate) fn any_pinned(db: &Connection) -> Result<bool, ClientError> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM rows WHERE pinned = 1)")?
        .query_row([], |r| r.get(0))?)
}

/// The case ids in the mirror, newest change last read first left to the caller.
pub(crate) fn case_ids(db: &Connection) -> Result<Vec<CaseId>, ClientError> {
    let mut query = db.prepare_cached("SELECT id FROM rows WHERE kind = 'case' ORDER BY id")?;
    let mut rows = query.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(parsed(&row.get::<_, String>(0)?)?);
    }
    Ok(ids)
}

/// The rows of a case, and whether it is pinned.
pub(crate) fn of_case(db: &Connection, case: CaseId) -> Result<(Vec<(RowKind, String)>, bool), ClientError> {
    let mut query = db.prepare_cached("SELECT kind, body, pinned FROM rows WHERE case_id = ?1")?;
    let mut rows = query.query([case.to_string()])?;
    let (mut list, mut pinned) = (Vec::new(), false);
    while let Some(row) = rows.next()? {
        let kind = RowKind::from_word(&row.get::<_, String>(0)?);
        pinned |= kind == RowKind::Case && row.get::<_, bool>(2)?;
        list.push((kind, row.get(1)?));
    }
    Ok((list, pinned))
}

/// The bodies of all rows of a kind.
pub(crate) fn bodies(db: &Connection, kind: &RowKind) -> Result<Vec<String>, ClientError> {
    let mut query = db.prepare_cached("SELECT body FROM rows WHERE kind = ?1 ORDER BY id")?;
    let rows = query.query_map([kind.as_str()], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One row's revision and bytes.
pub(crate) fn row(db: &Connection, key: &RowKey) -> Result<Option<(Rev, String)>, ClientError> {
    let mut query = db.prepare_cached("SELECT epoch, n, body FROM rows WHERE kind = ?1 AND id = ?2")?;
    let found =
        query.query_row(params![key.kind.as_str(), key.id], |r| Ok((Rev(r.get(0)?, r.get(1)?), r.get(2)?)));
    Ok(found.optional()?)
}

/// The kinds of all rows that stand in these feeds or changed: used to know what must be rebuilt.
pub(crate) fn is_reference(kind: &RowKind) -> bool {
    matches!(
        kind,
        RowKind::Catalogue
            | RowKind::Division
            | RowKind::DutyGrid
            | RowKind::Cell
            | RowKind::Site
            | RowKind::Calendar
    )
}

/// Whether every row is what was written. Rows of a past that the server lost carry no revision to tell by.
pub(crate) fn is_sound(db: &Connection) -> Result<bool, ClientError> {
    let mut query = db.prepare("SELECT kind, id, epoch, n, body, entry FROM rows WHERE n > 0")?;
    let mut rows = query.query([])?;
    while let Some(r) = rows.next()? {
        let key = RowKey { kind: RowKind::from_word(&r.get::<_, String>(0)?), id: r.get(1)? };
        let hash = Sha256::of(r.get::<_, String>(4)?.as_bytes());
        let entry = entry_hash(&key, Rev(r.get(2)?, r.get(3)?), &hash).to_be_bytes();
        if r.get::<_, Vec<u8>>(5)? != entry {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many rows the mirror holds.
pub(crate) fn count(db: &Connection) -> Result<u64, ClientError> {
    Ok(db.prepare_cached("SELECT count(*) FROM rows")?.query_row([], |r| Ok(super::unsigned(r.get(0)?)))?)
}

/// The feeds the mirror follows.
pub(crate) fn feeds(db: &Connection) -> Result<BTreeSet<Feed>, ClientError> {
    let mut query = db.prepare_cached("SELECT feed FROM feeds")?;
    let rows = query.query_map([], |r| Ok(Feed(r.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
