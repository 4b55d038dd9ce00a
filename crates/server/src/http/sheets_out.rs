//! `/v1/exports/*`: lists of cases as files.

use crate::error::{Answer, Fault};
use crate::http::caller::{Caller, Id, Params};
use crate::http::photos::{put, stream_of};
use crate::http::standing::Standing;
use crate::http::{blocking, now_ms};
use crate::service::ServiceError;
use crate::service::cases::CaseQuery;
use crate::service::sheets::cases_out::Format;
use crate::service::sheets::rectification_out::{self, Asked};
use crate::service::sheets::{Made, cases_out, dossier};
use crate::state::App;
use axum::extract::State;
use axum::response::IntoResponse as _;
use blindspot_core::CaseId;
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST, BUSY, PHOTOS_AWAY, SHEET_TOO_LARGE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::sync::Arc;

/// What a 整改清单 is asked with, beside the filters of the list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RectificationQuery {
    /// With photos, 4 cm high; at most 2,000 cases then.
    pub photos: Option<bool>,
}

/// 导出整改清单 · the caller's cases as a 整改清单 in XLSX, to be filled in and sent back
///
/// Takes the filters of `GET /v1/cases`; without `state`, cases that were withdrawn, refused, voided or merged are left
/// out. Names and telephones stand in it only for readers of the supervision desk.
#[utoipa::path(get, path = "/v1/exports/rectification", tag = "sheets", params(CaseQuery, RectificationQuery),
    responses((status = 200, description = "The workbook.", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = String)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, BAD_CURSOR.code, SHEET_TOO_LARGE.code, BUSY.code, PHOTOS_AWAY.code]))))]
pub async fn rectification(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    standing: Standing,
    Params(query): Params<CaseQuery>,
    Params(also): Params<RectificationQuery>,
) -> Answer {
    made(&app, standing, move |app| {
        let asked = Asked {
            query: &query,
            photos: also.photos.unwrap_or(false),
            scratch: &app.data,
            progress: &|_| {},
            now_ms: now_ms(),
        };
        rectification_out::rectification(app.house(), app.depot(), who, asked)
    })
    .await
}

/// What a list of cases is asked with, beside its filters.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CasesQuery {
    /// `xlsx` (when left out), `csv` or `geojson`.
    pub format: Option<String>,
}

/// 导出案件列表 · the caller's cases as XLSX, CSV or GeoJSON (WGS-84), with the filters of `GET /v1/cases`
///
/// At most 20,000 cases. Holds no names of people.
#[utoipa::path(get, path = "/v1/exports/cases", tag = "sheets", params(CaseQuery, CasesQuery),
    responses((status = 200, description = "The file.", body = String,
        content(("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), ("text/csv"), ("application/geo+json")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, BAD_CURSOR.code, SHEET_TOO_LARGE.code, BUSY.code]))))]
pub async fn cases(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    standing: Standing,
    Params(query): Params<CaseQuery>,
    Params(also): Params<CasesQuery>,
) -> Answer {
    let format = also.format.as_deref().map_or(Some(Format::Xlsx), Format::parse);
    let format = format.ok_or_else(|| Fault::of(&BAD_REQUEST, Some("format: xlsx, csv, geojson".into())))?;
    made(&app, standing, move |app| {
        let asked = cases_out::Asked {
            query: &query,
            format,
            scratch: &app.data,
            progress: &|_| {},
            now_ms: now_ms(),
        };
        cases_out::cases(app.house(), who, asked)
    })
    .await
}

/// 导出案卷 · the dossier of one case as XLSX: facts, what happened, photos
#[utoipa::path(get, path = "/v1/cases/{id}/dossier", tag = "sheets",
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 200, description = "The workbook.", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = String)),
    extensions(("x-problems" = json!([SHEET_TOO_LARGE.code, BUSY.code, PHOTOS_AWAY.code]))))]
pub async fn dossier(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    standing: Standing,
    Id(case): Id<CaseId>,
) -> Answer {
    made(&app, standing, move |app| {
        dossier::dossier(app.house(), app.depot(), who, case, &app.data, now_ms())
    })
    .await
}

/// Makes a file in its turn and hands it out piece by piece; whoever goes away in between leaves nothing behind.
pub(super) async fn made(
    app: &Arc<App>,
    standing: Standing,
    make: impl FnOnce(&App) -> Result<Made, ServiceError> + Send + 'static,
) -> Answer {
    let turn = app.sheets.turn(app.house()).await?;
    let made = blocking(app, move |app| {
        let _turn = turn;
        app.reserve.check(now_ms())?;
        make(app)
    })
    .await?;
    let transfer = app.transfers.turn(app.house()).await?;
    let mut response = stream_of(app, Box::new(made.file), standing, transfer).into_response();
    put(&mut response, "content-type", made.media_type);
    put(&mut response, "content-length", made.length);
    let name = utf8_percent_encode(&made.name, NON_ALPHANUMERIC);
    put(&mut response, "content-disposition", format!("attachment; filename*=UTF-8''{name}"));
    put(&mut response, "cache-control", "no-store");
    Ok(response)
}
