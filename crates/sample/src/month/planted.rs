//! What is planted in a month, each with its truth.

use super::plan::{HOUR_MS, Plan};
use blindspot_core::geo::Point;
use blindspot_core::local::{DAY_MS, MINUTE_MS};
use serde_json::json;

impl Plan<'_> {
    /// Closed in the first week, back in the third.
    pub(super) fn relapse(&mut self, n: i64) {
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
    pub(super) fn passes_on(&mut self) {
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
    pub(super) fn against_the_ruling(&mut self) {
        let lead = self.unit("parks");
        let item = self.problems[1].1.clone();
        let (who, place) = self.workers[2].clone();
        for n in 0..4 {
            let at_ms = self.moment(9 + n * 2, 9 + n * 2);
            // Beside each other: of one class of place, so that the ruling is on a like case.
            let place = Point { lat: place.lat + 1e-5 * (n as f64), lon: place.lon };
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
    pub(super) fn overloaded(&mut self) {
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
    pub(super) fn staged(&mut self) {
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
    pub(super) fn missed(&mut self, n: usize) {
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
