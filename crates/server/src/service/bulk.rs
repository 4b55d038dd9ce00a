//! Many desk ops at once, each of which answers for itself (field.md U22). Each is the very op that it would be alone; knows no
//! queue and decides nothing about a case.

use super::{Credential, House, ServiceError, cases};
use blindspot_core::error::{BAD_REQUEST, Problem};
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::{CaseId, OpId};
use serde::{Deserialize, Serialize};

/// Most ops of one request.
pub const OPS_MAX: usize = 200;

/// Ops of a desk, on one case each.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct BulkRequest {
    /// In the order in which they are decided; 200 at most.
    pub ops: Vec<BulkOp>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct BulkOp {
    /// On which case.
    pub case_id: CaseId,
    /// As `POST /v1/cases/{id}/ops` takes it.
    pub op: DeskOp,
}

/// What became of each, in the same order.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BulkAnswer {
    /// One an op.
    pub items: Vec<BulkItem>,
}

/// What became of one: `verdict` as the op alone is answered, or the `problem` for which it was not taken.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BulkItem {
    /// The case that it named.
    pub case_id: CaseId,
    /// The op.
    pub op_id: OpId,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictEntry>,
    /// Why it was not taken; the others were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Which of the ops their author may come with: one that may not holds up no other.
///
/// # Errors
/// `BAD_REQUEST` for too many, or none.
pub fn admit(
    house: &House,
    who: Credential,
    request: &BulkRequest,
    now_ms: i64,
) -> Result<Vec<Result<(), ServiceError>>, ServiceError> {
    if request.ops.is_empty() || request.ops.len() > OPS_MAX {
        return Err(ServiceError::because(&BAD_REQUEST, format!("ops: want 1 to {OPS_MAX}")));
    }
    let may = |BulkOp { case_id, op }: &BulkOp| cases::may_act(house, who, *case_id, op, now_ms);
    Ok(request.ops.iter().map(may).collect())
}
