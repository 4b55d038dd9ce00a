//! What the demo stands on: folder, city, people, server, bad network.

use super::engines::Engines;
use super::home::{fresh, write_private};
use super::plan::{Cast, WRONG_CLOCK_MS, cast};
use super::wire::{Plan, Worker};
use super::{Args, month, plan};
use crate::clock::{one_time_password, wall_ms};
use crate::folder::{City as CityName, Folder};
use crate::import;
use crate::out::{Done, Failure, Tried as _};
use crate::progress::Bars;
use blindspot_core::access::{Area, Role};
use blindspot_core::division::{GridId, TownCode};
use blindspot_core::id::CityId;
use blindspot_core::{CaseId, PersonId};
use blindspot_sample::City;
use blindspot_sample::proxy::{CuttingProxy, Faults};
use blindspot_server::service::House;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::{Running, ServeConfig, Server};
use blindspot_store::Store;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The tenant of the demo.
const CITY: &str = "sample";

/// Somebody who can sign in at a desk.
pub(crate) struct Login {
    /// Login.
    pub(crate) login: String,
    /// Name as shown.
    pub(crate) name: String,
    /// One-time password.
    pub(crate) password: String,
    /// What they are, in words.
    role: &'static str,
}

/// See the module text.
pub(crate) struct Setting {
    /// Data folder, absolute.
    pub(crate) data: PathBuf,
    /// Of everything.
    pub(crate) seed: u64,
    /// The made-up city.
    pub(crate) city: City,
    /// The tenant.
    pub(crate) city_id: CityId,
    /// All towns.
    pub(crate) towns: Vec<TownCode>,
    /// Home folder of each phone.
    pub(crate) homes: Vec<PathBuf>,
    /// Between phones and server.
    pub(crate) proxy: CuttingProxy,
    /// Base address of the server itself.
    pub(crate) base: String,
    /// Files, merges, dispatches.
    pub(crate) supervisor: Login,
    administrator: Login,
    cast: Cast,
    month: BTreeSet<CaseId>,
    people: Vec<Vec<PersonId>>,
    house: Folder,
    running: Vec<Running>,
    /// Dropped last.
    _engines: Engines,
}

impl Setting {
    /// Makes everything ready; phones have their plans and are not started.
    pub(crate) fn prepare(args: &Args, bars: &Bars) -> Done<Self> {
        fresh(&args.data)?;
        let data =
            std::path::absolute(&args.data).tried("数据文件夹的位置不明", "the data folder has no path")?;
        let city = blindspot_sample::city(args.seed);
        let engines = Engines::start(&args.database, &args.blobs, &data)?;
        bars.line(&engines.words());
        let alone = Folder::open_on(&data, &engines.database, CityName { id: CITY, name: "样例市" })?;
        import::sample_into(&alone, &city, bars)?;
        let cast = cast(&city, args.seed)
            .ok_or_else(|| Failure::new("样例城市的人不够", "the sample city has too few people"))?;
        let month = if args.no_month {
            Vec::new()
        } else {
            month::play(&alone, &city, &cast, &data, args.seed, wall_ms(), bars)?.ids
        };
        alone.close()?;
        let mut config = engines.config(&data);
        config.listen = SocketAddr::from(([127, 0, 0, 1], args.port));
        let mut running = vec![serve(config)?];
        if let Some(second) = engines.second(&data)? {
            running.push(serve(engines.config(&second))?);
        }
        let house = Folder::beside_on(&data, &engines.database)?;
        let supervisor =
            desk_login(&house, "supervisor-1", "主管", &[Role::Supervisor, Role::DutyLeader], &city)?;
        let administrator = desk_login(&house, "administrator-1", "管理员", &[Role::Administrator], &city)?;
        let people = enlist(&house, &cast)?;
        let doors = running.iter().map(|server| server.addr).collect();
        let proxy = CuttingProxy::start_among(doors, Faults::default())
            .tried("起不来网络代理", "cannot start the network proxy")?;
        let towns = city.places().map_or_else(
            |_| Vec::new(),
            |p| p.towns(wall_ms()).filter_map(|t| TownCode::parse(&t.code).ok()).collect(),
        );
        let mut setting = Self {
            base: format!("http://{}", running[0].addr),
            city_id: CityId::from(CITY),
            seed: args.seed,
            homes: Vec::new(),
            data,
            city,
            towns,
            proxy,
            supervisor,
            administrator,
            cast,
            month: month.into_iter().collect(),
            people,
            house,
            running,
            _engines: engines,
        };
        setting.write_plans(args.photos.as_deref())?;
        Ok(setting)
    }

