//! F7 and F8: the server's disk is full, and its disk can no longer be written. A small disk in memory in a mount
//! namespace of its own (`unshare -rm`), reached from outside through `/proc`.

use super::child::{Server, blindspot, readiness};
use super::phone::{Ended, FaultPhone};
use super::{Outcome, ground};
use blindspot_port_temp::Port;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// More than the WAL grows to before it is copied back.
const DISK_MB: usize = 160;

struct Small {
    server: Server,
    listen: Port,
    data: PathBuf,
    phone: FaultPhone,
    /// The folder is on the disk of this machine, and no other.
    ordinary: bool,
    _dir: tempfile::TempDir,
}

impl Small {
    fn start(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (made, data) = (dir.path().join("made"), dir.path().join("disk"));
        let code = ground::lay(&made, 1).remove(0);
        std::fs::create_dir(&data).expect("a folder");
        let listen = Port::take().expect("a port");
        let script = format!(
            "mount -t tmpfs -o size={DISK_MB}m small '{disk}' && cp -a '{made}/.' '{disk}' && exec \"$0\" \"$@\"",
            disk = data.display(),
            made = made.display()
        );
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script]).arg(blindspot());
        let server = Server::start_by(&mut command, &data, &listen);
        let mut phone = FaultPhone::new(&format!("http://{listen}"), seed);
        phone.enrol(&code);
        Self { server, listen, data, phone, ordinary: false, _dir: dir }
    }

    /// The disk as the server sees it.
    fn disk(&self) -> PathBuf {
        if self.ordinary {
            return self.data.clone();
        }
        let root = PathBuf::from(format!("/proc/{}/root", self.server.pid()));
        root.join(self.data.strip_prefix("/").expect("an absolute path"))
    }

    /// Works and pushes until something other than 200 is said; gives that.
    fn push_until_refused(&mut self) -> Option<u16> {
        for n in 0..3_000 {
            self.phone.work(n);
            let now = self.phone.now();
            self.phone.replica.set_online(false, &now);
            self.phone.replica.set_online(true, &now);
            // A push goes before a pull when both are due.
            match self.phone.step() {
                Ended::Answered(200) => {}
                Ended::Answered(status) => return Some(status),
                _ => return None,
            }
        }
        None
    }

    /// What it holds, by a copy that is read apart.
    fn held(&self) -> ground::Held {
        let copy = tempfile::tempdir().expect("a folder");
        for name in ["blindspot.db", "blindspot.db-wal"] {
            let from = self.disk().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).expect("copied");
            }
        }
        ground::examine(copy.path())
    }

    /// Runs a command in the server's own view of the disks.
    fn inside(&self, words: &[&str]) {
        let done = Command::new("nsenter")
            .args(["--preserve-credentials", "-U", "-m", "-t", &self.server.pid().to_string()])
            .args(words)
            .arg(&self.data)
            .status();
        assert!(done.is_ok_and(|s| s.success()), "{words:?} in the server's view");
    }

    /// On an ordinary disk, with words for the shell before it becomes the server.
    fn start_under(seed: u64, first: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("data");
        let code = ground::lay(&data, 1).remove(0);
        let listen = Port::take().expect("a port");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{first} exec \"$0\" \"$@\"")]).arg(blindspot());
        let server = Server::start_by(&mut command, &data, &listen);
        let mut phone = FaultPhone::new(&format!("http://{listen}"), seed);
        phone.enrol(&code);
        Self { server, listen, data, phone, ordinary: true, _dir: dir }
    }

    /// A server without limits goes on in the same folder.
    fn start_again(&mut self, outcome: &mut Outcome, when: &str) {
        self.server.kill();
        let held = self.held();
        let missing = self.phone.acknowledged.difference(&held.ops).count();
        if missing > 0 || held.integrity != "ok" {
            outcome.lost += missing as u64;
            outcome.blame(format!("{when}: {missing} acknowledged ops are not there, {}", held.integrity));
        }
        self.server = Server::start(&self.data, &self.listen);
    }

    /// The end of it: everything gets through and is there once.
    fn settle(mut self, outcome: &mut Outcome) {
        if !self.phone.converge(2_000) {
            outcome.blame("does not get through once the disk is well again");
        }
        let held = self.held();
        if held.integrity != "ok" {
            outcome.blame(format!("integrity_check says {}", held.integrity));
        }
        outcome.acknowledged += self.phone.acknowledged.len() as u64;
        outcome.lost += self.phone.done.difference(&held.ops).count() as u64;
        for (applied, rows) in held.applied.iter().zip(held.rows) {
            outcome.duplicated += rows.saturating_sub(*applied);
        }
    }

    /// While the disk is ill: refused as such, nothing of it acknowledged, reads go on.
    fn ill(&mut self, outcome: &mut Outcome, when: &str) {
        let refused = self.push_until_refused();
        if refused != Some(507) {
            outcome.blame(format!("{when}: a push is answered {refused:?}, not 507"));
        }
        let held = self.held();
        let missing = self.phone.acknowledged.difference(&held.ops).count();
        if missing > 0 {
            outcome.lost += missing as u64;
            outcome.blame(format!("{when}: {missing} acknowledged ops are not there"));
        }
        let now = self.phone.now();
        self.phone.replica.pull_now(&now);
        // The push waits; what is due is the pull.
        let pulled = self.phone.step();
        if pulled != Ended::Answered(200) {
            outcome.blame(format!("{when}: a pull ended as {pulled:?}"));
        }
        if !self.server.runs() {
            outcome.blame(format!("{when}: the server is gone"));
        }
    }
}

