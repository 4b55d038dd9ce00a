//! Promises about places over time: looks of a grid or a site, cases of a site, what was fixed on the spot, who opened what.

use super::lists::{NOW, fill};
use crate::cases::{self, Entry, Scope, within};
use crate::looks::{self, Of};
use crate::{Store, ops};
use blindspot_core::case::CaseFile;
use blindspot_core::division::{CellCode, GridId};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::projection::freshness::looked;
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::world::LookFact;
use blindspot_core::{CaseId, OpId, PersonId};
use std::collections::BTreeSet;

const DAY: i64 = 86_400_000;

fn city() -> CityId {
    CityId::from("yiwu")
}
fn person(n: u8) -> PersonId {
    PersonId::from_parts(1, [n; 10])
}

pub(super) fn looks_are_counted_by_place_day_and_person(store: &Store) {
    let look = |n: u8, who: u8, at_ms: i64, counted: bool| {
        let fact = LookFact {
            person: person(who),
            grid: Some(GridId("330782001001-01".into())),
            cell: n.is_multiple_of(2).then(|| CellCode("330782001001001".into())),
            town: None,
            site_id: n.is_multiple_of(3).then(|| "S1".to_owned()),
            at_ms,
            counted,
            freshness: None,
        };
        store
            .write(|tx| looks::append_looks(tx, &city(), &[(OpId::from_parts(1, [n; 10]), fact.clone())]))
            .unwrap();
    };
    // Midnight of UTC+8 lies between the second and the third.
    let midnight = 100 * DAY - 8 * 3_600_000;
    look(1, 1, midnight - 7_200_000, true);
    look(2, 1, midnight - 1, true);
    look(3, 2, midnight, true);
    look(4, 2, midnight + 1, false);
    look(6, 2, midnight - 90 * DAY, true);
    let (grids, sites) = (["330782001001-01".to_owned(), "none".to_owned()], ["S1".to_owned()]);
    let of = |of: Of<'_>, since| store.read(|tx| looks::load_looks(tx, &city(), of, since)).unwrap();
    let found = of(Of::Grids(&grids), midnight - DAY);
    assert_eq!(found.len(), 1, "a place without looks is not there");
    let sum = looked(&found[&grids[0]]);
    assert_eq!((sum.looks, sum.days, sum.persons, sum.last_ms), (3, 2, 2, Some(midnight)));
    let at_site = looked(&of(Of::Sites(&sites), 0)["S1"]);
    assert_eq!((at_site.looks, at_site.days, at_site.persons), (2, 2, 1));
    let last = store.read(|tx| looks::load_last(tx, &city(), Of::Grids(&grids))).unwrap();
    assert_eq!(last[&grids[0]], (Some(midnight), None));
    let other = CityId::from("other");
    assert!(store.read(|tx| looks::load_looks(tx, &other, Of::Grids(&grids), 0)).unwrap().is_empty());
}

pub(super) fn cases_of_a_place_are_found_in_a_scope(store: &Store) {
    let mut files = fill(store, &city(), 60);
    for (n, file) in files.iter_mut().enumerate() {
        file.case.site_id = (n % 3 == 0).then(|| "S1".to_owned());
        file.case.self_fixed = n % 4 == 0;
    }
    let entries: Vec<Entry<'_>> = files.iter().map(|f| Entry::between(Some(f), f, None)).collect();
    store.write(|tx| cases::save_cases(tx, &city(), &entries)).unwrap();
    let of_town = |f: &&CaseFile| f.case.place.town.as_ref().is_some_and(|t| t.as_str() == "330782001");
    let led = |f: &&CaseFile| f.case.lead.as_ref().is_some_and(|l| l.as_str() == "u/b");
    let parts = [Feed("town:330782001".into()), Feed("dept:u/b".into()), Feed::user(person(1))];
    let (all, some) = (within(&Scope::City), within(&Scope::Feeds(parts.to_vec())));
    let ids = |pick: &dyn Fn(&&CaseFile) -> bool| -> BTreeSet<CaseId> {
        files.iter().filter(pick).map(CaseFile::id).collect()
    };
    let at_site = |f: &&CaseFile| f.case.site_id.is_some();
    let site = |w: &[_]| store.read(|tx| cases::load_site_cases(tx, &city(), w, "S1", 100)).unwrap();
    assert_eq!(site(&all), ids(&at_site));
    assert_eq!(site(&some), ids(&|f| at_site(f) && (of_town(f) || led(f))));
    assert!(site(&[]).is_empty(), "who reads no place finds none");
    let from = NOW - 40 * DAY;
    let fixed = |f: &&CaseFile| f.case.self_fixed && f.case.received_ms >= from && f.case.received_ms < NOW;
    let found = |w: &[_]| store.read(|tx| cases::load_self_fixed(tx, &city(), w, from, NOW)).unwrap();
    assert_eq!(found(&all), ids(&fixed));
    assert_eq!(found(&some), ids(&|f| fixed(f) && (of_town(f) || led(f))));
}

pub(super) fn what_somebody_opened_is_found(store: &Store) {
    let verdicts = [
        Verdict::Applied,
        Verdict::Noted { why: Why::RightsUnsure },
        Verdict::Noted { why: Why::AlreadyThere },
        Verdict::Held { missing: vec![] },
        Verdict::Applied,
        Verdict::Applied,
    ];
    let case = |n: u8| CaseId::from_parts(1, [n; 10]);
    for (n, verdict) in (1..).zip(verdicts) {
        let mut op = super::writes::op(n);
        op.author = Some(person(if n == 5 { 2 } else { 1 }));
        op.kind = if n == 6 { "comment" } else { "report" }.into();
        (op.case_id, op.verdict, op.received_ms) = (Some(case(n)), verdict, i64::from(n) * 10);
        store.write(|tx| ops::append_ops(tx, &city(), [&op])).unwrap();
    }
    let of = |who, since| store.read(|tx| ops::load_opened_by(tx, &city(), person(who), since)).unwrap();
    assert_eq!(of(1, 0), BTreeSet::from([case(1), case(2)]));
    assert_eq!(of(1, 15), BTreeSet::from([case(2)]));
    assert_eq!(of(2, 0), BTreeSet::from([case(5)]));
}
