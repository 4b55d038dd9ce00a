//! Reads the embedded public data. The files are part of the program, so a broken one is a bug, not an input.

use serde::Deserialize;

const DIVISIONS: &str = include_str!("../../../../fixtures/city/yiwu-divisions.json");
const OUTLINE: &str = include_str!("../../../../fixtures/city/yiwu-county-outline.geojson");

#[derive(Deserialize)]
pub(super) struct County {
    pub(super) county: CountyName,
    pub(super) divisions: Vec<Town>,
}

#[derive(Deserialize)]
pub(super) struct CountyName {
    pub(super) code6: String,
    pub(super) name_zh: String,
    pub(super) name_en: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct Town {
    pub(super) code9: String,
    pub(super) name_zh: String,
    pub(super) name_en: String,
    pub(super) pinyin: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) children_total: usize,
    pub(super) children_residential_committees: usize,
    pub(super) children_sample: Vec<Named>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) code12: String,
    pub(super) name_zh: String,
    pub(super) short_zh: String,
    pub(super) pinyin: String,
}

impl Town {
    /// Two characters: 稠江, 佛堂, 廿三.
    pub(super) fn short_zh(&self) -> String {
        self.name_zh.chars().take(2).collect()
    }
}

pub(super) fn county() -> County {
    serde_json::from_str(DIVISIONS).expect("the embedded division list is read by a test of this crate")
}

/// The county's ring as `[lon, lat]`.
pub(super) fn outline() -> Vec<[f64; 2]> {
    #[derive(Deserialize)]
    struct Feature {
        geometry: Geometry,
    }
    #[derive(Deserialize)]
    struct Geometry {
        coordinates: Vec<Vec<[f64; 2]>>,
    }
    let feature: Feature =
        serde_json::from_str(OUTLINE).expect("the embedded outline is read by a test of this crate");
    feature.geometry.coordinates.into_iter().next().unwrap_or_default()
}
