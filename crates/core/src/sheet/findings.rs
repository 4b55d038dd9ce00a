//! A list of findings 问题清单 (the report of the last 暗访, say): which column is which field, and a line as a report.

use super::{cell, item};
use crate::catalogue::Catalogue;
use crate::command::{EnteredFor, Fix, Report, Source};
use crate::division::{GridId, Places};
use crate::geo::Datum;
use crate::limits::TEXT_CHARS_MAX;
use crate::local::moment_of;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a column of a list of findings may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingField {
    /// The list's own number; not taken over.
    No,
    /// 问题来源
    Source,
    /// 发现时间
    Found,
    /// 镇街
    Town,
    /// 社区(村)
    Committee,
    /// 责任网格
    Grid,
    /// 点位编号
    Site,
    /// 具体位置
    Place,
    /// Latitude.
    Lat,
    /// Longitude.
    Lon,
    /// 问题描述
    Description,
    /// 对应小项
    Item,
    /// Names of photo files.
    Photos,
    /// 紧急
    Urgent,
    /// Whose word it is.
    Name,
}

/// Every field with its word in a mapping and the titles it is known by.
pub const FINDING_FIELDS: &[(FindingField, &str, &[&str])] = &[
    (FindingField::No, "no", &["序号", "编号", "no", "number"]),
    (FindingField::Source, "source", &["问题来源", "来源", "source"]),
    (FindingField::Found, "found", &["发现时间", "检查时间", "暗访时间", "时间", "日期", "found", "date"]),
    (FindingField::Town, "town", &["镇街", "乡镇", "街道", "镇(街道)", "所属镇街", "town"]),
    (FindingField::Committee, "committee", &["社区(村)", "社区", "村", "村(社区)", "所属社区", "committee"]),
    (FindingField::Grid, "grid", &["责任网格", "网格", "网格编号", "grid"]),
    (FindingField::Site, "site", &["点位编号", "点位", "site"]),
    (FindingField::Place, "place", &["具体位置", "地点", "位置", "地址", "问题地点", "place", "address"]),
    (FindingField::Lat, "lat", &["纬度", "lat", "latitude"]),
    (FindingField::Lon, "lon", &["经度", "lon", "lng", "longitude"]),
    (
        FindingField::Description,
        "description",
        &["问题描述", "存在问题", "问题", "描述", "问题内容", "description", "problem"],
    ),
    (FindingField::Item, "item", &["对应小项", "小项", "项目", "问题类别", "类别", "item"]),
    (
        FindingField::Photos,
        "photos",
        &["照片", "整改前照片", "照片文件", "图片", "现场照片", "photos", "photo"],
    ),
    (FindingField::Urgent, "urgent", &["紧急", "紧急·有危险", "urgent"]),
    (FindingField::Name, "name", &["检查人", "交办领导", "反映人单位", "name"]),
];

/// Which column of a file is which field.
pub type Mapping = BTreeMap<FindingField, usize>;

/// Why a line, or a header, cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowProblem {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

fn problem<T>(zh: impl Into<String>, en: impl Into<String>) -> Result<T, RowProblem> {
    Err(RowProblem { zh: zh.into(), en: en.into() })
}

fn plain(text: &str) -> String {
    let half = text.replace('（', "(").replace('）', ")").to_lowercase();
    half.chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect()
}

/// Finds the columns by their titles. `given` names titles of the file by field word and goes first.
///
/// # Errors
/// When a word or title that is given is not there, or when no column says what or where.
pub fn map_header(header: &[String], given: &BTreeMap<String, String>) -> Result<Mapping, RowProblem> {
    let at = |title: &str| header.iter().position(|h| plain(h) == plain(title));
    let mut mapping = Mapping::new();
    for (word, title) in given {
        let Some((field, ..)) = FINDING_FIELDS.iter().find(|(_, w, _)| w == word) else {
            return problem(
                format!("对应关系里没有“{word}”这一项"),
                format!("the mapping knows no field {word}"),
            );
        };
        let Some(column) = at(title) else {
            return problem(format!("表头里没有“{title}”这一列"), format!("no column is titled {title}"));
        };
        mapping.insert(*field, column);
    }
    for (field, _, titles) in FINDING_FIELDS {
        let taken = |column: &usize| mapping.values().any(|c| c == column);
        if !mapping.contains_key(field)
            && let Some(column) = titles.iter().find_map(|t| at(t)).filter(|c| !taken(c))
        {
            mapping.insert(*field, column);
        }
    }
    let says = [FindingField::Description, FindingField::Item].iter().any(|f| mapping.contains_key(f));
    if !says {
        return problem(
            "表头里找不到“问题描述”或“对应小项”；可以用 mapping 说明哪一列是什么",
            "no column for the description or the item; say which is which in the mapping",
        );
    }
    Ok(mapping)
}

