//! Promises about rows, feeds and digests.

use crate::feed::{self, RowWrite};
use crate::{Result, Store, StoreError};
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

/// Many rows come in one commit, then single ones and some of them change and leave, in any order.
pub(super) fn runs_of_many_and_of_one_are_read_alike(store: &Store) {
    let (mut dice, mut model) = (7, BTreeMap::<u64, RowImage>::new());
    let mut seqs: BTreeMap<u64, i64> = BTreeMap::new();
    for round in 0..60 {
        let many = [150, 1, 2, 40, 1][round % 5];
        let ids: BTreeSet<u64> = (0..many).map(|_| roll(&mut dice, 400)).collect();
        let mut changes = Vec::new();
        for id in ids {
            let before: Vec<RowImage> = model.remove(&id).into_iter().collect();
            let after = image(id, &format!("[{round}]"), &[1, 2]);
            let kept = roll(&mut dice, 4) > 0;
            changes.extend(diff_rows(&before, if kept { std::slice::from_ref(&after) } else { &[] }));
            if kept {
                model.insert(id, after);
            }
        }
        save(store, changes).unwrap();
        let items = store.read(|tx| feed::load_items(tx, &city(), &Feed("f:1".into()), 0, 1_000)).unwrap();
        let here: BTreeMap<u64, String> = items
            .iter()
            .filter_map(|i| Some((i.key.id.parse().unwrap(), i.row.as_ref()?.1.clone())))
            .collect();
        let want: BTreeMap<u64, String> = model.iter().map(|(id, row)| (*id, row.body.clone())).collect();
        assert_eq!(here, want, "round {round}");
        assert!(items.is_sorted_by(|a, b| a.seq < b.seq));
        for item in &items {
            let before = seqs.insert(item.key.id.parse().unwrap(), item.seq);
            assert!(before.is_none_or(|before| before <= item.seq), "a row never goes back");
        }
        // Read on from any place, in pages of any size: the same.
        let (mut after, mut paged) = (roll(&mut dice, 200) as i64, Vec::new());
        let rest: Vec<i64> = items.iter().map(|i| i.seq).filter(|seq| *seq > after).collect();
        loop {
            let most = 1 + roll(&mut dice, 90) as usize;
            let page =
                store.read(|tx| feed::load_items(tx, &city(), &Feed("f:1".into()), after, most)).unwrap();
            let Some(last) = page.last() else { break };
            after = last.seq;
            paged.extend(page.iter().map(|i| i.seq));
        }
        assert_eq!(paged, rest, "round {round}");
        // Readers at different places of the same feeds: each has what comes after their own.
        let places = [3, roll(&mut dice, 200) as i64];
        let (heads, news) = store
            .read(|tx| {
                let feeds = BTreeSet::from([Feed("f:1".into()), Feed("f:2".into())]);
                let heads: Vec<_> = feed::load_heads(tx, &city(), &feeds)?.into_values().collect();
                let asked: Vec<_> = heads.iter().flat_map(|h| places.map(|after| (*h, after))).collect();
                Ok::<_, StoreError>((heads, feed::load_news(tx, &city(), &asked)?))
            })
            .unwrap();
        for (head, after) in heads.iter().flat_map(|h| places.map(|after| (h, after))) {
            let seen: Vec<i64> = news.items(head, after).unwrap().iter().map(|i| i.seq).collect();
            let want: Vec<i64> = items.iter().map(|i| i.seq).filter(|seq| *seq > after).collect();
            assert_eq!(seen, want, "round {round} after {after}");
        }
    }
    for check in store.read(|tx| feed::recompute_digests(tx, &city())).unwrap() {
        assert_eq!(check.stored, check.recomputed, "{}", check.feed);
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