/// Fills a disk to its last byte.
fn fill(file: &Path) {
    let mut ballast = File::create(file).expect("a file");
    for piece in [1 << 20, 4096, 1] {
        loop {
            match ballast.write_all(&vec![0; piece]) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::StorageFull => break,
                Err(e) => panic!("the ballast: {e}"),
            }
        }
    }
}

pub(super) fn full(outcome: &mut Outcome, count: u64) {
    let mut small = Small::start(outcome.seed);
    let ballast = small.disk().join("ballast");
    for run in 0..count {
        fill(&ballast);
        small.ill(outcome, &format!("full, run {run}"));
        std::fs::remove_file(&ballast).expect("room again");
        if !small.phone.converge(2_000) {
            outcome.blame(format!("run {run}: does not recover without a start"));
        }
        outcome.runs += 1;
    }
    small.settle(outcome);
}

pub(super) fn read_only(outcome: &mut Outcome, count: u64) {
    let mut small = Small::start(outcome.seed);
    for run in 0..count {
        refuses_to_start(outcome, &format!("run {run}"));
        // A system keeps no disk from being written that a process has open for writing, so a read-only one is
        // put over the folder: whatever is opened from now on is there.
        small.inside(&["mount", "-t", "tmpfs", "-o", "ro", "cover"]);
        match readiness(&small.listen) {
            Some((507, said)) if said.contains("no_space") => {}
            other => outcome.blame(format!("run {run}: on a read-only disk the probe says {other:?}")),
        }
        small.inside(&["umount"]);
        small.phone.work(run);
        if !small.phone.converge(400) {
            outcome.blame(format!("run {run}: does not recover without a start"));
        }
        if readiness(&small.listen).map(|r| r.0) != Some(200) {
            outcome.blame(format!("run {run}: not ready again"));
        }
        outcome.runs += 1;
    }
    small.settle(outcome);
}

/// On a disk that cannot be written a start ends at once and says why; so nothing starts it over and over unseen.
fn refuses_to_start(outcome: &mut Outcome, when: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let (made, disk) = (dir.path().join("made"), dir.path().join("disk"));
    ground::lay(&made, 1);
    std::fs::create_dir(&disk).expect("a folder");
    let script = format!(
        "mount -t tmpfs small '{disk}' && cp -a '{made}/.' '{disk}' && mount -o remount,ro '{disk}' && exec \"$0\" \"$@\"",
        disk = disk.display(),
        made = made.display()
    );
    let out = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .arg(blindspot())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&disk)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr);
    if out.status.code() != Some(1) || !said.contains("ead-only") || said.contains("panicked") {
        outcome.blame(format!("{when}: a start on a read-only disk ends as {}: {said}", out.status));
    }
}

/// F8: `ulimit -f`. With the signal ignored a write beyond the limit is an error; without, it ends the server.
pub(super) fn write_limit(outcome: &mut Outcome, count: u64) {
    for run in 0..count {
        let told = run % 2 == 0;
        let (when, words) = match told {
            true => (format!("run {run}, told by an error"), "trap '' XFSZ && ulimit -f 16384 &&"),
            false => (format!("run {run}, told by a signal"), "ulimit -f 16384 &&"),
        };
        let mut small = Small::start_under(outcome.seed + run, words);
        let refused = small.push_until_refused();
        if told {
            if !refused.is_some_and(|status| [500, 503, 507].contains(&status)) {
                outcome.blame(format!("{when}: a push is answered {refused:?}"));
            }
            let now = small.phone.now();
            small.phone.replica.pull_now(&now);
            let pulled = small.phone.step();
            if pulled != Ended::Answered(200) {
                outcome.blame(format!("{when}: a pull ended as {pulled:?}"));
            }
        } else if refused.is_some() {
            outcome.blame(format!("{when}: a push is answered {refused:?}"));
        }
        // A program that a signal ends may take a moment to be gone.
        let began = std::time::Instant::now();
        while !told && small.server.runs() && began.elapsed().as_secs() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if small.server.runs() != told {
            outcome.blame(format!("{when}: the server is there: {}", !told));
        }
        small.start_again(outcome, &when);
        small.settle(outcome);
        outcome.runs += 1;
    }
}
