//! The ground of failing calls: a database with an enrolled phone, copied for every position, and one push and one
//! pull whose bytes are the same each time.

use super::phone::Seeded;
use blindspot_client::{HttpRequest, HttpResponse, Now, Replica, ReportDraft};
use blindspot_core::access::{Area, Role};
use blindspot_core::command::{Command, Comment, Report};
use blindspot_core::id::CityId;
use blindspot_core::wire::v1::{PullRequest, PushRequest};
use blindspot_core::{OpId, PersonId};
use blindspot_faulty_vfs as faulty;
use blindspot_server::auth::Gate;
use blindspot_server::error::Fault;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::{Credential, House, Random, ServiceError, WriteJob, ingest, pull, start};
use blindspot_store::{Options, Store};
use blindspot_testkit::files::{MemFiles, MemKeys};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

const T0: i64 = 1_770_000_000_000;
const DATABASE: &str = "blindspot.db";

/// The same bytes each time: nothing here is a secret.
struct Plain;

impl Random for Plain {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(7);
    }
}

/// What the server said.
#[derive(Debug)]
pub(super) enum Reply {
    Push(Vec<String>),
    /// Rows of all pages to the checkpoint.
    Pull(usize),
    /// Problem code.
    Refused(String),
}

pub(super) struct Template {
    dir: tempfile::TempDir,
    credential: Credential,
    push: String,
    /// Ops that the push carries, those of before included.
    pub(super) carried: usize,
    /// Ops that it brings.
    pub(super) ops: BTreeSet<OpId>,
    /// Rows that a whole pull brings.
    pub(super) rows: usize,
    /// The state before the push.
    pub(super) old: String,
}

impl Template {
    /// One worker with an enrolled phone, a report of before, and a push of three ops that waits.
    pub(super) fn lay() -> Self {
        faulty::register();
        let dir = blindspot_testkit::folder();
        let house = open(dir.path(), false).expect("a house");
        let mut phone = Phone::enrol(&house, worker(&house));
        let credential = phone.credential(&house);
        let first = phone.next_push(1);
        let mut template = Self {
            dir,
            credential,
            push: String::new(),
            carried: 0,
            ops: BTreeSet::new(),
            rows: 0,
            old: String::new(),
        };
        assert!(matches!(push(&house, credential, &first), Reply::Push(_)), "the first push is taken");
        let mut later = Phone { replica: phone.replica, random: Seeded::new(99), answered: false };
        template.push = later.next_push(2);
        template.ops = later.replica.outbox().expect("ops").iter().map(|e| e.op_id).collect();
        template.carried = template.ops.len();
        let Reply::Pull(rows) = template.pull(&house) else { panic!("a pull is answered") };
        template.rows = rows;
        start::close(&house).expect("closed in order");
        drop(house);
        let before: BTreeSet<OpId> = super::ground::examine(template.dir.path()).ops;
        template.ops = &template.ops - &before;
        template.old = dump(template.dir.path());
        assert!(template.rows > 3 && template.ops.len() == 3, "something to lose: {}", template.ops.len());
        template
    }

    /// A copy of the folder, to be broken.
    pub(super) fn copy(&self) -> tempfile::TempDir {
        let dir = blindspot_testkit::folder();
        std::fs::copy(self.dir.path().join(DATABASE), dir.path().join(DATABASE)).expect("copied");
        dir
    }

    /// The state after the push.
    pub(super) fn after_push(&self) -> String {
        let dir = self.copy();
        let house = self.start(dir.path(), false).expect("it starts");
        assert!(matches!(self.push(&house), Reply::Push(_)), "a good server takes it");
        drop(house);
        dump(dir.path())
    }

    /// Starts the service on a folder, through the faulty VFS or not.
    pub(super) fn start(&self, data: &Path, faulty: bool) -> Result<House, ServiceError> {
        open(data, faulty)
    }

