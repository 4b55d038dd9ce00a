//! Reading place data from what cities have: GeoJSON of cells, rows of a site table, JSON of divisions.
//!
//! Text in, values out: the good features are accepted and every bad one is named. Must not know files; the
//! caller must state the datum, because nothing in such data says it.

use super::code::{CellCode, GridId};
use super::model::{Cell, Division, DutyGrid, Site, Span};
use crate::geo::{Datum, Point, ring_area_m2, to_wgs84};
use serde_json::Value;

/// Why one feature or row was left out. `index` counts from 0 in the file's own order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ImportProblem {
    /// Which feature or row; `None`: the file as a whole.
    pub index: Option<usize>,
    /// What is wrong, in Chinese.
    pub zh: String,
    /// What is wrong, in English.
    pub en: String,
}

/// What came out of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported<T> {
    /// The good ones, in the file's order.
    pub accepted: Vec<T>,
    /// The bad ones.
    pub problems: Vec<ImportProblem>,
}

impl<T> Imported<T> {
    fn broken(zh: String, en: String) -> Self {
        Self { accepted: Vec::new(), problems: vec![ImportProblem { index: None, zh, en }] }
    }
    fn gather(results: impl Iterator<Item = Result<T, (String, String)>>) -> Self {
        let mut out = Self { accepted: Vec::new(), problems: Vec::new() };
        for (i, result) in results.enumerate() {
            match result {
                Ok(value) => out.accepted.push(value),
                Err((zh, en)) => out.problems.push(ImportProblem { index: Some(i), zh, en }),
            }
        }
        out
    }
}

type Bad = (String, String);

fn bad<T>(zh: impl Into<String>, en: impl Into<String>) -> Result<T, Bad> {
    Err((zh.into(), en.into()))
}

/// Cells from a GeoJSON FeatureCollection in the stated datum. Properties read: `code` (15 digits),
/// `place_class`, `from_ms`, `to_ms`, `synthetic`. Polygons with holes and multi-polygons are refused: a cell
/// is one closed area.
#[must_use]
pub fn cells_from_geojson(text: &str, datum: Datum) -> Imported<Cell> {
    let root: Value = match serde_json::from_str(text) {
        Ok(root) => root,
        Err(e) => return Imported::broken(format!("不是 JSON：{e}"), format!("not JSON: {e}")),
    };
    let Some(features) = root.get("features").and_then(Value::as_array) else {
        return Imported::broken("不是 GeoJSON 要素集合".into(), "not a GeoJSON FeatureCollection".into());
    };
    let mut seen = std::collections::BTreeSet::new();
    Imported::gather(features.iter().map(|feature| {
        let cell = cell_of(feature, datum)?;
        if !seen.insert((cell.code.clone(), cell.span)) {
            return bad(format!("编码 {} 重复", cell.code), format!("code {} stands twice", cell.code));
        }
        Ok(cell)
    }))
}

