//! The one place where problems meet HTTP statuses (RFC 9457).

use crate::blob::Away;
use crate::service::ServiceError;
use axum::response::{IntoResponse, Response};
use blindspot_core::error::{self as problem, Problem, ProblemText};
use blindspot_store::StoreError;
use std::io::ErrorKind;

/// The least that a phone waits before it sends a photo again to a storage that was away, seconds.
const PHOTOS_AGAIN_S: u32 = 2;

/// A refusal on its way out. The body is written by the outermost layer, which knows the request id.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The problem document; boxed, since results that hold one are everywhere.
    pub problem: Box<Problem>,
    /// Seconds to wait.
    pub retry_after: Option<u32>,
}

impl Fault {
    /// A refusal with this text.
    #[must_use]
    pub fn of(text: &'static ProblemText, detail: Option<String>) -> Self {
        Self {
            problem: Box::new(text.to_problem(status_of(text.code), detail)),
            retry_after: retry_of(text.code),
        }
    }
}

/// The status of a problem code; the only table of this.
#[must_use]
pub fn status_of(code: &str) -> u16 {
    match code {
        "sign_in" | "wrong_password" | "token_expired" | "token_invalid" | "enrol_again" | "bad_proof" => 401,
        "no_rights"
        | "device_revoked"
        | "hand_in_over"
        | "hand_in_quota"
        | "https_required"
        | "password_change_required" => 403,
        "not_found" => 404,
        "method_not_allowed" => 405,
        "conflict" | "sheet_base" | "offset_conflict" | "setup_done" | "setup_link_old" => 409,
        "upload_gone" => 410,
        "tus_version" | "changed_meanwhile" => 412,
        "body_too_large" | "sheet_too_large" | "too_many_ops" | "too_many_forms" | "upload_too_large" => 413,
        "unsupported_media_type" => 415,
        "key_reused" => 422,
        "upgrade_required" => 426,
        "locked_out" | "too_many_requests" | "upload_quota" => 429,
        "digest_mismatch" | "checksum_mismatch" => 460,
        "internal" => 500,
        "busy" | "photos_away" => 503,
        "erased" => 451,
        "no_space" => 507,
        _ => 400,
    }
}

/// Seconds after which a refusal of this kind may be worth another try.
pub(crate) fn retry_of(code: &str) -> Option<u32> {
    match code {
        "busy" => Some(2),
        "photos_away" => Some(10),
        "no_space" => Some(300),
        _ => None,
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(text, detail) => Fault::of(text, detail),
            ServiceError::Later(text, seconds) => {
                Self { retry_after: Some(seconds), ..Fault::of(text, None) }
            }
            ServiceError::Store(StoreError::Busy) => Fault::of(&problem::BUSY, None),
            // The moment, not the request: a database that is being taken over by another of its machines, most of all.
            ServiceError::Store(ref e @ StoreError::Io(_)) => {
                tracing::error!(error = %e, "a request failed");
                Fault::of(&problem::BUSY, None)
            }
            ServiceError::Store(StoreError::Full | StoreError::ReadOnly) => {
                Fault::of(&problem::NO_SPACE, None)
            }
            ServiceError::Blob(e)
                if matches!(
                    e.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Fault::of(&problem::NO_SPACE, None)
            }
            ServiceError::Blob(ref e) if let Some(away) = Away::of(e) => {
                crate::telemetry::BLOB_ERRORS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                // Once in the log is enough, and whoever left the storage alone has said so.
                tracing::debug!(why = %away.why, "photos are away");
                let again_s = away.again_s.max(PHOTOS_AGAIN_S);
                Self { retry_after: Some(again_s), ..Fault::of(&problem::PHOTOS_AWAY, None) }
            }
            other => {
                if matches!(other, ServiceError::Blob(_)) {
                    crate::telemetry::BLOB_ERRORS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                // The cause goes to the log, not to the caller: it may name files or data.
                tracing::error!(error = %other, "a request failed");
                Fault::of(&problem::INTERNAL, None)
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = axum::http::StatusCode::from_u16(self.problem.status)
            .unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if status == axum::http::StatusCode::UNAUTHORIZED {
            let value = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What handlers answer.
pub type Answer<T = Response> = Result<T, Fault>;

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_core::sync::reply::{ReplyClass, classify};

    #[test]
    fn a_database_that_is_away_is_busy_and_a_damaged_one_is_not() {
        let code = |error| {
            let fault = Fault::from(ServiceError::Store(error));
            (fault.problem.code.clone(), fault.retry_after)
        };
        assert_eq!(code(StoreError::Io("no primary".into())), ("busy".into(), Some(2)));
        assert_eq!(code(StoreError::Corrupt("a page".into())), ("internal".into(), None));
    }

    #[test]
    fn every_problem_has_a_refusing_status_that_phones_read_as_meant() {
        for text in problem::ALL {
            let status = status_of(text.code);
            assert!((400..600).contains(&status), "{}", text.code);
            assert_ne!(classify(status, true, Some(text.code)), ReplyClass::Ok);
        }
        let read = |code| classify(status_of(code), true, Some(code));
        assert_eq!(read("token_expired"), ReplyClass::Unauthorised);
        assert_eq!(read("enrol_again"), ReplyClass::EnrolAgain);
        assert_eq!(read("device_revoked"), ReplyClass::EnrolAgain);
        assert_eq!(read("too_many_ops"), ReplyClass::TooLarge);
        assert_eq!(read("digest_mismatch"), ReplyClass::DigestMismatch);
        assert_eq!(read("upload_gone"), ReplyClass::Gone);
        assert_eq!(read("no_space"), ReplyClass::NoSpace);
        assert_eq!(read("busy"), ReplyClass::Busy);
        assert_eq!(read("photos_away"), ReplyClass::Busy);
        assert_eq!(read("too_many_requests"), ReplyClass::Busy);
        assert_eq!(read("upload_quota"), ReplyClass::Busy);
        assert_eq!(read("bad_cursor"), ReplyClass::Refused);
    }
}
