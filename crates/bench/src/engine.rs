//! The engines under measurement: SQLite in the server's own folder, or a PostgreSQL server that the bench started.
//! Knows no work.

use crate::{Failed, child, statements};
use blindspot_pg_temp::{Node, NodeOptions};
use std::cell::Cell;

/// See the module text.
pub(crate) enum Engine {
    /// A file beside the server.
    File,
    /// A server of its own.
    Postgres(Box<Postgres>),
}

/// A PostgreSQL server that the bench started.
pub(crate) struct Postgres {
    node: Node,
    /// Databases made on it.
    made: Cell<usize>,
    /// Whether its statements are told.
    statements: bool,
}

impl Engine {
    /// Those that a word names. PostgreSQL's commits wait for the disk, as in a city.
    pub(crate) fn named(
        word: &str,
        settings: &[(String, String)],
        statements: bool,
    ) -> Result<Vec<Self>, Failed> {
        let postgres = || {
            let own = statements::SETTINGS.iter().filter(|_| statements);
            let own = own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let settings = own.chain(settings.iter().cloned()).collect();
            let node = Node::start(&NodeOptions { settings, ..NodeOptions::default() })?;
            Ok::<_, Failed>(Self::Postgres(Box::new(Postgres { node, made: Cell::new(0), statements })))
        };
        match word {
            "file" => Ok(vec![Self::File]),
            "temp-pg" => Ok(vec![postgres()?]),
            "both" => Ok(vec![Self::File, postgres()?]),
            other => Err(format!("--database {other}: want file, temp-pg or both").into()),
        }
    }

    /// As a line tells it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::File => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// The server, when there is one.
    pub(crate) fn node(&self) -> Option<&Node> {
        match self {
            Self::File => None,
            Self::Postgres(postgres) => Some(&postgres.node),
        }
    }

    /// The process whose children serve the sessions of the database, when it is not ours.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.node().and_then(Node::pid)
    }

    /// A new database, by its name; none when it is a file.
    pub(crate) fn fresh(&self, work: &str) -> Result<Option<String>, Failed> {
        let Self::Postgres(postgres) = self else { return Ok(None) };
        postgres.made.set(postgres.made.get() + 1);
        let name = format!("{work}_{}", postgres.made.get());
        postgres.node.create_database(&name)?;
        Ok(Some(name))
    }

    /// Takes a database away again: many of them would fill the disk.
    pub(crate) fn forget(&self, name: &str) -> Result<(), Failed> {
        let Self::Postgres(postgres) = self else { return Ok(()) };
        if postgres.statements {
            statements::tell(&postgres.node, name)?;
        }
        Ok(postgres.node.client("postgres")?.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))?)
    }
}

/// What a process and all its children have used of the processor, those that have ended included, seconds.
pub(crate) fn tree_cpu_s(pid: u32) -> Result<f64, Failed> {
    // Children of the first process that have ended are in its own account.
    let mut sum = child::cpu_of(pid, 4)?;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(other) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if child::parent(other) == Some(pid) {
            // One that ends meanwhile is counted with the next look.
            sum += child::cpu_s(other).unwrap_or(0.0);
        }
    }
    Ok(sum)
}
