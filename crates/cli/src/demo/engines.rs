//! What the demo's servers keep their data in: the data folder, or a PostgreSQL server and an object store that the demo
//! starts for itself. On both of them two servers work side by side.

use crate::out::{Done, Failure};
use blindspot_server::ServeConfig;
use blindspot_server::blob::Place;
use blindspot_server::database::Database;
use std::fs;
use std::path::{Path, PathBuf};

/// See the module text. What it started ends with it.
pub(crate) struct Engines {
    /// Where the database is.
    pub(crate) database: Database,
    photos: Option<Place>,
    #[cfg(feature = "postgres")]
    _node: Option<blindspot_pg_temp::Node>,
    #[cfg(feature = "s3")]
    _store: Option<blindspot_s3_temp::TempS3>,
}

impl Engines {
    /// Starts what is asked for: `file` or `temp-pg`, `disk` or `temp-s3`. `data` takes the keys of the store.
    pub(crate) fn start(database: &str, blobs: &str, data: &Path) -> Done<Self> {
        #[cfg(feature = "postgres")]
        let node = (database == "temp-pg").then(postgres).transpose()?;
        #[cfg(feature = "s3")]
        let store = (blobs == "temp-s3").then(object_store).transpose()?;
        let built = |feature: bool, wanted: bool| feature || !wanted;
        if !built(cfg!(feature = "postgres"), database == "temp-pg")
            || !built(cfg!(feature = "s3"), blobs == "temp-s3")
        {
            return Err(Failure::new(
                "这个程序没有编入 PostgreSQL 或对象存储",
                "this program was built without PostgreSQL or without object storage",
            ));
        }
        Ok(Self {
            #[cfg(feature = "postgres")]
            database: database_of(node.as_ref())?,
            #[cfg(not(feature = "postgres"))]
            database: Database::File,
            #[cfg(feature = "s3")]
            photos: place_of(store.as_ref(), data)?,
            #[cfg(not(feature = "s3"))]
            photos: {
                let _ = data;
                None
            },
            #[cfg(feature = "postgres")]
            _node: node,
            #[cfg(feature = "s3")]
            _store: store,
        })
    }

    /// What a server on a folder is started with.
    pub(crate) fn config(&self, data: &Path) -> ServeConfig {
        let mut config = ServeConfig::new(data);
        config.database = self.database.clone();
        config.blobs.clone_from(&self.photos);
        config
    }

    /// The folder of a second server, when neither database nor photos lie in the first one's.
    pub(crate) fn second(&self, data: &Path) -> Done<Option<PathBuf>> {
        if !self.database.is_shared() || self.photos.is_none() {
            return Ok(None);
        }
        let folder = data.join("server-2");
        let made = fs::create_dir_all(&folder)
            .and_then(|()| fs::copy(data.join("secret.key"), folder.join("secret.key")));
        match made {
            Ok(_) => Ok(Some(folder)),
            Err(e) => {
                Err(Failure::new(format!("第二台服务器的文件夹：{e}"), format!("a second server: {e}")))
            }
        }
    }

    /// In words, for the first line.
    pub(crate) fn words(&self) -> String {
        let database = if self.database.is_shared() { "PostgreSQL" } else { "SQLite" };
        let photos = if self.photos.is_some() { "S3" } else { "文件 files" };
        let servers = if self.database.is_shared() && self.photos.is_some() { 2 } else { 1 };
        format!("数据库 database {database} · 照片 photos {photos} · 服务器 servers {servers}")
    }
}

#[cfg(feature = "postgres")]
fn postgres() -> Done<blindspot_pg_temp::Node> {
    let started = blindspot_pg_temp::Node::start(&blindspot_pg_temp::NodeOptions::default());
    started.map_err(|e| Failure::new(format!("PostgreSQL 起不来：{e}"), format!("PostgreSQL: {e}")))
}

#[cfg(feature = "postgres")]
fn database_of(node: Option<&blindspot_pg_temp::Node>) -> Done<Database> {
    let Some(node) = node else { return Ok(Database::File) };
    let refused = |e: &dyn std::fmt::Display| {
        Failure::new(format!("PostgreSQL 用不了：{e}"), format!("PostgreSQL cannot be used: {e}"))
    };
    let url = node.create_database("city").map_err(|e| refused(&e))?;
    let options = blindspot_store::PgOptions::new(&url, None).map_err(|e| refused(&e))?;
    Ok(Database::Postgres(Box::new(options)))
}

#[cfg(feature = "s3")]
fn object_store() -> Done<blindspot_s3_temp::TempS3> {
    let started = blindspot_s3_temp::TempS3::start();
    started.map_err(|e| Failure::new(format!("对象存储起不来：{e}"), format!("the object store: {e}")))
}

/// A place in the store; its keys stand in a file that its owner alone can read.
#[cfg(feature = "s3")]
fn place_of(store: Option<&blindspot_s3_temp::TempS3>, data: &Path) -> Done<Option<Place>> {
    use blindspot_s3_temp::{ACCESS_KEY, SECRET_KEY};
    let Some(store) = store else { return Ok(None) };
    let keys = data.join("s3.keys");
    super::home::write_private(&keys, &format!("{ACCESS_KEY}\n{SECRET_KEY}\n"))?;
    let url = url::Url::parse_with_params(&store.url("demo", None), [("keys", keys.to_string_lossy())]);
    let place =
        url.map_err(|e| e.to_string()).and_then(|u| Place::parse(u.as_str()).map_err(|e| e.to_string()));
    place
        .map(Some)
        .map_err(|e| Failure::new(format!("对象存储的地址：{e}"), format!("the bucket's address: {e}")))
}
