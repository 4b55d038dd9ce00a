//! Reference data: divisions, cells, duty grids, sites, the catalogue. Rows like all others, in the feeds
//! `ref` and `ref:<town>`; loaded whole into memory for the rules.
//!
//! An import adds and replaces records; it removes none and re-places no old case (field.md U7).

use super::duty::DutyRequest;
use super::{House, Reference, ServiceError};
use blindspot_core::catalogue::{self, Catalogue};
use blindspot_core::deadline::CityCalendar;
use blindspot_core::division::import::ImportProblem;
use blindspot_core::division::{Cell, Division, DutyGrid, Places, Site, TownCode};
use blindspot_core::duty::Duty;
use blindspot_core::error;
use blindspot_core::feed::Feed;
use blindspot_core::row::{RowImage, RowKey, RowKind, diff_rows};
use blindspot_core::wire::v1::Hint;
use blindspot_store::feed::RowWrite;
use blindspot_store::{StoreError, Tx, audit, feed, rows};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// Most rows of one transaction (protocol 8).
const CHUNK: usize = 1_000;
/// The one catalogue in force.
const CATALOGUE_ID: &str = "current";

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportSummary {
    /// Records that are new or changed.
    pub written: usize,
    /// Records that were there already.
    pub unchanged: usize,
    /// Records that were left out, and why.
    pub problems: Vec<ImportProblem>,
}

/// A table of contact data that only the supervision desk reads.
fn contact_kind() -> RowKind {
    RowKind::Other("site_contact".into())
}

/// Loads reference data from its rows into the house.
///
/// # Errors
/// The database's, or rows that do not fit together.
pub fn load(house: &House) -> Result<(), ServiceError> {
    let reference = house.store.read(|tx| {
        let data = Data::load(tx, house)?;
        let catalogue = rows::load_row(tx, &house.city, &RowKind::Catalogue, CATALOGUE_ID)?;
        let catalogue = catalogue.map(|row| read_catalogue(&row.body)).transpose()?;
        let calendars = records(tx, house, &RowKind::Calendar)?.into_values().collect();
        Ok::<_, ServiceError>(Reference { calendars, ..data.build(catalogue)? })
    })?;
    house.set_reference(reference);
    load_duty(house)
}

/// Loads who answers for what into the house.
///
/// # Errors
/// The database's.
pub fn load_duty(house: &House) -> Result<(), ServiceError> {
    let duty = house.store.read(|tx| {
        Ok::<_, StoreError>(Duty {
            rules: records(tx, house, &RowKind::OwnerRule)?.into_values().collect(),
            holders: records(tx, house, &RowKind::Holder)?.into_values().collect(),
            precedents: records(tx, house, &RowKind::Precedent)?.into_values().collect(),
        })
    })?;
    house.set_duty(duty);
    Ok(())
}

/// Imports lines of the owner matrix and holders of areas. One with the id of another takes its place.
///
/// # Errors
/// `bad_request` for a line that names no unit or ends before it begins: nothing is written then. Else the database's.
pub fn import_duty(house: &House, duty: DutyRequest, now_ms: i64) -> Result<ImportSummary, ServiceError> {
    let spans = duty.rules.iter().map(|r| (&r.id, r.lead.as_str(), r.span));
    let spans = spans.chain(duty.holders.iter().map(|h| (&h.id, h.unit.as_str(), h.span)));
    for (id, unit, span) in spans {
        if id.trim().is_empty() || unit.trim().is_empty() || span.to_ms.is_some_and(|to| to <= span.from_ms) {
            let why = format!("{id:?}: a line needs an id, a unit and an end after its beginning");
            return Err(ServiceError::because(&error::BAD_REQUEST, why));
        }
    }
    let rules = duty.rules.iter().map(|r| image(RowKind::OwnerRule, &r.id, r, Feed::reference()));
    let holders = duty.holders.iter().map(|h| image(RowKind::Holder, &h.id, h, Feed::reference()));
    let images = rules.chain(holders).collect::<Result<_, _>>()?;
    import(house, images, now_ms, |_| {})
}

