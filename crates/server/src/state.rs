//! What the handlers share: the house, the gate, the writer, the depot. Knows no route.

use crate::auth::Gate;
use crate::auth::password::AT_ONCE_MAX;
use crate::backup::schedule::BackupState;
use crate::blob::{Depot, Place, PlaceError};
use crate::config::ServeConfig;
use crate::database::{self, Database};
use crate::hints::Hints;
use crate::http::outside::Outside;
use crate::http::pulls::Pulls;
use crate::http::turns::Turns;
use crate::service::erasure::{self, ErasedFiles};
use crate::service::limits::{Buckets, Reserve};
use crate::service::seen::Seen;
use crate::service::{House, Random, ServiceError, Writer, start};
use crate::telemetry::{ConnectionCounts, Telemetry};
use crate::tls::Certificates;
use blindspot_core::id::CityId;
use blindspot_store::Store;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, watch};

/// Sign-ins that may wait for their turn; a password takes some 30 ms of a core.
const LOGINS_WAITING: usize = 256;
/// Uploads and downloads in progress; each has a thread while it lasts.
const TRANSFERS_AT_ONCE: usize = 300;
const TRANSFERS_WAITING: usize = 300;
/// Exported files that are taken in at once: each may bring thousands of photos.
const HAND_INS_AT_ONCE: usize = 2;
const HAND_INS_WAITING: usize = 16;
/// Photos of work links that are decoded at once.
const LINKS_AT_ONCE: usize = 2;
const LINKS_WAITING: usize = 32;
/// Tables that are made or taken in at once: each takes some tens of megabytes.
const SHEETS_AT_ONCE: usize = 2;
const SHEETS_WAITING: usize = 8;
/// Bytes of request bodies in memory at once.
const BODIES_BYTES_MAX: usize = 64 << 20;

/// Reads at once: as many as the store has connections for.
const READS_AT_ONCE: usize = 4;

/// Why a data folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error("another server is using this data folder")]
    InUse,
    /// Its key is not 32 bytes.
    #[error("secret.key in the data folder is damaged: put back the one from a backup")]
    BadKey,
    /// Its photos lie somewhere else.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Files refuse.
    #[error("the data folder: {0}")]
    Io(#[from] io::Error),
    /// The database refuses.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Randomness of the operating system.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buf: &mut [u8]) {
        // Without randomness there are no secrets: better no server than one with guessable tokens.
        getrandom::fill(buf).expect("the operating system gives random bytes");
    }
}

/// A data folder that is open and locked; also what the command line works on when no server runs.
pub struct DataFolder {
    /// The house on it.
    pub house: Arc<House>,
    /// Its photo bytes.
    pub depot: Arc<Depot>,
    _lock: File,
}

/// How a data folder is opened.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// Where its database is.
    pub database: &'a Database,
    /// The id of its city, when one is named: counts for a new folder, or for one city of several.
    pub city: Option<&'a str>,
    /// The name of its city, for a new one.
    pub city_name: Option<&'a str>,
    /// Where its photos are to lie, when that is said.
    pub photos: Option<&'a Place>,
}

impl<'a> Opening<'a> {
    /// On a database, nothing else said.
    #[must_use]
    pub fn of(database: &'a Database) -> Self {
        Self { database, city: None, city_name: None, photos: None }
    }
}

impl DataFolder {
    /// Opens or makes a data folder with a database of its own. `city`, its id and its name, counts only for a new one.
    ///
    /// # Errors
    /// As `open_with`.
    pub fn open(data: &Path, city: Option<(&str, &str)>, now_ms: i64) -> Result<Self, OpenError> {
        let (city, city_name) = city.unzip();
        Self::open_with(data, &Opening { city, city_name, ..Opening::of(&Database::File) }, now_ms)
    }

