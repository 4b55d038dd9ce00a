//! `/v1/letters`: 交办单, 督办单, 整改告知单.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::once::{Once, created};
use crate::http::{Items, blocking, json, now_ms, tagged};
use crate::service::letters::{self, LetterPage, LetterQuery, LetterView, NewLetters};
use crate::service::once;
use crate::state::App;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse as _;
use blindspot_core::PhotoId;
use blindspot_core::error::{
    BAD_CURSOR, BAD_REQUEST, BUSY, CONFLICT, KEY_REUSED, NO_RIGHTS, NOT_FOUND, PHOTOS_AWAY, SHEET_TOO_LARGE,
};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const BODY: usize = 64 * 1024;
/// Nothing is loaded from anywhere, nothing runs.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; \
                      base-uri 'none'; form-action 'none'";

/// 开具文书 · issues letters: one a unit, each listing its cases, numbered without gaps
///
/// The command desk issues `transfer` 交办单, the supervision centre `supervise` 督办单, either a `notice` 整改告知单.
#[utoipa::path(post, path = "/v1/letters", tag = "letters", request_body = NewLetters,
    params(("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The letters.", body = Items<LetterView>, headers(("Idempotency-Replayed" = Option<String>, description = "`true` when this is the answer of the first time.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code, NOT_FOUND.code, CONFLICT.code, KEY_REUSED.code]))))]
pub async fn issue(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    key: Once,
    body: Json<NewLetters, BODY>,
) -> Answer {
    let key = key.with(body.hash.as_ref());
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        once::once(app.house(), who, key.as_ref(), false, now_ms, || {
            Ok(Items { items: letters::issue(app.house(), who, &body.value, now_ms)? })
        })
    };
    created(blocking(&app, run).await?)
}

/// 文书列表 · a page of letters, newest first, voided numbers among them
#[utoipa::path(get, path = "/v1/letters", tag = "letters", params(LetterQuery),
    responses((status = 200, description = "A page.", body = LetterPage, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<LetterQuery>,
) -> Answer {
    tagged(&blocking(&app, move |app| letters::list(app.house(), who, &query, now_ms())).await?)
}

/// 一份文书 · one letter
#[utoipa::path(get, path = "/v1/letters/{id}", tag = "letters",
    params(("id" = Uuid, Path, description = "The letter.")),
    responses((status = 200, description = "The letter.", body = LetterView, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn one(State(app): State<Arc<App>>, Caller(who): Caller, Id(letter): Id<Uuid>) -> Answer {
    tagged(&blocking(&app, move |app| letters::one(app.house(), who, letter, now_ms())).await?)
}

/// 打印页 · the letter as a page to print: A4, complete in itself
#[utoipa::path(get, path = "/v1/letters/{id}/page", tag = "letters",
    params(("id" = Uuid, Path, description = "The letter.")),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html; charset=utf-8")),
    extensions(("x-problems" = json!([SHEET_TOO_LARGE.code, BUSY.code, PHOTOS_AWAY.code]))))]
pub async fn page(State(app): State<Arc<App>>, Caller(who): Caller, Id(letter): Id<Uuid>) -> Answer {
    let turn = app.sheets.turn(app.house()).await?;
    let run = move |app: &App| {
        let _turn = turn;
        letters::page(app.house(), app.depot(), who, letter, now_ms())
    };
    let text = blocking(&app, run).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, text).into_response())
}

/// Why a letter is voided.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidLetter {
    /// Words.
    reason: String,
}

/// 作废 · voids a letter; its number stays on the list and is not given again
#[utoipa::path(post, path = "/v1/letters/{id}/void", tag = "letters", request_body = VoidLetter,
    params(("id" = Uuid, Path, description = "The letter.")),
    responses((status = 200, description = "The letter.", body = LetterView)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code, CONFLICT.code]))))]
pub async fn void(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(letter): Id<Uuid>,
    body: Json<VoidLetter, BODY>,
) -> Answer {
    let run = move |app: &App| letters::void(app.house(), who, letter, &body.value.reason, now_ms());
    json(&blocking(&app, run).await?)
}

/// The photographed receipt.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterReceipt {
    /// A photo of one of the letter's cases, with the role `paper`.
    photo_id: PhotoId,
}

/// 签收回执 · attaches the photographed receipt
#[utoipa::path(post, path = "/v1/letters/{id}/receipt", tag = "letters", request_body = LetterReceipt,
    params(("id" = Uuid, Path, description = "The letter.")),
    responses((status = 200, description = "The letter.", body = LetterView)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, CONFLICT.code]))))]
pub async fn receipt(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(letter): Id<Uuid>,
    body: Json<LetterReceipt, BODY>,
) -> Answer {
    let run = move |app: &App| letters::receipt(app.house(), who, letter, body.value.photo_id, now_ms());
    json(&blocking(&app, run).await?)
}
