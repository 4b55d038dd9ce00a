//! A real server on a loopback port with a fresh folder, run by its administrator over HTTP.

use crate::ground::{Ground, Second};
use crate::raw::{Answer, RawPhone, send_json};
use blindspot_core::division::GridId;
use blindspot_core::geo::Point;
use blindspot_sample::city;
use blindspot_server::config::ServeConfig;
use blindspot_server::database::Database;
use blindspot_server::service::limits::LimitConfig;
use blindspot_server::service::notices::NoticeSettings;
use blindspot_server::service::reference;
use blindspot_server::state::{DataFolder, Opening};
use blindspot_server::{Running, Server};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const WORKER_ROLE: &str = "collector";

pub(crate) struct TestHouse {
    pub(crate) base: String,
    cookie: String,
    places: Option<blindspot_core::division::Places>,
    /// Ends before the first one.
    second: Option<Second>,
    running: Running,
    dir: tempfile::TempDir,
    ground: Ground,
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292 million")
}

/// The usual limits, on a disk that may be nearly full.
pub(crate) fn roomy() -> LimitConfig {
    LimitConfig { reserve_bytes: Some(0), ..LimitConfig::default() }
}

impl TestHouse {
    /// An empty city.
    pub(crate) fn start() -> Self {
        Self::start_with(roomy())
    }

    /// An empty city with limits of its own.
    pub(crate) fn start_with(limits: LimitConfig) -> Self {
        Self::start_on(tempfile::tempdir().expect("a folder"), Ground::asked(), None, limits)
    }

