//! A month of the made-up city: who did what when, in order, with things planted in it whose answer is known. The mix of
//! problems is that of Zhanjiang's month (domain 2.1): a third fixed on the spot; of the rest four fifths done.
//!
//! Knows no rule of cases: what is planted is written down from the plan itself, not asked of whoever plays it.

mod plan;
mod planted;

use crate::city::City;
use crate::dice::Dice;
use blindspot_core::geo::Point;
use blindspot_core::local::{DAY_MS, next_midnight};
use plan::Plan;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

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

/// The month that ends at a time. Workers in `busy` have phones of their own and play no part.
#[must_use]
pub fn month(city: &City, seed: u64, end_ms: i64, busy: &[String]) -> Month {
    // From midnight, so that working hours are working hours.
    let from_ms = next_midnight(end_ms) - (DAYS + 1) * DAY_MS;
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
