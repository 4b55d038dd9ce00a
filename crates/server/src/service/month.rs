//! A worker's own month 我的月报 (field.md U23): read and taken along by himself alone. No argument names a person: whose it is, is
//! who asks. Knows no HTTP.

use super::{Credential, House, ServiceError};
use blindspot_core::case::Case;
use blindspot_core::error::BAD_REQUEST;
use blindspot_core::local::{day_text, moment_of};
pub use blindspot_core::projection::month::Month;
use blindspot_core::projection::month::{month, month_of};
use blindspot_core::row::{RowKey, RowKind};
use blindspot_store::{StoreError, ops, rows};
use serde::Deserialize;

/// Which month.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct MonthQuery {
    /// `2026-11`; this month when left out.
    pub month: Option<String>,
}

/// The caller's month.
///
/// # Errors
/// `BAD_REQUEST` for what is no month; the database's.
pub fn own(house: &House, who: Credential, asked: Option<&str>, now_ms: i64) -> Result<Month, ServiceError> {
    let asked = asked.map_or_else(|| month_of(now_ms), str::to_owned);
    let begins_ms = moment_of(&format!("{asked}-01")).filter(|ms| day_text(*ms).starts_with(&asked));
    let begins_ms = begins_ms.ok_or_else(|| ServiceError::because(&BAD_REQUEST, "month: 2026-11"))?;
    let cases = house.store.read(|tx| {
        // What was seen in a month is received in it or later.
        let opened = ops::load_opened_by(tx, &house.city, who.person, begins_ms)?;
        let keys = opened.iter().map(|case| RowKey::new(RowKind::Case, case.to_string())).collect();
        let read = |row: rows::StoredRow| Ok(serde_json::from_str::<Case>(&row.body)?);
        rows::load_rows(tx, &house.city, &keys)?.into_iter().map(read).collect::<Result<Vec<_>, StoreError>>()
    })?;
    Ok(month(&asked, &cases))
}
