//! The server under measurement: a process of its own, so that its CPU and memory are its own. Linux tells both.

use crate::Failed;
use blindspot_server::ServeConfig;
use blindspot_server::database::Database;
use blindspot_store::PgOptions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Where the database of the server under measurement is; not in its arguments, which others may read.
const DATABASE: &str = "BLINDSPOT_BENCH_DATABASE";

/// Runs the server in this process until its input ends.
pub(crate) fn serve(data: &Path, port: u16) -> Result<(), Failed> {
    let mut config = ServeConfig::new(data);
    if let Ok(url) = std::env::var(DATABASE) {
        config.database = Database::Postgres(Box::new(PgOptions::new(&url, None)?));
    }
    config.listen = SocketAddr::from(([127, 0, 0, 1], port));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (ended, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        // Whatever ends the input, the starter is gone.
        let _ = std::io::stdin().read_to_end(&mut rest);
        let _ = ended.send(());
    });
    runtime.block_on(blindspot_server::serve(config, |ready| println!("{}", ready.addr), async {
        let _ = wait.await;
    }))?;
    Ok(())
}

/// A server that runs beside.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

/// What a server has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system, seconds.
    pub(crate) cpu_s: f64,
    /// Now, megabytes (2^20).
    pub(crate) rss_mb: f64,
    /// At its highest, megabytes.
    pub(crate) peak_mb: f64,
    /// Of the database, when it is a server: all its processes, seconds.
    pub(crate) db_cpu_s: Option<f64>,
}

impl Server {
    /// Starts one on a folder, its database at an address or in the folder, and waits until it listens.
    pub(crate) fn start(data: &Path, database: Option<&str>) -> Result<Self, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        if let Some(url) = database {
            command.env(DATABASE, url);
        }
        let mut child = command
            .arg("--dir")
            .arg(data)
            .arg("server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let mut line = String::new();
        let output = child.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let addr = line.trim().parse().map_err(|_| format!("the server did not start: {line}"))?;
        Ok(Self { child, input, addr })
    }

    /// What it has used.
    pub(crate) fn usage(&self) -> Result<Usage, Failed> {
        let cpu_s = cpu_s(self.child.id())?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mb = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name));
            line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
        };
        Ok(Usage { cpu_s, rss_mb: mb("VmRSS:"), peak_mb: mb("VmHWM:"), db_cpu_s: None })
    }

    /// Stops it in order.
    pub(crate) fn stop(mut self) -> Result<(), Failed> {
        drop(self.input.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

/// What a process has used of the processor, user and system, seconds.
pub(crate) fn cpu_s(pid: u32) -> Result<f64, Failed> {
    cpu_of(pid, 2)
}

/// The first so many of: its user and system time, those of its children that have ended; seconds.
pub(crate) fn cpu_of(pid: u32, most: usize) -> Result<f64, Failed> {
    // Fields 14 to 17, counted behind the name in brackets; Linux shows them in hundredths of a second.
    let rest = stat(pid)?;
    let ticks: f64 = rest.split_whitespace().skip(11).take(most).filter_map(|t| t.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Whose child a process is; none when it has ended.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid).ok()?.split_whitespace().nth(1)?.parse().ok()
}

fn stat(pid: u32) -> Result<String, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(stat.rsplit_once(')').ok_or("an unknown form of /proc stat")?.1.to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // After `stop` it is gone already; after an error nothing else will end it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
