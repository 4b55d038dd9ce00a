//! F5: the headless phone ends without a word at every place where its machine hands out a request, takes an
//! answer or commits. One pass counts the place up until a run ends by itself; passes are repeated.

use super::child::{Server, blindspot};
use super::{Outcome, ground};
use blindspot_port_temp::Port;
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Rig {
    home: PathBuf,
    picture: PathBuf,
    /// Ops that the phone's database was once seen to hold, sealed or not.
    saved: BTreeSet<String>,
}

/// How a command of the phone ended.
#[derive(PartialEq, Eq)]
enum End {
    Itself,
    Aborted,
    Failed(String),
}

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let code = ground::lay(&data, 1).remove(0);
    let listen = Port::take().expect("a port");
    let mut server = Server::start(&data, &listen);
    let mut rig = Rig {
        home: dir.path().join("手机 phone"),
        picture: dir.path().join("picture.jpg"),
        saved: BTreeSet::new(),
    };
    rig.must(&["enrol", "--server", &format!("http://{listen}"), "--code", &code]);
    let mut pass = 0;
    while outcome.runs < count {
        pass += 1;
        let spec = SceneSpec::nth(outcome.seed, pass).sized(640, 480);
        std::fs::write(&rig.picture, jpeg(&spec, &ExifSpec::phone("2026:04:12 08:03:11", None)))
            .expect("a picture");
        let before = outcome.runs;
        every_place(outcome, &mut rig, count, &["report", "--text", "堆放", "--photo"]);
        every_place(outcome, &mut rig, count, &["sync", "--for", "60", "--until-empty"]);
        assert!(outcome.runs > before, "a pass struck at least once");
    }
    rig.must(&["sync", "--for", "60", "--until-empty"]);
    rig.look(outcome, "at the end");
    server.kill();
    compare(outcome, &rig, &data);
}

/// One command, ended at its first place, its second, and so on until it comes to its own end.
fn every_place(outcome: &mut Outcome, rig: &mut Rig, count: u64, words: &[&str]) {
    for place in 1.. {
        if outcome.runs >= count {
            return;
        }
        if words[0] == "sync" {
            // Something new to send each time, so that the place is one of a whole sync.
            rig.must(&["report", "--text", "新的", "--photo"]);
        }
        match rig.phone(words, Some(place)) {
            End::Aborted => outcome.runs += 1,
            End::Itself => return,
            End::Failed(why) => return outcome.blame(format!("{} at place {place}: {why}", words[0])),
        }
        rig.look(outcome, &format!("{} ended at place {place}", words[0]));
        if words[0] == "sync"
            && let End::Failed(why) = rig.phone(words, None)
        {
            outcome.blame(format!("the sync after one ended at place {place}: {why}"));
        }
    }
}

impl Rig {
    fn phone(&self, words: &[&str], abort_at: Option<u64>) -> End {
        let mut command = Command::new(blindspot());
        command.args(["phone", "--json", "--home"]).arg(&self.home).args(words);
        if words.last() == Some(&"--photo") {
            command.arg(&self.picture);
        }
        if let Some(place) = abort_at {
            command.env("BLINDSPOT_PHONE_ABORT_AT", place.to_string());
        }
        let out = command.stdin(Stdio::null()).output().expect("the phone runs");
        match out.status.code() {
            Some(0) => End::Itself,
            // Ended by a signal: SIGABRT is the only one there is.
            None => End::Aborted,
            Some(_) => End::Failed(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }

    fn must(&self, words: &[&str]) {
        match self.phone(words, None) {
            End::Itself => {}
            End::Failed(why) => panic!("{words:?}: {why}"),
            End::Aborted => panic!("{words:?}: ended by a signal"),
        }
    }

    fn database(&self) -> Connection {
        Connection::open(self.home.join("p1").join("replica.db")).expect("the phone's database opens")
    }

    /// After a death: what was once there is still there, and no photo row is without its file.
    fn look(&mut self, outcome: &mut Outcome, when: &str) {
        let db = self.database();
        let word: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).expect("a word");
        if word != "ok" {
            outcome.blame(format!("{when}: integrity_check says {word}"));
        }
        let now: BTreeSet<String> =
            texts(&db, "SELECT op_id FROM outbox UNION SELECT op_id FROM captures WHERE op_id IS NOT NULL");
        for gone in self.saved.difference(&now) {
            outcome.lost += 1;
            outcome.blame(format!("{when}: op {gone} is gone from the phone"));
        }
        self.saved = now;
        let raws = "SELECT file FROM shots WHERE state = 0 UNION SELECT file FROM uploads WHERE state = 0";
        for file in texts(&db, raws) {
            if !self.home.join("p1").join("photos").join(&file).is_file() {
                outcome.lost += 1;
                outcome.blame(format!("{when}: the photo row of {file} is without its file"));
            }
        }
    }
}

pub(super) fn texts(db: &Connection, sql: &str) -> BTreeSet<String> {
    let mut query = db.prepare(sql).expect("a query");
    let found = query.query_map([], |r| r.get::<_, String>(0)).expect("texts");
    found.map(|text| text.expect("a text")).collect()
}

/// Phone and server say the same: every op once, every photo with all its forms.
fn compare(outcome: &mut Outcome, rig: &Rig, data: &Path) {
    let held = ground::examine(data);
    let there: BTreeSet<String> = held.ops.iter().map(ToString::to_string).collect();
    let sealed = texts(&rig.database(), "SELECT op_id FROM outbox");
    outcome.lost += sealed.difference(&there).count() as u64;
    outcome.lost += rig.saved.difference(&sealed).count() as u64;
    outcome.acknowledged += sealed.intersection(&there).count() as u64;
    outcome.duplicated += held.rows[0].saturating_sub(held.applied[0]);
    if held.rows[0] < held.applied[0] {
        outcome.blame(format!("{} reports applied, {} cases", held.applied[0], held.rows[0]));
    }
    let waiting = texts(&rig.database(), "SELECT photo_id || ' ' || form FROM uploads WHERE state <> 1");
    if !waiting.is_empty() {
        outcome.blame(format!("forms not verified at the end: {waiting:?}"));
    }
}
