//! What a server is started with. Reads nothing by itself.

use crate::blob::Place;
use crate::database::Database;
use crate::service::limits::LimitConfig;
use crate::service::notices::NoticeSettings;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// See the module text. The defaults are plain HTTP on loopback only.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The data folder: database, blobs, uploads, secret key.
    pub data: PathBuf,
    /// Where the database is.
    pub database: Database,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where photos lie; as the data folder notes when left out.
    pub blobs: Option<Place>,
    /// The city's id, for a new data folder; an old one knows its own.
    pub city: Option<String>,
    /// The city's name as shown, for a new data folder.
    pub city_name: Option<String>,
    /// Where phones find this server, for enrolment codes; the listening address when left out.
    pub base_url: Option<String>,
    /// How connections are protected.
    pub tls: Tls,
    /// Proxies in front of us whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What one connection, and all of them, may take.
    pub connections: Connections,
    /// Whether the data folder is a sandbox for app developers.
    pub sandbox: Option<Sandbox>,
    /// Who may read `/metrics` from elsewhere; this machine always may when there is none.
    pub metrics_token: Option<String>,
    /// Free space below which the server warns, MB.
    pub space_warn_mb: u64,
    /// Backups that the server makes by itself.
    pub backup: Option<BackupPlan>,
    /// Rates, quotas, the reserve of disk.
    pub limits: LimitConfig,
    /// How notices leave.
    pub notices: NoticeSettings,
}

/// Backups that the server makes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPlan {
    /// The folder of backups.
    pub to: PathBuf,
    /// When.
    pub every: Every,
    /// How many are kept.
    pub keep: u32,
}

/// When backups are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Once a day, Beijing time.
    DayAt {
        /// Hour, 0 to 23.
        hour: u8,
        /// Minute, 0 to 59.
        minute: u8,
    },
    /// So many hours after the last.
    Hours(u32),
}

/// How connections are protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: loopback, or behind a trusted proxy.
    #[default]
    Plain,
    /// By a certificate of the city's.
    Files {
        /// The chain, PEM, own certificate first.
        cert: PathBuf,
        /// Its key, PEM.
        key: PathBuf,
    },
    /// By a certificate of a private CA made here, for a first try.
    Trial {
        /// Where the plain page that gives the CA away listens.
        page: SocketAddr,
    },
}

/// A sandbox: everything in it is public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Whether others than this machine may reach it.
    pub open: bool,
}

/// Bounds on connections. Each is large enough for a phone on a bad network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Most at once; more wait until one ends.
    pub most: usize,
    /// The head of a request must be there within this time.
    pub header: Duration,
    /// A connection without a request is closed after this time.
    pub idle: Duration,
    /// A body that stops coming, or an answer that is not taken, ends the connection after this time.
    pub stall: Duration,
    /// Most bytes of a request's head.
    pub header_bytes: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            most: 4_096,
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(60),
            header_bytes: 32 * 1_024,
        }
    }
}

impl ServeConfig {
    /// A server on a free loopback port.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            database: Database::File,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            blobs: None,
            city: None,
            city_name: None,
            base_url: None,
            tls: Tls::Plain,
            trusted_proxies: Vec::new(),
            connections: Connections::default(),
            sandbox: None,
            metrics_token: None,
            space_warn_mb: 2_048,
            backup: None,
            limits: LimitConfig::default(),
            notices: NoticeSettings::default(),
        }
    }

    /// Whether passwords and photos would cross a network unprotected.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.tls == Tls::Plain && !self.listen.ip().is_loopback() && self.trusted_proxies.is_empty()
    }

    /// The scheme that clients use when they reach us directly.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls == Tls::Plain { "http" } else { "https" }
    }
}
