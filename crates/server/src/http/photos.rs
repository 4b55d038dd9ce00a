//! tus 1.0 under `/v1/photos` (core, creation, checksum, expiration, termination), and downloads.

use crate::error::{Answer, Fault};
use crate::http::body::pour;
use crate::http::caller::{Caller, Id, Two};
use crate::http::standing::Standing;
use crate::http::{blocking, now_ms, written};
use crate::service::ServiceError;
use crate::service::download::{self, Bytes};
use crate::service::uploads::{self, Checksum, Incoming, NewUpload, UploadState};
use crate::state::App;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::PhotoId;
use blindspot_core::command::FormName;
use blindspot_core::error::{
    BAD_REQUEST, CHECKSUM_MISMATCH, DIGEST_MISMATCH, ERASED, INTERNAL, NOT_FOUND, OFFSET_CONFLICT,
    TUS_VERSION, UNSUPPORTED_MEDIA_TYPE, UPLOAD_GONE, UPLOAD_QUOTA, UPLOAD_TOO_LARGE,
};
use blindspot_core::limits::UPLOAD_BYTES_MAX;
use futures_util::StreamExt as _;
use std::fmt::Display;
use std::io::Read;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use uuid::Uuid;

const VERSION: &str = "1.0.0";
const UPLOAD_TYPE: &str = "application/offset+octet-stream";
/// Pieces on their way from the network to the file: few, so that a slow disk slows the sender.
const PIECES: usize = 4;

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn tus(headers: &HeaderMap) -> Answer<()> {
    match text(headers, "tus-resumable") {
        Some(VERSION) => Ok(()),
        _ => Err(Fault::of(&TUS_VERSION, None)),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Answer<u64> {
    let found = text(headers, name).and_then(|v| v.trim().parse().ok());
    found.ok_or_else(|| Fault::of(&BAD_REQUEST, Some(name.to_owned())))
}

pub(super) fn put(response: &mut Response, name: &'static str, value: impl Display) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

fn answer(status: StatusCode, state: &UploadState) -> Response {
    let mut response = status.into_response();
    put(&mut response, "tus-resumable", VERSION);
    put(&mut response, "upload-offset", state.offset);
    match state.verified {
        Some(sha256) => put(&mut response, "upload-verified", sha256),
        None => put(&mut response, "upload-expires", http_date(state.expires_ms)),
    }
    response
}

/// Brings stored bytes to their acknowledgement: only then `Upload-Verified` may be said.
async fn acknowledged(app: &Arc<App>, mut state: UploadState) -> Answer<UploadState> {
    if let Some(arrival) = state.arrival.take() {
        written(app, |done| arrival.into_job(now_ms(), done)).await?;
        let upload_id = arrival.upload_id;
        blocking(app, move |app| {
            uploads::acknowledged(app.depot(), upload_id);
            Ok(())
        })
        .await?;
        state.offset = state.length;
        state.verified = Some(arrival.sha256);
    }
    Ok(state)
}

/// tus 能力 · what this server can do
#[utoipa::path(options, path = "/v1/photos", tag = "photos",
    responses((status = 204, description = "See the headers.", headers(("Tus-Version"), ("Tus-Extension"), ("Tus-Max-Size"),
        ("Tus-Checksum-Algorithm"), ("Tus-Resumable")))))]
pub async fn options() -> Response {
    abilities()
}

/// tus 能力 · what this server can do, asked of an upload
#[utoipa::path(options, path = "/v1/photos/{id}", tag = "photos",
    params(("id" = Uuid, Path, description = "The upload.")),
    responses((status = 204, description = "See the headers.", headers(("Tus-Version"), ("Tus-Extension"), ("Tus-Max-Size"),
        ("Tus-Checksum-Algorithm"), ("Tus-Resumable")))))]
pub async fn options_of_upload() -> Response {
    abilities()
}

