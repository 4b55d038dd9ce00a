//! Case files as the rules need them, put together from the rows of their cases. Knows no rights: whoever asks has been judged.

use super::House;
use blindspot_core::case::{CaseFile, PhotoRow};
use blindspot_core::row::{RowKey, RowKind};
use blindspot_core::{CaseId, PhotoId};
use blindspot_store::ops;
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

/// Photos on other cases that these show: one of after for many cases of one wall (field.md U22). In two looks, however many
/// cases.
///
/// # Errors
/// The database's.
pub(super) fn shown_from_elsewhere<'f>(
    tx: &Tx<'_>,
    house: &House,
    files: impl IntoIterator<Item = &'f CaseFile>,
) -> Result<BTreeMap<CaseId, Vec<PhotoRow>>, StoreError> {
    let named: Vec<(&CaseFile, BTreeSet<PhotoId>)> = files
        .into_iter()
        .map(|file| (file, file.photos_elsewhere()))
        .filter(|(_, photos)| !photos.is_empty())
        .collect();
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let all: BTreeSet<PhotoId> = named.iter().flat_map(|(_, photos)| photos).copied().collect();
    let keys = all.iter().map(|id| RowKey::new(RowKind::Photo, id.to_string())).collect();
    let mut found: BTreeMap<PhotoId, PhotoRow> = BTreeMap::new();
    for row in rows::load_rows(tx, &house.city, &keys)? {
        let photo: PhotoRow = serde_json::from_str(&row.body)?;
        found.insert(photo.photo_id, photo);
    }
    let taken = ops::load_ops(tx, &house.city, &found.values().map(|p| p.op_id).collect())?;
    let shows = |file: &CaseFile, photo: &PhotoRow| {
        taken.get(&photo.op_id).and_then(|op| op.author).is_some_and(|by| file.shows(photo.photo_id, by))
    };
    let of_file = |(file, photos): (&CaseFile, BTreeSet<PhotoId>)| {
        let shown = photos.iter().filter_map(|id| found.get(id)).filter(|photo| shows(file, photo));
        (file.id(), shown.cloned().collect())
    };
    Ok(named.into_iter().map(of_file).collect())
}

/// Puts them into the files, for what is printed of these: a list's photo pair, a dossier. Never for what is decided by.
///
/// # Errors
/// The database's.
pub(super) fn add_shown<'f>(
    tx: &Tx<'_>,
    house: &House,
    files: impl IntoIterator<Item = &'f mut CaseFile>,
) -> Result<(), StoreError> {
    let mut files: Vec<&mut CaseFile> = files.into_iter().collect();
    let mut shown = shown_from_elsewhere(tx, house, files.iter().map(|file| &**file))?;
    for file in &mut files {
        let photos = shown.remove(&file.id()).unwrap_or_default();
        file.photos.extend(photos.into_iter().map(|photo| (photo.photo_id, photo)));
    }
    Ok(())
}
