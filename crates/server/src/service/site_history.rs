//! The page of a site 点位台账: its cases, looks and relapses, and who answered for it when (field.md U15). For who reads its place,
//! and for a unit what it leads there. No names of people. Knows no HTTP.

use super::case_list::list_scope;
use super::freshness::reads_site;
use super::{Credential, House, ServiceError, case_files};
use blindspot_core::CaseId;
use blindspot_core::case::{Case, CaseState};
use blindspot_core::division::Site;
use blindspot_core::duty::{HolderKind, Responsible};
use blindspot_core::error::NOT_FOUND;
use blindspot_core::id::DeptKey;
use blindspot_core::local::DAY_MS;
use blindspot_core::projection::freshness::{Looked, looked, unseen_days};
use blindspot_core::projection::near::seen_ms;
use blindspot_store::StoreError;
use blindspot_store::cases;
use blindspot_store::looks::{self, Of};
use serde::Serialize;

/// Cases of a page.
const CASES: i64 = 500;
/// Looks are counted so many days back.
const LOOKS_DAYS: i64 = 90;

/// The page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SiteHistory {
    /// The site, without telephone.
    #[schema(value_type = Object)]
    pub site: Site,
    /// Its cases that the caller reads, newest first.
    pub cases: Vec<SiteCase>,
    /// Of those, open.
    pub open: usize,
    /// Of those, come back 回潮, and not appealed away.
    pub relapses: usize,
    /// Looks that named it, of 90 days; days and people are counted, not named.
    pub looked: Looked,
    /// When somebody was last there: a look, or something found on patrol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<i64>,
    /// Whole days since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen_days: Option<i64>,
    /// Who answered for its place, from when till when.
    pub answers: Vec<Responsible>,
}

/// A case at the site.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SiteCase {
    /// The case.
    pub case_id: CaseId,
    /// Its spoken number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_no: Option<String>,
    /// Where it stands.
    pub state: CaseState,
    /// Its item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// When it was seen.
    pub seen_ms: i64,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_ms: Option<i64>,
    /// The unit that leads it, or led it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<DeptKey>,
    /// The closed case of which it is come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relapsed_from: Option<CaseId>,
}

/// The page of a site.
///
/// # Errors
/// `NOT_FOUND` for one that is not on the register, or not in the caller's scope; the database's.
pub fn history(
    house: &House,
    who: Credential,
    site_id: &str,
    now_ms: i64,
) -> Result<SiteHistory, ServiceError> {
    let reference = house.reference();
    let missing = || ServiceError::refused(&NOT_FOUND);
    let site = reference.places.site(site_id).ok_or_else(missing)?;
    let found = house.store.read(|tx| {
        let scope = list_scope(tx, house, who, now_ms)?;
        let ids = cases::load_site_cases(tx, &house.city, &cases::within(&scope), site_id, CASES)?;
        let files = case_files::load(tx, house, &ids)?;
        let sites = [site_id.to_owned()];
        let mut all = looks::load_looks(tx, &house.city, Of::Sites(&sites), now_ms - LOOKS_DAYS * DAY_MS)?;
        let last = looks::load_last(tx, &house.city, Of::Sites(&sites))?.remove(site_id).unwrap_or_default();
        Ok::<_, StoreError>((scope, files, looked(&all.remove(site_id).unwrap_or_default()), last))
    });
    let (scope, files, looked, (look, patrol)) = found?;
    if !reads_site(&scope, site) && files.is_empty() {
        return Err(missing());
    }
    let catalogue = reference.catalogue.as_ref();
    let mut at_site: Vec<SiteCase> =
        files.values().map(|file| told(&file.case, file.case.item(catalogue))).collect();
    at_site.sort_by_key(|case| std::cmp::Reverse((case.seen_ms, case.case_id)));
    let back = |case: &Case| case.relapsed_from.as_ref().is_some_and(|r| r.counts());
    let last_seen_ms = look.max(patrol);
    Ok(SiteHistory {
        site: Site { phone: None, ..site.clone() },
        cases: at_site,
        open: files.values().filter(|file| file.case.state.is_open()).count(),
        relapses: files.values().filter(|file| back(&file.case)).count(),
        looked,
        last_seen_ms,
        unseen_days: unseen_days(last_seen_ms, now_ms),
        answers: house
            .duty()
            .over_time(site.grid.as_ref(), &[HolderKind::Area, HolderKind::LinkedLeader, HolderKind::Paired]),
    })
}

fn told(case: &Case, item: Option<String>) -> SiteCase {
    SiteCase {
        case_id: case.case_id,
        short_no: case.short_no.as_ref().map(|n| n.text()),
        state: case.state.clone(),
        item,
        seen_ms: seen_ms(case),
        closed_ms: case.closing.as_ref().map(|c| c.at_ms),
        lead: case.lead.clone(),
        relapsed_from: case.relapsed_from.as_ref().map(|r| r.case),
    }
}
