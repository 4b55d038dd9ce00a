//! A server and phones on virtual time, in one thread: the real service, sign-in and replicas, hours in milliseconds.

use blindspot_client::{
    CaseFilter, Courier, HttpRequest, HttpResponse, KeyStore as _, Now, Random, RawPhoto, Replica,
    ReportDraft, Saved, SealStep,
};
use blindspot_core::access::Role;
use blindspot_core::case::CaseFile;
use blindspot_core::command::{Command, Report};
use blindspot_core::verdict::Verdict;
use blindspot_core::wire::v1::{DeskOp, PushRequest, VerdictEntry};
use blindspot_core::{CaseId, OpId, PersonId};
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use blindspot_server::service::{Credential, WriteJob, ingest, pull};
use blindspot_store::{feed, ops};
use blindspot_testkit::files::{MemFiles, MemKeys};
use blindspot_testkit::server::SimServer;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// 2026-06-01 00:00 UTC.
pub(crate) const T0: i64 = 1_780_272_000_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) struct Town {
    pub(crate) server: SimServer,
    pub(crate) now_ms: i64,
    folder: tempfile::TempDir,
    phones: u64,
}

/// A phone with one replica; its storage outlives the app.
pub(crate) struct Pocket {
    pub(crate) app: Replica,
    pub(crate) person: PersonId,
    /// Wall clock minus virtual time.
    pub(crate) skew_ms: i64,
    path: PathBuf,
    files: MemFiles,
    keys: MemKeys,
    random: Xorshift,
}

/// The same bytes every run.
struct Xorshift(u64);

