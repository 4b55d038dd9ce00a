//! One phone for two people, one person's phone twice, and a scope that is wide or changes while it is read.

use crate::trust_town::{HOUR, T0, Town, picture, words};
use blindspot_core::access::Role;
use blindspot_core::command::{Command, Comment};
use blindspot_core::verdict::Verdict;
use blindspot_sample::city;
use blindspot_server::service::reference;
use std::collections::BTreeSet;

/// Two people share a phone in shifts, offline, each with unsent work and a photo: each one's leaves under their own name,
/// whoever has the phone, and neither sees the other's.
#[test]
fn shown_trust_shared() {
    let mut town = Town::new();
    let grants = [(Role::Collector, "city")];
    let (mut early, mut late) = (town.phone("early", &grants), town.phone("late", &grants));
    let mut saved = vec![];
    for shift in 0..3 {
        for (person, name) in [(&mut early, "早班"), (&mut late, "晚班")] {
            let report = person.report(&town, words(&format!("{name} {shift}")), vec![picture(shift)]);
            saved.push((person.person, report));
            town.pass(12 * HOUR);
        }
    }
    let of = |who: &crate::trust_town::Pocket| who.cases();
    assert!(of(&early).is_disjoint(&of(&late)), "neither reads the other's");
    // The evening's holder has the phone; what waits in the other replica leaves all the same.
    town.sync(&mut late);
    town.sync(&mut early);
    for (person, report) in &saved {
        let op = town.op(report.op_id.expect("an op"));
        assert_eq!((op.author, op.verdict), (Some(*person), Verdict::Applied));
        let file = town.case(report.case_id.expect("a case"));
        assert_eq!((file.case.media.n, file.case.media.m), (1, 1));
    }
    early.agrees(&mut town);
    late.agrees(&mut town);
}

/// A phone's data is copied to another phone and both go on: the tripwire names them, both must enrol again, and
/// everything that both did is there, once.
#[test]
fn shown_trust_clones() {
    let mut town = Town::new();
    let mut one = town.phone("w", &[(Role::Collector, "city")]);
    one.report(&town, words("还只有一台"), vec![]);
    town.sync(&mut one);
    let mut two = one.cloned();
    let mut done = vec![];
    for round in 0..3 {
        for (phone, name) in [(&mut one, "甲"), (&mut two, "乙")] {
            let saved = phone.report(&town, words(&format!("{name} {round}")), vec![]);
            done.push(saved.op_id.expect("an op"));
            let case = saved.case_id.expect("a case");
            done.push(phone.act(&town, case, Command::Comment(Comment { text: name.to_owned() })));
        }
    }
    town.sync_but(&mut one, |_| false);
    town.sync_but(&mut two, |_| false);
    // Nothing was refused for it; the next refresh asks both to enrol again.
    town.pass(HOUR);
    for phone in [&mut one, &mut two] {
        let late = phone.report(&town, words("在等重新绑定"), vec![]);
        done.push(late.op_id.expect("an op"));
        town.sync_but(phone, |_| false);
        assert!(phone.app.status().expect("a status").signed_out);
        assert!(!phone.app.unsent().expect("counts").is_empty(), "kept, not thrown away");
        town.enrol(phone);
        town.sync(phone);
    }
    let all: BTreeSet<_> = done.iter().copied().collect();
    assert_eq!(all.len(), done.len(), "no id twice");
    for op in &done {
        assert_eq!(town.op(*op).verdict, Verdict::Applied);
    }
    one.agrees(&mut town);
    assert_eq!(one.cases().len(), 1 + 6 + 2);
    two.agrees(&mut town);
}

/// A phone reads page by page while others write into what it has read and what it has not: it misses nothing.
#[test]
fn shown_trust_paging() {
    let mut town = Town::new();
    let mut writer = town.phone("writer", &[(Role::Collector, "city")]);
    let mut reader = town.phone("reader", &[(Role::Supervisor, "city")]);
    let reports: Vec<_> =
        (0..300).map(|n| writer.report(&town, words(&format!("第 {n} 处")), vec![]).case_id).collect();
    town.sync(&mut writer);
    let (mut pages, mut written) = (0, 0);
    let began = town.now_ms;
    loop {
        let checkpoint = reader.step_pull(&mut town, Some(40));
        pages += 1;
        if checkpoint {
            break;
        }
        for n in [pages * 4, 299 - pages * 5] {
            let case = reports[n].expect("a case");
            writer.act(&town, case, Command::Comment(Comment { text: format!("第 {pages} 页时") }));
            written += 1;
        }
        town.sync(&mut writer);
        assert!(pages < 60, "paging ends");
    }
    assert!(pages > 5 && written > 5, "{pages} pages, {written} writes between them");
    assert!(town.now_ms >= began);
    reader.agrees(&mut town);
    assert_eq!(reader.cases().len(), 300);
}

/// A scope of more than two hundred feeds: read whole, digests right, and a change in one of them comes alone.
#[test]
fn shown_trust_feeds() {
    let mut town = Town::new();
    let made = city::city(1);
    let grids: Vec<_> = made.grids.iter().map(|g| g.id.clone()).take(200).collect();
    assert_eq!(grids.len(), 200, "the made-up city is large enough");
    let (house, places) = (town.server.house(), made.places().expect("it holds together"));
    reference::import_divisions(house, made.divisions, T0).expect("divisions");
    reference::import_grids(house, made.grids, T0).expect("grids");
    reference::import_cells(house, made.cells, T0).expect("cells");
    let mut wide = town.phone("wide", &[]);
    for grid in &grids {
        town.server.grant(wide.person, Role::Collector, &format!("grid:{grid}"), town.now_ms);
    }
    let mut writer = town.phone("writer", &[(Role::Inspector, "city")]);
    let in_grid = |grid: &blindspot_core::division::GridId| {
        let report = blindspot_core::command::Report { grid: Some(grid.clone()), ..words("在网格里") };
        assert!(places.grid(grid).is_some(), "a grid of the city");
        report
    };
    for grid in grids.iter().step_by(3) {
        let report = in_grid(grid);
        writer.report(&town, report, vec![]);
    }
    town.sync(&mut writer);
    wide.agrees(&mut town);
    assert!(wide.app.status().expect("a status").feeds.len() >= 200);
    assert_eq!(wide.cases().len(), grids.iter().step_by(3).count());
    let report = in_grid(&grids[1]);
    let one = writer.report(&town, report, vec![]).case_id.expect("a case");
    town.sync(&mut writer);
    let rows = wide.step_rows(&mut town);
    assert!((1..20).contains(&rows), "the change and not the city: {rows} rows");
    assert!(wide.cases().contains(&one));
    wide.agrees(&mut town);
}
