//! The real binary as a process: found beside us, started, killed.

use blindspot_port_temp::Port;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that a server may take to come up at all.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// The binary of the same build: beside this program, or one folder up from a test.
///
/// # Panics
/// When it is not built.
pub(crate) fn blindspot() -> PathBuf {
    let me = std::env::current_exe().expect("a path");
    let found = me.ancestors().skip(1).take(2).map(|dir| dir.join("blindspot")).find(|p| p.is_file());
    found.expect("the binary is not built: run `cargo build -p blindspot-cli` first")
}

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// From the start to the first good answer of the readiness probe, milliseconds.
    pub(crate) ready_ms: u64,
}

impl Server {
    /// Starts one on a folder, at an address that it comes back to, and waits until it is ready.
    pub(crate) fn start(data: &Path, listen: &Port) -> Self {
        Self::start_by(&mut Command::new(blindspot()), data, listen)
    }

    /// The same through another program that ends by being it.
    pub(crate) fn start_by(command: &mut Command, data: &Path, listen: &Port) -> Self {
        let began = Instant::now();
        let mut said = tempfile::tempfile().expect("a file");
        let heard = said.try_clone().expect("a file");
        let mut child = command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", &listen.to_string()])
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(heard))
            .spawn()
            .expect("the server starts");
        while !is_ready(listen) {
            let up = began.elapsed() < UP_WITHIN && child.try_wait().expect("a child").is_none();
            if !up {
                let mut words = String::new();
                let read = said.rewind().and_then(|()| said.read_to_string(&mut words));
                panic!("the server does not come up: {read:?} {words}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, ready_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is still there.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the readiness probe says; nothing when nobody answers.
pub(crate) fn readiness(listen: &Port) -> Option<(u16, String)> {
    let probe = super::phone::agent(Duration::from_secs(2)).get(format!("http://{listen}/readyz")).call();
    let mut answer = probe.ok()?;
    Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
}

/// Whether the readiness probe says yes.
fn is_ready(listen: &Port) -> bool {
    readiness(listen).is_some_and(|(status, _)| status == 200)
}
