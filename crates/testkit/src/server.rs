//! The server without its shell: requests of phones go straight to auth and service, on virtual time.
//!
//! What axum does (routing, headers, statuses) is written again here, small; everything that decides is
//! the real thing. A crash drops all but what was committed.

use blindspot_client::{HttpRequest, HttpResponse};
use blindspot_core::access::{Area, Role};
use blindspot_core::error as problem;
use blindspot_core::id::CityId;
use blindspot_core::verdict::Cause;
use blindspot_core::wire::hand_in::HandInReply;
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::{CaseId, DeviceId, PersonId};
use blindspot_server::auth::Gate;
use blindspot_server::blob::Depot;
use blindspot_server::error::status_of;
use blindspot_server::service::hand_in::Intake;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::uploads::{self, Checksum, NewUpload, UploadState};
use blindspot_server::service::writer::{Done, WriteJob};
use blindspot_server::service::{
    Credential, House, Random, ServiceError, ingest, offered, pull, replays, start,
};
use blindspot_store::{Options, Store, backup, devices, quarantine};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Randomness of the simulated server.
struct Seeded(Mutex<ChaCha8Rng>);

impl Random for Seeded {
    fn fill(&self, buf: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buf);
    }
}

/// The data folder as it was at some time: what a backup or a copied snapshot holds.
pub struct Snapshot {
    at_ms: i64,
    folder: tempfile::TempDir,
}

impl Snapshot {
    /// When it was taken.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// See the module text.
pub struct SimServer {
    house: Option<House>,
    gate: Gate,
    depot: Depot,
    seed: u64,
    starts: u64,
    /// The database file, once the server runs on one: only such a server can be set back.
    file: Option<PathBuf>,
    dir: tempfile::TempDir,
    /// Whether revoked devices and exported files are let in.
    pub takes_hand_ins: bool,
    /// Who takes in what is brought to a desk.
    pub desk: Option<Credential>,
}

const CITY: &str = "simcity";
/// Everybody knows it: nothing real is ever served with it.
const KEY: [u8; 32] = [7; 32];

impl SimServer {
    /// A new server with an empty database.
    #[must_use]
    pub fn new(seed: u64, now_ms: i64) -> Self {
        let dir = crate::folder();
        let house = open(Store::open_in_memory().expect("a database"), seed, 0, now_ms);
        let gate = Gate::new(&house);
        let depot = Depot::open(dir.path()).expect("a folder for blobs");
        Self {
            house: Some(house),
            gate,
            depot,
            seed,
            starts: 1,
            file: None,
            dir,
            takes_hand_ins: false,
            desk: None,
        }
    }

    /// A new server on a file, which can be set back.
    #[must_use]
    pub fn on_file(seed: u64, now_ms: i64) -> Self {
        let dir = crate::folder();
        let file = dir.path().join("blindspot.db");
        let house = open(open_file(&file), seed, 0, now_ms);
        let gate = Gate::new(&house);
        let depot = Depot::open(dir.path()).expect("a folder for blobs");
        Self {
            house: Some(house),
            gate,
            depot,
            seed,
            starts: 1,
            file: Some(file),
            dir,
            takes_hand_ins: false,
            desk: None,
        }
    }

    /// Copies the data folder as it is now.
    ///
    /// # Panics
    /// When the server does not run on a file.
    #[must_use]
    pub fn snapshot(&self, now_ms: i64) -> Snapshot {
        let folder = crate::folder();
        let file = self.file.as_ref().expect("a server on a file");
        backup::copy(file, &folder.path().join("blindspot.db"), &mut |_, _| {}).expect("a copy");
        copy_folder(&self.dir.path().join("blobs"), &folder.path().join("blobs"));
        Snapshot { at_ms: now_ms, folder }
    }

    /// Comes up again on an old data folder: nobody tells it that it has lost its past.
    pub fn roll_back(&mut self, to: &Snapshot, now_ms: i64) {
        self.house = None;
        self.dir = crate::folder();
        let file = self.dir.path().join("blindspot.db");
        std::fs::copy(to.folder.path().join("blindspot.db"), &file).expect("a copy");
        copy_folder(&to.folder.path().join("blobs"), &self.dir.path().join("blobs"));
        let house = open(open_file(&file), self.seed, self.starts, now_ms);
        self.starts += 1;
        self.gate = Gate::new(&house);
        self.depot = Depot::open(self.dir.path()).expect("a folder for blobs");
        (self.house, self.file) = (Some(house), Some(file));
    }