/// What a line is read with.
#[derive(Clone, Copy)]
pub struct FindingPlace<'a> {
    /// Divisions, grids, sites.
    pub places: &'a Places,
    /// The catalogue in force.
    pub catalogue: Option<&'a Catalogue>,
    /// The datum of coordinates in the file.
    pub datum: Datum,
    /// Where findings come from when the line does not say.
    pub source: &'a Source,
    /// Now, for what holds at this time.
    pub now_ms: i64,
}

/// A line as a report, with the names of its photo files.
///
/// # Errors
/// What cannot be understood: nothing of the line is taken then.
pub fn read_finding(
    cells: &[String],
    mapping: &Mapping,
    with: FindingPlace<'_>,
) -> Result<(Report, Vec<String>), RowProblem> {
    let of = |field: FindingField| {
        let text = mapping.get(&field).and_then(|at| cells.get(*at)).map(|t| cell::tidy(cell::unguard(t)));
        text.filter(|t| !t.is_empty())
    };
    let source = match of(FindingField::Source) {
        None => with.source.clone(),
        Some(text) => match item::source_word(&text) {
            Some(source) => source,
            None => {
                return problem(format!("问题来源“{text}”不认识"), format!("the source {text} is not known"));
            }
        },
    };
    let description = of(FindingField::Description);
    if description.as_ref().is_some_and(|d| d.chars().count() > TEXT_CHARS_MAX) {
        return problem("问题描述超过 4000 字", "the description is longer than 4,000 characters");
    }
    let category = match (of(FindingField::Item), with.catalogue) {
        (Some(text), Some(catalogue)) => match item::parse_item(&text, catalogue) {
            Some(category) => Some(category),
            None => {
                return problem(
                    format!("目录里没有小项“{text}”"),
                    format!("the catalogue has no item {text}"),
                );
            }
        },
        _ => None,
    };
    if description.is_none() && category.is_none() {
        return problem("没有写问题描述，也没有对应小项", "neither a description nor an item");
    }
    let found = match of(FindingField::Found) {
        None => None,
        Some(text) => match moment_of(&text) {
            Some(ms) => Some(ms),
            None => {
                return problem(format!("发现时间“{text}”读不懂"), format!("the time {text} cannot be read"));
            }
        },
    };
    let position = position(of(FindingField::Lat), of(FindingField::Lon), with.datum)?;
    let site_id = site(of(FindingField::Site), with)?;
    let (grid, landmark) = place(&of, position.is_some(), with)?;
    let name = of(FindingField::Name);
    let entered_for = (found.is_some() || name.is_some()).then(|| EnteredFor {
        name: name.unwrap_or_default(),
        at_ms: found,
        channel: Some("list".into()),
    });
    let urgent =
        of(FindingField::Urgent).is_some_and(|t| !matches!(t.as_str(), "否" | "无" | "0" | "no" | "false"));
    let photos = of(FindingField::Photos).map(|t| names_in(&t)).unwrap_or_default();
    let report = Report {
        source,
        urgent_danger: urgent,
        position,
        grid,
        site_id,
        landmark,
        entered_for,
        category,
        description,
        ..Report::default()
    };
    Ok((report, photos))
}

