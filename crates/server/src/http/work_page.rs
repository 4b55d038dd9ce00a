//! `/w/{token}`: the page of a work link, for any browser, without script, account or install. What it says stands in
//! `work_page/html.rs`.

mod html;

use crate::error::{Answer, Fault};
use crate::http::body::collect;
use crate::http::caller::{Id, Two};
use crate::http::turns::Held;
use crate::http::{blocking, now_ms, written};
use crate::listen::outer::Outer;
use crate::service::limits::{Class, Key};
use crate::service::work_links::page::{self, Seen, Shut};
use crate::service::work_links::submit::{self, BadPhoto, Prepared, Ready};
use crate::service::{WriteJob, uploads};
use crate::state::App;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::{
    BAD_REQUEST, BODY_TOO_LARGE, BUSY, NO_SPACE, NOT_FOUND, PHOTOS_AWAY, TOO_MANY_REQUESTS,
};
use blindspot_core::limits::UPLOAD_BYTES_MAX;
use blindspot_core::verdict::Verdict;
use blindspot_core::{OpId, PhotoId};
use maud::Markup;
use std::sync::Arc;

/// A photo and some words around it.
const FORM_BYTES_MAX: usize = UPLOAD_BYTES_MAX as usize + 64 * 1024;

/// What came with the form.
#[derive(Default)]
struct Form {
    id: Option<OpId>,
    not_ours: bool,
    words: String,
    photo: Vec<u8>,
}

fn shown(status: StatusCode, page: Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, html::policy()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_FRAME_OPTIONS, "DENY".to_owned()),
    ];
    (status, headers, page.into_string()).into_response()
}

fn shut(why: Shut) -> Response {
    let status = match why {
        Shut::Unknown => StatusCode::NOT_FOUND,
        Shut::Waits | Shut::OtherRound => StatusCode::CONFLICT,
        Shut::Revoked | Shut::Expired | Shut::NoLonger | Shut::Closed => StatusCode::GONE,
    };
    shown(status, html::shut(why))
}

/// A page in the place of a problem document: whoever stands in the street reads no JSON.
fn failed(fault: &Fault) -> Response {
    let code = fault.problem.code.as_str();
    let status = StatusCode::from_u16(fault.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if code == BODY_TOO_LARGE.code {
        shown(status, html::bad_photo(BadPhoto::TooLarge))
    } else if [BUSY.code, NO_SPACE.code, PHOTOS_AWAY.code, TOO_MANY_REQUESTS.code].contains(&code) {
        shown(status, html::later())
    } else {
        shown(status, html::broken())
    };
    if let Some(seconds) = fault.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Few enough from one link and from one address that nobody can try addresses or fill the disk; many workers behind one
/// address of a carrier still get through.
fn allowed(app: &App, token: &str, from: &str) -> Result<(), Fault> {
    let now = now_ms();
    let of_link = app.buckets.take(Class::Link, &[Key::claimed(token)], now);
    of_link.and_then(|()| app.buckets.take(Class::LinkAddress, &[Key::claimed(from)], now)).map_err(
        |wait_ms| {
            let seconds = u32::try_from(wait_ms / 1_000 + 1).unwrap_or(60);
            Fault { retry_after: Some(seconds), ..Fault::of(&TOO_MANY_REQUESTS, None) }
        },
    )
}

/// Where a request came from, as far as it can be believed; kept nowhere.
fn from(extensions: &Extensions) -> String {
    extensions.get::<Outer>().map(|o| o.ip.to_string()).unwrap_or_default()
}

/// 处置页面 · the page of a work link
#[utoipa::path(get, path = "/w/{token}", tag = "work",
    params(("token" = String, Path, description = "From the link.")),
    responses((status = 200, description = "The case as far as the work needs it, with a form.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "A page: the case was dispatched anew, or waits.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "A page: the link is over, or the case.", body = String, content_type = "text/html; charset=utf-8")),
    extensions(("x-problems" = json!([TOO_MANY_REQUESTS.code]))))]
pub async fn open(State(app): State<Arc<App>>, Id(token): Id<String>, extensions: Extensions) -> Response {
    let run = async {
        allowed(&app, &token, &from(&extensions))?;
        let own = token.clone();
        blocking(&app, move |app| page::open(app.house(), &own, now_ms())).await
    };
    match run.await {
        Ok(Seen::Open(task)) => shown(StatusCode::OK, html::task(&token, &task)),
        Ok(Seen::Done(short_no)) => shown(StatusCode::OK, html::done(&short_no)),
        Ok(Seen::Shut(why)) => shut(why),
        Err(fault) => failed(&fault),
    }
}

/// 整改前照片 · a photo of the problem, by the link's own right
#[utoipa::path(get, path = "/w/{token}/photos/{photo}", tag = "work",
    params(("token" = String, Path, description = "From the link."), ("photo" = PhotoId, Path, description = "The photo.")),
    responses((status = 200, description = "Its working copy.", body = String, content_type = "image/jpeg")),
    extensions(("x-problems" = json!([TOO_MANY_REQUESTS.code, NOT_FOUND.code, PHOTOS_AWAY.code]))))]