    /// Copies the WAL back, as the server does beside its writer; it may fail.
    pub(super) fn checkpoint(&self, data: &Path) {
        let opened = Connection::open_with_flags_and_vfs(
            data.join(DATABASE),
            rusqlite::OpenFlags::default(),
            faulty::NAME,
        );
        // A power cut may have come before; then nothing works and nothing is expected to.
        let _ = opened.and_then(|db| db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
    }

    pub(super) fn push(&self, house: &House) -> Reply {
        push(house, self.credential, &self.push)
    }

    /// Page by page from nothing to the checkpoint.
    pub(super) fn pull(&self, house: &House) -> Reply {
        let (mut rows, mut cursor) = (0, None);
        loop {
            let request = serde_json::json!({"cursor": cursor, "schema": 1});
            let request: PullRequest = serde_json::from_value(request).expect("a request");
            match pull::pull(house, self.credential, &request, T0 + 2) {
                Err(error) => return refused(error),
                Ok(page) => {
                    rows += page.rows.len();
                    cursor = Some(page.cursor);
                    if page.checkpoint.is_some() {
                        return Reply::Pull(rows);
                    }
                }
            }
        }
    }
}

fn open(data: &Path, faulty: bool) -> Result<House, ServiceError> {
    let vfs = faulty.then(|| faulty::NAME.to_owned());
    let options = Options { readers: 1, checkpoint_beside: false, vfs, ..Options::default() };
    let store = Store::open(&data.join(DATABASE), options)?;
    start::open(store, CityId::from("yiwu"), "义乌市", [7; 32], Box::new(Plain), T0, None)
}

fn worker(house: &House) -> PersonId {
    let new = NewPerson { login: "w".into(), name: "网格员".into(), password: None };
    let person = people::create_person(house, Actor::Cli, &new, T0).expect("a person").person_id;
    let grant = NewGrant { role: Role::Collector, area: Area::City, from_ms: None, to_ms: None };
    people::grant(house, Actor::Cli, person, &grant, T0).expect("a grant");
    person
}

fn refused(error: ServiceError) -> Reply {
    Reply::Refused(Fault::from(error).problem.code.to_string())
}

fn push(house: &House, credential: Credential, body: &str) -> Reply {
    let request: PushRequest = serde_json::from_str(body).expect("a push");
    let slot = Arc::new(Mutex::new(None));
    let into = slot.clone();
    let push = ingest::ReadPush::of(request).expect("within limits");
    let job = WriteJob::Push {
        credential,
        push,
        received_ms: T0 + 1,
        done: Box::new(move |result| *into.lock().expect("whole") = Some(result)),
    };
    ingest::step(house, vec![job]);
    let answer = slot.lock().expect("whole").take();
    match answer.expect("a push is always answered") {
        Ok(reply) => Reply::Push(
            reply.verdicts.iter().map(|v| serde_json::to_string(&v.verdict).expect("JSON")).collect(),
        ),
        Err(error) => refused(error),
    }
}

struct Phone {
    replica: Replica,
    random: Seeded,
    answered: bool,
}

impl Phone {
    fn enrol(house: &House, person: PersonId) -> Self {
        let code =
            people::create_enrol_code(house, Actor::Cli, person, "http://io", T0).expect("a code").code;
        let db = Connection::open_in_memory().expect("a database");
        let (files, keys) = (MemFiles::default(), MemKeys::default());
        let mut replica = Replica::open(db, Box::new(files), Box::new(keys)).expect("a replica");
        let (mut random, now) = (Seeded::new(5), Now::wall(T0));
        let asked = replica.enrol_request("http://io", &code, None, "io", &now, &mut random);
        let asked = asked.expect("an enrolment begins");
        let frame = serde_json::from_slice(&asked.body).expect("a frame");
        let reply = Gate::new(house).enrol(house, &frame, T0).expect("enrolled");
        let headers = vec![("blindspot-protocol".into(), "1".into())];
        let body = serde_json::to_vec(&reply).expect("JSON");
        let answer = HttpResponse { status: 200, headers, body };
        replica.handle_enrol_response(&answer, &now).expect("taken");
        Self { replica, random, answered: true }
    }

    fn request(&mut self, path: &str) -> HttpRequest {
        let now = Now::wall(T0);
        loop {
            let due = self.replica.poll_request(&now, &mut self.random).expect("a request or none");
            let request = due.unwrap_or_else(|| panic!("no request for {path}"));
            if request.path == path {
                return request;
            }
            // Whatever else it wants has to wait.
            self.replica.handle_failure(request.id, &now, &mut self.random).expect("taken");
        }
    }

    fn credential(&mut self, house: &House) -> Credential {
        self.work(0);
        let request = self.request("/v1/sync/push");
        let word = request.headers.iter().find(|(n, _)| n == "authorization").expect("a token");
        let token = word.1.strip_prefix("Bearer ").expect("a bearer");
        let credential = Gate::new(house).check_bearer(house, token, T0).expect("a good token");
        let now = Now::wall(T0);
        self.replica.handle_failure(request.id, &now, &mut self.random).expect("taken");
        credential
    }

    fn work(&mut self, n: u32) {
        let now = Now::wall(T0);
        let report = Report { description: Some(format!("第 {n} 处")), ..Report::default() };
        let draft = ReportDraft { report, ..ReportDraft::default() };
        let saved = self.replica.capture_report(draft, &now, &mut self.random).expect("saved");
        for text in ["一", "二"] {
            let words = Command::Comment(Comment { text: text.to_owned() });
            let case = saved.case_id.expect("a case");
            self.replica.capture_op(case, words, &now, &mut self.random).expect("saved");
        }
    }

    /// A push of all that is unsent; it is never answered, so the next one carries it as well.
    fn next_push(&mut self, n: u32) -> String {
        let now = Now::wall(T0);
        if !self.answered {
            self.work(n);
        }
        self.replica.set_online(false, &now);
        self.replica.set_online(true, &now);
        let request = self.request("/v1/sync/push");
        self.replica.handle_failure(request.id, &now, &mut self.random).expect("taken");
        String::from_utf8(request.body).expect("JSON")
    }
}

/// All that a database holds, but for what counts starts: the state, to be compared. One that cannot be read is no state.
pub(super) fn dump(data: &Path) -> String {
    state(data).unwrap_or_else(|e| format!("cannot be read: {e}"))
}

fn state(data: &Path) -> rusqlite::Result<String> {
    const LEFT_OUT: [&str; 4] = ["meta", "city_meta", "trying", "sqlite_stat1"];
    let db = Connection::open(data.join(DATABASE))?;
    let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    let names = names.query_map([], |r| r.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut out = String::new();
    for name in names.iter().filter(|n| !LEFT_OUT.contains(&n.as_str())) {
        let mut query = db.prepare(&format!("SELECT * FROM {name} ORDER BY 1, 2"))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            out.push_str(name);
            for n in 0..columns {
                write!(out, "|{:?}", row.get_ref(n)?).expect("memory");
            }
            out.push('\n');
        }
    }
    Ok(out)
}
