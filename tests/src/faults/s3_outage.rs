//! F15: photos in a bucket whose store is down, hangs, is slow, is overrun, cuts, and does as it is asked while its answer
//! is lost. A real store, a real server, a proxy between them.
//!
//! Ops must get through at once whatever the store does; photos must get through when it heals; afterwards every photo
//! that was acknowledged is there, and nothing else after a sweep.

use super::child::Server;
use super::phone::{Ended, FaultPhone};
use super::{Outcome, ground};
use blindspot_core::id::Sha256;
use blindspot_core::limits::CHUNK_BYTES;
use blindspot_port_temp::Port;
use blindspot_s3_temp::{ACCESS_KEY, SECRET_KEY, TempS3};
use blindspot_sample::proxy::{CuttingProxy, Faults};
use blindspot_server::blob::{Depot, Place};
use blindspot_server::database::Database;
use blindspot_server::service::stray;
use blindspot_server::state::{DataFolder, Opening};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Nobody listens.
    Down,
    /// Connections open, and nothing answers.
    Hangs,
    /// Every answer takes a second or more.
    Slow,
    /// Most requests are turned away with 503.
    Overrun,
    /// Connections break in mid-request.
    Cuts,
    /// Requests are carried out, and half of the answers are lost.
    Mute,
}

const WRONGS: [Wrong; 6] = [Wrong::Mute, Wrong::Down, Wrong::Overrun, Wrong::Hangs, Wrong::Cuts, Wrong::Slow];

/// An op must be answered within this while the store is away: a busy machine, and no wait for the store.
const OPS_WITHIN: Duration = Duration::from_secs(8);
/// Photos must be through so long after the store has healed: the server looks again after half a minute at most.
const HEALED_WITHIN: Duration = Duration::from_secs(150);
/// How long the phone tries under each fault.
const TRYING: Duration = Duration::from_secs(6);

struct Bench {
    _dir: tempfile::TempDir,
    data: PathBuf,
    /// The bucket past the proxy.
    straight: Place,
    s3: TempS3,
    proxy: CuttingProxy,
    server: Server,
    phone: FaultPhone,
}

/// `count` rounds, each with the next thing that can be wrong.
pub(super) fn run(outcome: &mut Outcome, count: u64) {
    let mut bench = Bench::lay(outcome.seed);
    for n in 0..count {
        let wrong = WRONGS[usize::try_from(n).unwrap_or(0) % WRONGS.len()];
        bench.spoil(wrong, outcome.seed + n);
        bench.try_on(outcome, wrong, n);
        bench.heal(wrong);
        bench.arrive(outcome, wrong);
        outcome.runs += 1;
    }
    let counters = bench.proxy.counters();
    for (what, seen, rounds) in [
        ("lost answers", counters.lost_replies, 1),
        ("503", counters.unavailable, 3),
        ("cuts", counters.cuts, 5),
    ] {
        if count >= rounds && seen == 0 {
            outcome.blame(format!("the proxy made no {what}: {counters:?}"));
        }
    }
    bench.judge(outcome);
}

impl Bench {
    fn lay(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("data");
        let code = ground::lay(&data, 1).remove(0);
        let s3 = TempS3::start().expect("the store starts");
        let proxy = CuttingProxy::start(s3.addr(), Faults::default()).expect("a proxy");
        let keys = dir.path().join("keys");
        std::fs::write(&keys, format!("{ACCESS_KEY}\n{SECRET_KEY}\n")).expect("written");
        let place = |through| format!("{}&keys={}", s3.url("f15", through), keys.display());
        let listen = Port::take().expect("a port");
        let mut command = std::process::Command::new(super::child::blindspot());
        command.env("BLINDSPOT_BLOBS", place(Some(proxy.addr())));
        let server = Server::start_by(&mut command, &data, &listen);
        let mut phone = FaultPhone::new(&format!("http://{listen}"), seed);
        phone.enrol(&code);
        let straight = Place::parse(&place(None)).expect("a place");
        Self { _dir: dir, data, straight, s3, proxy, server, phone }
    }

    fn spoil(&mut self, wrong: Wrong, seed: u64) {
        let sound = Faults { seed, ..Faults::default() };
        let faults = match wrong {
            Wrong::Down => {
                self.s3.kill();
                sound
            }
            Wrong::Hangs => {
                self.s3.pause().expect("it runs");
                sound
            }
            Wrong::Slow => Faults { delay_ms: 1_000..2_500, ..sound },
            Wrong::Overrun => Faults { unavailable: 0.7, ..sound },
            Wrong::Cuts => Faults { cut: 0.6, cut_after_bytes: Some(1..2_000), ..sound },
            Wrong::Mute => Faults { cut_before_reply: 0.5, ..sound },
        };
        self.proxy.set_faults(faults);
        // Connections that were opened in better times go on by the old rules only until they speak again.
        self.proxy.cut_all();
    }

    fn heal(&mut self, wrong: Wrong) {
        match wrong {
            Wrong::Down => self.s3.resurrect().expect("it comes back"),
            Wrong::Hangs => self.s3.resume().expect("it runs"),
            _ => {}
        }
        self.proxy.set_faults(Faults::default());
        self.proxy.cut_all();
    }

