//! Places, samples and own months over the house, in the scope of who asks.

use super::clusters::{self, ClusterQuery};
use super::freshness::{self, FreshnessQuery};
use super::page::PageQuery;
use super::testing::{Phone, T0, case, fix, grant, grid, house, person, refusal};
use super::{House, linked, month, reference, site_history, spot_checks};
use blindspot_core::access::Role;
use blindspot_core::check::is_sampled;
use blindspot_core::division::{Site, Span};
use blindspot_core::duty::{Holder, HolderKind};
use blindspot_core::id::Sha256;
use blindspot_core::projection::month::Came;
use blindspot_core::verdict::Verdict;
use serde_json::json;

const DAY: i64 = 86_400_000;

/// 1 and 2 collect (2 only grid 2), 3 is the desk, 4 the linked leader, 5 a unit.
fn city() -> (House, Vec<Phone>) {
    let house = house();
    let phones: Vec<Phone> = (1..=5).map(|n| Phone::enrol(&house, person(n), n)).collect();
    grant(&house, person(1), Role::Collector, "town:330782003");
    grant(&house, person(2), Role::Collector, &format!("grid:{}", grid(2)));
    for role in [Role::FilingDesk, Role::Supervisor, Role::Dispatcher] {
        grant(&house, person(3), role, "city");
    }
    grant(&house, person(4), Role::LinkedLeader, "dept:office-7");
    grant(&house, person(5), Role::UnitClerk, "dept:sanitation");
    let site = Site {
        id: "S1".into(),
        name_zh: "稠江菜场".into(),
        site_type: "market_hall".into(),
        grid: Some(grid(1)),
        phone: Some("057985".into()),
        ..Site::default()
    };
    reference::import_sites(&house, vec![site], T0).unwrap();
    (house, phones)
}

fn look(house: &House, phone: &mut Phone, at_grid: u16, at_ms: i64, site: Option<&str>) -> Verdict {
    let mut payload = json!({"position": fix(at_grid)});
    if let Some(site) = site {
        payload["site_id"] = json!(site);
    }
    let mut env = phone.envelope("look", None, &payload);
    (env.captured.wall_ms, env.captured.mono_ms) = (at_ms, Some(1_000));
    let op = blindspot_core::op::SealedOp::seal(env).unwrap();
    let mut request = phone.request(&[&op]);
    (request.sent.wall_ms, request.sent.mono_ms) = (at_ms, Some(1_000));
    let reply = super::testing::push(house, phone.credential, at_ms, request).unwrap();
    reply.verdicts[0].verdict.clone()
}

#[test]
fn freshness_counts_days_and_people_in_the_callers_scope() {
    let (house, mut phones) = city();
    assert_eq!(look(&house, &mut phones[0], 1, T0 + 1, None), Verdict::Applied);
    assert!(matches!(look(&house, &mut phones[0], 1, T0 + 60_000, None), Verdict::Noted { .. }), "too soon");
    assert_eq!(look(&house, &mut phones[0], 1, T0 + DAY, Some("S1")), Verdict::Applied);
    assert_eq!(look(&house, &mut phones[1], 2, T0 + DAY, None), Verdict::Applied);
    let now = T0 + 8 * DAY;
    let query = FreshnessQuery { cells: Some(true), ..FreshnessQuery::default() };
    let of = |n: usize| {
        freshness::grids(&house, Some(phones[n].credential), &query, &PageQuery::default(), now)
            .unwrap()
            .items
    };
    let town = of(0);
    assert_eq!(town.iter().map(|g| g.grid.clone()).collect::<Vec<_>>(), [grid(1), grid(2)]);
    let first = &town[0];
    assert_eq!((first.looked.looks, first.looked.days, first.looked.persons), (2, 2, 1));
    assert_eq!((first.unseen_days, first.cells.len(), first.cells[0].looked.looks), (Some(7), 1, 2));
    assert_eq!(of(1).len(), 1, "a grid's collector reads his grid");
    assert!(of(4).is_empty(), "a unit reads no place");
    assert!(!serde_json::to_string(&town).unwrap().contains(&person(1).to_string()));
    let unseen =
        |n: usize, days, now| freshness::unseen(&house, Some(phones[n].credential), Some(days), now).unwrap();
    let all = unseen(0, 7, now);
    assert_eq!((all.grids.len(), all.sites.len(), all.of_grids, all.of_sites), (2, 1, 2, 1));
    assert!(unseen(0, 8, now).grids.is_empty());
    // Whoever finds something there on patrol was there, too.
    let op = phones[0].report(1, 1);
    phones[0].push(&house, now, &[&op]);
    let op_seen = house.store.read(|tx| {
        blindspot_store::looks::load_last(
            tx,
            &house.city,
            blindspot_store::looks::Of::Grids(&[grid(1).to_string()]),
        )
    });
    assert!(op_seen.unwrap()[&grid(1).to_string()].1.is_some());
    let refused = freshness::unseen(&house, Some(phones[0].credential), Some(0), now).unwrap_err();
    assert_eq!(refusal(Err::<(), _>(refused)), "bad_request");
}

