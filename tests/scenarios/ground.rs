//! What the houses of a run stand on: a file and a folder, or the engines that the environment asks for. With both a
//! database and photos that servers share, two of them stand behind one door, and each request goes to the next.

use blindspot_pg_temp::{Node, NodeOptions, Signed};
use blindspot_s3_temp::{ACCESS_KEY, BUCKET, SECRET_KEY, TempS3};
use blindspot_sample::proxy::{CuttingProxy, Faults};
use blindspot_server::blob::Place;
use blindspot_server::config::ServeConfig;
use blindspot_server::database::Database;
use blindspot_server::service::limits::LimitConfig;
use blindspot_server::{Running, Server};
use blindspot_store::PgOptions;
use std::path::Path;
use std::sync::Arc;

/// See the module text.
#[derive(Clone, Default)]
pub(crate) struct Ground {
    postgres: Option<Arc<Node>>,
    bucket: Option<Arc<TempS3>>,
    /// Its address, without the keys.
    place: String,
}

/// Whether the variable asks for this engine. Another word is a mistake.
fn asks_for(variable: &str, engine: &str) -> bool {
    match std::env::var(variable).ok().as_deref() {
        None | Some("") => false,
        Some(word) if word == engine => true,
        Some(other) => panic!("{variable}={other}: want {engine}"),
    }
}

fn node() -> Arc<Node> {
    let node =
        Node::start(&NodeOptions { fsync: false, ..NodeOptions::default() }).expect("a PostgreSQL server");
    node.create_database("city").expect("a database");
    Arc::new(node)
}

impl Ground {
    /// `BLINDSPOT_TEST_DATABASE=temp-pg` and `BLINDSPOT_TEST_BLOBS=temp-s3` ask for engines of a house's own.
    pub(crate) fn asked() -> Self {
        let postgres = asks_for("BLINDSPOT_TEST_DATABASE", "temp-pg").then(node);
        let store = || Arc::new(TempS3::start().expect("an object store"));
        let ground = Self { postgres, ..Self::default() };
        if asks_for("BLINDSPOT_TEST_BLOBS", "temp-s3") { ground.with(store()) } else { ground }
    }

    /// PostgreSQL and a folder, whatever is asked for.
    pub(crate) fn postgres() -> Self {
        Self { postgres: Some(node()), ..Self::default() }
    }

    fn with(mut self, store: Arc<TempS3>) -> Self {
        self.place = store.url("city", None);
        self.bucket = Some(store);
        self
    }

    /// A file, and photos in a bucket that phones reach, too.
    pub(crate) fn public_bucket() -> Self {
        let store = TempS3::start().expect("an object store");
        let public = store.endpoint();
        let ground = Self::default().with(Arc::new(store));
        Self { place: format!("{}&public={public}", ground.place), ..ground }
    }

    /// A file, and photos in a bucket over https, whose certificate a private authority has signed: its own stands in
    /// the file of that name.
    pub(crate) fn safe_bucket(authority: &Path) -> Self {
        let signed = Signed::for_name("127.0.0.1").expect("a certificate");
        std::fs::write(authority, signed.authority).expect("a file");
        let store = TempS3::start_safe(&signed.certificate, &signed.key).expect("an object store");
        let place =
            format!("s3://{BUCKET}/city?endpoint={}&ca={}", store.safe_endpoint(), authority.display());
        Self { postgres: None, bucket: Some(Arc::new(store)), place }
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> Database {
        self.postgres.as_ref().map_or(Database::File, |n| {
            Database::Postgres(Box::new(PgOptions::new(&n.url("city"), None).expect("an address")))
        })
    }

    /// How a program is told where the database is, when it is not in the folder.
    pub(crate) fn address(&self) -> Option<(&'static str, String)> {
        self.postgres.as_ref().map(|node| ("BLINDSPOT_DATABASE", node.url("city")))
    }

    /// The database's server.
    pub(crate) fn node(&self) -> &Node {
        self.postgres.as_ref().expect("on PostgreSQL")
    }

    /// What a server on this folder is started with.
    pub(crate) fn config(&self, data: &Path, limits: LimitConfig) -> ServeConfig {
        let blobs = self.bucket.as_ref().map(|_| {
            let keys = data.join("s3.keys");
            std::fs::write(&keys, format!("{ACCESS_KEY}\n{SECRET_KEY}\n")).expect("a file");
            let place = format!("{}&keys={}", self.place, keys.display());
            Place::parse(&place).expect("a place")
        });
        ServeConfig { limits, database: self.database(), blobs, ..ServeConfig::new(data) }
    }

    /// Another server beside the one whose data folder this is, with a folder of its own.
    pub(crate) fn another_server(&self, data: &Path, limits: LimitConfig) -> (Running, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::copy(data.join("secret.key"), dir.path().join("secret.key")).expect("the key");
        let running = Server::start_blocking(self.config(dir.path(), limits)).expect("another server starts");
        (running, dir)
    }

    /// A second server beside the one that is up, when they can share all: it, and the door to both.
    pub(crate) fn second(&self, first: &Running, data: &Path, limits: LimitConfig) -> Option<Second> {
        if self.postgres.is_none() || self.bucket.is_none() {
            return None;
        }
        let (running, dir) = self.another_server(data, limits);
        let door = CuttingProxy::start_among(vec![first.addr, running.addr], Faults::default());
        Some(Second { door: door.expect("a door"), _running: running, _dir: dir })
    }
}

/// The second server, and the door to both.
pub(crate) struct Second {
    door: CuttingProxy,
    _running: Running,
    _dir: tempfile::TempDir,
}

impl Second {
    /// Where both are asked.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.door.addr())
    }
}

impl Drop for Second {
    /// When a test fails, whether the door had a part in it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the door: {:?}", self.door.counters());
        }
    }
}
