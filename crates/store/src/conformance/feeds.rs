//! Promises about rows, feeds and digests.

use crate::feed::{self, RowWrite};
use crate::{Result, Store};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::row::{RowChange, RowImage, RowKey, RowKind, diff_rows};
use std::collections::{BTreeMap, BTreeSet};

fn city() -> CityId {
    CityId::from("yiwu")
}

fn image(id: u64, body: &str, feeds: &[u64]) -> RowImage {
    RowImage {
        key: RowKey::new(RowKind::Comment, id.to_string()),
        body: body.into(),
        feeds: feeds.iter().map(|n| Feed(format!("f:{n}"))).collect(),
    }
}

fn save(store: &Store, changes: Vec<RowChange>) -> Result<BTreeMap<Feed, i64>> {
    let writes: BTreeMap<RowKey, RowWrite> = changes
        .into_iter()
        .map(|change| (change.key.clone(), RowWrite { change, case_id: None, fresh: false }))
        .collect();
    store.write(|tx| feed::save_changes(tx, &city(), 1, &writes))
}

fn keys(store: &Store, feed: &str) -> Vec<(String, bool)> {
    let items = store.read(|tx| feed::load_items(tx, &city(), &Feed(feed.into()), 0, 1_000)).unwrap();
    items.into_iter().map(|i| (i.key.id, i.row.is_some())).collect()
}

/// Writers commit while a reader polls by seq: what it has seen in the end is all there is, in order.
pub(super) fn a_feed_misses_nothing(store: &Store) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 15;
    let mut seen: Vec<i64> = Vec::new();
    std::thread::scope(|scope| {
        for w in 0..WRITERS {
            scope.spawn(move || {
                for i in 0..EACH {
                    save(store, diff_rows(&[], &[image(w * 1_000 + i, "{}", &[1])])).unwrap();
                    std::thread::yield_now();
                }
            });
        }
        while seen.len() < usize::try_from(WRITERS * EACH).unwrap() {
            let after = seen.last().copied().unwrap_or(0);
            let items =
                store.read(|tx| feed::load_items(tx, &city(), &Feed("f:1".into()), after, 7)).unwrap();
            seen.extend(items.iter().map(|i| i.seq));
        }
    });
    let want: Vec<i64> = (1..=i64::try_from(WRITERS * EACH).unwrap()).collect();
    assert_eq!(seen, want);
}

/// A generator with a seed, so that a failure repeats.
fn roll(state: &mut u64, sides: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % sides
}

pub(super) fn a_digest_is_that_of_the_rows_now_in_the_feed(store: &Store) {
    let (mut dice, mut model) = (42, BTreeMap::<u64, RowImage>::new());
    for _ in 0..200 {
        let mut changes = Vec::new();
        let ids: BTreeSet<u64> = (0..1 + roll(&mut dice, 4)).map(|_| roll(&mut dice, 12)).collect();
        for id in ids {
            let before: Vec<RowImage> = model.remove(&id).into_iter().collect();
            let feeds: Vec<u64> = (0..4).filter(|_| roll(&mut dice, 2) == 0).collect();
            let after = image(id, &format!("[{}]", roll(&mut dice, 3)), &feeds);
            let kept = roll(&mut dice, 5) > 0;
            changes.extend(diff_rows(&before, if kept { std::slice::from_ref(&after) } else { &[] }));
            if kept {
                model.insert(id, after);
            }
        }
        save(store, changes).unwrap();
    }
    for check in store.read(|tx| feed::recompute_digests(tx, &city())).unwrap() {
        assert_eq!(check.stored, check.recomputed, "{}", check.feed);
        let want: BTreeSet<String> =
            model.values().filter(|i| i.feeds.contains(&check.feed)).map(|i| i.key.id.clone()).collect();
        let have: BTreeSet<String> = keys(store, check.feed.as_str())
            .into_iter()
            .filter(|(_, here)| *here)
            .map(|(id, _)| id)
            .collect();
        assert_eq!(have, want, "{}", check.feed);
    }
}

pub(super) fn a_row_that_left_enters_again(store: &Store) {
    let (one, two) = (image(1, "{}", &[1]), image(1, "{}", &[2]));
    save(store, diff_rows(&[], std::slice::from_ref(&one))).unwrap();
    save(store, diff_rows(std::slice::from_ref(&one), std::slice::from_ref(&two))).unwrap();
    assert_eq!(
        (keys(store, "f:1"), keys(store, "f:2")),
        (vec![("1".into(), false)], vec![("1".into(), true)])
    );
    let moved = save(store, diff_rows(&[two], &[one])).unwrap();
    assert_eq!(moved[&Feed("f:1".into())], 3);
    assert_eq!(
        (keys(store, "f:1"), keys(store, "f:2")),
        (vec![("1".into(), true)], vec![("1".into(), false)])
    );
}