#[test]
fn the_desk_samples_what_was_fixed_and_anybody_can_do_it_again() {
    let (house, mut phones) = city();
    for n in 1..=60 {
        let op = phones[0].op("self_fixed", Some(case(n)), &json!({"position": fix(1)}));
        phones[0].push(&house, T0 + i64::from(n), &[&op]);
    }
    let day = "2026-06-01";
    let desk = phones[2].credential;
    let now = spot_checks::samples(&house, Some(desk), Some(day), T0 + 1).unwrap();
    assert_eq!((now.self_fixed, &now.seed), (60, &None), "the seed is nobody's while its day lasts");
    let told = spot_checks::samples(&house, Some(desk), Some(day), T0 + 2 * DAY).unwrap();
    assert_eq!(told.sampled, now.sampled);
    let seed = Sha256::from_hex(told.seed.as_deref().unwrap()).unwrap();
    assert_eq!(Sha256::of(&seed.0).to_hex(), told.commitment);
    let again: Vec<_> = (1..=60).map(case).filter(|c| is_sampled(&seed.0, *c, told.share_percent)).collect();
    assert_eq!(told.sampled.iter().map(|s| s.case_id).collect::<Vec<_>>(), again);
    // The word of the desk is an op; it stands in the sample and in the worker's own month.
    let first = again.first().copied().unwrap_or(case(1));
    let said =
        phones[2].desk(&house, T0 + 100, first, "spot_check", &json!({"passed": false, "text": "不是一处"}));
    assert_eq!(said.verdict, Verdict::Applied);
    let told = spot_checks::samples(&house, Some(desk), Some(day), T0 + 200).unwrap();
    assert_eq!(told.sampled.iter().filter(|s| s.found.is_some()).count(), usize::from(!again.is_empty()));
    let own = month::own(&house, phones[0].credential, Some("2026-06"), T0 + 200).unwrap();
    assert_eq!((own.sums.self_fixed, own.sums.spot_failed, own.sums.reported), (59, 1, 0));
}

#[test]
fn a_month_is_ones_own_and_what_was_merged_counts() {
    let (house, mut phones) = city();
    for n in 1..=3 {
        let op = phones[0].report(n, 1);
        phones[0].push(&house, T0 + i64::from(n), &[&op]);
    }
    let theirs = phones[1].report(4, 2);
    phones[1].push(&house, T0 + 4, &[&theirs]);
    let desk = &phones[2];
    desk.desk(&house, T0 + 5, case(1), "file", &json!({"reason": "valid"}));
    desk.desk(&house, T0 + 6, case(2), "refuse", &json!({"reason": "not_in_scope"}));
    // His report goes into another's: it counts as his, and the other's does not.
    desk.desk(&house, T0 + 7, case(3), "merge", &json!({"into": case(4), "reason": "same_spot"}));
    let own = month::own(&house, phones[0].credential, None, T0 + 10).unwrap();
    assert_eq!(
        (own.month.as_str(), own.sums.reported, own.sums.valid, own.sums.merged),
        ("2026-06", 3, 2, 1)
    );
    assert_eq!(own.sums.refused_by.get("not_in_scope"), Some(&1));
    let merged = own.lines.iter().find(|l| l.came == Came::Merged).unwrap();
    assert!(merged.merged_into.as_deref().unwrap().starts_with("稠江"));
    let others = month::own(&house, phones[1].credential, None, T0 + 10).unwrap();
    assert_eq!(others.lines.iter().map(|l| l.case_id).collect::<Vec<_>>(), [case(4)]);
    for bad in ["2026-13", "2026", "x"] {
        assert!(month::own(&house, phones[0].credential, Some(bad), T0).is_err(), "{bad}");
    }
    assert!(month::own(&house, phones[0].credential, Some("2026-05"), T0 + 10).unwrap().lines.is_empty());
}

