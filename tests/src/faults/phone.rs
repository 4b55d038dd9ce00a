//! A real replica in memory with a network of its own: what it was told is noted beside what it believes.

use super::ground::now_ms;
use blindspot_client::{HttpRequest, HttpResponse, Now, Random, RawPhoto, Replica, ReportDraft, SealStep};
use blindspot_core::command::{Command, Comment, MediaKind, PhotoRole, Report};
use blindspot_core::{CaseId, OpId};
use blindspot_testkit::dice::Dice;
use blindspot_testkit::files::{MemFiles, MemKeys};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

/// An HTTP client: every status is an answer, no redirects, no proxy from the environment.
pub(crate) fn agent(within: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(within))
        .build()
        .new_agent()
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// None was due.
    Idle,
    /// An answer came, of this status.
    Answered(u16),
    /// Nothing or half an answer came.
    Cut,
}

/// See the module text.
pub(crate) struct FaultPhone {
    pub(crate) replica: Replica,
    /// Every op that its person did.
    pub(crate) done: BTreeSet<OpId>,
    /// Ops named in a push that was answered with 200, as seen on the wire.
    pub(crate) acknowledged: BTreeSet<OpId>,
    /// The last push that went out, whatever came of it.
    pub(crate) last_push: Vec<OpId>,
    /// Where its requests go, which need not be where it enrolled.
    pub(crate) base: String,
    pub(crate) agent: ureq::Agent,
    random: Seeded,
    /// The next PATCH ends after so many bytes of its body, and its answer is lost.
    pub(crate) cut_at: Option<usize>,
    /// Bytes of PATCH bodies that went out, and the last one with its body.
    pub(crate) patched: u64,
    pub(crate) last_patch: Option<HttpRequest>,
    /// Added to the clock so that waits pass at once.
    pub(crate) ahead_ms: i64,
}

/// Randomness of a phone.
pub(crate) struct Seeded(Dice);

impl Seeded {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        // Long enough that a phone never runs out; what comes after the end would repeat itself.
        Self(Dice::from_seed(seed, 1 << 22))
    }
}

impl Random for Seeded {
    fn fill(&mut self, buf: &mut [u8]) {
        self.0.fill(buf);
    }
}

impl FaultPhone {
    /// A phone in memory, not enrolled.
    pub(crate) fn new(base: &str, seed: u64) -> Self {
        let db = rusqlite::Connection::open_in_memory().expect("a database");
        let (files, keys) = (MemFiles::default(), MemKeys::default());
        let replica = Replica::open(db, Box::new(files), Box::new(keys)).expect("a replica");
        Self::with(replica, base, seed)
    }

    /// Around a replica.
    pub(crate) fn with(replica: Replica, base: &str, seed: u64) -> Self {
        Self {
            replica,
            done: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            last_push: vec![],
            base: base.to_owned(),
            agent: agent(Duration::from_secs(20)),
            random: Seeded::new(seed),
            cut_at: None,
            patched: 0,
            last_patch: None,
            ahead_ms: 0,
        }
    }

    /// Its clock.
    pub(crate) fn now(&self) -> Now {
        Now::wall(now_ms() + self.ahead_ms)
    }

    /// Enrols; the server must be up.
    pub(crate) fn enrol(&mut self, code: &str) {
        let now = self.now();
        let base = self.base.clone();
        let request = self
            .replica
            .enrol_request(&base, code, None, "fault", &now, &mut self.random)
            .expect("an enrolment begins");
        let answer = self.carry(request).expect("the server answers");
        self.replica.handle_enrol_response(&answer, &now).expect("enrolled");
    }

    /// A report and a word on it: two ops, the second waits for the first.
    pub(crate) fn work(&mut self, n: u64) -> CaseId {
        let now = self.now();
        let report = Report { description: Some(format!("积存垃圾 {n}")), ..Report::default() };
        let draft = ReportDraft { report, ..ReportDraft::default() };
        let saved = self.replica.capture_report(draft, &now, &mut self.random).expect("saved");
        let case = saved.case_id.expect("a case");
        let words = Command::Comment(Comment { text: format!("第 {n} 处") });
        let second = self.replica.capture_op(case, words, &now, &mut self.random).expect("saved");
        self.done.extend(saved.op_id);
        self.done.extend(second.op_id);
        case
    }

    /// A report with one document, which is stored as it is.
    pub(crate) fn document(&mut self, bytes: Vec<u8>) {
        let now = self.now();
        let media = MediaKind::Document;
        let photos = vec![RawPhoto { bytes, media, role: PhotoRole::Paper, ..RawPhoto::default() }];
        let draft = ReportDraft { photos, ..ReportDraft::default() };
        let saved = self.replica.capture_report(draft, &now, &mut self.random).expect("saved");
        self.done.extend(saved.op_id);
        self.seal();
    }

