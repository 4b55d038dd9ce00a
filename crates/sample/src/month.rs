//! A month of the made-up city: who did what when, in order, with things planted in it whose answer is known. The mix of
//! problems is that of Zhanjiang's month (domain 2.1): a third fixed on the spot; of the rest four fifths done.
//!
//! Knows no rule of cases: what is planted is written down from the plan itself, not asked of whoever plays it.

use crate::city::City;
use crate::dice::Dice;
use blindspot_core::geo::Point;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// UTC+8.
const ZONE_MS: i64 = 8 * HOUR_MS;
/// Days that it lasts.
pub const DAYS: i64 = 30;
/// Cases besides those that are planted.
const ORDINARY: usize = 360;

/// What somebody did.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The person's key.
    pub who: String,
    /// The case, by number from 1; none for a look.
    pub case: Option<usize>,
    /// The kind of op.
    pub kind: &'static str,
    /// What it says. `$CASE:n` stands for the id of case n, `$BACK` for the last feedback of this case, `$PHOTO:n` for photo n.
    pub payload: Value,
}

/// What is planted, and so must be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Cases in all.
    pub cases: usize,
    /// Found and fixed on the spot 当场处理.
    pub self_fixed: usize,
    /// Closed after a check.
    pub closed: usize,
    /// Still a unit's.
    pub open: usize,
    /// Refused 不予立案.
    pub refused: usize,
    /// Relapse pairs 回潮: old case, new case.
    pub relapses: Vec<(usize, usize)>,
    /// The case that three units passed on, and who had it in turn.
    pub passed_on: (usize, Vec<String>),
    /// The unit that asks to return what a ruling has given it, and how often that was refused.
    pub refuses: (String, usize),
    /// The overloaded unit, and how many of its cases are overdue.
    pub overloaded: (String, usize),
    /// The case whose after photo was staged, and what gives it away.
    pub staged: (usize, Vec<String>),
    /// Complaints in places that patrol had passed within a day.
    pub missed: Vec<usize>,
}

/// See the module text.
#[derive(Clone, Debug, PartialEq)]
pub struct Month {
    /// In order of time.
    pub acts: Vec<Act>,
    /// What is in it.
    pub truth: Truth,
    /// Keys of everybody who acts.
    pub people: Vec<String>,
}

/// Share in a hundred, word in the catalogue's problems, item used when the catalogue has no such problem.
const MIX: [(usize, &str, &str); 6] = [
    (36, "暴露垃圾", "3.04"),
    (12, "不洁", "3.02"),
    (11, "渣土", "3.07"),
    (9, "家具", "3.05"),
    (6, "破损", "3.10"),
    (26, "乱", "3.14"),
];

struct Plan<'c> {
    city: &'c City,
    dice: Dice,
    from_ms: i64,
    problems: Vec<(usize, String, String)>,
    workers: Vec<(String, Point)>,
    acts: Vec<Act>,
    truth: Truth,
}

/// The month that ends at a time. Workers in `busy` have phones of their own and play no part.
#[must_use]
pub fn month(city: &City, seed: u64, end_ms: i64, busy: &[String]) -> Month {
    // From midnight, so that working hours are working hours.
    let from_ms = (end_ms + ZONE_MS).div_euclid(DAY_MS) * DAY_MS - ZONE_MS - DAYS * DAY_MS;
    let mut plan = Plan {
        city,
        dice: Dice::new(seed, 15),
        from_ms,
        problems: problems(city),
        workers: workers(city, busy),
        acts: vec![],
        truth: Truth::default(),
    };
    for _ in 0..ORDINARY {
        plan.ordinary();
    }
    for n in 0..6 {
        plan.relapse(n);
    }
    plan.passes_on();
    plan.against_the_ruling();
    plan.overloaded();
    plan.staged();
    for n in 0..3 {
        plan.missed(n);
    }
    let Plan { mut acts, truth, .. } = plan;
    // Stable: what one and the same moment has stays in its order.
    acts.sort_by_key(|act| act.at_ms);
    let mut people: Vec<String> = acts.iter().map(|a| a.who.clone()).collect();
    people.sort();
    people.dedup();
    Month { acts, truth, people }
}

