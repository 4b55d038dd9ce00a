//! A city of many cases, made and written by the server's own store without its rules: 5 % open, 40 units, texts of made
//! phrases, spread over a year. Knows no measurement.

use crate::Failed;
use blindspot_core::case::{Case, CaseFile, Part};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::division::DutyGrid;
use blindspot_core::id::Sha256;
use blindspot_core::row::changes_between;
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_server::service::House;
use blindspot_store::cases::{self, Entry};
use blindspot_store::feed::{self, RowWrite};
use blindspot_store::ops::{self, OpRecord};
use blindspot_store::{StoreError, meta};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde_json::json;
use std::collections::BTreeMap;

pub(crate) const UNITS: u64 = 40;
pub(crate) const ITEMS: u64 = 120;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// Cases of one transaction.
const STEP: usize = 1_000;
/// Ops of a case whose timeline is read.
const STORY: usize = 10;
/// The others have one op.
const EVERY: usize = 20;

const PLACES: [&str; 24] = [
    "菜场北门",
    "东门口",
    "小区后巷",
    "公交站台",
    "桥下",
    "河边步道",
    "学校围墙外",
    "工地出入口",
    "夜市入口",
    "停车场",
    "老年活动中心",
    "卫生服务站",
    "村口大樟树旁",
    "祠堂前",
    "文化礼堂",
    "批发市场二区",
    "快递点门口",
    "加油站旁",
    "十字路口",
    "人行道树池",
    "绿化带内",
    "楼道一层",
    "垃圾分类亭",
    "公厕西侧",
];
const PROBLEMS: [&str; 24] = [
    "暴露垃圾",
    "垃圾桶满溢",
    "小广告张贴",
    "乱堆杂物",
    "流动摊点占道",
    "污水外溢",
    "下水道堵塞",
    "井盖松动",
    "路面积水",
    "建筑渣土未清运",
    "枯枝落叶堆积",
    "电动车乱停放",
    "油烟扰民",
    "毁绿种菜",
    "乱拉电线",
    "广告牌破损",
    "护栏缺损",
    "公厕异味",
    "宠物粪便",
    "烟头遍地",
    "果皮箱破损",
    "雨水篦子堵塞",
    "乱晾晒",
    "飞线充电",
];
const MORE: [&str; 16] = [
    "请尽快处理",
    "居民多次反映",
    "已拍照",
    "气味很大",
    "影响通行",
    "约两平方米",
    "昨天也有",
    "雨后更严重",
    "靠近学校",
    "有蚊蝇",
    "早市结束后",
    "无人看管",
    "需要工具车",
    "地面湿滑",
    "商户自行堆放",
    "夜间更多",
];
/// A word that one case in 20,000 says.
pub(crate) const RARE: &str = "马蜂窝";
/// A word that a tenth says.
pub(crate) const FREQUENT: &str = "垃圾";

