//! Somebody signed in at a server over HTTP, with a password. Knows the public interface only.

use crate::http::{Answer, Http};
use crate::out::{Done, Failure};
use serde_json::{Value, json};
use std::fs::File;

/// See the module text.
pub(crate) struct Session {
    http: Http,
    base: String,
    cookie: String,
}

impl Session {
    /// Signs in; a request may take so many seconds.
    pub(crate) fn sign_in(base: &str, login: &str, password: &str, seconds: u64) -> Done<Self> {
        let base = base.trim_end_matches('/').to_owned();
        let mut session = Self { http: Http::new(seconds), base, cookie: String::new() };
        let who = json!({"login": login, "password": password});
        let answer = session.send("POST", "/v1/sessions", Some(&who))?;
        let cookie = answer.header("set-cookie").and_then(|c| c.split(';').next());
        let Some(cookie) = cookie else {
            return Err(Failure::new("登录后没有拿到会话", "signing in brought no session cookie"));
        };
        cookie.clone_into(&mut session.cookie);
        Ok(session)
    }

    /// Sends a request; an answer that is not 2xx is a failure in the server's words.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Done<Answer> {
        let kind = body.map(|_| "application/json");
        let bytes = body.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        let url = format!("{}{path}", self.base);
        self.judged((method, path), self.http.send(method, &url, &self.headers(kind), bytes))
    }

    /// Sends a file as it is.
    pub(crate) fn send_file(&self, method: &str, path: &str, file: File) -> Done<Answer> {
        let headers = self.headers(Some("application/octet-stream"));
        let url = format!("{}{path}", self.base);
        self.judged((method, path), self.http.send_file(method, &url, &headers, file))
    }

    fn headers(&self, content_type: Option<&str>) -> Vec<(String, String)> {
        let mut headers = vec![("origin".to_owned(), self.base.clone())];
        if !self.cookie.is_empty() {
            headers.push(("cookie".to_owned(), self.cookie.clone()));
        }
        headers.extend(content_type.map(|kind| ("content-type".to_owned(), kind.to_owned())));
        headers
    }

    fn judged(&self, (method, path): (&str, &str), sent: Result<Answer, ureq::Error>) -> Done<Answer> {
        let base = &self.base;
        let answer = sent.map_err(|error| {
            Failure::new(format!("连不上 {base}：{error}"), format!("{base} cannot be reached: {error}"))
        })?;
        if answer.is_success() {
            return Ok(answer);
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let word = |name: &str| body[name].as_str().unwrap_or_default();
        let (status, code, detail) = (answer.status, word("code"), word("detail"));
        Err(Failure::new(
            format!("服务器没有接受 {method} {path}（{status} {code}）：{} {detail}", word("title")),
            format!("the server refused {method} {path} ({status} {code}): {} {detail}", word("title_en")),
        ))
    }
}
