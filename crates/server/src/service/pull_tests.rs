//! What pull promises: nothing is lost while pages turn, and digests tell the truth.

use super::testing::{Mirror, Phone, T0, case, fix, grant, house, person};
use super::{House, ServiceError, pull};
use blindspot_core::access::Role;
use blindspot_core::feed::Feed;
use blindspot_core::wire::v1::PullRequest;
use blindspot_store::devices::{self, DeviceRecord};
use blindspot_store::feed;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A small generator with a seed, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A worker in each of two grids, a supervisor, and the phone of the first worker.
fn laid() -> (House, Phone) {
    let house = house();
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    grant(&house, person(2), Role::Collector, "grid:330782003002-01");
    grant(&house, person(3), Role::Supervisor, "city");
    let writer = Phone::enrol(&house, person(1), 1);
    (house, writer)
}

fn random_op(house: &House, dice: &mut Dice, phone: &mut Phone, cases: &mut u32) {
    let at_grid = if dice.roll(2) == 0 { 1 } else { 2 };
    let some = case(u32::try_from(dice.roll(u64::from(*cases + 1))).unwrap());
    let op = match dice.roll(6) {
        0 | 1 => {
            *cases += 1;
            phone.report(*cases, at_grid)
        }
        2 => phone.op("comment", Some(some), &json!({"text": "记"})),
        3 => phone.op("relocate", Some(some), &json!({"position": fix(at_grid)})),
        4 => phone.op(
            "edit",
            Some(some),
            &json!({"changes": {"landmark": {"from": null, "to": dice.roll(3)}}}),
        ),
        _ => phone.op("look", None, &json!({"position": fix(at_grid)})),
    };
    let now_ms = T0 + i64::try_from(dice.roll(10_000_000)).unwrap();
    phone.push(house, now_ms, &[&op]);
}

/// The rows that stand in a scope now, straight from the database.
fn expected(house: &House, scope: &BTreeSet<Feed>) -> BTreeMap<Feed, BTreeSet<(String, String)>> {
    let read = |feed: &Feed| {
        let items = house.store.read(|tx| feed::load_items(tx, &house.city, feed, 0, 100_000)).unwrap();
        items.into_iter().filter_map(|i| i.row.map(|(_, body)| (i.key.id, body))).collect()
    };
    scope.iter().map(|feed| (feed.clone(), read(feed))).collect()
}

#[test]
fn paging_while_rows_change_loses_none_and_digests_hold() {
    for seed in 1..=6 {
        let (mut dice, mut cases) = (Dice(seed), 0);
        let (house, mut writer) = laid();
        let readers: Vec<_> = (1..=3).map(|n| Phone::enrol(&house, person(n), 10 + n).credential).collect();
        let mut mirrors: Vec<Mirror> = readers.iter().map(|_| Mirror::default()).collect();
        for _ in 0..4 {
            for _ in 0..15 {
                random_op(&house, &mut dice, &mut writer, &mut cases);
            }
            for (mirror, who) in mirrors.iter_mut().zip(&readers) {
                let limit = u32::try_from(1 + dice.roll(7)).unwrap();
                let mut left = 10;
                mirror.sync(&house, *who, limit, || {
                    if left > 0 {
                        left -= 1;
                        random_op(&house, &mut dice, &mut writer, &mut cases);
                    }
                });
            }
        }
        for check in house.store.read(|tx| feed::recompute_digests(tx, &house.city)).unwrap() {
            assert_eq!(check.stored, check.recomputed, "seed {seed}: {}", check.feed);
        }
        for (mirror, who) in mirrors.iter_mut().zip(&readers) {
            mirror.sync(&house, *who, 3, || ());
            assert!(mirror.pages > 4);
            let scope = pull::scope(&house, *who, T0 + 60_000).unwrap();
            for (feed, want) in expected(&house, &scope) {
                let keys = mirror.feeds.get(&feed).cloned().unwrap_or_default();
                let have: BTreeSet<_> =
                    keys.into_iter().map(|k| (k.id.clone(), mirror.rows[&k].1.clone())).collect();
                assert_eq!(have, want, "seed {seed}: {feed}");
            }
        }
    }
}

