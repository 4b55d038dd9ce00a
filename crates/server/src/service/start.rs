//! Opening and closing the house: city, epoch, whether the last stop was clean, reference data.

use super::{House, Random, ServiceError, ingest, reference};
use crate::auth::keys::Keys;
use blindspot_core::id::CityId;
use blindspot_store::accounts::CityRecord;
use blindspot_store::{Store, accounts, meta};

/// `1` while the program is down after a clean stop.
const CLEAN_STOP: &str = "clean_stop";
/// Counts starts of the program.
pub(crate) const RUN: &str = "run";
/// How many ops are still to be noted as tried before they are applied.
pub(crate) const TRYING_LEFT: &str = "trying_left";
/// How many that are after an unclean stop (protocol 5).
const TRYING_AFTER_CRASH: i64 = 1_000;

/// Opens the house on a database: makes the city and the first epoch when there is none.
///
/// # Errors
/// The database's, or reference data in it that does not fit together.
pub fn open(
    store: Store,
    city: CityId,
    name: &str,
    seed: [u8; 32],
    random: Box<dyn Random>,
    now_ms: i64,
) -> Result<House, ServiceError> {
    let name = store.write(|tx| {
        let record = match accounts::load_city(tx, &city)? {
            Some(record) => record,
            None => {
                let record = CityRecord { city: city.clone(), name: name.to_owned(), name_en: String::new() };
                accounts::save_city(tx, &record, now_ms)?;
                record
            }
        };
        if meta::load_int(tx, meta::EPOCH)?.is_none() {
            meta::save(tx, meta::EPOCH, &now_ms.div_euclid(1_000).to_string())?;
        }
        let run = meta::load_int(tx, RUN)?.unwrap_or(0);
        let clean = run == 0 || meta::load(tx, CLEAN_STOP)?.as_deref() == Some("1");
        meta::save(tx, RUN, &(run + 1).to_string())?;
        meta::save(tx, CLEAN_STOP, "0")?;
        meta::save(tx, TRYING_LEFT, &if clean { 0 } else { TRYING_AFTER_CRASH }.to_string())?;
        Ok::<_, ServiceError>(record.name)
    })?;
    let house = House::new(store, city, name, Keys::from_seed(&seed), random);
    reference::load(&house)?;
    // What an older version did not understand waits for exactly this moment.
    ingest::replay_understood(&house, now_ms)?;
    Ok(house)
}

/// Notes that the program stopped in order. Call after the writer is closed.
///
/// # Errors
/// The database's.
pub fn close(house: &House) -> Result<(), ServiceError> {
    house.store.write(|tx| meta::save(tx, CLEAN_STOP, "1")).map_err(ServiceError::Store)
}
