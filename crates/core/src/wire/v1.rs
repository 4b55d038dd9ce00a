//! Frames of push and pull, version 1.

use crate::case::Erased;
use crate::clock::Sent;
use crate::division::GridId;
use crate::feed::Feed;
use crate::id::{CaseId, OpId, PhotoId, Sha256};
use crate::row::{Rev, RowKey};
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// `POST /v1/sync/push`. Ops are opaque strings: the captured bytes, verbatim.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushRequest {
    /// The phone's clocks, stamped per attempt.
    #[serde(default)]
    pub sent: Sent,
    /// The number the phone will give its next op; at or below the server's `received_through` it trips
    /// the clone wire.
    #[serde(default)]
    pub next_seq: u64,
    /// The last receipt the phone got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Numbers whose op can no longer be produced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<u64>,
    /// Ops, in the order of the outbox.
    pub ops: Vec<String>,
    /// Of ops that are offered again after a new epoch: the final verdict of the past that was lost. A hint for the
    /// list of what no longer fits; it decides nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Verdict>))]
    pub former: BTreeMap<OpId, Verdict>,
}

/// `POST /v1/photos/lacking`: forms that a phone was told are stored, in a past that the server may have lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferRequest {
    /// At most 500.
    pub photos: Vec<OfferedForm>,
}

/// The bytes of one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedForm {
    /// The photo.
    pub photo_id: PhotoId,
    /// Of its bytes.
    pub sha256: Sha256,
}

/// What of it the server lacks. Of bytes that another person brought it says the same as of bytes that nobody did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LackingReply {
    /// To be uploaded again, in the order they were named.
    pub lacking: Vec<OfferedForm>,
}

/// The answer to a push: 200 with the current verdict of each op, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushReply {
    /// What every reply carries.
    #[serde(flatten)]
    pub common: Common,
    /// All numbers up to this are stored.
    pub received_through: u64,
    /// One entry an op, in order.
    pub verdicts: Vec<VerdictEntry>,
}

/// What every reply carries (protocol 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Common {
    /// Server time, milliseconds since 1970.
    pub server_ms: i64,
    /// The epoch: unix second of its opening.
    pub epoch: i64,
    /// Time of the newest verified backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_through: Option<i64>,
    /// An authenticated receipt; every request returns the last one.
    pub receipt: String,
}

/// What became of one pushed op.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictEntry {
    /// The op; nothing when its bytes hold no readable id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_id: Option<OpId>,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether the server had it before this push.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seen_before: bool,
    /// The cases it landed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseId>,
    /// What it said was erased: the phone deletes its own copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

/// `POST /v1/sync/pull`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PullRequest {
    /// Where the phone stands; nothing at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The last receipt the phone got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The row schema it reads.
    #[serde(default = "one")]
    pub schema: u32,
    /// Most rows it wants in a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Seconds to wait when there is nothing new.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wait: u32,
    /// Feeds to read again from zero, after a digest mismatch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reread: Vec<Feed>,
    /// How the phone stands, for the list that an administrator looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientReport>,
}

/// What a phone says of itself with a pull. Every part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientReport {
    /// App and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Ops and captures that the server has not acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent_ops: Option<u64>,
    /// Photos with a form that the server has not verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent_photos: Option<u64>,
    /// How long ago the oldest of both was made, milliseconds: an age, since clocks of phones are wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent_age_ms: Option<i64>,
}

fn one() -> u32 {
    1
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// One page of a pull.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PullReply {
    /// What every reply carries.
    #[serde(flatten)]
    pub common: Common,
    /// Where the phone stands once it holds this page.
    pub cursor: String,
    /// Feeds new to the phone; they are read from zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds_added: Vec<Feed>,
    /// Feeds the phone no longer reads: it drops their rows when no other feed holds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds_removed: Vec<Feed>,
    /// Rows of this page, each once.
    #[serde(default)]
    pub rows: Vec<WireRow>,
    /// What happened in each feed, in feed order.
    #[serde(default)]
    pub changes: Vec<FeedChange>,
    /// Present on the page that reaches the heads of all feeds, from one read snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

/// A row as it travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WireRow {
    /// Which row.
    #[serde(flatten)]
    pub key: RowKey,
    /// Its revision.
    pub rev: Rev,
    /// Its exact bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub body: Box<RawValue>,
}

/// Changes of one feed within a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedChange {
    /// Which feed.
    pub feed: Feed,
    /// The page is the first of a reading from zero: memberships known before are void.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_zero: bool,
    /// Indices into the page's `rows` that stand in the feed, in seq order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entered: Vec<u32>,
    /// Rows that left it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<RowKey>,
}

/// A consistent point: everything up to it comes from one read snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checkpoint {
    /// The head of each feed the phone reads.
    pub heads: Vec<FeedHead>,
}

/// The head of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedHead {
    /// Which feed.
    pub feed: Feed,
    /// Its newest seq.
    pub seq: i64,
    /// Rows now in it.
    pub count: u64,
    /// Sum of entry hashes mod 2^128, 32 hex digits.
    pub digest: String,
}

/// `POST /v1/cases/{id}/ops`: a desk action, the same op by another door.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeskOp {
    /// Made by the desk, so that sending again is harmless.
    pub op_id: OpId,
    /// What kind.
    pub kind: String,
    /// What exactly.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Box<RawValue>,
    /// The state the desk saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_state: Option<String>,
    /// The round the desk saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
}

/// A hint on `GET /v1/events`: a feed has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hint {
    /// Which feed.
    pub feed: Feed,
    /// Its newest seq.
    pub seq: i64,
}

/// What a look at a duty grid shows: when somebody was last there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridFreshness {
    /// The duty grid.
    pub grid: GridId,
    /// Capture time of its latest look that counted.
    pub last_ms: i64,
    /// Cells looked at.
    pub cells: u32,
}
