//! The ports that one store listens on, all on loopback and all free a moment ago.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
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

/// See the module text.
pub(crate) struct Ports([u16; NAMES.len()]);

impl Ports {
    /// Ports that nobody has. All are held until the last is chosen, so that none comes twice.
    pub(crate) fn free() -> io::Result<Self> {
        let held: Vec<TcpListener> =
            NAMES.iter().map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<_>>()?;
        let mut ports = [0; NAMES.len()];
        for (port, socket) in ports.iter_mut().zip(&held) {
            *port = socket.local_addr()?.port();
        }
        Ok(Self(ports))
    }

    /// As flags; its local sockets go into the folder too. `safe`: https beside http.
    pub(crate) fn flags(&self, folder: &Path, safe: bool) -> Vec<String> {
        let names = NAMES.iter().zip(self.0).filter(|(name, _)| safe || **name != SAFE);
        let ports = names.map(|(name, port)| format!("-{name}={port}"));
        let socket = |name: &str| format!("-{name}.localSocket={}", folder.join(name).display());
        ports.chain(["filer", "s3"].map(socket)).collect()
    }

    fn at(&self, name: &str) -> SocketAddr {
        let port = NAMES.iter().position(|n| *n == name).map_or(0, |at| self.0[at]);
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
