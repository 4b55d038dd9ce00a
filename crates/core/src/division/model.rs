//! What a place is: plain records, effective-dated. Knows no lookup and no storage.
//!
//! Unknown fields are ignored when read, so that a newer export still loads.

use super::code::{CellCode, GridId, TownCode};
use crate::geo::{Bbox, Point};
use serde::{Deserialize, Serialize};

/// From when till when a fact holds: `from_ms` belongs to it, `to_ms` no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Span {
    /// First millisecond since 1970 (0: as long as anyone asks).
    #[serde(default)]
    pub from_ms: i64,
    /// First millisecond after it; `None`: still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<i64>,
}

impl Span {
    /// Holds from `from_ms` on.
    #[must_use]
    pub const fn since(from_ms: i64) -> Self {
        Self { from_ms, to_ms: None }
    }
    /// Whether the fact holds at a time. A span that starts at 0 has no beginning.
    #[must_use]
    pub fn contains(&self, at_ms: i64) -> bool {
        (self.from_ms == 0 || self.from_ms <= at_ms) && self.to_ms.is_none_or(|to| at_ms < to)
    }
}

/// A county, town or committee 区划 for as long as its code held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Division {
    /// 6, 9 or 12 digits.
    pub code: String,
    /// The code above; `None` for the county.
    #[serde(default)]
    pub parent: Option<String>,
    /// Full Chinese name: 稠江街道.
    pub name_zh: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// How people say it; two characters for a town (spoken numbers: 稠江 03127).
    #[serde(default)]
    pub short_zh: String,
    /// County, subdistrict, town, community or village, as the source says: 街道, 镇, 社区, 村.
    #[serde(default)]
    pub kind: String,
    /// When the code held.
    #[serde(default)]
    pub span: Span,
    /// The code that took over when the span ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// Made up for the sample city; never a fact about a real place.
    #[serde(default)]
    pub synthetic: bool,
}

/// The smallest unit of area 单元网格.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cell {
    /// 15 digits.
    pub code: CellCode,
    /// Corners as `[lon, lat]`, WGS-84 degrees, first corner not repeated.
    pub ring: Vec<[f64; 2]>,
    /// What kind of place it is: `main_road`, `urban_village`, `market_hall`; the catalogue's site types.
    #[serde(default)]
    pub place_class: String,
    /// When the cell held.
    #[serde(default)]
    pub span: Span,
    /// Made up for the sample city.
    #[serde(default)]
    pub synthetic: bool,
}

impl Cell {
    /// The box around the cell; `None` of an empty ring.
    #[must_use]
    pub fn bbox(&self) -> Option<Bbox> {
        Bbox::of_ring(&self.ring)
    }
}

/// One cell of a duty grid, for as long as it belonged to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridCell {
    /// The cell.
    pub code: CellCode,
    /// When it belonged to the grid.
    #[serde(default)]
    pub span: Span,
}

/// What workers call 网格: an effective-dated set of cells with a name that people say (U7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DutyGrid {
    /// Committee code, hyphen, number.
    pub id: GridId,
    /// The town it reports to.
    pub town: TownCode,
    /// 兴业社区第3网格.
    pub name_zh: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// Village and landmark names that people use instead.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its cells.
    #[serde(default)]
    pub cells: Vec<GridCell>,
    /// When the grid existed.
    #[serde(default)]
    pub span: Span,
    /// Made up for the sample city.
    #[serde(default)]
    pub synthetic: bool,
}

/// A place of the register 点位台账 that reviewers draw and reports may name (U15).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Site {
    /// The city's own number of the place.
    pub id: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// A site type of the catalogue: `market_hall`.
    pub site_type: String,
    /// The duty grid it lies in.
    #[serde(default)]
    pub grid: Option<GridId>,
    /// WGS-84 position.
    #[serde(default)]
    pub point: Option<Point>,
    /// Address in words.
    #[serde(default)]
    pub address: Option<String>,
    /// Key of the lead department.
    #[serde(default)]
    pub lead: Option<String>,
    /// Who keeps the place.
    #[serde(default)]
    pub keeper: Option<String>,
    /// Telephone of the keeper: shown to clerks only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// When the place is on the register.
    #[serde(default)]
    pub span: Span,
    /// Made up for the sample city.
    #[serde(default)]
    pub synthetic: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_its_first_moment_and_not_its_last() {
        let span = Span { from_ms: 10, to_ms: Some(20) };
        assert!(span.contains(10) && span.contains(19) && !span.contains(20) && !span.contains(9));
        assert!(Span::default().contains(-5) && Span::since(7).contains(i64::MAX));
    }

    #[test]
    fn a_newer_export_with_more_fields_still_loads() {
        let text = r#"{"code":"330782003","name_zh":"稠江街道","colour":"red"}"#;
        let town: Division = serde_json::from_str(text).expect("unknown fields are ignored");
        assert_eq!((town.name_zh.as_str(), town.span), ("稠江街道", Span::default()));
    }
}
