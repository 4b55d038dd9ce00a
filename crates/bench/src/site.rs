//! A place for one measurement: a folder and a database, both new, gone with it; and the servers that run on them.
//! Knows no work.

use crate::child::{Server, Usage};
use crate::engine::{self, Engine};
use crate::ground::{self, Recruit};
use crate::report::Line;
use crate::{Failed, copies, line};
use blindspot_server::database::Database;
use blindspot_store::PgOptions;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// The file of a server's key: servers on one database have the same.
const KEY: &str = "secret.key";

/// See the module text.
pub(crate) struct Site<'e> {
    pub(crate) engine: &'e Engine,
    /// The name of its database; none when that is a file.
    pub(crate) base: Option<String>,
    dir: TempDir,
    /// Folders of further servers.
    more: Vec<TempDir>,
}

impl<'e> Site<'e> {
    /// A new one below `root`.
    pub(crate) fn new(root: &Path, engine: &'e Engine, work: &str) -> Result<Self, Failed> {
        let (dir, base) = (tempfile::tempdir_in(root)?, engine.fresh(work)?);
        Ok(Self { engine, base, dir, more: Vec::new() })
    }

    /// The first server's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The address of its database, when it has one.
    pub(crate) fn url(&self) -> Option<String> {
        Some(self.engine.node()?.url(self.base.as_deref()?))
    }

    /// As a server is told it.
    pub(crate) fn database(&self) -> Result<Database, Failed> {
        Ok(match self.url() {
            Some(url) => Database::Postgres(Box::new(PgOptions::new(&url, None)?)),
            None => Database::File,
        })
    }

    /// Lays the ground: see `ground::lay`.
    pub(crate) fn lay(
        &self,
        seed: u64,
        recruits: usize,
        grid_of: impl Fn(usize) -> usize,
    ) -> Result<Vec<Recruit>, Failed> {
        ground::lay(self.folder(), &self.database()?, seed, recruits, grid_of)
    }

    /// One server on it.
    pub(crate) fn start(&self) -> Result<Fleet, Failed> {
        Fleet::start(&[self.folder()], self.url().as_deref(), self.engine)
    }

    /// So many servers on it, each with a folder of its own and the same key.
    pub(crate) fn start_many(&mut self, root: &Path, servers: usize) -> Result<Fleet, Failed> {
        while self.more.len() + 1 < servers {
            let folder = tempfile::tempdir_in(root)?;
            std::fs::copy(self.folder().join(KEY), folder.path().join(KEY))?;
            self.more.push(folder);
        }
        let others = self.more.iter().map(TempDir::path);
        let folders: Vec<&Path> = std::iter::once(self.folder()).chain(others).collect();
        Fleet::start(&folders[..servers.max(1)], self.url().as_deref(), self.engine)
    }

    /// A server for another city of its database, on a folder of that city's.
    pub(crate) fn start_in(&self, folder: &Path) -> Result<Fleet, Failed> {
        Fleet::start(&[folder], self.url().as_deref(), self.engine)
    }

    /// A folder for another city of its database, whose facts were copied with the key that they name.
    pub(crate) fn folder_for_copy(&self, root: &Path) -> Result<TempDir, Failed> {
        let folder = tempfile::tempdir_in(root)?;
        std::fs::copy(self.folder().join(KEY), folder.path().join(KEY))?;
        Ok(folder)
    }

    /// What PostgreSQL does by itself within a minute, done at once: it counts its rows, and plans that were made for
    /// empty tables are made again. SQLite's plans do not depend on what is there (decision 0010).
    pub(crate) fn settle(&self) -> Result<(), Failed> {
        let (Some(node), Some(base)) = (self.engine.node(), &self.base) else { return Ok(()) };
        // On a thread of its own: its client blocks, and the phones' runtime does not take that.
        std::thread::scope(|scope| {
            let hand = scope.spawn(|| copies::settle(node, base).map(drop).map_err(|e| e.to_string()));
            hand.join().map_err(|_| "settling ended in a panic")?
        })?;
        Ok(())
    }

    /// A line of this engine's.
    pub(crate) fn line(&self, work: &'static str) -> Line {
        line(work, self.engine)
    }
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        let Some(name) = &self.base else { return };
        if let Err(error) = self.engine.forget(name) {
            eprintln!("a database of the measurement stays until the end: {error}");
        }
    }
}

/// The servers on one database.
pub(crate) struct Fleet {
    servers: Vec<Server>,
    /// The database's first process.
    database: Option<u32>,
}

impl Fleet {
    fn start(folders: &[&Path], url: Option<&str>, engine: &Engine) -> Result<Self, Failed> {
        let servers = folders.iter().map(|folder| Server::start(folder, url)).collect::<Result<_, _>>()?;
        Ok(Self { servers, database: engine.pid() })
    }

    /// Where the n-th phone finds its server.
    pub(crate) fn addr(&self, n: usize) -> SocketAddr {
        self.servers[n % self.servers.len()].addr
    }

    /// What they have used together, and the database if it is not in them.
    pub(crate) fn usage(&self) -> Result<Usage, Failed> {
        let mut sum = Usage::default();
        for server in &self.servers {
            let one = server.usage()?;
            sum.cpu_s += one.cpu_s;
            sum.rss_mb += one.rss_mb;
            sum.peak_mb += one.peak_mb;
        }
        sum.db_cpu_s = self.database.map(engine::tree_cpu_s).transpose()?;
        Ok(sum)
    }

    /// Stops them in order.
    pub(crate) fn stop(self) -> Result<(), Failed> {
        self.servers.into_iter().try_for_each(Server::stop)
    }
}
