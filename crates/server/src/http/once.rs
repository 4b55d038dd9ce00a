//! `Idempotency-Key`: reading it, and answering 201 with what was answered the first time.

use crate::error::{Answer, Fault};
use crate::service::once::{Answered, RequestKey};
use crate::state::App;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::BAD_REQUEST;
use blindspot_core::id::Sha256;
use blindspot_core::limits::REQUEST_KEY_CHARS_MAX;
use std::sync::Arc;

pub(crate) const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key of a request, if it says one, with method and path.
pub struct Once(Option<(String, String)>);

impl FromRequestParts<Arc<App>> for Once {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Fault> {
        let Some(value) = parts.headers.get(KEY) else { return Ok(Self(None)) };
        let key = value.to_str().unwrap_or("").trim();
        if key.is_empty() || key.len() > REQUEST_KEY_CHARS_MAX {
            let why = format!("Idempotency-Key: 1 to {REQUEST_KEY_CHARS_MAX} visible characters");
            return Err(Fault::of(&BAD_REQUEST, Some(why)));
        }
        Ok(Self(Some((key.to_owned(), format!("{} {}", parts.method, parts.uri.path())))))
    }
}

impl Once {
    /// With the hash of the body, when there is one.
    pub(crate) fn with(self, body: Option<&Sha256>) -> Option<RequestKey> {
        let (key, address) = self.0?;
        let said = format!("{address}\n{}", body.map(Sha256::to_hex).unwrap_or_default());
        Some(RequestKey { key, hash: Sha256::of(said.as_bytes()).0 })
    }
}

/// 201 with the answer.
pub(crate) fn created(answered: Answered) -> Answer<Response> {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (StatusCode::CREATED, headers, answered.text).into_response();
    if answered.again {
        response.headers_mut().insert(REPLAYED, axum::http::HeaderValue::from_static("true"));
    }
    Ok(response)
}
