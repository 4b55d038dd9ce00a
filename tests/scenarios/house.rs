//! A real server on a loopback port with a fresh folder, run by its administrator over HTTP.

use crate::raw::{Answer, RawPhone, send_json};
use blindspot_core::division::GridId;
use blindspot_core::geo::Point;
use blindspot_sample::city;
use blindspot_server::config::ServeConfig;
use blindspot_server::server::{Running, Server};
use blindspot_server::service::limits::LimitConfig;
use blindspot_server::service::reference;
use blindspot_server::state::DataFolder;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const WORKER_ROLE: &str = "collector";

pub(crate) struct TestHouse {
    pub(crate) base: String,
    cookie: String,
    places: Option<blindspot_core::division::Places>,
    running: Running,
    dir: tempfile::TempDir,
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292 million")
}

impl TestHouse {
    /// An empty city.
    pub(crate) fn start() -> Self {
        Self::start_with(LimitConfig { reserve_bytes: Some(0), ..LimitConfig::default() })
    }

    /// An empty city with limits of its own.
    pub(crate) fn start_with(limits: LimitConfig) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), None, limits)
    }

    /// The made-up city's places.
    pub(crate) fn start_with_city() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let city = city::city(1);
        let places = city.places().expect("the city holds together");
        let folder = DataFolder::open(dir.path(), Some(("yiwu", "义乌市")), now_ms()).expect("a folder");
        let house = &folder.house;
        reference::import_divisions(house, city.divisions, now_ms()).expect("divisions");
        reference::import_grids(house, city.grids, now_ms()).expect("grids");
        reference::import_cells(house, city.cells, now_ms()).expect("cells");
        folder.close().expect("closed in order");
        drop(folder);
        Self::start_in(dir, Some(places), LimitConfig::default())
    }

    fn start_in(
        dir: tempfile::TempDir,
        places: Option<blindspot_core::division::Places>,
        limits: LimitConfig,
    ) -> Self {
        let config = ServeConfig { limits, ..ServeConfig::new(dir.path()) };
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
        Self { base, cookie, places, running, dir }
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
