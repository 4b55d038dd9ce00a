//! The outermost layer: request id, our header, problem documents, panics. Sees every answer.

use crate::error::Fault;
use crate::http::tag;
use crate::listen::outer::Outer;
use crate::service::Credential;
use crate::state::App;
use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use blindspot_core::error::{HTTPS_REQUIRED, INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND};
use blindspot_core::limits::{PROTOCOL, PROTOCOL_HEADER};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Most bytes taken from a sender that has its answer.
const DRAIN_BYTES_MAX: usize = 32 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(3);
/// Nothing here is real.
const SANDBOX_HEADER: &str = "blindspot-sandbox";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The layer.
pub async fn layer(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let (id, began) = (new_id(&app), Instant::now());
    let exposed = is_exposed(&request);
    let (method, route, who) = known(&mut request);
    let held = tag::held(request.method(), request.headers());
    let (request, unread) = keep_hold(request);
    let answer = async {
        if exposed { Fault::of(&HTTPS_REQUIRED, None).into_response() } else { next.run(request).await }
    };
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| {
        tracing::error!(request_id = %id, "a handler panicked");
        Fault::of(&INTERNAL, None).into_response()
    });
    let mut code = String::new();
    if let Some(mut fault) = response.extensions_mut().remove::<Fault>() {
        fault.problem.request_id = Some(id.clone());
        code = fault.problem.code.clone();
        let body = serde_json::to_vec(&fault.problem).unwrap_or_default();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        *response.body_mut() = Body::from(body);
    }
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let route = route.as_ref().map(MatchedPath::as_str);
    app.telemetry.routes.answered(method.as_str(), route, status, took.as_secs_f64());
    note(&id, &method, route, status, took, &code, &who);
    take_rest(unread);
    tag::leave_out(&mut response, held.as_deref());
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static(PROTOCOL_HEADER), HeaderValue::from_static(PROTOCOL));
    if app.sandbox {
        headers.insert(HeaderName::from_static(SANDBOX_HEADER), HeaderValue::from_static("1"));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// What is known of a request before it is answered, and where its caller's name will stand.
fn known(request: &mut Request) -> (Method, Option<MatchedPath>, Who) {
    let who = Who::default();
    request.extensions_mut().insert(who.clone());
    (request.method().clone(), request.extensions().get::<MatchedPath>().cloned(), who)
}

/// One line a request: ids and numbers. A path is its pattern; whatever stood in it may be somebody's.
fn note(id: &str, method: &Method, route: Option<&str>, status: u16, took: Duration, code: &str, who: &Who) {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let route = route.unwrap_or("other");
    match who.0.get() {
        Some(c) => {
            let (person, device) = (c.person, c.device);
            tracing::info!(target: "access", request_id = %id, %method, route, status, ms, code, %person, %device);
        }
        None => tracing::info!(target: "access", request_id = %id, %method, route, status, ms, code),
    }
}

/// Who called, once that is proved.
#[derive(Clone, Default)]
pub(crate) struct Who(Arc<OnceLock<Credential>>);

impl Who {
    /// Proved.
    pub(crate) fn is(&self, credential: Credential) {
        // A request has one caller.
        let _ = self.0.set(credential);
    }
}

/// Whether this would carry something private over a network in the open. What says how the server is, and why a
/// phone will not work here, may be read by anybody.
fn is_exposed(request: &Request) -> bool {
    let path = request.uri().path();
    let open = matches!(path, "/livez" | "/readyz" | "/version" | "/start") || path.starts_with("/start/");
    !open && request.extensions().get::<Outer>().is_some_and(|o| o.exposed)
}

type Unread = Arc<Mutex<BodyDataStream>>;

/// Leaves the body readable after its handler is gone.
fn keep_hold(request: Request) -> (Request, Unread) {
    let (parts, body) = request.into_parts();
    let unread = Arc::new(Mutex::new(body.into_data_stream()));
    let reading = unread.clone();
    let stream = stream::poll_fn(move |cx| lock(&reading).poll_next_unpin(cx));
    (Request::from_parts(parts, Body::from_stream(stream)), unread)
}

/// A handler that panicked leaves a body behind that can be read on.
fn lock(unread: &Unread) -> MutexGuard<'_, BodyDataStream> {
    unread.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what a sender is still sending when it has its answer: closing on it would reset the connection, and a phone
/// whose token has expired would see a broken network instead of the answer. So would anybody whose body is not read
/// at all, as that of a GET. The answer does not wait for this.
fn take_rest(unread: Unread) {
    if lock(&unread).is_end_stream() {
        return;
    }
    tokio::spawn(async move {
        let mut left = DRAIN_BYTES_MAX;
        let mut taking = stream::poll_fn(|cx| lock(&unread).poll_next_unpin(cx));
        let all = async {
            while let Some(Ok(piece)) = taking.next().await {
                left = left.saturating_sub(piece.len());
                if left == 0 {
                    return;
                }
            }
        };
        // Whoever is slower than this reads no answer anyway.
        let _ = tokio::time::timeout(DRAIN_TIME, all).await;
    });
}

fn new_id(app: &App) -> String {
    use std::fmt::Write as _;
    let mut bytes = [0; 8];
    app.house().random.fill(&mut bytes);
    let mut id = String::with_capacity(16);
    for byte in bytes {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// No such address.
pub async fn not_found() -> Fault {
    Fault::of(&NOT_FOUND, None)
}

/// No such method there.
pub async fn method_not_allowed() -> Fault {
    Fault::of(&METHOD_NOT_ALLOWED, None)
}
