//! Promises about transactions, ops and tenants.

use crate::ops::{self, OpRecord};
use crate::{Result, Store, StoreError, counters, meta};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::verdict::Verdict;
use blindspot_core::{DeviceId, OpId};
use std::collections::BTreeSet;

pub(super) fn op(n: u8) -> OpRecord {
    OpRecord {
        op_id: OpId::from_parts(1, [n; 10]),
        n: i64::from(n),
        device_id: DeviceId::from_parts(1, [1; 10]),
        device_seq: u64::from(n),
        author: None,
        kind: "comment".into(),
        case_id: None,
        body: format!("{{\"n\":{n}}}").into(),
        hash: Sha256::of(&[n]),
        received_ms: 5,
        time: CaptureTime { at_ms: 4, class: ClockClass::Exact, claimed_ms: 3 },
        verdict: Verdict::Applied,
        landed: vec![],
    }
}

pub(super) fn put(store: &Store, city: &str, n: u8) -> Result<()> {
    store.write(|tx| ops::append_ops(tx, &CityId::from(city), [&op(n)]))
}

pub(super) fn count(store: &Store, city: &str) -> usize {
    let ids: BTreeSet<OpId> = (0..=255).map(|n| op(n).op_id).collect();
    store.read(|tx| ops::load_ops(tx, &CityId::from(city), &ids)).unwrap().len()
}

pub(super) fn a_dropped_transaction_leaves_no_trace(store: &Store) {
    let refused: Result<()> = store.write(|tx| {
        ops::append_ops(tx, &CityId::from("yiwu"), [&op(1)])?;
        Err(StoreError::Busy)
    });
    assert!(matches!(refused, Err(StoreError::Busy)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|tx| -> Result<()> {
            ops::append_ops(tx, &CityId::from("yiwu"), [&op(2)])?;
            std::panic::panic_any(())
        })
    }));
    assert!(panicked.is_err());
    // Also when it ends while rows are on their way.
    let many: Vec<OpRecord> = (0..200).map(op).collect();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|tx| {
            let some = many.iter().inspect(|op| {
                if op.n == 150 {
                    std::panic::panic_any(())
                }
            });
            ops::append_ops(tx, &CityId::from("yiwu"), some)
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(count(store, "yiwu"), 0);
    put(store, "yiwu", 3).unwrap();
    assert_eq!(count(store, "yiwu"), 1);
}

pub(super) fn a_read_sees_one_snapshot(store: &Store) {
    let city = CityId::from("yiwu");
    let add = || {
        store.write(|tx| {
            let n = counters::load_counter(tx, &city, "a")? + 1;
            counters::save_counter(tx, &city, "a", n)?;
            counters::save_counter(tx, &city, "b", n)
        })
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..200).try_for_each(|_| add()).unwrap());
        while !writer.is_finished() {
            let pair = store.read(|tx| {
                Ok::<_, StoreError>((
                    counters::load_counter(tx, &city, "a")?,
                    counters::load_counter(tx, &city, "b")?,
                ))
            });
            let (a, b) = pair.unwrap();
            assert_eq!(a, b);
        }
    });
}

pub(super) fn an_op_id_is_inserted_once(store: &Store) {
    put(store, "yiwu", 1).unwrap();
    let changed = OpRecord { n: 2, body: "other".into(), ..op(1) };
    let again = store.write(|tx| ops::append_ops(tx, &CityId::from("yiwu"), [&changed]));
    assert!(matches!(again, Err(StoreError::Duplicate(_))), "{again:?}");
    let id = op(1).op_id;
    let kept = store.read(|tx| ops::load_ops(tx, &CityId::from("yiwu"), &BTreeSet::from([id]))).unwrap();
    assert_eq!(kept[&id], op(1));
}

pub(super) fn one_city_never_sees_another(store: &Store) {
    put(store, "yiwu", 1).unwrap();
    put(store, "jinhua", 1).unwrap();
    put(store, "jinhua", 2).unwrap();
    assert_eq!((count(store, "yiwu"), count(store, "jinhua"), count(store, "hangzhou")), (1, 2, 0));
    let yiwu = CityId::from("yiwu");
    let through = store.read(|tx| ops::load_through(tx, &yiwu, op(1).device_id, 0)).unwrap();
    assert_eq!(through, 1);
    for key in [meta::EPOCH, meta::SAFE_THROUGH] {
        store.write(|tx| meta::save(tx, &yiwu, key, "7")).unwrap();
    }
    let said = |city: &str| store.read(|tx| meta::load_epoch_and_safe(tx, &CityId::from(city))).unwrap();
    assert_eq!(
        (said("yiwu"), said("jinhua")),
        ((7, Some(7)), (0, None)),
        "nor what of another is in a backup"
    );
}

