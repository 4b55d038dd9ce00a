//! Counts that an operator watches. Each is a small table or a partial index; knows no metric's name.

use crate::{Result, Stmt, StoreError, Tx};
use blindspot_core::id::CityId;

static COUNTS: Stmt = Stmt::new(include_str!("../sql/watch.sql"), "watch_counts");

/// What waits, and what stands aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Ops in quarantine.
    pub quarantined: i64,
    /// Ops that wait for a predecessor.
    pub held: i64,
    /// Uploads that are not finished.
    pub uploads: i64,
    /// Originals that the server has no working copy of yet.
    pub renditions: i64,
    /// Since when the oldest unsent op waits on a phone, as phones said last; milliseconds since 1970.
    pub unsent_since_ms: Option<i64>,
}

/// Counts all of it.
///
/// # Errors
/// When the engine refuses.
pub fn load_waiting(tx: &Tx<'_>, city: &CityId) -> Result<Waiting> {
    let row = tx.query_one(&COUNTS, &[city.into()])?;
    let row = row.ok_or_else(|| StoreError::Decode("counts without a row".into()))?;
    Ok(Waiting {
        quarantined: row.int(0)?,
        held: row.int(1)?,
        uploads: row.int(2)?,
        renditions: row.int(3)?,
        unsent_since_ms: row.opt_int(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn an_empty_city_waits_for_nothing() {
        let store = Store::open_in_memory().unwrap();
        let waiting = store.read(|tx| load_waiting(tx, &CityId::from("yiwu"))).unwrap();
        assert_eq!(waiting, Waiting::default());
    }
}
