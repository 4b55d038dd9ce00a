//! Photo bytes on their way to their name, cut at each step: the server dies before or behind each call to the system
//! (open, write, fsync, rename, mkdir, unlink, truncate), or the call fails. A real server with a library preloaded.

use super::child::{Server, blindspot};
use super::phone::{Ended, FaultPhone};
use super::{Outcome, ground};
use blindspot_core::id::Sha256;
use blindspot_core::limits::CHUNK_BYTES;
use blindspot_port_temp::Port;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODES: [&str; 4] = ["eio", "enospc", "kill", "after"];
/// Steps until an upload is through or cut; far more than any needs.
const STEPS_MAX: usize = 60;

struct Bench {
    dir: tempfile::TempDir,
    data: PathBuf,
    arm: PathBuf,
    library: PathBuf,
    listen: Port,
    server: Server,
    phone: FaultPhone,
}

/// `count` is the most positions of each way to fail.
pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let mut bench = Bench::lay(outcome.seed);
    let mut steps = BTreeSet::new();
    for mode in MODES {
        for at in 1..=count {
            let Some(step) = bench.cut(outcome, mode, at) else { break };
            steps.insert(step);
            outcome.runs += 1;
        }
    }
    for wanted in ["open", "write", "fsync", "rename", "mkdir", "unlink"] {
        if count > 100 && !steps.contains(wanted) {
            outcome.blame(format!("no {wanted} was ever cut: {steps:?}"));
        }
    }
    let uploads = bench.phone.replica.uploads().expect("uploads");
    outcome.acknowledged += uploads.iter().filter(|u| u.verified).count() as u64;
}

/// Compiles what is preloaded.
fn library(into: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("preload/blob_faults.rs");
    let library = into.join("blob_faults.so");
    let done = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()))
        .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "opt-level=1", "-o"])
        .args([&library, &source])
        .status();
    assert!(done.is_ok_and(|s| s.success()), "rustc compiles {}", source.display());
    library
}

impl Bench {
    fn lay(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("data");
        let code = ground::lay(&data, 1).remove(0);
        let (library, arm, listen) =
            (library(dir.path()), dir.path().join("arm"), Port::take().expect("a port"));
        let server = start(&data, &arm, &library, &listen);
        let mut phone = FaultPhone::new(&format!("http://{listen}"), seed);
        phone.enrol(&code);
        Self { dir, data, arm, library, listen, server, phone }
    }

    /// One document with one cut; gives the step that was cut, nothing when there are not so many.
    fn cut(&mut self, outcome: &mut Outcome, mode: &str, at: u64) -> Option<String> {
        // Two chunks, so that the second meets what the first left.
        let mut bytes = format!("%PDF-1.4\n% {mode} {at}\n").into_bytes();
        bytes.resize(CHUNK_BYTES + 50_000, b'.');
        let (size, sha) = (bytes.len() as u64, Sha256::of(&bytes).to_hex());
        self.phone.document(bytes);
        let before = self.phone.patched;
        self.order(Some((mode, at)));
        for _ in 0..STEPS_MAX {
            let ended = self.phone.step();
            if ended == Ended::Cut || self.struck().is_some() {
                break;
            }
            if ended == Ended::Idle {
                if self.phone.replica.unsent().expect("counts").is_empty() {
                    break;
                }
                self.phone.ahead_ms += 60_000;
            }
        }
        self.order(None);
        let struck = self.struck();
        let when = format!("{mode} at call {at}, {}", struck.as_deref().unwrap_or("not reached"));
        let _ = std::fs::remove_file(self.arm.with_extension("struck"));
        self.look(outcome, &when);
        if struck.is_some() && mode != "eio" && mode != "enospc" {
            self.server.kill();
            self.server = start(&self.data, &self.arm, &self.library, &self.listen);
            outcome.restarted(self.server.ready_ms);
        }
        if !self.phone.converge(400) {
            outcome.blame(format!("{when}: the upload does not get through"));
        }
        let sent = self.phone.patched - before;
        // It may begin anew where the server itself failed, and no more often.
        if sent > 3 * size {
            outcome.blame(format!("{when}: {sent} bytes went out for {size}"));
        }
        let there = self.look(outcome, &when);
        if !there.contains(&sha) {
            outcome.lost += 1;
            outcome.blame(format!("{when}: acknowledged and not there"));
        }
        struck
    }

    /// What the preloaded library is to do.
    fn order(&self, what: Option<(&str, u64)>) {
        let Some((mode, at)) = what else {
            std::fs::remove_file(&self.arm).expect("disarmed");
            return;
        };
        // Complete before it has its name.
        let part = self.dir.path().join("arm.part");
        std::fs::write(&part, format!("{mode}{at} {mode} {at}")).expect("written");
        std::fs::rename(part, &self.arm).expect("armed");
    }

    fn struck(&self) -> Option<String> {
        std::fs::read_to_string(self.arm.with_extension("struck")).ok()
    }

    /// Whatever stands under a digest has it, and whatever the phone counts as delivered stands there.
    fn look(&self, outcome: &mut Outcome, when: &str) -> BTreeSet<String> {
        let mut there = BTreeSet::new();
        for first in entries(&self.data.join("blobs")) {
            for file in entries(&first).iter().flat_map(|second| entries(second)) {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let digest = Sha256::of(&std::fs::read(&file).expect("read")).to_hex();
                if digest == name {
                    there.insert(name);
                } else {
                    outcome.blame(format!("{when}: {name} holds the bytes of {digest}"));
                }
            }
        }
        for upload in self.phone.replica.uploads().expect("uploads") {
            if upload.verified && !there.contains(&upload.sha256) {
                outcome.lost += 1;
                outcome.blame(format!("{when}: {} is acknowledged and not there", upload.sha256));
            }
        }
        there
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|e| e.expect("an entry").path()).collect()
}

fn start(data: &Path, arm: &Path, library: &Path, listen: &Port) -> Server {
    let mut command = Command::new(blindspot());
    command.env("LD_PRELOAD", library).env("BLINDSPOT_FAULT_UNDER", data).env("BLINDSPOT_FAULT_ARM", arm);
    Server::start_by(&mut command, data, listen)
}