    /// Seals what waits; says how often something failed.
    pub(crate) fn seal(&mut self) -> u64 {
        let now = self.now();
        let mut failed = 0;
        loop {
            match self.replica.seal_next(&now, &mut self.random).expect("sealing goes on") {
                SealStep::Nothing => return failed,
                SealStep::Failed { .. } if failed > 3 => return failed,
                SealStep::Failed { .. } => failed += 1,
                SealStep::Sealed { .. } => {}
            }
        }
    }

    /// Carries one request, if one is due.
    pub(crate) fn step(&mut self) -> Ended {
        let now = self.now();
        let due = self.replica.poll_request(&now, &mut self.random).expect("a request or none");
        let Some(request) = due else { return Ended::Idle };
        let (id, is_push) = (request.id, request.path == "/v1/sync/push");
        if is_push {
            self.last_push = ops_of(&request.body);
        }
        let answer = if request.method == "PATCH" { self.patch(request) } else { self.carry(request) };
        match answer {
            Some(answer) => {
                if is_push && answer.status == 200 && answer.header("blindspot-protocol").is_some() {
                    self.acknowledged.extend(&self.last_push);
                    self.last_push.clear();
                }
                let now = self.now();
                self.replica.handle_response(id, &answer, &now, &mut self.random).expect("taken");
                Ended::Answered(answer.status)
            }
            None => {
                let now = self.now();
                self.replica.handle_failure(id, &now, &mut self.random).expect("taken");
                Ended::Cut
            }
        }
    }

    /// Sends and fetches until nothing is unsent and the view is fresh; waits are skipped. Says whether it came so far.
    pub(crate) fn converge(&mut self, steps_max: usize) -> bool {
        self.replica.set_pull_pace(0, 1_000);
        let now = self.now();
        self.replica.set_online(false, &now);
        self.replica.set_online(true, &now);
        for _ in 0..steps_max {
            self.seal();
            if self.step() == Ended::Idle {
                if self.replica.unsent().expect("counts").is_empty() {
                    return true;
                }
                // Nothing is due now: let the wait pass.
                self.ahead_ms += 60_000;
            }
        }
        false
    }

    fn patch(&mut self, request: HttpRequest) -> Option<HttpResponse> {
        self.last_patch = Some(request.clone());
        let whole = request.body.len();
        let Some(cut) = self.cut_at.take().map(|at| at.min(whole)) else {
            self.patched += whole as u64;
            return self.carry(request);
        };
        self.patched += cut as u64;
        // A network that dies gives nothing back, not even an error.
        let _ = torn(&self.base, &request, cut);
        None
    }

    fn carry(&self, request: HttpRequest) -> Option<HttpResponse> {
        send(&self.agent, &self.base, request)
    }
}

/// Sends the head and so many bytes of the body, and closes without reading.
pub(crate) fn torn(base: &str, request: &HttpRequest, bytes: usize) -> std::io::Result<()> {
    let address = base.strip_prefix("http://").unwrap_or(base);
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {address}\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", request.body.len());
    socket.write_all(head.as_bytes())?;
    socket.write_all(&request.body[..bytes])?;
    // Long enough that the bytes arrive before the end does; how much of them counts is the server's word.
    std::thread::sleep(Duration::from_millis(3));
    Ok(())
}

/// Sends a request; nothing when no whole answer came.
pub(crate) fn send(agent: &ureq::Agent, base: &str, request: HttpRequest) -> Option<HttpResponse> {
    let mut builder =
        ureq::http::Request::builder().method(request.method).uri(format!("{base}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let answer = match request.method {
        "GET" | "HEAD" => agent.run(builder.body(()).ok()?),
        _ => agent.run(builder.body(request.body).ok()?),
    };
    let mut answer = answer.ok()?;
    let text = |v: &ureq::http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(n, v)| (n.to_string(), text(v))).collect();
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().ok()?;
    Some(HttpResponse { status, headers, body })
}

/// The ids of the ops in a push.
fn ops_of(body: &[u8]) -> Vec<OpId> {
    let frame: Value = serde_json::from_slice(body).expect("a push is JSON");
    let id = |op: &Value| -> OpId {
        let op: Value = serde_json::from_str(op.as_str().expect("an op is a text")).expect("JSON");
        serde_json::from_value(op["op_id"].clone()).expect("an id")
    };
    frame["ops"].as_array().expect("ops").iter().map(id).collect()
}
