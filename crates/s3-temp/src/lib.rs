//! A real S3-compatible store in a temporary folder: SeaweedFS, all of it in one process, on loopback ports of its
//! own. Gone when dropped. Knows nothing of what is kept in it.
//!
//! Without the program it fails and says how to install it; nothing is skipped.

mod find;
mod http;
mod ports;

pub use find::{INSTALL, find};

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The bucket that is there from the start.
pub const BUCKET: &str = "photos";
/// The id of the one key.
pub const ACCESS_KEY: &str = "blindspot-temp";
/// Its secret; the store is on loopback and does not outlive its owner.
pub const SECRET_KEY: &str = "blindspot-temp-secret";

const CERTIFICATE: &str = "s3.crt";
const KEY: &str = "s3.key";

/// Longest until the store answers: some four seconds on a machine at rest.
const UP_WITHIN: Duration = Duration::from_secs(90);
/// Longest until every thread of a paused store stands still.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A store that runs; killed and removed when dropped.
pub struct TempS3 {
    folder: TempDir,
    weed: PathBuf,
    ports: ports::Ports,
    child: Option<Child>,
    paused: bool,
    /// It has a certificate.
    safe: bool,
}

impl TempS3 {
    /// Starts one with the bucket `BUCKET` in it.
    ///
    /// # Errors
    /// When the program is not there (the error names the command that installs it), or does not come up.
    pub fn start() -> io::Result<Self> {
        Self::start_with(None)
    }

    /// One that speaks https as well, with this certificate and its key, both PEM.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_safe(certificate: &str, key: &str) -> io::Result<Self> {
        Self::start_with(Some((certificate, key)))
    }

    fn start_with(tls: Option<(&str, &str)>) -> io::Result<Self> {
        let weed = find()?;
        let folder = tempfile::Builder::new().prefix("blindspot-s3-").tempdir()?;
        fs::create_dir(folder.path().join("data"))?;
        write_keys(&folder)?;
        if let Some((certificate, key)) = tls {
            fs::write(folder.path().join(CERTIFICATE), certificate)?;
            fs::write(folder.path().join(KEY), key)?;
        }
        let (ports, safe) = (ports::Ports::take()?, tls.is_some());
        let mut store = Self { folder, weed, ports, child: None, paused: false, safe };
        store.resurrect()?;
        http::expect_ok(store.ports.filer(), "POST", &format!("/buckets/{BUCKET}/"))?;
        Ok(store)
    }

    /// Where it speaks S3.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.ports.s3()
    }

    /// The same as a URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The same over https, of a store with a certificate.
    #[must_use]
    pub fn safe_endpoint(&self) -> String {
        format!("https://{}", self.ports.safe())
    }

    /// What `blindspot serve --blobs` takes; through another address when a proxy stands before it.
    #[must_use]
    pub fn url(&self, prefix: &str, through: Option<SocketAddr>) -> String {
        let addr = through.unwrap_or_else(|| self.addr());
        format!("s3://{BUCKET}/{prefix}?endpoint=http://{addr}")
    }

    /// What a process needs in its environment to use it.
    #[must_use]
    pub fn env() -> [(&'static str, &'static str); 2] {
        [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)]
    }

    /// The number of the process, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// SIGKILL: nothing is flushed. What it holds stays for `resurrect`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Gone already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.paused = false;
    }

    /// Starts it again on what it holds; waits until it answers.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resurrect(&mut self) -> io::Result<()> {
        self.kill();
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"))?;
        let mut command = Command::new(&self.weed);
        command.args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
        command.arg(format!("-dir={}", self.folder.path().join("data").display()));
        command.arg(format!("-s3.config={}", self.folder.path().join("s3.json").display()));
        command.args(self.ports.flags(self.folder.path(), self.safe));
        if self.safe {
            for (flag, name) in [("s3.cert.file", CERTIFICATE), ("s3.key.file", KEY)] {
                command.arg(format!("-{flag}={}", self.folder.path().join(name).display()));
            }
        }
        // Nothing is told to anybody, and no room is taken before it is needed.
        command.args(["-master.telemetry=false", "-volume.max=100", "-master.volumeSizeLimitMB=64"]);
        command.args(["-volume.preStopSeconds=0", "-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(&self.folder)
            .spawn()?;
        self.child = Some(child);
        self.wait_until_up()
    }

    fn wait_until_up(&mut self) -> io::Result<()> {
        let began = Instant::now();
        loop {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                return Err(io::Error::other(format!("weed ended: {status}\n{}", self.last_words())));
            }
            // The volume server must be known to the master before a byte can be put.
            if http::is_ok(self.ports.s3(), "/healthz") && http::is_ok(self.ports.master(), "/dir/assign") {
                return Ok(());
            }
            if began.elapsed() > UP_WITHIN {
                return Err(io::Error::other(format!("weed does not answer\n{}", self.last_words())));
            }
            std::thread::sleep(LOOK);
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let from = log.char_indices().rev().nth(2_000).map_or(0, |(at, _)| at);
        log[from..].to_owned()
    }

    /// SIGSTOP: connections open and nothing answers. The signal stops one thread after the other; this waits for the last.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn pause(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        self.paused = true;
        let tasks = PathBuf::from(format!("/proc/{}/task", self.pid().unwrap_or(0)));
        let until = Instant::now() + STOPPED_WITHIN;
        while !all_stopped(&tasks)? && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// SIGCONT after `pause`.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn resume(&mut self) -> io::Result<()> {
        self.paused = false;
        self.signal(Signal::CONT)
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.pid().and_then(|n| i32::try_from(n).ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the store does not run"))?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for TempS3 {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The one key, which may do everything; in a file, so that it stands in no list of processes.
fn write_keys(folder: &TempDir) -> io::Result<()> {
    let mut file = File::create(folder.path().join("s3.json"))?;
    write!(
        file,
        r#"{{"identities":[{{"name":"temp","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
    )
}

/// Whether every thread of a process stands still: the state is the first word behind the name in brackets.
fn all_stopped(tasks: &Path) -> io::Result<bool> {
    for task in fs::read_dir(tasks)? {
        // One that has ended meanwhile does nothing either.
        let stat = fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
        if state.is_some_and(|s| !matches!(s, 'T' | 't' | 'X' | 'Z')) {
            return Ok(false);
        }
    }
    Ok(true)
}
