//! That a problem came back 回潮, and a unit's word against it 申诉 (field.md U21; domain 6A).
//!
//! Must not know how it is decided.

use crate::id::{CaseId, PhotoId};
use serde::{Deserialize, Serialize};

/// A case is one that was closed, come back 回潮认定.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relapse {
    /// The closed case.
    pub of: CaseId,
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A unit says that a relapse is not one, or not its own 申诉.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppealRelapse {
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Photos that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

/// The word on an appeal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleAppeal {
    /// Whether the relapse still counts.
    #[serde(default)]
    pub stands: bool,
    /// Words.
    #[serde(default)]
    pub text: String,
}