pub(super) fn numbers_are_counted_through_without_gaps(store: &Store) {
    let (city, device) = (CityId::from("yiwu"), op(1).device_id);
    let through = |from| store.read(|tx| ops::load_through(tx, &city, device, from)).unwrap();
    assert_eq!(through(0), 0);
    for n in [1, 2, 4, 6] {
        put(store, "yiwu", n).unwrap();
    }
    assert_eq!(through(0), 2);
    let gone = BTreeSet::from([(device, 3), (device, 4)]);
    store.write(|tx| ops::save_stored_seqs(tx, &city, &gone)).unwrap();
    assert_eq!((through(0), through(2), through(5)), (4, 4, 6));
    let asked: BTreeSet<_> = (3..8).map(|n| (device, n)).collect();
    let stored = store.read(|tx| ops::load_stored_seqs(tx, &city, &asked)).unwrap();
    assert_eq!(stored, BTreeSet::from([(device, 3), (device, 4), (device, 6)]));
    let other = CityId::from("jinhua");
    assert!(store.read(|tx| ops::load_stored_seqs(tx, &other, &asked)).unwrap().is_empty());
}

/// Sets in one call, few and many, are as each by itself; results come in the order of the sets.
pub(super) fn a_batch_is_as_its_statements_one_by_one(store: &Store) {
    let city = CityId::from("yiwu");
    let record = |n: u32| OpRecord {
        op_id: OpId::from_parts(i64::from(n), [1; 10]),
        n: i64::from(n),
        device_seq: u64::from(n),
        ..op(1)
    };
    let all: Vec<OpRecord> = (1..=2_500).map(record).collect();
    store.write(|tx| ops::append_ops(tx, &city, &all)).unwrap();
    let ids: BTreeSet<OpId> = all.iter().map(|op| op.op_id).collect();
    let found = store.read(|tx| ops::load_ops(tx, &city, &ids)).unwrap();
    assert_eq!(found.len(), 2_500);
    assert!(all.iter().all(|op| found[&op.op_id] == *op));
    let changed: Vec<OpRecord> = all
        .iter()
        .step_by(2)
        .map(|op| OpRecord { verdict: Verdict::Held { missing: vec![] }, ..op.clone() })
        .collect();
    store.write(|tx| ops::save_verdicts(tx, &city, &changed)).unwrap();
    let found = store.read(|tx| ops::load_ops(tx, &city, &ids)).unwrap();
    let noted = found.values().filter(|op| op.verdict != Verdict::Applied).count();
    assert_eq!(noted, 1_250);
    let none: [&OpRecord; 0] = [];
    store.write(|tx| ops::save_verdicts(tx, &city, none)).unwrap();
    // A batch that one set spoils writes nothing of itself.
    let few = vec![record(3_000), record(1)];
    let many: Vec<OpRecord> = (3_000..3_200).chain([1]).map(record).collect();
    for spoiled in [few, many] {
        let refused = store.write(|tx| ops::append_ops(tx, &city, &spoiled));
        assert!(matches!(refused, Err(StoreError::Duplicate(_))), "{refused:?}");
        let asked = store.write(|tx| {
            ops::append_ops(tx, &city, &spoiled)?;
            ops::load_last_n(tx, &city)
        });
        assert!(matches!(asked, Err(StoreError::Duplicate(_))), "whoever asks next is told: {asked:?}");
        let after = store.read(|tx| ops::load_ops(tx, &city, &BTreeSet::from([spoiled[0].op_id]))).unwrap();
        assert!(after.is_empty());
    }
    let sound: Vec<OpRecord> = (3_000..3_200).map(record).collect();
    store.write(|tx| ops::append_ops(tx, &city, &sound)).unwrap();
}

pub(super) fn values_come_back_as_they_went(store: &Store) {
    let city = CityId::from("yiwu");
    let body = "\"quotes\" \\u0000 \u{10ffff} 净格 \n\t".to_owned();
    let odd = OpRecord {
        author: Some(blindspot_core::PersonId::from_parts(3, [3; 10])),
        case_id: Some(blindspot_core::CaseId::from_parts(4, [4; 10])),
        device_seq: i64::MAX as u64,
        received_ms: i64::MIN,
        body: body.clone().into(),
        landed: vec![blindspot_core::CaseId::from_parts(4, [4; 10])],
        ..op(7)
    };
    store.write(|tx| ops::append_ops(tx, &city, [&odd])).unwrap();
    let kept = store.read(|tx| ops::load_ops(tx, &city, &BTreeSet::from([odd.op_id]))).unwrap();
    assert_eq!(kept[&odd.op_id], odd);
}

pub(super) fn the_audit_log_is_never_changed(store: &Store) {
    static CHANGE: crate::Stmt =
        crate::Stmt::new("-- name: t\nUPDATE audit SET detail = $2 WHERE city_id = $1;", "t");
    let city = CityId::from("yiwu");
    for n in 0..3 {
        store.write(|tx| crate::audit::append(tx, &city, n, "system", "test", "x", "ok", "{}")).unwrap();
    }
    let refused = store.write(|tx| tx.exec(&CHANGE, &[(&city).into(), "other".into()]));
    assert!(refused.is_err_and(|e| e.to_string().contains("append-only")));
    let check = store.read(|tx| crate::audit::verify(tx, &city)).unwrap();
    assert!(check.ok && check.rows == 3, "{check:?}");
}
