//! What a worker says of a place: reports, looks, edits, corrected places (field.md U1, U2, U6, U7).
//!
//! Every field that a worker might not have is optional. Must not know how it is decided.

use crate::division::GridId;
use crate::geo::Datum;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

crate::open_enum! {
    /// Where a case comes from 问题来源 (U2).
    pub enum Source {
        /// 巡查
        Patrol = "patrol",
        /// 热线
        Hotline = "hotline",
        /// 领导批办
        Leader = "leader",
        /// 上级暗访
        CovertVisit = "covert_visit",
        /// 媒体曝光
        Media = "media",
        /// 单位自查
        SelfCheck = "self_check",
        /// 随手拍
        Citizen = "citizen",
    }
}

#[expect(clippy::derivable_impls, reason = "the enum is made by a macro")]
impl Default for Source {
    fn default() -> Self {
        Source::Patrol
    }
}

/// A position as captured: never changed, converted only for display and lookup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fix {
    /// Latitude, degrees, in `datum`.
    pub lat: f64,
    /// Longitude, degrees, in `datum`.
    pub lon: f64,
    /// Radius of 68 % confidence, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// The datum the numbers are in.
    #[serde(default)]
    pub datum: Datum,
    /// gps, network, exif, map ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Age of the fix at capture, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<i64>,
    /// Whether the phone said that the position was mocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<bool>,
}

impl Fix {
    /// The point in WGS-84, or nothing when the numbers are no place on earth.
    #[must_use]
    pub fn wgs84(&self) -> Option<crate::geo::Point> {
        let sane =
            self.lat.is_finite() && self.lon.is_finite() && self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0;
        sane.then(|| crate::geo::to_wgs84(crate::geo::Point { lat: self.lat, lon: self.lon }, self.datum))
    }
}

/// What is wrong, by the catalogue the phone had: item and problem with the catalogue's version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Category {
    /// Version of the catalogue the codes are from.
    #[serde(default)]
    pub catalogue: String,
    /// Item 小项, `3.07`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Problem 问题, `3.07-a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Entered by one person for another's word or paper (U2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnteredFor {
    /// Who said it, as written down.
    #[serde(default)]
    pub name: String,
    /// When, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// By telephone, on paper, in a meeting ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// A report 上报, also of something fixed on the spot 当场处理.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Where it comes from.
    #[serde(default)]
    pub source: Source,
    /// 紧急·有危险
    #[serde(default)]
    pub urgent_danger: bool,
    /// Where, if the phone knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// The duty grid chosen by hand when there was no position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// A site of the register 点位台账.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// One line that names the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landmark: Option<String>,
    /// Campaign and other tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whose word this is, when not the author's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
    /// What is wrong; nothing means 待分类.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// A line of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The digits-only tag the phone showed before sync 临时号 (U6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_tag: Option<String>,
}

/// A look 巡查正常: somebody was there and it was clean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Look {
    /// The duty grid looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Where the worker stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// A site that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// Campaign and other tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// One field of an edit: what its author saw, and what it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// The value the author saw.
    #[serde(default)]
    pub from: Value,
    /// The value wanted.
    #[serde(default)]
    pub to: Value,
}

/// Field by field changes (protocol 7).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edit {
    /// By field name: category, severity, description, landmark, urgent_danger.
    #[serde(default)]
    pub changes: BTreeMap<String, FieldChange>,
}

/// A corrected place; the captured fix stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relocate {
    /// The corrected point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// Or the duty grid, chosen by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Or a landmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landmark: Option<String>,
}
