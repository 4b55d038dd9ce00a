//! The cases of a list, page by page with all their rows, and what their lines are made with. The scope is that of the
//! list itself; names and telephones only for readers of the supervision desk.

use super::made::too_large;
use crate::service::cases::{CaseQuery, list_cases};
use crate::service::pull::scope_in;
use crate::service::{Credential, House, Reference, ServiceError, case_files};
use blindspot_core::case::{Case, CaseFile, CaseState};
use blindspot_core::feed::Feed;
use blindspot_core::limits::SHEET_ROWS_MAX;
use blindspot_core::row::RowKind;
use blindspot_core::sheet::Lookup;
use blindspot_core::{CaseId, PersonId};
use blindspot_store::{StoreError, Tx, accounts, rows};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Cases of a page: their rows are in memory at once.
const PAGE: usize = 200;

/// Who reads, and what their lines are made with.
pub(super) struct Gather<'h> {
    house: &'h House,
    who: Credential,
    now_ms: i64,
    reference: Arc<Reference>,
    names: Option<BTreeMap<PersonId, String>>,
    phones: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Contact {
    site_id: String,
    phone: String,
}

impl<'h> Gather<'h> {
    pub(super) fn open(house: &'h House, who: Credential, now_ms: i64) -> Result<Self, ServiceError> {
        let (names, phones) = house.store.read(|tx| {
            if !scope_in(tx, house, who.person, now_ms)?.contains(&Feed::supervision()) {
                return Ok((None, None));
            }
            let people = accounts::load_persons(tx, &house.city)?;
            let names: BTreeMap<_, _> = people.into_iter().map(|p| (p.person_id, p.name)).collect();
            let mut phones = BTreeMap::new();
            rows::each_of_kind(tx, &house.city, &RowKind::Other("site_contact".into()), |row| {
                let contact: Contact = serde_json::from_str(&row.body)?;
                phones.insert(contact.site_id, contact.phone);
                Ok(())
            })?;
            Ok::<_, StoreError>((Some(names), Some(phones)))
        })?;
        Ok(Self { house, who, now_ms, reference: house.reference(), names, phones })
    }

    /// What lines are made with.
    pub(super) fn lookup(&self) -> Lookup<'_> {
        Lookup {
            places: &self.reference.places,
            catalogue: self.reference.catalogue.as_ref(),
            names: self.names.as_ref(),
            phones: self.phones.as_ref(),
        }
    }

    /// Calls a function for each case of a list, newest receipt first. Whether its rows are needed, or the case alone,
    /// says `whole`.
    ///
    /// # Errors
    /// `SHEET_TOO_LARGE` beyond the most lines of a table; the function's.
    pub(super) fn each(
        &self,
        query: &CaseQuery,
        whole: bool,
        f: &mut dyn FnMut(&CaseFile) -> Result<(), ServiceError>,
    ) -> Result<usize, ServiceError> {
        let mut query = CaseQuery { limit: Some(PAGE), cursor: None, ..query.clone() };
        let mut count = 0;
        loop {
            let page = list_cases(self.house, self.who, &query, self.now_ms)?;
            let cases: Vec<Case> =
                page.items.iter().map(|i| serde_json::from_str(i.get())).collect::<Result<_, _>>()?;
            count += cases.len();
            if count > SHEET_ROWS_MAX {
                return Err(too_large(&format!("more than {SHEET_ROWS_MAX} cases")));
            }
            let mut files = if whole { self.files(&cases)? } else { BTreeMap::new() };
            for case in cases {
                let file = files.remove(&case.case_id);
                f(&file.unwrap_or_else(|| CaseFile::new(case)))?;
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(count),
            }
        }
    }

    fn files(&self, cases: &[Case]) -> Result<BTreeMap<CaseId, CaseFile>, ServiceError> {
        let ids: BTreeSet<CaseId> = cases.iter().map(|c| c.case_id).collect();
        let read = |tx: &Tx<'_>| {
            let mut files = case_files::load(tx, self.house, &ids)?;
            case_files::add_shown(tx, self.house, files.values_mut())?;
            Ok::<_, StoreError>(files)
        };
        Ok(self.house.store.read(read)?)
    }
}

/// Whether a case belongs on a list of what is to be put right.
pub(super) fn is_finding(state: &CaseState) -> bool {
    !matches!(state, CaseState::Withdrawn | CaseState::Refused | CaseState::Voided | CaseState::Merged)
}
