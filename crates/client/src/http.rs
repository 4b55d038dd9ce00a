//! Requests for the host to send, and answers it got. Knows no HTTP library and opens nothing.

use blindspot_core::error::Problem;
use blindspot_core::limits::{PROTOCOL, PROTOCOL_HEADER};
use blindspot_core::sync::{Lane, ReplyClass, classify};
use serde::de::DeserializeOwned;

/// A request for the host's HTTP stack.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Names it in `handle_response` and `handle_failure`; 0 for enrolment, which is handled apart.
    pub id: u64,
    /// The channel it belongs to.
    pub lane: Lane,
    /// `GET`, `POST`, `HEAD`, `PATCH`.
    pub method: &'static str,
    /// Absolute path, to be put behind the server's base address.
    pub path: String,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// A file whose bytes are the body instead, as [`crate::PhotoFiles::locate`] names it: to be streamed, it may be
    /// larger than the phone's memory.
    pub file: Option<String>,
    /// The longest time a good server may take to begin its answer, seconds.
    pub timeout_s: u32,
}

/// Without headers and body: tokens and photos have no place in a log.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpRequest({} {} {}, {} bytes)", self.id, self.method, self.path, self.body.len())
    }
}

/// An answer as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// Headers; names in any case.
    pub headers: Vec<(String, String)>,
    /// Body, unpacked.
    pub body: Vec<u8>,
}

impl HttpRequest {
    pub(crate) fn new(lane: Lane, method: &'static str, path: impl Into<String>) -> Self {
        Self {
            id: 0,
            lane,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            file: None,
            timeout_s: 30,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn json<T: serde::Serialize>(self, body: &T) -> Result<Self, serde_json::Error> {
        let mut request = self.header("content-type", "application/json");
        request.body = serde_json::to_vec(body)?;
        Ok(request)
    }
}

impl HttpResponse {
    /// A header by name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Whether it came from our server, not from a portal or proxy on the way.
    #[must_use]
    pub fn ours(&self) -> bool {
        self.header(PROTOCOL_HEADER).is_some_and(|v| v.trim() == PROTOCOL)
    }

    /// The problem in the body of a refusal.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn code(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Coded {
            code: String,
        }
        serde_json::from_slice::<Coded>(&self.body).ok().map(|c| c.code)
    }

    pub(crate) fn class(&self) -> ReplyClass {
        classify(self.status, self.ours(), self.code().as_deref())
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }

    pub(crate) fn retry_after_ms(&self) -> Option<i64> {
        let seconds = i64::try_from(self.number("retry-after")?).ok()?;
        Some(seconds.min(86_400) * 1_000)
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}
