//! Place clusters 点位聚合: what was found of one kind at one place, again and again (domain 6A). Greedy, in the order in which it
//! was seen: what comes later changes no place that was there, and the order in which cases are read does not matter.

use super::near::{distance_m, reach_m, seen_ms};
use crate::case::{Case, CaseState};
use crate::catalogue::Catalogue;
use crate::division::{GridId, TownCode};
use crate::geo::Point;
use crate::id::CaseId;
use crate::local::DAY_MS;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many relapses in `STUBBORN_DAYS` make a place stubborn 顽疾点位.
const STUBBORN_RELAPSES: usize = 3;
const STUBBORN_DAYS: i64 = 180;
/// So does a median of fewer days between closing and coming back, of two relapses at least.
const STUBBORN_GAP_DAYS: u32 = 21;
/// The side of a bin, degrees: 111 m, where two cases of one place are 100 m apart at most.
const BIN_DEG: f64 = 0.001;

/// A place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cluster {
    /// Its id: that of the case by which it was found first. It stays.
    pub place: CaseId,
    /// Of which item of the catalogue; nothing where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The site of the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// Where, WGS-84.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// Its duty grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Its town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// Its cases, as seen.
    pub cases: Vec<CaseId>,
    /// Of those, still open.
    pub open: u32,
    /// Of those, come back 回潮 within their watch, and not appealed away.
    pub relapses: u32,
    /// Days between closing and coming back, the middle one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_gap_days: Option<u32>,
    /// 顽疾点位: proposed for a case on its root 根治件.
    pub stubborn: bool,
    /// When it was last seen dirty.
    pub last_seen_ms: i64,
}

/// The places at which there were two cases or more, those with most relapses first, then by number of cases.
#[must_use]
pub fn clusters<'c>(
    cases: impl IntoIterator<Item = &'c Case>,
    catalogue: Option<&Catalogue>,
    now_ms: i64,
) -> Vec<Cluster> {
    let mut found: Vec<Cluster> = places(cases, catalogue)
        .into_iter()
        .filter(|members| members.len() > 1)
        .filter_map(|members| told(&members, catalogue, now_ms))
        .collect();
    found.sort_by_key(|c| (std::cmp::Reverse((c.relapses, c.cases.len(), c.last_seen_ms)), c.place));
    found
}

/// The cases of each place, in the order in which they were seen. The first is the anchor: what joins is near it, so that no
/// place creeps along a street.
#[must_use]
pub fn places<'c>(
    cases: impl IntoIterator<Item = &'c Case>,
    catalogue: Option<&Catalogue>,
) -> Vec<Vec<&'c Case>> {
    let in_order: BTreeMap<(i64, CaseId), &Case> = cases
        .into_iter()
        .filter(|case| counts(case))
        .map(|case| ((seen_ms(case), case.case_id), case))
        .collect();
    let mut found: Vec<Vec<&Case>> = vec![];
    let mut by_site: BTreeMap<(Option<String>, &str), usize> = BTreeMap::new();
    let mut by_bin: BTreeMap<(Option<String>, i64, i64), Vec<usize>> = BTreeMap::new();
    for case in in_order.into_values() {
        let item = case.item(catalogue);
        let site = case.site_id.as_deref().map(|site| (item.clone(), site));
        let of_site = site.as_ref().and_then(|key| by_site.get(key).copied());
        let bin = case.place.point.map(bin_of);
        let near = || {
            let bins = bin.into_iter().flat_map(around);
            let all = bins.filter_map(|(y, x)| by_bin.get(&(item.clone(), y, x))).flatten().copied();
            let apart = |n: usize| distance_m(found[n][0], case).map(|d| (d, n));
            let within = |(d, n): &(u32, usize)| f64::from(*d) <= reach_m(found[*n][0], case);
            // Two registered sites are two places, however near.
            let other_site = |n: &usize| {
                let (a, b) = (&found[*n][0].site_id, &case.site_id);
                a.is_some() && b.is_some() && a != b
            };
            all.filter(|n| !other_site(n)).filter_map(apart).filter(within).min().map(|(_, n)| n)
        };
        let at = of_site.or_else(near).unwrap_or_else(|| {
            found.push(vec![]);
            found.len() - 1
        });
        if found[at].is_empty()
            && let Some((y, x)) = bin
        {
            by_bin.entry((item.clone(), y, x)).or_default().push(at);
        }
        if let Some(key) = site {
            by_site.entry(key).or_insert(at);
        }
        found[at].push(case);
    }
    found
}

/// Whether a case says something of its place: what nobody filed, or what is another's, does not.
fn counts(case: &Case) -> bool {
    !matches!(
        case.state,
        CaseState::Reported
            | CaseState::NeedMore
            | CaseState::Checking
            | CaseState::Withdrawn
            | CaseState::Refused
            | CaseState::Voided
            | CaseState::Merged
    ) && !case.self_fixed
}

/// Bins: a side is longer than anything reaches, up to 60 degrees north.
#[expect(clippy::cast_possible_truncation, reason = "degrees are small")]
fn bin_of(p: Point) -> (i64, i64) {
    ((p.lat / BIN_DEG).floor() as i64, (p.lon / (2.0 * BIN_DEG)).floor() as i64)
}

fn around((y, x): (i64, i64)) -> impl Iterator<Item = (i64, i64)> {
    (y - 1..=y + 1).flat_map(move |y| (x - 1..=x + 1).map(move |x| (y, x)))
}

fn told(members: &[&Case], catalogue: Option<&Catalogue>, now_ms: i64) -> Option<Cluster> {
    let first = members.first()?;
    let last_seen_ms = members.iter().map(|case| seen_ms(case)).max()?;
    let ids: BTreeSet<CaseId> = members.iter().map(|case| case.case_id).collect();
    let back =
        |case: &&&Case| case.relapsed_from.as_ref().is_some_and(|r| r.counts() && ids.contains(&r.case));
    let back: Vec<&&Case> = members.iter().filter(back).collect();
    let mut gaps: Vec<u32> =
        back.iter().filter_map(|case| case.relapsed_from.as_ref()).map(|r| r.days).collect();
    gaps.sort_unstable();
    let median_gap_days = gaps.get(gaps.len() / 2).copied();
    let lately = back.iter().filter(|case| seen_ms(case) > now_ms - STUBBORN_DAYS * DAY_MS).count();
    let soon = gaps.len() > 1 && median_gap_days.is_some_and(|days| days < STUBBORN_GAP_DAYS);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Cluster {
        place: first.case_id,
        item: first.item(catalogue),
        site_id: members.iter().find_map(|case| case.site_id.clone()),
        point: first.place.point,
        grid: first.place.grid.clone(),
        town: first.place.town.clone(),
        cases: members.iter().map(|case| case.case_id).collect(),
        open: count(members.iter().filter(|case| case.state.is_open()).count()),
        relapses: count(back.len()),
        median_gap_days,
        stubborn: lately >= STUBBORN_RELAPSES || soon,
        last_seen_ms,
    })
}