pub async fn photo(State(app): State<Arc<App>>, Two(token, photo): Two, extensions: Extensions) -> Answer {
    allowed(&app, &token, &from(&extensions))?;
    let missing = || Fault::of(&NOT_FOUND, None);
    let photo: PhotoId = photo.parse().map_err(|_| missing())?;
    let run = move |app: &App| page::photo(app.house(), app.depot(), &token, photo, now_ms());
    let (kind, bytes) = blocking(&app, run).await?.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "private, max-age=3600"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    Ok((headers, bytes).into_response())
}

/// 处理好了 / 不是我们管 · what is said by a work link
#[utoipa::path(post, path = "/w/{token}", tag = "work",
    params(("token" = String, Path, description = "From the link.")),
    request_body(content = String, content_type = "multipart/form-data",
        description = "`form`: from the page, so that sent twice it is one. `what`: `done` or `not_ours`. `photo`: after the work. `words`: up to 200 characters."),
    responses((status = 200, description = "A page: taken.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 409, description = "A page: the case was dispatched anew, or waits.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 410, description = "A page: the link is over, or the case.", body = String, content_type = "text/html; charset=utf-8"),
        (status = 422, description = "A page: what is wrong with the photo.", body = String, content_type = "text/html; charset=utf-8")),
    extensions(("x-problems" = json!([TOO_MANY_REQUESTS.code, BAD_REQUEST.code, BODY_TOO_LARGE.code, BUSY.code, NO_SPACE.code, PHOTOS_AWAY.code]))))]
pub async fn submit(State(app): State<Arc<App>>, Id(token): Id<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        allowed(&app, &token, &from(&parts.extensions))?;
        let mut held = Held::new(&app.bodies);
        let bytes = collect(&parts.headers, body, FORM_BYTES_MAX, &mut held).await?;
        let Some(form) = read(&parts.headers, bytes).await else {
            return Ok(shown(StatusCode::BAD_REQUEST, html::broken()));
        };
        take(&app, token, form).await
    };
    taken.await.unwrap_or_else(|fault| failed(&fault))
}

/// Reads a form; nothing when it is none.
async fn read(headers: &HeaderMap, bytes: Vec<u8>) -> Option<Form> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary = multer::parse_boundary(kind).ok()?;
    let whole =
        futures_util::stream::once(async move { Ok::<_, std::io::Error>(axum::body::Bytes::from(bytes)) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut form = Form::default();
    while let Some(field) = parts.next_field().await.ok()? {
        let name = field.name().unwrap_or("").to_owned();
        let value = field.bytes().await.ok()?;
        let text = || String::from_utf8_lossy(&value).into_owned();
        match name.as_str() {
            "form" => form.id = text().trim().parse().ok(),
            "what" => form.not_ours = text().trim() == "not_ours",
            "words" => form.words = text(),
            "photo" => form.photo = value.to_vec(),
            _ => {}
        }
    }
    form.id.is_some().then_some(form)
}

async fn take(app: &Arc<App>, token: String, form: Form) -> Answer {
    let Form { id, not_ours, words, photo } = form;
    let id = id.ok_or_else(|| Fault::of(&NOT_FOUND, None))?;
    // A decoded photo is large: few at once.
    let turn = app.links.turn(app.house()).await?;
    let prepared = blocking(app, move |app| {
        let _turn = turn;
        app.reserve.check(now_ms())?;
        if not_ours {
            submit::not_ours(app.house(), &token, id, &words, now_ms())
        } else {
            submit::done(app.house(), &token, id, (&photo, &words), now_ms())
        }
    });
    match prepared.await? {
        Prepared::Shut(why) => Ok(shut(why)),
        Prepared::Photo(why) => {
            let status = if why == BadPhoto::TooLarge {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            Ok(shown(status, html::bad_photo(why)))
        }
        Prepared::Ready(ready) => {
            let verdict = decide(app, *ready).await?;
            Ok(match (not_ours, verdict) {
                (true, _) => shown(StatusCode::OK, html::noted()),
                (false, Some(Verdict::Applied)) => shown(StatusCode::OK, html::done("")),
                // Kept on the case, but it moved meanwhile.
                (false, _) => shown(StatusCode::CONFLICT, html::too_late()),
            })
        }
    }
}

/// Stores the files, then lets the ops be decided; gives the verdict of the last.
async fn decide(app: &Arc<App>, ready: Ready) -> Answer<Option<Verdict>> {
    let Ready { credential, case_id, files, ops } = ready;
    for file in files {
        let run = move |app: &App| submit::store_file(app.house(), app.depot(), credential, &file, now_ms());
        if let Some(arrival) = blocking(app, run).await? {
            written(app, |done| arrival.into_job(now_ms(), done)).await?;
            uploads::acknowledged(app.depot(), arrival.upload_id);
        }
    }
    let mut last = None;
    for op in ops {
        let entry = written(app, |done| WriteJob::Desk {
            credential,
            case_id: Some(case_id),
            op,
            received_ms: now_ms(),
            done,
        });
        last = Some(entry.await?.verdict);
    }
    Ok(last)
}