    /// The made-up city's places.
    pub(crate) fn start_with_city() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let city = city::city(1);
        let places = city.places().expect("the city holds together");
        let ground = Ground::asked();
        let database = ground.database();
        let opening = Opening { city: Some("yiwu"), city_name: Some("义乌市"), ..Opening::of(&database) };
        let folder = DataFolder::open_with(dir.path(), &opening, now_ms());
        let folder = folder.expect("a folder");
        let house = &folder.house;
        reference::import_divisions(house, city.divisions, now_ms()).expect("divisions");
        reference::import_grids(house, city.grids, now_ms()).expect("grids");
        reference::import_cells(house, city.cells, now_ms()).expect("cells");
        folder.close().expect("closed in order");
        drop(folder);
        Self::start_on(dir, ground, Some(places), LimitConfig::default())
    }

    /// An empty city on PostgreSQL, whatever is asked for.
    pub(crate) fn start_on_postgres() -> Self {
        Self::start_on(tempfile::tempdir().expect("a folder"), Ground::postgres(), None, roomy())
    }

    /// An empty city on PostgreSQL whose channels may lead to plain http on this machine.
    pub(crate) fn start_noticing() -> Self {
        let (dir, ground) = (tempfile::tempdir().expect("a folder"), Ground::postgres());
        let config = ServeConfig { notices: noticing(), ..ground.config(dir.path(), roomy()) };
        Self::start_as(config, dir, ground, None)
    }

    /// Another data folder on the database of this house, as another server has one; and what it stands in.
    pub(crate) fn another_folder(&self) -> (DataFolder, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::copy(self.data().join("secret.key"), dir.path().join("secret.key")).expect("the key");
        let database = self.database();
        let folder = DataFolder::open_with(dir.path(), &Opening::of(&database), now_ms());
        let folder = folder.expect("another folder");
        folder.house.set_notice_settings(noticing());
        (folder, dir)
    }

    /// Runs a statement on the database, beside the product.
    pub(crate) fn sql(&self, statement: &str) {
        if self.ground.address().is_some() {
            self.client().batch_execute(statement).expect("run");
            return;
        }
        let beside = rusqlite::Connection::open(self.data().join("blindspot.db")).expect("opened");
        beside.busy_timeout(std::time::Duration::from_secs(10)).expect("set");
        beside.execute_batch(statement).expect("run");
    }

    /// An empty city with its photos in a bucket that phones reach, whatever is asked for.
    pub(crate) fn start_in_public_bucket() -> Self {
        Self::start_on(tempfile::tempdir().expect("a folder"), Ground::public_bucket(), None, roomy())
    }

    /// An empty city with its photos in a bucket over https.
    pub(crate) fn start_in_safe_bucket() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let ground = Ground::safe_bucket(&dir.path().join("ca.pem"));
        Self::start_on(dir, ground, None, roomy())
    }

    /// Another server on the database of this house, with a folder of its own.
    pub(crate) fn another_server(&self) -> (Running, tempfile::TempDir) {
        self.ground.another_server(self.data(), roomy())
    }

    fn start_on(
        dir: tempfile::TempDir,
        ground: Ground,
        places: Option<blindspot_core::division::Places>,
        limits: LimitConfig,
    ) -> Self {
        let config = ground.config(dir.path(), limits);
        Self::start_as(config, dir, ground, places)
    }

    /// An empty city beside this house's on the same PostgreSQL database.
    pub(crate) fn another_city(&self, city: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = ServeConfig { city: Some(city.to_owned()), ..self.ground.config(dir.path(), roomy()) };
        Self::start_as(config, dir, self.ground.clone(), None)
    }

    /// Whether each request goes to the next of two servers.
    pub(crate) fn has_two_servers(&self) -> bool {
        self.second.is_some()
    }

    /// The product's command line on this house's data.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(crate::killed::blindspot());
        command.args(words).arg("--data").arg(self.data()).envs(self.ground.address());
        command
    }

    /// Whatever of people's browsers the database keeps, as its file or its server has it.
    pub(crate) fn kept_of_browsers(&self) -> Vec<u8> {
        if self.ground.address().is_some() {
            let rows = self.client().query("SELECT b::text FROM browsers b", &[]).expect("rows");
            assert!(!rows.is_empty(), "a browser is known");
            return rows.iter().flat_map(|row| row.get::<_, String>(0).into_bytes()).collect();
        }
        let mut all = std::fs::read(self.data().join("blindspot.db")).expect("the database");
        all.extend(std::fs::read(self.data().join("blindspot.db-wal")).unwrap_or_default());
        all
    }

    /// A connection to the database, beside the product.
    pub(crate) fn client(&self) -> postgres::Client {
        self.ground.node().client("city").expect("connected")
    }

    /// What a desk's cookie is for its administrator.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    fn start_as(
        config: ServeConfig,
        dir: tempfile::TempDir,
        ground: Ground,
        places: Option<blindspot_core::division::Places>,
    ) -> Self {
        let limits = config.limits.clone();
        let running = Server::start_blocking(config).expect("the server starts");
        let base = running.base_url();
        let link = running.setup_link.clone().expect("an empty folder has a set-up link");
        let token = link.split_once("token=").expect("a token").1.to_owned();
        let me =
            json!({"token": token, "login": "admin", "name": "管理员", "password": "correct horse battery"});
        send_json("POST", &format!("{base}/v1/setup"), &[], &me).ok();
        let login = json!({"login": "admin", "password": "correct horse battery"});
        let signed = send_json("POST", &format!("{base}/v1/sessions"), &[], &login);
        signed.ok();
        let cookie =
            signed.header("set-cookie").and_then(|c| c.split(';').next()).expect("a cookie").to_owned();
        // Once the set-up is done: a server that starts before prints a newer link.
        let second = ground.second(&running, dir.path(), limits);
        let base = second.as_ref().map_or(base, Second::base);
        Self { base, cookie, places, second, running, dir, ground }
    }

    /// Where its database is.
    pub(crate) fn database(&self) -> Database {
        self.ground.database()
    }

    /// Where the server listens.
    pub(crate) fn addr(&self) -> std::net::SocketAddr {
        self.running.addr
    }

    /// The server's data folder.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// A person with a desk; gives the id and the cookie of a session. The password that the administrator typed
    /// in is changed at once, as it must be.
    pub(crate) fn desk(&self, login: &str, role: &str) -> (String, String) {
        let person = json!({"login": login, "name": login, "password": "typed by the admin"});
        let made = self.admin("POST", "/v1/people", &person).ok();
        let id = made["person_id"].as_str().expect("an id").to_owned();
        let grant = json!({"role": role, "area": "city"});
        self.admin("POST", &format!("/v1/people/{id}/grants"), &grant).ok();
        let cookie = self.sign_in(login, "typed by the admin");
        let change = json!({"old": "typed by the admin", "new": "my own password"});
        let headers = [("cookie", cookie.as_str())];
        send_json("POST", &format!("{}/v1/me/password", self.base), &headers, &change).ok();
        (id, cookie)
    }

    /// Signs in; gives the session cookie.
    pub(crate) fn sign_in(&self, login: &str, password: &str) -> String {
        let body = json!({"login": login, "password": password});
        let signed = send_json("POST", &format!("{}/v1/sessions", self.base), &[], &body);
        signed.ok();
        let cookie = signed.header("set-cookie").and_then(|c| c.split(';').next());
        cookie.expect("a cookie").to_owned()
    }

    /// What the administrator asks for.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("origin", self.base.as_str())];
        send_json(method, &format!("{}{path}", self.base), &headers, body)
    }

    /// A person with one grant; gives the id.
    pub(crate) fn person(&self, login: &str, role: &str, area: &str) -> String {
        let person = self.admin("POST", "/v1/people", &json!({"login": login, "name": login})).ok();
        let id = person["person_id"].as_str().expect("an id").to_owned();
        self.admin("POST", &format!("/v1/people/{id}/grants"), &json!({"role": role, "area": area})).ok();
        id
    }

    pub(crate) fn code_for(&self, person: &str) -> String {
        let code = self.admin("POST", &format!("/v1/people/{person}/enrol-codes"), &json!({})).ok();
        code["code"].as_str().expect("a code").to_owned()
    }

    /// A new person with a phone.
    pub(crate) fn phone(&self, login: &str, role: &str, area: &str) -> RawPhone {
        let person = self.person(login, role, area);
        RawPhone::enrol(&self.base, &self.code_for(&person))
    }

    /// Another phone of a person who is here already.
    pub(crate) fn phone_of(&self, login: &str, _label: &str) -> RawPhone {
        let people = self.admin("GET", "/v1/people", &json!({})).ok();
        let list = people["items"].as_array().or(people.as_array()).expect("people").clone();
        let found = list.iter().find(|p| p["login"] == login).expect("the person");
        RawPhone::enrol(&self.base, &self.code_for(found["person_id"].as_str().expect("an id")))
    }

    /// Two duty grids of one town and one of another, with a point inside each.
    pub(crate) fn three_places(&self) -> [(GridId, Point); 3] {
        let places = self.places.as_ref().expect("started with the city");
        let at = now_ms();
        let mut found: Vec<(GridId, Point)> = vec![];
        for cell in places.cells() {
            let n = cell.ring.len() as f64;
            let (lon, lat) = cell.ring.iter().fold((0.0, 0.0), |(a, b), p| (a + p[0] / n, b + p[1] / n));
            let point = Point { lat, lon };
            let Some(grid) = places.locate(point, at).grid else { continue };
            let town = grid.committee().town();
            let wanted = match found.as_slice() {
                [] => true,
                [one] => one.0 != grid && one.0.committee().town() == town,
                [one, _] => one.0.committee().town() != town,
                _ => break,
            };
            if wanted {
                found.push((grid, point));
            }
        }
        found.try_into().expect("three grids")
    }

    /// Two duty grids with a point inside each.
    pub(crate) fn two_grids(&self) -> [(GridId, Point); 2] {
        let places = self.places.as_ref().expect("started with the city");
        let at = now_ms();
        let mut found: Vec<(GridId, Point)> = vec![];
        for cell in places.cells() {
            let n = cell.ring.len() as f64;
            let (lon, lat) = cell.ring.iter().fold((0.0, 0.0), |(a, b), p| (a + p[0] / n, b + p[1] / n));
            let point = Point { lat, lon };
            if let Some(grid) = places.locate(point, at).grid
                && !found.iter().any(|(g, _)| *g == grid)
            {
                found.push((grid, point));
            }
            if found.len() == 2 {
                break;
            }
        }
        found.try_into().expect("two grids")
    }
}

/// Robots on this machine are told, without TLS, and lines carry a link.
fn noticing() -> NoticeSettings {
    NoticeSettings {
        loopback_http: true,
        link: Some("https://jg.example/cases/{case}".to_owned()),
        ..NoticeSettings::default()
    }
}
