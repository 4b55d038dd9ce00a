//! F17: a server that loses its past while phones work: a backup restored, the same one again, an old folder copied
//! back. Noticed, a new epoch, everything that phones hold offered again, numbers jumped.

use super::child::{Server, blindspot};
use super::phone::{Ended, FaultPhone};
use super::{Outcome, corrupt_ground, ground};
use blindspot_core::OpId;
use blindspot_core::id::Sha256;
use blindspot_port_temp::Port;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const PHONES: usize = 4;
/// What numbers that people have seen jump by.
const JUMP: i64 = 10_000;

/// A city with phones that work without a pause, also while its server is gone.
struct City {
    dir: tempfile::TempDir,
    listen: Port,
    phones: Vec<FaultPhone>,
    server: Option<Server>,
    data: PathBuf,
    /// Spoken numbers as the server gave them before it lost its past, and each with its case.
    numbers: BTreeSet<(String, i64)>,
}

impl City {
    fn found(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("数据 0");
        let codes = ground::lay(&data, PHONES);
        let listen = Port::take().expect("a port");
        let base = format!("http://{listen}");
        let server = Some(Server::start(&data, &listen));
        let mut phones: Vec<_> =
            (0..PHONES as u64).map(|n| FaultPhone::new(&base, seed * 1_000 + n)).collect();
        phones.iter_mut().zip(&codes).for_each(|(phone, code)| phone.enrol(code));
        Self { dir, listen, phones, server, data, numbers: BTreeSet::new() }
    }

