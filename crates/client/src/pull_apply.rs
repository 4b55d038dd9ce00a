//! Applying a whole checkpoint to the mirror, inside one transaction. Knows no requests.

use crate::error::ClientError;
use crate::event::ClientEvent;
use crate::store::{digests, erased, meta, mirror, outbox, staging};
use blindspot_core::CaseId;
use blindspot_core::feed::Feed;
use blindspot_core::mutant;
use blindspot_core::row::{RowKey, RowKind};
use blindspot_core::verdict::VerdictRow;
use blindspot_core::wire::v1::{Checkpoint, PullReply, WireRow};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// A feed that was read again is not read again within this time, milliseconds (protocol 9).
const REREAD_GAP_MS: i64 = 3_600_000;

/// What applying a checkpoint brought.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) events: Vec<ClientEvent>,
    /// A feed is to be read again at once.
    pub(crate) reread: bool,
    /// Something of this phone was erased: files go after the commit.
    pub(crate) erased: bool,
    /// Reference rows changed.
    pub(crate) reference: bool,
    /// Phone time.
    now_ms: i64,
    /// Server time: acknowledgements are dated by it, since a phone's clock may jump by years.
    server_ms: i64,
    /// Feeds whose digest must be computed anew.
    touched: BTreeSet<Feed>,
    added: BTreeSet<Feed>,
    removed: BTreeSet<Feed>,
    /// Something lost a membership.
    thinned: bool,
}

/// Applies all staged pages and the checkpoint that closes them. The caller commits.
pub(crate) fn apply_staged(
    db: &Connection,
    checkpoint: &Checkpoint,
    now_ms: i64,
    server_ms: i64,
) -> Result<Applied, ClientError> {
    let mut applied = Applied { now_ms, server_ms, ..Applied::default() };
    for n in staging::numbers(db)? {
        let page: PullReply = serde_json::from_str(&staging::page(db, n)?)?;
        apply_page(db, &page, &mut applied)?;
    }
    let heads: BTreeSet<Feed> = checkpoint.heads.iter().map(|h| h.feed.clone()).collect();
    for feed in mirror::feeds(db)? {
        if !heads.contains(&feed) {
            remove_feed(db, &feed, &mut applied)?;
        }
    }
    if mutant::is("left_rows_stay") {
        applied.thinned = false;
    }
    if applied.thinned || mirror::any_pinned(db)? {
        mirror::sweep(db)?;
    }
    for feed in &applied.touched {
        if heads.contains(feed) {
            digests::save(db, feed, digests::recompute(db, feed)?)?;
        }
    }
    compare(db, checkpoint, &mut applied)?;
    staging::clear(db)?;
    meta::set_i64(db, meta::PULLED, now_ms)?;
    if !applied.added.is_empty() || !applied.removed.is_empty() {
        meta::set(db, meta::ME_DUE, "1")?;
        let (added, removed) = (std::mem::take(&mut applied.added), std::mem::take(&mut applied.removed));
        applied.events.push(ClientEvent::ScopeChanged {
            added: added.into_iter().collect(),
            removed: removed.into_iter().collect(),
        });
    }
    Ok(applied)
}

fn apply_page(db: &Connection, page: &PullReply, applied: &mut Applied) -> Result<(), ClientError> {
    for feed in &page.feeds_removed {
        remove_feed(db, feed, applied)?;
    }
    for feed in &page.feeds_added {
        applied.added.insert(feed.clone());
        applied.touched.insert(feed.clone());
    }
    let heal = page.changes.iter().any(|c| c.from_zero);
    for row in &page.rows {
        put_row(db, row, heal, applied)?;
    }
    for change in &page.changes {
        applied.touched.insert(change.feed.clone());
        if change.from_zero {
            mirror::empty_feed(db, &change.feed)?;
            applied.thinned = true;
        }
        for index in &change.entered {
            let row = usize::try_from(*index).ok().and_then(|i| page.rows.get(i));
            let row = row.ok_or_else(|| ClientError::BadReply(format!("no row {index} in the page")))?;
            mirror::enter(db, &change.feed, &row.key)?;
        }
        for key in &change.left {
            mirror::leave(db, &change.feed, key)?;
            applied.thinned = true;
            applied.reference |= mirror::is_reference(&key.kind);
        }
    }
    Ok(())
}

