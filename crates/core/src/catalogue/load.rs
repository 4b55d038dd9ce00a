//! The loader of `inspection-catalogue/1`: all problems at once, or a catalogue that keeps every rule.
//!
//! Reads text, never files. Rules: no duplicate code, no unknown lead or assist, section weights and counts
//! add up, every text in Chinese and English.

use super::model::{Catalogue, Department, Item, Section, Severity};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The only format this loader reads.
const FORMAT: &str = "inspection-catalogue/1";

/// Why a catalogue is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueProblem {
    /// Not JSON, or a part of the wrong shape.
    #[error("{at}: unreadable: {why}")]
    Unreadable {
        /// Which part.
        at: String,
        /// What the reader says.
        why: String,
    },
    /// Another format, or none stated.
    #[error("format is {0:?}, this program reads inspection-catalogue/1")]
    Format(String),
    /// A key, section number, item or problem code that stands twice.
    #[error("{0} stands twice")]
    Duplicate(String),
    /// A department key that the catalogue does not list.
    #[error("item {item}: unknown department {key:?}")]
    UnknownDepartment {
        /// The item.
        item: String,
        /// The key.
        key: String,
    },
    /// An item of a section that the catalogue does not list.
    #[error("item {item}: unknown section {section}")]
    UnknownSection {
        /// The item.
        item: String,
        /// The number.
        section: u32,
    },
    /// Section weights or counts that do not add up.
    #[error("section {section}: {what} says {stated}, its items give {found}")]
    Mismatch {
        /// The number.
        section: u32,
        /// `weight_total` or `items`.
        what: &'static str,
        /// What the section states.
        stated: u64,
        /// What its items add up to.
        found: u64,
    },
    /// A text that is empty in one language.
    #[error("{at}: missing {field}")]
    MissingText {
        /// Which part.
        at: String,
        /// The field.
        field: &'static str,
    },
    /// A severity, or a unit of time, that this program does not know.
    #[error("item {item}: unknown {field} {word:?}")]
    UnknownWord {
        /// The item.
        item: String,
        /// The field.
        field: &'static str,
        /// The word.
        word: String,
    },
    /// A problem code that does not begin with the code of its item and a hyphen.
    #[error("problem {problem} stands under item {item}")]
    Misplaced {
        /// The problem.
        problem: String,
        /// The item.
        item: String,
    },
}

impl CatalogueProblem {
    /// The same in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Unreadable { at, why } => format!("{at}：无法读取：{why}"),
            Self::Format(found) => format!("格式是“{found}”，本程序只读 {FORMAT}"),
            Self::Duplicate(what) => format!("{what} 重复"),
            Self::UnknownDepartment { item, key } => format!("小项 {item}：没有单位“{key}”"),
            Self::UnknownSection { item, section } => format!("小项 {item}：没有大项 {section}"),
            Self::Mismatch { section, what, stated, found } => {
                let what = if *what == "items" { "小项数" } else { "分值" };
                format!("大项 {section}：{what}写的是 {stated}，各小项合计 {found}")
            }
            Self::MissingText { at, field } => format!("{at}：缺少 {field}"),
            Self::UnknownWord { item, field, word } => format!("小项 {item}：{field} 不认识“{word}”"),
            Self::Misplaced { problem, item } => format!("问题 {problem} 放在了小项 {item} 下"),
        }
    }
}

type Problems = Vec<CatalogueProblem>;

/// Reads a catalogue.
///
/// # Errors
/// Every problem found, in file order of the parts.
pub fn load(text: &str) -> Result<Catalogue, Vec<CatalogueProblem>> {
    let root: Value = serde_json::from_str(text)
        .map_err(|e| vec![CatalogueProblem::Unreadable { at: "catalogue".into(), why: e.to_string() }])?;
    let word = |key: &str| root.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if word("format") != FORMAT {
        return Err(vec![CatalogueProblem::Format(word("format"))]);
    }
    let mut problems = Problems::new();
    let departments: Vec<Department> = parts(&root, "departments", &mut problems);
    let sections: Vec<Section> = parts(&root, "sections", &mut problems);
    let items: Vec<Item> = parts(&root, "items", &mut problems);
    text_present("catalogue", "catalogue_id", &word("catalogue_id"), &mut problems);
    text_present("catalogue", "version", &word("version"), &mut problems);
    let unread = !problems.is_empty();
    check_departments(&departments, &mut problems);
    check_sections(&sections, &items, unread, &mut problems);
    let (item_at, problem_at) = check_items(&items, &departments, &sections, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Catalogue {
        id: word("catalogue_id"),
        version: word("version"),
        label_zh: word("label_zh"),
        label_en: word("label"),
        departments,
        sections,
        items,
        item_at,
        problem_at,
    })
}