/// Item, problem and lead unit of each kind of the mix.
fn problems(city: &City) -> Vec<(usize, String, String)> {
    let catalogue: Value = serde_json::from_str(city.catalogue_json).unwrap_or(Value::Null);
    let items = catalogue["items"].as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let with = |word: &str| {
        items.iter().find(|item| {
            item["typical_problems"]
                .as_array()
                .is_some_and(|all| all.iter().any(|p| p["zh"].as_str().is_some_and(|zh| zh.contains(word))))
        })
    };
    MIX.iter()
        .filter_map(|(share, word, fallback)| {
            let item = with(word).or_else(|| items.iter().find(|i| i["code"] == *fallback))?;
            Some((*share, text(&item["code"]), text(&item["lead"])))
        })
        .collect()
}

/// Workers with a point in their duty grid.
fn workers(city: &City, busy: &[String]) -> Vec<(String, Point)> {
    let free = city.people_with("collector").filter(|p| !busy.contains(&p.key));
    free.filter_map(|p| {
        let area = p.grants.iter().find_map(|g| g.area.strip_prefix("grid:"))?;
        let grid = city.grids.iter().find(|g| g.id.as_str() == area)?;
        let code = &grid.cells.first()?.code;
        let centre = city.cells.iter().find(|c| c.code == *code)?.bbox()?.centre();
        Some((p.key.clone(), centre))
    })
    .collect()
}

