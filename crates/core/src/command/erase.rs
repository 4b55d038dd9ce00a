//! What is said of an erasure: what is to go and why, and a second person's word on it (protocol 7).
//!
//! Must not know how it is decided.

use crate::id::{LetterId, OpId, PhotoId};
use serde::{Deserialize, Serialize};

/// Longest reason code, characters.
const CODE_CHARS_MAX: usize = 40;

/// What is to be erased: one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EraseTarget {
    /// A photo, voice note or document: all its forms, and every other photo of the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_id: Option<PhotoId>,
    /// A comment, a note or a feedback, by its op.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<OpId>,
    /// The words of the report that opened the case.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub report: bool,
    /// A letter 文书 that lists the case: to whom it went, its words and copies, why it was voided. Its number and cases stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<LetterId>,
}

/// Asks that something be erased; a second person decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erase {
    /// What.
    #[serde(flatten)]
    pub target: EraseTarget,
    /// A code of the city's list: it is shown to every reader and kept for ever, so it is no place for words.
    #[serde(default)]
    pub reason: String,
    /// Words, for the supervision desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Erase {
    /// Whether the reason is a code: lower-case letters, digits, `_`, `-` and `.`.
    #[must_use]
    pub fn has_reason(&self) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
        (1..=CODE_CHARS_MAX).contains(&self.reason.len()) && self.reason.chars().all(plain)
    }
}

/// The second person's word on an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfirmErase {
    /// The erase op.
    pub erase: OpId,
    /// Whether it is to be done.
    #[serde(default = "yes")]
    pub agree: bool,
}

fn yes() -> bool {
    true
}
