//! Temporary PostgreSQL servers in folders that go away with them: one node, or three with quorum replication.
//!
//! Knows no schema and no statement of ours. The programs are the distribution's; without them the error names the
//! command that installs them. A server is stopped by its own process id when its value is dropped.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod certificate;
mod cluster;
mod node;
mod programs;

pub use certificate::Signed;
pub use cluster::{Cluster, ClusterOptions};
pub use node::{Node, NodeOptions};
pub use programs::{INSTALL, Programs};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// The programs are not installed.
    #[error("no PostgreSQL programs in /usr/lib/postgresql/*/bin; install them: {INSTALL}")]
    Missing,
    /// PostgreSQL refuses to run as root, and there is nobody to run it as.
    #[error("PostgreSQL does not run as root, and there is no user `postgres`; install it: {INSTALL}")]
    NoUser,
    /// A program of PostgreSQL's failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: String,
        /// Its own words.
        said: String,
    },
    /// Files or processes refuse.
    #[error("temporary PostgreSQL: {0}")]
    Io(#[from] std::io::Error),
    /// No certificate can be made.
    #[error("temporary PostgreSQL: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The server refuses.
    #[error("temporary PostgreSQL: {0}")]
    Sql(#[from] postgres::Error),
}

/// Shorthand for this crate.
pub type Result<T> = std::result::Result<T, PgError>;
