//! Three servers: one takes writes, two follow, and a commit waits for as many followers as is asked.

use crate::{Node, NodeOptions, PgError, Result};
use std::time::{Duration, Instant};

const NAMES: [&str; 3] = ["a", "b", "c"];
/// A follower that is not connected after this time never will be.
const JOIN_MAX: Duration = Duration::from_secs(30);

/// How to start three.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Each node's.
    pub node: NodeOptions,
    /// Whether a commit waits until one of the two others has it on disk (`ANY 1`).
    pub quorum: bool,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { node: NodeOptions::default(), quorum: true }
    }
}

/// See the module text.
pub struct Cluster {
    nodes: Vec<Node>,
    options: NodeOptions,
    primary: usize,
}

impl Cluster {
    /// Starts three; returns when both followers stream.
    ///
    /// # Errors
    /// As `Node::start`.
    pub fn start(options: &ClusterOptions) -> Result<Self> {
        let mut node = options.node.clone();
        let mut set = |name: &str, value: &str| node.settings.push((name.to_owned(), value.to_owned()));
        // A primary that is gone is noticed soon.
        set("wal_receiver_timeout", "5s");
        set("wal_retrieve_retry_interval", "200ms");
        let alone = node.clone();
        if options.quorum {
            let names = format!("ANY 1 ({})", NAMES.join(", "));
            node.settings.push(("synchronous_standby_names".to_owned(), names));
        }
        // The first is made without the quorum: initial rows of its own would wait for followers that are not there.
        let first = Node::start(&alone)?;
        let mut nodes = vec![first];
        for name in &NAMES[1..] {
            nodes.push(nodes[0].follower(name, &node)?);
        }
        if options.quorum {
            let mut client = nodes[0].client("postgres")?;
            let names =
                format!("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 ({})'", NAMES.join(", "));
            client.batch_execute(&names)?;
            client.batch_execute("SELECT pg_reload_conf()")?;
        }
        let cluster = Self { nodes, options: node, primary: 0 };
        cluster.wait_followers(2)?;
        Ok(cluster)
    }

    /// The nodes, in order of their making.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The one that takes writes.
    #[must_use]
    pub fn primary(&self) -> &Node {
        &self.nodes[self.primary]
    }

    /// The address of a database on all of them: whoever connects looks for the one that takes writes.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|n| format!("127.0.0.1:{}", n.port())).collect();
        format!(
            "postgres://postgres:{}@{}/{database}?target_session_attrs=read-write",
            self.nodes[0].password(),
            hosts.join(",")
        )
    }

    fn wait_followers(&self, want: i64) -> Result<()> {
        let until = Instant::now() + JOIN_MAX;
        loop {
            let ask = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
            let have: i64 = self.primary().client("postgres")?.query_one(ask, &[])?.get(0);
            if have >= want {
                return Ok(());
            }
            if Instant::now() > until {
                let said = self.nodes.iter().map(Node::log).collect::<Vec<_>>().join("\n---\n");
                return Err(PgError::Program { program: "followers".to_owned(), said });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the primary as a power cut would.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill_primary(&mut self) -> Result<()> {
        self.nodes[self.primary].kill()
    }

    /// Cuts both followers off: what is committed from now on is on the primary alone, where no quorum is waited for.
    ///
    /// # Errors
    /// When one does not answer.
    pub fn hold_followers(&self) -> Result<()> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != self.primary)
            .try_for_each(|(_, node)| node.hold())
    }

    /// Makes the follower that received most the primary, and the other follow it. The old one must be dead.
    ///
    /// # Errors
    /// When no follower answers.
    pub fn fail_over(&mut self) -> Result<()> {
        let others: Vec<usize> = (0..self.nodes.len()).filter(|n| *n != self.primary).collect();
        let mut best: Option<(i64, usize)> = None;
        for n in &others {
            let received = self.nodes[*n].received()?;
            if best.is_none_or(|(most, _)| received > most) {
                best = Some((received, *n));
            }
        }
        let Some((_, next)) = best else { return Err(PgError::Missing) };
        self.nodes[next].promote()?;
        for n in others.into_iter().filter(|n| *n != next) {
            self.nodes[n].follow(&self.nodes[next], NAMES[n])?;
        }
        self.primary = next;
        self.wait_followers(1)
    }

    /// Makes the dead nodes anew from the primary; afterwards there are three again, with other ports for those.
    ///
    /// # Errors
    /// As `Node::start`.
    pub fn rejoin(&mut self, dead: usize) -> Result<()> {
        self.nodes[dead] = self.nodes[self.primary].follower(NAMES[dead], &self.options)?;
        self.wait_followers(2)
    }

    /// The number of the primary among the nodes.
    #[must_use]
    pub fn primary_index(&self) -> usize {
        self.primary
    }
}
