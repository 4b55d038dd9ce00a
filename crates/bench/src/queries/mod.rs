//! `queries`: what a desk waits for in a city of many cases, on both engines: lists by each filter, search by frequent and rare
//! words, counters, one case, its timeline, the next case of a desk, earlier photos that one repeats; and what a write costs there beside a city of
//! 1,000. Asked of the services in this process: HTTP adds the same to each.

mod cost;
mod fill;
mod photos;
mod plans;

use crate::engine::Engine;
use crate::ground::{grids_with_a_point, now_ms};
use crate::report::{Report, quantile};
use crate::site::Site;
use crate::{Failed, copies};
use blindspot_core::access::{Area, Role};
use blindspot_core::division::DutyGrid;
use blindspot_core::geo::Point;
use blindspot_core::projection::desk::Desk;
use blindspot_core::{CaseId, DeviceId, PersonId, PhotoId};
use blindspot_sample::city;
use blindspot_server::service::case_counts::counters;
use blindspot_server::service::cases::{CaseQuery, case_detail, list_cases, timeline};
use blindspot_server::service::desk_leases::{TakeNext, give_back, take_next};
use blindspot_server::service::page::PageQuery;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::{Credential, House, ServiceError, reference};
use blindspot_server::state::{DataFolder, Opening};
use blindspot_store::devices::{self, DeviceRecord, DeviceState};
use fill::{Dice, Made};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Calls of each question.
const CALLS: usize = 240;
const SMALL: usize = 1_000;
/// People who report.
const REPORTERS: u8 = 200;

/// A city under measurement.
struct Town<'e> {
    site: Site<'e>,
    folder: DataFolder,
    made: Made,
    grids: Vec<DutyGrid>,
    at: Vec<Point>,
    readers: Readers,
    loaded_s: f64,
}

/// Who asks.
#[derive(Clone, Copy)]
struct Readers {
    centre: Credential,
    town: Credential,
    unit: Credential,
    worker: Credential,
}

/// Measures on each engine.
pub(crate) fn run(
    root: &Path,
    seed: u64,
    engines: &[Engine],
    cases: usize,
    report: &mut Report,
) -> Result<(), Failed> {
    for engine in engines {
        let town = Town::made(root, engine, "queries", cases, seed)?;
        let pictures = photos::fill(&town.folder.house, cases, seed, now_ms())?;
        if let (Some(node), Some(base)) = (engine.node(), &town.site.base) {
            copies::settle(node, base)?;
        }
        let mut ask = Ask { town: &town, engine, cases, report };
        ask.of_photos(&pictures)?;
        ask.all(seed)?;
        let small = Town::made(root, engine, "queries_small", SMALL, seed)?;
        let bench = |town: &'_ Town<'_>| (town.readers.centre, town.folder.house.clone());
        let ((desk, house), (small_desk, small_house)) = (bench(&town), bench(&small));
        let large_bench = cost::Bench { house: &house, desk, at: &town.at };
        let small_bench = cost::Bench { house: &small_house, desk: small_desk, at: &small.at };
        let (few, many) = cost::compare(&small_bench, &large_bench, seed, now_ms())?;
        report.tell_row(
            "write_cost",
            &json!({
                "query": "write_cost", "engine": engine.name(), "cases": cases, "loaded_s": town.loaded_s,
                "ms_an_op_small": few.together, "ms_an_op": many.together, "ratio": many.together / few.together,
                "alone_ms_small": few.alone, "alone_ms": many.alone, "alone_ratio": many.alone / few.alone,
            }),
        );
        small.folder.close()?;
        town.folder.close()?;
    }
    Ok(())
}