    /// The server's database, for counting.
    pub(crate) fn store(&self) -> &Store {
        &self.house.store
    }

    /// Whether a case is of the month before.
    pub(crate) fn is_of_month(&self, case: CaseId) -> bool {
        self.month.contains(&case)
    }

    /// Who uses each phone.
    pub(crate) fn people_per_phone(&self) -> Vec<Vec<PersonId>> {
        self.people.clone()
    }

    /// The duty grid of the first person on a phone, counted from 0, as it is now.
    pub(crate) fn grid_of(&self, phone: usize) -> Option<GridId> {
        if phone == 0 {
            return Some(self.cast.moved_to.clone());
        }
        let area = &self.cast.phones.get(phone)?.first()?.person.grants.first()?.area;
        match Area::from_text(area) {
            Area::Grid(grid) => Some(grid),
            _ => None,
        }
    }

    fn write_plans(&mut self, photos: Option<&Path>) -> Done {
        let phones_url = format!("http://{}", self.proxy.addr());
        let photos = match photos.map(std::path::absolute).transpose() {
            Ok(photos) => photos,
            Err(e) => return Err(e).tried("照片文件夹的位置不明", "the photo folder has no path"),
        };
        for (i, (parts, ids)) in self.cast.phones.iter().zip(&self.people).enumerate() {
            let mut workers = Vec::new();
            for (part, id) in parts.iter().zip(ids) {
                workers.push(Worker {
                    login: part.person.key.clone(),
                    name: part.person.name_zh.clone(),
                    code: self.code(*id, &phones_url)?,
                    shots: part.shots.clone(),
                });
            }
            let number = u32::try_from(i + 1).unwrap_or(u32::MAX);
            let plan = Plan {
                number,
                server: phones_url.clone(),
                fingerprint: people::fingerprint(&self.house),
                seed: self.seed,
                clock_offset_ms: if number == 3 { WRONG_CLOCK_MS } else { 0 },
                photos: photos.clone(),
                people: workers,
            };
            let home = self.data.join("phones").join(number.to_string());
            std::fs::create_dir_all(&home).tried("建不了手机文件夹", "cannot make a phone's folder")?;
            write_private(&home.join("plan.json"), &super::wire::line(&plan))?;
            self.homes.push(home);
        }
        Ok(())
    }

    fn code(&self, person: PersonId, base: &str) -> Done<String> {
        people::create_enrol_code(&self.house, Actor::Cli, person, base, wall_ms())
            .map(|c| c.code)
            .tried("生成不了绑定码", "no enrolment code was made")
    }

    /// Ends worker 1's grant and gives another grid, as an administrator would.
    pub(crate) fn move_worker_1(&self) -> Done {
        let person = self.people[0][0];
        let now = wall_ms();
        let all = people::list(&self.house).tried("列不出人员", "cannot list people")?;
        for grant in all.iter().filter(|p| p.person_id == person).flat_map(|p| &p.grants) {
            people::end_grant(&self.house, Actor::Cli, grant.grant_id, now, now)
                .tried("结束不了授权", "cannot end a grant")?;
        }
        let area = Area::Grid(self.cast.moved_to.clone());
        let new = NewGrant { role: Role::Collector, area, from_ms: Some(now), to_ms: None };
        people::grant(&self.house, Actor::Cli, person, &new, now).tried("授权失败", "not granted").map(drop)
    }

