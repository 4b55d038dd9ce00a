//! The house: what every use-case stands on. Built once at start, shared by all threads.

use crate::auth::keys::Keys;
use crate::auth::used::Used;
use crate::service::erasure::ErasedFiles;
use crate::service::notices::NoticeSettings;
use crate::telemetry::stats::WriterStats;
use blindspot_core::catalogue::Catalogue;
use blindspot_core::deadline::CityCalendar;
use blindspot_core::division::{Places, TownCode};
use blindspot_core::duty::Duty;
use blindspot_core::id::CityId;
use blindspot_core::limits::UPLOAD_QUOTA_BYTES;
use blindspot_core::wire::v1::Hint;
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::Store;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Randomness handed in: the operating system's, or a seeded one in simulation.
pub trait Random: Send + Sync {
    /// Fills a buffer.
    fn fill(&self, buf: &mut [u8]);
}

/// Who is asking, as proved by a token or a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The person.
    pub person: PersonId,
    /// The enrolment, or the virtual device of a desk session.
    pub device: DeviceId,
    /// Whether it is a desk session.
    pub desk: bool,
}

/// Reference data as `apply` needs it, loaded from rows and replaced whole when they change.
#[derive(Debug)]
pub struct Reference {
    /// Divisions, cells, duty grids, sites.
    pub places: Places,
    /// The catalogue in force.
    pub catalogue: Option<Catalogue>,
    /// All towns, for roles that read the whole city.
    pub towns: Vec<TownCode>,
    /// Calendars of the city's own.
    pub calendars: Vec<CityCalendar>,
}

impl Default for Reference {
    fn default() -> Self {
        Self { places: Places::empty(), catalogue: None, towns: vec![], calendars: vec![] }
    }
}

type Listener = Box<dyn Fn(&[Hint]) + Send + Sync>;

/// See the module text.
pub struct House {
    /// The database.
    pub store: Store,
    /// The city served.
    pub city: CityId,
    /// Its name as shown.
    pub city_name: String,
    /// Signing, token and cursor keys.
    pub keys: Keys,
    /// Randomness.
    pub random: Box<dyn Random>,
    /// Tokens that were used for the first time and are not yet written down.
    pub used: Used,
    /// What the writer counts of itself.
    pub stats: Arc<WriterStats>,
    reference: RwLock<Arc<Reference>>,
    duty: RwLock<Arc<Duty>>,
    listener: RwLock<Option<Listener>>,
    erased_files: OnceLock<Arc<ErasedFiles>>,
    notices: RwLock<NoticeSettings>,
    sandbox: AtomicBool,
    upload_quota: AtomicU64,
    run: AtomicI64,
    node: OnceLock<String>,
}

impl House {
    /// Puts a house together; reference data is loaded by `service::reference::load`.
    #[must_use]
    pub fn new(store: Store, city: CityId, city_name: String, keys: Keys, random: Box<dyn Random>) -> Self {
        Self {
            store,
            city,
            city_name,
            keys,
            random,
            used: Used::default(),
            stats: Arc::default(),
            reference: RwLock::default(),
            duty: RwLock::default(),
            listener: RwLock::default(),
            erased_files: OnceLock::new(),
            notices: RwLock::default(),
            sandbox: AtomicBool::new(false),
            upload_quota: AtomicU64::new(UPLOAD_QUOTA_BYTES),
            run: AtomicI64::new(0),
            node: OnceLock::new(),
        }
    }

    /// Reference data now.
    #[must_use]
    pub fn reference(&self) -> Arc<Reference> {
        self.reference.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces reference data.
    pub fn set_reference(&self, reference: Reference) {
        *self.reference.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(reference);
    }

    /// Who answers for what, now.
    #[must_use]
    pub fn duty(&self) -> Arc<Duty> {
        self.duty.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces it.
    pub fn set_duty(&self, duty: Duty) {
        *self.duty.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(duty);
    }

    /// Who is told of commits: a hint a feed that moved.
    pub fn set_listener(&self, listener: Listener) {
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Tells of a commit. Called after it, never inside.
    pub fn tell(&self, hints: &[Hint]) {
        if let Some(listener) = &*self.listener.read().unwrap_or_else(PoisonError::into_inner) {
            listener(hints);
        }
    }

    /// Where lists and files of what is erased lie; none for a house in memory.
    #[must_use]
    pub fn erased_files(&self) -> Option<&ErasedFiles> {
        self.erased_files.get().map(Arc::as_ref)
    }

    /// Says so, once.
    pub fn set_erased_files(&self, files: Arc<ErasedFiles>) {
        let _ = self.erased_files.set(files);
    }

    /// How notices are sent.
    #[must_use]
    pub fn notice_settings(&self) -> NoticeSettings {
        self.notices.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets it.
    pub fn set_notice_settings(&self, settings: NoticeSettings) {
        *self.notices.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Which start of the program this is, of all on the database.
    #[must_use]
    pub fn run(&self) -> i64 {
        self.run.load(Ordering::Relaxed)
    }

    /// The name under which other servers on the database know this one; none where there are no others.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.get().map(String::as_str)
    }

    /// Says which start this is, once, and under which name.
    pub(super) fn set_run(&self, run: i64, node: Option<String>) {
        self.run.store(run, Ordering::Relaxed);
        if let Some(node) = node {
            let _ = self.node.set(node);
        }
    }

    /// Whether enrolment codes are never used up.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.sandbox.load(Ordering::Relaxed)
    }

    /// Says so.
    pub fn set_sandbox(&self, sandbox: bool) {
        self.sandbox.store(sandbox, Ordering::Relaxed);
    }

    /// Bytes that one device may begin to upload in a day.
    #[must_use]
    pub fn upload_quota_bytes(&self) -> u64 {
        self.upload_quota.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set_upload_quota_bytes(&self, bytes: u64) {
        self.upload_quota.store(bytes, Ordering::Relaxed);
    }

    /// Ten random bytes for an id.
    #[must_use]
    pub fn id_bytes(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.random.fill(&mut bytes);
        bytes
    }
}
