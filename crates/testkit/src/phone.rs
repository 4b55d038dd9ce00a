//! A simulated phone: a real replica on a real database file, with clocks that may be wrong, and a power
//! button.

use crate::dice::Dice;
use crate::files::{MemFiles, MemKeys};
use blindspot_client::{ClientEvent, HttpRequest, HttpResponse, Now, Random, Replica, SealStep};
use blindspot_core::{OpId, PersonId};
use std::path::{Path, PathBuf};

/// Randomness of a phone, drawn from the scenario.
pub struct PhoneRandom<'d>(pub &'d mut Dice);

impl Random for PhoneRandom<'_> {
    fn fill(&mut self, buf: &mut [u8]) {
        self.0.fill(buf);
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
    /// Wall clock minus virtual time.
    pub skew_ms: i64,
    /// How often a feed's digest differed from what the server said: nothing here damages one.
    pub mismatches: usize,
    /// No request of it arrives anywhere.
    pub cut_off: bool,
    path: PathBuf,
    files: MemFiles,
    keys: MemKeys,
    boot: u64,
    booted_ms: i64,
}

impl SimPhone {
    /// A phone with an empty replica.
    #[must_use]
    pub fn new(folder: &Path, n: usize, person: PersonId, skew_ms: i64, now_ms: i64) -> Self {
        let mut phone = Self {
            person,
            replica: None,
            done: vec![],
            life: 0,
            skew_ms,
            mismatches: 0,
            cut_off: false,
            path: folder.join(format!("phone{n}.db")),
            files: MemFiles::default(),
            keys: MemKeys::default(),
            boot: 0,
            booted_ms: now_ms,
        };
        phone.start();
        phone
    }

    fn start(&mut self) {
        let db = rusqlite::Connection::open(&self.path).expect("the phone's database opens");
        let (files, keys) = (Box::new(self.files.clone()), Box::new(self.keys.clone()));
        self.replica = Some(Replica::open(db, files, keys).expect("the replica opens"));
        self.life += 1;
    }

    /// The app dies without a word and is opened again.
    pub fn crash(&mut self) {
        self.replica = None;
        self.start();
    }

    /// The phone restarts: the clock that counts sleep begins anew.
    pub fn reboot(&mut self, now_ms: i64) {
        self.boot += 1;
        self.booted_ms = now_ms;
        self.crash();
    }

    /// Its clocks at a virtual time.
    #[must_use]
    pub fn now(&self, now_ms: i64) -> Now {
        Now {
            wall_ms: now_ms + self.skew_ms,
            mono_ms: Some(now_ms - self.booted_ms),
            boot_id: Some(format!("boot-{}", self.boot)),
        }
    }

    /// The app.
    ///
    /// # Panics
    /// Between a crash and a start; there is no such moment.
    pub fn app(&mut self) -> &mut Replica {
        self.replica.as_mut().expect("the app runs")
    }

    /// Everything the app wants to send now. Sealing goes on in the background first.
    pub fn requests(&mut self, now_ms: i64, dice: &mut Dice) -> Vec<HttpRequest> {
        let now = self.now(now_ms);
        let app = self.app();
        while let SealStep::Sealed { .. } =
            app.seal_next(&now, &mut PhoneRandom(dice)).expect("sealing goes on")
        {}
        let mut out = vec![];
        while let Some(request) = app.poll_request(&now, &mut PhoneRandom(dice)).expect("a request or none") {
            out.push(request);
        }
        out
    }

    /// Hands an answer to the app.
    pub fn answer(&mut self, id: u64, response: &HttpResponse, now_ms: i64, dice: &mut Dice) {
        let now = self.now(now_ms);
        self.app().handle_response(id, response, &now, &mut PhoneRandom(dice)).expect("an answer is taken");
        while let Some(event) = self.app().poll_event() {
            self.mismatches += usize::from(matches!(event, ClientEvent::DigestMismatch { .. }));
        }
    }

    /// Tells the app that nothing answered.
    pub fn fail(&mut self, id: u64, now_ms: i64, dice: &mut Dice) {
        let now = self.now(now_ms);
        self.app().handle_failure(id, &now, &mut PhoneRandom(dice)).expect("a failure is taken");
    }

    /// When the app wants to be woken, virtual time.
    #[must_use]
    pub fn wakes_at(&self) -> Option<i64> {
        let (at, _) = self.replica.as_ref()?.poll_timeout()?;
        Some(at - self.skew_ms)
    }
}
