//! Lists: whatever is asked, a page has the cases that a plain look at all of them finds, in order, without gap or repeat.

use crate::cases::{self, CaseFilter, Entry, ListKey, Scope, Sort, count};
use crate::{Store, StoreError};
use blindspot_core::case::{CaseFile, CaseState, Part};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::projection::grams::{Wanted, words_of};
use blindspot_core::projection::head::{CaseHead, Lateness};
use blindspot_core::{CaseId, PersonId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const NOW: i64 = 1_780_272_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const WORDS: [&str; 8] =
    ["暴露垃圾一堆", "菜场北门", "垃圾桶满溢", "小广告 KTV2楼", "乱堆杂物", "桶", "下水道 堵塞", "Ｇ20 路"];

/// The same numbers on every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
    fn one<'v, T>(&mut self, all: &'v [T]) -> &'v T {
        let n = self.below(all.len() as u64);
        &all[n as usize]
    }
    fn yes(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

fn person(n: u64) -> PersonId {
    PersonId::from_parts(1, [n as u8; 10])
}

/// A case as it may come to stand.
pub(super) fn file(dice: &mut Dice, n: u32) -> CaseFile {
    let mut id = [3; 10];
    id[..4].copy_from_slice(&n.to_be_bytes());
    let received = NOW - (dice.below(90 * 24) as i64) * HOUR - i64::from(n % 7);
    let town = dice.below(4);
    let place = match town {
        0 => json!({"by": "unknown"}),
        n if dice.yes(4) => json!({"by": "fix", "town": format!("33078200{n}")}),
        n => {
            json!({"by": "fix", "town": format!("33078200{n}"), "grid": format!("33078200{n}001-0{}", dice.below(3))})
        }
    };
    let state = dice.one(CaseState::KNOWN).as_str().to_owned();
    let mut case = json!({
        "case_id": CaseId::from_parts(NOW as u64 as i64, id), "state": state, "place": place,
        "source": dice.one(&["patrol", "hotline", "media"]), "urgent_danger": dice.yes(5),
        "captured": {"at_ms": received, "class": "exact", "claimed_ms": received},
        "received_ms": received, "updated_ms": received + dice.below(50) as i64 * DAY,
        "fields": {"description": dice.one(&WORDS), "landmark": dice.one(&WORDS)},
        "tags": [dice.one(&WORDS)], "short_no": {"town": "稠江", "n": n % 50},
    });
    let mut put = |key: &str, value: Value| case[key] = value;
    if !dice.yes(3) {
        put("lead", json!(dice.one(&["u/a", "u/b", "u/c"])));
        put("assists", json!([dice.one(&["u/d", "u/e"])]));
        let mut due = json!({"rule": "x", "value": 1, "unit": "service_hour", "calendar": "sanitation", "from_ms": 1,
            "due_ms": NOW + (dice.below(100) as i64 - 50) * HOUR / 10});
        if dice.yes(4) {
            due[if dice.yes(2) { "paused_ms" } else { "stopped_ms" }] = json!(5);
        }
        put("due", due);
    }
    if dice.yes(6) {
        put("supervised", json!({"op_id": CaseId::from_parts(1, id), "at_ms": 1}));
    }
    if dice.yes(5) {
        put("returns", json!(2));
    }
    if dice.yes(7) {
        put(
            "relapsed_from",
            json!({"op_id": CaseId::from_parts(1, id), "case": CaseId::from_parts(1, id), "closed_ms": 1, "days": 1, "at_ms": 1}),
        );
    }
    let mut file = CaseFile::new(serde_json::from_value(case).unwrap());
    file.add_person(Part::Reporter, person(dice.below(5)));
    file
}

fn item(file: &CaseFile) -> Option<String> {
    let bytes = file.id();
    Some(format!("i{}", bytes.as_bytes()[9] % 5))
}

fn put(tx: &crate::Tx<'_>, city: &CityId, entries: &[Entry<'_>]) -> crate::Result<()> {
    cases::save_cases(tx, city, entries)?;
    cases::save_words(tx, city, entries)
}