/// Imports calendars of the city's own. One with the id of another takes its place; clocks that run keep what they were given.
///
/// # Errors
/// `bad_request` for one that cannot be understood: nothing is written then. Else the database's.
pub fn import_calendars(
    house: &House,
    list: &[CityCalendar],
    now_ms: i64,
) -> Result<ImportSummary, ServiceError> {
    for calendar in list {
        if let Err((zh, en)) = calendar.read() {
            let why = format!("{}: {zh} · {en}", calendar.id);
            return Err(ServiceError::because(&error::BAD_REQUEST, why));
        }
    }
    let images = list.iter().map(|c| image(RowKind::Calendar, &c.id, c, Feed::reference()));
    let images = images.collect::<Result<_, _>>()?;
    import(house, images, now_ms, |_| {})
}

fn read_catalogue(text: &str) -> Result<Catalogue, ServiceError> {
    catalogue::load(text).map_err(|problems| {
        let all: Vec<String> = problems.iter().take(20).map(ToString::to_string).collect();
        ServiceError::because(&error::BAD_REQUEST, all.join("; "))
    })
}

/// The records of the place data by row id.
#[derive(Default)]
struct Data {
    divisions: BTreeMap<String, Division>,
    cells: BTreeMap<String, Cell>,
    grids: BTreeMap<String, DutyGrid>,
    sites: BTreeMap<String, Site>,
}

impl Data {
    fn load(tx: &Tx<'_>, house: &House) -> Result<Self, StoreError> {
        Ok(Self {
            divisions: records(tx, house, &RowKind::Division)?,
            cells: records(tx, house, &RowKind::Cell)?,
            grids: records(tx, house, &RowKind::DutyGrid)?,
            sites: records(tx, house, &RowKind::Site)?,
        })
    }

    fn build(self, catalogue: Option<Catalogue>) -> Result<Reference, ServiceError> {
        let mut towns: BTreeSet<TownCode> = self.grids.values().map(|g| g.town.clone()).collect();
        towns.extend(self.divisions.values().filter_map(|d| TownCode::parse(&d.code).ok()));
        let places = Places::build(
            self.divisions.into_values().collect(),
            self.cells.into_values().collect(),
            self.grids.into_values().collect(),
            self.sites.into_values().collect(),
        )
        .map_err(|e| ServiceError::because(&error::BAD_REQUEST, e.to_string()))?;
        Ok(Reference { places, catalogue, towns: towns.into_iter().collect(), calendars: vec![] })
    }
}

fn records<T: DeserializeOwned>(
    tx: &Tx<'_>,
    house: &House,
    kind: &RowKind,
) -> Result<BTreeMap<String, T>, StoreError> {
    let mut out = BTreeMap::new();
    rows::each_of_kind(tx, &house.city, kind, |row| {
        out.insert(row.key.id, serde_json::from_str(&row.body)?);
        Ok(())
    })?;
    Ok(out)
}

/// Imports divisions 区划.
///
/// # Errors
/// `bad_request` when the whole would not fit together; nothing is written then. Else the database's.
pub fn import_divisions(
    house: &House,
    list: Vec<Division>,
    now_ms: i64,
) -> Result<ImportSummary, ServiceError> {
    let list: Vec<(String, Division)> =
        list.into_iter().map(|d| (format!("{}@{}", d.code, d.span.from_ms), d)).collect();
    let images = list
        .iter()
        .map(|(id, d)| image(RowKind::Division, id, d, Feed::reference()))
        .collect::<Result<_, _>>()?;
    import(house, images, now_ms, |data| data.divisions.extend(list))
}

