//! The audit log for those who may read it, a page at a time. Knows no HTTP.

use super::people::require;
use crate::service::page::{Page, PageQuery, page_of};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::access::Role;
use blindspot_store::audit::{self, AuditRow};
use serde::Serialize;

/// A row of the audit log as shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditView {
    /// Its number.
    pub n: i64,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// How it ended.
    pub result: String,
    /// More, as JSON.
    pub detail: String,
}

/// A page of the audit log, newest first, for auditors and administrators; `before` a number when it is given.
///
/// # Errors
/// `NO_RIGHTS`, `BAD_CURSOR`.
pub fn audit_page(
    house: &House,
    credential: Credential,
    before: Option<i64>,
    query: &PageQuery,
    now_ms: i64,
) -> Result<Page<AuditView>, ServiceError> {
    require(house, credential, &[Role::Auditor, Role::Administrator], now_ms)?;
    // Keys count down, so that they rise as the list goes on.
    let key = |n: i64| format!("{:020}", i64::MAX - n);
    let reached = query.after(house, "audit")?.and_then(|k| k.parse::<i64>().ok()).map(|k| i64::MAX - k);
    let before = reached.into_iter().chain(before).min().unwrap_or(i64::MAX);
    let rows = i64::try_from(query.limit() + 1).unwrap_or(i64::MAX);
    let rows = house.store.read(|tx| audit::load_page(tx, &house.city, before, rows))?;
    let shown = |AuditRow { n, act }: AuditRow| AuditView {
        n,
        at_ms: act.at_ms,
        actor: act.actor,
        action: act.action,
        object: act.object,
        result: act.result,
        detail: act.detail,
    };
    page_of(house, "audit", query, rows.into_iter().map(shown), |view| key(view.n))
}