#[test]
fn a_sites_page_is_for_who_reads_its_place_and_a_unit_sees_its_own_there() {
    let (house, mut phones) = city();
    let holders =
        [("1", 0, Some(T0), "old"), ("2", T0, None, "new")].map(|(id, from_ms, to_ms, unit)| Holder {
            id: id.into(),
            kind: HolderKind::Area,
            unit: unit.into(),
            town: Some("330782003".parse().unwrap()),
            committee: None,
            grid: None,
            span: Span { from_ms, to_ms },
        });
    let duty = super::duty::DutyRequest { rules: vec![], holders: holders.to_vec() };
    reference::import_duty(&house, duty, T0).unwrap();
    for n in 1..=2 {
        let payload = json!({"position": fix(1), "site_id": "S1"});
        let op = phones[0].op("report", Some(case(n)), &payload);
        phones[0].push(&house, T0 + i64::from(n), &[&op]);
    }
    let desk = &phones[2];
    desk.desk(&house, T0 + 5, case(1), "file", &json!({"reason": "valid"}));
    desk.desk(&house, T0 + 6, case(1), "dispatch", &json!({"lead": "sanitation"}));
    look(&house, &mut phones[0], 1, T0 + DAY, Some("S1"));
    let of = |n: usize| site_history::history(&house, phones[n].credential, "S1", T0 + 2 * DAY);
    let page = of(0).unwrap();
    assert_eq!((page.cases.len(), page.open, page.looked.looks, page.unseen_days), (2, 2, 1, Some(1)));
    assert_eq!(page.site.phone, None);
    let units: Vec<&str> = page.answers.iter().map(|a| a.unit.as_str()).collect();
    assert_eq!(units, ["old", "new"]);
    let led = of(4).unwrap();
    assert_eq!(
        led.cases.iter().map(|c| c.case_id).collect::<Vec<_>>(),
        [case(1)],
        "what the unit leads there"
    );
    assert_eq!(refusal(of(1)), "not_found", "another grid's collector");
    let nowhere = site_history::history(&house, phones[2].credential, "S9", T0);
    assert_eq!(refusal(nowhere), "not_found");
}

#[test]
fn a_leader_reads_what_is_linked_to_his_office_and_nothing_else() {
    let (house, mut phones) = city();
    let op = phones[0].report(1, 1);
    phones[0].push(&house, T0 + 1, &[&op]);
    let of = |now| linked::places(&house, phones[3].credential, Some(7), now).unwrap().places;
    assert!(of(T0 + 2).is_empty(), "nothing is linked yet");
    let holder = Holder {
        id: "L1".into(),
        kind: HolderKind::LinkedLeader,
        unit: "office-7".into(),
        town: None,
        committee: Some(grid(1).committee()),
        grid: None,
        span: Span { from_ms: 0, to_ms: Some(T0 + 30 * DAY) },
    };
    let other = Holder {
        id: "L2".into(),
        unit: "office-8".into(),
        committee: Some(grid(2).committee()),
        ..holder.clone()
    };
    let duty = super::duty::DutyRequest { rules: vec![], holders: vec![holder, other] };
    reference::import_duty(&house, duty, T0).unwrap();
    let now = of(T0 + 10 * DAY);
    assert_eq!(now.len(), 1);
    let place = &now[0];
    assert_eq!(
        (place.kind, place.code.as_str(), place.open, place.grids),
        ("committee", grid(1).committee().as_str(), 1, 1)
    );
    assert_eq!(place.unseen.len(), 1, "ten days");
    assert!(of(T0 + 31 * DAY).is_empty(), "the link is over");
    let worker = linked::places(&house, phones[0].credential, None, T0 + DAY).unwrap();
    assert!(worker.places.is_empty(), "the role is asked for, not the town");
}

#[test]
fn clusters_are_of_what_the_caller_reads() {
    let (house, mut phones) = city();
    for (n, at) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let op = phones[0].report(n, at);
        phones[0].push(&house, T0 + i64::from(n), &[&op]);
        phones[2].desk(&house, T0 + 10 + i64::from(n), case(n), "file", &json!({"reason": "valid"}));
    }
    let of = |n: usize| {
        clusters::list(&house, Some(phones[n].credential), &ClusterQuery::default(), T0 + DAY).unwrap()
    };
    assert_eq!(of(2).items.iter().map(|c| c.cases.clone()).collect::<Vec<_>>().len(), 2);
    let own = of(1);
    assert_eq!(own.items.len(), 1);
    assert_eq!((own.items[0].place, own.items[0].grid.clone()), (case(3), Some(grid(2))));
    assert_eq!(clusters::list(&house, None, &ClusterQuery::default(), T0 + DAY).unwrap().places, 2);
}
