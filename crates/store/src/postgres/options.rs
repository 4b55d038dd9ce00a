//! How to reach a PostgreSQL database.

use super::tls;
use crate::{Result, StoreError};
use postgres::config::{Config, Host, SslMode};
use postgres::{Client, Error, NoTls};
use std::fmt;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Milliseconds after which the server gives up a statement, a lock, a transaction that nothing is asked of: what
/// takes longer has gone wrong, and holds others up.
const STATEMENT_MS: u32 = 30_000;
const LOCK_MS: u32 = 10_000;
const IDLE_MS: u32 = 20_000;

/// Where a database is and how many connections it is asked on.
#[derive(Clone)]
pub struct PgOptions {
    config: Config,
    /// How connections are made safe, when they are.
    tls: Option<MakeRustlsConnect>,
    /// Connections for reading, opened as they are needed.
    pub readers: usize,
    /// How long a read waits for a connection before it is refused.
    pub read_wait: Duration,
    /// How long a write waits for those before it in this process.
    pub write_wait: Duration,
}

impl PgOptions {
    /// From an address as libpq reads it: several hosts, `target_session_attrs=read-write`. `password` when the
    /// address holds none. `sslmode=require` and above: TLS, the server's certificate verified against the machine's
    /// trusted roots or `sslrootcert=FILE`.
    ///
    /// # Errors
    /// `Version` with what is wrong with the address or the certificates, without the address.
    pub fn new(url: &str, password: Option<&str>) -> Result<Self> {
        let (url, asked) = tls::take_out(url);
        let mut config: Config = url.parse().map_err(|_| {
            StoreError::Version("数据库地址不对 / this is no address of a PostgreSQL database".into())
        })?;
        let tls = tls::of(&asked)?;
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name("blindspot");
        }
        config.connect_timeout(Duration::from_secs(5));
        // A peer that is gone without a word is noticed within seconds, also while a commit is waited for.
        config.keepalives_idle(Duration::from_secs(5));
        config.keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(10));
        Ok(Self {
            config,
            tls,
            readers: 8,
            read_wait: Duration::from_secs(5),
            write_wait: Duration::from_secs(15),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> std::result::Result<Client, Error> {
        self.connect_as(&self.config)
    }

    /// The same with settings of its own.
    pub(crate) fn connect_as(&self, config: &Config) -> std::result::Result<Client, Error> {
        match &self.tls {
            Some(tls) => config.connect(tls.clone()),
            None => config.connect(NoTls),
        }
    }

    /// Whether passwords' proofs and rows go through a network that others may listen on.
    pub(crate) fn is_in_the_clear(&self) -> bool {
        let here = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        self.tls.is_none() && !self.config.get_hosts().iter().all(here)
    }

    /// What every session is set to. A statement and not a start-up parameter: poolers do not pass those on. Every statement
    /// of ours goes by keys; a planner that has seen a table young and nearly empty would read all of it, for as long as it
    /// believes so. Batches need the fence of `dialect::batch` besides.
    pub(crate) fn session(&self) -> String {
        format!(
            "SET statement_timeout = {STATEMENT_MS}; SET lock_timeout = {LOCK_MS}; \
             SET idle_in_transaction_session_timeout = {IDLE_MS}; SET client_min_messages = warning; \
             SET standard_conforming_strings = on; \
             SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
             SET plan_cache_mode = auto; SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') IN ('off', 'local')"
        )
    }

    /// Hosts and database as they may be shown: without user and password.
    #[must_use]
    pub fn shown(&self) -> String {
        let ports = self.config.get_ports();
        let port = |i: usize| ports.get(i).or(ports.first()).copied().unwrap_or(5432);
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(i, host)| match host {
                Host::Tcp(name) => format!("{name}:{}", port(i)),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        format!("postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions").field("at", &self.shown()).field("readers", &self.readers).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secret() {
        let url = "postgres://me:topsecret@a:5433,b:5434/city?target_session_attrs=read-write";
        let options = PgOptions::new(url, None).unwrap();
        assert_eq!(options.shown(), "postgres://a:5433,b:5434/city");
        assert!(!format!("{options:?}").contains("secret"));
        let error = PgOptions::new("postgres://u:topsecret@[", None).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"));
        assert!(options.is_in_the_clear());
        assert!(!PgOptions::new("postgres://127.0.0.1,localhost/x", None).unwrap().is_in_the_clear());
        let error =
            PgOptions::new("postgres://h/x?sslmode=require&sslrootcert=/no/such/file", None).unwrap_err();
        assert!(error.to_string().contains("sslrootcert"), "{error}");
    }
}
