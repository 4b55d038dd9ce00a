//! F9: the phone's storage fills up while somebody works. A small disk in memory in a mount namespace of its own; the
//! headless phone runs inside it.

use super::child::{Server, blindspot};
use super::kill_phone::texts;
use super::{Outcome, ground};
use blindspot_port_temp::Port;
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use blindspot_testkit::dice::Dice;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DISK: u64 = 160 << 20;
/// What a photo needs, as the phone says.
const ROOM: u64 = blindspot_core::limits::PHOTO_ROOM_BYTES;

/// Keeps the disk while it lives.
struct Disk {
    holder: Child,
    at: PathBuf,
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Disk {
    fn mount(at: &Path) -> Self {
        std::fs::create_dir(at).expect("a folder");
        let script = format!(
            "mount -t tmpfs -o size={DISK} small '{0}' && touch '{0}/there' && exec sleep 3600",
            at.display()
        );
        let holder =
            Command::new("unshare").args(["-rm", "sh", "-c", &script]).spawn().expect("a mount namespace");
        let disk = Self { holder, at: at.to_owned() };
        let began = Instant::now();
        while !disk.seen().join("there").exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "the disk is mounted");
            std::thread::sleep(Duration::from_millis(5));
        }
        disk
    }

    /// The disk as seen from outside.
    fn seen(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.at.strip_prefix("/").expect("an absolute path"))
    }

    fn phone(&self, words: &[&str]) -> Output {
        Command::new("nsenter")
            .args(["--preserve-credentials", "-U", "-m", "-t", &self.holder.id().to_string()])
            .arg(blindspot())
            .args(["phone", "--json", "--home"])
            .arg(self.at.join("phone"))
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("the phone runs")
    }

    fn must(&self, outcome: &mut Outcome, words: &[&str], when: &str) {
        let out = self.phone(words);
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            outcome.blame(format!("{when}: {} ends as {}: {said}", words[0], out.status));
        }
    }

    /// Fills the disk until so many bytes are left.
    fn leave(&self, bytes: u64) {
        let free = |path: &Path| {
            let out = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(path).output().expect("stat runs");
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let mut numbers = text.split_whitespace().map(|n| n.parse::<u64>().expect("a number"));
            numbers.next().expect("blocks") * numbers.next().expect("a size")
        };
        let mut ballast = File::create(self.seen().join("ballast")).expect("a file");
        let mut left = free(&self.seen()).saturating_sub(bytes);
        let piece = vec![0; 1 << 20];
        while left > 0 {
            let most = usize::try_from(left.min(piece.len() as u64)).expect("small");
            ballast.write_all(&piece[..most]).expect("room was counted");
            left -= most as u64;
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen().join("ballast")).expect("room again");
    }

    /// Ops and captures that the phone holds, read from a copy.
    fn held(&self) -> BTreeSet<String> {
        let copy = tempfile::tempdir().expect("a folder");
        super::corrupt_ground::copy(&self.seen().join("phone").join("p1"), copy.path());
        let db = Connection::open(copy.path().join("replica.db")).expect("the phone's database opens");
        texts(&db, "SELECT op_id FROM outbox UNION SELECT op_id FROM captures WHERE op_id IS NOT NULL")
    }
}

pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let code = ground::lay(&data, 1).remove(0);
    let listen = Port::take().expect("a port");
    let mut server = Server::start(&data, &listen);
    let disk = Disk::mount(&dir.path().join("disk"));
    let picture = dir.path().join("picture.jpg");
    let mut dice = Dice::from_seed(outcome.seed, 1 << 12);
    disk.must(outcome, &["enrol", "--server", &format!("http://{listen}"), "--code", &code], "at first");
    let mut done = BTreeSet::new();
    for run in 0..count {
        let spec = SceneSpec::nth(outcome.seed, u32::try_from(run).unwrap_or(0)).sized(640, 480);
        std::fs::write(&picture, jpeg(&spec, &ExifSpec::phone("2026:04:12 08:03:11", None)))
            .expect("a picture");
        let photo = ["report", "--text", "满了以前", "--photo", picture.to_str().expect("a path")];
        disk.must(outcome, &photo, &format!("run {run}, with room"));
        let before = disk.held();
        // From the last byte to one short of what a photo needs.
        let left = match run {
            0 => 0,
            1 => 4096,
            2 => ROOM - (1 << 20),
            _ => dice.below(ROOM - (1 << 20)),
        };
        let when = format!("run {run}, {left} bytes left");
        disk.leave(left);
        refused(outcome, &disk.phone(&photo), left, &when);
        disk.make_room();
        let after = disk.held();
        let gone = before.difference(&after).count();
        if gone > 0 || after.len() != before.len() {
            outcome.lost += gone as u64;
            outcome.blame(format!("{when}: {} ops before, {} after", before.len(), after.len()));
        }
        disk.must(outcome, &photo, &format!("{when}, room again"));
        done.extend(disk.held());
        if run % 4 == 3 || run + 1 == count {
            disk.must(outcome, &["sync", "--for", "60", "--until-empty"], &when);
        }
        outcome.runs += 1;
    }
    server.kill();
    let held = ground::examine(&data);
    let there: BTreeSet<String> = held.ops.iter().map(ToString::to_string).collect();
    outcome.acknowledged = done.intersection(&there).count() as u64;
    outcome.lost += done.difference(&there).count() as u64;
    outcome.duplicated += held.rows[0].saturating_sub(held.applied[0]);
}

/// Refused before the picture is looked at, with the figure, in both languages.
fn refused(outcome: &mut Outcome, out: &Output, left: u64, when: &str) {
    let said = String::from_utf8_lossy(&out.stderr);
    let free = left / 1_000_000;
    // What is left in whole pages may be a little less than was asked for.
    let figure = (free.saturating_sub(1)..=free).any(|mb| said.contains(&format!("只剩 {mb} MB")));
    if out.status.code() != Some(1) || !figure || !said.contains("MB free") {
        outcome.blame(format!("{when}: a photo ends as {}: {said}", out.status));
    }
}
