//! `/v1/cases/take-next`, `/v1/cases/{id}/lease`, `/v1/cases/bulk`: how a desk works through what lies before it.

use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{Caller, Id};
use crate::http::{blocking, handed, json, now_ms};
use crate::service::bulk::{self, BulkAnswer, BulkItem, BulkRequest};
use crate::service::desk_leases::{self, LeaseView, TakeNext, Taken};
use crate::service::{ServiceError, WriteJob};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::CaseId;
use blindspot_core::error::{BAD_REQUEST, BUSY, CONFLICT, NO_RIGHTS};
use blindspot_core::limits::PUSH_BYTES_MAX;
use std::sync::Arc;

/// A desk is one word.
const SMALL: usize = 4 * 1024;

/// 取下一件 · the next case of a desk, leased for five minutes
///
/// Urgent ones first, then the oldest that nobody holds. A lease is a courtesy: it keeps no decision from anybody.
#[utoipa::path(post, path = "/v1/cases/take-next", tag = "cases", request_body = TakeNext,
    responses((status = 200, description = "The case and its lease; neither when none waits.", body = Taken)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn take_next(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    body: Json<TakeNext, SMALL>,
) -> Answer {
    let ask = body.value;
    let run = move |app: &App| desk_leases::take_next(app.house(), credential, &ask, now_ms());
    json(&blocking(&app, run).await?)
}

/// 继续处理 · goes on with a leased case for five minutes more
#[utoipa::path(post, path = "/v1/cases/{id}/lease", tag = "cases",
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 200, description = "The lease.", body = LeaseView)),
    extensions(("x-problems" = json!([CONFLICT.code]))))]
pub async fn keep(State(app): State<Arc<App>>, Caller(credential): Caller, Id(case): Id<CaseId>) -> Answer {
    json(&blocking(&app, move |app| desk_leases::keep(app.house(), credential, case, now_ms())).await?)
}

/// 放回 · gives a leased case back
#[utoipa::path(delete, path = "/v1/cases/{id}/lease", tag = "cases",
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 204, description = "Whoever held it, it is not the caller.")))]
pub async fn give_back(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
) -> Answer<StatusCode> {
    blocking(&app, move |app| desk_leases::give_back(app.house(), credential, case, now_ms())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 批量办理 · many desk actions at once, each of which answers for itself
///
/// In order. One that is refused holds up none; sending the same ops again does no harm.
#[utoipa::path(post, path = "/v1/cases/bulk", tag = "cases", request_body = BulkRequest,
    responses((status = 200, description = "What became of each, in the same order.", body = BulkAnswer)),
    extensions(("x-problems" = json!([BAD_REQUEST.code]))))]
pub async fn act_on_many(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    body: Json<BulkRequest, PUSH_BYTES_MAX>,
) -> Answer {
    let (request, received_ms) = (body.value, body.received_ms);
    let (request, may) = blocking(&app, move |app| {
        let may = bulk::admit(app.house(), credential, &request, now_ms())?;
        Ok((request, may))
    })
    .await?;
    // All are handed over before the first is waited for: they share commits.
    let handed = request.ops.into_iter().zip(may).map(|(one, may)| {
        let (case_id, op_id) = (one.case_id, one.op.op_id);
        let waits = may.map_err(Fault::from).and_then(|()| {
            handed(&app, |done| WriteJob::Desk {
                credential,
                case_id: Some(case_id),
                op: one.op,
                received_ms,
                done,
            })
        });
        (case_id, op_id, waits)
    });
    let handed: Vec<_> = handed.collect();
    let mut items = Vec::with_capacity(handed.len());
    for (case_id, op_id, waits) in handed {
        let outcome = match waits {
            Err(fault) => Err(fault),
            Ok(waits) => match waits.await {
                Ok(result) => result.map_err(|e: ServiceError| Fault::from(e)),
                Err(_) => Err(Fault::of(&BUSY, None)),
            },
        };
        let (verdict, problem) = match outcome {
            Ok(entry) => (Some(entry), None),
            Err(fault) => (None, Some(*fault.problem)),
        };
        items.push(BulkItem { case_id, op_id, verdict, problem });
    }
    json(&BulkAnswer { items })
}