fn abilities() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    put(&mut response, "tus-resumable", VERSION);
    put(&mut response, "tus-version", VERSION);
    put(&mut response, "tus-max-size", UPLOAD_BYTES_MAX);
    put(&mut response, "tus-extension", "creation,checksum,expiration,termination");
    put(&mut response, "tus-checksum-algorithm", "sha256,sha1");
    response
}

/// 新建上传 · begins an upload
#[utoipa::path(post, path = "/v1/photos", tag = "photos",
    params(("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Length" = u64, Header, description = "Bytes in all."),
        ("Upload-Metadata" = String, Header,
            description = "tus pairs with base64 values: `photo_id`, `form`, `sha256`, and `kind` for what is no photo.")),
    responses((status = 201, description = "Where to send the bytes, or that they are here already.",
        headers(("Location" = String, description = "The upload."), ("Tus-Resumable" = String, description = "`1.0.0`."),
            ("Upload-Offset" = i64, description = "Bytes that are here."),
            ("Upload-Expires" = Option<String>, description = "When an unfinished upload is dropped."),
            ("Upload-Verified" = Option<String>, description = "SHA-256 of the stored bytes: only now the photo is delivered.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, TUS_VERSION.code, UPLOAD_TOO_LARGE.code,
        UPLOAD_QUOTA.code, ERASED.code, NOT_FOUND.code, OFFSET_CONFLICT.code, DIGEST_MISMATCH.code]))))]
pub async fn create(State(app): State<Arc<App>>, Caller(credential): Caller, headers: HeaderMap) -> Answer {
    tus(&headers)?;
    let length = number(&headers, "upload-length")?;
    let new = NewUpload::from_metadata(length, text(&headers, "upload-metadata").unwrap_or(""))?;
    let run = move |app: &App| {
        let now_ms = now_ms();
        app.reserve.check(now_ms)?;
        uploads::create(app.house(), app.depot(), credential, &new, now_ms)
    };
    let state = acknowledged(&app, blocking(&app, run).await?).await?;
    let mut response = answer(StatusCode::CREATED, &state);
    put(&mut response, "location", format!("/v1/photos/{}", Uuid::from_bytes(state.upload_id)));
    Ok(response)
}

/// 上传进度 · how an upload stands
#[utoipa::path(head, path = "/v1/photos/{id}", tag = "photos",
    params(("id" = Uuid, Path, description = "The upload."), ("Tus-Resumable" = String, Header, description = "`1.0.0`.")),
    responses((status = 200, description = "See the headers.",
        headers(("Upload-Length" = u64, description = "Bytes in all."), ("Tus-Resumable" = String, description = "`1.0.0`."),
            ("Upload-Offset" = i64, description = "Bytes that are here."),
            ("Upload-Expires" = Option<String>, description = "When an unfinished upload is dropped."),
            ("Upload-Verified" = Option<String>, description = "SHA-256 of the stored bytes: only now the photo is delivered.")))),
    extensions(("x-problems" = json!([TUS_VERSION.code, UPLOAD_GONE.code, DIGEST_MISMATCH.code]))))]
pub async fn head(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(upload): Id<Uuid>,
    headers: HeaderMap,
) -> Answer {
    tus(&headers)?;
    let run =
        move |app: &App| uploads::state(app.house(), app.depot(), credential, upload.into_bytes(), now_ms());
    let state = acknowledged(&app, blocking(&app, run).await?).await?;
    let mut response = answer(StatusCode::OK, &state);
    put(&mut response, "upload-length", state.length);
    Ok(response)
}

