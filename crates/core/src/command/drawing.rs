//! Who checks a fix: the server's draw, and that the drawn one has seen it (field.md U13; domain 6E).
//!
//! Must not know how it is decided or drawn.

use crate::id::PersonId;
use serde::{Deserialize, Serialize};

/// 自行处置抽查: the desk's word on the photo pair of something fixed on the spot (field.md U20).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpotCheck {
    /// Whether the pair shows a fix.
    #[serde(default)]
    pub passed: bool,
    /// Words; a pair that shows none needs them.
    #[serde(default)]
    pub text: String,
}

crate::open_enum! {
    /// From whom a check was drawn.
    pub enum DrawnFrom {
        /// On shift in the duty grid.
        Grid = "grid",
        /// On shift in the grids around: there were fewer than two.
        Neighbours = "neighbours",
        /// The area's own collector: there was nobody else. Marked.
        Area = "area",
        /// 图片核查: at the desk, on the photo pair.
        Desk = "desk",
        /// 资料核查: the item's lead office, on the documents.
        Office = "office",
    }
}

/// A draw 抽签. Said by the server alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Draw {
    /// From whom.
    pub from: DrawnFrom,
    /// Who was drawn; nobody when a desk or an office checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<PersonId>,
    /// How many could have been.
    #[serde(default)]
    pub eligible: u32,
    /// Which draw for this feedback, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// The day whose seed was used, `2026-11-29`; with the seed, published a day later, the draw is done again by anybody.
    #[serde(default)]
    pub seed_day: String,
    /// Until when it must be opened, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_by_ms: Option<i64>,
}
