//! The data folder, opened from the command line: alone, or beside a server that runs on it.

use crate::clock::{OsRandom, wall_ms};
use crate::out::{Done, Failure, Tried as _, halves};
use blindspot_server::auth::keys::Keys;
use blindspot_server::database::{Database, ELSEWHERE, FILE, city_of};
use blindspot_server::service::{House, Random, ServiceError, reference};
use blindspot_server::state::{DataFolder, OpenError, Opening};
use blindspot_store::StoreError;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// Which city a new folder is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct City<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// Its name as shown.
    pub(crate) name: &'a str,
}

/// A house on a data folder.
pub(crate) struct Folder {
    house: Arc<House>,
    /// The lock, unless a server holds it.
    alone: Option<DataFolder>,
}

impl Deref for Folder {
    type Target = House;
    fn deref(&self) -> &House {
        &self.house
    }
}

impl Folder {
    /// Opens a data folder; makes one when there is none. While a server runs on it, works beside that server.
    pub(crate) fn open(data: &Path, city: Option<City<'_>>) -> Done<Self> {
        match DataFolder::open_with(data, &opening(&database()?, city), wall_ms()) {
            Ok(folder) => Ok(Self { house: Arc::clone(&folder.house), alone: Some(folder) }),
            Err(OpenError::InUse) => Self::beside(data),
            Err(e) => Err(refused(data, &e)),
        }
    }

    /// Makes or opens a data folder whose database is told, not asked for in the environment.
    pub(crate) fn open_on(data: &Path, database: &Database, city: City<'_>) -> Done<Self> {
        let opened = DataFolder::open_with(data, &opening(database, Some(city)), wall_ms());
        let folder = opened.map_err(|e| refused(data, &e))?;
        Ok(Self { house: Arc::clone(&folder.house), alone: Some(folder) })
    }

    /// Opens a data folder that must be there.
    pub(crate) fn existing(data: &Path) -> Done<Self> {
        if data.join(FILE).is_file() || data.join(ELSEWHERE).is_file() {
            return Self::open(data, None);
        }
        let shown = data.display();
        Err(Failure::new(
            format!("{shown} 里没有净格数据；请检查 --data"),
            format!("{shown} is no Blindspot data folder; check --data"),
        ))
    }

    /// Opens a data folder that no server may be running on: what is to change, a server holds in memory.
    pub(crate) fn undisturbed(data: &Path) -> Done<Self> {
        let folder = Self::open(data, None)?;
        if folder.alone.is_some() {
            return Ok(folder);
        }
        Err(Failure::new(
            "服务器正在使用这个文件夹；请先停下服务器，导入后再启动",
            "a server runs on this folder; stop it, import, start it again",
        ))
    }

    /// A house beside a running server: its own connections to the same database, no lock.
    pub(crate) fn beside(data: &Path) -> Done<Self> {
        Self::beside_on(data, &database()?)
    }

    /// The same, its database told.
    pub(crate) fn beside_on(data: &Path, database: &Database) -> Done<Self> {
        let house = open_beside(data, database).map_err(|e| refused(data, &e))?;
        // Without places a list of what nobody was at is empty, and looks as if all were well.
        reference::load(&house).tried("基础数据读不出来", "reference data cannot be loaded")?;
        Ok(Self { house: Arc::new(house), alone: None })
    }

    /// The house, for a thread of its own.
    pub(crate) fn shared(&self) -> Arc<House> {
        Arc::clone(&self.house)
    }

    /// Whether no server runs on it.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// Does something on a data folder that must be there, and closes it in order whatever came of it.
    pub(crate) fn working(data: &Path, act: impl FnOnce(&House) -> Done) -> Done {
        let folder = Self::existing(data)?;
        let done = act(&folder);
        done.and(folder.close())
    }

    /// Ends the work in order.
    pub(crate) fn close(self) -> Done {
        match &self.alone {
            Some(folder) => folder.close().tried("数据文件夹没有关好", "the data folder was not closed"),
            None => Ok(()),
        }
    }
}

fn opening<'a>(database: &'a Database, city: Option<City<'a>>) -> Opening<'a> {
    let (city, city_name) = city.map(|c| (c.id, c.name)).unzip();
    Opening { city, city_name, ..Opening::of(database) }
}

/// Where commands on a data folder find its database: in it, or where the environment says.
pub(crate) fn database() -> Done<Database> {
    match std::env::var("BLINDSPOT_DATABASE").ok().filter(|url| !url.is_empty()) {
        None => Ok(Database::File),
        Some(url) => {
            let file = std::env::var_os("BLINDSPOT_DATABASE_PASSWORD_FILE");
            crate::config::database(&url, file.as_deref().map(Path::new))
                .map_err(|(zh, en)| Failure::new(zh, en))
        }
    }
}

fn refused(data: &Path, error: &dyn std::fmt::Display) -> Failure {
    let (shown, said) = (data.display(), error.to_string());
    let (zh, en) = halves(&said);
    Failure::new(
        format!("打不开数据文件夹 {shown}：{zh}；可用 blindspot doctor 检查"),
        format!("cannot open the data folder {shown}: {en}; see `blindspot doctor`"),
    )
}

struct Os;

impl Random for Os {
    fn fill(&self, buf: &mut [u8]) {
        OsRandom::bytes(buf);
    }
}

fn open_beside(data: &Path, database: &Database) -> Result<House, OpenError> {
    let seed: [u8; 32] = std::fs::read(data.join("secret.key"))?.try_into().map_err(|_| OpenError::BadKey)?;
    let store = database.open(data).map_err(ServiceError::from)?;
    let city = city_of(data, &store, None).map_err(ServiceError::from)?;
    let missing = || ServiceError::Store(StoreError::Decode("the database holds no city".to_owned()));
    let city = city.ok_or_else(missing)?;
    store.for_city(&city.city).map_err(ServiceError::from)?;
    Ok(House::new(store, city.city, city.name, Keys::from_seed(&seed), Box::new(Os)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_server::service::people::{self, Actor, NewPerson};

    #[test]
    fn people_are_added_beside_whoever_holds_the_folder() {
        let data = std::env::temp_dir().join(format!("blindspot-folder-{}", std::process::id()));
        let city = City { id: "yiwu", name: "义乌" };
        let first = Folder::open(&data, Some(city)).expect("a new folder");
        let second = Folder::open(&data, None).expect("beside the first");
        assert!(second.alone.is_none());
        let new = NewPerson { login: "a".into(), name: "甲".into(), password: None };
        people::create_person(&second, Actor::Cli, &new, wall_ms()).expect("added beside");
        assert_eq!(people::list(&first).expect("listed").len(), 1);
        assert!(Folder::undisturbed(&data).is_err());
        drop(second);
        first.close().expect("closed");
        std::fs::remove_dir_all(&data).expect("the test's own folder");
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made_by_a_check() {
        let data = std::env::temp_dir().join(format!("blindspot-no-folder-{}", std::process::id()));
        assert!(Folder::existing(&data).is_err());
        assert!(!data.exists());
    }
}
