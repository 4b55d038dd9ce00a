//! Rows: the latest state of a thing, the same bytes for every reader (protocol 8).
//!
//! Also the digests over them. Knows no storage: a row is an id, a revision and bytes.

use crate::feed::Feed;
use crate::id::Sha256;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

crate::open_enum! {
    /// What a row is about.
    pub enum RowKind {
        /// A case 案件.
        Case = "case",
        /// Who reported, verified or handled: one person in one part.
        Person = "person",
        /// A photo, voice note or document.
        Photo = "photo",
        /// A comment.
        Comment = "comment",
        /// Two edits that disagree.
        Conflict = "conflict",
        /// An erasure 依法删除: who asked, who decided.
        Erasure = "erasure",
        /// What became of an op.
        Verdict = "verdict",
        /// When somebody last looked at a cell.
        Freshness = "freshness",
        /// The catalogue of items and problems.
        Catalogue = "catalogue",
        /// A division 区划.
        Division = "division",
        /// A duty grid 责任网格.
        DutyGrid = "duty_grid",
        /// A cell 单元网格.
        Cell = "cell",
        /// A site 点位.
        Site = "site",
        /// A line of the owner matrix 权责清单.
        OwnerRule = "owner_rule",
        /// Who holds an area.
        Holder = "holder",
        /// A calendar of the city's own 工作日历.
        Calendar = "calendar",
        /// A ruling that like cases follow 裁定先例.
        Precedent = "precedent",
    }
}

/// Names a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowKey {
    /// What it is about.
    pub kind: RowKind,
    /// Its id within the kind.
    pub id: String,
}

impl RowKey {
    /// Puts a key together.
    #[must_use]
    pub fn new(kind: RowKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// The revision of a row: the server's epoch and a count per row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rev(pub i64, pub i64);

impl Rev {
    /// The revision after this one, written in `epoch`.
    #[must_use]
    pub fn next(self, epoch: i64) -> Self {
        Self(epoch, self.1 + 1)
    }
}

/// A row before it is numbered: key, exact bytes, and the feeds it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowImage {
    /// Which row.
    pub key: RowKey,
    /// Its bytes, JSON text.
    pub body: String,
    /// Where it is read.
    pub feeds: BTreeSet<Feed>,
}

/// One change to write, from comparing two images of the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Which row.
    pub key: RowKey,
    /// The bytes now; `None` when the row is gone altogether.
    pub body: Option<String>,
    /// Whether the bytes differ, so that the revision rises.
    pub changed: bool,
    /// Feeds where the row stands now.
    pub enters: BTreeSet<Feed>,
    /// Feeds that get a `left` marker.
    pub leaves: BTreeSet<Feed>,
}

/// New minus old enters, old minus new leaves; an unchanged row in unchanged feeds is not mentioned.
#[must_use]
pub fn diff_rows(before: &[RowImage], after: &[RowImage]) -> Vec<RowChange> {
    changes_between(before.to_vec(), after.to_vec())
}

/// As `diff_rows`, for whoever needs the images no more: most rows are new, and their bytes move.
#[must_use]
pub fn changes_between(before: Vec<RowImage>, after: Vec<RowImage>) -> Vec<RowChange> {
    let mut old: BTreeMap<RowKey, (String, BTreeSet<Feed>)> =
        before.into_iter().map(|row| (row.key, (row.body, row.feeds))).collect();
    let mut changes = Vec::with_capacity(after.len());
    for RowImage { key, body, feeds } in after {
        let change = match old.remove(&key) {
            None => {
                RowChange { key, body: Some(body), changed: true, enters: feeds, leaves: BTreeSet::new() }
            }
            Some((was_body, was_feeds)) => {
                let changed = was_body != body;
                let leaves = &was_feeds - &feeds;
                // A changed row is new in every feed it stands in; an unchanged one only where it enters.
                let enters = if changed { feeds } else { &feeds - &was_feeds };
                RowChange { key, body: Some(body), changed, enters, leaves }
            }
        };
        if change.changed || !change.enters.is_empty() || !change.leaves.is_empty() {
            changes.push(change);
        }
    }
    for (key, (_, leaves)) in old {
        changes.push(RowChange { key, body: None, changed: true, enters: BTreeSet::new(), leaves });
    }
    changes
}

/// The digest of a feed: how many rows, and the sum of their entry hashes mod 2^128 (protocol 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows now in the feed.
    pub count: u64,
    /// Sum of entry hashes, wrapping.
    pub sum: u128,
}

impl Digest {
    /// Adds a row.
    pub fn add(&mut self, entry: u128) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(entry);
    }
    /// Takes a row out.
    pub fn remove(&mut self, entry: u128) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(entry);
    }
    /// Thirty-two hex digits of the sum.
    #[must_use]
    pub fn sum_hex(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// The hash of one row in a digest: the first 16 bytes of SHA-256 over kind, id, rev and body hash.
#[must_use]
pub fn entry_hash(key: &RowKey, rev: Rev, body_hash: &Sha256) -> u128 {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    hasher.update(key.kind.as_str().as_bytes());
    hasher.update([0]);
    hasher.update(key.id.as_bytes());
    hasher.update([0]);
    hasher.update(rev.0.to_be_bytes());
    hasher.update(rev.1.to_be_bytes());
    hasher.update(body_hash.0);
    let out: [u8; 32] = hasher.finalize().into();
    let mut first = [0u8; 16];
    first.copy_from_slice(&out[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, body: &str, feeds: &[&str]) -> RowImage {
        RowImage {
            key: RowKey::new(RowKind::Case, id),
            body: body.into(),
            feeds: feeds.iter().map(|f| Feed((*f).into())).collect(),
        }
    }

    #[test]
    fn moving_between_feeds_enters_one_and_leaves_the_other() {
        let changes = diff_rows(&[image("1", "a", &["x", "y"])], &[image("1", "b", &["y", "z"])]);
        assert_eq!(changes.len(), 1);
        assert!(changes[0].changed);
        assert_eq!(changes[0].enters.len(), 2);
        assert_eq!(changes[0].leaves.iter().next().unwrap().as_str(), "x");
    }

    #[test]
    fn an_unchanged_row_is_silent_and_a_vanished_one_leaves() {
        assert!(diff_rows(&[image("1", "a", &["x"])], &[image("1", "a", &["x"])]).is_empty());
        let gone = diff_rows(&[image("1", "a", &["x"])], &[]);
        assert_eq!((gone[0].body.clone(), gone[0].leaves.len()), (None, 1));
    }

    #[test]
    fn a_digest_does_not_care_for_order_and_undoes_itself() {
        let key = RowKey::new(RowKind::Case, "1");
        let (a, b) =
            (entry_hash(&key, Rev(1, 1), &Sha256::of(b"a")), entry_hash(&key, Rev(1, 2), &Sha256::of(b"a")));
        assert_ne!(a, b);
        let mut one = Digest::default();
        one.add(a);
        one.add(b);
        one.remove(a);
        let mut two = Digest::default();
        two.add(b);
        assert_eq!(one, two);
    }
}