    /// Leaves its data folder somewhere, key included, so that another program can serve it.
    ///
    /// # Panics
    /// When the server does not run on a file.
    pub fn save(&self, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        let file = self.file.as_ref().expect("a server on a file");
        backup::copy(file, &to.join("blindspot.db"), &mut |_, _| {}).expect("a copy");
        for part in ["blobs", "uploads"] {
            copy_folder(&self.dir.path().join(part), &to.join(part));
        }
        std::fs::write(to.join("secret.key"), KEY).expect("a key");
    }

    /// A server on a copy of a data folder that [`SimServer::save`] left, of this version or an older one.
    #[must_use]
    pub fn saved(from: &Path, seed: u64, now_ms: i64) -> Self {
        let dir = crate::folder();
        copy_folder(from, dir.path());
        let file = dir.path().join("blindspot.db");
        let house = open(open_file(&file), seed, 0, now_ms);
        let gate = Gate::new(&house);
        let depot = Depot::open(dir.path()).expect("a folder for blobs");
        Self {
            house: Some(house),
            gate,
            depot,
            seed,
            starts: 1,
            file: Some(file),
            dir,
            takes_hand_ins: false,
            desk: None,
        }
    }

    /// The house, for oracles.
    #[must_use]
    pub fn house(&self) -> &House {
        self.house.as_ref().expect("the server is up")
    }
    /// The depot, for oracles.
    #[must_use]
    pub fn depot(&self) -> &Depot {
        &self.depot
    }

    /// Dies without a word and starts again: what was committed is what there is.
    pub fn crash(&mut self, now_ms: i64) {
        let store = self.house.take().expect("the server is up").store;
        let house = open(store, self.seed, self.starts, now_ms);
        self.starts += 1;
        self.gate = Gate::new(&house);
        self.depot = Depot::open(self.dir.path()).expect("a folder for blobs");
        self.house = Some(house);
    }

    /// Makes a person with grants; gives the id.
    pub fn person(&self, login: &str, grants: &[(Role, &str)], now_ms: i64) -> PersonId {
        let new = NewPerson { login: login.into(), name: login.into(), password: None };
        let person =
            people::create_person(self.house(), Actor::Cli, &new, now_ms).expect("a person").person_id;
        for (role, area) in grants {
            self.grant(person, role.clone(), area, now_ms);
        }
        person
    }

    /// Grants a role.
    pub fn grant(&self, person: PersonId, role: Role, area: &str, now_ms: i64) -> Uuid {
        let new = NewGrant { role, area: Area::from_text(area), from_ms: None, to_ms: None };
        people::grant(self.house(), Actor::Cli, person, &new, now_ms).expect("a grant").grant_id
    }

    /// Ends a grant.
    pub fn end_grant(&self, grant: Uuid, now_ms: i64) {
        people::end_grant(self.house(), Actor::Cli, grant, now_ms, now_ms).expect("the grant ends");
    }

    /// What the server does by itself from time to time.
    pub fn jobs(&self, now_ms: i64) {
        ingest::expire_holds(self.house(), now_ms).expect("holds are looked at");
        replays::run_due(self.house(), "sim", now_ms).expect("quarantine is looked at");
    }

    /// An administrator has everything decided again that was put aside because the server stopped or its engine
    /// refused it.
    pub fn ask_again(&self, now_ms: i64) {
        let house = self.house();
        let kept = house.store.read(|tx| quarantine::load_quarantine(tx, &house.city, None, None, 1_000));
        for kept in kept.expect("quarantine is read") {
            if matches!(kept.cause, Cause::Trying | Cause::Engine) {
                replays::ask(house, (kept.op_id, kept.hash), now_ms).expect("a replay is asked for");
            }
        }
    }

    /// All numbers of a device up to this are stored.
    #[must_use]
    pub fn received_through(&self, device: DeviceId) -> u64 {
        let house = self.house();
        let record = house.store.read(|tx| devices::load_device(tx, &house.city, device));
        record.expect("devices are read").map_or(0, |d| d.received_through)
    }

    /// Revokes a phone.
    pub fn revoke(&self, device: DeviceId, now_ms: i64) {
        people::revoke_device(self.house(), Actor::Cli, device, now_ms).expect("a phone to revoke");
    }

