//! What became of each code when a catalogue changed, so that history can be scored anew.
//!
//! A table made by people; this only checks and follows it.

use super::model::Catalogue;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Old codes to new ones. A code of the new edition that no row names is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionMapping {
    /// The catalogue that both editions are of.
    pub catalogue_id: String,
    /// The edition mapped from.
    pub from_version: String,
    /// The edition mapped to.
    pub to_version: String,
    /// Old item or problem code -> new codes; an empty list says that the code was given up.
    pub codes: BTreeMap<String, Vec<String>>,
}

impl VersionMapping {
    /// The new codes of an old one: empty when given up, `None` when the table forgot it.
    #[must_use]
    pub fn new_codes(&self, old: &str) -> Option<&[String]> {
        self.codes.get(old).map(Vec::as_slice)
    }

    /// What is wrong with the table between two editions, one sentence each: another catalogue or edition,
    /// an old code without a row, a row or target that neither edition knows.
    #[must_use]
    pub fn problems(&self, old: &Catalogue, new: &Catalogue) -> Vec<String> {
        let mut out = Vec::new();
        if (&self.catalogue_id, &self.from_version) != (&old.id, &old.version) {
            out.push(format!("maps from {} {}", self.catalogue_id, self.from_version));
        }
        if self.to_version != new.version || old.id != new.id {
            out.push(format!("maps to {} {}", self.catalogue_id, self.to_version));
        }
        let old_codes = old.item_at.keys().chain(old.problem_at.keys());
        out.extend(old_codes.filter(|c| !self.codes.contains_key(*c)).map(|c| format!("no row for {c}")));
        for (from, targets) in &self.codes {
            if old.item_of(from).is_none() {
                out.push(format!("{from} is not in the old edition"));
            }
            let unknown = targets.iter().filter(|t| new.item_of(t).is_none());
            out.extend(unknown.map(|t| format!("{from} -> {t}: not in the new edition")));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::load;

    fn edition(version: &str, code: &str) -> Catalogue {
        let text = serde_json::json!({
            "format": "inspection-catalogue/1", "catalogue_id": "tiny", "version": version,
            "departments": [{"key": "town", "name_zh": "镇街", "name_en": "Town"}],
            "sections": [{"no": 1, "title_zh": "市容", "title_en": "Looks", "weight_total": 4}],
            "items": [{"code": code, "section": 1, "title_zh": "保洁", "title_en": "Cleaning", "lead": "town",
                "weight": 4, "severity": "major",
                "typical_problems": [{"code": format!("{code}-a"), "zh": "垃圾", "en": "Rubbish"}]}]
        });
        load(&text.to_string()).expect("sound")
    }

    #[test]
    fn a_complete_table_maps_and_a_forgotten_code_is_named() {
        let (old, new) = (edition("1", "1.01"), edition("2", "1.07"));
        let mut table = VersionMapping {
            catalogue_id: "tiny".into(),
            from_version: "1".into(),
            to_version: "2".into(),
            codes: BTreeMap::from([("1.01".into(), vec!["1.07".into()]), ("1.01-a".into(), Vec::new())]),
        };
        assert_eq!(table.problems(&old, &new), [""; 0]);
        assert_eq!(table.new_codes("1.01"), Some(&["1.07".to_owned()][..]));
        assert_eq!(table.new_codes("1.01-a"), Some(&[][..]));
        table.codes.remove("1.01-a");
        table.codes.insert("1.01".into(), vec!["8.88".into()]);
        assert_eq!(table.problems(&old, &new).len(), 2);
        assert_eq!(table.new_codes("1.01-a"), None);
    }
}