/// Cases, each changed once after it was written first.
pub(super) fn fill(store: &Store, city: &CityId, count: u32) -> Vec<CaseFile> {
    let mut dice = Dice(77);
    let mut files: Vec<CaseFile> = (0..count).map(|n| file(&mut dice, n)).collect();
    let save = |pairs: &[(Option<&CaseFile>, &CaseFile)]| {
        let entries: Vec<_> = pairs.iter().map(|(was, is)| Entry::between(*was, is, item(is))).collect();
        store.write(|tx| put(tx, city, &entries)).unwrap();
    };
    save(&files.iter().map(|f| (None, f)).collect::<Vec<_>>());
    for n in 0..count {
        let before = files[n as usize].clone();
        let mut after = file(&mut dice, n);
        // When a case came never changes.
        after.case.received_ms = before.case.received_ms;
        if dice.yes(2) {
            after.case.fields.clone_from(&before.case.fields);
            after.case.tags.clone_from(&before.case.tags);
        }
        save(&[(Some(&before), &after)]);
        files[n as usize] = after;
    }
    files
}

fn maybe<T>(dice: &mut Dice, of: u64, value: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.yes(of).then(|| value(dice))
}

fn ask(dice: &mut Dice) -> (CaseFilter, Option<Wanted>) {
    let questions = ["垃圾", "桶", "菜场 垃圾", "ktv", "堵", "圾桶满", "g2", "没有这个词"];
    let wanted = maybe(dice, 3, |d| Wanted::of(d.one::<&str>(&questions)).unwrap());
    let states = maybe(dice, 3, |d| (0..=d.below(3)).map(|_| d.one(CaseState::KNOWN).clone()).collect());
    let text = |t: &&str| (*t).to_owned();
    let filter = CaseFilter {
        states: states.unwrap_or_default(),
        town: maybe(dice, 5, |d| text(d.one(&["330782001", "330782002"]))),
        grid: maybe(dice, 8, |d| text(d.one(&["330782001001-01", "330782002001-02"]))),
        lead: maybe(dice, 6, |d| text(d.one(&["u/a", "u/b"]))),
        item: maybe(dice, 6, |d| text(d.one(&["i1", "i2"]))),
        source: maybe(dice, 6, |d| text(d.one(&["hotline", "media"]))),
        urgent: maybe(dice, 8, |d| d.yes(2)),
        open: maybe(dice, 5, |d| d.yes(2)),
        supervised: maybe(dice, 8, |d| d.yes(2)),
        hung: maybe(dice, 9, |d| d.yes(2)),
        returned: maybe(dice, 8, |d| d.yes(2)),
        relapsed: maybe(dice, 8, |d| d.yes(2)),
        late: maybe(dice, 4, |d| (d.one(Lateness::KNOWN).clone(), NOW)),
        short_n: maybe(dice, 12, |d| d.below(50) as u32),
        since_ms: maybe(dice, 7, |d| NOW - d.below(60) as i64 * DAY),
        words: wanted.clone(),
    };
    (filter, wanted)
}

fn scope(dice: &mut Dice) -> Scope {
    if dice.yes(2) {
        return Scope::City;
    }
    let user = Feed::user(person(dice.below(5))).0;
    let all = ["grid:330782001001-01", "town:330782002", "dept:u/a", "dept:u/d", &user, "desk:unplaced"];
    Scope::Feeds((0..=dice.below(3)).map(|_| Feed((*dice.one(&all)).to_owned())).collect())
}

/// The plain look.
fn fits(f: &CaseFilter, wanted: Option<&Wanted>, scope: &Scope, file: &CaseFile) -> bool {
    let (case, head) = (&file.case, CaseHead::of(&file.case));
    let same = |asked: &Option<String>, is: Option<&str>| asked.as_deref().is_none_or(|a| Some(a) == is);
    let flag = |asked: Option<bool>, is: bool| asked.is_none_or(|a| a == is);
    let place = &case.place;
    (f.states.is_empty() || f.states.contains(&case.state))
        && same(&f.town, place.town.as_ref().map(|t| t.as_str()))
        && same(&f.grid, place.grid.as_ref().map(|g| g.as_str()))
        && same(&f.lead, case.lead.as_ref().map(|d| d.as_str()))
        && same(&f.item, item(file).as_deref())
        && same(&f.source, Some(case.source.as_str()))
        && flag(f.urgent, case.urgent_danger)
        && flag(f.open, case.state.is_open())
        && flag(f.supervised, head.supervised)
        && flag(f.hung, head.hung)
        && flag(f.returned, head.returned)
        && flag(f.relapsed, head.relapsed)
        && f.late.as_ref().is_none_or(|(late, now)| late.fits(head.due_ms, *now))
        && f.short_n.is_none_or(|n| case.short_no.as_ref().map(|s| s.n) == Some(n))
        && f.since_ms.is_none_or(|since| case.updated_ms >= since)
        && wanted.is_none_or(|w| w.found_in(&words_of(case)))
        && match scope {
            Scope::City => true,
            Scope::Feeds(feeds) => feeds.iter().any(|feed| file.feeds().contains(feed)),
        }
}