fn cell_of(feature: &Value, datum: Datum) -> Result<Cell, Bad> {
    let feature = <geojson::Feature as serde::Deserialize>::deserialize(feature)
        .map_err(|e| (format!("要素无法读取：{e}"), format!("unreadable feature: {e}")))?;
    let text = |key: &str| feature.property(key).and_then(Value::as_str);
    let number = |key: &str| feature.property(key).and_then(Value::as_i64);
    let Some(code) = text("code") else { return bad("缺少编码 code", "no property `code`") };
    let code = CellCode::parse(code).map_err(|e| (format!("编码不是15位数字：{code}"), e.to_string()))?;
    let ring = match feature.geometry.as_ref().map(|g| &g.value) {
        Some(geojson::GeometryValue::Polygon { coordinates }) if coordinates.len() == 1 => &coordinates[0],
        Some(geojson::GeometryValue::Polygon { .. }) => {
            return bad("多边形有洞", "the polygon has holes or no ring");
        }
        Some(_) => return bad("不是多边形", "not a Polygon"),
        None => return bad("没有图形", "no geometry"),
    };
    Ok(Cell {
        code,
        ring: ring_of(ring, datum)?,
        place_class: text("place_class").unwrap_or_default().to_owned(),
        span: Span { from_ms: number("from_ms").unwrap_or(0), to_ms: number("to_ms") },
        synthetic: feature.property("synthetic").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn ring_of(positions: &[geojson::Position], datum: Datum) -> Result<Vec<[f64; 2]>, Bad> {
    let mut ring = Vec::with_capacity(positions.len());
    for position in positions {
        let &[lon, lat, ..] = position.as_slice() else {
            return bad("坐标不完整", "a position has fewer than two numbers");
        };
        let p = Point::new(lat, lon);
        if !p.is_valid() {
            return bad(
                format!("坐标超出范围：{lon}, {lat}"),
                format!("position off the globe: {lon}, {lat}"),
            );
        }
        let p = to_wgs84(p, datum);
        ring.push([p.lon, p.lat]);
    }
    if positions.len() > 1 && positions.first() == positions.last() {
        ring.pop();
    }
    if ring.len() < 3 || ring_area_m2(&ring) < 1.0 {
        return bad("面积为零", "the ring has no area");
    }
    Ok(ring)
}

/// Sites from the rows of a table with a header. Columns by name, Chinese or English, in any order:
/// `id 编号`, `name_zh 名称`, `site_type 类型` (these three are needed), `name_en 英文名`, `grid 责任网格`,
/// `lat 纬度`, `lon 经度`, `address 地址`, `lead 牵头单位`, `keeper 责任人`, `phone 电话`.
pub fn sites_from_csv_rows(
    header: &[String],
    rows: impl IntoIterator<Item = Vec<String>>,
    datum: Datum,
) -> Imported<Site> {
    const COLUMNS: [(&str, &str); 11] = [
        ("id", "编号"),
        ("name_zh", "名称"),
        ("site_type", "类型"),
        ("name_en", "英文名"),
        ("grid", "责任网格"),
        ("lat", "纬度"),
        ("lon", "经度"),
        ("address", "地址"),
        ("lead", "牵头单位"),
        ("keeper", "责任人"),
        ("phone", "电话"),
    ];
    let clean = |s: &String| s.trim().trim_start_matches('\u{feff}').to_lowercase();
    let heads: Vec<String> = header.iter().map(clean).collect();
    let at: Vec<Option<usize>> =
        COLUMNS.iter().map(|(en, zh)| heads.iter().position(|h| h == en || h == zh)).collect();
    if let Some(i) = (0..3).find(|i| at[*i].is_none()) {
        let (en, zh) = COLUMNS[i];
        return Imported::broken(format!("缺少列“{zh}”"), format!("no column `{en}`"));
    }
    let mut seen = std::collections::BTreeSet::new();
    Imported::gather(rows.into_iter().map(|row| {
        let get = |i: usize| at[i].and_then(|c| row.get(c)).map(|s| s.trim()).filter(|s| !s.is_empty());
        let site = site_of(&get, datum)?;
        if !seen.insert(site.id.clone()) {
            return bad(format!("编号 {} 重复", site.id), format!("id {} stands twice", site.id));
        }
        Ok(site)
    }))
}

fn site_of<'a>(get: &impl Fn(usize) -> Option<&'a str>, datum: Datum) -> Result<Site, Bad> {
    let owned = |i: usize| get(i).map(str::to_owned);
    let need = |i: usize, zh: &str, en: &str| {
        owned(i).ok_or_else(|| (format!("缺少{zh}"), format!("{en} is empty")))
    };
    let grid = match get(4) {
        None => None,
        Some(text) => {
            Some(GridId::parse(text).map_err(|e| (format!("责任网格编号不对：{text}"), e.to_string()))?)
        }
    };
    let point = match (get(5), get(6)) {
        (None, None) => None,
        (Some(lat), Some(lon)) => match (lat.parse(), lon.parse()) {
            (Ok(lat), Ok(lon)) if Point::new(lat, lon).is_valid() => {
                Some(to_wgs84(Point::new(lat, lon), datum))
            }
            _ => return bad(format!("经纬度不对：{lat}, {lon}"), format!("not a position: {lat}, {lon}")),
        },
        _ => return bad("经纬度只有一个", "one of latitude and longitude is missing"),
    };
    Ok(Site {
        id: need(0, "编号", "id")?,
        name_zh: need(1, "名称", "name_zh")?,
        site_type: need(2, "类型", "site_type")?,
        name_en: owned(3).unwrap_or_default(),
        grid,
        point,
        address: owned(7),
        lead: owned(8),
        keeper: owned(9),
        phone: owned(10),
        span: Span::default(),
        synthetic: false,
    })
}

/// Divisions from a JSON list of records, or an object with such a list under `divisions`.
#[must_use]
pub fn divisions_from_json(text: &str) -> Imported<Division> {
    let read = records_from_json::<Division>(text, "divisions");
    let mut out = Imported { accepted: Vec::new(), problems: read.problems };
    for division in read.accepted {
        if matches!(division.code.len(), 6 | 9 | 12) && division.code.bytes().all(|b| b.is_ascii_digit()) {
            out.accepted.push(division);
        } else {
            let zh = format!("区划编码不是6、9或12位数字：{}", division.code);
            let en = format!("a division code has 6, 9 or 12 digits: {}", division.code);
            out.problems.push(ImportProblem { index: None, zh, en });
        }
    }
    out
}

/// Duty grids from a JSON list of records, or an object with such a list under `grids`.
#[must_use]
pub fn grids_from_json(text: &str) -> Imported<DutyGrid> {
    let read = records_from_json::<DutyGrid>(text, "grids");
    let mut out = Imported { accepted: Vec::new(), problems: read.problems };
    for grid in read.accepted {
        match GridId::parse(grid.id.as_str()) {
            Ok(_) => out.accepted.push(grid),
            Err(e) => {
                let zh = format!("责任网格编号不对：{}", grid.id);
                out.problems.push(ImportProblem { index: None, zh, en: e.to_string() });
            }
        }
    }
    out
}

fn records_from_json<T: serde::de::DeserializeOwned>(text: &str, key: &str) -> Imported<T> {
    let root: Value = match serde_json::from_str(text) {
        Ok(root) => root,
        Err(e) => return Imported::broken(format!("不是 JSON：{e}"), format!("not JSON: {e}")),
    };
    let Some(list) = root.as_array().or_else(|| root.get(key).and_then(Value::as_array)) else {
        return Imported::broken(format!("缺少列表“{key}”"), format!("no list, and no list under `{key}`"));
    };
    Imported::gather(list.iter().map(|value| {
        T::deserialize(value).map_err(|e| (format!("记录无法读取：{e}"), format!("unreadable record: {e}")))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::distance_m;

    fn collection(features: &[&str]) -> String {
        format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
    }

    const GOOD: &str = r#"{"type":"Feature","properties":{"code":"330782003002001","place_class":"street","extra":1},
        "geometry":{"type":"Polygon","coordinates":[[[120,29.3],[120.001,29.3],[120.001,29.301],[120,29.301],[120,29.3]]]}}"#;

    #[test]
    fn good_cells_are_taken_and_each_bad_one_is_named() {
        let hole = GOOD.replace("]]]}", "]],[[0,0],[1,0],[1,1],[0,0]]]}").replace("2001", "2009");
        let text = collection(&[
            GOOD,
            r#"{"type":"Feature","properties":{"code":"33"},"geometry":null}"#,
            r#"{"type":"Rubbish"}"#,
            GOOD,
            &hole,
            &GOOD.replace("[120,29.3]", "[500,29.3]").replace("2001", "2002"),
        ]);
        let got = cells_from_geojson(&text, Datum::Wgs84);
        assert_eq!(got.accepted.len(), 1, "{:?}", got.problems);
        assert_eq!(got.accepted[0].ring.len(), 4);
        let indices: Vec<_> = got.problems.iter().map(|p| p.index).collect();
        assert_eq!(indices, [Some(1), Some(2), Some(3), Some(4), Some(5)]);
        assert!(got.problems.iter().all(|p| !p.zh.is_empty() && !p.en.is_empty()));
    }

    #[test]
    fn the_stated_datum_moves_the_cells() {
        let wgs = cells_from_geojson(&collection(&[GOOD]), Datum::Wgs84).accepted;
        let gcj = cells_from_geojson(&collection(&[GOOD]), Datum::Gcj02).accepted;
        let corner = |c: &Cell| Point::new(c.ring[0][1], c.ring[0][0]);
        let moved = distance_m(corner(&wgs[0]), corner(&gcj[0]));
        assert!((300.0..700.0).contains(&moved), "moved {moved} m");
    }

    #[test]
    fn a_file_that_is_no_geojson_is_one_problem() {
        for text in ["", "[]", r#"{"type":"Feature"}"#, "\u{0}"] {
            let got = cells_from_geojson(text, Datum::Wgs84);
            assert_eq!((got.accepted.len(), got.problems.len()), (0, 1));
            assert_eq!(got.problems[0].index, None);
        }
    }

    #[test]
    fn sites_come_from_a_table_with_chinese_heads() {
        let header: Vec<String> =
            ["\u{feff}编号", "名称", "类型", "纬度", "经度", "责任网格"].map(Into::into).into();
        let row = |cells: [&str; 6]| cells.map(String::from).to_vec();
        let got = sites_from_csv_rows(
            &header,
            [
                row(["S1", "篁园市场", "market_hall", "29.3", "120.07", "330782001001-01"]),
                row(["S1", "又一个", "market_hall", "", "", ""]),
                row(["S2", "", "market_hall", "", "", ""]),
                row(["S3", "半个位置", "street", "29.3", "", ""]),
                row(["S4", "没有位置", "street", "", "", ""]),
                row(["S5", "坏网格", "street", "", "", "3网格"]),
            ],
            Datum::Wgs84,
        );
        assert_eq!(got.accepted.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["S1", "S4"]);
        assert_eq!(got.problems.iter().map(|p| p.index).collect::<Vec<_>>(), [1, 2, 3, 5].map(Some));
        let missing = sites_from_csv_rows(&header[1..], [], Datum::Wgs84);
        assert_eq!(missing.problems[0].zh, "缺少列“编号”");
    }

    #[test]
    fn divisions_and_grids_come_from_lists() {
        let got = divisions_from_json(
            r#"{"divisions":[{"code":"330782","name_zh":"义乌市"},{"code":"33","name_zh":"x"},{"code":3}]}"#,
        );
        assert_eq!((got.accepted.len(), got.problems.len()), (1, 2));
        let got = grids_from_json(
            r#"[{"id":"330782003002-03","town":"330782003","name_zh":"兴业社区第3网格"},{"id":"x","town":"","name_zh":""}]"#,
        );
        assert_eq!((got.accepted.len(), got.problems.len()), (1, 1));
    }
}
