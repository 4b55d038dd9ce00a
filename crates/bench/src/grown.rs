//! The cities that growth on PostgreSQL measures: a small one that was pushed, and a copy in a database of 20.

use crate::copies::{self, Copied};
use crate::growth::{self, Cost, PHONES, READERS, grid_of};
use crate::phone::{Phone, enrol_all};
use crate::site::{Fleet, Site};
use crate::{Failed, ground, load, mirror};
use blindspot_core::id::CityId;
use blindspot_server::state::Opening;
use blindspot_store::{PgOptions, Store, feed};
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

const CITIES: usize = 20;
/// The city that is pushed, as the ground names it, and the copy that is measured.
const PUSHED: &str = "sample";
const MEASURED: &str = "copy-07";

/// A city with a server and phones.
pub(crate) struct City {
    pub(crate) fleet: Fleet,
    phones: Vec<Phone>,
    readers: Vec<Phone>,
    /// A folder of its own, when its site's is another city's.
    _folder: Option<TempDir>,
}

/// How the database with 20 cities came to be.
pub(crate) struct Load {
    /// Seconds of the pushes that made the first city.
    pub(crate) pushed_s: f64,
    /// The other 19.
    pub(crate) copied: Copied,
    /// Seconds of a real replica's first sync from the copy, its digests checked.
    pub(crate) mirror_s: f64,
}

impl City {
    /// One that was pushed.
    pub(crate) fn small(site: &Site<'_>, seed: u64, cases: usize) -> Result<Self, Failed> {
        let (fleet, phones, readers, _) = pushed(site, seed, cases)?;
        site.settle()?;
        Ok(Self { fleet, phones, readers, _folder: None })
    }

    /// A copy among 20 that hold so many cases together.
    pub(crate) fn copied(
        site: &Site<'_>,
        root: &Path,
        seed: u64,
        cases: usize,
    ) -> Result<(Self, Load), Failed> {
        let (Some(node), Some(base)) = (site.engine.node(), &site.base) else {
            return Err("copies of a city are made on PostgreSQL".into());
        };
        let each = cases / CITIES;
        let (fleet, _, _, pushed_s) = pushed(site, seed, each)?;
        fleet.stop()?;
        let copied = copies::make(node, base, PUSHED, CITIES - 1, |n| format!("copy-{n:02}"))?;
        let folder = site.folder_for_copy(root)?;
        let database = site.database()?;
        let opening = Opening { city: Some(MEASURED), ..Opening::of(&database) };
        let mut recruits = ground::join(folder.path(), &opening, seed, PHONES + READERS + 1, grid_of)?;
        let last = recruits.pop().ok_or("nobody joined")?;
        let fleet = site.start_in(folder.path())?;
        let mut phones = load::block_on(enrol_all(fleet.addr(0), &recruits, seed + 1))?;
        let readers = phones.split_off(PHONES);
        let mirror_s = mirror::catch_up(&fleet, folder.path(), &last, each / PHONES)?;
        Ok((Self { fleet, phones, readers, _folder: Some(folder) }, Load { pushed_s, copied, mirror_s }))
    }

    /// What so many pushes and the pulls cost now.
    pub(crate) fn round(&mut self, pushes: usize) -> Result<Cost, Failed> {
        load::block_on(growth::cost(&self.fleet, &mut self.phones, &self.readers, pushes))
    }
}

fn pushed(site: &Site<'_>, seed: u64, cases: usize) -> Result<(Fleet, Vec<Phone>, Vec<Phone>, f64), Failed> {
    let recruits = site.lay(seed, PHONES + READERS, grid_of)?;
    let fleet = site.start()?;
    let mut phones = load::block_on(enrol_all(fleet.addr(0), &recruits, seed))?;
    let readers = phones.split_off(PHONES);
    let start = Instant::now();
    load::block_on(growth::grow(&fleet, &mut phones, cases))?;
    Ok((fleet, phones, readers, start.elapsed().as_secs_f64()))
}

/// Recomputes the digests of the copy's feeds from its rows: how many feeds there are, all as their heads say.
pub(crate) fn sound(site: &Site<'_>) -> Result<usize, Failed> {
    let url = site.url().ok_or("a copy is on PostgreSQL")?;
    let store = Store::connect(PgOptions::new(&url, None)?)?;
    let checks = store.read(|tx| feed::recompute_digests(tx, &CityId::from(MEASURED)))?;
    match checks.iter().find(|check| check.stored != check.recomputed) {
        None => Ok(checks.len()),
        Some(bad) => Err(format!("the digest of {} is not that of its rows", bad.feed).into()),
    }
}