    /// Ops and photos while the store is what it is: ops all get through, each at once.
    fn try_on(&mut self, outcome: &mut Outcome, wrong: Wrong, n: u64) {
        let mut large = format!("%PDF-1.4\n% {wrong:?} {n}\n").into_bytes();
        large.resize(2 * CHUNK_BYTES + 50_000, b'.');
        self.phone.document(large);
        let until = Instant::now() + TRYING;
        let mut k = 0;
        while Instant::now() < until {
            self.phone.document(format!("%PDF-1.4\n% {wrong:?} {n} {k}\n").into_bytes());
            self.phone.work(n * 100 + k);
            k += 1;
            self.push(outcome, wrong);
            self.phone.ahead_ms += 20_000;
        }
        if !self.server.runs() {
            outcome.blame(format!("{wrong:?}: the server ended"));
        }
    }

    /// Steps until every op is acknowledged. Photos are sent in between, as they are due.
    fn push(&mut self, outcome: &mut Outcome, wrong: Wrong) {
        let began = Instant::now();
        while !self.phone.done.is_subset(&self.phone.acknowledged) {
            let stepped = Instant::now();
            let before = self.phone.acknowledged.len();
            let ended = self.phone.step();
            let took = stepped.elapsed();
            if self.phone.acknowledged.len() > before && took > OPS_WITHIN {
                outcome.blame(format!("{wrong:?}: a push took {took:?}"));
            }
            if ended == Ended::Idle {
                self.phone.ahead_ms += 1_000;
            }
            if began.elapsed() > Duration::from_secs(120) {
                return outcome.blame(format!("{wrong:?}: ops do not get through"));
            }
        }
        // The photo lane gets its turn as well.
        for _ in 0..3 {
            self.phone.step();
        }
    }

    /// After the store has healed all photos get through.
    fn arrive(&mut self, outcome: &mut Outcome, wrong: Wrong) {
        let until = Instant::now() + HEALED_WITHIN;
        while !self.phone.converge(100) {
            if Instant::now() > until {
                return outcome.blame(format!("{wrong:?}: photos do not get through after it healed"));
            }
            // The server's patience is real time, the phone's is not.
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// What the phone, the database and the bucket say, against each other.
    fn judge(mut self, outcome: &mut Outcome) {
        self.server.kill();
        let held = ground::examine(&self.data);
        outcome.lost += self.phone.done.difference(&held.ops).count() as u64;
        for (applied, rows) in held.applied.iter().zip(held.rows) {
            outcome.duplicated += rows.saturating_sub(*applied);
        }
        let depot = Depot::open_at(&self.data, &self.straight).expect("the bucket");
        let verified = verified(&self.data);
        outcome.acknowledged = (self.phone.acknowledged.len() + verified.len()) as u64;
        for upload in self.phone.replica.uploads().expect("uploads") {
            if upload.verified && !verified.contains(&upload.sha256) {
                outcome.lost += 1;
                outcome.blame(format!("{} is acknowledged and not known", upload.sha256));
            }
        }
        self.look(outcome, &depot, &verified);
        let folder = DataFolder::open_with(
            &self.data,
            &Opening { photos: Some(&self.straight), ..Opening::of(&Database::File) },
            ground::now_ms(),
        )
        .expect("opened");
        // As the server does by itself, a day later.
        let later = ground::now_ms() + stray::ALONE_MS + 60_000;
        stray::sweep_parts(&folder.house, &depot).expect("swept");
        stray::sweep_blobs(&folder.house, &depot, later).expect("swept");
        let mut strays = 0;
        depot
            .blobs
            .each(&mut |found| {
                strays += u64::from(!verified.contains(&found.sha256.to_hex()));
                Ok(())
            })
            .expect("listed");
        depot
            .parts
            .each(&mut |_| {
                strays += 1;
                Ok(())
            })
            .expect("listed");
        if strays > 0 {
            outcome.blame(format!("{strays} objects that nobody counts on stay after a sweep"));
        }
        self.look(outcome, &depot, &verified);
        folder.close().expect("closed");
    }

    /// No metadata without bytes: whatever the database counts on is in the bucket, whole.
    fn look(&self, outcome: &mut Outcome, depot: &Depot, verified: &BTreeSet<String>) {
        for hex in verified {
            let sha = Sha256::from_hex(hex).expect("a hash");
            let mut bytes = Vec::new();
            let there = depot.blobs.open(&sha).expect("asked");
            if let Some(mut reader) = there {
                reader.read_to_end(&mut bytes).expect("read");
            }
            if Sha256::of(&bytes) != sha {
                outcome.lost += 1;
                outcome.blame(format!("{hex} is counted on and not in the bucket: {} bytes", bytes.len()));
            }
        }
    }
}

/// Hashes of uploads that the database holds as verified, read beside the product's own code.
fn verified(data: &Path) -> BTreeSet<String> {
    let db = rusqlite::Connection::open(data.join("blindspot.db")).expect("a database");
    let mut query = db
        .prepare("SELECT lower(hex(sha256)) FROM uploads WHERE verified_ms IS NOT NULL")
        .expect("a table of uploads");
    let hashes = query.query_map([], |row| row.get(0)).expect("rows");
    hashes.collect::<rusqlite::Result<_>>().expect("hashes")
}
