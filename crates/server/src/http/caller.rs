//! Who calls, and what stands in path and query. Decides nothing: asks the gate.

use crate::auth::gate::Admitted;
use crate::error::Fault;
use crate::http::outer::Who;
use crate::http::standing::Standing;
use crate::http::{now_ms, reading};
use crate::policy;
use crate::service::limits::{self, Class, Key};
use crate::service::{Credential, ServiceError, people};
use crate::state::App;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, MatchedPath, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use blindspot_core::error::{
    BAD_REQUEST, DEVICE_REVOKED, NO_RIGHTS, NOT_FOUND, PASSWORD_CHANGE_REQUIRED, SIGN_IN,
};
use serde::de::DeserializeOwned;
use std::str::FromStr;
use std::sync::Arc;

/// The cookie of desk sessions.
pub const COOKIE: &str = "blindspot_session";

/// The long-lived cookie by which a browser is known again.
pub const BROWSER_COOKIE: &str = "blindspot_browser";

/// A proved caller: by bearer token, else by session cookie; and one that `policy` lets in here.
#[derive(Clone, Copy)]
pub struct Caller(pub Credential);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let needs = policy::needs(parts.method.as_str(), path);
        // Before the gate is asked: what changes from now on is noticed.
        let changes = app.standing.subscribe();
        let version = *changes.borrow();
        let shown = Shown::by(parts)?;
        let any_role = needs.is_some_and(|n| n.roles().is_none());
        let admitted = match shown.recently(app, version).filter(|_| any_role) {
            Some(admitted) => admitted,
            None => {
                let open = Open {
                    any_password: WITH_ONE_TIME_PASSWORD.contains(&parts.uri.path()),
                    hand_in: HAND_IN.contains(&(parts.method.as_str(), path)),
                };
                let admit = move |app: &App| held(app, shown.admit(app, version)?, needs, open);
                reading(app, admit).await?
            }
        };
        if admitted.credential.desk && !matches!(parts.method, Method::GET | Method::HEAD) {
            app.gate.pause_memory(now_ms());
        }
        let Admitted { credential, proof, .. } = admitted;
        let keys = [Key::device(credential.device), Key::account(credential.person)];
        let class = class_of(&parts.method, parts.uri.path());
        if let Err(wait_ms) = app.buckets.take(class, &keys, now_ms()) {
            return Err(limits::too_many(app.house(), wait_ms).into());
        }
        if let Some(who) = parts.extensions.get::<Who>() {
            who.is(credential);
        }
        parts.extensions.insert(Standing::new(proof, changes));
        Ok(Caller(credential))
    }
}

/// What a caller shows at the door.
enum Shown {
    /// A phone's access token.
    Token(String),
    /// A desk's session cookie.
    Cookie(String),
}

impl Shown {
    fn by(parts: &Parts) -> Result<Self, Fault> {
        if let Some(token) = bearer(&parts.headers) {
            return Ok(Shown::Token(token.to_owned()));
        }
        let cookie = session_cookie(&parts.headers).ok_or_else(|| Fault::of(&SIGN_IN, None))?;
        if !matches!(parts.method, Method::GET | Method::HEAD) && !same_origin(&parts.headers) {
            return Err(Fault::of(&NO_RIGHTS, Some("a request from another site".into())));
        }
        Ok(Shown::Cookie(cookie))
    }

    /// Whom a token let in a moment ago; sessions are looked up each time.
    fn recently(&self, app: &App, version: i64) -> Option<Admitted> {
        match self {
            Shown::Token(token) => app.gate.recently(token, version, now_ms()),
            Shown::Cookie(_) => None,
        }
    }

    fn admit(&self, app: &App, version: i64) -> Result<Admitted, ServiceError> {
        match self {
            Shown::Token(token) => {
                let now_ms = now_ms();
                let admitted = app.gate.admit_bearer(app.house(), token, now_ms)?;
                if !admitted.hands_in() {
                    app.gate.remember(token, admitted, version, now_ms);
                }
                Ok(admitted)
            }
            Shown::Cookie(cookie) => app.gate.admit_session(app.house(), cookie, now_ms()),
        }
    }
}

