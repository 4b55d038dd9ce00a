//! Places and what is told of them: looks, sampled self-fixes, clusters, a worker's own month (field.md U15, U20, U21, U23;
//! domain 6A, 6D).
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::case::{Case, CaseState as S, ShortNo};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::command::*;
use blindspot_core::division::{Cell, CellCode, DutyGrid, GridCell, GridId, Places, Span, TownCode};
use blindspot_core::limits::LOOK_GAP_MS;
use blindspot_core::projection::clusters::{clusters, places};
use blindspot_core::projection::freshness::{LookSum, is_long_unseen, looked, looked_by_cell, unseen_days};
use blindspot_core::projection::month::{Came, month, month_of};
use blindspot_core::testing::*;
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::{CaseId, PersonId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use story::*;

const DAY: i64 = 86_400_000;

fn spot(passed: bool, text: &str) -> Command {
    Command::SpotCheck(SpotCheck { passed, text: text.into() })
}

#[test]
fn a_self_fix_is_checked_once_by_another_and_stays_closed() {
    let (mut s, c, reported) = (Story::new(), case_id(1), case_id(2));
    s.ok(WORKER, c, Command::SelfFixed(Report::default()));
    s.ok(WORKER, reported, Command::Report(Report::default()));
    let noted = |why| Verdict::Noted { why };
    assert_eq!(s.act(WORKER, c, spot(true, "")).1, noted(Why::NoPower));
    assert_eq!(s.act(UNIT, c, spot(true, "")).1, noted(Why::NoPower));
    assert_eq!(s.act(DESK, reported, spot(true, "")).1, noted(Why::StateMoved));
    assert_eq!(s.act(DESK, c, spot(false, " ")).1, noted(Why::ReasonNeeded));
    s.ok(DESK, c, spot(false, "两张不是一处"));
    assert_eq!((s.state(c), s.case(c).spot_check.as_ref().unwrap().passed), (S::Closed, false));
    assert_eq!(s.act(SECOND, c, spot(true, "")).1, noted(Why::AlreadyThere));
    // Who sits at a desk and fixed it himself does not check it.
    let own = case_id(3);
    s.ok(DESK, own, Command::SelfFixed(Report::default()));
    assert_eq!(s.act(DESK, own, spot(true, "")).1, noted(Why::SamePerson));
    s.ok(SECOND, own, spot(true, ""));
}

/// Made-up looks: person, cell, day.
fn looks() -> impl Strategy<Value = Vec<LookSum>> {
    let one =
        (0..4_u64, 0..4_u16, 0..6_i64, 1..3_u32, 0..DAY).prop_map(|(who, cell, day, looks, at)| LookSum {
            cell: (cell > 0).then(|| CellCode(format!("33078200300{cell}001"))),
            day,
            person: person(who),
            last_ms: day * DAY + at,
            looks,
        });
    proptest::collection::vec(one, 0..30)
}

proptest! {
    #[test]
    fn freshness_is_what_a_plain_look_counts_in_any_order(all in looks(), turn in 0..30_usize) {
        let days: BTreeSet<i64> = all.iter().map(|l| l.day).collect();
        let people: BTreeSet<PersonId> = all.iter().map(|l| l.person).collect();
        let sum = looked(&all);
        prop_assert_eq!((sum.days as usize, sum.persons as usize), (days.len(), people.len()));
        prop_assert_eq!(sum.looks, all.iter().map(|l| l.looks).sum::<u32>());
        prop_assert_eq!(sum.last_ms, all.iter().map(|l| l.last_ms).max());
        let mut turned = all.clone();
        turned.rotate_left(turn % all.len().max(1));
        prop_assert_eq!(looked(&turned), sum);
        let cells: BTreeSet<CellCode> = (1..=4).map(|n| CellCode(format!("33078200300{n}001"))).collect();
        let by_cell = looked_by_cell(&cells, &all);
        prop_assert_eq!(by_cell.len(), 4, "also those that nobody was in");
        let in_cells: u32 = by_cell.iter().map(|c| c.looked.looks).sum();
        let outside: u32 = all.iter().filter(|l| l.cell.is_none()).map(|l| l.looks).sum();
        prop_assert_eq!(in_cells + outside, sum.looks);
        // No count gives away who it was.
        let told = serde_json::to_string(&(sum, by_cell)).unwrap();
        prop_assert!(people.iter().all(|p| !told.contains(&p.to_string())));
    }

    #[test]
    fn the_longer_unseen_the_more_days(last in 0..100 * DAY, later in 0..100 * DAY, days in 0..60_u32) {
        let now = last + later;
        prop_assert_eq!(unseen_days(Some(last), now), Some(later / DAY));
        prop_assert_eq!(is_long_unseen(Some(last), days, now), later >= i64::from(days) * DAY);
        prop_assert!(is_long_unseen(None, days, now));
        prop_assert!(!is_long_unseen(Some(last), days, now) || is_long_unseen(Some(last), days, now + DAY));
    }
}

/// A filed case of an item somewhere on a street, seen on some day.
fn found(n: u64, item: u8, east_m: i64, day: i64, site: Option<u8>) -> Case {
    let mut s = Story::new();
    let c = case_id(n);
    let position = Fix {
        lat: 29.3,
        lon: 120.07 + east_m as f64 / 96_900.0,
        accuracy_m: Some(10.0),
        datum: Default::default(),
        provider: None,
        age_ms: None,
        mock: None,
    };
    let category = Some(Category { item: Some(format!("3.0{item}")), ..Category::default() });
    let site_id = site.map(|n| format!("S{n}"));
    s.ok(
        WORKER,
        c,
        Command::Report(Report { position: Some(position), category, site_id, ..Report::default() }),
    );
    s.ok(DESK, c, Command::File(Reason::default()));
    let mut case = s.case(c).clone();
    (case.captured.at_ms, case.received_ms) = (day * DAY, day * DAY + 1);
    case
}

#[test]
fn heaps_of_one_place_are_one_and_what_is_apart_is_not() {
    let all = [
        found(1, 4, 0, 1, None),
        found(2, 4, 20, 30, None),
        found(3, 4, 60, 31, None),
        found(4, 7, 5, 32, None),
    ];
    let found = clusters(&all, None, 40 * DAY);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].place, found[0].cases.clone()), (case_id(1), vec![case_id(1), case_id(2)]));
    assert_eq!((found[0].open, found[0].relapses, found[0].stubborn), (2, 0, false));
}

