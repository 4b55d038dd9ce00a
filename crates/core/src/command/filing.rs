//! Before a case is filed: what the desk asks its reporter for, and a look at the place first (field.md U8).
//!
//! Must not know how it is decided.

use super::report::Fix;
use crate::id::PhotoId;
use serde::{Deserialize, Serialize};

crate::open_enum! {
    /// What a report lacks (U8).
    pub enum Lack {
        /// 照片不清
        UnclearPhoto = "unclear_photo",
        /// 缺远景
        NoWideShot = "no_wide_shot",
        /// 位置不对
        WrongPlace = "wrong_place",
        /// 类别不符
        WrongCategory = "wrong_category",
    }
}

/// Asking the reporter for more 退回补充.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskMore {
    /// What is lacking; at least one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
    /// Words to the reporter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the reporter adds 补充. A corrected place or category is an op of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Supplement {
    /// Words.
    #[serde(default)]
    pub text: String,
    /// Photos taken for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

/// What somebody found who was sent to look before filing 核实.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checked {
    /// Whether the problem is there.
    pub found: bool,
    /// What was seen.
    #[serde(default)]
    pub text: String,
    /// Where the looker stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// Photos of the place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}