impl Random for Xorshift {
    fn fill(&mut self, buf: &mut [u8]) {
        for byte in buf {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *byte = self.0.to_be_bytes()[3];
        }
    }
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::on(SimServer::new(1, T0), T0)
    }

    pub(crate) fn on(server: SimServer, now_ms: i64) -> Self {
        Self { server, now_ms, folder: tempfile::tempdir().expect("a folder"), phones: 0 }
    }

    /// A push of chosen bodies under a credential.
    pub(crate) fn push_as(&mut self, credential: Credential, bodies: &[String]) -> Vec<VerdictEntry> {
        let frame = serde_json::json!({"sent": {"wall_ms": self.now_ms}, "next_seq": 1_000, "ops": bodies});
        let frame: PushRequest = serde_json::from_value(frame).expect("a push");
        let slot = Arc::new(Mutex::new(None));
        let into = slot.clone();
        let push = ingest::ReadPush::of(frame).expect("within limits");
        let done = Box::new(move |reply| *into.lock().expect("whole") = Some(reply));
        let job = WriteJob::Push { credential, push, received_ms: self.now_ms, done };
        ingest::step(self.server.house(), vec![job]);
        let reply = slot.lock().expect("whole").take();
        reply.expect("answered").expect("taken").verdicts
    }

    /// Time goes by, and the server does what it does by itself.
    pub(crate) fn pass(&mut self, ms: i64) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.now_ms = until.min(self.now_ms + 5 * 60_000);
            blindspot_server::service::replays::run_due(self.server.house(), "town", self.now_ms)
                .expect("replays run");
        }
        let (house, depot) = (self.server.house(), self.server.depot());
        blindspot_server::service::uploads::sweep(house, depot, self.now_ms).expect("the sweep runs");
    }

    /// A person with a phone.
    pub(crate) fn phone(&mut self, login: &str, grants: &[(Role, &str)]) -> Pocket {
        let person = self.server.person(login, grants, self.now_ms);
        let mut pocket = self.empty_phone(person);
        self.enrol(&mut pocket);
        pocket
    }

    /// A phone on which nobody is enrolled.
    pub(crate) fn empty_phone(&mut self, person: PersonId) -> Pocket {
        self.phones += 1;
        let path = self.folder.path().join(format!("{}.db", self.phones));
        Pocket::on(path, MemFiles::default(), MemKeys::default(), person, self.phones)
    }

    /// Enrols the phone's person; again gives a later enrolment.
    pub(crate) fn enrol(&mut self, pocket: &mut Pocket) {
        let code = self.server.code(pocket.person, self.now_ms);
        let now = pocket.now(self.now_ms);
        let Pocket { app, random, .. } = pocket;
        let request = app.enrol_request("http://town", &code, None, "town", &now, random).expect("a request");
        let answer = self.server.handle(&request, self.now_ms);
        app.handle_enrol_response(&answer, &now).expect("enrolled");
    }

    /// Enrols a person on a replica that is not one of a `Pocket`.
    pub(crate) fn enrol_replica(&mut self, app: &mut Replica, person: PersonId, random: &mut dyn Random) {
        let (code, now) = (self.server.code(person, self.now_ms), Now::wall(self.now_ms));
        let request = app.enrol_request("http://town", &code, None, "town", &now, random).expect("a request");
        app.handle_enrol_response(&self.server.handle(&request, self.now_ms), &now).expect("enrolled");
    }

    /// Sends all that waits in a replica or with its courier.
    pub(crate) fn carry(&mut self, from: &mut dyn Sends, random: &mut dyn Random) {
        for _ in 0..200 {
            let now = Now::wall(self.now_ms);
            match from.request(&now, random) {
                Some(request) => {
                    let answer = self.server.handle(&request, self.now_ms);
                    from.answer(request.id, &answer, &now, random);
                }
                None if from.is_empty() => return,
                None => self.now_ms += 20_000,
            }
        }
        panic!("it does not get through");
    }

    /// Somebody at a desk, with every desk's role.
    pub(crate) fn desk(&mut self, login: &str) -> Credential {
        let roles = [(Role::FilingDesk, "city"), (Role::Supervisor, "city"), (Role::Dispatcher, "city")];
        let pocket = self.phone(login, &roles);
        let device = pocket.app.identity().expect("read").expect("enrolled").device_id;
        Credential { person: pocket.person, device, desk: true }
    }

    /// What a desk does to a case.
    pub(crate) fn act(&mut self, desk: Credential, case: CaseId, command: &Command) -> VerdictEntry {
        let op = DeskOp {
            op_id: OpId::from_parts(self.now_ms, crate::raw::unique()),
            kind: command.kind().into(),
            payload: command.to_payload().expect("JSON"),
            expected_state: None,
            round: None,
        };
        self.server.desk(desk, case, op, self.now_ms).expect("a desk action is answered")
    }

    /// Sends and fetches until nothing is left; waits pass.
    pub(crate) fn sync(&mut self, pocket: &mut Pocket) {
        self.sync_but(pocket, |_| false);
        assert!(pocket.app.unsent().expect("counts").is_empty(), "{:?}", pocket.app.unsent());
    }

    /// The same on a network that loses the answers to some requests, for a while.
    pub(crate) fn sync_but(&mut self, pocket: &mut Pocket, mut lost: impl FnMut(&HttpRequest) -> bool) {
        pocket.app.set_pull_pace(0, 60_000);
        let now = pocket.now(self.now_ms);
        pocket.app.set_online(false, &now);
        pocket.app.set_online(true, &now);
        pocket.app.pull_now(&now);
        for _ in 0..120 {
            pocket.seal(self.now_ms);
            let now = pocket.now(self.now_ms);
            let Some(request) = pocket.app.poll_request(&now, &mut pocket.random).expect("a request or none")
            else {
                if pocket.app.unsent().expect("counts").is_empty() {
                    return;
                }
                self.now_ms += 20_000;
                continue;
            };
            let answer = self.server.handle(&request, self.now_ms);
            if lost(&request) {
                pocket.app.handle_failure(request.id, &now, &mut pocket.random).expect("taken");
            } else {
                pocket.app.handle_response(request.id, &answer, &now, &mut pocket.random).expect("taken");
            }
        }
    }

    /// What became of an op, as the server has it.
    pub(crate) fn op(&self, op: OpId) -> ops::OpRecord {
        let house = self.server.house();
        let found = house.store.read(|tx| ops::load_ops(tx, &house.city, &BTreeSet::from([op])));
        found.expect("ops").remove(&op).expect("the op is there")
    }

    /// A case as the server has it.
    pub(crate) fn case(&self, case: CaseId) -> CaseFile {
        let house = self.server.house();
        let found = house
            .store
            .read(|tx| blindspot_store::rows::load_rows_of_cases(tx, &house.city, &BTreeSet::from([case])));
        let rows = found.expect("rows");
        let bodies = rows.iter().map(|r| (&r.key.kind, &*r.body));
        CaseFile::from_bodies(bodies).expect("readable").expect("the case is there")
    }
}

