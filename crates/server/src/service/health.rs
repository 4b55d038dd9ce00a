//! Whether the house can serve. Knows no HTTP.

use crate::service::{House, ServiceError};
use blindspot_store::accounts;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// Asks the database for its city, and whether the data folder takes a write. A full disk is no reason to be taken
/// out of service: it still answers reads, and says `no_space` to writes.
///
/// # Errors
/// When the database does not answer or the folder cannot be written.
pub fn check(house: &House, data: &Path) -> Result<(), ServiceError> {
    house.store.read(|tx| accounts::load_city(tx, &house.city))?;
    let probe = data.join("ready.probe");
    match File::create(&probe).and_then(|mut file| file.write_all(b"1")) {
        Err(e) if !matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Err(e.into()),
        _ => Ok(()),
    }
}
