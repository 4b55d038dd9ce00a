//! Convergence: any order of arrival, duplication and batching end in the same facts; a phone's mirror
//! with its outbox replayed is what the server will decide.
#![allow(missing_docs, clippy::unwrap_used)]

use blindspot_core::access::Role;
use blindspot_core::case::{CaseFile, CaseState, TABLE};
use blindspot_core::command::*;
use blindspot_core::division::Places;
use blindspot_core::op::SealedOp;
use blindspot_core::testing::*;
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, OpId, PhotoId};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

const WORKERS: u64 = 3;
const DESK: u64 = 10;
const SECOND_DESK: u64 = 11;
const UNIT: u64 = 12;

fn authority() -> Authority {
    let mut a = Authority::new(Places::empty());
    for n in 1..=WORKERS {
        a.add_person(n, vec![grant(Role::Collector, "city")]);
    }
    let desk = || {
        vec![
            grant(Role::FilingDesk, "city"),
            grant(Role::Supervisor, "city"),
            grant(Role::Dispatcher, "city"),
        ]
    };
    a.add_person(DESK, desk());
    a.add_person(SECOND_DESK, desk());
    a.add_person(UNIT, vec![grant(Role::UnitClerk, "dept:sanitation")]);
    a
}

/// A small step of somebody; cases and people by number.
#[derive(Clone, Debug)]
enum Act {
    Report(u64, u64),
    Photo(u64, u64),
    Comment(u64, u64),
    Edit(u64, u64, u8, u8),
    Withdraw(u64, u64),
    File(u64),
    Refuse(u64),
    Merge(u64, u64),
    Dispatch(u64),
    Accept(u64),
    FeedBack(u64, Option<u32>),
    Verify(u64, u64, bool),
    Close(u64),
    Void(u64),
    ConfirmVoid(u64),
    Erase(u64, u8),
    ConfirmErase(u64, bool),
}

fn act() -> impl Strategy<Value = Act> {
    let case = 1..4u64;
    let worker = 1..=WORKERS;
    prop_oneof![
        3 => (case.clone(), worker.clone()).prop_map(|(c, w)| Act::Report(c, w)),
        3 => (case.clone(), worker.clone()).prop_map(|(c, w)| Act::Photo(c, w)),
        2 => (case.clone(), worker.clone()).prop_map(|(c, w)| Act::Comment(c, w)),
        3 => (case.clone(), worker.clone(), 0..3u8, 0..3u8).prop_map(|(c, w, f, v)| Act::Edit(c, w, f, v)),
        1 => (case.clone(), worker.clone()).prop_map(|(c, w)| Act::Withdraw(c, w)),
        3 => case.clone().prop_map(Act::File),
        1 => case.clone().prop_map(Act::Refuse),
        2 => (case.clone(), case.clone()).prop_map(|(a, b)| Act::Merge(a, b)),
        3 => case.clone().prop_map(Act::Dispatch),
        2 => case.clone().prop_map(Act::Accept),
        3 => (case.clone(), proptest::option::of(0..3u32)).prop_map(|(c, r)| Act::FeedBack(c, r)),
        3 => (case.clone(), worker, any::<bool>()).prop_map(|(c, w, p)| Act::Verify(c, w, p)),
        1 => case.clone().prop_map(Act::Close),
        1 => case.clone().prop_map(Act::Void),
        1 => case.clone().prop_map(Act::ConfirmVoid),
        2 => (case.clone(), 0..3u8).prop_map(|(c, what)| Act::Erase(c, what)),
        2 => (case, any::<bool>()).prop_map(|(c, agree)| Act::ConfirmErase(c, agree)),
    ]
}

