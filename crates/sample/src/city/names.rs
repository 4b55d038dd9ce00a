//! Word lists: invented people, landmarks that people name places by, classes of places.

use crate::dice::Dice;

/// Surnames common in Yiwu, with Latin letters.
const SURNAMES: [(&str, &str); 24] = [
    ("王", "Wang"),
    ("陈", "Chen"),
    ("吴", "Wu"),
    ("朱", "Zhu"),
    ("何", "He"),
    ("金", "Jin"),
    ("楼", "Lou"),
    ("骆", "Luo"),
    ("龚", "Gong"),
    ("毛", "Mao"),
    ("虞", "Yu"),
    ("傅", "Fu"),
    ("方", "Fang"),
    ("杨", "Yang"),
    ("张", "Zhang"),
    ("李", "Li"),
    ("黄", "Huang"),
    ("叶", "Ye"),
    ("丁", "Ding"),
    ("刘", "Liu"),
    ("蒋", "Jiang"),
    ("徐", "Xu"),
    ("胡", "Hu"),
    ("周", "Zhou"),
];

const GIVEN: [(&str, &str); 40] = [
    ("建", "jian"),
    ("国", "guo"),
    ("伟", "wei"),
    ("芳", "fang"),
    ("娟", "juan"),
    ("敏", "min"),
    ("静", "jing"),
    ("丽", "li"),
    ("强", "qiang"),
    ("磊", "lei"),
    ("军", "jun"),
    ("洋", "yang"),
    ("勇", "yong"),
    ("艳", "yan"),
    ("杰", "jie"),
    ("涛", "tao"),
    ("明", "ming"),
    ("超", "chao"),
    ("秀", "xiu"),
    ("霞", "xia"),
    ("平", "ping"),
    ("刚", "gang"),
    ("桂", "gui"),
    ("英", "ying"),
    ("华", "hua"),
    ("玉", "yu"),
    ("兰", "lan"),
    ("春", "chun"),
    ("梅", "mei"),
    ("晓", "xiao"),
    ("红", "hong"),
    ("云", "yun"),
    ("飞", "fei"),
    ("海", "hai"),
    ("燕", "yan"),
    ("辉", "hui"),
    ("巧", "qiao"),
    ("志", "zhi"),
    ("新", "xin"),
    ("良", "liang"),
];

/// An invented name: characters and Latin letters. Any likeness is chance.
pub(super) fn person(dice: &mut Dice) -> (String, String) {
    let (surname, latin) = dice.pick(&SURNAMES);
    let (first, first_latin) = dice.pick(&GIVEN);
    let mut zh = format!("{surname}{first}");
    let mut given = (*first_latin).to_owned();
    if dice.chance(0.8) {
        let (second, second_latin) = dice.pick(&GIVEN);
        zh.push_str(second);
        given.push_str(second_latin);
    }
    let mut letters = given.chars();
    let capital: String = letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect();
    (zh, format!("{latin} {capital}"))
}

const LANDMARKS_TOWN: [&str; 12] = [
    "菜场边",
    "小学门口",
    "公交站",
    "老年活动中心",
    "停车场",
    "银行旁",
    "夜市口",
    "幼儿园后门",
    "菜鸟驿站",
    "加油站对面",
    "公园北门",
    "老车站",
];
const LANDMARKS_VILLAGE: [&str; 12] = [
    "文化礼堂",
    "村口大樟树",
    "老祠堂",
    "晒谷场",
    "桥头",
    "溪边",
    "水塘边",
    "小店门口",
    "垃圾房",
    "上坑",
    "里坞",
    "山脚",
];

/// Landmark aliases of a grid: `兴业菜场边`.
pub(super) fn landmark(dice: &mut Dice, short_zh: &str, residential: bool) -> String {
    let list = if residential { &LANDMARKS_TOWN } else { &LANDMARKS_VILLAGE };
    format!("{short_zh}{}", dice.pick(list))
}

/// Class of place of a square: a word that the catalogue's items are inspected at.
pub(super) fn place_class(dice: &mut Dice, core: bool, residential: bool) -> &'static str {
    let shares: &[(&str, f64)] = match (core, residential) {
        (true, _) => &[
            ("street", 0.34),
            ("lane", 0.18),
            ("main_road", 0.12),
            ("old_estate", 0.12),
            ("market_surround", 0.08),
            ("community", 0.08),
            ("green_space", 0.05),
            ("night_market", 0.03),
        ],
        (false, true) => &[
            ("community", 0.35),
            ("street", 0.25),
            ("urban_village", 0.2),
            ("urban_fringe", 0.12),
            ("construction_site", 0.08),
        ],
        (false, false) => &[
            ("urban_fringe", 0.4),
            ("urban_village", 0.25),
            ("river", 0.12),
            ("vacant_lot", 0.12),
            ("factory", 0.06),
            ("riverbank", 0.05),
        ],
    };
    let mut left = dice.unit();
    for (word, share) in shares {
        left -= share;
        if left < 0.0 {
            return word;
        }
    }
    shares[0].0
}