impl<'e> Town<'e> {
    fn made(root: &Path, engine: &'e Engine, work: &str, cases: usize, seed: u64) -> Result<Self, Failed> {
        let site = Site::new(root, engine, work)?;
        let (city, now) = (city::city(seed), now_ms());
        let at = grids_with_a_point(&city.places()?, now).into_iter().map(|(_, at)| at).collect();
        let database = site.database()?;
        let opening =
            Opening { city: Some("sample"), city_name: Some("样例市"), ..Opening::of(&database) };
        let folder = DataFolder::open_with(site.folder(), &opening, now)?;
        let house = &folder.house;
        let grids = city.grids.clone();
        reference::import_divisions(house, city.divisions, now)?;
        reference::import_cells(house, city.cells, now)?;
        reference::import_grids(house, city.grids, now)?;
        reference::import_catalogue(house, city.catalogue_json, now)?;
        let first = grids.first().ok_or("no duty grid")?;
        let desks = [Role::Supervisor, Role::FilingDesk, Role::Dispatcher, Role::DutyLeader];
        let readers = Readers {
            centre: hire(house, "centre", &desks, &Area::City, now)?,
            town: hire(house, "town", &[Role::Inspector], &Area::Town(first.town.clone()), now)?,
            unit: hire(house, "unit", &[Role::UnitClerk], &Area::Dept(fill::unit(3).as_str().into()), now)?,
            worker: hire(house, "worker", &[Role::Collector], &Area::Grid(first.id.clone()), now)?,
        };
        let mut people: Vec<PersonId> = (0..REPORTERS).map(|n| PersonId::from_parts(2, [n; 10])).collect();
        people.push(readers.worker.person);
        let begun = Instant::now();
        let made = fill::fill(house, &grids, &people, (cases, seed, now))?;
        let loaded_s = begun.elapsed().as_secs_f64();
        if let (Some(node), Some(base)) = (engine.node(), &site.base) {
            copies::settle(node, base)?;
        }
        Ok(Self { site, folder, made, grids, at, readers, loaded_s })
    }
}

fn hire(house: &House, login: &str, roles: &[Role], area: &Area, now: i64) -> Result<Credential, Failed> {
    let new = NewPerson { login: login.into(), name: login.into(), password: None };
    let person = people::create_person(house, Actor::Cli, &new, now)?.person_id;
    for role in roles {
        let grant =
            NewGrant { role: role.clone(), area: area.clone(), from_ms: Some(now - 1_000), to_ms: None };
        people::grant(house, Actor::Cli, person, &grant, now)?;
    }
    let device_id = DeviceId::from_bytes(*person.as_bytes());
    let device = DeviceRecord {
        device_id,
        person_id: person,
        desk: true,
        key_alg: None,
        public_key: None,
        label: login.into(),
        app: String::new(),
        tag_prefix: 0,
        enrolled_ms: now - 1_000,
        state: DeviceState::Active,
        revoked_ms: None,
        last_seen_ms: None,
        received_through: 0,
    };
    house.store.write(|tx| devices::save_device(tx, &house.city, &device))?;
    Ok(Credential { person, device: device_id, desk: true })
}

/// Questions to one city.
struct Ask<'a, 'e> {
    town: &'a Town<'e>,
    engine: &'a Engine,
    cases: usize,
    report: &'a mut Report,
}

impl Ask<'_, '_> {
    fn all(mut self, seed: u64) -> Result<(), Failed> {
        self.by_field()?;
        self.by_mark()?;
        self.by_words()?;
        self.of_readers()?;
        self.of_desks(seed)
    }

