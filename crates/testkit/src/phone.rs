//! A simulated phone: a real replica on a real database in memory, with clocks that may be wrong, a power button,
//! and a store that can be made to fail.

use crate::dice::Dice;
use crate::files::{MemFiles, MemKeys};
use blindspot_client::PhotoFiles as _;
use blindspot_client::{ClientError, ClientEvent, HttpRequest, HttpResponse, Now, Random, Replica, SealStep};
use blindspot_core::{DeviceId, OpId, PersonId};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A phone that somebody looks at pulls each minute.
const LOOKED_AT_MS: i64 = 60_000;
/// One in a pocket, milliseconds.
const POCKET_MS: i64 = 5 * 60_000;

/// Randomness of a phone, drawn from the scenario.
pub struct PhoneRandom<'d>(pub &'d mut Dice);

impl Random for PhoneRandom<'_> {
    fn fill(&mut self, buf: &mut [u8]) {
        self.0.fill(buf);
    }
}

/// The clocks of a phone; people who share it share them.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// Wall clock minus virtual time.
    pub skew_ms: i64,
    boot: u64,
    booted_ms: i64,
}

/// A failure of the phone's storage to come: counted down by stretches of work and by commits.
#[derive(Debug, Default)]
struct Failing {
    /// 0: nothing is planned; below: it has happened.
    left: AtomicI64,
    /// Stretches of work do not count: how long they are depends on the order of ids, and so on clocks.
    commits_only: AtomicBool,
}

impl Failing {
    fn strikes(&self) -> bool {
        self.left.load(Relaxed) > 0 && self.left.fetch_sub(1, Relaxed) == 1 && {
            self.left.store(-1, Relaxed);
            true
        }
    }
}

/// See the module text.
pub struct SimPhone {
    /// Its person.
    pub person: PersonId,
    /// The app, while it runs.
    pub replica: Option<Replica>,
    /// Ops that its person has done: what must never be lost.
    pub done: Vec<OpId>,
    /// Counts starts of the app; an answer to a former one finds nobody.
    pub life: u64,
    /// Its clocks.
    pub clocks: Rc<Cell<Clocks>>,
    /// Whose phone it is: people of one number share it, and only one has it in hand.
    pub hardware: usize,
    /// Whether its person has it in hand.
    pub in_hand: bool,
    /// How often a feed's digest differed from what the server said: nothing here damages one.
    pub mismatches: usize,
    /// No request of it arrives anywhere.
    pub cut_off: bool,
    /// Its device was revoked or copied: the person may have to enrol again.
    pub excused: bool,
    /// How often it was told to enrol again.
    pub sign_outs: usize,
    /// A call failed: the app is to be asked again soon.
    pub stumbled: bool,
    /// How often it asks for news: while somebody looks at it, or from a pocket.
    pub pull_every_ms: i64,
    name: String,
    /// Keeps the database while the app is down.
    kept: Connection,
    files: MemFiles,
    keys: MemKeys,
    failing: Arc<Failing>,
}

/// A database in memory that outlives the app as long as one connection to it is open: a crash here is the app's, not the
/// machine's, and files cost a seventh of a run's time.
fn open_kept(name: &str) -> Connection {
    Connection::open(format!("file:{name}?vfs=memdb")).expect("the phone's database opens")
}

/// Copies all of a database into another.
fn copy_into(from: &Connection, to: &mut Connection) {
    let backup = Backup::new(from, to).expect("a copy begins");
    let step = backup.step(-1).expect("a copy of the database");
    assert!(matches!(step, StepResult::Done), "a copy of the database: {step:?}");
}

/// The database of an app that was opened for the first time: its tables are built once for all phones.
fn fill_new(db: &mut Connection) {
    static NEW: OnceLock<Mutex<Connection>> = OnceLock::new();
    let new = NEW.get_or_init(|| {
        let name = format!("{}/new", crate::folder().path().display());
        let kept = open_kept(&name);
        let app =
            Replica::open(open_kept(&name), Box::new(MemFiles::default()), Box::new(MemKeys::default()));
        drop(app.expect("the replica opens"));
        Mutex::new(kept)
    });
    copy_into(&new.lock().unwrap_or_else(PoisonError::into_inner), db);
}

