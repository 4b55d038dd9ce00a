//! Digests of feeds, recomputed from the stored rows. Knows nothing of what the server says they are.

use super::{signed, unsigned};
use crate::error::ClientError;
use blindspot_core::feed::Feed;
use blindspot_core::row::Digest;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// Adds up the entries of all rows now in a feed.
pub(crate) fn recompute(db: &Connection, feed: &Feed) -> Result<Digest, ClientError> {
    let mut query = db.prepare_cached(
        "SELECT r.entry FROM feed_rows f JOIN rows r ON r.kind = f.kind AND r.id = f.id WHERE f.feed = ?1",
    )?;
    let mut rows = query.query([feed.as_str()])?;
    let mut digest = Digest::default();
    while let Some(row) = rows.next()? {
        digest.add(u128::from_be_bytes(row.get::<_, [u8; 16]>(0)?));
    }
    Ok(digest)
}

pub(crate) fn save(db: &Connection, feed: &Feed, digest: Digest) -> Result<(), ClientError> {
    db.prepare_cached(
        "INSERT INTO feeds (feed, count, sum) VALUES (?1, ?2, ?3)
         ON CONFLICT (feed) DO UPDATE SET count = ?2, sum = ?3",
    )?
    .execute(params![feed.as_str(), signed(digest.count), digest.sum_hex()])?;
    Ok(())
}

pub(crate) fn load(db: &Connection) -> Result<BTreeMap<Feed, Digest>, ClientError> {
    let mut query = db.prepare_cached("SELECT feed, count, sum FROM feeds")?;
    let mut rows = query.query([])?;
    let mut digests = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sum = u128::from_str_radix(&row.get::<_, String>(2)?, 16)
            .map_err(|e| ClientError::Stored(format!("digest: {e}")))?;
        digests.insert(Feed(row.get(0)?), Digest { count: unsigned(row.get(1)?), sum });
    }
    Ok(digests)
}

pub(crate) fn set_head(db: &Connection, feed: &Feed, seq: i64) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE feeds SET head_seq = ?2 WHERE feed = ?1")?
        .execute(params![feed.as_str(), seq])?;
    Ok(())
}

pub(crate) fn forget(db: &Connection, feed: &Feed) -> Result<(), ClientError> {
    db.prepare_cached("DELETE FROM feeds WHERE feed = ?1")?.execute([feed.as_str()])?;
    Ok(())
}

/// When a feed was last read again after a mismatch, phone time.
pub(crate) fn reread_ms(db: &Connection, feed: &Feed) -> Result<Option<i64>, ClientError> {
    let mut query = db.prepare_cached("SELECT reread_ms FROM feeds WHERE feed = ?1")?;
    Ok(query.query_row([feed.as_str()], |r| r.get(0)).optional()?.flatten())
}

pub(crate) fn set_reread_ms(db: &Connection, feed: &Feed, now_ms: i64) -> Result<(), ClientError> {
    db.prepare_cached("UPDATE feeds SET reread_ms = ?2 WHERE feed = ?1")?
        .execute(params![feed.as_str(), now_ms])?;
    Ok(())
}