    /// A one-time code for a person.
    #[must_use]
    pub fn code(&self, person: PersonId, now_ms: i64) -> String {
        people::create_enrol_code(self.house(), Actor::Cli, person, "http://sim", now_ms)
            .expect("a code")
            .code
    }

    /// A desk action of a person, whose virtual device is `device`; nothing when the server could not.
    pub fn desk(
        &self,
        credential: Credential,
        case_id: CaseId,
        op: DeskOp,
        now_ms: i64,
    ) -> Option<VerdictEntry> {
        let answer = self.written(|done| WriteJob::Desk {
            credential,
            case_id: Some(case_id),
            op: op.clone(),
            received_ms: now_ms,
            done,
        });
        answer.ok()
    }

    fn written<T: Send + 'static>(&self, job: impl FnOnce(Done<T>) -> WriteJob) -> Result<T, ServiceError> {
        let slot = Arc::new(Mutex::new(None));
        let into = slot.clone();
        let done: Done<T> =
            Box::new(move |result| *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(result));
        ingest::step(self.house(), vec![job(done)]);
        let answer = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.unwrap_or(Err(ServiceError::refused(&problem::INTERNAL)))
    }

    /// Takes in a file of unsent work; without a carrier, by the desk that stands for all.
    ///
    /// # Errors
    /// The intake's.
    pub fn hand_in(
        &self,
        carrier: Option<Credential>,
        file: &[u8],
        now_ms: i64,
    ) -> Result<HandInReply, ServiceError> {
        let house = self.house();
        let carrier = match carrier.or(self.desk) {
            Some(carrier) => carrier,
            None => return Err(ServiceError::refused(&problem::SIGN_IN)),
        };
        let submit = |job| {
            ingest::step(house, vec![job]);
            Ok(())
        };
        Intake { house, depot: &self.depot, submit: &submit, room: &|| Ok(()), now_ms }.take(carrier, file)
    }

    /// Answers a request as the shell would.
    #[must_use]
    pub fn handle(&self, request: &HttpRequest, now_ms: i64) -> HttpResponse {
        match self.route(request, now_ms) {
            Ok(response) => ours(response),
            Err(ServiceError::Refused(text, detail)) => {
                let status = status_of(text.code);
                ours(json(status, &text.to_problem(status, detail)))
            }
            Err(other) => {
                let status = status_of(problem::INTERNAL.code);
                ours(json(status, &problem::INTERNAL.to_problem(status, Some(other.to_string()))))
            }
        }
    }

    fn route(&self, request: &HttpRequest, now_ms: i64) -> Result<HttpResponse, ServiceError> {
        let house = self.house();
        let path = request.path.split('?').next().unwrap_or("");
        match (request.method, path) {
            ("POST", "/v1/devices/enrol") => {
                return Ok(json(200, &self.gate.enrol(house, &read(&request.body)?, now_ms)?));
            }
            ("POST", "/v1/token/refresh") => {
                return Ok(json(200, &self.gate.refresh(house, &read(&request.body)?, now_ms)?));
            }
            ("POST", "/v1/token/hand-in/nonce") if self.takes_hand_ins => {
                return Ok(json(200, &self.gate.hand_in_nonce(house, &read(&request.body)?, now_ms)?));
            }
            ("POST", "/v1/token/hand-in") if self.takes_hand_ins => {
                return Ok(json(200, &self.gate.hand_in_token(house, &read(&request.body)?, now_ms)?));
            }
            _ => {}
        }
        let bearer = header(request, "authorization").and_then(|v| v.strip_prefix("Bearer "));
        let Some(token) = bearer else { return Err(ServiceError::refused(&problem::SIGN_IN)) };
        let admitted = self.gate.admit_bearer(house, token, now_ms)?;
        let (credential, hands_in) = (admitted.credential, admitted.hands_in());
        if hands_in && path != "/v1/sync/push" && !path.starts_with("/v1/photos") {
            return Err(ServiceError::refused(&problem::DEVICE_REVOKED));
        }
        match (request.method, path) {
            ("GET", "/v1/me") => Ok(json(200, &people::me(house, credential, now_ms)?)),
            ("POST", "/v1/sync/push") => {
                let push = ingest::ReadPush::of(read(&request.body)?)?;
                let push = if hands_in { push.handed_in() } else { push };
                let job = |done| WriteJob::Push { credential, push, received_ms: now_ms, done };
                Ok(json(200, &self.written(job)?))
            }
            ("POST", "/v1/sync/pull") => {
                Ok(json(200, &pull::pull(house, credential, &read(&request.body)?, now_ms)?))
            }
            ("POST", "/v1/sync/hand-in") => {
                Ok(json(200, &self.hand_in(Some(credential), &request.body, now_ms)?))
            }
            ("POST", "/v1/photos/lacking") => {
                let asked = read(&request.body)?;
                Ok(json(200, &offered::lacking(house, &self.depot, credential, &asked)?))
            }
            _ => self.upload(request, path, credential, now_ms),
        }
    }