/// Turns acts into ops. Each author's ops on one case depend on that author's former one there.
fn ops(acts: &[Act]) -> Vec<SealedOp> {
    let mut out: Vec<SealedOp> = Vec::new();
    let mut latest: BTreeMap<(u64, CaseId), _> = BTreeMap::new();
    let mut feed_backs: BTreeMap<u64, _> = BTreeMap::new();
    let mut voids: BTreeMap<u64, _> = BTreeMap::new();
    let (mut photos, mut comments, mut erases) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (i, act) in acts.iter().enumerate() {
        let n = i as u64 + 1;
        let reason = Reason { reason: "r".into(), ..Reason::default() };
        let (author, case, command, round) = match act {
            Act::Report(c, w) => (*w, *c, Command::Report(Report::default()), None),
            Act::Photo(c, w) => {
                photos.insert(*c, PhotoId(op_id(n).0));
                (*w, *c, Command::Photo(photo(n)), None)
            }
            Act::Comment(c, w) => {
                comments.insert(*c, op_id(n));
                (*w, *c, Command::Comment(Comment { text: format!("t{n}") }), None)
            }
            Act::Edit(c, w, field, value) => (*w, *c, Command::Edit(edit(*field, *value)), None),
            Act::Withdraw(c, w) => (*w, *c, Command::Withdraw(Nothing {}), None),
            Act::File(c) => (DESK, *c, Command::File(reason), None),
            Act::Refuse(c) => (DESK, *c, Command::Refuse(reason), None),
            Act::Merge(c, into) => {
                (DESK, *c, Command::Merge(MergeInto { into: case_id(*into), reason: "same".into() }), None)
            }
            Act::Dispatch(c) => {
                let to = Dispatch { lead: "sanitation".into(), assists: vec![], case_kind: None, note: None };
                (DESK, *c, Command::Dispatch(to), None)
            }
            Act::Accept(c) => (UNIT, *c, Command::Accept(Nothing {}), None),
            Act::FeedBack(c, round) => {
                feed_backs.insert(*c, op_id(n));
                let back = FeedBack { text: format!("done{n}"), ..FeedBack::default() };
                (UNIT, *c, Command::FeedBack(back), *round)
            }
            Act::Verify(c, w, passed) => {
                let feed_back = feed_backs.get(c).copied().unwrap_or(op_id(999));
                let v = Verify {
                    feed_back,
                    passed: *passed,
                    text: format!("seen{n}"),
                    position: None,
                    photos: vec![],
                };
                (*w, *c, Command::Verify(v), None)
            }
            Act::Close(c) => (DESK, *c, Command::Close(reason), None),
            Act::Void(c) => {
                voids.insert(*c, op_id(n));
                (DESK, *c, Command::Void(reason), None)
            }
            Act::ConfirmVoid(c) => {
                let void = voids.get(c).copied().unwrap_or(op_id(999));
                (SECOND_DESK, *c, Command::ConfirmVoid(ConfirmVoid { void, agree: true }), None)
            }
            Act::Erase(c, what) => {
                erases.insert(*c, op_id(n));
                let target = target(*what, photos.get(c).copied(), comments.get(c).copied());
                (DESK, *c, Command::Erase(Erase { target, reason: "face".into(), note: None }), None)
            }
            Act::ConfirmErase(c, agree) => {
                let erase = erases.get(c).copied().unwrap_or(op_id(999));
                (SECOND_DESK, *c, Command::ConfirmErase(ConfirmErase { erase, agree: *agree }), None)
            }
        };
        let case = case_id(case);
        let depends = latest.insert((author, case), op_id(n)).into_iter().collect();
        out.push(sealed_in_round(n, author, Some(case), &command, depends, round));
    }
    out
}

fn target(what: u8, photo_id: Option<PhotoId>, op: Option<OpId>) -> EraseTarget {
    match what {
        0 => EraseTarget { photo_id, ..EraseTarget::default() },
        1 => EraseTarget { op, ..EraseTarget::default() },
        _ => EraseTarget { report: true, ..EraseTarget::default() },
    }
}

fn photo(n: u64) -> PhotoTaken {
    serde_json::from_value(json!({"photo_id": PhotoId(op_id(n).0)})).unwrap()
}

fn edit(field: u8, value: u8) -> Edit {
    let name = ["description", "category", "landmark"][usize::from(field)];
    let change = FieldChange { from: json!(null), to: json!(format!("v{value}")) };
    Edit { changes: BTreeMap::from([(name.to_owned(), change)]) }
}

/// A case file without the times that depend on the order of arrival.
fn timeless(file: &CaseFile) -> CaseFile {
    let mut file = file.clone();
    file.case.updated_ms = 0;
    file.case.received_ms = 0;
    file.case.since_ms = None;
    file
}

