//! Entity tags: naming an answer by its bytes, and the conditions that requests set by such names (RFC 9110, 13.1).

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::Response;
use blindspot_core::id::Sha256;

/// The tag of an answer's bytes; weak, since they travel packed in several ways.
pub(crate) fn of(bytes: &[u8]) -> String {
    format!("W/\"{}\"", &Sha256::of(bytes).to_hex()[..32])
}

/// Whether a condition names this tag; `*` names every one.
pub(crate) fn names(condition: &str, tag: &str) -> bool {
    let bare = |t: &str| t.trim().trim_start_matches("W/").to_owned();
    condition.split(',').any(|t| t.trim() == "*" || bare(t) == bare(tag))
}

/// The condition that a request sets, if it does.
pub(crate) fn condition(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// What is held by the sender of a request that only reads.
pub(crate) fn held(method: &Method, headers: &HeaderMap) -> Option<String> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    condition(headers, &header::IF_NONE_MATCH).filter(|_| reads)
}

/// Leaves out what the sender holds already.
pub(crate) fn leave_out(response: &mut Response, held: Option<&str>) {
    let tag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok());
    let (Some(held), Some(tag)) = (held, tag) else { return };
    if response.status() == StatusCode::OK && names(held, tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
        for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            response.headers_mut().remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_weak_or_strong_alone_or_among_others() {
        let tag = of(b"x");
        assert!(names(&tag, &tag) && names(tag.trim_start_matches("W/"), &tag));
        assert!(names(&format!("\"other\", {tag}"), &tag) && names("*", &tag));
        assert!(!names(&of(b"y"), &tag) && !names("", &tag));
    }
}