    /// `demo.json`: how to get in. Its owner alone can read it.
    pub(crate) fn write_demo_json(&self) -> Done {
        let desk =
            |l: &Login| json!({"login": l.login, "name": l.name, "role": l.role, "password": l.password});
        let mut phones = Vec::new();
        for (parts, ids) in self.cast.phones.iter().zip(&self.people) {
            for (part, id) in parts.iter().zip(ids) {
                phones.push(json!({"login": part.person.key, "name": part.person.name_zh, "person_id": id,
                    "enrol_code": self.code(*id, &self.base)?}));
            }
        }
        let value = json!({"server": self.base, "city": self.city_id, "seed": self.seed,
            "fingerprint": people::fingerprint(&self.house),
            "desk": [desk(&self.supervisor), desk(&self.administrator)], "phones": phones,
            "report": self.data.join("report.html")});
        write_private(&self.data.join("demo.json"), &format!("{value:#}\n"))
    }

    /// For people.
    pub(crate) fn where_to_look(&self) -> String {
        let code = self.code(self.people[0][0], &self.base).unwrap_or_default();
        let qr = json!({"v": 1, "server": self.base, "code": code, "fp": people::fingerprint(&self.house)});
        format!(
            "{}\n报告 report       {}\n服务器 server     {}\n账号密码 logins   {}\n\
             主管 supervisor   {}  {}\n再绑一部手机 one more phone (as {}):\n  \
             blindspot phone --home my-phone enrol --server {} --code {}\nCtrl-C 结束 ends it",
            crate::qr::in_terminal(&qr.to_string()).unwrap_or_default(),
            self.data.join("report.html").display(),
            self.base,
            self.data.join("demo.json").display(),
            self.supervisor.login,
            self.supervisor.password,
            self.cast.phones[0][0].person.name_zh,
            self.base,
            code,
        )
    }

    /// Stops proxy and server in order.
    pub(crate) fn stop(self) -> Done {
        self.proxy.stop();
        let stop =
            |server: Running| server.stop().tried("服务器没有停好", "the server did not stop in order");
        self.running.into_iter().try_for_each(stop)
    }
}

fn serve(config: ServeConfig) -> Done<Running> {
    Server::start_blocking(config).tried("服务器没有起来", "the server did not start")
}

/// A person with a desk, a one-time password and roles for the whole city.
fn desk_login(house: &House, login: &str, role: &'static str, roles: &[Role], city: &City) -> Done<Login> {
    let name =
        city.people.iter().find(|p| p.key == login).map_or_else(|| role.to_owned(), |p| p.name_zh.clone());
    let password = one_time_password();
    let new = NewPerson { login: login.to_owned(), name: name.clone(), password: Some(password.clone()) };
    let now = wall_ms();
    let person = people::create_person(house, Actor::Cli, &new, now).tried("没有加上人员", "not added")?;
    for role in roles {
        let new = NewGrant { role: role.clone(), area: Area::City, from_ms: None, to_ms: None };
        people::grant(house, Actor::Cli, person.person_id, &new, now).tried("授权失败", "not granted")?;
    }
    Ok(Login { login: login.to_owned(), name, password, role })
}

/// Adds the people of the cast with their rights.
fn enlist(house: &House, cast: &plan::Cast) -> Done<Vec<Vec<PersonId>>> {
    let now = wall_ms();
    let add = |part: &plan::Part| -> Done<PersonId> {
        // Somebody who had a part in the month before is there with all rights.
        let there = house
            .store
            .read(|tx| blindspot_store::accounts::load_person_by_login(tx, &house.city, &part.person.key));
        if let Some(person) = there.tried("读不了人员", "people cannot be read")? {
            return Ok(person.person_id);
        }
        let new =
            NewPerson { login: part.person.key.clone(), name: part.person.name_zh.clone(), password: None };
        let id =
            people::create_person(house, Actor::Cli, &new, now).tried("没有加上人员", "not added")?.person_id;
        for grant in &part.person.grants {
            let (role, area) = (Role::from_word(&grant.role), Area::from_text(&grant.area));
            let new = NewGrant { role, area, from_ms: Some(0), to_ms: None };
            people::grant(house, Actor::Cli, id, &new, now).tried("授权失败", "not granted")?;
        }
        Ok(id)
    };
    cast.phones.iter().map(|parts| parts.iter().map(add).collect()).collect()
}