/// 续传 · appends to an upload
///
/// The bytes go to the file as they come, never whole into memory; what arrived before a cut is kept.
#[utoipa::path(patch, path = "/v1/photos/{id}", tag = "photos",
    params(("id" = Uuid, Path, description = "The upload."), ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Offset" = u64, Header, description = "Where these bytes begin."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` or `sha1`, and the base64 of this chunk's.")),
    request_body(content = String, content_type = "application/offset+octet-stream", description = "The bytes."),
    responses((status = 204, description = "Taken.", headers(("Tus-Resumable" = String, description = "`1.0.0`."),
            ("Upload-Offset" = i64, description = "Bytes that are here."),
            ("Upload-Expires" = Option<String>, description = "When an unfinished upload is dropped."),
            ("Upload-Verified" = Option<String>, description = "SHA-256 of the stored bytes: only now the photo is delivered.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, TUS_VERSION.code, UNSUPPORTED_MEDIA_TYPE.code, UPLOAD_GONE.code,
        OFFSET_CONFLICT.code, UPLOAD_TOO_LARGE.code, CHECKSUM_MISMATCH.code, DIGEST_MISMATCH.code]))))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    standing: Standing,
    Id(upload): Id<Uuid>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    tus(&headers)?;
    if text(&headers, "content-type") != Some(UPLOAD_TYPE) {
        return Err(Fault::of(&UNSUPPORTED_MEDIA_TYPE, Some(UPLOAD_TYPE.to_owned())));
    }
    let offset = number(&headers, "upload-offset")?;
    let checksum = text(&headers, "upload-checksum").map(Checksum::from_header).transpose()?;
    let announced = text(&headers, "content-length").and_then(|v| v.parse().ok());
    let transfer = app.transfers.turn(app.house()).await?;
    let begin = move |app: &App| {
        let (at, now_ms) = ((upload.into_bytes(), offset), now_ms());
        app.reserve.check(now_ms)?;
        uploads::begin(app.house(), app.depot(), credential, at, (announced, checksum), now_ms)
    };
    let incoming = blocking(&app, begin).await?;
    let state = receive(&app, incoming, body, standing, transfer).await?;
    let state = acknowledged(&app, state).await?;
    Ok(answer(StatusCode::NO_CONTENT, &state))
}

async fn receive(
    app: &Arc<App>,
    mut incoming: Incoming,
    body: Body,
    standing: Standing,
    transfer: OwnedSemaphorePermit,
) -> Answer<UploadState> {
    let (send, mut pieces) = mpsc::channel::<Option<axum::body::Bytes>>(PIECES);
    let shared = app.clone();
    // On its own thread to the end: what came before a cut is kept even when the handler is dropped.
    let storing = tokio::task::spawn_blocking(move || {
        let _transfer = transfer;
        let mut whole = false;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Some(bytes) => incoming.write(&bytes)?,
                None => whole = true,
            }
        }
        incoming.finish(shared.house(), shared.depot(), whole)
    });
    let refused = pour(app, body, standing, send).await;
    let stored = storing.await;
    if let Some(fault) = refused {
        return Err(fault);
    }
    match stored {
        Ok(result) => Ok(result.map_err(|e: ServiceError| e)?),
        Err(_) => Err(Fault::of(&INTERNAL, None)),
    }
}

/// 放弃上传 · ends an upload
#[utoipa::path(delete, path = "/v1/photos/{id}", tag = "photos",
    params(("id" = Uuid, Path, description = "The upload."), ("Tus-Resumable" = String, Header, description = "`1.0.0`.")),
    responses((status = 204, description = "It is gone.", headers(("Tus-Resumable" = String, description = "`1.0.0`.")))),
    extensions(("x-problems" = json!([TUS_VERSION.code, UPLOAD_GONE.code]))))]
pub async fn terminate(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(upload): Id<Uuid>,
    headers: HeaderMap,
) -> Answer {
    tus(&headers)?;
    let run = move |app: &App| {
        uploads::terminate(app.house(), app.depot(), credential, upload.into_bytes(), now_ms())
    };
    blocking(&app, run).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    put(&mut response, "tus-resumable", VERSION);
    Ok(response)
}

/// 下载照片 · hands out a form of a photo to who may read it
#[utoipa::path(get, path = "/v1/photos/{id}/{form}", tag = "photos",
    params(("id" = PhotoId, Path, description = "The photo."),
        ("form" = String, Path, description = "`thumbnail`, `working` or `original`."),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the copy that is held.")),
    responses(
        (status = 200, description = "The bytes.", content_type = "application/octet-stream",
            headers(("ETag" = String, description = "The SHA-256 of the bytes, quoted."))),
        (status = 304, description = "The copy that is held is right."),
        (status = 307, description = "The bytes are in a bucket that the caller reaches: `Location` leads there for a minute.",
            headers(("Location" = String, description = "A signed address; to be asked without our token.")))))]