    /// All phones work and push while something is done to the server; not before each was answered once.
    fn work<T>(&mut self, n: u64, meanwhile: impl FnOnce(&mut Option<Server>, &Path, &Port) -> T) -> T {
        let stop = AtomicBool::new(false);
        let Self { phones, server, data, listen, .. } = self;
        let started = std::sync::Barrier::new(PHONES + 1);
        std::thread::scope(|s| {
            for (who, phone) in phones.iter_mut().enumerate() {
                let (stop, started) = (&stop, &started);
                s.spawn(move || {
                    phone.work(n);
                    phone.document(paper(n, who as u64));
                    let mut steps = 0;
                    while steps < 60 || !stop.load(Ordering::SeqCst) {
                        steps += 1;
                        if steps == 30 {
                            started.wait();
                        }
                        let ended = phone.step();
                        if ended == Ended::Cut {
                            // Nobody there: a moment later again.
                            std::thread::sleep(std::time::Duration::from_millis(5));
                            phone.ahead_ms += 2_000;
                        }
                        if ended == Ended::Idle && steps % 3 == 0 {
                            phone.work(n);
                        }
                        if ended == Ended::Idle && steps % 40 == 0 {
                            phone.document(paper(n * 1_000 + steps, who as u64));
                        }
                    }
                });
            }
            started.wait();
            let done = meanwhile(server, data, listen);
            stop.store(true, Ordering::SeqCst);
            done
        })
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Goes on in a folder.
    fn go_on(&mut self, data: PathBuf) {
        self.data = data;
        self.server = Some(Server::start(&self.data, &self.listen));
    }

    /// Everything gets through; twice, as the first time only tells of the new epoch.
    fn heal(&mut self, outcome: &mut Outcome, when: &str) {
        for (n, phone) in self.phones.iter_mut().enumerate() {
            if !(phone.converge(4_000) && phone.converge(4_000)) {
                let unsent = phone.replica.unsent().expect("counts");
                outcome.blame(format!("{when}: phone {n} does not get through: {unsent:?}"));
            }
        }
    }

    fn done(&self) -> BTreeSet<OpId> {
        self.phones.iter().flat_map(|p| p.done.iter().copied()).collect()
    }

    /// Photos and papers that a phone counts as delivered and that are not in the folder with all their bytes.
    fn photos_missing(&self, outcome: &mut Outcome, when: &str) -> u64 {
        let db = Connection::open(self.data.join("blindspot.db")).expect("the database opens");
        let verified = super::kill_phone::texts(
            &db,
            "SELECT lower(hex(sha256)) FROM uploads WHERE verified_ms IS NOT NULL",
        );
        let mut missing = 0;
        for upload in self.phones.iter().flat_map(|p| p.replica.uploads().expect("uploads")) {
            let sha = &upload.sha256;
            let file = self.data.join("blobs").join(&sha[..2]).join(&sha[2..4]).join(sha);
            let whole = std::fs::read(file).is_ok_and(|bytes| Sha256::of(&bytes).to_hex() == *sha);
            outcome.acknowledged += u64::from(upload.verified);
            if !(upload.verified && whole && verified.contains(sha)) {
                missing += 1;
                outcome.blame(format!("{when}: paper {sha} is not there"));
            }
        }
        missing
    }

    /// After a lost past and the healing, with the server stopped.
    fn judge(&mut self, outcome: &mut Outcome, past: &State, when: &str) {
        let held = ground::examine(&self.data);
        let lost = self.done().difference(&held.ops).count();
        if lost > 0 {
            outcome.lost += lost as u64;
            outcome.blame(format!("{when}: {lost} ops are not there"));
        }
        for (applied, rows) in held.applied.iter().zip(held.rows) {
            outcome.duplicated += rows.saturating_sub(*applied);
            if rows < *applied {
                outcome.blame(format!("{when}: {applied} ops applied, {rows} rows"));
            }
        }
        outcome.lost += self.photos_missing(outcome, when);
        let state = State::of(&self.data);
        if state.epoch <= past.epoch {
            outcome.blame(format!("{when}: epoch {} after {}", state.epoch, past.epoch));
        }
        let top = past.numbers.values().max().copied().unwrap_or(0);
        let fresh: Vec<_> =
            state.numbers.iter().filter(|(case, _)| !past.numbers.contains_key(*case)).collect();
        if fresh.is_empty() {
            outcome.blame(format!("{when}: nothing was offered again"));
        }
        if let Some((case, n)) = fresh.iter().find(|(_, n)| **n <= top + JUMP) {
            outcome.blame(format!("{when}: case {case} has number {n}, the past ended with {top}"));
        }
        // A number that somebody has heard never means another case.
        for (case, n) in state.numbers {
            if self.numbers.iter().any(|(other, given)| *given == n && *other != case) {
                outcome.blame(format!("{when}: number {n} was given to two cases"));
            }
        }
        for what in ["audit", "blobs", "digests"] {
            if let Err(why) = blindspot_runs(&["verify", what, "--data"], &self.data) {
                outcome.blame(format!("{when}: verify {what}: {why}"));
            }
        }
    }

    /// Notes the numbers that were given before the past is lost.
    fn note_numbers(&mut self) {
        self.numbers.extend(State::of(&self.data).numbers);
    }
}

/// What people outside have seen of a server.
struct State {
    epoch: i64,
    numbers: BTreeMap<String, i64>,
}

impl State {
    fn of(data: &Path) -> Self {
        let db = Connection::open(data.join("blindspot.db")).expect("the database opens");
        let epoch = db
            .query_row("SELECT CAST(value AS INTEGER) FROM city_meta WHERE key = 'epoch'", [], |r| r.get(0))
            .expect("an epoch");
        let mut query = db.prepare("SELECT id, body FROM rows WHERE kind = 'case'").expect("a query");
        let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)));
        let number = |(id, body): (String, String)| {
            let body: Value = serde_json::from_str(&body).ok()?;
            Some((id, body["short_no"]["n"].as_i64()?))
        };
        let numbers = rows.expect("rows").filter_map(|r| number(r.expect("a row"))).collect();
        Self { epoch, numbers }
    }
}