fn facts(a: &Authority) -> Vec<CaseFile> {
    a.world.cases.values().map(|file| timeless(file)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// P2: sending again, in any batching, changes nothing and answers the verdict as it is now.
    #[test]
    fn duplicates_change_nothing(acts in proptest::collection::vec(act(), 1..25), again in any::<u64>()) {
        let ops = ops(&acts);
        let mut once = authority();
        for op in &ops { once.receive(op); }
        let mut twice = authority();
        for (i, op) in ops.iter().enumerate() {
            twice.receive(op);
            if again >> (i % 64) & 1 == 1 {
                let back = &ops[i / 2];
                let verdict = twice.receive(back);
                prop_assert_eq!(Some(&verdict), twice.verdicts.get(&back.env.op_id));
            }
        }
        prop_assert_eq!(facts(&once), facts(&twice));
    }

    /// Grow-only facts arrive in any order: once everything is here, everybody has the same set.
    #[test]
    fn grow_only_facts_do_not_care_for_order(
        acts in proptest::collection::vec(prop_oneof![
            (1..4u64, 1..=WORKERS).prop_map(|(c, w)| Act::Photo(c, w)),
            (1..4u64, 1..=WORKERS).prop_map(|(c, w)| Act::Comment(c, w)),
        ], 1..15),
        seed in any::<u64>(),
    ) {
        let mut all: Vec<Act> = (1..4).map(|c| Act::Report(c, 1)).collect();
        all.extend(acts);
        let ops = ops(&all);
        let mut shuffled = ops.clone();
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        let (mut a, mut b) = (authority(), authority());
        for op in &ops { a.receive(op); }
        for op in &shuffled { b.receive(op); }
        prop_assert_eq!(b.held(), 0);
        prop_assert_eq!(facts(&a), facts(&b));
    }

    /// The phone predicts: mirror as of some point, own outbox replayed, equals what the server decides
    /// when nobody else interferes.
    #[test]
    fn mirror_with_outbox_replayed_is_the_view(acts in proptest::collection::vec(act(), 1..25), cut in 0..25usize) {
        let ops = ops(&acts);
        let cut = cut.min(ops.len());
        let mut server = authority();
        for op in &ops[..cut] { server.receive(op); }
        let mut phone = server.clone();
        for op in &ops[cut..] { server.receive(op); }
        for op in &ops[cut..] { phone.receive(op); }
        prop_assert_eq!(facts(&server), facts(&phone));
    }

    /// What two people erased is gone from the rows, and whatever comes later, sent again or in any batching, does not
    /// bring it back.
    #[test]
    fn what_is_erased_stays_erased(acts in proptest::collection::vec(act(), 1..40)) {
        let mut a = authority();
        for op in ops(&acts) {
            a.receive(&op);
            for file in a.world.cases.values() {
                for photo in file.photos.values().filter(|p| p.erased.is_some()) {
                    prop_assert!(photo.forms.is_empty() && photo.verified.is_empty() && !photo.awaited());
                }
                prop_assert!(file.comments.values().all(|c| c.erased.is_none() || c.text.is_none()));
                for e in file.erasures.values() {
                    prop_assert!(e.decided_by != Some(e.asked_by));
                    let gone = file.find_erasable(&e.target);
                    prop_assert!(e.mark().is_none() || gone == Some(true), "{e:?}");
                }
            }
        }
    }

    /// A state changes only along a row of the table, and the round rises only where the row says so.
    #[test]
    fn states_move_only_along_the_table(acts in proptest::collection::vec(act(), 1..40)) {
        let mut a = authority();
        for op in ops(&acts) {
            let before: BTreeMap<_, _> =
                a.world.cases.iter().map(|(id, f)| (*id, (f.case.state.clone(), f.case.round))).collect();
            let held = a.held();
            a.receive(&op);
            if held != a.held() { continue; } // several ops may have been decided at once
            for (id, file) in &a.world.cases {
                let Some((was, round)) = before.get(id) else {
                    prop_assert_eq!(&file.case.state, &CaseState::Reported);
                    continue;
                };
                if *was != file.case.state || *round != file.case.round {
                    let row = TABLE.iter().find(|m| m.from.contains(was) && m.to == file.case.state);
                    prop_assert!(row.is_some(), "{was} -> {}", file.case.state);
                    prop_assert!(file.case.round - round <= 1);
                }
            }
        }
    }

    /// Crossed and chained merges leave no ring: every case has one standing root.
    #[test]
    fn merges_never_form_a_ring(pairs in proptest::collection::vec((1..6u64, 1..6u64), 1..20)) {
        let mut acts: Vec<Act> = (1..6).map(|c| Act::Report(c, 1)).collect();
        acts.extend(pairs.iter().map(|(a, b)| Act::Merge(*a, *b)));
        let mut a = authority();
        for op in ops(&acts) { a.receive(&op); }
        for id in a.world.cases.keys() {
            let root = a.world.root_of(*id);
            let file = &a.world.cases[&root];
            prop_assert!(file.case.merged_into.is_none());
            prop_assert_eq!(&file.case.state, &CaseState::Reported);
        }
    }

    /// Rows written and read back are the same file, and its feeds hold each row once.
    #[test]
    fn rows_and_files_are_inverses(acts in proptest::collection::vec(act(), 1..25)) {
        let mut a = authority();
        for op in ops(&acts) { a.receive(&op); }
        for file in a.world.cases.values() {
            let images = file.images().unwrap();
            let back = CaseFile::from_bodies(images.iter().map(|i| (&i.key.kind, i.body.as_str()))).unwrap().unwrap();
            prop_assert_eq!(&back, &**file);
            let again = back.images().unwrap();
            prop_assert_eq!(images, again);
        }
    }

    /// Work that does not fit is never lost: each op ends as applied, merged or a note on its case.
    #[test]
    fn every_op_of_a_known_author_gets_a_final_verdict(acts in proptest::collection::vec(act(), 1..30)) {
        let mut all: Vec<Act> = (1..4).map(|c| Act::Report(c, 1)).collect();
        all.extend(acts);
        let mut a = authority();
        for op in ops(&all) {
            let verdict = a.receive(&op);
            prop_assert!(matches!(verdict, Verdict::Applied | Verdict::Merged { .. } | Verdict::Noted { .. }), "{verdict:?}");
        }
    }
}