fn parts<T: serde::de::DeserializeOwned>(root: &Value, key: &str, problems: &mut Problems) -> Vec<T> {
    let Some(list) = root.get(key).and_then(Value::as_array) else {
        problems.push(CatalogueProblem::Unreadable { at: key.into(), why: "no list".into() });
        return Vec::new();
    };
    let mut out = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        match T::deserialize(value) {
            Ok(part) => out.push(part),
            Err(e) => {
                let code = value.get("code").and_then(Value::as_str).unwrap_or_default();
                let at = format!("{key}[{i}] {code}").trim_end().to_owned();
                problems.push(CatalogueProblem::Unreadable { at, why: e.to_string() });
            }
        }
    }
    out
}

fn text_present(at: &str, field: &'static str, text: &str, problems: &mut Problems) {
    if text.trim().is_empty() {
        problems.push(CatalogueProblem::MissingText { at: at.to_owned(), field });
    }
}

fn check_departments(departments: &[Department], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for d in departments {
        let at = format!("department {}", d.key);
        if !seen.insert(&d.key) {
            problems.push(CatalogueProblem::Duplicate(at.clone()));
        }
        text_present(&at, "name_zh", &d.name_zh, problems);
        text_present(&at, "name_en", &d.name_en, problems);
    }
}

fn check_sections(sections: &[Section], items: &[Item], unread: bool, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for s in sections {
        let at = format!("section {}", s.no);
        if !seen.insert(s.no) {
            problems.push(CatalogueProblem::Duplicate(at.clone()));
        }
        text_present(&at, "title_zh", &s.title_zh, problems);
        text_present(&at, "title_en", &s.title_en, problems);
        if unread {
            continue; // sums over items that could not be read would only add noise
        }
        let section = s.no;
        let found: u64 = items.iter().filter(|i| i.section == section).map(|i| u64::from(i.weight)).sum();
        let stated = u64::from(s.weight_total);
        if found != stated {
            problems.push(CatalogueProblem::Mismatch { section, what: "weight_total", stated, found });
        }
        let found = items.iter().filter(|i| i.section == section).count() as u64;
        if let Some(stated) = s.items.map(|n| n as u64).filter(|n| *n != found) {
            problems.push(CatalogueProblem::Mismatch { section, what: "items", stated, found });
        }
    }
}

type Indexes = (BTreeMap<String, usize>, BTreeMap<String, (usize, usize)>);

fn check_items(items: &[Item], ds: &[Department], ss: &[Section], problems: &mut Problems) -> Indexes {
    let keys: BTreeSet<&str> = ds.iter().map(|d| d.key.as_str()).collect();
    let numbers: BTreeSet<u32> = ss.iter().map(|s| s.no).collect();
    let (mut item_at, mut problem_at) = (BTreeMap::new(), BTreeMap::new());
    for (i, item) in items.iter().enumerate() {
        let at = format!("item {}", item.code);
        if item_at.insert(item.code.clone(), i).is_some() {
            problems.push(CatalogueProblem::Duplicate(at.clone()));
        }
        text_present(&at, "code", &item.code, problems);
        text_present(&at, "title_zh", &item.title_zh, problems);
        text_present(&at, "title_en", &item.title_en, problems);
        if !numbers.contains(&item.section) {
            let (item, section) = (item.code.clone(), item.section);
            problems.push(CatalogueProblem::UnknownSection { item, section });
        }
        for key in std::iter::once(&item.lead).chain(&item.assist).filter(|k| !keys.contains(k.as_str())) {
            let (item, key) = (item.code.clone(), key.clone());
            problems.push(CatalogueProblem::UnknownDepartment { item, key });
        }
        check_words(item, &at, problems);
        for (j, p) in item.typical_problems.iter().enumerate() {
            let at = format!("problem {}", p.code);
            if problem_at.insert(p.code.clone(), (i, j)).is_some() {
                problems.push(CatalogueProblem::Duplicate(at.clone()));
            }
            if !p.code.strip_prefix(&item.code).is_some_and(|rest| rest.starts_with('-') && rest.len() > 1) {
                let (problem, item) = (p.code.clone(), item.code.clone());
                problems.push(CatalogueProblem::Misplaced { problem, item });
            }
            text_present(&at, "zh", &p.zh, problems);
            text_present(&at, "en", &p.en, problems);
        }
    }
    (item_at, problem_at)
}