impl SimPhone {
    /// A phone with an empty replica.
    #[must_use]
    pub fn new(folder: &Path, n: usize, person: PersonId, skew_ms: i64, now_ms: i64) -> Self {
        let clocks = Clocks { skew_ms, boot: 0, booted_ms: now_ms };
        let name = format!("{}/phone{n}", folder.display());
        let mut phone = Self {
            person,
            replica: None,
            done: vec![],
            life: 0,
            clocks: Rc::new(Cell::new(clocks)),
            hardware: n,
            in_hand: true,
            mismatches: 0,
            cut_off: false,
            excused: false,
            sign_outs: 0,
            stumbled: false,
            pull_every_ms: LOOKED_AT_MS,
            kept: open_kept(&name),
            name,
            files: MemFiles::default(),
            keys: MemKeys::default(),
            failing: Arc::default(),
        };
        fill_new(&mut phone.kept);
        phone.start();
        phone
    }

    /// All that the app has kept, on another phone: an image of the storage was put back.
    #[must_use]
    pub fn copied(&mut self, n: usize) -> Self {
        self.replica = None;
        let name = format!("{}-copy{n}", self.name);
        let mut kept = open_kept(&name);
        copy_into(&self.kept, &mut kept);
        let mut copy = Self {
            person: self.person,
            replica: None,
            done: vec![],
            life: 0,
            clocks: Rc::new(Cell::new(self.clocks.get())),
            hardware: n,
            in_hand: true,
            mismatches: 0,
            cut_off: self.cut_off,
            excused: true,
            sign_outs: 0,
            stumbled: false,
            pull_every_ms: self.pull_every_ms,
            name,
            kept,
            files: self.files.copied(),
            keys: self.keys.copied(),
            failing: Arc::default(),
        };
        self.excused = true;
        self.start();
        copy.start();
        copy
    }

    /// As `new`, for another person on the phone of `owner`.
    #[must_use]
    pub fn beside(owner: &SimPhone, folder: &Path, n: usize, person: PersonId, now_ms: i64) -> Self {
        let mut phone = Self::new(folder, n, person, 0, now_ms);
        (phone.clocks, phone.hardware, phone.in_hand) = (owner.clocks.clone(), owner.hardware, false);
        phone
    }

    fn start(&mut self) {
        let mut db = open_kept(&self.name);
        self.failing.left.store(0, Relaxed);
        let (files, keys) = (Box::new(self.files.clone()), Box::new(self.keys.clone()));
        let (work, commits) = (self.failing.clone(), self.failing.clone());
        db.progress_handler(200, Some(move || !work.commits_only.load(Relaxed) && work.strikes()))
            .expect("a handler");
        db.commit_hook(Some(move || commits.strikes())).expect("a hook");
        let mut app = Replica::open(db, files, keys).expect("the replica opens");
        app.set_pull_pace(0, self.pull_every_ms);
        self.replica = Some(app);
        self.life += 1;
    }

    /// The app dies without a word and is opened again.
    pub fn crash(&mut self) {
        self.replica = None;
        self.start();
    }

    /// The phone restarts: the clock that counts sleep begins anew.
    pub fn reboot(&mut self, now_ms: i64) {
        let clocks = self.clocks.get();
        self.clocks.set(Clocks { boot: clocks.boot + 1, booted_ms: now_ms, ..clocks });
        self.crash();
    }

    /// It is in a pocket, and asks for news less often.
    pub fn put_away(&mut self) {
        self.pull_every_ms = POCKET_MS;
        self.app().set_pull_pace(0, POCKET_MS);
    }

    /// The wall clock is set.
    pub fn set_skew(&mut self, skew_ms: i64) {
        self.clocks.set(Clocks { skew_ms, ..self.clocks.get() });
    }

    /// After so many stretches of work or commits, one fails.
    pub fn fail_after(&mut self, count: i64) {
        self.failing.left.store(count, Relaxed);
    }

    /// A file of a photo goes, or its bytes change.
    pub fn spoil(&mut self, file: &str, gone: bool) {
        self.files.spoil(file, gone);
    }