    fn by_field(&mut self) -> Result<(), Failed> {
        let centre = self.town.readers.centre;
        let any = CaseQuery::default;
        let some = |text: &str| Some(text.to_owned());
        let states = ["reported", "filed", "closed", "refused", "watch", "hung"];
        self.list("list_default", centre, &["by_received"], |_| any())?;
        self.list("list_state", centre, &["by_open", "by_state"], |d| CaseQuery {
            state: some(d.one::<&str>(&states)),
            ..any()
        })?;
        self.list("list_states", centre, &["by_state"], |_| CaseQuery {
            state: some("refused,voided,watch"),
            ..any()
        })?;
        self.list("list_unit", centre, &["by_lead"], |d| CaseQuery {
            lead: Some(fill::unit(d.below(fill::UNITS))),
            ..any()
        })?;
        self.list("list_item", centre, &["by_item"], |d| CaseQuery {
            item: Some(fill::item(d.below(fill::ITEMS))),
            ..any()
        })?;
        self.list("list_source", centre, &["by_source"], |d| CaseQuery {
            source: some(d.one::<&str>(&["media", "hotline", "leader"])),
            ..any()
        })?;
        let grids = self.town.grids.clone();
        let other = grids.clone();
        self.list("list_area_town", centre, &["by_town"], move |d| CaseQuery {
            town: Some(d.one(&grids).town.to_string()),
            ..any()
        })?;
        self.list("list_area_grid", centre, &["by_grid"], move |d| CaseQuery {
            grid: Some(d.one(&other).id.to_string()),
            ..any()
        })?;
        Ok(())
    }

    fn by_mark(&mut self) -> Result<(), Failed> {
        let centre = self.town.readers.centre;
        let any = CaseQuery::default;
        let some = |text: &str| Some(text.to_owned());
        self.list("list_overdue", centre, &["by_open"], |_| CaseQuery { overdue: some("yes"), ..any() })?;
        self.list("list_soon", centre, &["by_open"], |_| CaseQuery { overdue: some("soon"), ..any() })?;
        self.list("list_most_overdue", centre, &["by_due"], |_| CaseQuery { sort: some("due"), ..any() })?;
        self.list("list_supervised", centre, &["by_supervised"], |_| CaseQuery {
            supervised: Some(true),
            ..any()
        })?;
        self.list("list_relapse", centre, &["by_relapsed"], |_| CaseQuery { relapse: Some(true), ..any() })?;
        self.list("list_returned", centre, &["by_returned"], |_| CaseQuery {
            returned: Some(true),
            ..any()
        })?;
        let town_code = self.town.grids.first().map(|g| g.town.to_string());
        // Three wide filters of which few cases fit all.
        self.list("list_narrow_of_wide", centre, &["by_lead"], move |d| CaseQuery {
            town: town_code.clone(),
            lead: Some(fill::unit(d.below(fill::UNITS))),
            source: some("media"),
            state: some("closed"),
            ..any()
        })?;
        Ok(())
    }

