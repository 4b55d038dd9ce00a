//! Two phones and a desk on one case: each order in which two rows of three ops can come in ends in the same state, with
//! nothing lost.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::case::CaseState as S;
use blindspot_core::command::*;
use blindspot_core::op::SealedOp;
use blindspot_core::testing::*;
use blindspot_core::verdict::Verdict;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use story::*;

fn words(text: &str) -> Command {
    Command::Comment(Comment { text: text.into() })
}
fn edit(field: &str, to: &str) -> Command {
    let change = FieldChange { from: json!(null), to: json!(to) };
    Command::Edit(Edit { changes: BTreeMap::from([(field.to_owned(), change)]) })
}

/// All orders of two rows of three, each row in its own order: which of the two is next.
fn orders() -> Vec<Vec<bool>> {
    (0u32..64)
        .filter(|bits| bits.count_ones() == 3)
        .map(|bits| (0..6).map(|at| bits >> at & 1 == 1).collect())
        .collect()
}

/// What stands in the end: the state, the fields, and every word and value that anybody gave, kept or lost.
fn end(
    first: &[SealedOp],
    second: &[SealedOp],
    order: &[bool],
    desk: &[Command],
) -> (S, Value, BTreeSet<String>) {
    let (mut s, c) = (Story::new(), case_id(1));
    s.ok(WORKER, c, Command::Report(Report::default()));
    let (mut a, mut b) = (first.iter(), second.iter());
    for of_first in order {
        let op = if *of_first { a.next() } else { b.next() }.unwrap();
        let verdict = s.a.receive(op);
        assert!(
            matches!(verdict, Verdict::Applied | Verdict::Noted { .. } | Verdict::Merged { .. }),
            "{verdict:?}"
        );
    }
    for command in desk {
        s.ok(DESK, c, command.clone());
    }
    let file = &s.a.world.cases[&c];
    let mut given: BTreeSet<String> = file.comments.values().filter_map(|n| n.text.clone()).collect();
    given.extend(file.case.fields.values().map(ToString::to_string));
    given.extend(file.conflicts.values().flat_map(|c| [c.kept.to_string(), c.lost.to_string()]));
    (file.case.state.clone(), json!(file.case.fields), given)
}

fn row(author: u64, from: u64, commands: [Command; 3]) -> Vec<SealedOp> {
    let sealed =
        |(n, command): (u64, &Command)| sealed_in_round(n, author, Some(case_id(1)), command, vec![], None);
    (from..).zip(&commands).map(sealed).collect()
}

#[test]
fn shown_life_interleavings() {
    let file = [Command::File(Reason::default())];
    let first = row(WORKER, 100, [words("a1"), edit("description", "堆了三天"), words("a3")]);
    let second = row(OTHER_WORKER, 200, [edit("landmark", "北门"), words("b2"), edit("category", "x")]);
    let orders = orders();
    assert_eq!(orders.len(), 20);
    let ends: BTreeSet<String> =
        orders.iter().map(|order| format!("{:?}", end(&first, &second, order, &file))).collect();
    assert_eq!(ends.len(), 1, "{ends:#?}");
    assert!(ends.first().unwrap().contains("堆了三天") && ends.first().unwrap().contains("北门"));
}

/// The same field twice: who comes second loses, and what he said is still there.
#[test]
fn of_a_clash_both_values_are_there_whichever_came_first() {
    let first = row(WORKER, 100, [words("a1"), edit("description", "一堆"), words("a3")]);
    let second = row(OTHER_WORKER, 200, [words("b1"), edit("description", "两堆"), words("b3")]);
    let want: BTreeSet<String> = ["a1", "a3", "b1", "b3", "\"一堆\"", "\"两堆\""].map(str::to_owned).into();
    for order in orders() {
        let (state, fields, given) = end(&first, &second, &order, &[]);
        assert_eq!((state, given), (S::Reported, want.clone()), "{order:?}");
        assert!(["一堆", "两堆"].contains(&fields["description"].as_str().unwrap()));
    }
}

/// A unit and its collector, and a desk between them: what no longer fits is a note, and both ends are the same.
#[test]
fn late_work_never_changes_a_closed_case() {
    let fed = |text: &str| Command::FeedBack(FeedBack { text: text.into(), ..FeedBack::default() });
    let first = row(UNIT, 100, [Command::Accept(Nothing {}), fed("f1"), fed("f2")]);
    let second = row(OTHER_WORKER, 200, [words("b1"), words("b2"), words("b3")]);
    for order in orders() {
        let (mut s, c) = (Story::new(), case_id(1));
        s.dispatched(c);
        s.ok(DESK, c, Command::Close(Reason::default()));
        let before = s.case(c).closing.clone();
        let (mut a, mut b) = (first.iter(), second.iter());
        for of_first in &order {
            s.a.receive(if *of_first { a.next() } else { b.next() }.unwrap());
        }
        let file = &s.a.world.cases[&c];
        assert_eq!((&file.case.state, &file.case.closing), (&S::Closed, &before));
        let told: BTreeSet<&str> = file.comments.values().filter_map(|n| n.text.as_deref()).collect();
        assert_eq!(told, BTreeSet::from(["f1", "f2", "b1", "b2", "b3"]));
    }
}
