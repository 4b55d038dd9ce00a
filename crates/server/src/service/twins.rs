//! Earlier photos of the city that a photo repeats: the same bytes, or the same looks (domain 6E).

use super::House;
use blindspot_core::PhotoId;
use blindspot_core::case::PhotoRow;
use blindspot_core::row::RowKind;
use blindspot_photo::SAME_PICTURE_MAX;
use blindspot_store::{StoreError, Tx, rows, twins};
use std::collections::{BTreeMap, BTreeSet};

/// What a photo repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Twin {
    pub(super) same_bytes: Option<PhotoId>,
    pub(super) looks_alike: Option<PhotoId>,
}

/// What these photos repeat; those not hashed yet, because their originals wait for Wi-Fi, are not in it. Photos of one case
/// that were taken within ten minutes are of one visit, and repeat nothing.
pub(super) fn of_photos(
    tx: &Tx<'_>,
    house: &House,
    photos: &BTreeSet<PhotoId>,
) -> Result<BTreeMap<PhotoId, Twin>, StoreError> {
    let mut found = BTreeMap::new();
    for photo in photos {
        let Some(own) = twins::load(tx, &house.city, *photo)? else { continue };
        let Some(row) = photo_row(tx, house, *photo)? else { continue };
        let mut twin = Twin {
            same_bytes: twins::load_same_bytes(tx, &house.city, *photo, &own.sha256)?,
            looks_alike: None,
        };
        for alike in twins::load_alike(tx, &house.city, *photo, own.phash, SAME_PICTURE_MAX)? {
            let other = photo_row(tx, house, alike.photo_id)?;
            if other.is_some_and(|other| !same_visit(&row, &other)) {
                twin.looks_alike = Some(alike.photo_id);
                break;
            }
        }
        found.insert(*photo, twin);
    }
    Ok(found)
}

fn photo_row(tx: &Tx<'_>, house: &House, photo: PhotoId) -> Result<Option<PhotoRow>, StoreError> {
    let row = rows::load_row(tx, &house.city, &RowKind::Photo, &photo.to_string())?;
    row.map(|row| Ok(serde_json::from_str(&row.body)?)).transpose()
}

fn same_visit(a: &PhotoRow, b: &PhotoRow) -> bool {
    const VISIT_MS: i64 = 10 * 60_000;
    a.case_id == b.case_id && a.role == b.role && (a.captured.at_ms - b.captured.at_ms).abs() <= VISIT_MS
}
