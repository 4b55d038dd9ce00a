//! Where HTTP may be spoken: status codes in few places, handlers that only call use-cases.

use super::Finding;
use super::paths::paths;
use super::source::{Kind, Source, Tok};

const MAY_NAME_STATUS: &[&str] = &[
    "crates/server/src/http/",
    "crates/server/src/http.rs",
    "crates/server/src/auth/",
    "crates/server/src/auth.rs",
    "crates/server/src/error.rs",
    "crates/core/src/sync/reply.rs",
];
/// Crates that speak no HTTP of ours, or only to test it.
const UNJUDGED: &[&str] = &["testkit", "xtask", "sample", "tests"];

const STATUSES: &[&str] = &[
    "200", "201", "202", "204", "206", "301", "302", "303", "304", "307", "308", "400", "401", "403", "404",
    "405", "406", "408", "409", "410", "411", "412", "413", "415", "416", "422", "423", "426", "428", "429",
    "431", "460", "500", "501", "502", "503", "504", "507",
];

/// Core modules that decide; a handler calls a use-case instead.
const DECIDES: &[&str] = &["apply", "access", "merge", "case", "division", "deadline", "projection"];

/// Status codes outside the few files that may name them.
pub(crate) fn status_codes(source: &Source) -> Vec<Finding> {
    let path = source.path.as_str();
    let judged = path.starts_with("crates/") && !UNJUDGED.contains(&source.crate_folder());
    if !judged || MAY_NAME_STATUS.iter().any(|p| path.starts_with(p)) {
        return Vec::new();
    }
    let toks: Vec<&Tok> = source.production().collect();
    let mut found = Vec::new();
    for (at, tok) in toks.iter().enumerate() {
        let constant =
            tok.text == "StatusCode" && toks.get(at + 1).is_some_and(|t| t.kind == Kind::Punct(':'));
        if constant || is_status_number(&toks, at) {
            let why = "a status code; return an error value and let server/src/error.rs or core/src/sync/reply.rs map it";
            found.push(Finding::new(path, tok.line, "status", why));
        }
    }
    found
}

/// A known number with the word `status` few tokens before it on the same line.
fn is_status_number(toks: &[&Tok], at: usize) -> bool {
    let tok = toks[at];
    if tok.kind != Kind::Literal || !STATUSES.contains(&tok.text.trim_end_matches("u16")) {
        return false;
    }
    toks[at.saturating_sub(10)..at]
        .iter()
        .any(|t| t.line == tok.line && t.kind == Kind::Ident && t.text.to_lowercase().contains("status"))
}

/// A handler imports only use-cases and wire types.
pub(crate) fn handlers(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("crates/server/src/http/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in paths(&source.toks).iter().filter(|p| !p.test) {
        let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
        let decides = matches!(parts.as_slice(), ["blindspot_core", module, ..] if DECIDES.contains(module));
        let stores = matches!(parts.first(), Some(&("blindspot_store" | "rusqlite")));
        let blobs = matches!(parts.as_slice(), ["crate", "blob", ..]);
        if decides || stores || blobs {
            let why = format!("`{}` in a handler; call a function of server/src/service", parts.join("::"));
            found.push(Finding::new(&source.path, path.line, "handler", why));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Source::parse(path, text).expect("sound source")).len()
    }

    #[test]
    fn status_codes_have_few_homes() {
        let snippets = [
            "fn f() { g(StatusCode::NOT_FOUND) }",
            "fn f() { if status == 409 {} }",
            "fn f() { r.status().as_u16() != 507 }",
        ];
        for text in snippets {
            assert_eq!(count(status_codes, "crates/server/src/service/push.rs", text), 1, "{text}");
            assert_eq!(count(status_codes, "crates/cli/src/phone.rs", text), 1, "{text}");
            assert_eq!(count(status_codes, "crates/server/src/http/push.rs", text), 0, "{text}");
            assert_eq!(count(status_codes, "crates/server/src/error.rs", text), 0, "{text}");
            assert_eq!(count(status_codes, "crates/core/src/sync/reply.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn plain_numbers_and_tests_are_left_alone() {
        assert_eq!(count(status_codes, "crates/core/src/limits.rs", "const OPS_MAX: usize = 500;"), 0);
        assert_eq!(
            count(status_codes, "crates/core/src/x.rs", "#[cfg(test)] mod t { fn f() { status(404) } }"),
            0
        );
    }

    #[test]
    fn handlers_call_use_cases_only() {
        let path = "crates/server/src/http/cases.rs";
        for bad in
            ["use blindspot_store::Store;", "use blindspot_core::apply::apply;", "use crate::blob::Blobs;"]
        {
            assert_eq!(count(handlers, path, bad), 1, "{bad}");
        }
        assert_eq!(
            count(handlers, path, "use crate::service::cases; use blindspot_core::wire::v1::PushRequest;"),
            0
        );
        assert_eq!(count(handlers, "crates/server/src/service/cases.rs", "use blindspot_store::Store;"), 0);
    }
}
