//! The ports that one store listens on, all on loopback.

use blindspot_port_temp::Port;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// What listens, in the program's own words.
const NAMES: [&str; 9] = [
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    SAFE,
];

/// Is listened on by a store with a certificate alone.
const SAFE: &str = "s3.port.https";

/// See the module text; in the order of the names.
pub(crate) struct Ports(Vec<Port>);

impl Ports {
    /// Ports that are nobody else's as long as these live.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self(NAMES.iter().map(|_| Port::take()).collect::<io::Result<_>>()?))
    }

    /// As flags; its local sockets go into the folder too. `safe`: https beside http.
    pub(crate) fn flags(&self, folder: &Path, safe: bool) -> Vec<String> {
        let names = NAMES.iter().zip(&self.0).filter(|(name, _)| safe || **name != SAFE);
        let ports = names.map(|(name, port)| format!("-{name}={}", port.number()));
        let socket = |name: &str| format!("-{name}.localSocket={}", folder.join(name).display());
        ports.chain(["filer", "s3"].map(socket)).collect()
    }

    fn at(&self, name: &str) -> SocketAddr {
        let port = NAMES.iter().position(|n| *n == name).map_or(0, |at| self.0[at].number());
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Where S3 is spoken.
    pub(crate) fn s3(&self) -> SocketAddr {
        self.at("s3.port")
    }

    /// Where it is spoken over https.
    pub(crate) fn safe(&self) -> SocketAddr {
        self.at(SAFE)
    }

    /// Where names are kept.
    pub(crate) fn filer(&self) -> SocketAddr {
        self.at("filer.port")
    }

    /// Where volumes are known.
    pub(crate) fn master(&self) -> SocketAddr {
        self.at("master.port")
    }
}
