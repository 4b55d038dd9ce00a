//! The committees of a town: those the public list names, the rest numbered in the real ranges and marked.
//!
//! Knows no ground.

use super::data::Town;
use blindspot_core::division::{CommitteeCode, Division, Span};
use std::collections::BTreeMap;

/// A committee as the city uses it.
pub(super) struct Committee {
    pub(super) code: CommitteeCode,
    pub(super) name_zh: String,
    pub(super) name_en: String,
    /// 兴业社区, 下娄店村: how people call the place, and how grid names begin.
    pub(super) said_zh: String,
    pub(super) said_en: String,
    /// 兴业, 下娄店.
    pub(super) short_zh: String,
    pub(super) residential: bool,
    pub(super) synthetic: bool,
}

impl Committee {
    pub(super) fn division(&self, span: Span) -> Division {
        Division {
            code: self.code.0.clone(),
            parent: Some(self.code.town().0),
            name_zh: self.name_zh.clone(),
            name_en: self.name_en.clone(),
            short_zh: self.short_zh.clone(),
            kind: if self.residential { "社区" } else { "村" }.to_owned(),
            span,
            successor: None,
            synthetic: self.synthetic,
        }
    }
}

/// 001-199 residents' committees, 200-399 villagers' committees, as the statistics office numbers them.
const VILLAGES_FROM: u16 = 200;

/// All committees of a town, residential first, each kind in order of code.
pub(super) fn committees(town: &Town) -> Vec<Committee> {
    let number = |code: &str| code.get(9..).and_then(|s| s.parse::<u16>().ok()).unwrap_or(0);
    let named: BTreeMap<u16, _> = town.children_sample.iter().map(|n| (number(&n.code12), n)).collect();
    let villages = town.children_total - town.children_residential_committees;
    let residential = numbers(&named, 1, VILLAGES_FROM, town.children_residential_committees);
    let rural = numbers(&named, VILLAGES_FROM, 400, villages);
    let committee = |n: u16| {
        let residential = n < VILLAGES_FROM;
        let code = CommitteeCode(format!("{}{n:03}", town.code9));
        let suffix = if residential { "社区" } else { "村" };
        let kind_en = if residential { "Community" } else { "Village" };
        let Some(real) = named.get(&n) else {
            let no = if residential { n } else { n - VILLAGES_FROM + 1 };
            let short = format!("{}第{no}", town.short_zh());
            return Committee {
                code,
                name_zh: format!("{short}{suffix}（示例）"),
                name_en: format!("{} {kind_en} No. {no} (sample)", town.pinyin),
                said_zh: format!("{short}{suffix}"),
                said_en: format!("{} {kind_en} No. {no}", town.pinyin),
                short_zh: short,
                residential,
                synthetic: true,
            };
        };
        let ends_so = real.short_zh.ends_with(suffix);
        let said_zh = if ends_so { real.short_zh.clone() } else { format!("{}{suffix}", real.short_zh) };
        Committee {
            code,
            name_zh: real.name_zh.clone(),
            name_en: format!("{} {kind_en}", real.pinyin),
            said_zh,
            said_en: format!("{} {kind_en}", real.pinyin),
            short_zh: real.short_zh.clone(),
            residential,
            synthetic: false,
        }
    };
    residential.into_iter().chain(rural).map(committee).collect()
}

/// The named numbers of a range, filled up with the lowest free ones to `count`.
fn numbers<T>(named: &BTreeMap<u16, T>, from: u16, to: u16, count: usize) -> Vec<u16> {
    let mut out: Vec<u16> = named.range(from..to).map(|(n, _)| *n).collect();
    let missing = count.saturating_sub(out.len());
    out.extend((from..to).filter(|n| !named.contains_key(n)).take(missing));
    out.sort_unstable();
    out
}