fn remove_feed(db: &Connection, feed: &Feed, applied: &mut Applied) -> Result<(), ClientError> {
    if mutant::is("lost_scope_stays") {
        return Ok(());
    }
    mirror::empty_feed(db, feed)?;
    digests::forget(db, feed)?;
    applied.removed.insert(feed.clone());
    applied.thinned = true;
    applied.reference |= feed.as_str().starts_with("ref");
    Ok(())
}

fn put_row(db: &Connection, row: &WireRow, heal: bool, applied: &mut Applied) -> Result<(), ClientError> {
    let body = row.body.get();
    let written = mirror::put(db, &row.key, row.rev, body, case_of(&row.key, body), heal)?;
    if written {
        applied.touched.extend(mirror::feeds_of(db, &row.key)?);
        applied.reference |= mirror::is_reference(&row.key.kind);
    }
    match row.key.kind {
        RowKind::Photo | RowKind::Comment | RowKind::Verdict => {
            if let Some((op, photo)) = erased::named_in(body) {
                if let Some(photo) = photo {
                    applied.erased |= erased::erase_photo(db, photo)?;
                }
                applied.erased |= erased::erase_op(db, op)?;
            }
        }
        RowKind::Case => {
            if let Some(op) = erased::feed_back_in(body) {
                applied.erased |= erased::erase_op(db, op)?;
            }
        }
        _ => {}
    }
    if row.key.kind == RowKind::Verdict
        && let Ok(verdict) = serde_json::from_str::<VerdictRow>(body)
    {
        // A page carries rows as they are now, so a verdict in it is never older than one known.
        let seen = mirror::row(db, &row.key)?.is_some_and(|(rev, _)| rev > row.rev);
        if !seen {
            outbox::acknowledge(db, verdict.op_id, &verdict.verdict, applied.server_ms)?;
            if verdict.verdict.is_final() {
                outbox::drop_overlay(db, verdict.op_id)?;
            }
        }
    }
    Ok(())
}

/// The case a row belongs to, by its own bytes; a row of a later version may have none.
fn case_of(key: &RowKey, body: &str) -> Option<CaseId> {
    #[derive(serde::Deserialize)]
    struct OfCase {
        case_id: CaseId,
    }
    if mirror::is_reference(&key.kind) || matches!(key.kind, RowKind::Verdict | RowKind::Freshness) {
        return None;
    }
    serde_json::from_str::<OfCase>(body).ok().map(|c| c.case_id)
}

/// Compares every feed with what the server says of it. A mismatch reads that feed again, once an hour.
fn compare(db: &Connection, checkpoint: &Checkpoint, applied: &mut Applied) -> Result<(), ClientError> {
    let now_ms = applied.now_ms;
    let mut known = digests::load(db)?;
    let mut again: Vec<Feed> = meta::get_json(db, meta::REREAD)?.unwrap_or_default();
    for head in &checkpoint.heads {
        if !known.contains_key(&head.feed) {
            let digest = digests::recompute(db, &head.feed)?;
            digests::save(db, &head.feed, digest)?;
            known.insert(head.feed.clone(), digest);
        }
        digests::set_head(db, &head.feed, head.seq)?;
        let mine = known.get(&head.feed).copied().unwrap_or_default();
        if mine.count == head.count && mine.sum_hex() == head.digest {
            continue;
        }
        let last = digests::reread_ms(db, &head.feed)?;
        let reread = last.is_none_or(|at| now_ms.abs_diff(at) >= REREAD_GAP_MS.unsigned_abs());
        if reread {
            digests::set_reread_ms(db, &head.feed, now_ms)?;
            if !again.contains(&head.feed) {
                again.push(head.feed.clone());
            }
        }
        applied.events.push(ClientEvent::DigestMismatch { feed: head.feed.clone(), reread });
    }
    applied.reread = !again.is_empty();
    meta::set_json(db, meta::REREAD, &again)
}