/// What somebody may do who signed in with a one-time password: set an own one, see who it is, leave.
const WITH_ONE_TIME_PASSWORD: &[&str] = &["/v1/me/password", "/v1/me", "/v1/sessions"];

/// What a revoked device may do with its token: hand in.
const HAND_IN: &[(&str, &str)] = &[
    ("POST", "/v1/sync/push"),
    ("POST", "/v1/photos"),
    ("POST", "/v1/photos/lacking"),
    ("HEAD", "/v1/photos/{id}"),
    ("PATCH", "/v1/photos/{id}"),
    ("DELETE", "/v1/photos/{id}"),
];

/// What a route lets in beside those who may do everything.
#[derive(Clone, Copy)]
struct Open {
    /// Who still has a one-time password.
    any_password: bool,
    /// A revoked device.
    hand_in: bool,
}

/// Which rate a request falls under.
fn class_of(method: &Method, path: &str) -> Class {
    match path {
        "/v1/sync/push" => Class::Push,
        "/v1/sync/pull" | "/v1/events" => Class::Pull,
        "/v1/sync/hand-in" => Class::Upload,
        _ if path.starts_with("/v1/photos") && *method != Method::GET => Class::Upload,
        _ => Class::Read,
    }
}

/// Holds a proved caller to the policy table; a route without a row lets nobody in.
fn held(
    app: &App,
    who: Admitted,
    needs: Option<policy::Needs>,
    open: Open,
) -> Result<Admitted, ServiceError> {
    if who.hands_in() && !open.hand_in {
        return Err(ServiceError::refused(&DEVICE_REVOKED));
    }
    if who.must_change && !open.any_password {
        return Err(ServiceError::refused(&PASSWORD_CHANGE_REQUIRED));
    }
    let needs = needs.ok_or_else(|| ServiceError::refused(&NO_RIGHTS))?;
    if let Some(roles) = needs.roles() {
        people::require(app.house(), who.credential, roles, now_ms())?;
    }
    Ok(who)
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session cookie's value.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<String> {
    cookie(headers, COOKIE)
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = all.flat_map(|v| v.split(';')).filter_map(|p| p.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
}

/// Whether a browser says that the request comes from a page of ours. SameSite=Strict keeps the cookie
/// home already; this is the second lock. A caller that sends neither header is no browser.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    match (text("origin"), text("host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, o)| o == host),
        (Some(_), None) => false,
    }
}

/// One id in the path; whatever is no id is not there.
pub struct Id<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<Arc<App>> for Id<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let found: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, app).await;
        let text = found.map_err(|_| Fault::of(&NOT_FOUND, None))?.0;
        text.parse().map(Id).map_err(|_| Fault::of(&NOT_FOUND, None))
    }
}

/// Two words in the path.
pub struct Two(pub String, pub String);

impl FromRequestParts<Arc<App>> for Two {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let found: Result<Path<(String, String)>, PathRejection> = Path::from_request_parts(parts, app).await;
        let (one, two) = found.map_err(|_| Fault::of(&NOT_FOUND, None))?.0;
        Ok(Two(one, two))
    }
}

/// The query, read as `T`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        match Query::<T>::from_request_parts(parts, app).await {
            Ok(Query(value)) => Ok(Params(value)),
            Err(error) => Err(Fault::of(&BAD_REQUEST, Some(error.body_text()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().expect("a name"), v.parse().expect("a value"))).collect()
    }

    #[test]
    fn another_site_is_recognised_by_either_header() {
        let host = ("host", "desk.example:8080");
        assert!(same_origin(&headers(&[host])));
        assert!(same_origin(&headers(&[host, ("origin", "http://desk.example:8080")])));
        assert!(!same_origin(&headers(&[host, ("origin", "http://desk.example")])));
        assert!(!same_origin(&headers(&[host, ("origin", "null")])));
        assert!(!same_origin(&headers(&[host, ("sec-fetch-site", "cross-site")])));
        assert!(!same_origin(&headers(&[host, ("sec-fetch-site", "same-site")])));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let found = session_cookie(&headers(&[("cookie", "a=b; blindspot_session=xyz; c=d")]));
        assert_eq!(found.as_deref(), Some("xyz"));
        assert_eq!(session_cookie(&headers(&[("cookie", "blindspot_session2=x")])), None);
    }
}