/// Whatever sends for a person: the open replica, or the courier of one that is not.
pub(crate) trait Sends {
    fn request(&mut self, now: &Now, random: &mut dyn Random) -> Option<HttpRequest>;
    fn answer(&mut self, id: u64, answer: &HttpResponse, now: &Now, random: &mut dyn Random);
    fn is_empty(&self) -> bool;
}

macro_rules! sends {
    ($($who:ty),+) => {
        $(impl Sends for $who {
            fn request(&mut self, now: &Now, random: &mut dyn Random) -> Option<HttpRequest> {
                self.poll_request(now, random).expect("a request or none")
            }
            fn answer(&mut self, id: u64, answer: &HttpResponse, now: &Now, random: &mut dyn Random) {
                self.handle_response(id, answer, now, random).expect("taken");
            }
            fn is_empty(&self) -> bool {
                self.unsent().expect("counts").is_empty()
            }
        })+
    };
}
sends!(Replica, Courier);

impl Pocket {
    fn on(path: PathBuf, files: MemFiles, keys: MemKeys, person: PersonId, n: u64) -> Self {
        let db = rusqlite::Connection::open(&path).expect("a database");
        let app = Replica::open(db, Box::new(files.clone()), Box::new(keys.clone())).expect("a replica");
        let random = Xorshift(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self { app, person, skew_ms: 0, path, files, keys, random }
    }

    /// A copy of all data on another phone, as a cloning app makes it. Both go on.
    pub(crate) fn cloned(&self) -> Self {
        let path = self.path.with_extension("clone.db");
        let from = rusqlite::Connection::open(&self.path).expect("a database");
        from.execute("VACUUM INTO ?1", [path.to_str().expect("a path")]).expect("copied");
        let keys = MemKeys::default();
        for slot in ["key", "key2"] {
            if let Some(secret) = self.keys.load(slot).expect("read") {
                keys.save(slot, &secret).expect("kept");
            }
        }
        // What each of them draws from now on differs.
        Self::on(path, self.files.clone(), keys, self.person, self.random.0 ^ 0x5eed)
    }

    /// Its clocks: the one that counts sleep goes on while the phone sleeps.
    pub(crate) fn now(&self, now_ms: i64) -> Now {
        Now { wall_ms: now_ms + self.skew_ms, mono_ms: Some(now_ms - T0), boot_id: Some("boot".into()) }
    }

    pub(crate) fn seal(&mut self, now_ms: i64) {
        let now = self.now(now_ms);
        while let SealStep::Sealed { .. } = self.app.seal_next(&now, &mut self.random).expect("sealing") {}
    }

    pub(crate) fn report(&mut self, town: &Town, report: Report, photos: Vec<RawPhoto>) -> Saved {
        let draft = ReportDraft { report, photos, ..ReportDraft::default() };
        let now = self.now(town.now_ms);
        self.app.capture_report(draft, &now, &mut self.random).expect("saved")
    }

    pub(crate) fn act(&mut self, town: &Town, case: CaseId, command: Command) -> OpId {
        let now = self.now(town.now_ms);
        let saved = self.app.capture_op(case, command, &now, &mut self.random);
        saved.expect("saved").op_id.expect("an op")
    }

    pub(crate) fn credential(&self) -> Credential {
        let device = self.app.identity().expect("read").expect("enrolled").device_id;
        Credential { person: self.person, device, desk: false }
    }

    /// A push of chosen bodies under this phone's credential, of which the phone itself knows nothing.
    pub(crate) fn push_beside(&self, town: &mut Town, bodies: &[String]) -> Vec<VerdictEntry> {
        town.push_as(self.credential(), bodies)
    }

    /// One page of a pull, of at most so many rows; says whether it closed the checkpoint.
    pub(crate) fn step_pull(&mut self, town: &mut Town, limit: Option<u32>) -> bool {
        self.pull_once(town, limit)["checkpoint"].is_object()
    }

    /// Rows of the next pull, up to its checkpoint.
    pub(crate) fn step_rows(&mut self, town: &mut Town) -> usize {
        let mut rows = 0;
        loop {
            let page = self.pull_once(town, None);
            rows += page["rows"].as_array().map_or(0, Vec::len);
            if page["checkpoint"].is_object() {
                return rows;
            }
        }
    }

    fn pull_once(&mut self, town: &mut Town, limit: Option<u32>) -> serde_json::Value {
        let now = self.now(town.now_ms);
        self.app.pull_now(&now);
        loop {
            let now = self.now(town.now_ms);
            let due = self.app.poll_request(&now, &mut self.random).expect("a request or none");
            let Some(mut request) = due else {
                town.now_ms += 1_000;
                continue;
            };
            if let (Some(limit), true) = (limit, request.path.ends_with("/sync/pull")) {
                // The server may give less than it could: so a small city has many pages.
                let mut frame: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
                frame["limit"] = limit.into();
                request.body = frame.to_string().into_bytes();
            }
            let answer = town.server.handle(&request, town.now_ms);
            self.app.handle_response(request.id, &answer, &now, &mut self.random).expect("taken");
            if request.path.ends_with("/sync/pull") {
                return serde_json::from_slice(&answer.body).expect("JSON");
            }
        }
    }

    /// What the phone says became of an op.
    pub(crate) fn verdict(&self, op: OpId) -> Option<Verdict> {
        let all = self.app.outbox().expect("the outbox");
        all.into_iter().find(|o| o.op_id == op).expect("kept").verdict
    }

    pub(crate) fn cases(&self) -> BTreeSet<CaseId> {
        self.app.cases(CaseFilter::default()).expect("cases").iter().map(|c| c.file.id()).collect()
    }

    /// Phone and server hold the same rows: every digest that the server gave is what the rows add up to.
    pub(crate) fn agrees(&mut self, town: &mut Town) {
        town.sync(self);
        let house = town.server.house();
        let device = self.app.identity().expect("read").expect("enrolled").device_id;
        let credential = Credential { person: self.person, device, desk: false };
        let scope = pull::scope(house, credential, town.now_ms).expect("a scope");
        let heads = house.store.read(|tx| feed::load_heads(tx, &house.city, &scope)).expect("heads");
        let mine = self.app.digests().expect("digests");
        assert!(mine.keys().all(|f| scope.contains(f)), "nothing outside the scope");
        for name in &scope {
            let theirs = heads.get(name).map(|h| h.digest).unwrap_or_default();
            assert_eq!(mine.get(name).copied().unwrap_or_default(), theirs, "{name}");
        }
    }
}

pub(crate) fn picture(n: u32) -> RawPhoto {
    let bytes = jpeg(&SceneSpec::nth(9, n).sized(320, 240), &ExifSpec::phone("2026:06:01 08:03:11", None));
    RawPhoto { bytes, ..RawPhoto::default() }
}

pub(crate) fn words(text: &str) -> Report {
    Report { description: Some(text.to_owned()), ..Report::default() }
}
