//! `/v1/quarantine`: what waits for a person, and what an administrator does about it.

use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{Caller, Params, Two};
use crate::http::{blocking, json, now_ms, tagged};
use crate::service::ingest::EntryId;
use crate::service::page::{Page, PageQuery};
use crate::service::people;
use crate::service::quarantine_desk::{
    self as desk, DismissRequest, EditRequest, EntryView, EntryWhole, NoteRequest, ReplayRequest,
};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::OpId;
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST, CONFLICT, NOT_FOUND};
use blindspot_core::id::Sha256;
use blindspot_core::verdict::Cause;
use blindspot_core::wire::v1::VerdictEntry;
use serde::Deserialize;
use std::sync::Arc;

/// An edited op is one op.
const SMALL: usize = 64 * 1024;

/// Of which cause.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CauseQuery {
    /// One cause: `no_rights`, `author_mismatch` and so on; all when left out.
    #[serde(default)]
    cause: Option<String>,
}

/// Names an entry: op id and hash of the bytes.
pub(crate) fn entry_of(Two(op_id, hash): &Two) -> Answer<EntryId> {
    let entry = op_id.parse::<OpId>().ok().zip(Sha256::from_hex(hash));
    entry.ok_or_else(|| Fault::of(&NOT_FOUND, None))
}

/// 待人工处理列表 · what waits for a person, oldest first
#[utoipa::path(get, path = "/v1/quarantine", tag = "quarantine", params(PageQuery, CauseQuery),
    responses((status = 200, description = "A page.", body = Page<EntryView>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<PageQuery>,
    Params(CauseQuery { cause }): Params<CauseQuery>,
) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        desk::page(app.house(), &query, cause.as_deref().map(Cause::from_word).as_ref())
    };
    tagged(&blocking(&app, run).await?)
}

/// 看全文 · one whole, with its bytes as they came
#[utoipa::path(get, path = "/v1/quarantine/{op_id}/{hash}", tag = "quarantine",
    params(("op_id" = OpId, Path, description = "The op."), ("hash" = Sha256, Path, description = "Of its bytes.")),
    responses((status = 200, description = "The entry.", body = EntryWhole, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn show(State(app): State<Arc<App>>, Caller(credential): Caller, at: Two) -> Answer {
    let entry = entry_of(&at)?;
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        desk::show(app.house(), entry)
    };
    tagged(&blocking(&app, run).await?)
}

/// 照原样重新处理 · decides an entry again as it is
#[utoipa::path(post, path = "/v1/quarantine/{op_id}/{hash}/replay", tag = "quarantine", request_body = ReplayRequest,
    params(("op_id" = OpId, Path, description = "The op."), ("hash" = Sha256, Path, description = "Of its bytes.")),
    responses((status = 200, description = "Its verdict now.", body = VerdictEntry)))]
pub async fn replay(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    at: Two,
    body: Json<ReplayRequest, SMALL>,
) -> Answer {
    let entry = entry_of(&at)?;
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        desk::replay(app.house(), actor, entry, body.value, now_ms)
    };
    json(&blocking(&app, run).await?)
}

/// 修改后处理 · puts an edited op in its place; the author stays, the editor is shown
#[utoipa::path(post, path = "/v1/quarantine/{op_id}/{hash}/edit", tag = "quarantine", request_body = EditRequest,
    params(("op_id" = OpId, Path, description = "The op."), ("hash" = Sha256, Path, description = "Of its bytes.")),
    responses((status = 200, description = "The new op's verdict.", body = VerdictEntry)),
    extensions(("x-problems" = json!([CONFLICT.code]))))]
pub async fn edit(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    at: Two,
    body: Json<EditRequest, SMALL>,
) -> Answer {
    let entry = entry_of(&at)?;
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, body.received_ms)?;
        desk::edit(app.house(), credential, entry, body.value, body.received_ms)
    };
    json(&blocking(&app, run).await?)
}

/// 转入案件备注 · keeps what it said on a case, as a note of the desk
#[utoipa::path(post, path = "/v1/quarantine/{op_id}/{hash}/note", tag = "quarantine", request_body = NoteRequest,
    params(("op_id" = OpId, Path, description = "The op."), ("hash" = Sha256, Path, description = "Of its bytes.")),
    responses((status = 200, description = "The note's verdict.", body = VerdictEntry)),
    extensions(("x-problems" = json!([CONFLICT.code]))))]
pub async fn hand_to_case(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    at: Two,
    body: Json<NoteRequest, SMALL>,
) -> Answer {
    let entry = entry_of(&at)?;
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, body.received_ms)?;
        desk::hand_to_case(app.house(), credential, entry, &body.value, body.received_ms)
    };
    json(&blocking(&app, run).await?)
}

/// 不予处理 · sets an entry aside for good; its worker reads why
#[utoipa::path(post, path = "/v1/quarantine/{op_id}/{hash}/dismiss", tag = "quarantine", request_body = DismissRequest,
    params(("op_id" = OpId, Path, description = "The op."), ("hash" = Sha256, Path, description = "Of its bytes.")),
    responses((status = 204, description = "It is set aside.")),
    extensions(("x-problems" = json!([BAD_REQUEST.code, CONFLICT.code]))))]
pub async fn dismiss(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    at: Two,
    body: Json<DismissRequest, SMALL>,
) -> Answer<StatusCode> {
    let entry = entry_of(&at)?;
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, body.received_ms)?;
        desk::dismiss(app.house(), credential, entry, &body.value, body.received_ms)
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}
