//! One phone for two people, one person's phone twice, and a scope that is wide or changes while it is read.

use crate::trust_town::{HOUR, T0, Town, picture, words};
use blindspot_client::{CaseFilter, Now, Phone, Random, ReportDraft, SealStep};
use blindspot_core::access::Role;
use blindspot_core::command::{Command, Comment};
use blindspot_core::verdict::Verdict;
use blindspot_sample::city;
use blindspot_server::service::reference;
use std::collections::BTreeSet;

struct Dice;

impl Random for Dice {
    fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(10) {
            chunk.copy_from_slice(&crate::raw::unique()[10 - chunk.len()..]);
        }
    }
}

/// Two people share one phone in shifts, offline, each with unsent work and photos: each one's leaves under their own
/// name, also while the other has the phone, and neither sees the other's.
#[test]
fn shown_trust_shared() {
    let mut town = Town::new();
    let home = tempfile::tempdir().expect("a folder");
    let phone = Phone::open(home.path()).expect("a phone");
    let mut people = vec![];
    for (name, pin) in [("早班", "135790"), ("晚班", "246801")] {
        let (slot, mut replica) = phone.add(name, Some(pin), &mut Dice).expect("room");
        let person = town.server.person(name, &[(Role::Collector, "city")], town.now_ms);
        town.enrol_replica(&mut replica, person, &mut Dice);
        people.push((slot.slot, pin, person, vec![]));
    }
    for shift in 0..6 {
        let (slot, pin, _, saved) = &mut people[shift % 2];
        let now = Now::wall(town.now_ms);
        let mut replica = phone.hand_over(slot, pin, &now).expect("the right PIN");
        let photos = vec![picture(u32::try_from(shift).expect("small"))];
        let draft =
            ReportDraft { report: words(&format!("第 {shift} 班")), photos, ..ReportDraft::default() };
        saved.push(replica.capture_report(draft, &now, &mut Dice).expect("saved"));
        let mine: BTreeSet<_> = saved.iter().filter_map(|s| s.case_id).collect();
        while !matches!(replica.seal_next(&now, &mut Dice).expect("sealing"), SealStep::Nothing) {}
        let shown = replica.cases(CaseFilter::default()).expect("cases");
        assert!(shown.iter().all(|c| mine.contains(&c.file.id())), "nobody reads the other's");
        town.pass(12 * HOUR);
    }
    // The evening's holder syncs; what waits in the other replica leaves beside it, unseen.
    let mut current = phone.open_current().expect("the last one has it");
    town.carry(&mut current, &mut Dice);
    drop(current);
    let mut other = phone.open_to_sync(&people[0].0).expect("a courier");
    assert!(other.unsent().expect("counts").photos == 3, "it waited");
    town.carry(&mut other, &mut Dice);
    drop(other);
    for (.., person, saved) in &people {
        for report in saved {
            let op = town.op(report.op_id.expect("an op"));
            assert_eq!((op.author, op.verdict), (Some(*person), Verdict::Applied));
            let file = town.case(report.case_id.expect("a case"));
            assert_eq!((file.case.media.n, file.case.media.m), (1, 1));
        }
    }
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