#[test]
fn pulls_that_are_read_together_hold_what_each_would_alone() {
    for seed in 1..=4 {
        let (mut dice, mut cases) = (Dice(seed), 0);
        let (house, mut writer) = laid();
        let readers: Vec<_> = (1..=4).map(|n| Phone::enrol(&house, person(n), 10 + n).credential).collect();
        let mut mirrors: Vec<Mirror> = readers.iter().map(|_| Mirror::default()).collect();
        let (mut pages, mut alone) = (0, 0);
        for _ in 0..12 {
            for _ in 0..dice.roll(60) {
                random_op(&house, &mut dice, &mut writer, &mut cases);
            }
            // Two of the same phone stand in the group, too: an answer was lost, and it asked again.
            let who: Vec<usize> = (0..6).map(|_| usize::try_from(dice.roll(4)).unwrap()).collect();
            let asks: Vec<pull::Ask> = who
                .iter()
                .map(|n| {
                    let cursor = mirrors[*n].cursor.clone();
                    let limit = (dice.roll(3) == 0).then(|| u32::try_from(1 + dice.roll(30)).unwrap());
                    let request = PullRequest { cursor, schema: 1, limit, ..PullRequest::default() };
                    pull::Ask::read(&house, readers[*n], &request).unwrap()
                })
                .collect();
            let found = pull::together(&house, &asks.iter().collect::<Vec<_>>(), T0 + 60_000).unwrap();
            let mut taken = BTreeSet::new();
            for ((n, ask), found) in who.iter().zip(&asks).zip(found) {
                let want = pull::alone(&house, ask, T0 + 60_000).unwrap();
                let Some(found) = found else {
                    alone += 1;
                    continue;
                };
                pages += 1;
                let text = |reply| serde_json::to_string(reply).unwrap();
                assert_eq!(text(&found.reply), text(&want.reply), "seed {seed}");
                assert_eq!(found.feeds, pull::scope(&house, readers[*n], T0 + 60_000).unwrap());
                if taken.insert(*n) {
                    mirrors[*n].take(found.reply);
                }
            }
        }
        assert!(pages > 10 && alone > 2, "seed {seed}: {pages} together, {alone} alone");
    }
}

#[test]
fn a_cursor_is_ours_and_its_owners_or_refused() {
    let house = house();
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    let (a, b) = (Phone::enrol(&house, person(1), 1), Phone::enrol(&house, person(2), 2));
    let ask = |who, cursor: Option<String>| {
        let request = PullRequest { cursor, schema: 1, ..PullRequest::default() };
        pull::pull(&house, who, &request, T0)
    };
    let cursor = ask(a.credential, None).unwrap().cursor;
    assert!(ask(a.credential, Some(cursor.clone())).is_ok());
    let mut forged = cursor.clone();
    forged.replace_range(2..3, if &cursor[2..3] == "A" { "B" } else { "A" });
    for (who, bad) in [(b.credential, cursor), (a.credential, forged), (a.credential, "x.y".into())] {
        let refused = ask(who, Some(bad)).unwrap_err();
        assert!(matches!(refused, ServiceError::Refused(p, _) if p.code == "bad_cursor"));
    }
}

#[test]
fn scope_is_data_and_an_empty_feed_is_told() {
    let house = house();
    let a = Phone::enrol(&house, person(1), 1).credential;
    let mut mirror = Mirror::default();
    mirror.sync(&house, a, 100, || ());
    let ask = |mirror: &Mirror, reread: Vec<Feed>| {
        let request =
            PullRequest { cursor: mirror.cursor.clone(), schema: 1, reread, ..PullRequest::default() };
        pull::pull(&house, a, &request, T0 + 60_000).unwrap()
    };
    assert!(!pull::is_news(&ask(&mirror, vec![])));
    grant(&house, person(1), Role::Collector, "grid:330782003001-01");
    let reply = ask(&mirror, vec![]);
    assert!(pull::is_news(&reply));
    let added: Vec<_> = reply.feeds_added.iter().map(Feed::as_str).collect();
    assert_eq!(added, ["grid:330782003001-01", "ref:330782003"]);
    assert!(reply.changes[0].from_zero && reply.changes[0].entered.is_empty());
    mirror.take(reply);
    let reply = ask(&mirror, vec![Feed::reference()]);
    assert!(reply.feeds_added.is_empty() && reply.changes.len() == 1 && reply.changes[0].from_zero);
}

#[test]
fn desk_sessions_add_no_feeds() {
    let house = house();
    let phone = Phone::enrol(&house, person(1), 1).credential;
    let before = pull::scope(&house, phone, T0).unwrap();
    let enrolled =
        house.store.read(|tx| devices::load_device(tx, &house.city, phone.device)).unwrap().unwrap();
    house
        .store
        .write(|tx| {
            for n in 0..600_u16 {
                let mut bytes = [9; 10];
                bytes[..2].copy_from_slice(&n.to_be_bytes());
                let device_id = blindspot_core::DeviceId::from_parts(9, bytes);
                devices::save_device(
                    tx,
                    &house.city,
                    &DeviceRecord { device_id, desk: true, ..enrolled.clone() },
                )?;
            }
            Ok::<_, ServiceError>(())
        })
        .unwrap();
    assert_eq!(pull::scope(&house, phone, T0).unwrap(), before);
}