pub(super) fn a_list_is_what_a_plain_look_finds(store: &Store) {
    let city = CityId::from("yiwu");
    let files = fill(store, &city, 300);
    let elsewhere = CityId::from("jinhua");
    let mut dice = Dice(5);
    let mut found_any = 0;
    for round in 0..400 {
        let (filter, wanted) = ask(&mut dice);
        let (scope, sort) = (scope(&mut dice), if dice.yes(4) { Sort::Due } else { Sort::Received });
        let at = |file: &CaseFile| match sort {
            Sort::Received => Some(file.case.received_ms),
            Sort::Due => CaseHead::of(&file.case).due_ms,
        };
        let all = files.iter().filter(|f| fits(&filter, wanted.as_ref(), &scope, f));
        let mut want: Vec<ListKey> =
            all.filter_map(|f| Some(ListKey { at_ms: at(f)?, case_id: f.id() })).collect();
        want.sort();
        if sort == Sort::Received {
            want.reverse();
        }
        let says = |key: &ListKey| {
            let file = files.iter().find(|f| f.id() == key.case_id).unwrap();
            wanted.as_ref().is_none_or(|w| w.found_in(&words_of(&file.case)))
        };
        let most = 1 + dice.below(40) as usize;
        let (mut got, mut behind) = (Vec::new(), None);
        for _ in 0..400 {
            let page =
                store.read(|tx| cases::load_page(tx, &city, &scope, &filter, (sort, behind), most)).unwrap();
            assert!(page.keys.len() <= most);
            behind = if page.keys.len() == most { page.keys.last().copied() } else { page.goes_on };
            got.extend(page.keys.into_iter().filter(&says));
            if behind.is_none() {
                break;
            }
        }
        assert_eq!(got, want, "round {round}: {filter:?} {scope:?} {sort:?}");
        found_any += usize::from(!want.is_empty());
        let there = store.read(|tx| cases::load_cases(tx, &elsewhere, &scope, &filter, None, 5)).unwrap();
        assert!(there.is_empty(), "another city's list");
    }
    assert!(found_any > 100, "{found_any} of the questions have an answer at all");
}

pub(super) fn counters_are_what_a_plain_look_counts(store: &Store) {
    let city = CityId::from("yiwu");
    let files = fill(store, &city, 300);
    let mut dice = Dice(9);
    for _ in 0..40 {
        let scope = scope(&mut dice);
        let open = CaseFilter { open: Some(true), ..CaseFilter::default() };
        let mine: Vec<&CaseFile> = files.iter().filter(|f| fits(&open, None, &scope, f)).collect();
        let counts = store.read(|tx| count::load_counts(tx, &city, &scope, NOW)).unwrap();
        let late = |late: Lateness| {
            mine.iter().filter(|f| late.fits(CaseHead::of(&f.case).due_ms, NOW)).count() as i64
        };
        assert_eq!(counts.by_state.values().sum::<i64>(), mine.len() as i64);
        assert_eq!((counts.overdue, counts.soon), (late(Lateness::Yes), late(Lateness::Soon)));
        assert_eq!(counts.supervised, mine.iter().filter(|f| f.case.supervised.is_some()).count() as i64);
        for (town, tally) in &counts.by_town {
            let here = mine.iter().filter(|f| f.case.place.town.as_ref().map(|t| t.0.clone()) == *town);
            assert_eq!(tally.open, here.count() as i64);
        }
        for (lead, tally) in &counts.by_lead {
            let its = mine.iter().filter(|f| f.case.lead.as_ref().map(|d| d.as_str()) == lead.as_deref());
            let over = its.clone().filter(|f| Lateness::Yes.fits(CaseHead::of(&f.case).due_ms, NOW)).count();
            assert_eq!((tally.open, tally.overdue), (its.count() as i64, over as i64));
        }
    }
}

