//! The parts of a catalogue and look-ups by code. Built only by the loader, so a value keeps its rules.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

crate::open_enum! {
    /// How bad a problem of an item is.
    pub enum Severity {
        /// 严重: endangers people or a necessary condition.
        Critical = "critical",
        /// 较重.
        Major = "major",
        /// 一般.
        Minor = "minor",
    }
}

/// A department or unit 单位 that can lead an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// Key used by items, cases and grants: `env_san`.
    pub key: String,
    /// Chinese name.
    #[serde(default)]
    pub name_zh: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
}

/// One of the main sections 大项.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Number, from 1.
    pub no: u32,
    /// Chinese title.
    #[serde(default)]
    pub title_zh: String,
    /// English title.
    #[serde(default)]
    pub title_en: String,
    /// Sum of the weights of its items.
    pub weight_total: u32,
    /// How many items it has; checked when stated.
    #[serde(default)]
    pub items: Option<usize>,
}

/// A measured limit of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What is measured, in Chinese.
    pub metric_zh: String,
    /// What is measured, in English.
    pub metric_en: String,
    /// `>=`, `<=` or `==`.
    pub op: String,
    /// The limit.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Edition of the standard.
    #[serde(default)]
    pub edition: String,
    /// Where the number comes from.
    #[serde(default)]
    pub provenance: String,
}

/// What a report under an item must carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRule {
    /// Fewest photos of the problem.
    #[serde(default)]
    pub before_photos_min: u32,
    /// Fewest photos of the fix.
    #[serde(default)]
    pub after_photos_min: u32,
    /// Whether a position is needed.
    #[serde(default)]
    pub location_required: bool,
    /// Whether documents are needed.
    #[serde(default)]
    pub documents: bool,
}

/// A length of time on some calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// How many.
    pub value: u32,
    /// `service_hour`, `working_day` or `calendar_day`.
    pub unit: String,
}

/// A typical problem 问题: what a worker picks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `3.04-a`.
    pub code: String,
    /// Chinese words.
    #[serde(default)]
    pub zh: String,
    /// English words.
    #[serde(default)]
    pub en: String,
}

/// One item 小项.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// `3.04`.
    pub code: String,
    /// Number of its section.
    pub section: u32,
    /// Chinese title.
    #[serde(default)]
    pub title_zh: String,
    /// English title.
    #[serde(default)]
    pub title_en: String,
    /// Key of the lead department.
    pub lead: String,
    /// Keys of assisting departments.
    #[serde(default)]
    pub assist: Vec<String>,
    /// Share of its section's weight.
    pub weight: u32,
    /// How bad its problems are.
    pub severity: Severity,
    /// Whether it is a necessary condition 必备条件.
    #[serde(default)]
    pub veto: bool,
    /// `field_visual`, `document_review`, ...
    #[serde(default)]
    pub inspection_method: String,
    /// Kinds of places it is inspected at.
    #[serde(default)]
    pub site_types: Vec<String>,
    /// A measured limit.
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// What evidence it needs.
    #[serde(default)]
    pub evidence: EvidenceRule,
    /// How long a unit has.
    #[serde(default)]
    pub default_deadline: Option<Deadline>,
    /// How long a closed case is watched for relapse, days.
    #[serde(default)]
    pub relapse_watch_days: u32,
    /// After how many days a look counts half.
    #[serde(default)]
    pub coverage_half_life_days: u32,
    /// What goes wrong there.
    #[serde(default)]
    pub typical_problems: Vec<Problem>,
}

/// One tile on a phone: problems of the same words, whose item follows from the place (U7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile<'a> {
    /// The words.
    pub zh: &'a str,
    /// In English.
    pub en: &'a str,
    /// Codes of the problems behind it, in catalogue order.
    pub codes: Vec<&'a str>,
}

/// A loaded catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    /// Which catalogue: `sample-nhc-2010-76`.
    pub id: String,
    /// Which edition of it.
    pub version: String,
    /// What the file says about itself, Chinese.
    pub label_zh: String,
    /// What the file says about itself, English.
    pub label_en: String,
    /// Departments in file order.
    pub departments: Vec<Department>,
    /// Sections in file order.
    pub sections: Vec<Section>,
    /// Items in file order.
    pub items: Vec<Item>,
    pub(super) item_at: BTreeMap<String, usize>,
    pub(super) problem_at: BTreeMap<String, (usize, usize)>,
}

impl Catalogue {
    /// An item by its code.
    #[must_use]
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.get(*self.item_at.get(code)?)
    }

    /// A problem by its code.
    #[must_use]
    pub fn problem(&self, code: &str) -> Option<&Problem> {
        let (item, problem) = *self.problem_at.get(code)?;
        self.items.get(item)?.typical_problems.get(problem)
    }

    /// The item that a code names or whose problem it names.
    #[must_use]
    pub fn item_of(&self, code: &str) -> Option<&Item> {
        let by_problem = || self.items.get(self.problem_at.get(code)?.0);
        self.item(code).or_else(by_problem)
    }

    /// How bad an item or problem is.
    #[must_use]
    pub fn severity_of(&self, code: &str) -> Option<Severity> {
        self.item_of(code).map(|item| item.severity.clone())
    }

    /// A department by its key.
    #[must_use]
    pub fn department(&self, key: &str) -> Option<&Department> {
        self.departments.iter().find(|d| d.key == key)
    }

    /// All problems in catalogue order, each with its item.
    pub fn problems(&self) -> impl Iterator<Item = (&Item, &Problem)> {
        self.items.iter().flat_map(|item| item.typical_problems.iter().map(move |p| (item, p)))
    }

    /// One tile for each wording, in catalogue order.
    #[must_use]
    pub fn tiles(&self) -> Vec<Tile<'_>> {
        let mut tiles: Vec<Tile<'_>> = Vec::new();
        let mut at = BTreeMap::new();
        for (_, problem) in self.problems() {
            let i = *at.entry(problem.zh.as_str()).or_insert(tiles.len());
            if i == tiles.len() {
                tiles.push(Tile { zh: &problem.zh, en: &problem.en, codes: Vec::new() });
            }
            tiles[i].codes.push(&problem.code);
        }
        tiles
    }

    /// Which problem of a tile is meant at a place: the first whose item is inspected at that class of place,
    /// else the tile's first.
    #[must_use]
    pub fn problem_for(&self, tile: &Tile<'_>, place_class: &str) -> Option<&Problem> {
        let fits = |code: &&&str| {
            self.item_of(code).is_some_and(|item| item.site_types.iter().any(|t| t == place_class))
        };
        let code = tile.codes.iter().find(fits).or_else(|| tile.codes.first())?;
        self.problem(code)
    }
}
