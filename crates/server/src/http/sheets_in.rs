//! `/v1/imports/*`: lists that come back as files.

use crate::error::{Answer, Fault};
use crate::http::body::{PIECES, Pieces, pour};
use crate::http::caller::{Caller, Params};
use crate::http::standing::Standing;
use crate::http::{json, now_ms};
use crate::service::sheets::findings_in::{self, FindingsReport};
use crate::service::sheets::rectification_in::{self, How};
use crate::service::sheets::report::RectificationReport;
use crate::service::sheets::{Sending, findings_file};
use crate::service::{Credential, ServiceError};
use crate::state::App;
use axum::extract::{Request, State};
use blindspot_core::command::Source;
use blindspot_core::error::{
    BAD_REQUEST, BODY_TOO_LARGE, BUSY, INTERNAL, NO_RIGHTS, NO_SPACE, SHEET_BASE, SHEET_TOO_LARGE,
    SHEET_UNREADABLE, UPLOAD_QUOTA,
};
use blindspot_core::geo::Datum;
use blindspot_core::limits::SHEET_FILE_BYTES_MAX;
use blindspot_core::sheet::source_word;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, ErrorKind, Seek as _, SeekFrom};
use std::sync::Arc;
use tokio::sync::mpsc::channel;

/// How a 整改清单 is taken in.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RectificationImport {
    /// Only say what would become of it.
    pub dry_run: Option<bool>,
    /// Lines without a number become reports; otherwise they are listed.
    pub new_rows: Option<bool>,
}

/// 导入整改清单 · a 整改清单 that went out from here, filled in
///
/// Changed cells become ops of the caller: 具体位置, 问题描述 and 对应小项 edits, 整改措施, 整改进展 and 备注 comments. Where
/// somebody else has changed the same since, both values stand and the cell is listed as a conflict. Every other changed
/// cell is listed with the reason why it was not taken. The same file again changes nothing.
#[utoipa::path(post, path = "/v1/imports/rectification", tag = "sheets", params(RectificationImport),
    request_body(content = String, content_type = "application/octet-stream", description = "The workbook, XLSX."),
    responses((status = 200, description = "What became of it.", body = RectificationReport)),
    extensions(("x-problems" = json!([SHEET_UNREADABLE.code, SHEET_TOO_LARGE.code, SHEET_BASE.code, BODY_TOO_LARGE.code,
        BUSY.code, NO_SPACE.code]))))]
pub async fn import_rectification(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    standing: Standing,
    Params(query): Params<RectificationImport>,
    request: Request,
) -> Answer {
    let how = How { dry_run: query.dry_run.unwrap_or(false), new_rows: query.new_rows.unwrap_or(false) };
    taken(&app, who, standing, request, move |_, to, file| rectification_in::rectification(to, file, how))
        .await
}

/// How a list of findings is taken in.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct FindingsImport {
    /// 问题来源 of lines that do not say: `covert_visit` when left out.
    pub source: Option<String>,
    /// Datum of coordinates: `wgs84` (when left out), `gcj02` or `bd09`.
    pub datum: Option<String>,
    /// Titles of the file by field, JSON: `{"description": "情况"}`. Known titles are found by themselves.
    pub mapping: Option<String>,
    /// Only say what would become of it.
    pub dry_run: Option<bool>,
}

/// 导入问题清单 · a list of findings: each line becomes a report, with photos by the names of their files
///
/// XLSX or CSV (UTF-8), or a ZIP archive of one of them with the photos beside it. One bad line blocks none; the same line
/// again changes nothing.
#[utoipa::path(post, path = "/v1/imports/findings", tag = "sheets", params(FindingsImport),
    request_body(content = String, content_type = "application/octet-stream", description = "The file."),
    responses((status = 200, description = "What became of it.", body = FindingsReport)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code, SHEET_UNREADABLE.code, SHEET_TOO_LARGE.code, BODY_TOO_LARGE.code,
        BUSY.code, NO_SPACE.code, UPLOAD_QUOTA.code]))))]
pub async fn import_findings(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    standing: Standing,
    Params(query): Params<FindingsImport>,
    request: Request,
) -> Answer {
    let bad = |what: &str| Fault::of(&BAD_REQUEST, Some(what.to_owned()));
    let datum = query.datum.as_deref().map_or(Some(Datum::Wgs84), Datum::parse);
    let source = query.source.as_deref().map_or(Some(Source::CovertVisit), source_word);
    let mapping = query.mapping.as_deref().map_or(Ok(Default::default()), serde_json::from_str);
    let how = findings_in::How {
        source: source.ok_or_else(|| bad("source"))?,
        datum: datum.ok_or_else(|| bad("datum"))?,
        mapping: mapping.map_err(|_| bad("mapping"))?,
        dry_run: query.dry_run.unwrap_or(false),
    };
    taken(&app, who, standing, request, move |app, to, file| {
        findings_file::findings(to, app.depot(), file, None, &how)
    })
    .await
}

/// Takes a file in, in its turn: first to the disk, then by the use-case. It runs to its end even when the caller goes
/// away.
async fn taken<T: Serialize + Send + 'static>(
    app: &Arc<App>,
    who: Credential,
    standing: Standing,
    request: Request,
    work: impl FnOnce(&App, Sending<'_>, File) -> Result<T, ServiceError> + Send + 'static,
) -> Answer {
    let turn = app.sheets.turn(app.house()).await?;
    let (send, receive) = channel(PIECES);
    let shared = app.clone();
    let taking = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let now_ms = now_ms();
        shared.reserve.check(now_ms)?;
        let mut file = tempfile::tempfile_in(&shared.data)?;
        io::copy(&mut Pieces::new(receive, SHEET_FILE_BYTES_MAX), &mut file).map_err(not_here)?;
        file.seek(SeekFrom::Start(0))?;
        let submit = |job| shared.writer.submit(job);
        let to = Sending { house: shared.house(), who, submit: &submit, now_ms };
        work(&shared, to, file)
    });
    let refused = pour(app, request.into_body(), standing, send).await;
    let taken = taking.await;
    if let Some(fault) = refused {
        return Err(fault);
    }
    json(&taken.map_err(|_| Fault::of(&INTERNAL, None))??)
}

/// Why a body did not come whole.
fn not_here(error: io::Error) -> ServiceError {
    match error.kind() {
        ErrorKind::ConnectionAborted => ServiceError::because(&BUSY, "the body was cut"),
        ErrorKind::FileTooLarge => {
            ServiceError::because(&BODY_TOO_LARGE, format!("at most {SHEET_FILE_BYTES_MAX} bytes"))
        }
        _ => error.into(),
    }
}