    /// Opens or makes a data folder.
    ///
    /// # Errors
    /// `InUse` while another process has it; `Place` when photos lie somewhere else; also when the folder is of another
    /// city of its database, or has another `secret.key` than the servers there. See `OpenError`.
    pub fn open_with(data: &Path, opening: &Opening<'_>, now_ms: i64) -> Result<Self, OpenError> {
        fs::create_dir_all(data)?;
        let lock = File::options().create(true).truncate(false).write(true).open(data.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(e)) => return Err(e.into()),
        }
        let depot = Arc::new(Depot::open_at(data, &Place::settle(data, opening.photos)?)?);
        depot.forget_copies(data)?;
        let random = SystemRandom;
        let seed = load_seed(&data.join("secret.key"), &random)?;
        let store = opening.database.open(data).map_err(ServiceError::from)?;
        let (city, name) = which_city(data, &store, opening)?;
        store.for_city(&city).map_err(ServiceError::from)?;
        let node = if store.is_shared() { Some(load_node(&data.join("node.id"), &random)?) } else { None };
        let house = start::open(store, city, &name, seed, Box::new(random), now_ms, node)?;
        let house = Arc::new(house);
        house.set_erased_files(Arc::new(ErasedFiles::open(data, depot.clone())));
        erasure::catch_up(&house, now_ms)?;
        Ok(Self { house, depot, _lock: lock })
    }

    /// Notes that the work on it ended in order.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn close(&self) -> Result<(), ServiceError> {
        start::close(&self.house)
    }
}

/// The city that a folder is for, made up when there is none yet.
fn which_city(data: &Path, store: &Store, opening: &Opening<'_>) -> Result<(CityId, String), OpenError> {
    let known = database::city_of(data, store, opening.city).map_err(ServiceError::from)?;
    let (city, name) = match known {
        Some(record) => (record.city, record.name),
        None => {
            let (id, name) = (opening.city.unwrap_or("city"), opening.city_name.unwrap_or("净格"));
            (CityId::from(id), name.to_owned())
        }
    };
    if store.is_shared() {
        database::note_city(data, &city)?;
    }
    Ok((city, name))
}

/// The name under which this folder's server is known to others on the same database.
fn load_node(path: &Path, random: &dyn Random) -> io::Result<String> {
    if let Ok(name) = fs::read_to_string(path)
        && !name.trim().is_empty()
    {
        return Ok(name.trim().to_owned());
    }
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    let name: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    fs::write(path, &name)?;
    Ok(name)
}

/// The seed of all keys; made at the first start, readable by its owner alone.
fn load_seed(path: &Path, random: &dyn Random) -> Result<[u8; 32], OpenError> {
    match fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| OpenError::BadKey),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let mut seed = [0; 32];
            random.fill(&mut seed);
            // Complete before it has its name: half a key would lock everybody out.
            let fresh = path.with_extension("new");
            let mut options = File::options();
            options.create(true).truncate(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&fresh)?;
            io::Write::write_all(&mut file, &seed)?;
            file.sync_all()?;
            fs::rename(&fresh, path)?;
            Ok(seed)
        }
        Err(e) => Err(e.into()),
    }
}

/// See the module text.
pub struct App {
    /// The open data folder.
    pub folder: DataFolder,
    /// Tokens and sessions.
    pub gate: Gate,
    /// The one way to change things.
    pub writer: Writer,
    /// Who is told of commits.
    pub hints: Hints,
    /// Where phones find this server.
    pub base_url: String,
    /// Turns true when the server is about to stop; long polls and event streams end by it.
    pub stopping: watch::Sender<bool>,
    /// Whether this is a sandbox.
    pub sandbox: bool,
    /// Whether the sandbox is to be put back once the server has stopped.
    pub(crate) put_back: AtomicBool,
    /// How many connections there are.
    pub connections: Arc<ConnectionCounts>,
    /// When phones were last heard of.
    pub seen: Seen,
    /// Rates.
    pub buckets: Buckets,
    /// Free space kept for ops.
    pub reserve: Reserve,
    /// Moves with every change of who may do what.
    pub(crate) standing: watch::Sender<i64>,
    /// All there is to tell those who watch.
    pub telemetry: Telemetry,
    /// The data folder's path.
    pub data: PathBuf,
    /// The certificate, when there is one.
    pub certificates: OnceLock<Arc<Certificates>>,
    /// Who may read metrics from elsewhere.
    pub(crate) metrics_token: Option<String>,
    /// Free space below which a word is due, MB.
    pub(crate) space_warn_mb: u64,
    /// The way out, for notices.
    pub outside: Outside,
    /// How scheduled backups went.
    pub backups: BackupState,
    /// Turns to read from the database.
    pub(crate) reads: Arc<Semaphore>,
    /// Pulls that are read together.
    pub(crate) pulls: Pulls,
    pub(crate) logins: Turns,
    pub(crate) transfers: Turns,
    /// Exported files that are taken in.
    pub(crate) hand_ins: Turns,
    /// Forms of work links.
    pub(crate) links: Turns,
    /// Tables that go out or come in.
    pub(crate) sheets: Turns,
    pub(crate) bodies: Arc<Semaphore>,
}