    fn by_words(&mut self) -> Result<(), Failed> {
        let centre = self.town.readers.centre;
        let any = CaseQuery::default;
        let some = |text: &str| Some(text.to_owned());
        let gram: &[&'static str] = &["spans_having", "by_spans", "case_body"];
        for (name, word) in [
            ("search_frequent", fill::FREQUENT),
            ("search_rare", fill::RARE),
            ("search_two_words", "祠堂 渣土"),
            ("search_one_character", "蚊"),
            ("search_nothing", "不存在的词语"),
        ] {
            self.list(name, centre, gram, move |_| CaseQuery { text: some(word), ..any() })?;
        }
        self.list("search_of_unit", centre, gram, |d| CaseQuery {
            text: some("树池"),
            lead: Some(fill::unit(d.below(fill::UNITS))),
            ..any()
        })?;
        self.list("search_open_rare", centre, gram, |_| CaseQuery {
            text: some(fill::RARE),
            open: Some(true),
            ..any()
        })?;
        self.list("search_number", centre, &["by_short"], |d| CaseQuery {
            text: Some(d.below(99_999).to_string()),
            ..any()
        })?;
        Ok(())
    }

    fn of_readers(&mut self) -> Result<(), Failed> {
        let Readers { town, unit, worker, .. } = self.town.readers;
        let any = CaseQuery::default;
        let some = |text: &str| Some(text.to_owned());
        self.list("list_of_town_reader", town, &["by_town", "by_link"], |_| any())?;
        self.list("list_of_unit_reader", unit, &["by_lead", "by_link"], |_| any())?;
        self.list("list_of_worker", worker, &["by_grid", "by_link"], |_| any())?;
        self.list("search_of_worker", worker, &["by_grid", "by_link"], |_| CaseQuery {
            text: some("垃圾"),
            ..any()
        })?;
        Ok(())
    }

    fn of_photos(&mut self, pictures: &[PhotoId]) -> Result<(), Failed> {
        let mut turn = pictures.iter().cycle();
        self.time("photo_twins", &["hash_load", "same_bytes", "alike"], |house, _| {
            let Some(photo) = turn.next() else { return Ok(()) };
            let found = house.store.read(|tx| photos::ask(tx, house, *photo));
            found.map(drop).map_err(ServiceError::Store)
        })
    }

    fn of_desks(&mut self, seed: u64) -> Result<(), Failed> {
        let mut dice = Dice::new(seed ^ 0xa5);
        let Readers { centre, town, unit, .. } = self.town.readers;
        let groups: &[&'static str] = &["open_in"];
        for (name, who, of) in [
            ("counters", centre, groups),
            ("counters_of_town", town, &["open_in", "open_linked"][..]),
            ("counters_of_unit", unit, &["open_in", "open_linked"][..]),
        ] {
            self.time(name, of, |house, now| counters(house, who, now).map(drop))?;
        }
        let (some_cases, told) = (self.town.made.some.clone(), self.town.made.told.clone());
        let mut pick = |all: &[CaseId]| (0..CALLS).map(|_| *dice.one(all)).collect::<Vec<_>>().into_iter();
        let (mut details, mut stories) = (pick(&some_cases), pick(&told));
        self.time("detail", &["rows_of_case"], |house, now| match details.next() {
            Some(case) => case_detail(house, centre, case, now).map(drop),
            None => Ok(()),
        })?;
        self.time("timeline", &["rows_of_case", "ops_of_case"], |house, now| match stories.next() {
            Some(case) => timeline(house, centre, case, &PageQuery::default(), now).map(drop),
            None => Ok(()),
        })?;
        let desks = [Desk::Filing, Desk::Dispatch, Desk::Ruling, Desk::Verify];
        let mut turn = desks.iter().cycle();
        self.time("take_next", &["next_at_desk", "lease_take"], |house, now| {
            let Some(desk) = turn.next() else { return Ok(()) };
            let taken = take_next(house, centre, &TakeNext { desk: desk.clone() }, now)?;
            match taken.lease {
                // Every other one is given back: what is held is passed over as in a day's work.
                Some(lease) if lease.until_ms % 2 == 0 => give_back(house, centre, lease.case_id, now),
                _ => Ok(()),
            }
        })
    }

    fn list(
        &mut self,
        name: &'static str,
        who: Credential,
        statements: &[&'static str],
        mut query: impl FnMut(&mut Dice) -> CaseQuery,
    ) -> Result<(), Failed> {
        let mut dice = Dice::new(7);
        self.time(name, statements, |house, now| list_cases(house, who, &query(&mut dice), now).map(drop))
    }

    fn time(
        &mut self,
        name: &'static str,
        statements: &[&'static str],
        mut once: impl FnMut(&House, i64) -> Result<(), ServiceError>,
    ) -> Result<(), Failed> {
        let house = &self.town.folder.house;
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let begun = Instant::now();
            once(house, now_ms())?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let scans = plans::scans(&self.town.site, statements)?;
        let row = json!({
            "query": name, "engine": self.engine.name(), "cases": self.cases, "calls": CALLS,
            "p50_ms": quantile(&times, 0.5), "p95_ms": quantile(&times, 0.95), "max_ms": times.last(), "scans": scans,
        });
        self.report.tell_row(name, &row);
        Ok(())
    }
}
