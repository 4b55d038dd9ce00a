//! Digests of feeds, made again from the rows that stand in them.

use super::runs::{self, Kept};
use super::{ALL_HEADS, Head, head, load_stored};
use crate::{Result, Tx};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::row::{Digest, RowKey, entry_hash};
use std::collections::BTreeSet;

/// Items that are checked at once.
const CHECKED: usize = 2_000;

/// A feed whose stored digest was recomputed from its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestCheck {
    /// Which feed.
    pub feed: Feed,
    /// As kept in its head.
    pub stored: Digest,
    /// As its rows give it.
    pub recomputed: Digest,
}

/// Recomputes the digest of every feed from the rows that stand in it, for `blindspot verify digests`.
///
/// # Errors
/// The engine's.
pub fn recompute_digests(tx: &Tx<'_>, city: &CityId) -> Result<Vec<DigestCheck>> {
    let heads: Vec<(Feed, Head)> =
        tx.query(&ALL_HEADS, &[city.into()])?.iter().map(head).collect::<Result<_>>()?;
    let mut out = Vec::with_capacity(heads.len());
    for (feed, head) in heads {
        let mut recomputed = Digest::default();
        let mut after = 0;
        loop {
            let kept = runs::load(tx, city, head.n, after, CHECKED)?;
            let Some(last) = kept.last() else { break };
            after = last.0;
            let keys: BTreeSet<RowKey> = kept.iter().filter(|k| !k.gone()).map(Kept::key).collect();
            for (key, row) in load_stored(tx, city, keys.iter())? {
                recomputed.add(entry_hash(&key, row.rev, &row.hash));
            }
        }
        out.push(DigestCheck { feed, stored: head.digest, recomputed });
    }
    Ok(out)
}
