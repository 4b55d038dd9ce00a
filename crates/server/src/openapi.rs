//! The server's description of itself: OpenAPI 3.1 from the annotations of the handlers, with what no handler has
//! to repeat: who may call (`policy`), the problems of the shell, headers of every answer. Opens nothing.

use crate::error::{retry_of, status_of};
use crate::policy;
use crate::router;
use blindspot_core::case::{Case, CommentRow, ConflictRow, ErasureRow, PersonRow, PhotoRow};
use blindspot_core::error::{self as problem, Problem, ProblemText};
use blindspot_core::verdict::VerdictRow;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::OpenApi as _;

const ABOUT: &str = "\
净格 Blindspot：卫生死角巡查的离线优先后端。Offline-first backend for field inspection.

Phones push ops and pull rows (`/v1/sync/*`), photo bytes travel by tus 1.0 (`/v1/photos`); desks read lists and act by \
ops. Times are milliseconds since 1970 in server time. Fields that a client does not know are to be ignored, words of \
`x-extensible-enum` that it does not know are to be kept and shown.

Only an answer with the header `Blindspot-Protocol: 1` is this server's: anything else on the way (a captive portal, a \
proxy) counts as a broken network. Every refusal is an RFC 9457 document of one of the codes in `x-problems`; \
`/docs/problems` says what an app does about each. `x-role` is what a caller must be.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "净格 Blindspot", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    tags(
        (name = "account", description = "绑定与登录 · enrolment, tokens, sessions"),
        (name = "sync", description = "同步 · push, pull, hints"),
        (name = "photos", description = "照片 · tus 1.0 uploads, downloads"),
        (name = "cases", description = "案件 · lists, detail, desk actions"),
        (name = "work", description = "处置链接 · what whoever does the work sees, without an account"),
        (name = "duty", description = "责任与时限 · owner matrix, ledger, pauses"),
        (name = "checks", description = "核查 · roster, draws, samples"),
        (name = "places", description = "点位与新鲜度 · freshness, sites, clusters, linked places"),
        (name = "hotline", description = "热线 · tickets, callers, replies"),
        (name = "sheets", description = "清单进出 · lists out and in: XLSX, CSV, GeoJSON"),
        (name = "letters", description = "文书 · letters to units, shops and persons"),
        (name = "reference", description = "基础数据 · divisions, grids, catalogue"),
        (name = "people", description = "人员与权限 · people, grants, enrolment codes"),
        (name = "devices", description = "手机 · phones"),
        (name = "quarantine", description = "待人工处理 · what the server could not decide"),
        (name = "orphans", description = "归属待定 · whose work nobody can tell"),
        (name = "notices", description = "通知 · where notices go, what was sent"),
        (name = "audit", description = "审计 · the audit log"),
        (name = "server", description = "服务器 · health, set-up, documentation"),
    ),
    components(schemas(Problem, Case, PhotoRow, CommentRow, ConflictRow, ErasureRow, PersonRow, VerdictRow))
)]
pub(crate) struct Base;

/// What the router's annotations begin with.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    let mut base = Base::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut base.info.version);
    base
}

/// One route as it is described.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RouteLine {
    /// The method, in capitals.
    pub method: String,
    /// The path.
    pub path: String,
    /// What a caller must be; empty when the policy table has no row.
    pub role: &'static str,
    /// Codes of problems it may answer.
    pub problems: Vec<String>,
}

/// The whole description, complete with what handlers do not repeat.
///
/// # Panics
/// Never: utoipa's own types are JSON.
#[must_use]
pub fn document() -> Value {
    let annotated = router::annotated().into_openapi();
    let mut document = serde_json::to_value(&annotated).expect("an OpenAPI document is JSON");
    each_operation(&mut document, complete);
    document["components"]["securitySchemes"] = json!({
        "device_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "Access token of a phone, 15 minutes; from enrolment or refresh."},
        "session": {"type": "apiKey", "in": "cookie", "name": crate::http::caller::COOKIE,
            "description": "Session of a desk, from POST /v1/sessions. Requests that change something must come from our own pages (Origin, Sec-Fetch-Site)."},
    });
    document
}

/// Every route, in order of path and method.
#[must_use]
pub fn routes() -> Vec<RouteLine> {
    let mut lines = vec![];
    let mut document = document();
    each_operation(&mut document, |method, path, operation| {
        let problems = codes(operation).into_iter().collect();
        let role = policy::needs(method, path).map_or("", policy::Needs::as_str);
        lines.push(RouteLine { method: method.to_owned(), path: path.to_owned(), role, problems });
    });
    lines
}

fn each_operation(document: &mut Value, mut work: impl FnMut(&str, &str, &mut Map<String, Value>)) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        let Some(item) = item.as_object_mut() else { continue };
        for (method, operation) in item {
            if let Some(operation) = operation.as_object_mut() {
                work(&method.to_ascii_uppercase(), path, operation);
            }
        }
    }
}

fn codes(operation: &Map<String, Value>) -> BTreeSet<String> {
    let list = operation.get("x-problems").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|c| c.as_str().map(str::to_owned)).collect()
}