/// Dice of this module.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n.max(1)
    }
    pub(crate) fn one<'v, T>(&mut self, all: &'v [T]) -> &'v T {
        let n = self.below(all.len() as u64);
        &all[n as usize]
    }
    fn id(&mut self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

pub(crate) fn unit(n: u64) -> String {
    format!("330782/unit-{n:02}")
}

pub(crate) fn item(n: u64) -> String {
    format!("{}.{:02}", n / 12 + 1, n % 12 + 1)
}

pub(crate) fn text(dice: &mut Dice) -> String {
    let (place, problem) = (*dice.one(&PLACES), *dice.one(&PROBLEMS));
    let (first, second) = (*dice.one(&MORE), *dice.one(&MORE));
    format!("{place}{problem}，{first}，{second}")
}

/// What was made.
pub(crate) struct Made {
    /// Cases with a story to read.
    pub(crate) told: Vec<CaseId>,
    /// Any cases.
    pub(crate) some: Vec<CaseId>,
}

/// Fills a house with so many cases, reported by one of `people`.
pub(crate) fn fill(
    house: &House,
    grids: &[DutyGrid],
    people: &[PersonId],
    (count, seed, now_ms): (usize, u64, i64),
) -> Result<Made, Failed> {
    let mut dice = Dice::new(seed);
    let mut made = Made { told: vec![], some: vec![] };
    // The oldest first, as they came.
    let step_ms = 365 * DAY_MS / i64::try_from(count.max(1))?;
    let mut at = 0;
    while at < count {
        let upto = (at + STEP).min(count);
        let mut files = Vec::with_capacity(STEP);
        let mut records = Vec::new();
        for n in at..upto {
            let received_ms = now_ms - step_ms * i64::try_from(count - n)?;
            let file = one(&mut dice, grids, people, received_ms, now_ms)?;
            let story = if n % EVERY == 0 { STORY } else { 1 };
            records.extend((0..story).map(|k| (file.id(), received_ms + k as i64 * HOUR_MS, dice.id(), k)));
            if story > 1 {
                made.told.push(file.id());
            } else if n % EVERY == 7 {
                made.some.push(file.id());
            }
            files.push(file);
        }
        write(house, &files, &records)?;
        at = upto;
    }
    Ok(made)
}

fn one(
    dice: &mut Dice,
    grids: &[DutyGrid],
    people: &[PersonId],
    received_ms: i64,
    now_ms: i64,
) -> Result<CaseFile, Failed> {
    let grid = dice.one(grids);
    let young = now_ms - received_ms < 30 * DAY_MS;
    let open = dice.below(1_000) < if young { 350 } else { 23 };
    let waiting = [
        "reported",
        "filed",
        "dispatched",
        "accepted",
        "in_work",
        "fed_back",
        "return_requested",
        "hung",
        "rework",
    ];
    let over = [
        "closed",
        "closed",
        "closed",
        "watch",
        "archived",
        "archived",
        "refused",
        "merged",
        "voided",
        "withdrawn",
    ];
    let state = if open { *dice.one(&waiting) } else { *dice.one(&over) };
    let source = match dice.below(200) {
        0 => "media",
        1..=5 => "leader",
        6..=45 => "hotline",
        46..=60 => "passer_by",
        _ => "patrol",
    };
    let mut case = json!({
        "case_id": CaseId::from_parts(received_ms, dice.id()), "state": state, "source": source,
        "urgent_danger": dice.below(60) == 0,
        "place": {"by": "fix", "grid": grid.id, "town": grid.town},
        "fields": {"category": {"item": item(dice.below(ITEMS))}},
        "captured": {"at_ms": received_ms, "class": "exact", "claimed_ms": received_ms},
        "received_ms": received_ms, "updated_ms": received_ms + HOUR_MS,
        "short_no": {"town": "样例", "n": dice.below(99_999)},
    });
    if dice.below(10) > 0 {
        let mut said = text(dice);
        if dice.below(20_000) == 0 {
            said.push_str(RARE);
        }
        case["fields"]["description"] = json!(said);
    }
    if !["reported", "refused", "withdrawn", "filed"].contains(&state) {
        case["lead"] = json!(unit(dice.below(UNITS)));
        let due_ms = received_ms.max(now_ms - 4 * DAY_MS) + i64::try_from(dice.below(9 * 24))? * HOUR_MS;
        case["due"] = json!({"rule": "x", "value": 3, "unit": "working_day", "calendar": "office",
            "from_ms": received_ms, "due_ms": due_ms, "stopped_ms": (!open || state == "fed_back").then_some(received_ms + HOUR_MS)});
    }
    mark(dice, &mut case, received_ms);
    let mut file = CaseFile::new(serde_json::from_value::<Case>(case)?);
    file.add_person(Part::Reporter, *dice.one(people));
    Ok(file)
}

/// What few cases have.
fn mark(dice: &mut Dice, case: &mut serde_json::Value, received_ms: i64) {
    if dice.below(100) == 0 {
        case["supervised"] = json!({"op_id": OpId::from_parts(1, dice.id()), "at_ms": received_ms});
    }
    if dice.below(40) == 0 {
        case["returns"] = json!(1);
    }
    if dice.below(50) == 0 {
        case["relapsed_from"] = json!({"op_id": OpId::from_parts(1, dice.id()),
            "case": CaseId::from_parts(1, dice.id()), "closed_ms": 1, "days": 1, "at_ms": received_ms});
    }
}

fn write(
    house: &House,
    files: &[CaseFile],
    records: &[(CaseId, i64, [u8; 10], usize)],
) -> Result<(), Failed> {
    house.store.write(|tx| {
        let (city, epoch) = (&house.city, meta::load_epoch_and_safe(tx, &house.city)?.0);
        let (mut writes, mut index) = (BTreeMap::new(), Vec::with_capacity(files.len()));
        for file in files {
            for change in changes_between(vec![], file.images()?) {
                let row = RowWrite { case_id: Some(file.id()), fresh: true, change };
                writes.insert(row.change.key.clone(), row);
            }
            index.push(Entry { fresh: true, ..Entry::between(None, file, file.case.item(None)) });
        }
        cases::save_cases(tx, city, &index)?;
        cases::save_words(tx, city, &index)?;
        feed::save_changes(tx, city, epoch, &writes)?;
        let mut n = ops::load_last_n(tx, city)?;
        let mut made = Vec::with_capacity(records.len());
        for (case, at_ms, id, k) in records {
            n += 1;
            made.push(record(*case, *at_ms, OpId::from_parts(*at_ms, *id), (n, *k)));
        }
        ops::append_ops(tx, city, &made)?;
        let pairs = made.iter().zip(records);
        let landed =
            pairs.map(|(op, (case, ..))| ops::Landed { case: *case, n: op.n, op: op.op_id }).collect();
        ops::append_op_cases(tx, city, &landed, |_| true)?;
        Ok::<_, StoreError>(())
    })?;
    Ok(())
}

/// The k-th op of a case: its report, then what a desk, a unit and an inspector say.
fn record(case: CaseId, at_ms: i64, op_id: OpId, (n, k): (i64, usize)) -> OpRecord {
    let (kind, payload) = match k {
        0 => ("report", json!({"description": "现场情况如图"})),
        1 => ("file", json!({"reason": "属实"})),
        2 => ("dispatch", json!({"lead": unit(1)})),
        3 => ("accept", json!({})),
        5 => ("feed_back", json!({"text": "已清理"})),
        _ => ("comment", json!({"text": "已电话联系承办单位，下午到场"})),
    };
    let device = DeviceId::from_parts(1, [9; 10]);
    let body = json!({"op_id": op_id, "device_id": device, "device_seq": n, "case_id": case, "kind": kind, "schema": 1,
        "payload": payload, "captured": {"wall_ms": at_ms}})
    .to_string();
    OpRecord {
        op_id,
        n,
        device_id: device,
        device_seq: u64::try_from(n).unwrap_or(0),
        author: None,
        kind: kind.into(),
        case_id: Some(case),
        hash: Sha256::of(body.as_bytes()),
        body: body.into(),
        received_ms: at_ms,
        time: CaptureTime { at_ms, class: ClockClass::Exact, claimed_ms: at_ms },
        verdict: Verdict::Applied,
        landed: vec![case],
    }
}