    fn upload(
        &self,
        request: &HttpRequest,
        path: &str,
        credential: Credential,
        now_ms: i64,
    ) -> Result<HttpResponse, ServiceError> {
        let (house, depot) = (self.house(), &self.depot);
        let number = |name| header(request, name).and_then(|v| v.parse::<u64>().ok());
        let missing = || ServiceError::refused(&problem::NOT_FOUND);
        if (request.method, path) == ("POST", "/v1/photos") {
            let metadata = header(request, "upload-metadata").unwrap_or("");
            let new = NewUpload::from_metadata(number("upload-length").unwrap_or(0), metadata)?;
            let state = uploads::create(house, depot, credential, &new, now_ms)?;
            return self.tus(201, state, true, now_ms);
        }
        let id =
            path.strip_prefix("/v1/photos/").and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(missing)?;
        let state = match request.method {
            "HEAD" => uploads::state(house, depot, credential, id.into_bytes(), now_ms)?,
            "PATCH" => {
                let sum = header(request, "upload-checksum").map(Checksum::from_header).transpose()?;
                let at = (id.into_bytes(), number("upload-offset").unwrap_or(0));
                let announced = (Some(request.body.len() as u64), sum);
                let mut incoming = uploads::begin(house, depot, credential, at, announced, now_ms)?;
                incoming.write(&request.body)?;
                incoming.finish(house, depot, true)?
            }
            _ => return Err(missing()),
        };
        self.tus(if request.method == "PATCH" { 204 } else { 200 }, state, false, now_ms)
    }

    fn tus(
        &self,
        status: u16,
        mut state: UploadState,
        created: bool,
        now_ms: i64,
    ) -> Result<HttpResponse, ServiceError> {
        if let Some(arrival) = state.arrival.take() {
            let (sha256, upload_id) = (arrival.sha256, arrival.upload_id);
            self.written(|done| arrival.into_job(now_ms, done))?;
            uploads::acknowledged(&self.depot, upload_id);
            state.verified = Some(sha256);
            state.offset = state.length;
        }
        let mut headers = vec![
            ("tus-resumable".into(), "1.0.0".into()),
            ("upload-offset".into(), state.offset.to_string()),
            ("upload-length".into(), state.length.to_string()),
        ];
        if let Some(sha256) = state.verified {
            headers.push(("upload-verified".into(), sha256.to_hex()));
        }
        if created {
            headers.push(("location".into(), format!("/v1/photos/{}", Uuid::from_bytes(state.upload_id))));
        }
        Ok(HttpResponse { status, headers, body: vec![] })
    }
}

fn open_file(path: &Path) -> Store {
    // One thread only, so that the same seed makes the same calls.
    let options = Options { checkpoint_beside: false, ..Options::default() };
    Store::open(path, options).expect("a database")
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).into_iter().flatten() {
        let entry = entry.expect("an entry");
        let into = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &into);
        } else {
            std::fs::copy(entry.path(), into).expect("a copy");
        }
    }
}

fn open(store: Store, seed: u64, start: u64, now_ms: i64) -> House {
    let random = Seeded(Mutex::new(ChaCha8Rng::seed_from_u64(seed ^ (start << 32) ^ 0x5eed)));
    start::open(store, CityId::from(CITY), "模拟市", KEY, Box::new(random), now_ms).expect("the house opens")
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|e| ServiceError::because(&problem::BAD_REQUEST, e.to_string()))
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

fn json<T: Serialize>(status: u16, value: &T) -> HttpResponse {
    let headers = vec![("content-type".into(), "application/json".into())];
    HttpResponse { status, headers, body: serde_json::to_vec(value).expect("answers are JSON") }
}

fn ours(mut response: HttpResponse) -> HttpResponse {
    response.headers.push(("blindspot-protocol".into(), "1".into()));
    response
}