fn complete(method: &str, path: &str, operation: &mut Map<String, Value>) {
    let needs = policy::needs(method, path);
    let mut all = codes(operation);
    if path.starts_with("/v1/") {
        all.insert(problem::HTTPS_REQUIRED.code.to_owned());
    }
    all.extend(of_the_shell(needs, operation).iter().map(|p| p.code.to_owned()));
    // Handlers of different files may share a name; generated clients need one for each.
    let id = [&operation["tags"][0], &operation["operationId"]]
        .map(|v| v.as_str().unwrap_or("").to_owned())
        .join("_");
    operation.insert("operationId".into(), id.into());
    operation.insert("x-role".into(), needs.map_or("", policy::Needs::as_str).into());
    operation.insert("x-problems".into(), all.iter().cloned().collect());
    let open = matches!(needs, Some(policy::Needs::Anonymous));
    let security = if open { json!([]) } else { json!([{"device_token": []}, {"session": []}]) };
    operation.insert("security".into(), security);
    let mut by_status: BTreeMap<u16, Vec<&ProblemText>> = BTreeMap::new();
    for text in problem::ALL.iter().filter(|p| all.contains(p.code)) {
        by_status.entry(status_of(text.code)).or_default().push(text);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    // Whoever opens a page is refused by a page, too.
    let pages = path.starts_with("/w/") && !responses["200"]["content"]["text/html; charset=utf-8"].is_null();
    for (status, texts) in by_status {
        let mut refused = refusal(status, &texts, method == "HEAD");
        if pages {
            refused["content"]["text/html; charset=utf-8"]["schema"]["type"] = "string".into();
        }
        responses.insert(status.to_string(), refused);
    }
    let tagged = !responses.get("200").is_none_or(|r| r["headers"]["ETag"].is_null());
    if tagged && !responses.contains_key("304") {
        responses.insert("304".into(), json!({"description": "The copy that is held is right."}));
    }
    for response in responses.values_mut() {
        response["headers"]["Blindspot-Protocol"] =
            json!({"description": "1: the answer is this server's own.", "schema": {"type": "string"}});
        response["headers"]["X-Request-Id"] =
            json!({"description": "Names this answer in the server's log.", "schema": {"type": "string"}});
    }
    may_be_held(operation);
}

/// A condition on reading, where an answer has a tag.
fn may_be_held(operation: &mut Map<String, Value>) {
    if operation["responses"]["304"].is_null() {
        return;
    }
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(list) = parameters.as_array_mut() else { return };
    if list.iter().all(|p| p["name"] != "If-None-Match") {
        list.push(json!({"name": "If-None-Match", "in": "header", "required": false,
            "description": "ETag of the copy that is held.", "schema": {"type": "string"}}));
    }
}

/// What the layers around a handler may answer in its place.
fn of_the_shell(needs: Option<policy::Needs>, operation: &Map<String, Value>) -> Vec<ProblemText> {
    let mut out = vec![problem::INTERNAL];
    if needs != Some(policy::Needs::Anonymous) {
        out.extend([problem::SIGN_IN, problem::TOKEN_EXPIRED, problem::TOKEN_INVALID, problem::ENROL_AGAIN]);
        out.extend([problem::DEVICE_REVOKED, problem::NO_RIGHTS, problem::BUSY, problem::NO_SPACE]);
        out.extend([problem::TOO_MANY_REQUESTS, problem::PASSWORD_CHANGE_REQUIRED]);
    }
    let body = operation.get("requestBody");
    if body.is_some_and(|b| !b["content"]["application/json"].is_null()) {
        out.extend([problem::BAD_JSON, problem::BAD_REQUEST, problem::BAD_ENCODING]);
        out.extend([problem::BODY_TOO_LARGE, problem::UNSUPPORTED_MEDIA_TYPE, problem::BUSY]);
    }
    let parameters = operation.get("parameters").and_then(Value::as_array);
    for parameter in parameters.into_iter().flatten() {
        match parameter["in"].as_str() {
            Some("query") => out.push(problem::BAD_REQUEST),
            Some("path") => out.push(problem::NOT_FOUND),
            _ => {}
        }
    }
    out
}

/// Problems that say themselves how long to wait.
const LATER: &[&str] =
    &[problem::LOCKED_OUT.code, problem::TOO_MANY_REQUESTS.code, problem::UPLOAD_QUOTA.code];

fn refusal(status: u16, texts: &[&ProblemText], headers_only: bool) -> Value {
    let lines: Vec<String> = texts.iter().map(|t| format!("`{}`: {}。{}.", t.code, t.zh, t.en)).collect();
    let mut out = json!({"description": lines.join("\n\n")});
    if !headers_only {
        out["content"]["application/problem+json"]["schema"]["$ref"] = "#/components/schemas/Problem".into();
    }
    if texts.iter().any(|t| retry_of(t.code).is_some() || LATER.contains(&t.code)) {
        out["headers"]["Retry-After"] = json!({"description": "Seconds to wait before another try.", "schema": {"type": "integer", "minimum": 0}});
    }
    if status == status_of(problem::SIGN_IN.code) {
        out["headers"]["WWW-Authenticate"] =
            json!({"description": "The scheme that proves a caller.", "schema": {"type": "string"}});
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_row_of_the_policy_table_and_every_row_a_route() {
        let described: BTreeSet<(String, String)> =
            routes().into_iter().map(|r| (r.method, r.path)).collect();
        let ruled: BTreeSet<(String, String)> =
            policy::RULES.iter().map(|r| (r.method.to_owned(), r.path.to_owned())).collect();
        assert_eq!(described, ruled);
        assert_eq!(ruled.len(), policy::RULES.len(), "a route has two rows");
    }

    #[test]
    fn every_code_named_is_a_problem_and_every_operation_says_what_it_does() {
        let known: BTreeSet<&str> = problem::ALL.iter().map(|p| p.code).collect();
        let mut document = document();
        let mut ids = BTreeSet::new();
        each_operation(&mut document, |method, path, operation| {
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
            for code in codes(operation) {
                assert!(known.contains(code.as_str()), "{method} {path}: {code}");
            }
            assert!(operation["summary"].as_str().is_some_and(|s| s.len() > 5), "{method} {path}");
            assert!(operation["tags"].as_array().is_some_and(|t| t.len() == 1), "{method} {path}");
        });
        assert_eq!(document["openapi"], "3.1.0");
    }
}
