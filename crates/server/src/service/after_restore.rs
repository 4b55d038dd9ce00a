//! What no longer fits after a restore: ops that phones offered again and that did not end as they had before. For a
//! desk to look through; nothing is decided here. Knows no HTTP.

use super::page::{Page, PageQuery};
use super::pull::seal_text;
use super::{Credential, House, ServiceError, cases};
use blindspot_core::access::{Area, Role};
use blindspot_core::error::BAD_CURSOR;
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_store::accounts;
use blindspot_store::after_restore::{self, Misfit};
use serde::Serialize;

const LIST: &str = "after_restore";

/// An op that ended otherwise than before the server lost its past.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AfterRestore {
    /// The op.
    pub op_id: OpId,
    /// When it came again, server time.
    pub at_ms: i64,
    /// Its kind; nothing for bytes that stand under no op (they are in quarantine).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The case it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_id: Option<CaseId>,
    /// The enrolment that captured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// Whose work it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<PersonId>,
    /// What its phone says was decided before: a hint, not proved.
    pub former: Verdict,
    /// What stands now.
    pub now: Verdict,
}

impl From<Misfit> for AfterRestore {
    fn from(m: Misfit) -> Self {
        let Misfit { op_id, at_ms, former, verdict, kind, case_id, device_id, author } = m;
        Self { op_id, at_ms, kind, case_id, device_id, author, former, now: verdict }
    }
}

/// A page of them, oldest first. An administrator and a supervisor of the whole city see all; a supervisor of less,
/// those of cases that are theirs.
///
/// # Errors
/// `BAD_CURSOR`, the database's.
pub fn list(
    house: &House,
    who: Credential,
    query: &PageQuery,
    now_ms: i64,
) -> Result<Page<AfterRestore>, ServiceError> {
    let after = query.after(house, LIST)?.map(|text| place(&text)).transpose()?;
    let limit = query.limit();
    let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let (mut found, grants) = house.store.read(|tx| {
        let found = after_restore::load_page(tx, &house.city, after, most)?;
        Ok::<_, ServiceError>((found, accounts::load_grants(tx, &house.city, who.person)?))
    })?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|m| format!("{} {}", m.at_ms, m.op_id));
    let next = last.map(|key| seal_text(house, &format!("page of {LIST}"), &key)).transpose()?;
    let sees_all = grants.iter().any(|g| {
        let whole = g.role == Role::Administrator || (g.role == Role::Supervisor && g.area == Area::City);
        whole && g.span.contains(now_ms)
    });
    let mut items = Vec::with_capacity(found.len());
    for misfit in found {
        let theirs = || match misfit.case_id {
            Some(case) => cases::can_read_case(house, who, case, now_ms).map(|file| file.is_some()),
            None => Ok(false),
        };
        if sees_all || theirs()? {
            items.push(misfit.into());
        }
    }
    Ok(Page { items, next })
}

fn place(text: &str) -> Result<(i64, OpId), ServiceError> {
    let read = || {
        let (at, op) = text.split_once(' ')?;
        Some((at.parse().ok()?, op.parse().ok()?))
    };
    read().ok_or_else(|| ServiceError::refused(&BAD_CURSOR))
}

#[cfg(test)]
#[path = "after_restore_tests.rs"]
mod tests;