/// What a text no longer says is not kept.
pub(super) fn a_word_that_went_is_not_found(store: &Store) {
    let city = CityId::from("yiwu");
    let before = file(&mut Dice(3), 1);
    let mut after = before.clone();
    after.case.fields.clear();
    after.case.tags.clear();
    after.case.short_no = None;
    let find = || {
        let filter = CaseFilter { words: Wanted::of("江"), ..CaseFilter::default() };
        let page = store
            .read(|tx| cases::load_page(tx, &city, &Scope::City, &filter, (Sort::Received, None), 9))
            .unwrap();
        page.keys.len()
    };
    let save = |was: Option<&CaseFile>, is: &CaseFile| {
        store.write(|tx| put(tx, &city, &[Entry::between(was, is, None)])).unwrap();
    };
    save(None, &before);
    assert_eq!(find(), 1);
    save(Some(&before), &after);
    assert_eq!(find(), 0);
    let left = store.read(|tx| {
        static ANY: crate::Stmt = crate::Stmt::new(
            "-- name: any_word\nSELECT gram FROM span_words WHERE city_id = $1 AND span >= 0;\n",
            "any_word",
        );
        Ok::<_, StoreError>(tx.query(&ANY, &[(&city).into()])?.len())
    });
    assert_eq!(left.unwrap(), 0);
}

/// Statements of lists, and the index that each must walk on either engine.
pub(super) const WALKS: &[(&str, &str)] = &[
    ("by_received", "cases_by_received"),
    ("by_state", "cases_by_state"),
    ("by_town", "cases_by_town"),
    ("by_grid", "cases_by_grid"),
    ("by_lead", "cases_by_lead"),
    ("by_item", "cases_by_item"),
    ("by_source", "cases_by_source"),
    ("by_open", "cases_open"),
    ("by_open_read", "cases_open"),
    ("by_supervised", "cases_supervised"),
    ("by_returned", "cases_returned"),
    ("by_relapsed", "cases_relapsed"),
    ("by_unplaced", "cases_unplaced"),
    ("by_short", "cases_by_short"),
    ("by_due", "cases_due"),
    ("by_window", "cases_by_received"),
    ("by_link", "case_links"),
    ("by_due_link", "case_links"),
    ("by_spans", "cases_by_received"),
    ("spans_having", "span_words"),
    ("open_in", "cases_open"),
    ("open_in_grid", "cases_"),
    ("open_linked", "case_links"),
];

/// One holder a case however many ask at once; whose time is over is taken over, and cannot go on.
pub(super) fn a_case_is_held_by_one(store: &Store) {
    use crate::leases::{self, Lease, Reach};
    let city = CityId::from("yiwu");
    let mut dice = Dice(21);
    let mut files: Vec<CaseFile> = (0..40).map(|n| file(&mut dice, n)).collect();
    for file in &mut files {
        file.case.state = CaseState::Reported;
        file.case.urgent_danger = false;
        store.write(|tx| cases::save_cases(tx, &city, &[Entry::between(None, file, None)])).unwrap();
    }
    let take = |who: u64, now: i64| {
        store
            .write(|tx| {
                let next = leases::load_next(tx, &city, ("reported", false), &Reach::default(), now)?;
                let Some((_, case_id)) = next else { return Ok(None) };
                let lease =
                    Lease { case_id, desk: "filing".into(), person: person(who), until_ms: now + 100 };
                assert!(leases::take(tx, &city, &lease, now)?, "it was free in this very transaction");
                Ok::<_, StoreError>(Some(case_id))
            })
            .unwrap()
    };
    let taken: Vec<CaseId> = std::thread::scope(|scope| {
        let hands: Vec<_> = (1..=4)
            .map(|who| scope.spawn(move || (0..10).filter_map(|_| take(who, 10)).collect::<Vec<_>>()))
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), 40);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 40, "no case twice");
    assert_eq!(take(5, 109), None, "all are held");
    let oldest = files.iter().map(|f| (f.case.received_ms, f.id())).min().unwrap().1;
    assert_eq!(take(5, 110), Some(oldest), "taken over, the oldest first");
    let held = store.read(|tx| leases::load(tx, &city, [oldest], 111)).unwrap();
    assert_eq!(held[0].person, person(5));
    let keep =
        |who, now| store.write(|tx| leases::keep(tx, &city, oldest, person(who), (now + 100, now))).unwrap();
    let former = (1..=4).any(|who| keep(who, 112));
    assert!(!former, "whoever had it before has lost it");
    assert!(keep(5, 209) && keep(5, 308) && !keep(5, 500), "kept while he works, and no longer");
    assert!(!store.write(|tx| leases::end(tx, &city, oldest, person(1))).unwrap());
    assert!(store.write(|tx| leases::end(tx, &city, oldest, person(5))).unwrap(), "given back");
    assert_eq!(store.write(|tx| leases::sweep(tx, &city, 1_000)).unwrap(), 39);
    assert_eq!(store.write(|tx| leases::sweep(tx, &CityId::from("jinhua"), 1_000)).unwrap(), 0);
}
