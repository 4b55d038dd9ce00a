//! `blindspot import findings --server`: the same list, handed to a server that runs, by somebody who signs in there.

use crate::http::{Answer, Http};
use crate::out::{Done, Failure, Tried as _};
use blindspot_server::service::sheets::findings_in::FindingsReport;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;

/// Longest a list with its photos may take, seconds.
const SECONDS: u64 = 1_800;

/// Who hands it to which server.
pub(crate) struct Online<'a> {
    /// The address of the server.
    pub(crate) base: &'a str,
    /// The login.
    pub(crate) login: &'a str,
    /// The password.
    pub(crate) password: &'a str,
}

/// Hands a list in, with the words of the request; signs out again whatever comes of it.
pub(crate) fn findings(to: &Online<'_>, file: File, query: &[(&str, String)]) -> Done<FindingsReport> {
    let base = to.base.trim_end_matches('/');
    let http = Http::new(SECONDS);
    let cookie = sign_in(&http, base, to)?;
    let headers = |kind: &str| {
        [("cookie", cookie.as_str()), ("origin", base), ("content-type", kind)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let words: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    let url = format!("{base}/v1/imports/findings?{}", words.join("&"));
    let taken = http.send_file("POST", &url, &headers("application/octet-stream"), file);
    let out = http.send("DELETE", &format!("{base}/v1/sessions"), &headers("application/json"), vec![]);
    if let Err(error) = out {
        eprintln!("注意 note: 没有退出登录 not signed out: {error}");
    }
    let answer = taken.map_err(|e| unreachable(base, &e))?;
    let body = told(&answer)?;
    serde_json::from_value(body).tried("服务器的回答读不懂", "the server's answer cannot be understood")
}

fn sign_in(http: &Http, base: &str, to: &Online<'_>) -> Done<String> {
    let headers = [("content-type", "application/json"), ("origin", base)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = json!({"login": to.login, "password": to.password}).to_string().into_bytes();
    let answer = http
        .send("POST", &format!("{base}/v1/sessions"), &headers, body)
        .map_err(|e| unreachable(base, &e))?;
    told(&answer)?;
    let cookie = answer.header("set-cookie").and_then(|c| c.split(';').next()).map(str::to_owned);
    cookie.ok_or_else(|| Failure::new("服务器没有给出登录", "the server gave no session"))
}

/// The body of an answer, or the refusal in the server's words.
fn told(answer: &Answer) -> Done<Value> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.is_success() {
        return Ok(body);
    }
    let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let code = word("code");
    let (status, detail) = (answer.status, word("detail"));
    Err(Failure::new(
        format!("服务器没有接受（{status} {code}）：{} {detail}", word("title")),
        format!("the server refused ({status} {code}): {} {detail}", word("title_en")),
    ))
}

fn unreachable(base: &str, error: &ureq::Error) -> Failure {
    Failure::new(format!("连不上 {base}：{error}"), format!("{base} cannot be reached: {error}"))
}

/// The password, the first line of a file; a password does not belong on a command line.
pub(crate) fn password_of(file: &Path) -> Done<String> {
    let text = std::fs::read_to_string(file).tried("读不到密码文件", "cannot read the password file")?;
    let line = text.lines().next().unwrap_or("").to_owned();
    if line.is_empty() {
        return Err(Failure::new("密码文件是空的", "the password file is empty"));
    }
    Ok(line)
}