fn names_in(text: &str) -> Vec<String> {
    let parts = text.split(['\n', ';', '；', ',', '，', '、', '|']);
    parts.map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

fn position(lat: Option<String>, lon: Option<String>, datum: Datum) -> Result<Option<Fix>, RowProblem> {
    let (Some(lat), Some(lon)) = (&lat, &lon) else {
        if lat.is_some() || lon.is_some() {
            return problem("经度和纬度要同时写", "latitude and longitude go together");
        }
        return Ok(None);
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
    let fix = number(lat).zip(number(lon)).map(|(lat, lon)| Fix {
        lat,
        lon,
        accuracy_m: None,
        datum,
        provider: Some("list".into()),
        age_ms: None,
        mock: None,
    });
    match fix.filter(|f| f.wgs84().is_some()) {
        Some(fix) => Ok(Some(fix)),
        None => problem(format!("经纬度“{lat} {lon}”不对"), format!("{lat} {lon} is no place on earth")),
    }
}

fn site(id: Option<String>, with: FindingPlace<'_>) -> Result<Option<String>, RowProblem> {
    let Some(id) = id else { return Ok(None) };
    match with.places.site(&id) {
        Some(site) => Ok(Some(site.id.clone())),
        None => problem(format!("点位台账里没有“{id}”"), format!("the register has no site {id}")),
    }
}

/// The duty grid, by its id or name, or as the only one of its committee; what does not lead to one stays in words.
fn place(
    of: &impl Fn(FindingField) -> Option<String>,
    located: bool,
    with: FindingPlace<'_>,
) -> Result<(Option<GridId>, Option<String>), RowProblem> {
    let at_ms = with.now_ms;
    let (town, committee, words) =
        (of(FindingField::Town), of(FindingField::Committee), of(FindingField::Place));
    let town_code = match &town {
        None => None,
        Some(name) => {
            let known = |d: &&crate::division::Division| {
                d.code == *name || d.name_zh == *name || (!d.short_zh.is_empty() && d.short_zh == *name)
            };
            match with.places.towns(at_ms).find(known) {
                Some(found) => Some(found.code.clone()),
                None => return problem(format!("没有“{name}”这个镇街"), format!("there is no town {name}")),
            }
        }
    };
    let in_town = |g: &&crate::division::DutyGrid| town_code.as_deref().is_none_or(|t| g.town.as_str() == t);
    let grid = match of(FindingField::Grid) {
        Some(text) => {
            let by_id = GridId::parse(&text).ok().filter(|id| with.places.grid(id).is_some());
            let exact = |g: &&crate::division::DutyGrid| {
                g.span.contains(at_ms) && (g.name_zh == text || g.aliases.contains(&text))
            };
            let named: Vec<_> = with.places.grids().filter(exact).filter(in_town).collect();
            match (by_id, named.as_slice()) {
                (Some(id), _) => Some(id),
                (None, [one]) => Some(one.id.clone()),
                (None, []) => {
                    return problem(format!("没有责任网格“{text}”"), format!("there is no duty grid {text}"));
                }
                _ => {
                    return problem(
                        format!("“{text}”有好几个，请写镇街或网格编号"),
                        format!("several grids are called {text}"),
                    );
                }
            }
        }
        None => None,
    };
    let by_committee = || {
        let name = committee.as_deref()?;
        let of_committee = |g: &&crate::division::DutyGrid| {
            g.span.contains(at_ms)
                && with.places.committee(&g.id.committee(), at_ms).is_some_and(|d| d.name_zh == name)
        };
        let mut all = with.places.grids().filter(of_committee).filter(in_town);
        all.next().filter(|_| all.next().is_none()).map(|g| g.id.clone())
    };
    let grid = grid.or_else(by_committee);
    let placed = located || grid.is_some();
    // What only the words know must not be lost.
    let before = if placed { String::new() } else { [town, committee].into_iter().flatten().collect() };
    let landmark = format!("{before}{}", words.unwrap_or_default());
    Ok((grid, Some(landmark).filter(|l| !l.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::division::Division;

    fn header(titles: &[&str]) -> Vec<String> {
        titles.iter().map(|t| (*t).to_owned()).collect()
    }
    fn places() -> Places {
        let town =
            Division { code: "330782003".into(), name_zh: "稠江街道".into(), ..Division::default() };
        Places::build(vec![town], vec![], vec![], vec![]).expect("places")
    }
    fn read(titles: &[&str], cells: &[&str]) -> Result<(Report, Vec<String>), RowProblem> {
        let mapping = map_header(&header(titles), &BTreeMap::new())?;
        let places = places();
        let with = FindingPlace {
            places: &places,
            catalogue: None,
            datum: Datum::Wgs84,
            source: &Source::CovertVisit,
            now_ms: 1,
        };
        read_finding(&header(cells), &mapping, with)
    }

    #[test]
    fn columns_are_found_by_what_people_call_them_or_as_they_are_told() {
        let titles = header(&["序号", "检查时间", "街道", "地 点", "存在问题", "现场照片"]);
        let mapping = map_header(&titles, &BTreeMap::new()).expect("known titles");
        assert_eq!(mapping[&FindingField::Place], 3);
        assert_eq!(mapping[&FindingField::Photos], 5);
        let given = BTreeMap::from([("description".to_owned(), "现场照片".to_owned())]);
        let mapping = map_header(&titles, &given).expect("as told");
        assert_eq!(mapping[&FindingField::Description], 5);
        assert!(!mapping.contains_key(&FindingField::Photos), "a column is one field");
        assert!(map_header(&header(&["甲", "乙"]), &BTreeMap::new()).is_err());
        let wrong = BTreeMap::from([("colour".to_owned(), "甲".to_owned())]);
        assert!(map_header(&header(&["甲", "问题"]), &wrong).is_err());
    }

    #[test]
    fn a_line_becomes_a_report_and_what_cannot_be_understood_is_named() {
        let titles = ["时间", "镇街", "地点", "问题", "照片", "纬度", "经度"];
        let (report, photos) =
            read(&titles, &["2026/6/1", "稠江街道", "菜场北门", "'=垃圾", "a.jpg；b.jpg", "", ""])
                .expect("a report");
        assert_eq!(report.source, Source::CovertVisit);
        assert_eq!(report.landmark.as_deref(), Some("稠江街道菜场北门"));
        assert_eq!(report.description.as_deref(), Some("=垃圾"));
        assert_eq!(photos, ["a.jpg", "b.jpg"]);
        assert_eq!(report.entered_for.and_then(|e| e.at_ms), Some(1_780_243_200_000));
        for bad in [
            ["昨天", "", "", "x", "", "", ""],
            ["", "没有镇", "", "x", "", "", ""],
            ["", "", "", "", "", "", ""],
            ["", "", "", "x", "", "29.3", ""],
            ["", "", "", "x", "", "129.3", "120"],
        ] {
            assert!(read(&titles, &bad).is_err(), "{bad:?}");
        }
    }
}