#[test]
fn a_site_holds_together_and_two_sites_are_two_places() {
    let all = [found(1, 4, 0, 1, Some(1)), found(2, 4, 90, 2, Some(1)), found(3, 4, 5, 3, Some(2))];
    let found = places(&all, None);
    let ids: Vec<Vec<CaseId>> = found.iter().map(|p| p.iter().map(|c| c.case_id).collect()).collect();
    assert_eq!(ids, [vec![case_id(1), case_id(2)], vec![case_id(3)]]);
}

#[test]
fn three_relapses_make_a_stubborn_place() {
    let mut all: Vec<Case> = (1..=4).map(|n| found(n, 4, 0, n as i64 * 30, None)).collect();
    for n in 1..4 {
        let from = all[n - 1].case_id;
        all[n].relapsed_from = Some(blindspot_core::case::RelapseOf {
            op_id: op_id(n as u64),
            case: from,
            closed_ms: 0,
            days: 25,
            distance_m: Some(0),
            same_site: false,
            same_item: true,
            unit: None,
            appeal: None,
            at_ms: 0,
        });
    }
    let told = clusters(&all, None, 125 * DAY);
    assert_eq!((told[0].relapses, told[0].median_gap_days, told[0].stubborn), (3, Some(25), true));
    let later = clusters(&all, None, 400 * DAY);
    assert!(!later[0].stubborn, "long ago");
    all[3].relapsed_from.as_mut().unwrap().appeal = Some(blindspot_core::case::AppealState::Upheld);
    assert_eq!(clusters(&all, None, 125 * DAY)[0].relapses, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn clusters_do_not_depend_on_order_and_what_comes_later_changes_no_place(
        spots in proptest::collection::vec((0..2_u8, 0..200_i64, 0..9_i64, proptest::option::of(0..3_u8)), 1..12),
        seed in any::<u64>(),
    ) {
        let mut all: Vec<Case> = spots
            .iter()
            .zip(1_u64..)
            .map(|(&(item, east, day, site), n)| found(n, item, east, day, site))
            .collect();
        let told = places(&all, None);
        prop_assert_eq!(told.iter().map(Vec::len).sum::<usize>(), all.len(), "each case stands in one place");
        let ids = |p: &[Vec<&Case>]| -> Vec<Vec<CaseId>> {
            p.iter().map(|p| p.iter().map(|c| c.case_id).collect()).collect()
        };
        let want = ids(&told);
        let mut mixed = all.clone();
        let len = mixed.len();
        for i in 0..len {
            mixed.swap(i, (seed as usize).wrapping_mul(i + 7) % len);
        }
        prop_assert_eq!(ids(&places(&mixed, None)), want.clone());
        all.push(found(99, 0, 100, 20, None));
        let after = ids(&places(&all, None));
        for (was, is) in want.iter().zip(&after) {
            prop_assert!(is.starts_with(was), "{was:?} {is:?}");
        }
    }

    /// The sums of a month against a plain count of the ops that took effect.
    #[test]
    fn a_months_sums_agree_with_the_ops(plan in proptest::collection::vec((0..3_u8, 0..6_u8), 1..14)) {
        let mut s = Story::new();
        let root = case_id(1_000);
        s.ok(OTHER_WORKER, root, Command::Report(Report::default()));
        let mut own = vec![];
        let mut count: BTreeMap<&str, u32> = BTreeMap::new();
        for (&(opened, then), n) in plan.iter().zip(1_u64..) {
            let c = case_id(n);
            own.push(c);
            if opened == 0 {
                s.ok(WORKER, c, Command::SelfFixed(Report::default()));
                *count.entry("fixed").or_default() += 1;
                if then == 1 {
                    s.ok(DESK, c, spot(false, "不是一处"));
                    *count.entry("failed").or_default() += 1;
                }
                continue;
            }
            s.ok(WORKER, c, Command::Report(Report::default()));
            *count.entry("report").or_default() += 1;
            let reason = |r: &str| Reason { reason: r.into(), ..Reason::default() };
            let (word, who, op) = match then {
                0 => ("file", DESK, Command::File(reason(""))),
                1 => ("refuse", DESK, Command::Refuse(reason("not_in_scope"))),
                2 => ("merge", DESK, Command::Merge(MergeInto { into: root, reason: "same_spot".into() })),
                3 => ("withdraw", WORKER, Command::Withdraw(Nothing {})),
                4 => ("refuse", DESK, Command::Refuse(reason("unclear"))),
                _ => continue,
            };
            s.ok(who, c, op);
            *count.entry(word).or_default() += 1;
        }
        let cases: Vec<Case> = own.iter().map(|c| s.case(*c).clone()).collect();
        let now = month_of(cases[0].captured.at_ms.min(cases[0].received_ms));
        let told = month(&now, &cases);
        let n = |word: &str| count.get(word).copied().unwrap_or(0);
        let sums = &told.sums;
        prop_assert_eq!(sums.reported, n("report"));
        prop_assert_eq!((sums.valid, sums.merged), (n("file") + n("merge"), n("merge")));
        prop_assert_eq!((sums.refused, sums.refused_by.values().sum::<u32>()), (n("refuse"), n("refuse")));
        prop_assert_eq!(sums.withdrawn, n("withdraw"));
        prop_assert_eq!((sums.self_fixed + sums.spot_failed, sums.spot_failed), (n("fixed"), n("failed")));
        prop_assert_eq!(
            sums.reported,
            sums.valid + sums.refused + sums.waiting + sums.withdrawn + sums.voided,
            "nothing is lost between"
        );
        prop_assert_eq!(told.lines.len(), cases.len());
        prop_assert!(month("1999-01", &cases).lines.is_empty());
    }
}

#[test]
fn what_was_merged_says_into_which_and_counts() {
    let (mut s, c, root) = (Story::new(), case_id(1), case_id(2));
    s.ok(OTHER_WORKER, root, Command::Report(Report::default()));
    s.a.world.cases.get_mut(&root).unwrap().case.short_no = Some(ShortNo { town: "稠江".into(), n: 3_127 });
    s.ok(WORKER, c, Command::Report(Report::default()));
    s.ok(DESK, c, Command::Merge(MergeInto { into: root, reason: "same_spot".into() }));
    let own = s.case(c).clone();
    let told = month(&month_of(own.captured.at_ms), [&own]);
    assert_eq!((told.sums.valid, told.sums.merged), (1, 1));
    assert_eq!(
        (&told.lines[0].came, told.lines[0].merged_into.as_deref()),
        (&Came::Merged, Some("稠江 03127"))
    );
}

/// One duty grid of one cell, from 120.00 to 120.01 east and 29.30 to 29.31 north.
fn one_grid() -> (Places, GridId) {
    let code = CellCode("330782003001001".into());
    let ring = vec![[120.0, 29.3], [120.01, 29.3], [120.01, 29.31], [120.0, 29.31]];
    let cell =
        Cell { code: code.clone(), ring, place_class: String::new(), span: Span::default(), synthetic: true };
    let grid = DutyGrid {
        id: GridId("330782003001-01".into()),
        town: TownCode("330782003".into()),
        name_zh: "第1网格".into(),
        name_en: String::new(),
        aliases: vec![],
        cells: vec![GridCell { code, span: Span::default() }],
        span: Span::default(),
        synthetic: true,
    };
    let id = grid.id.clone();
    (Places::build(vec![], vec![cell], vec![grid], vec![]).unwrap(), id)
}

fn look_at(s: &mut Story, n: u64, who: u64, lon: f64, accuracy_m: f64, at_ms: i64) -> Verdict {
    let position = Fix {
        lat: 29.305,
        lon,
        accuracy_m: Some(accuracy_m),
        datum: Default::default(),
        provider: None,
        age_ms: None,
        mock: None,
    };
    let (_, grid) = one_grid();
    let look = Look { grid: Some(grid), position: Some(position), ..Look::default() };
    let op = sealed(n, who, None, &Command::Look(look), vec![]);
    s.a.times.insert(op.env.op_id, CaptureTime { at_ms, class: ClockClass::Exact, claimed_ms: at_ms });
    s.a.receive(&op)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Of one person's looks in one grid none counts within two hours of another that does, and none is lost that is not, in
    /// whatever order they are judged: one that was put aside is judged among later ones.
    #[test]
    fn looks_of_one_person_count_once_in_two_hours(
        walk in proptest::collection::vec((0..2_u64, -200..400_i64), 1..14),
    ) {
        let mut s = Story::new();
        s.a.places = one_grid().0;
        let (mut now, mut counted): (i64, BTreeMap<u64, Vec<i64>>) = (100 * DAY, BTreeMap::new());
        for (&(who, minutes), n) in walk.iter().zip(500_u64..) {
            now += minutes * 60_000;
            let person = [WORKER, OTHER_WORKER][usize::try_from(who).unwrap()];
            let verdict = look_at(&mut s, n, person, 120.005, 5.0, now);
            let mine = counted.entry(person).or_default();
            let free = mine.iter().all(|at| (now - at).abs() >= LOOK_GAP_MS);
            let want = if free { Verdict::Applied } else { Verdict::Noted { why: Why::LookTooSoon } };
            prop_assert_eq!(verdict, want, "{} after {:?}", now, mine);
            if free {
                mine.push(now);
            }
        }
    }

    /// In the grid or as near as the fix may be wrong, 50 m at least and 200 m at most; farther away it is no look at it.
    #[test]
    fn a_look_counts_in_its_grid_or_within_its_accuracy(outside_m in 0..600_i64, accuracy_m in 0..400_i64) {
        let mut s = Story::new();
        s.a.places = one_grid().0;
        let lon = 120.01 + outside_m as f64 / 96_970.0;
        let verdict = look_at(&mut s, 500, WORKER, lon, accuracy_m as f64, DAY);
        let reach_m = accuracy_m.clamp(50, 200);
        // A metre of rounding between degrees and metres.
        if outside_m + 2 < reach_m {
            prop_assert_eq!(verdict, Verdict::Applied);
        } else if outside_m > reach_m + 2 {
            prop_assert_eq!(verdict, Verdict::Noted { why: Why::LookOutsideGrid });
        }
    }
}
