//! Whether the house can serve. Knows no HTTP.

use crate::service::{House, ServiceError};
use blindspot_store::accounts;

/// Asks the database for its city.
///
/// # Errors
/// When it does not answer.
pub fn check(house: &House) -> Result<(), ServiceError> {
    house.store.read(|tx| accounts::load_city(tx, &house.city))?;
    Ok(())
}
