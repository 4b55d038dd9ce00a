//! Case files as the rules need them, put together from the rows of their cases. Knows no rights: whoever asks has been judged.

use super::House;
use blindspot_core::CaseId;
use blindspot_core::case::CaseFile;
use blindspot_store::rows::{self, StoredRow};
use blindspot_store::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// The files of those of the cases that are there, in one look.
///
/// # Errors
/// The database's; `Decode` for a case with rows and no case row.
pub(super) fn load(
    tx: &Tx<'_>,
    house: &House,
    ids: &BTreeSet<CaseId>,
) -> Result<BTreeMap<CaseId, CaseFile>, StoreError> {
    let mut by_case: BTreeMap<CaseId, Vec<StoredRow>> = BTreeMap::new();
    for row in rows::load_rows_of_cases(tx, &house.city, ids)? {
        if let Some(case) = row.case_id {
            by_case.entry(case).or_default().push(row);
        }
    }
    let mut files = BTreeMap::new();
    for (id, rows) in by_case {
        let file = CaseFile::from_bodies(rows.iter().map(|row| (&row.key.kind, row.body.as_str())))?;
        let missing = || StoreError::Decode(format!("case {id} has rows but no case row"));
        files.insert(id, file.ok_or_else(missing)?);
    }
    Ok(files)
}