impl Plan<'_> {
    fn add(&mut self, at_ms: i64, who: &str, case: Option<usize>, kind: &'static str, payload: Value) {
        self.acts.push(Act { at_ms, who: who.to_owned(), case, kind, payload });
    }

    /// A new case's number.
    fn number(&mut self) -> usize {
        self.truth.cases += 1;
        self.truth.cases
    }

    /// Some time of a working day of cleaners.
    fn moment(&mut self, first_day: i64, last_day: i64) -> i64 {
        let day = first_day
            + i64::try_from(self.dice.below(usize::try_from(last_day - first_day + 1).unwrap_or(1)))
                .unwrap_or(0);
        let minute = 7 * 60 + i64::try_from(self.dice.below(9 * 60)).unwrap_or(0);
        self.from_ms + day * DAY_MS + minute * MINUTE_MS
    }

    fn somebody(&mut self) -> (String, Point) {
        self.dice.pick(&self.workers).clone()
    }

    fn kind(&mut self) -> (String, String) {
        let mut left = self.dice.below(100);
        for (share, item, lead) in &self.problems {
            if left < *share {
                return (item.clone(), lead.clone());
            }
            left -= share;
        }
        let (_, item, lead) = self.problems[0].clone();
        (item, lead)
    }

    fn near(&mut self, p: Point) -> Point {
        Point { lat: p.lat + self.dice.between(-2e-4, 2e-4), lon: p.lon + self.dice.between(-2e-4, 2e-4) }
    }

    fn report(&mut self, at_ms: i64, who: &str, place: Point, item: &str, more: Value) -> usize {
        let case = self.number();
        let mut payload = json!({"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 8.0},
            "category": {"item": item}});
        if let (Some(all), Some(more)) = (payload.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        self.add(at_ms, who, Some(case), "report", payload);
        case
    }

    fn filed(&mut self, case: usize, at_ms: i64, lead: &str) {
        self.add(at_ms + 10 * MINUTE_MS, "filing_desk-1", Some(case), "file", json!({"reason": "valid"}));
        self.add(at_ms + 20 * MINUTE_MS, "dispatcher-1", Some(case), "dispatch", json!({"lead": lead}));
    }

    /// Fixed, checked and closed.
    fn fixed(&mut self, case: usize, at_ms: i64, lead: &str) {
        self.add(at_ms, &format!("clerk-{lead}"), Some(case), "feed_back", json!({"text": "已清理"}));
        let verdict = json!({"feed_back": "$BACK", "passed": true, "text": "现场已清"});
        self.add(at_ms + 2 * HOUR_MS, "inspector-1", Some(case), "verify", verdict);
        self.truth.closed += 1;
    }

    fn ordinary(&mut self) {
        let (who, centre) = self.somebody();
        let (item, lead) = self.kind();
        let lead = self.unit(&lead);
        let at_ms = self.moment(0, DAYS - 3);
        let place = self.near(centre);
        if self.dice.below(100) < 34 {
            let case = self.number();
            let payload = json!({"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 8.0},
                "category": {"item": item}, "description": "当场清理"});
            self.add(at_ms, &who, Some(case), "self_fixed", payload);
            self.truth.self_fixed += 1;
            return;
        }
        let case = self.report(at_ms, &who, place, &item, json!({}));
        if self.dice.chance(0.04) {
            let reason = json!({"reason": "not_a_problem", "note": "现场正常"});
            self.add(at_ms + 15 * MINUTE_MS, "filing_desk-1", Some(case), "refuse", reason);
            self.truth.refused += 1;
            return;
        }
        self.filed(case, at_ms, &lead);
        if self.dice.below(100) < 82 {
            let hours = i64::try_from(1 + self.dice.below(30)).unwrap_or(1);
            self.fixed(case, at_ms + hours * HOUR_MS, &lead);
        } else {
            self.truth.open += 1;
        }
    }

    /// A unit of the catalogue that has a clerk; items of a town go to the first town.
    fn unit(&self, lead: &str) -> String {
        let known = |key: &str| self.city.departments.iter().any(|u| u.key == key);
        let town = || self.city.departments.iter().find(|u| u.town.is_some()).map(|u| u.key.clone());
        if lead != "town" && lead != "committee" && known(lead) {
            lead.to_owned()
        } else {
            town().unwrap_or_default()
        }
    }

    /// Closed in the first week, back in the third.
    fn relapse(&mut self, n: i64) {
        let (who, place) = self.workers[usize::try_from(n).unwrap_or(0) * 3 % self.workers.len()].clone();
        let item = self.problems[0].1.clone();
        let lead = self.unit(&self.problems[0].2.clone());
        let at_ms = self.moment(1, 4);
        let old = self.report(at_ms, &who, place, &item, json!({"description": "垃圾成堆"}));
        self.filed(old, at_ms, &lead);
        self.fixed(old, at_ms + 5 * HOUR_MS, &lead);
        let back_ms = at_ms + (9 + n) * DAY_MS;
        let new = self.report(back_ms, &who, place, &item, json!({"description": "又堆了"}));
        let note = json!({"of": format!("$CASE:{old}")});
        self.add(back_ms + 9 * MINUTE_MS, "filing_desk-1", Some(new), "relapse", note);
        self.filed(new, back_ms, &lead);
        self.fixed(new, back_ms + 6 * HOUR_MS, &lead);
        self.truth.relapses.push((old, new));
    }

    /// Three units, three requests, and the deputy head in the end.
    fn passes_on(&mut self) {
        let units = ["urban", "env_san", "market"].map(|key| self.unit(key));
        let (who, place) = self.workers[1].clone();
        let at_ms = self.moment(5, 8);
        let item = self.problems[5 % self.problems.len()].1.clone();
        let case = self.report(at_ms, &who, place, &item, json!({"description": "市场门口杂物"}));
        self.filed(case, at_ms, &units[0]);
        let mut at_ms = at_ms + HOUR_MS;
        for (n, unit) in units.iter().enumerate() {
            let ask = json!({"reason": "other_area", "basis": "不在我单位管护范围"});
            self.add(at_ms, &format!("clerk-{unit}"), Some(case), "request_return", ask);
            at_ms += 3 * HOUR_MS;
            let (ruler, ruling) = match units.get(n + 1) {
                Some(next) => {
                    ("duty_leader-1", json!({"ruling": "uphold", "lead": next, "text": "同意退回"}))
                }
                None => {
                    let lead = self.unit("town");
                    ("deputy_head-1", json!({"ruling": "area_default", "lead": lead, "text": "属地兜底"}))
                }
            };
            self.add(at_ms, ruler, Some(case), "rule_return", ruling);
            at_ms += HOUR_MS / 2;
        }
        let town = self.unit("town");
        self.fixed(case, at_ms + HOUR_MS, &town);
        let mut had: Vec<String> = units.to_vec();
        had.push(town);
        self.truth.passed_on = (case, had);
    }

    /// A ruling says whose such a case is; the unit asks to return the next three all the same.
    fn against_the_ruling(&mut self) {
        let lead = self.unit("parks");
        let item = self.problems[1].1.clone();
        let (who, place) = self.workers[2].clone();
        for n in 0..4 {
            let at_ms = self.moment(9 + n * 2, 9 + n * 2);
            let place = Point { lat: place.lat + 0.002 * (n as f64), lon: place.lon };
            let case = self.report(at_ms, &who, place, &item, json!({"description": "绿地垃圾"}));
            self.filed(case, at_ms, &lead);
            let ask = json!({"reason": "other_duty", "basis": "应由环卫负责"});
            self.add(at_ms + HOUR_MS, &format!("clerk-{lead}"), Some(case), "request_return", ask);
            let ruling = if n == 0 {
                json!({"ruling": "lead_and_assist", "lead": lead, "text": "绿地内由园林牵头", "precedent": true})
            } else {
                json!({"ruling": "maintain", "text": "按先例维持"})
            };
            self.add(at_ms + 3 * HOUR_MS, "duty_leader-1", Some(case), "rule_return", ruling);
            self.fixed(case, at_ms + 6 * HOUR_MS, &lead);
        }
        self.truth.refuses = (lead, 3);
    }

    /// Thirty cases for one unit in a week; it does six.
    fn overloaded(&mut self) {
        // One that nothing else of the month goes to.
        let others: Vec<String> = self.problems.iter().map(|(_, _, lead)| self.unit(lead)).collect();
        let free = ["water", "agri", "transport", "culture"].iter().map(|key| self.unit(key));
        let lead = free.into_iter().find(|key| !others.contains(key)).unwrap_or_default();
        let item = self.problems[2].1.clone();
        for n in 0..30 {
            let (who, centre) = self.somebody();
            let at_ms = self.moment(12, 16);
            let place = self.near(centre);
            let case = self.report(at_ms, &who, place, &item, json!({"description": "渣土未清"}));
            self.filed(case, at_ms, &lead);
            if n % 5 == 0 {
                self.fixed(case, at_ms + 8 * HOUR_MS, &lead);
            } else {
                self.truth.open += 1;
            }
        }
        self.truth.overloaded = (lead, 24);
    }

    /// Fed back with a picture from the day before, and a position that the phone says is made up.
    fn staged(&mut self) {
        let lead = self.unit("env_san");
        let (who, place) = self.workers[3].clone();
        let item = self.problems[0].1.clone();
        let at_ms = self.moment(20, 22);
        let case = self.report(at_ms, &who, place, &item, json!({"description": "后巷垃圾"}));
        self.filed(case, at_ms, &lead);
        let photo = json!({"photo_id": "$PHOTO:1", "role": "after", "origin": "in_page",
            "forms": {"working": {"sha256": "11".repeat(32), "bytes": 1000}},
            "position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 5.0, "mock": true}});
        let clerk = format!("clerk-{lead}");
        self.add(at_ms + 2 * HOUR_MS, &clerk, Some(case), "photo", photo);
        let back = json!({"text": "已清理", "photos": ["$PHOTO:1"]});
        self.add(at_ms + 2 * HOUR_MS + 1, &clerk, Some(case), "feed_back", back);
        self.truth.open += 1;
        self.truth.staged = (case, vec!["mock_location".to_owned()]);
    }

    /// A complaint about a place that somebody had passed that morning and found clean.
    fn missed(&mut self, n: usize) {
        let (who, place) = self.workers[5 + n].clone();
        let morning_ms = self.moment(24, 26);
        let look = json!({"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 6.0}});
        self.add(morning_ms, &who, None, "look", look);
        let item = self.problems[0].1.clone();
        let more = json!({"source": "hotline", "description": "市民反映有垃圾"});
        let at_ms = morning_ms + 5 * HOUR_MS;
        let case = self.report(at_ms, "hotline_clerk-1", place, &item, more);
        let lead = self.unit(&self.problems[0].2.clone());
        self.filed(case, at_ms, &lead);
        self.fixed(case, at_ms + 3 * HOUR_MS, &lead);
        self.truth.missed.push(case);
    }
}

/// How many acts of each kind: for eyes.
#[must_use]
pub fn kinds(month: &Month) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for act in &month.acts {
        *kinds.entry(act.kind).or_default() += 1;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_month_and_its_truth_adds_up() {
        let city = crate::city(1);
        let end_ms = 1_780_000_000_000;
        let month = super::month(&city, 1, end_ms, &[]);
        assert_eq!(month, super::month(&city, 1, end_ms, &[]));
        let truth = &month.truth;
        assert_eq!(truth.cases, truth.self_fixed + truth.closed + truth.open + truth.refused);
        let of = kinds(&month);
        assert_eq!(of["self_fixed"], truth.self_fixed);
        assert_eq!(of["report"] + of["self_fixed"], truth.cases);
        assert_eq!(of["relapse"], truth.relapses.len());
        assert!(month.acts.is_sorted_by_key(|a| a.at_ms) && month.acts.iter().all(|a| a.at_ms < end_ms));
        for key in &month.people {
            assert!(city.people.iter().any(|p| p.key == *key), "{key}");
        }
    }
}