pub async fn download(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    standing: Standing,
    Two(photo, form): Two,
    headers: HeaderMap,
) -> Answer {
    let photo: PhotoId = photo.parse().map_err(|_| Fault::of(&NOT_FOUND, None))?;
    let name = FormName::from_word(&form);
    let run =
        move |app: &App| download::download(app.house(), app.depot(), credential, photo, &name, now_ms());
    let found = blocking(&app, run).await?;
    let tag = format!("\"{}\"", found.sha256);
    let known = text(&headers, "if-none-match").is_some_and(|v| v.split(',').any(|t| t.trim() == tag));
    let mut response = match found.bytes {
        _ if known => StatusCode::NOT_MODIFIED.into_response(),
        Bytes::At(address) => return Ok(sent_on(&address)),
        Bytes::Here(bytes) => {
            let transfer = app.transfers.turn(app.house()).await?;
            let mut response = stream_of(&app, bytes, standing, transfer).into_response();
            put(&mut response, "content-type", found.media_type);
            put(&mut response, "content-length", found.length);
            response
        }
    };
    put(&mut response, "content-disposition", &found.disposition);
    put(&mut response, "etag", tag);
    put(&mut response, "cache-control", "private, max-age=3600");
    put(&mut response, "content-security-policy", "default-src 'none'; sandbox");
    put(&mut response, "cross-origin-resource-policy", "same-origin");
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    Ok(response)
}

/// To an address that leads to the bytes for a short while. Nobody keeps it.
fn sent_on(address: &str) -> Response {
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    put(&mut response, "location", address);
    put(&mut response, "cache-control", "no-store");
    put(&mut response, "referrer-policy", "no-referrer");
    response
}

/// The bytes as they are read; cut off when their reader may no longer have them.
pub(super) fn stream_of(
    app: &Arc<App>,
    mut bytes: Box<dyn Read + Send>,
    standing: Standing,
    transfer: OwnedSemaphorePermit,
) -> Body {
    let (send, receive) = mpsc::channel::<std::io::Result<Vec<u8>>>(PIECES);
    tokio::task::spawn_blocking(move || {
        let _transfer = transfer;
        loop {
            let mut piece = vec![0; 64 * 1024];
            let read = bytes.read(&mut piece).map(|n| {
                piece.truncate(n);
                piece
            });
            let last = read.as_ref().map_or(true, Vec::is_empty);
            if read.as_ref().is_ok_and(Vec::is_empty) || send.blocking_send(read).is_err() || last {
                return;
            }
        }
    });
    let lost = Box::pin(standing.lost(app.clone()));
    let pieces = futures_util::stream::unfold((receive, lost), |(mut receive, mut lost)| async move {
        let piece = tokio::select! {
            biased;
            _ = &mut lost => Some(Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied))),
            piece = receive.recv() => piece,
        };
        piece.map(|piece| (piece, (receive, lost)))
    });
    // A compressor asks once more after the end.
    Body::from_stream(pieces.fuse())
}

/// A date as HTTP writes it (RFC 9110, 5.6.7).
fn http_date(ms: i64) -> String {
    let days = ms.div_euclid(86_400_000);
    let seconds = ms.rem_euclid(86_400_000) / 1000;
    // Civil date from days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let names = |list: &'static str, at: i64| {
        let at = usize::try_from(at).unwrap_or(0) * 3;
        list.get(at..at + 3).unwrap_or("")
    };
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        names("SunMonTueWedThuFriSat", (days + 4).rem_euclid(7)),
        names("JanFebMarAprMayJunJulAugSepOctNovDec", month - 1),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(1_709_164_800_000), "Thu, 29 Feb 2024 00:00:00 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
