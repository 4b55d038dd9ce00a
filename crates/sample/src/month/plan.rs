//! The plan of a month as it grows: who is there, what kinds of problems, and the ordinary cases.

use super::{Act, DAYS, Truth};
use crate::city::City;
use crate::dice::Dice;
use blindspot_core::geo::Point;
use blindspot_core::local::{DAY_MS, MINUTE_MS};
use serde_json::{Value, json};

/// An hour, milliseconds.
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The month as it is written.
pub(super) struct Plan<'c> {
    pub(super) city: &'c City,
    pub(super) dice: Dice,
    pub(super) from_ms: i64,
    pub(super) problems: Vec<(usize, String, String)>,
    pub(super) workers: Vec<(String, Point)>,
    pub(super) acts: Vec<Act>,
    pub(super) truth: Truth,
}

impl Plan<'_> {
    pub(super) fn add(
        &mut self,
        at_ms: i64,
        who: &str,
        case: Option<usize>,
        kind: &'static str,
        payload: Value,
    ) {
        self.acts.push(Act { at_ms, who: who.to_owned(), case, kind, payload });
    }

    /// A new case's number.
    pub(super) fn number(&mut self) -> usize {
        self.truth.cases += 1;
        self.truth.cases
    }

    /// Some time of a working day of cleaners.
    pub(super) fn moment(&mut self, first_day: i64, last_day: i64) -> i64 {
        let day = first_day
            + i64::try_from(self.dice.below(usize::try_from(last_day - first_day + 1).unwrap_or(1)))
                .unwrap_or(0);
        let minute = 7 * 60 + i64::try_from(self.dice.below(9 * 60)).unwrap_or(0);
        self.from_ms + day * DAY_MS + minute * MINUTE_MS
    }

    pub(super) fn somebody(&mut self) -> (String, Point) {
        self.dice.pick(&self.workers).clone()
    }

    pub(super) fn kind(&mut self) -> (String, String) {
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

    pub(super) fn near(&mut self, p: Point) -> Point {
        Point { lat: p.lat + self.dice.between(-2e-4, 2e-4), lon: p.lon + self.dice.between(-2e-4, 2e-4) }
    }

    pub(super) fn report(&mut self, at_ms: i64, who: &str, place: Point, item: &str, more: Value) -> usize {
        let case = self.number();
        let mut payload = json!({"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 8.0},
            "category": {"item": item}});
        if let (Some(all), Some(more)) = (payload.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        self.add(at_ms, who, Some(case), "report", payload);
        case
    }

    pub(super) fn filed(&mut self, case: usize, at_ms: i64, lead: &str) {
        self.add(at_ms + 10 * MINUTE_MS, "filing_desk-1", Some(case), "file", json!({"reason": "valid"}));
        self.add(at_ms + 20 * MINUTE_MS, "dispatcher-1", Some(case), "dispatch", json!({"lead": lead}));
    }

    /// Fixed, checked and closed.
    pub(super) fn fixed(&mut self, case: usize, at_ms: i64, lead: &str) {
        self.add(at_ms, &format!("clerk-{lead}"), Some(case), "feed_back", json!({"text": "已清理"}));
        let verdict = json!({"feed_back": "$BACK", "passed": true, "text": "现场已清"});
        self.add(at_ms + 2 * HOUR_MS, "inspector-1", Some(case), "verify", verdict);
        self.truth.closed += 1;
    }

    pub(super) fn ordinary(&mut self) {
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
    pub(super) fn unit(&self, lead: &str) -> String {
        let known = |key: &str| self.city.departments.iter().any(|u| u.key == key);
        let town = || self.city.departments.iter().find(|u| u.town.is_some()).map(|u| u.key.clone());
        if lead != "town" && lead != "committee" && known(lead) {
            lead.to_owned()
        } else {
            town().unwrap_or_default()
        }
    }
}