/// Imports cells 单元网格.
///
/// # Errors
/// As `import_divisions`.
pub fn import_cells(house: &House, list: Vec<Cell>, now_ms: i64) -> Result<ImportSummary, ServiceError> {
    let list: Vec<(String, Cell)> =
        list.into_iter().map(|c| (format!("{}@{}", c.code, c.span.from_ms), c)).collect();
    let to_image =
        |(id, cell): &(String, Cell)| image(RowKind::Cell, id, cell, Feed::reference_of(&cell.code.town()));
    let images = list.iter().map(to_image).collect::<Result<_, _>>()?;
    import(house, images, now_ms, |data| data.cells.extend(list))
}

/// Imports duty grids 责任网格. Old cases keep the unit they were placed in.
///
/// # Errors
/// As `import_divisions`.
pub fn import_grids(house: &House, list: Vec<DutyGrid>, now_ms: i64) -> Result<ImportSummary, ServiceError> {
    let list: Vec<(String, DutyGrid)> = list.into_iter().map(|g| (g.id.to_string(), g)).collect();
    let images = list
        .iter()
        .map(|(id, g)| image(RowKind::DutyGrid, id, g, Feed::reference()))
        .collect::<Result<_, _>>()?;
    import(house, images, now_ms, |data| data.grids.extend(list))
}

/// Imports the register of sites 点位台账. Telephone numbers become rows of the supervision desk: the
/// site's own row has the same bytes for every reader (protocol 8).
///
/// # Errors
/// As `import_divisions`.
pub fn import_sites(house: &House, list: Vec<Site>, now_ms: i64) -> Result<ImportSummary, ServiceError> {
    let mut images = Vec::with_capacity(list.len());
    let mut kept = Vec::with_capacity(list.len());
    for mut site in list {
        if let Some(phone) = site.phone.take() {
            let contact = serde_json::json!({ "site_id": site.id, "phone": phone });
            images.push(image(contact_kind(), &site.id, &contact, Feed::supervision())?);
        }
        let town = site.grid.as_ref().map(|g| g.committee().town()).or_else(|| {
            let places = &house.reference().places;
            site.point.and_then(|p| places.locate(p, now_ms).town)
        });
        let feed = town.map_or_else(Feed::reference, |t| Feed::reference_of(&t));
        images.push(image(RowKind::Site, &site.id, &site, feed)?);
        kept.push((site.id.clone(), site));
    }
    import(house, images, now_ms, |data| data.sites.extend(kept))
}

/// Imports the inspection catalogue 检查目录, whole: the text is the row.
///
/// # Errors
/// `bad_request` with what is wrong in it; else the database's.
pub fn import_catalogue(house: &House, text: &str, now_ms: i64) -> Result<ImportSummary, ServiceError> {
    read_catalogue(text)?;
    let key = RowKey::new(RowKind::Catalogue, CATALOGUE_ID);
    let feeds = BTreeSet::from([Feed::reference()]);
    import(house, vec![RowImage { key, body: text.to_owned(), feeds }], now_ms, |_| {})
}

fn image<T: Serialize>(kind: RowKind, id: &str, record: &T, feed: Feed) -> Result<RowImage, ServiceError> {
    let body = serde_json::to_string(record)?;
    Ok(RowImage { key: RowKey::new(kind, id), body, feeds: BTreeSet::from([feed]) })
}

