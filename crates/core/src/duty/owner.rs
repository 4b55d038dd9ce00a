//! Whose a problem is: the automatic proposal 责任单位建议, with its reason. A person dispatches all the same.

use super::model::{Duty, Holder, HolderKind, OwnerRule, Precedent};
use crate::catalogue::Catalogue;
use crate::division::{CommitteeCode, GridId, TownCode};
use crate::id::DeptKey;
use serde::{Deserialize, Serialize};

/// Leads of a catalogue that mean whoever holds the area.
const AREA_LEADS: [&str; 2] = ["town", "committee"];

/// What is asked: a problem at a place at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The item of the catalogue.
    pub item: Option<&'a str>,
    /// The problem of it.
    pub problem: Option<&'a str>,
    /// The class of the place.
    pub place_class: Option<&'a str>,
    /// The duty grid.
    pub grid: Option<&'a GridId>,
    /// The town.
    pub town: Option<&'a TownCode>,
    /// The unit that the register of sites names.
    pub site_lead: Option<&'a str>,
    /// When, server time.
    pub at_ms: i64,
}

impl Asked<'_> {
    fn committee(&self) -> Option<CommitteeCode> {
        self.grid.map(GridId::committee)
    }
}

crate::open_enum! {
    /// What names the owner.
    pub enum ProposedBy {
        /// The register of sites.
        Site = "site",
        /// A ruling that is a precedent.
        Precedent = "precedent",
        /// A line of the owner matrix.
        Rule = "rule",
        /// The lead department of the item.
        Catalogue = "catalogue",
        /// 属地兜底: the unit of the area.
        Area = "area",
    }
}

/// Whose it is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Proposal {
    /// 牵头单位
    pub lead: DeptKey,
    /// 配合单位
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DeptKey>,
    /// What names it.
    pub by: ProposedBy,
    /// The line, the item or the ruling.
    pub because: String,
    /// Other units that claim the same with the same right, until somebody decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<DeptKey>,
}

impl OwnerRule {
    /// Whether the line speaks of this.
    pub(super) fn fits(&self, asked: &Asked<'_>) -> bool {
        let code = |code: &String| asked.problem == Some(code) || asked.item == Some(code);
        self.span.contains(asked.at_ms)
            && self.code.as_ref().is_none_or(code)
            && self.place_class.as_deref().is_none_or(|class| asked.place_class == Some(class))
            && self.town.as_ref().is_none_or(|town| asked.town == Some(town))
            && self.grid.as_ref().is_none_or(|grid| asked.grid == Some(grid))
    }

    /// How narrowly it speaks: grid before town, problem before item, class of place last.
    pub(super) fn rank(&self) -> (u8, u8, u8) {
        let place = if self.grid.is_some() { 2 } else { u8::from(self.town.is_some()) };
        let code = match &self.code {
            Some(code) if code.contains('-') => 2,
            Some(_) => 1,
            None => 0,
        };
        (place, code, u8::from(self.place_class.is_some()))
    }
}

impl Holder {
    fn fits(&self, asked: &Asked<'_>) -> bool {
        let named = self.grid.is_some() || self.committee.is_some() || self.town.is_some();
        self.span.contains(asked.at_ms)
            && named
            && self.grid.as_ref().is_none_or(|grid| asked.grid == Some(grid))
            && self.committee.as_ref().is_none_or(|code| asked.committee().as_ref() == Some(code))
            && self.town.as_ref().is_none_or(|town| asked.town == Some(town))
    }

    fn rank(&self) -> (bool, bool, bool) {
        (self.grid.is_some(), self.committee.is_some(), self.town.is_some())
    }
}

impl Precedent {
    /// Whether a case is like the one it was given on: the same item, and of what is known of the place nothing else.
    #[must_use]
    pub fn fits(&self, asked: &Asked<'_>) -> bool {
        let same = |mine: Option<&str>, asked: Option<&str>| mine.is_none() || mine == asked;
        self.span.contains(asked.at_ms)
            && self.item.is_some()
            && self.item.as_deref() == asked.item
            && same(self.place_class.as_deref(), asked.place_class)
            && same(self.town.as_ref().map(TownCode::as_str), asked.town.map(TownCode::as_str))
    }
}

impl Duty {
    /// Whose it is. The register of sites speaks first, then rulings, then the matrix from the narrowest line to the widest,
    /// then the catalogue, and the unit of the area where nobody else answers.
    #[must_use]
    pub fn owner(&self, asked: &Asked<'_>, catalogue: Option<&Catalogue>) -> Option<Proposal> {
        let plain = |lead: DeptKey, by: ProposedBy, because: String| Proposal {
            lead,
            assists: vec![],
            by,
            because,
            also: vec![],
        };
        if let Some(lead) = asked.site_lead.filter(|lead| !lead.is_empty()) {
            return Some(plain(lead.into(), ProposedBy::Site, "site".into()));
        }
        if let Some(ruling) = self.precedents(asked).first() {
            let because = ruling.short_no.clone().unwrap_or_else(|| ruling.op_id.to_string());
            return Some(plain(ruling.to.clone(), ProposedBy::Precedent, because));
        }
        self.by_rule(asked)
            .or_else(|| {
                let item = catalogue?.item_of(asked.problem.or(asked.item)?)?;
                if AREA_LEADS.contains(&item.lead.as_str()) {
                    let unit = self.holder(&HolderKind::Area, asked)?.unit.clone();
                    return Some(plain(unit, ProposedBy::Catalogue, item.code.clone()));
                }
                let lead = DeptKey::from(item.lead.as_str());
                let assists = item.assist.iter().map(|key| DeptKey::from(key.as_str())).collect();
                Some(Proposal { assists, ..plain(lead, ProposedBy::Catalogue, item.code.clone()) })
            })
            .or_else(|| {
                let holder = self.holder(&HolderKind::Area, asked)?;
                Some(plain(holder.unit.clone(), ProposedBy::Area, holder.id.clone()))
            })
    }

    fn by_rule(&self, asked: &Asked<'_>) -> Option<Proposal> {
        let fitting = || self.rules.iter().filter(|rule| rule.fits(asked));
        let narrowest = fitting().map(OwnerRule::rank).max()?;
        let mut best = fitting().filter(|rule| rule.rank() == narrowest);
        let first = best.next()?;
        let mut also: Vec<DeptKey> =
            best.map(|r| r.lead.clone()).filter(|lead| *lead != first.lead).collect();
        also.sort();
        also.dedup();
        Some(Proposal {
            lead: first.lead.clone(),
            assists: first.assists.clone(),
            by: ProposedBy::Rule,
            because: first.id.clone(),
            also,
        })
    }

    /// Rulings on like cases, the newest first.
    #[must_use]
    pub fn precedents(&self, asked: &Asked<'_>) -> Vec<&Precedent> {
        let mut found: Vec<&Precedent> = self.precedents.iter().filter(|p| p.fits(asked)).collect();
        found.sort_by_key(|p| std::cmp::Reverse((p.span.from_ms, p.op_id)));
        found
    }

    /// Who holds the area, the narrowest.
    #[must_use]
    pub fn holder(&self, kind: &HolderKind, asked: &Asked<'_>) -> Option<&Holder> {
        let fitting = self.holders.iter().filter(|h| h.kind == *kind && h.fits(asked));
        fitting.max_by(|a, b| (a.rank(), &b.id).cmp(&(b.rank(), &a.id)))
    }
}
