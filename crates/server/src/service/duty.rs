//! Who answers for what: the owner matrix and the holders of areas as imported, and what they leave open. Knows no HTTP.

use super::people::require;
use super::reference::{self, ImportSummary};
use super::{Credential, House, ServiceError};
use crate::policy::OVERSEERS;
use blindspot_core::access::Role;
use blindspot_core::duty::{GapMap, Holder, OwnerRule, gap_map};
use blindspot_core::error::NOT_FOUND;
use serde::{Deserialize, Serialize};

/// Lines to add or to put in the place of those with the same id.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
pub struct DutyRequest {
    /// Lines of the owner matrix.
    #[serde(default)]
    pub rules: Vec<OwnerRule>,
    /// Holders of areas.
    #[serde(default)]
    pub holders: Vec<Holder>,
}

/// What came of it.
#[derive(Debug, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct DutySaved {
    /// Lines that are new or changed.
    pub written: usize,
    /// Lines that were there already.
    pub unchanged: usize,
}

/// Saves lines.
///
/// # Errors
/// `NO_RIGHTS`; `BAD_REQUEST` for a line that names no unit or ends before it begins; the database's.
pub fn save(
    house: &House,
    who: Credential,
    request: DutyRequest,
    now_ms: i64,
) -> Result<DutySaved, ServiceError> {
    require(house, who, &[Role::Administrator], now_ms)?;
    let ImportSummary { written, unchanged, .. } = reference::import_duty(house, request, now_ms)?;
    Ok(DutySaved { written, unchanged })
}

/// Gaps 责任空白 and double claims 责任重叠 of the city now.
///
/// # Errors
/// `NO_RIGHTS`; `NOT_FOUND` when there is no catalogue.
pub fn gaps(house: &House, who: Credential, now_ms: i64) -> Result<GapMap, ServiceError> {
    require(house, who, OVERSEERS, now_ms)?;
    let reference = house.reference();
    let Some(catalogue) = reference.catalogue.as_ref() else {
        return Err(ServiceError::because(&NOT_FOUND, "there is no catalogue yet: import one"));
    };
    Ok(gap_map(&house.duty(), &reference.places, catalogue, now_ms))
}
