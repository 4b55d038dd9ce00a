//! Promises about what goes with the life of a case: the ledger, rosters and draws, pauses, photos that look alike.

use crate::checks::{self, DrawRecord};
use crate::ledger::{self, Entry};
use crate::pauses::{self, PauseRecord};
use crate::twins::{self, Hashes};
use crate::{Store, StoreError};
use blindspot_core::check::Shift;
use blindspot_core::division::{GridId, Span};
use blindspot_core::id::{CityId, PauseId, Sha256};
use blindspot_core::{CaseId, DeviceId, OpId, PersonId, PhotoId};

fn city() -> CityId {
    CityId::from("yiwu")
}
fn person(n: u8) -> PersonId {
    PersonId::from_parts(1, [n; 10])
}

pub(super) fn the_ledger_is_one_chain(store: &Store) {
    let entry = |n: u8| Entry {
        at_ms: i64::from(n),
        case_id: CaseId::from_parts(1, [n % 2; 10]),
        body: format!("{{\"n\":{n}}}"),
    };
    store.write(|tx| ledger::append(tx, &city(), &[entry(1), entry(2)])).unwrap();
    let lost = store.write(|tx| {
        ledger::append(tx, &city(), &[entry(9)])?;
        Err::<(), _>(StoreError::Busy)
    });
    assert!(lost.is_err());
    store.write(|tx| ledger::append(tx, &CityId::from("other"), &[entry(7)])).unwrap();
    store.write(|tx| ledger::append(tx, &city(), &[])).unwrap();
    store.write(|tx| ledger::append(tx, &city(), &[entry(3)])).unwrap();
    assert_eq!(store.read(|tx| ledger::verify(tx, &city())).unwrap(), (3, None));
    let of_case = store.read(|tx| ledger::load_of_case(tx, &city(), entry(1).case_id)).unwrap();
    assert_eq!(of_case.iter().map(|r| r.n).collect::<Vec<_>>(), [1, 3]);
    let page = store.read(|tx| ledger::load_page(tx, &city(), 1, 1)).unwrap();
    assert_eq!((page.len(), page[0].n, page[0].body.as_str()), (1, 2, "{\"n\":2}"));
}

pub(super) fn shifts_replace_those_of_their_span(store: &Store) {
    let shift = |n: u8, from_ms: i64| Shift {
        person: person(n),
        grids: vec![GridId("330782003001-01".into())],
        span: Span { from_ms, to_ms: Some(from_ms + 10) },
        stands_in_for: (n == 2).then(|| person(9)),
    };
    let save =
        |from, to, all: &[Shift]| store.write(|tx| checks::save_shifts(tx, &city(), from, to, all)).unwrap();
    assert_eq!(save(0, 100, &[shift(1, 10), shift(2, 20)]), 0);
    assert_eq!(save(100, 200, &[shift(1, 110)]), 0);
    let load = |from, to| store.read(|tx| checks::load_shifts(tx, &city(), from, to)).unwrap();
    assert_eq!(load(0, 1_000), [shift(1, 10), shift(2, 20), shift(1, 110)]);
    assert_eq!(load(15, 16), [shift(1, 10)], "who is on shift at a moment");
    assert_eq!(load(20, 21), [shift(2, 20)], "an end is no part of it");
    assert_eq!(save(0, 100, &[shift(3, 30)]), 2);
    assert_eq!(load(0, 1_000), [shift(3, 30), shift(1, 110)]);
    let any = |now| store.read(|tx| checks::load_any_shift(tx, &city(), now)).unwrap();
    assert!(any(119) && !any(120));
}

pub(super) fn a_draw_stays_as_it_was_done(store: &Store) {
    let draw = |n: u8, day: &str| DrawRecord {
        op_id: OpId::from_parts(1, [n; 10]),
        day: day.into(),
        case_id: CaseId::from_parts(1, [n; 10]),
        feed_back: OpId::from_parts(2, [n; 10]),
        attempt: 1,
        people: vec![person(1), person(2)],
        drawn: Some(person(2)),
        at_ms: 5,
    };
    let append = |d: &DrawRecord| store.write(|tx| checks::append_draw(tx, &city(), d)).unwrap();
    append(&draw(1, "2026-03-02"));
    append(&draw(2, "2026-03-03"));
    append(&DrawRecord { drawn: Some(person(1)), ..draw(1, "2026-03-02") });
    let of = |day: &str, later| store.read(|tx| checks::load_draws(tx, &city(), day, later)).unwrap();
    assert_eq!(of("2026-03-02", false), [draw(1, "2026-03-02")]);
    assert_eq!(of("2026-03-02", true).len(), 2);
}

pub(super) fn a_pause_said_again_moves_its_end(store: &Store) {
    let pause = |to_ms| PauseRecord {
        pause_id: PauseId::from_parts(1, [1; 10]),
        town: None,
        from_ms: 10,
        to_ms,
        reason: "台风".into(),
        person: person(1),
        device: DeviceId::from_parts(1, [1; 10]),
        at_ms: 1,
    };
    for to_ms in [100, 50] {
        store.write(|tx| pauses::save(tx, &city(), &pause(to_ms))).unwrap();
    }
    let since = |ms| store.read(|tx| pauses::load_since(tx, &city(), ms)).unwrap();
    assert_eq!(since(50), [pause(50)]);
    assert!(since(51).is_empty());
}

/// Against a plain look at all of them, over hashes that differ in known bits.
pub(super) fn photos_that_look_alike_are_found(store: &Store) {
    let photo = |n: u8| PhotoId::from_parts(1, [n; 10]);
    let base: u64 = 0x0123_4567_89ab_cdef;
    let flips: [u64; 6] = [0, 1, 1 << 20 | 1 << 40, 7 << 61, 0x8001_8000_0001_0000, u64::MAX];
    for (n, flip) in (0..).zip(flips) {
        let sha = Sha256::of(&[n % 2]);
        let hashes = Hashes { sha256: sha, phash: base ^ flip, at_ms: i64::from(n) };
        store.write(|tx| twins::save(tx, &city(), &[(photo(n), hashes)])).unwrap();
    }
    let alike = |bits| {
        let found = store.read(|tx| twins::load_alike(tx, &city(), photo(0), base, bits)).unwrap();
        found.iter().map(|a| (a.photo_id, a.bits)).collect::<Vec<_>>()
    };
    assert_eq!(alike(3), [(photo(1), 1), (photo(2), 2), (photo(3), 3)]);
    assert_eq!(alike(0), []);
    let same = store.read(|tx| twins::load_same_bytes(tx, &city(), photo(4), &Sha256::of(&[0]))).unwrap();
    assert_eq!(same, Some(photo(0)), "the first that came");
    store.write(|tx| twins::forget(tx, &city(), photo(1))).unwrap();
    assert_eq!(alike(3), [(photo(2), 2), (photo(3), 3)]);
    assert_eq!(store.read(|tx| twins::load(tx, &city(), photo(1))).unwrap(), None);
}