    /// Unsent work as a file; nothing when there is none, or the app has no key for it yet.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn export(&mut self, out: &mut Vec<u8>, now: &Now) -> Option<()> {
        let exported = self.calmly(|app| app.export_unsent(out, now)).expect("unsent work is read");
        (exported.ops + exported.photos > 0).then_some(())
    }

    /// The bytes of a file that the app wants to send whole.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.files.read(name).ok()
    }

    /// Only commits fail.
    pub fn fail_commits_only(&mut self) {
        self.failing.commits_only.store(true, Relaxed);
    }

    /// What came of a call; nothing when the storage failed as it was planned to. Then the app may die of it.
    ///
    /// # Panics
    /// When it failed of itself.
    pub fn survived<T>(&mut self, result: Result<T, ClientError>, dice: &mut Dice) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(self.failing.left.swap(0, Relaxed) < 0, "a call to the app failed: {error}");
                self.stumbled = true;
                if dice.percent(50) {
                    self.crash();
                }
                None
            }
        }
    }

    /// Its clocks at a virtual time.
    #[must_use]
    pub fn now(&self, now_ms: i64) -> Now {
        let clocks = self.clocks.get();
        Now {
            wall_ms: now_ms + clocks.skew_ms,
            mono_ms: Some(now_ms - clocks.booted_ms),
            boot_id: Some(format!("boot-{}", clocks.boot)),
        }
    }

    /// The app.
    ///
    /// # Panics
    /// Between a crash and a start; there is no such moment.
    pub fn app(&mut self) -> &mut Replica {
        self.replica.as_mut().expect("the app runs")
    }

    /// Its enrolment.
    pub fn device(&mut self) -> DeviceId {
        self.calmly(|app| app.identity()).expect("identity").expect("enrolled").device_id
    }

    /// Whether the app says that its person must enrol again.
    pub fn signed_out(&mut self) -> bool {
        self.calmly(|app| app.status()).expect("a status").signed_out
    }

    /// All numbers up to this were acknowledged to it.
    pub fn received_through(&mut self) -> u64 {
        let through = self.calmly(|app| app.status()).expect("a status").received_through;
        through.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    }

    /// Looks at the app without its storage failing over it.
    fn calmly<T>(&mut self, look: impl FnOnce(&mut Replica) -> T) -> T {
        let left = self.failing.left.swap(0, Relaxed);
        let seen = look(self.app());
        self.failing.left.store(left, Relaxed);
        seen
    }

    /// Everything the app wants to send now. Sealing goes on in the background first.
    pub fn requests(&mut self, now_ms: i64, dice: &mut Dice) -> Vec<HttpRequest> {
        let now = self.now(now_ms);
        let mut out = vec![];
        loop {
            let step = self.app().seal_next(&now, &mut PhoneRandom(dice));
            match self.survived(step, dice) {
                Some(SealStep::Sealed { .. }) => {}
                Some(_) => break,
                None => return out,
            }
        }
        let life = self.life;
        loop {
            let request = self.app().poll_request(&now, &mut PhoneRandom(dice));
            match self.survived(request, dice) {
                Some(Some(request)) => out.push(request),
                // What a former life of the app wanted to send went with it.
                None if self.life != life => return vec![],
                Some(None) | None => return out,
            }
        }
    }

    /// Hands an answer to the app.
    pub fn answer(&mut self, id: u64, response: &HttpResponse, now_ms: i64, dice: &mut Dice) {
        let now = self.now(now_ms);
        let taken = self.app().handle_response(id, response, &now, &mut PhoneRandom(dice));
        self.survived(taken, dice);
        while let Some(event) = self.app().poll_event() {
            self.mismatches += usize::from(matches!(event, ClientEvent::DigestMismatch { .. }));
        }
    }

    /// Tells the app that nothing answered.
    pub fn fail(&mut self, id: u64, now_ms: i64, dice: &mut Dice) {
        let now = self.now(now_ms);
        let taken = self.app().handle_failure(id, &now, &mut PhoneRandom(dice));
        self.survived(taken, dice);
    }

    /// When the app wants to be woken, virtual time.
    #[must_use]
    pub fn wakes_at(&self) -> Option<i64> {
        let (at, _) = self.replica.as_ref()?.poll_timeout()?;
        Some(at - self.clocks.get().skew_ms)
    }
}
