//! One server in a folder of its own.

use crate::{PgError, Programs, Result, Signed};
use blindspot_port_temp::Port;
use postgres::{Client, Config, NoTls};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The superuser of every temporary server.
const USER: &str = "postgres";
/// A server that is not there after this time failed to start.
const START_MAX: Duration = Duration::from_secs(60);
/// A stop that takes longer is made a kill.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What a server says at its start when sessions of a killed one still run; among its last lines.
const HELD: &str = "pre-existing shared memory block";
const LAST_LINES: usize = 6;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Whether a commit waits for the disk. Off makes tests fast where no machine is switched off.
    pub fsync: bool,
    /// Most connections.
    pub connections: u32,
    /// Lines for `postgresql.conf`, name and value.
    pub settings: Vec<(String, String)>,
    /// Its certificate, when the server is to offer TLS.
    pub tls: Option<Signed>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self { fsync: true, connections: 200, settings: Vec::new(), tls: None }
    }
}

/// A running server, or one that was killed and may be started again.
pub struct Node {
    programs: Programs,
    dir: TempDir,
    password: String,
    port: Port,
    child: Option<Child>,
}

impl Node {
    /// Makes a new database cluster and starts it.
    ///
    /// # Errors
    /// When the programs are missing or refuse.
    pub fn start(options: &NodeOptions) -> Result<Self> {
        let programs = Programs::find()?;
        let mut secret = [0_u8; 16];
        getrandom::fill(&mut secret).map_err(|e| PgError::Io(std::io::Error::other(e)))?;
        let password: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let mut node = Self::bare(programs, password)?;
        let (data, pwfile) = (node.data(), node.dir.path().join("pwfile"));
        fs::write(&pwfile, &node.password)?;
        node.programs.hand_over(&pwfile)?;
        node.programs.run("initdb", |c| {
            c.args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "-U", USER]);
            c.arg("--pwfile").arg(&pwfile).arg("-D").arg(&data);
        })?;
        fs::remove_file(&pwfile)?;
        node.configure(options)?;
        node.run()?;
        Ok(node)
    }

    /// A folder for a server, still empty.
    pub(crate) fn bare(programs: Programs, password: String) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("blindspot-pg-").tempdir()?;
        programs.hand_over(dir.path())?;
        Ok(Self { programs, dir, password, port: Port::take()?, child: None })
    }

    /// A follower made from this server.
    pub(crate) fn follower(&self, name: &str, options: &NodeOptions) -> Result<Self> {
        let mut node = Self::bare(self.programs.clone(), self.password.clone())?;
        let (from, data) = (self.conninfo(name), node.data());
        node.programs.run("pg_basebackup", |c| {
            c.args(["--no-sync", "--checkpoint=fast", "-X", "stream", "-R", "-d", &from, "-D"]).arg(&data);
        })?;
        node.configure(options)?;
        node.run()?;
        Ok(node)
    }

    /// Where a follower of a name finds this server.
    pub(crate) fn conninfo(&self, name: &str) -> String {
        format!(
            "host=127.0.0.1 port={} user={USER} password={} application_name={name}",
            self.port(),
            self.password
        )
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn configure(&self, options: &NodeOptions) -> Result<()> {
        let on = |b: bool| if b { "on" } else { "off" };
        let mut lines = format!(
            "\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nmax_connections = {}\n\
             fsync = {fsync}\nsynchronous_commit = on\nfull_page_writes = {fsync}\nshared_buffers = '128MB'\n\
             logging_collector = off\nwal_keep_size = '512MB'\nmax_wal_size = '2GB'\nmax_wal_senders = 10\n",
            self.port(),
            self.dir.path().display(),
            options.connections,
            fsync = on(options.fsync),
        );
        for (name, value) in &options.settings {
            lines.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        if let Some(Signed { certificate, key, .. }) = &options.tls {
            lines.push_str("ssl = on\n");
            for (name, text) in [("server.crt", certificate), ("server.key", key)] {
                let path = self.data().join(name);
                fs::write(&path, text)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
                self.programs.hand_over(&path)?;
            }
        }
        let path = self.data().join("postgresql.conf");
        let mut text = fs::read_to_string(&path)?;
        text.push_str(&lines);
        fs::write(&path, text)?;
        Ok(())
    }

    /// Starts the server again after `kill` or `stop`.
    ///
    /// # Errors
    /// When it does not answer within a minute.
    pub fn run(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let until = Instant::now() + START_MAX;
        let mut child = self.spawn()?;
        while self.client("postgres").is_err() {
            if child.try_wait()?.is_some() {
                let said = self.log();
                // Sessions of a server that was killed notice it a moment later, and hold its memory until then.
                let held = said.lines().rev().take(LAST_LINES).any(|line| line.contains(HELD));
                if !held || Instant::now() > until {
                    return Err(PgError::Program { program: "postgres".to_owned(), said });
                }
                std::thread::sleep(Duration::from_millis(50));
                child = self.spawn()?;
            } else if Instant::now() > until {
                child.kill()?;
                return Err(PgError::Program { program: "postgres".to_owned(), said: self.log() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
        Ok(())
    }

    fn spawn(&self) -> Result<Child> {
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.data()).stdout(log.try_clone()?).stderr(Stdio::from(log));
        Ok(command.spawn()?)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What the server wrote, its last 4,000 bytes.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(4_000)..]).into_owned()
    }

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The number of its first process, whose children serve the sessions; none while it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The folder that it lives in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The superuser's password; it goes into the environment or a file, never into a command line.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The address of a database of it, with the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port())
    }

    /// A connection to a database of it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn client(&self, database: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port()).user(USER).password(&self.password).dbname(database);
        Ok(config.connect_timeout(Duration::from_secs(3)).connect(NoTls)?)
    }

    /// Makes an empty database and gives its address. `name` is ours: letters, digits, underscores.
    ///
    /// # Errors
    /// When there is one of that name.
    pub fn create_database(&self, name: &str) -> Result<String> {
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{name}");
        self.client("postgres")?.batch_execute(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url(name))
    }

    /// Kills the server as a power cut would: no shutdown, no last checkpoint.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        // With its sessions, as when a machine dies: one that has not noticed yet could still commit.
        let sessions = self.sessions();
        self.signal(Signal::KILL)?;
        for session in sessions {
            // Gone already is as good.
            let _ = kill_process(session, Signal::KILL);
        }
        Ok(())
    }

    /// The processes that the server has started.
    fn sessions(&self) -> Vec<Pid> {
        let Some(pid) = self.pid() else { return vec![] };
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
    }

    /// Stops it in order; sessions are cut.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::INT)
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = Pid::from_child(&child);
        // One that has ended by itself takes no signal; waiting finds it.
        let _ = kill_process(pid, signal);
        let until = Instant::now() + STOP_MAX;
        while child.try_wait()?.is_none() {
            if Instant::now() > until {
                child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Makes a follower the one that takes writes.
    ///
    /// # Errors
    /// When it is none, or does not become one in a minute.
    pub fn promote(&self) -> Result<()> {
        let done: bool = self.client("postgres")?.query_one("SELECT pg_promote(true, 60)", &[])?.get(0);
        if done {
            return Ok(());
        }
        Err(PgError::Program { program: "pg_promote".to_owned(), said: self.log() })
    }

    /// How far a follower has received the log of its primary, bytes.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn received(&self) -> Result<i64> {
        let ask = "SELECT (COALESCE(pg_last_wal_receive_lsn(), '0/0') - '0/0')::int8";
        Ok(self.client("postgres")?.query_one(ask, &[])?.get(0))
    }

    /// Makes a follower receive nothing any more.
    pub(crate) fn hold(&self) -> Result<()> {
        let mut client = self.client("postgres")?;
        client.batch_execute("ALTER SYSTEM SET primary_conninfo = ''")?;
        client.batch_execute("SELECT pg_reload_conf()")?;
        let until = Instant::now() + STOP_MAX;
        loop {
            let ask = "SELECT count(*) FROM pg_stat_wal_receiver";
            if client.query_one(ask, &[])?.get::<_, i64>(0) == 0 {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(PgError::Program { program: "follower".to_owned(), said: self.log() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Makes it follow another primary.
    pub(crate) fn follow(&self, primary: &Node, name: &str) -> Result<()> {
        let mut client = self.client("postgres")?;
        client.batch_execute(&format!("ALTER SYSTEM SET primary_conninfo = '{}'", primary.conninfo(name)))?;
        client.batch_execute("SELECT pg_reload_conf()")?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // SIGQUIT: at once, with its children; what it holds goes away with the folder.
        if self.signal(Signal::QUIT).is_err() {
            eprintln!("a temporary PostgreSQL did not stop");
        }
    }
}
