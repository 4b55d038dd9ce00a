//! Promises about jobs: one does each, a lease that ran out is taken over, who lost it commits nothing.

use crate::jobs::{self, Claimed, JobKey};
use crate::{Result, Store, StoreError, Tx, counters};
use blindspot_core::id::CityId;
use std::collections::BTreeSet;

const KIND: &str = "test";

fn city() -> CityId {
    CityId::from("yiwu")
}
fn job(n: usize) -> JobKey {
    JobKey { kind: KIND, key: format!("{n:03}") }
}
fn put(store: &Store, n: usize, due_ms: i64) {
    store.write(|tx| jobs::put(tx, &city(), &job(n), due_ms, "{}", 0)).unwrap();
}
fn claim(store: &Store, owner: &str, now_ms: i64) -> Option<Claimed> {
    let claim = |tx: &Tx<'_>| {
        let Some(key) = jobs::load_due(tx, &city(), KIND, 1, now_ms)?.pop() else { return Ok(None) };
        jobs::lease(tx, &city(), JobKey { kind: KIND, key }, owner, 100, now_ms)
    };
    store.write(claim).unwrap()
}

/// Does it and says so in one transaction; an error when the lease was lost.
fn act(store: &Store, claimed: &Claimed, now_ms: i64) -> Result<()> {
    store.write(|tx| {
        let name = format!("did:{}", claimed.job.key);
        let n = counters::load_counter(tx, &city(), &name)? + 1;
        counters::save_counter(tx, &city(), &name, n)?;
        let held = jobs::finish(tx, &city(), claimed, None, now_ms)?;
        if held { Ok(()) } else { Err(StoreError::Busy) }
    })
}
fn did(store: &Store, n: usize) -> i64 {
    store.read(|tx| counters::load_counter(tx, &city(), &format!("did:{n:03}"))).unwrap()
}

pub(super) fn a_job_is_done_by_one(store: &Store) {
    for n in 0..40 {
        put(store, n, 5);
    }
    std::thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || {
                while let Some(claimed) = claim(store, &format!("w{worker}"), 10) {
                    act(store, &claimed, 10).unwrap();
                }
            });
        }
    });
    let times: BTreeSet<i64> = (0..40).map(|n| did(store, n)).collect();
    assert_eq!(times, BTreeSet::from([1]));
}

pub(super) fn a_lease_that_ran_out_is_taken_over(store: &Store) {
    put(store, 1, 5);
    assert!(claim(store, "a", 4).is_none(), "not due yet");
    let first = claim(store, "a", 10).unwrap();
    assert!(claim(store, "b", 109).is_none(), "held");
    let second = claim(store, "b", 110).expect("the first one crashed, or is very slow");
    assert_eq!((first.tries, second.tries), (1, 2));
    assert!(matches!(act(store, &first, 111), Err(StoreError::Busy)), "the first one lost it");
    act(store, &second, 112).unwrap();
    assert_eq!(did(store, 1), 1);
    assert!(claim(store, "c", 10_000).is_none(), "done");
}

pub(super) fn a_job_put_anew_is_a_new_one(store: &Store) {
    put(store, 1, 5);
    put(store, 2, 4);
    let late = claim(store, "a", 10).unwrap();
    assert_eq!(late.job, job(2), "the one due longest goes first");
    put(store, 2, 20);
    assert!(!store.write(|tx| jobs::finish(tx, &city(), &late, None, 11)).unwrap());
    let other = claim(store, "a", 11).unwrap();
    assert_eq!(other.job, job(1));
    let off = store.write(|tx| jobs::put_off(tx, &city(), &other, Some("later"), 30)).unwrap();
    assert!(off);
    let state = store.read(|tx| jobs::load(tx, &city(), &job(1))).unwrap().unwrap();
    assert_eq!((state.due_ms, state.owner, state.problem.as_deref()), (30, None, Some("later")));
    assert_eq!(claim(store, "a", 30).unwrap().job, job(2));
    let again = claim(store, "a", 30).unwrap();
    store.write(|tx| jobs::finish(tx, &city(), &again, None, 31)).unwrap();
    assert_eq!(store.write(|tx| jobs::sweep(tx, &city(), 31)).unwrap(), 0);
    assert_eq!(store.write(|tx| jobs::sweep(tx, &city(), 32)).unwrap(), 1);
    assert_eq!(store.write(|tx| jobs::sweep(tx, &CityId::from("jinhua"), 99)).unwrap(), 0);
}
