//! A small blocking HTTP client: every status is an answer, no redirects, no proxy from the environment.

use std::time::Duration;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

/// Longest reply that is read, bytes: a page of a pull with its rows.
const REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Header names in lower case, with their values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the status is 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// See the module text.
pub(crate) struct Http {
    agent: Agent,
}

impl Http {
    /// A client that gives a request so many seconds in all.
    pub(crate) fn new(seconds: u64) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(Duration::from_secs(seconds)))
            .user_agent(concat!("blindspot/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent }
    }

    /// Sends and reads the whole answer.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let response = match method {
            "GET" | "HEAD" | "DELETE" | "OPTIONS" => self.agent.run(request.body(())?)?,
            _ => self.agent.run(request.body(body)?)?,
        };
        read(response)
    }
}

impl Http {
    /// Sends a file as the body, as it is read.
    pub(crate) fn send_file(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        file: std::fs::File,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name.as_str(), value.as_str());
        }
        read(self.agent.run(request.body(file)?)?)
    }
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(REPLY_BYTES_MAX).read_to_vec()?;
    Ok(Answer { status, headers, body })
}
