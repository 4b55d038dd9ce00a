//! 215 sites 点位 by type: as many as the technical review draws in a city of this size.
//!
//! The number 215 is public; how it divides among types here is invented, like every site.

use super::ground::{Ground, span_of};
use super::squares::Squares;
use crate::dice::Dice;
use blindspot_core::division::{DutyGrid, GridId, Site};
use std::collections::{BTreeMap, BTreeSet};

/// Site type of the catalogue, how many, Chinese and English name, lead department.
const KINDS: [(&str, usize, &str, &str, &str); 29] = [
    ("main_road", 12, "主干道", "main road", "env_san"),
    ("street", 24, "沿街", "street front", "urban"),
    ("lane", 14, "背街小巷", "back lane", "town"),
    ("market_hall", 14, "农贸市场", "market hall", "market"),
    ("market_surround", 6, "市场周边", "around the market", "urban"),
    ("urban_village", 12, "城中村", "urban village", "town"),
    ("urban_fringe", 6, "城乡结合部", "urban fringe", "town"),
    ("old_estate", 8, "老小区", "old estate", "town"),
    ("community", 20, "居民小区", "housing estate", "committee"),
    ("office", 8, "机关单位", "office", "phco"),
    ("town_office", 14, "便民服务中心", "town service centre", "town"),
    ("hospital", 6, "医院", "hospital", "health"),
    ("clinic", 8, "卫生服务站", "clinic", "health"),
    ("school", 12, "小学", "school", "edu"),
    ("transport_hub", 4, "客运站", "bus station", "transport"),
    ("vacant_lot", 4, "闲置地块", "vacant lot", "planning"),
    ("plant", 2, "处理厂", "treatment plant", "epa"),
    ("shop", 6, "食品店", "food shop", "food"),
    ("restaurant", 10, "餐饮店", "restaurant", "food"),
    ("hotel", 4, "小旅馆", "small hotel", "health"),
    ("barber", 3, "理发店", "barber", "health"),
    ("bathhouse", 2, "浴室", "bathhouse", "health"),
    ("entertainment", 2, "歌舞厅", "song hall", "culture"),
    ("canteen", 2, "食堂", "canteen", "food"),
    ("green_space", 2, "绿地", "green space", "parks"),
    ("river", 3, "河段", "river reach", "water"),
    ("construction_site", 2, "建筑工地", "building site", "build"),
    ("public_toilet", 3, "公厕", "public toilet", "env_san"),
    ("transfer_station", 2, "垃圾中转站", "transfer station", "env_san"),
];

/// Types that stand once in each town; a type is in town where nothing else is said.
const RURAL: [&str; 4] = ["urban_fringe", "river", "vacant_lot", "plant"];

pub(super) fn place(seed: u64, ground: &Ground, squares: &Squares, grids: &[DutyGrid]) -> Vec<Site> {
    let mut dice = Dice::new(seed, 5);
    let grid_of: BTreeMap<&str, &GridId> =
        grids.iter().flat_map(|g| g.cells.iter().map(move |c| (c.code.as_str(), &g.id))).collect();
    let town_squares: Vec<usize> =
        (0..squares.list.len()).filter(|i| ground.committees[ground.owner[*i]].residential).collect();
    let rural_squares: Vec<usize> =
        (0..squares.list.len()).filter(|i| !ground.committees[ground.owner[*i]].residential).collect();
    let towns: Vec<_> = (0..squares.list.len()).map(|i| ground.town_of(i)).collect();
    let mut each_town: Vec<_> = towns.clone();
    each_town.sort();
    each_town.dedup();
    let mut names = BTreeSet::new();
    let mut out = Vec::new();
    for (kind, count, zh, en, lead) in KINDS {
        for n in 0..count {
            let pool = if RURAL.contains(&kind) { &rural_squares } else { &town_squares };
            let in_town: Vec<usize>;
            let pool = if kind == "town_office" {
                let town = &each_town[n % each_town.len()];
                in_town = pool.iter().copied().filter(|i| towns[*i] == *town).collect();
                &in_town
            } else {
                pool
            };
            let square = *dice.pick(pool);
            let committee = &ground.committees[ground.owner[square]];
            let mut name_zh = format!("{}{zh}", committee.said_zh);
            let mut again = 1;
            while !names.insert(name_zh.clone()) {
                again += 1;
                name_zh = format!("{}{zh}（{again}号）", committee.said_zh);
            }
            let share = [dice.between(0.1, 0.9), dice.between(0.1, 0.9)];
            out.push(Site {
                id: format!("YW-{:03}", out.len() + 1),
                name_zh,
                name_en: format!("{}, {en}", committee.said_en),
                site_type: kind.to_owned(),
                grid: grid_of.get(ground.codes[square].as_str()).map(|g| (*g).clone()),
                point: Some(squares.point_in(&squares.list[square], share)),
                address: Some(format!("{}{}号", committee.said_zh, 1 + dice.below(300))),
                lead: Some(if lead == "town" { format!("town_{}", towns[square]) } else { lead.to_owned() }),
                keeper: Some(super::names::person(&mut dice).0),
                phone: None,
                span: span_of(committee.code.as_str()),
                synthetic: true,
            });
        }
    }
    out
}