impl App {
    /// Over an open data folder.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn new(folder: DataFolder, config: &ServeConfig, base_url: String) -> io::Result<Self> {
        let hints = if folder.house.store.is_shared() { Hints::shared() } else { Hints::default() };
        let listener = hints.clone();
        folder.house.set_listener(Box::new(move |h| listener.tell(h)));
        folder.house.set_sandbox(config.sandbox.is_some());
        if let (Some(plan), Some(files)) = (&config.backup, folder.house.erased_files()) {
            // The list beside the backups outlives this folder: nothing is answered before it is carried out.
            files.add_backups(&plan.to);
            erasure::catch_up(&folder.house, crate::http::now_ms()).map_err(io::Error::other)?;
        }
        let gate = Gate::new(&folder.house);
        let writer = Writer::spawn(folder.house.clone())?;
        let base_url = config.base_url.clone().unwrap_or(base_url);
        let limits = &config.limits;
        folder.house.set_upload_quota_bytes(limits.upload_quota_bytes);
        folder.house.set_notice_settings(config.notices.clone());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            seen: Seen::default(),
            buckets: Buckets::new(limits.rates),
            reserve: Reserve::new(&config.data, limits.reserve_bytes),
            standing: watch::Sender::new(0),
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            pulls: Pulls::default(),
            links: Turns::new(LINKS_AT_ONCE, LINKS_WAITING, 2_000),
            hand_ins: Turns::new(HAND_INS_AT_ONCE, HAND_INS_WAITING, 10_000),
            sheets: Turns::new(SHEETS_AT_ONCE, SHEETS_WAITING, 5_000),
            transfers: Turns::new(TRANSFERS_AT_ONCE, TRANSFERS_WAITING, 2_000),
            bodies: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
            folder,
            gate,
            writer,
            hints,
            base_url,
            stopping: watch::Sender::new(false),
            sandbox: config.sandbox.is_some(),
            put_back: AtomicBool::new(false),
            connections: Arc::default(),
            telemetry: Telemetry::default(),
            data: config.data.clone(),
            certificates: OnceLock::new(),
            metrics_token: config.metrics_token.clone(),
            space_warn_mb: config.space_warn_mb,
            outside: Outside::default(),
            backups: BackupState::default(),
            logins: Turns::new(cores.min(AT_ONCE_MAX), LOGINS_WAITING, 5_000),
        })
    }

    /// The house.
    #[must_use]
    pub fn house(&self) -> &House {
        &self.folder.house
    }

    /// Photo bytes.
    #[must_use]
    pub fn depot(&self) -> &Depot {
        &self.folder.depot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_never_share_a_data_folder_and_the_key_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("数据 folder");
        let first = DataFolder::open(&data, Some(("yiwu", "义乌")), 1_000).expect("open");
        assert!(matches!(DataFolder::open(&data, None, 2_000), Err(OpenError::InUse)));
        let key = first.house.keys.identity_public();
        first.close().expect("close");
        drop(first);
        let again = DataFolder::open(&data, Some(("other", "别处")), 3_000).expect("open");
        assert_eq!(again.house.keys.identity_public(), key);
        assert_eq!((again.house.city.as_str(), again.house.city_name.as_str()), ("yiwu", "义乌"));
        drop(again);
        fs::write(data.join("secret.key"), b"short").expect("write");
        assert!(matches!(DataFolder::open(&data, None, 4_000), Err(OpenError::BadKey)));
    }

    #[test]
    fn a_city_that_is_not_named_has_the_name_that_it_is_given() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["义乌", "another"] {
            let opening = Opening { city_name: Some(name), ..Opening::of(&Database::File) };
            let folder = DataFolder::open_with(dir.path(), &opening, 1_000).expect("opened");
            let house = &folder.house;
            assert_eq!((house.city.as_str(), house.city_name.as_str()), ("city", "义乌"), "once for all");
            folder.close().expect("closed");
        }
    }
}
