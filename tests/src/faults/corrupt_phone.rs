//! F16: the phone's database is damaged: bytes flipped in its header, its pages and its WAL, the end cut off.
//!
//! What must be there afterwards: every op, capture and photo none of whose pages was hit, in any image of them.
//! What was hit is nobody's to bring back, though most of it is; the phone counts and says what it could not read.

use super::child::{Server, blindspot};
use super::corrupt_ground::{Damage, Work};
use super::kill_phone::texts;
use super::{Outcome, ground};
use blindspot_port_temp::Port;
use blindspot_testkit::dice::Dice;
use rusqlite::Connection;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs of one person's phone: what was rescued once is there to be damaged again.
const LIVES: u64 = 20;

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    ground::lay(&data, 1);
    let listen = Port::take().expect("a port");
    let mut dice = Dice::from_seed(outcome.seed, 1 << 16);
    let mut phone = Phone { home: PathBuf::new(), base: format!("http://{listen}"), codes: vec![] };
    let mut server = None;
    for run in 0..count {
        if run % LIVES == 0 {
            // Codes last ten minutes, and only a folder without a server makes them here.
            drop(server.take());
            let person = usize::try_from(run / LIVES).unwrap_or(0) + 1;
            phone.codes = ground::codes_of_one(&data, person, 2 + usize::try_from(LIVES).unwrap_or(0));
            phone.home = dir.path().join(format!("手机 {person}"));
            server = Some(Server::start(&data, &listen));
            phone.enrol(outcome, "at first");
        }
        one(outcome, &mut phone, &mut dice, run);
        outcome.runs += 1;
    }
    drop(server);
    let held = ground::examine(&data);
    outcome.acknowledged += held.ops.len() as u64;
    if held.integrity != "ok" {
        outcome.blame(format!("the server's integrity_check says {}", held.integrity));
    }
    for (applied, rows) in held.applied.iter().zip(held.rows) {
        outcome.duplicated += rows.saturating_sub(*applied);
    }
}

/// Works, breaks the file, opens, enrols where that is asked for, syncs, and looks whether all is there.
fn one(outcome: &mut Outcome, phone: &mut Phone, dice: &mut Dice, run: u64) {
    let slot = phone.home.join("p1");
    let left = phone.home.with_extension("left");
    let work = Work::done(&slot, &left, run, dice);
    let damage = Damage::draw(&slot, run, dice);
    let when = format!("run {run}, {damage}");
    let whole = work.untouched(&slot, &damage);
    damage.strike(&slot);
    let struck = Struck::read(&slot);
    let Some(status) = phone.must(outcome, &["status"], &when) else { return };
    let recovered = &status["recovered"];
    if !recovered.is_null() && recovered != &work.recovered {
        let number = |key: &str| recovered[key].as_u64().unwrap_or(0);
        outcome.rescued += number("ops") + number("acknowledged") + number("captures");
        let aside = recovered["set_aside"].as_str().unwrap_or_default();
        if !slot.join(aside).is_file() {
            outcome.blame(format!("{when}: the damaged file is not kept as {aside:?}"));
        }
    }
    if status["signed_out"] == true || status["device_id"].is_null() {
        phone.enrol(outcome, &when);
    }
    let Some(after) = phone.must(outcome, &["sync", "--for", "60", "--until-empty"], &when) else { return };
    if after["rows"].as_u64().unwrap_or(0) == 0 {
        outcome.blame(format!("{when}: the mirror is empty after a sync"));
    }
    let db = Connection::open(slot.join("replica.db")).expect("the phone's database opens");
    let word: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).expect("a word");
    if word != "ok" {
        outcome.blame(format!("{when}: afterwards integrity_check says {word}"));
    }
    let bodies = texts(&db, "SELECT body FROM outbox WHERE state = 1");
    let ids = texts(&db, "SELECT op_id FROM outbox WHERE state = 1");
    let photos =
        texts(&db, "SELECT photo_id FROM uploads GROUP BY 1 HAVING min(state) = 1 AND max(state) = 1");
    let missing = whole.bodies.difference(&bodies).chain(whole.captures.difference(&ids));
    let lost_before = outcome.lost;
    for gone in missing.chain(whole.photos.difference(&photos)) {
        outcome.lost += 1;
        let short: String = gone.chars().take(60).collect();
        outcome.blame(format!("{when}: not on the server: {short}"));
    }
    if outcome.lost > lost_before {
        let kept = struck.keep(outcome.seed, run);
        outcome.blame(format!("{when}: the damaged files are kept in {}", kept.display()));
    }
    drop(db);
    let _ = std::fs::remove_dir_all(left);
}

/// The damaged files, to look at when something of them was lost.
struct Struck(Vec<(&'static str, Vec<u8>)>);

impl Struck {
    fn read(slot: &Path) -> Self {
        let names = ["replica.db", "replica.db-wal"];
        Self(names.map(|name| (name, std::fs::read(slot.join(name)).unwrap_or_default())).to_vec())
    }

    fn keep(&self, seed: u64, run: u64) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("blindspot-corrupt-phone-{seed}-{run}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in &self.0 {
            std::fs::write(folder.join(name), bytes).expect("written");
        }
        folder
    }
}

struct Phone {
    home: PathBuf,
    base: String,
    codes: Vec<String>,
}

impl Phone {
    fn enrol(&mut self, outcome: &mut Outcome, when: &str) {
        let code = self.codes.pop().expect("a code left");
        let base = self.base.clone();
        self.must(outcome, &["enrol", "--server", &base, "--code", &code], when);
    }

    /// Runs a command of the headless phone; a failure or an answer that is no JSON is told.
    fn must(&self, outcome: &mut Outcome, words: &[&str], when: &str) -> Option<Value> {
        let mut command = Command::new(blindspot());
        command.args(["phone", "--json", "--home"]).arg(&self.home).args(words).stdin(Stdio::null());
        let out = command.output().expect("the phone runs");
        if out.status.success() {
            return serde_json::from_slice(&out.stdout).ok();
        }
        let said = String::from_utf8_lossy(&out.stderr);
        outcome.blame(format!("{when}: {} ends as {}: {said}", words[0], out.status));
        None
    }
}