/// A document that nobody else sends.
fn paper(n: u64, who: u64) -> Vec<u8> {
    format!("%PDF-1.4\n% {n} {who}\n{}\n%%EOF\n", "单".repeat(2_000)).into_bytes()
}

fn blindspot_runs(words: &[&str], at: &Path) -> Result<String, String> {
    let out = Command::new(blindspot()).args(words).arg(at).arg("--json").output().expect("it runs");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() { Ok(said) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
}

fn newest(backups: &Path) -> PathBuf {
    let all = std::fs::read_dir(backups).expect("a folder").map(|e| e.expect("an entry").path());
    all.filter(|p| p.join("manifest.json").is_file()).max().expect("a backup")
}

fn bring_back(backups: &Path, to: &Path) -> Result<String, String> {
    let from = newest(backups);
    let from = from.to_str().expect("a path");
    blindspot_runs(&["restore", "--from", from, "--data"], to)
}

/// A backup under load, work after it, the restore under phones that go on working, and the same backup once more.
pub(super) fn restore(outcome: &mut Outcome, count: u64) {
    for run in 0..count {
        let mut city = City::found(outcome.seed * 100 + run);
        let backups = city.dir.path().join("备份");
        let made = city.work(1, |_, data, _| {
            blindspot_runs(&["backup", "--to", backups.to_str().expect("a path"), "--data"], data)
        });
        if let Err(why) = made {
            return outcome.blame(format!("run {run}: no backup: {why}"));
        }
        city.work(2, |_, _, _| ());
        for time in ["once", "twice"] {
            let when = format!("run {run}, restored {time}");
            city.stop();
            city.note_numbers();
            let to = city.dir.path().join(format!("数据 {time}"));
            let said = bring_back(&backups, &to);
            let jump = if time == "once" { JUMP } else { 2 * JUMP };
            if !said.as_ref().is_ok_and(|s| s.contains(&format!("\"jump\":{jump},"))) {
                return outcome.blame(format!("{when}: {said:?}"));
            }
            let past = State::before(&backups);
            city.go_on(to);
            city.work(3, |_, _, _| ());
            city.heal(outcome, &when);
            city.stop();
            city.judge(outcome, &past, &when);
        }
        outcome.runs += 1;
        outcome.acknowledged += city.done().len() as u64;
    }
}

impl State {
    /// As the newest backup has it.
    fn before(backups: &Path) -> Self {
        Self::of(&newest(backups))
    }
}

/// The folder is set back to an old copy while phones go on working, and nobody tells the server.
pub(super) fn rollback(outcome: &mut Outcome, count: u64) {
    for run in 0..count {
        let when = format!("run {run}");
        let mut city = City::found(outcome.seed * 100 + 50 + run);
        city.work(1, |_, _, _| ());
        city.stop();
        let old = city.dir.path().join("旧的 old");
        corrupt_ground::copy(&city.data, &old);
        let data = city.data.clone();
        city.go_on(data);
        city.work(2, |_, _, _| ());
        city.stop();
        city.note_numbers();
        let past = State::of(&old);
        city.go_on(city.data.clone());
        city.work(3, |server, data, listen| {
            if let Some(mut server) = server.take() {
                server.kill();
            }
            std::fs::remove_dir_all(data).expect("removed");
            corrupt_ground::copy(&old, data);
            *server = Some(Server::start(data, listen));
        });
        city.heal(outcome, &when);
        city.stop();
        city.judge(outcome, &past, &when);
        let opened = "SELECT count(*) FROM audit WHERE action = 'epoch_opened'";
        let db = Connection::open(city.data.join("blindspot.db")).expect("the database opens");
        let noted: i64 = db.query_row(opened, [], |r| r.get(0)).expect("a count");
        if noted == 0 {
            outcome.blame(format!("{when}: the audit log does not say that an epoch was opened"));
        }
        outcome.runs += 1;
        outcome.acknowledged += city.done().len() as u64;
    }
}
