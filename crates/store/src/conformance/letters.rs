//! Numbers of letters: each once, without gaps, however many are issued at once.

use crate::letters::{LetterFilter, LetterRecord, load_cases_of, load_last_n, load_letter, load_letters};
use crate::letters::{save_letter, save_receipt, void_letter};
use crate::{Result, Store, StoreError};
use blindspot_core::id::CityId;
use blindspot_core::letter::{LetterKind, letter_number};
use blindspot_core::{CaseId, PersonId, PhotoId};

fn letter(id: u8, worker: u8, n: i64) -> LetterRecord {
    let kind = LetterKind::Transfer;
    LetterRecord {
        letter_id: [worker, id, 3, 3, 3, 3, 0x70, 3, 0x80, 3, 3, 3, 3, 3, 3, 3],
        year: 2026,
        n,
        number: letter_number("创卫办", &kind, 2026, n),
        kind,
        unit: Some("env_san".into()),
        addressee: "环卫".into(),
        copies: "[]".into(),
        words: String::new(),
        due_ms: Some(5),
        issued_ms: i64::from(id),
        issued_by: PersonId::from_parts(1, [worker; 10]),
        voided: None,
        receipt: None,
    }
}

fn issue(store: &Store, city: &CityId, id: u8, worker: u8) -> Result<i64> {
    store.write(|tx| {
        let n = load_last_n(tx, city, &LetterKind::Transfer, 2026)? + 1;
        save_letter(tx, city, &letter(id, worker, n), &[CaseId::from_parts(1, [id; 10])])?;
        Ok::<_, StoreError>(n)
    })
}

/// Six hands issue ten letters each, at once; one of them is voided and its number is not given again.
pub(super) fn letters_are_numbered_without_gaps(store: &Store) {
    let city = CityId::from("yiwu");
    let all: Vec<i64> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..6)
            .map(|worker| {
                let city = &city;
                scope.spawn(move || {
                    (0..10).map(|id| issue(store, city, id, worker).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        hands.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    let mut sorted = all.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=60).collect::<Vec<i64>>());

    let (first, by) = (letter(0, 0, 0).letter_id, PersonId::from_parts(1, [9; 10]));
    assert!(store.write(|tx| void_letter(tx, &city, first, by, "写错了", 70)).unwrap());
    assert!(!store.write(|tx| void_letter(tx, &city, first, by, "again", 71)).unwrap(), "once");
    let photo = PhotoId::from_parts(1, [4; 10]);
    store.write(|tx| save_receipt(tx, &city, first, photo, 80)).unwrap();
    assert_eq!(issue(store, &city, 200, 7).unwrap(), 61);
    let found = store.read(|tx| load_letter(tx, &city, first)).unwrap().unwrap();
    assert_eq!(found.voided, Some((70, by, "写错了".into())));
    assert_eq!(found.receipt, Some((photo, 80)));
    let cases = store.read(|tx| load_cases_of(tx, &city, first)).unwrap();
    assert_eq!(cases, [CaseId::from_parts(1, [0; 10])]);

    let page =
        |filter: &LetterFilter, before| store.read(|tx| load_letters(tx, &city, filter, before, 40)).unwrap();
    let newest = page(&LetterFilter::default(), None);
    assert_eq!((newest.len(), newest[0].n), (40, 61));
    let last = newest.last().map(|l| (l.issued_ms, l.letter_id));
    assert_eq!(page(&LetterFilter::default(), last).len(), 21);
    let of = |unit: &str| LetterFilter {
        unit: Some(unit.into()),
        year: Some(2026),
        kind: Some("transfer".into()),
    };
    assert_eq!(page(&of("env_san"), None).len(), 40);
    assert!(page(&of("market"), None).is_empty());
    let other = CityId::from("jinhua");
    assert!(store.read(|tx| load_letter(tx, &other, first)).unwrap().is_none());
    assert_eq!(issue(store, &other, 1, 1).unwrap(), 1, "each city counts for itself");
}
