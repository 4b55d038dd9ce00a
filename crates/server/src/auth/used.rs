//! Token families whose current tokens were used for the first time: their predecessors are done.
//!
//! Gathered in memory and written with whatever is committed next, a push or a refresh, or by the job thread: at eight
//! in the morning two thousand phones come with new tokens at once, and none should wait for a commit of its
//! own. A mark that a crash loses is made again by the next use of the token.

use crate::service::House;
use blindspot_store::{StoreError, Tx, tokens};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Family and generation, with when it was used, server time in milliseconds.
type Marks = BTreeMap<([u8; 16], i64), i64>;

/// See the module text.
#[derive(Default)]
pub struct Used(Mutex<Marks>);

impl Used {
    /// The current tokens of a family have arrived for certain.
    pub(crate) fn note(&self, family: [u8; 16], generation: i64, now_ms: i64) {
        self.marks().entry((family, generation)).or_insert(now_ms);
    }

    /// Writes what was gathered in a transaction that commits something else.
    pub(crate) fn write(&self, tx: &Tx<'_>, house: &House) -> Result<(), StoreError> {
        let marks = std::mem::take(&mut *self.marks());
        marks.iter().try_for_each(|((family, generation), at_ms)| {
            tokens::save_family_used(tx, &house.city, *family, *generation, *at_ms)
        })
    }

    /// Writes what was gathered when nothing else is being committed.
    ///
    /// # Errors
    /// The engine's.
    pub fn flush(&self, house: &House) -> Result<(), StoreError> {
        if self.marks().is_empty() { Ok(()) } else { house.store.write(|tx| self.write(tx, house)) }
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
