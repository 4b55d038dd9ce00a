//! The index of cases filled from their rows: once, after an update that keeps more in it than before. What a text says and
//! when a clock ends is decided in core, so that no migration can do it. Goes on where it was stopped. Knows no list.

use super::{House, ServiceError, case_files};
use blindspot_core::CaseId;
use blindspot_core::case::CaseFile;
use blindspot_store::cases::{self, Entry};
use blindspot_store::{StoreError, Tx, meta};

/// Which shape the index has: raised whenever it keeps something new.
const SHAPE: &str = "3";
const DONE: &str = "case_index";
/// The last case that was filled in, while it goes on.
const AT: &str = "case_index_at";
/// Cases of one transaction.
const STEP: i64 = 500;

/// Fills the index, unless that is done.
///
/// # Errors
/// The database's; a case row that cannot be read.
pub(super) fn run(house: &House) -> Result<(), ServiceError> {
    let is_done =
        |tx: &Tx<'_>| Ok::<_, StoreError>(meta::load(tx, &house.city, DONE)?.as_deref() == Some(SHAPE));
    if house.store.read(is_done)? {
        return Ok(());
    }
    let mut filled = 0;
    loop {
        // Another server of the city may be at it as well: each step goes on from what is there.
        let step = house.store.write(|tx| if is_done(tx)? { Ok(None) } else { step(tx, house) })?;
        let Some(count) = step else { break };
        filled += count;
        if filled % 10_000 < count {
            tracing::info!(cases = filled, "案件索引补建中 the index of cases is being filled");
        }
    }
    Ok(())
}

/// The next cases; nothing when there is none and it is done.
fn step(tx: &Tx<'_>, house: &House) -> Result<Option<usize>, StoreError> {
    let city = &house.city;
    let at = meta::load(tx, city, AT)?.and_then(|text| text.parse::<CaseId>().ok());
    let after = at.unwrap_or(CaseId::from_bytes([0; 16]));
    let ids = cases::load_ids_after(tx, city, after, STEP)?;
    let Some(last) = ids.last() else {
        meta::save(tx, city, DONE, SHAPE)?;
        meta::remove(tx, city, AT)?;
        return Ok(None);
    };
    let files = case_files::load(tx, house, &ids.iter().copied().collect())?;
    let reference = house.reference();
    let item = |file: &CaseFile| file.case.item(reference.catalogue.as_ref());
    let entries: Vec<Entry<'_>> = files.values().map(|file| Entry::between(None, file, item(file))).collect();
    cases::save_cases(tx, city, &entries)?;
    cases::save_words(tx, city, &entries)?;
    meta::save(tx, city, AT, &last.to_string())?;
    Ok(Some(ids.len()))
}

#[cfg(test)]
mod tests {
    use super::super::cases::{CaseQuery, list_cases};
    use super::super::testing::{Phone, T0, case, grant, house, person};
    use super::*;
    use blindspot_core::access::Role;
    use blindspot_store::Stmt;

    const FORGET: &str = "-- name: span\nDELETE FROM span_words WHERE city_id = $1;\n\
                          -- name: own\nUPDATE cases SET words = '' WHERE city_id = $1;\n";
    static OF_SPAN: Stmt = Stmt::new(FORGET, "span");
    static ITS_OWN: Stmt = Stmt::new(FORGET, "own");

    #[test]
    fn what_an_older_version_has_kept_is_found_after_the_next_start() {
        let house = house();
        grant(&house, person(1), Role::Collector, "grid:330782003001-01");
        let mut worker = Phone::enrol(&house, person(1), 1);
        let op = worker.report(1, 1);
        worker.push(&house, T0, &[&op]);
        let query = CaseQuery { text: Some("占道".into()), ..CaseQuery::default() };
        let found = || list_cases(&house, worker.credential, &query, T0).unwrap().items.len();
        assert_eq!(found(), 1);
        house
            .store
            .write(|tx| {
                tx.exec(&OF_SPAN, &[(&house.city).into()])?;
                tx.exec(&ITS_OWN, &[(&house.city).into()])?;
                meta::remove(tx, &house.city, DONE)
            })
            .unwrap();
        assert_eq!(found(), 0);
        run(&house).unwrap();
        assert_eq!(found(), 1, "{}", case(1));
    }
}
