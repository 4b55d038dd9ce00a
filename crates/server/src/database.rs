//! Where the database is: a file in the data folder, or a PostgreSQL server that other servers may share.
//!
//! A data folder whose database is elsewhere says so in a file of its own, so that nobody opens an empty one beside it.

use blindspot_core::id::CityId;
#[cfg(feature = "postgres")]
use blindspot_store::PgOptions;
use blindspot_store::accounts::CityRecord;
use blindspot_store::{Options, Store, StoreError, accounts};
use std::fs;
use std::io;
use std::path::Path;

/// The database's file in a data folder.
pub const FILE: &str = "blindspot.db";
/// Says where the database of a data folder is, when it is elsewhere; without a password.
pub const ELSEWHERE: &str = "database.elsewhere";
/// Which city of a shared database a data folder is for.
const CITY: &str = "city.id";
/// What is kept of a database file that was moved to a server.
pub const MOVED: &str = "blindspot.db.moved";

/// See the module text.
#[derive(Clone, Debug, Default)]
pub enum Database {
    /// A file in the data folder.
    #[default]
    File,
    /// On a server.
    #[cfg(feature = "postgres")]
    Postgres(Box<PgOptions>),
}

impl Database {
    /// Whether other servers may work on it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !matches!(self, Database::File)
    }

    /// Opens it for a data folder.
    ///
    /// # Errors
    /// `Version` when the data folder says that its database is somewhere else; else the engine's.
    pub fn open(&self, data: &Path) -> Result<Store, StoreError> {
        let elsewhere = fs::read_to_string(data.join(ELSEWHERE)).ok();
        match self {
            Database::File => match elsewhere {
                Some(at) => {
                    let at = at.trim();
                    Err(StoreError::Version(format!(
                        "这个文件夹的数据库在 {at}；请用 --database 或 BLINDSPOT_DATABASE 写明 / the database of this folder is at \
                         {at}: name it by --database or BLINDSPOT_DATABASE"
                    )))
                }
                None => Store::open(&data.join(FILE), Options::default()),
            },
            #[cfg(feature = "postgres")]
            Database::Postgres(options) => {
                if data.join(FILE).is_file() {
                    return Err(StoreError::Version(
                        "这个文件夹里有自己的数据库；请先用 blindspot migrate 搬到 PostgreSQL，或换一个文件夹 / this folder \
                         has a database of its own: move it with `blindspot migrate`, or name another folder"
                            .into(),
                    ));
                }
                let store = Store::connect((**options).clone())?;
                if elsewhere.is_none() {
                    let noted = fs::write(data.join(ELSEWHERE), options.shown() + "\n");
                    noted.map_err(|e: io::Error| StoreError::Io(e.to_string()))?;
                }
                Ok(store)
            }
        }
    }

    /// Where it is, as it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Database::File => FILE.to_owned(),
            #[cfg(feature = "postgres")]
            Database::Postgres(options) => options.shown(),
        }
    }
}

/// Which city a data folder is for: as it notes itself; else the one that is named; else the only one that the database
/// has. Nothing when the database has none yet.
///
/// # Errors
/// `Version` when the folder is for another city, or when one of several must be named.
pub fn city_of(data: &Path, store: &Store, named: Option<&str>) -> Result<Option<CityRecord>, StoreError> {
    if !store.is_shared() {
        return store.read(accounts::load_only_city);
    }
    let noted = fs::read_to_string(data.join(CITY)).ok().map(|text| text.trim().to_owned());
    if let (Some(noted), Some(named)) = (noted.as_deref(), named)
        && noted != named
    {
        return Err(StoreError::Version(format!(
            "这个数据文件夹属于城市 {noted}，不是 {named}；每个城市用自己的文件夹 / this data folder is for the city {noted}, not \
             {named}: each city has a folder of its own"
        )));
    }
    store.read(|tx| match noted.as_deref().or(named) {
        Some(city) => accounts::load_city(tx, &CityId::from(city)),
        None if accounts::has_several_cities(tx)? => Err(StoreError::Version(
            "这个数据库里有几个城市；请用 --city 写明是哪一个 / this database holds several cities: name one by --city".into(),
        )),
        None => accounts::load_only_city(tx),
    })
}

/// Notes which city of a shared database a data folder is for.
///
/// # Errors
/// The disk's.
pub fn note_city(data: &Path, city: &CityId) -> io::Result<()> {
    let file = data.join(CITY);
    if file.is_file() { Ok(()) } else { fs::write(file, format!("{city}\n")) }
}

/// Says at the start what a commit on this database is worth.
#[cfg(feature = "postgres")]
pub(crate) fn say_what_keeps(store: &Store) {
    match store.pg_standing() {
        Ok(Some(standing)) if !standing.fsync => {
            tracing::error!("the database runs with fsync off: a power cut loses what was acknowledged");
        }
        Ok(Some(standing)) if standing.may_lose() => tracing::warn!(
            followers = standing.followers,
            "followers copy the database without being waited for: a failover may lose the last seconds; phones offer them \
             again in a new epoch. synchronous_standby_names = 'ANY 1 (...)' prevents it"
        ),
        Ok(Some(standing)) => {
            tracing::info!(
                version = standing.version,
                waits_for = standing.waits_for,
                "database on PostgreSQL"
            );
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "what keeps a commit cannot be told"),
    }
}