/// Checks that all would fit together, then writes in chunks and reloads.
fn import(
    house: &House,
    images: Vec<RowImage>,
    now_ms: i64,
    merge: impl FnOnce(&mut Data),
) -> Result<ImportSummary, ServiceError> {
    let mut data = house.store.read(|tx| Data::load(tx, house))?;
    merge(&mut data);
    data.build(None)?;
    let kind = images.first().map_or("nothing", |i| i.key.kind.as_str()).to_owned();
    let mut summary = ImportSummary::default();
    let mut moved = BTreeMap::new();
    for chunk in images.chunks(CHUNK) {
        let (written, heads) = house.store.write(|tx| write_chunk(tx, house, chunk))?;
        summary.written += written;
        summary.unchanged += chunk.len() - written;
        moved.extend(heads);
    }
    let detail = format!("{} written, {} unchanged", summary.written, summary.unchanged);
    house
        .store
        .write(|tx| audit::append(tx, &house.city, now_ms, "reference", "import", &kind, "done", &detail))?;
    load(house)?;
    let hints: Vec<Hint> = moved.into_iter().map(|(feed, seq)| Hint { feed, seq }).collect();
    if !hints.is_empty() {
        house.tell(&hints);
    }
    Ok(summary)
}

fn write_chunk(
    tx: &Tx<'_>,
    house: &House,
    chunk: &[RowImage],
) -> Result<(usize, BTreeMap<Feed, i64>), StoreError> {
    let keys: BTreeSet<RowKey> = chunk.iter().map(|i| i.key.clone()).collect();
    let standing = feed::load_feeds_of(tx, &house.city, &keys)?;
    let before: Vec<RowImage> = rows::load_rows(tx, &house.city, &keys)?
        .into_iter()
        .map(|row| {
            let feeds = standing.get(&row.key).cloned().unwrap_or_default();
            RowImage { key: row.key, body: row.body, feeds }
        })
        .collect();
    let mut writes = BTreeMap::new();
    for change in diff_rows(&before, chunk) {
        writes.insert(change.key.clone(), RowWrite { change, case_id: None, fresh: false });
    }
    let heads = feed::save_changes(tx, &house.city, super::epoch::in_force(tx, &house.city)?, &writes)?;
    Ok((writes.len(), heads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::{T0, grid, house};

    #[test]
    fn an_import_writes_what_changed_and_refuses_what_contradicts() {
        let house = house();
        let places = |house: &House| house.reference().places.clone();
        let towns: Vec<Division> = places(&house).divisions().cloned().collect();
        let summary = import_divisions(&house, towns, T0).unwrap();
        assert_eq!((summary.written, summary.unchanged), (0, 1));
        let mut grids: Vec<DutyGrid> = places(&house).grids().cloned().collect();
        grids[1].cells = grids[0].cells.clone();
        let refused = import_grids(&house, grids.clone(), T0).unwrap_err();
        assert!(matches!(refused, ServiceError::Refused(p, _) if p.code == "bad_request"));
        grids[1].cells.clear();
        grids[1].name_zh = "新名".into();
        assert_eq!(import_grids(&house, grids, T0).unwrap().written, 1);
        assert_eq!(places(&house).grid(&grid(2)).unwrap().name_zh, "新名");
        load(&house).unwrap();
        assert_eq!(house.reference().towns.len(), 1);
    }

    #[test]
    fn a_keepers_telephone_is_a_row_of_the_desk() {
        let house = house();
        let site =
            Site { id: "S1".into(), phone: Some("057985".into()), grid: Some(grid(1)), ..Site::default() };
        assert_eq!(import_sites(&house, vec![site], T0).unwrap().written, 2);
        let bodies = |feed: Feed| -> Vec<String> {
            let items = house.store.read(|tx| feed::load_items(tx, &house.city, &feed, 0, 100)).unwrap();
            items.into_iter().filter_map(|i| i.row.map(|(_, body)| body)).collect()
        };
        let town = bodies(Feed::reference_of(&TownCode("330782003".into())));
        assert!(town.iter().any(|b| b.contains("S1")) && town.iter().all(|b| !b.contains("057985")));
        assert!(bodies(Feed::supervision()).iter().any(|b| b.contains("057985")));
    }

    #[test]
    fn a_broken_catalogue_is_refused_with_its_reasons() {
        let refused = import_catalogue(&house(), "{}", T0).unwrap_err();
        assert!(refused.to_string().contains("inspection-catalogue/1"), "{refused}");
    }
}
