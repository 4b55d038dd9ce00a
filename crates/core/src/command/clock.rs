//! What is said about the clock of a case: more time asked and ruled, a pause of the whole city, and what happens because
//! a time has come (field.md U11; domain 2.1, 2.4).
//!
//! Must not know how it is decided.

use crate::id::{PauseId, PhotoId};
use serde::{Deserialize, Serialize};

/// Asking for more time 申请延期. A promise 承诺件 is the first one, with the unit's own date and a paper: it needs no ruling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestExtension {
    /// Why.
    #[serde(default)]
    pub cause: String,
    /// What will be done until then.
    #[serde(default)]
    pub plan: String,
    /// The new date, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// 承诺件: the unit promises the date and shows the paper.
    #[serde(default)]
    pub promise: bool,
    /// Papers and photos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

/// The word on a request for more time 延期审批.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleExtension {
    /// Whether it is given.
    #[serde(default)]
    pub grant: bool,
    /// Another date than the one asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// Words.
    #[serde(default)]
    pub text: String,
}

/// One clock stands still with the city 全市暂停: typhoon, snow, flood. Said again with another end, the end moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PauseClock {
    /// Which pause.
    pub pause: PauseId,
    /// From when.
    pub from_ms: i64,
    /// Till when.
    pub to_ms: i64,
    /// Why, as shown on the clock.
    #[serde(default)]
    pub reason: String,
}

crate::open_enum! {
    /// What a time that has come does.
    pub enum LapseKind {
        /// The return window is over: silence is acceptance.
        Accept = "accept",
        /// The date of review of what hangs has come: the unit works again.
        Unhang = "unhang",
        /// The day of closing is over: it is watched for relapse.
        Watch = "watch",
        /// It held: nobody watches any more.
        Archive = "archive",
    }
}

/// A time has come 到时. Said by the server alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lapse {
    /// What comes with it.
    pub what: LapseKind,
    /// The time that has come, milliseconds since 1970.
    pub due_ms: i64,
}
