//! What a server is started with. Reads nothing by itself.

use std::net::SocketAddr;
use std::path::PathBuf;

/// See the module text. The defaults are plain HTTP on loopback only.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The data folder: database, blobs, uploads, secret key.
    pub data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The city's id, for a new data folder; an old one knows its own.
    pub city: Option<String>,
    /// The city's name as shown, for a new data folder.
    pub city_name: Option<String>,
    /// Where phones find this server, for enrolment codes; the listening address when left out.
    pub base_url: Option<String>,
}

impl ServeConfig {
    /// A server on a free loopback port.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            city: None,
            city_name: None,
            base_url: None,
        }
    }
}
