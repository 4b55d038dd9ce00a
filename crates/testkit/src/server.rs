//! The server without its shell: the real auth, service and store on virtual time. A crash drops all but what was
//! committed.

use blindspot_core::access::{Area, Role};
use blindspot_core::error as problem;
use blindspot_core::id::CityId;
use blindspot_core::verdict::Cause;
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::{CaseId, DeviceId, PersonId};
use blindspot_server::auth::Gate;
use blindspot_server::blob::Depot;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::writer::{Done, WriteJob};
use blindspot_server::service::{Credential, House, Random, ServiceError, ingest, replays, start};
use blindspot_store::{Options, Store, backup, devices, quarantine};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
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
    pub(crate) gate: Gate,
    pub(crate) depot: Depot,
    seed: u64,
    starts: u64,
    /// The database file, once the server runs on one: only such a server can be set back.
    file: Option<PathBuf>,
    dir: tempfile::TempDir,
    /// Who takes in what is brought to a desk; without one, revoked devices are not let in either.
    pub intake_desk: Option<Credential>,
}

const CITY: &str = "simcity";
/// Everybody knows it: nothing real is ever served with it.
const KEY: [u8; 32] = [7; 32];

impl SimServer {
    /// A new server with an empty database.
    #[must_use]
    pub fn new(seed: u64, now_ms: i64) -> Self {
        let store = Store::open_in_memory().expect("a database");
        Self::begin(store, None, crate::folder(), seed, now_ms)
    }

    /// A new server on a file, which can be set back.
    #[must_use]
    pub fn on_file(seed: u64, now_ms: i64) -> Self {
        Self::in_folder(crate::folder(), seed, now_ms)
    }

    fn in_folder(dir: tempfile::TempDir, seed: u64, now_ms: i64) -> Self {
        let file = dir.path().join("blindspot.db");
        Self::begin(open_file(&file), Some(file), dir, seed, now_ms)
    }

    fn begin(store: Store, file: Option<PathBuf>, dir: tempfile::TempDir, seed: u64, now_ms: i64) -> Self {
        let house = open(store, seed, 0, now_ms);
        let gate = Gate::new(&house);
        let depot = Depot::open(dir.path()).expect("a folder for blobs");
        Self { house: Some(house), gate, depot, seed, starts: 1, file, dir, intake_desk: None }
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
        Self::in_folder(dir, seed, now_ms)
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

    pub(crate) fn written<T: Send + 'static>(
        &self,
        job: impl FnOnce(Done<T>) -> WriteJob,
    ) -> Result<T, ServiceError> {
        let slot = Arc::new(Mutex::new(None));
        let into = slot.clone();
        let done: Done<T> =
            Box::new(move |result| *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(result));
        ingest::step(self.house(), vec![job(done)]);
        let answer = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.unwrap_or(Err(ServiceError::refused(&problem::INTERNAL)))
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
    start::open(store, CityId::from(CITY), "模拟市", KEY, Box::new(random), now_ms, None)
        .expect("the house opens")
}