fn check_words(item: &Item, at: &str, problems: &mut Problems) {
    let mut unknown = |field, word: &str| {
        let (item, word) = (item.code.clone(), word.to_owned());
        problems.push(CatalogueProblem::UnknownWord { item, field, word });
    };
    if let Severity::Other(word) = &item.severity {
        unknown("severity", word);
    }
    if let Some(d) = &item.default_deadline
        && !["service_hour", "working_day", "calendar_day"].contains(&d.unit.as_str())
    {
        unknown("default_deadline.unit", &d.unit);
    }
    if let Some(t) = &item.threshold {
        if ![">=", "<=", "=="].contains(&t.op.as_str()) {
            unknown("threshold.op", &t.op);
        }
        text_present(at, "threshold.metric_zh", &t.metric_zh, problems);
        text_present(at, "threshold.metric_en", &t.metric_en, problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Value {
        serde_json::json!({
            "format": "inspection-catalogue/1", "catalogue_id": "tiny", "version": "1",
            "departments": [{"key": "town", "name_zh": "镇街", "name_en": "Town"}],
            "sections": [{"no": 3, "title_zh": "市容", "title_en": "Looks", "weight_total": 9, "items": 2}],
            "items": [
                {"code": "3.01", "section": 3, "title_zh": "保洁", "title_en": "Cleaning", "lead": "town",
                 "weight": 4, "severity": "major", "site_types": ["street"],
                 "typical_problems": [{"code": "3.01-a", "zh": "暴露垃圾", "en": "Rubbish"}]},
                {"code": "3.02", "section": 3, "title_zh": "死角", "title_en": "Blind spots", "lead": "town",
                 "weight": 5, "severity": "minor", "site_types": ["lane"],
                 "typical_problems": [{"code": "3.02-a", "zh": "暴露垃圾", "en": "Rubbish"}]}
            ]
        })
    }

    fn problems_of(change: impl Fn(&mut Value)) -> Vec<CatalogueProblem> {
        let mut value = tiny();
        change(&mut value);
        load(&value.to_string()).expect_err("a broken catalogue")
    }

    #[test]
    fn a_sound_catalogue_answers_by_code() {
        let c = load(&tiny().to_string()).expect("sound");
        assert_eq!(c.item("3.01").map(|i| i.weight), Some(4));
        assert_eq!(c.problem("3.02-a").map(|p| p.zh.as_str()), Some("暴露垃圾"));
        assert_eq!(c.severity_of("3.02-a"), Some(Severity::Minor));
        assert_eq!(c.severity_of("3.01"), Some(Severity::Major));
        assert_eq!((c.item("9.99"), c.problem("3.01"), c.severity_of("x")), (None, None, None));
    }

    #[test]
    fn one_wording_is_one_tile_and_the_place_decides_the_item() {
        let c = load(&tiny().to_string()).expect("sound");
        let tiles = c.tiles();
        assert_eq!(tiles.len(), 1);
        assert_eq!(tiles[0].codes, ["3.01-a", "3.02-a"]);
        assert_eq!(c.problem_for(&tiles[0], "lane").map(|p| p.code.as_str()), Some("3.02-a"));
        assert_eq!(c.problem_for(&tiles[0], "river").map(|p| p.code.as_str()), Some("3.01-a"));
    }

    #[test]
    fn each_rule_refuses_its_breach() {
        use CatalogueProblem as P;
        let both = |v: &mut Value| v["items"][1]["code"] = "3.01".into();
        assert!(problems_of(both).contains(&P::Duplicate("item 3.01".into())));
        let lead = |v: &mut Value| v["items"][0]["lead"] = "nobody".into();
        let key = "nobody".to_owned();
        assert_eq!(problems_of(lead), [P::UnknownDepartment { item: "3.01".into(), key }]);
        let weight = |v: &mut Value| v["items"][0]["weight"] = 5.into();
        let (what, stated, found) = ("weight_total", 9, 10);
        assert_eq!(problems_of(weight), [P::Mismatch { section: 3, what, stated, found }]);
        let en = |v: &mut Value| v["items"][0]["typical_problems"][0]["en"] = " ".into();
        assert_eq!(problems_of(en), [P::MissingText { at: "problem 3.01-a".into(), field: "en" }]);
        let zh = |v: &mut Value| v["sections"][0]["title_zh"] = "".into();
        assert_eq!(problems_of(zh), [P::MissingText { at: "section 3".into(), field: "title_zh" }]);
        let severity = |v: &mut Value| v["items"][0]["severity"] = "dire".into();
        assert!(matches!(&problems_of(severity)[..], [P::UnknownWord { field: "severity", .. }]));
        let format = |v: &mut Value| v["format"] = "inspection-catalogue/2".into();
        assert!(matches!(&problems_of(format)[..], [P::Format(_)]));
        let misplaced = |v: &mut Value| v["items"][0]["typical_problems"][0]["code"] = "3.02-b".into();
        assert!(matches!(&problems_of(misplaced)[..], [P::Misplaced { .. }]));
        let shape = |v: &mut Value| v["items"][0]["weight"] = "heavy".into();
        let found = problems_of(shape);
        assert!(matches!(&found[..], [P::Unreadable { at, .. }] if at == "items[0] 3.01"), "{found:?}");
        assert!(found.iter().all(|p| !p.zh().is_empty()));
        assert!(load("{").is_err());
    }
}
