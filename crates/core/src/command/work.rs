//! What becomes of a case in a unit's hands: handed on inside, hung, watched over; and a clerk's undo (field.md U8, U9).
//!
//! Must not know how it is decided.

use crate::id::PhotoId;
use serde::{Deserialize, Serialize};

/// Handing on inside a unit 二级派遣: the unit stays responsible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandOn {
    /// The team, contractor or person, as the unit calls them; empty takes it back to the unit's own clerk.
    #[serde(default)]
    pub to: String,
    /// Words to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Hanging a case 挂账 for works, or 缓办 for a season.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hang {
    /// The works it waits for 挂账; without one it waits for its date alone 缓办.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When it is looked at again, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_ms: Option<i64>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Photos that show that the place is safe meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}
