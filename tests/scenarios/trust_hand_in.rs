//! Unsent work that its own phone cannot deliver: exported and carried by another, or handed in after a revocation.
//! Real processes of the headless phone, real HTTP, real pictures.

use crate::house::{TestHouse, WORKER_ROLE};
use crate::killed::blindspot;
use crate::raw::{send, send_json};
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

struct CliPhone {
    home: PathBuf,
}

impl CliPhone {
    fn enrolled(house: &TestHouse, dir: &Path, login: &str) -> Self {
        let person = house.person(login, WORKER_ROLE, "city");
        let phone = Self { home: dir.join(login) };
        phone.run(&["enrol", "--server", &house.base, "--code", &house.code_for(&person)]);
        phone
    }
    fn run(&self, words: &[&str]) -> Value {
        let mut command = Command::new(blindspot());
        command.args(["phone", "--home"]).arg(&self.home).args(words).arg("--json");
        let out = command.output().expect("runs");
        let (said, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{words:?}: {said} {error}");
        serde_json::from_str(said.lines().last().unwrap_or("null")).expect("JSON")
    }
    /// A report with a picture, saved without any network.
    fn report(&self, n: u32, text: &str) {
        let picture = self.home.join(format!("{n}.jpg"));
        let exif = ExifSpec::phone("2026:04:01 06:20:00", None);
        std::fs::write(&picture, jpeg(&SceneSpec::nth(7, n), &exif)).expect("written");
        self.run(&["report", "--photo", picture.to_str().expect("text"), "--text", text]);
    }
    fn sync(&self) -> Value {
        let mut command = Command::new(blindspot());
        command.args(["phone", "--home"]).arg(&self.home).args(["sync", "--until-empty", "--json"]);
        let out = command.output().expect("runs");
        serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
    }
    fn unsent(&self) -> i64 {
        let status = self.run(&["status"]);
        let unsent = &status["unsent"];
        ["captures", "ops", "photos"].iter().map(|k| unsent[k].as_i64().expect("a number")).sum()
    }
}

struct Desk<'h> {
    house: &'h TestHouse,
    cookie: String,
}

impl Desk<'_> {
    fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.house.base);
        send("GET", &url, &[("cookie", self.cookie.as_str())], &[]).ok()
    }
    /// The cases, each with all of its rows.
    fn cases(&self) -> Vec<Value> {
        let list = self.get("/v1/cases?limit=100");
        let ids = list["items"].as_array().expect("a list").iter();
        ids.map(|c| self.get(&format!("/v1/cases/{}", c["case_id"].as_str().expect("an id")))).collect()
    }
    /// Working copies that can be downloaded, of all cases.
    fn pictures(&self) -> usize {
        let mut seen = 0;
        for case in self.cases() {
            for row in case["rows"].as_array().expect("rows").iter().filter(|r| r["kind"] == "photo") {
                let id = row["body"]["photo_id"].as_str().expect("an id");
                let url = format!("{}/v1/photos/{id}/working", self.house.base);
                seen +=
                    usize::from(send("GET", &url, &[("cookie", self.cookie.as_str())], &[]).status == 200);
            }
        }
        seen
    }
}

fn desk(house: &TestHouse) -> Desk<'_> {
    Desk { house, cookie: house.desk("desk", "supervisor").1 }
}

#[test]
fn shown_trust_carried() {
    let house = TestHouse::start();
    let dir = tempfile::tempdir().expect("a folder");
    let (mine, other) =
        (CliPhone::enrolled(&house, dir.path(), "wang"), CliPhone::enrolled(&house, dir.path(), "li"));
    mine.report(1, "后巷垃圾");
    mine.report(2, "井盖边积水");
    let file = dir.path().join("待上传.blindspot");
    let name = file.to_str().expect("text");
    let exported = mine.run(&["export", name]);
    assert_eq!((&exported["ops"], &exported["captures_left"]), (&json!(4), &json!(0)), "{exported}");
    let mut again = Command::new(blindspot());
    let again = again.args(["phone", "--home"]).arg(&mine.home).args(["export", name]).output();
    let again = again.expect("runs");
    assert!(!again.status.success(), "a file that is there is not written over");
    // Another phone carries it; its own work goes on beside.
    other.report(3, "自己的上报");
    other.run(&["import-unsent", name]);
    other.sync();
    let desk = desk(&house);
    assert_eq!((desk.cases().len(), desk.pictures()), (3, 3));
    // At the server, by a desk: the same file again.
    let bytes = std::fs::read(&file).expect("the file");
    let url = format!("{}/v1/sync/hand-in", house.base);
    let as_desk = |kind: &str, bytes: &[u8]| {
        let headers =
            [("cookie", desk.cookie.as_str()), ("origin", house.base.as_str()), ("content-type", kind)];
        send("POST", &url, &headers, bytes)
    };
    let reply = as_desk("application/vnd.blindspot.hand-in", &bytes).ok();
    assert_eq!((&reply["seen_before"], &reply["missing"]), (&json!(4), &json!(0)), "{reply}");
    as_desk("application/zip", &bytes).problem("unsupported_media_type");
    as_desk("application/vnd.blindspot.hand-in", &bytes[..900]).problem("hand_in_damaged");
    // The phone itself comes back at last.
    mine.sync();
    assert_eq!((mine.unsent(), other.unsent()), (0, 0));
    assert_eq!((desk.cases().len(), desk.pictures()), (3, 3), "nothing is there twice");
    let audit = house.admin("GET", "/v1/audit?limit=500", &json!({})).ok();
    let rows = audit["items"].as_array().expect("rows");
    assert_eq!(rows.iter().filter(|r| r["action"] == "hand_in").count(), 2, "who carried it is on record");
}

#[test]
fn shown_trust_revoked() {
    let house = TestHouse::start();
    let dir = tempfile::tempdir().expect("a folder");
    let phone = CliPhone::enrolled(&house, dir.path(), "wang");
    phone.sync();
    phone.report(1, "停用前拍的");
    let devices = house.admin("GET", "/v1/devices", &json!({})).ok();
    let device = devices["items"][0]["device_id"].as_str().expect("an id").to_owned();
    assert_eq!(house.admin("POST", &format!("/v1/devices/{device}/revoke"), &json!({})).status, 204);
    for _ in 0..3 {
        phone.sync();
    }
    assert_eq!(phone.unsent(), 0, "everything is handed in");
    assert_eq!(phone.run(&["status"])["signed_out"], true);
    let desk = desk(&house);
    assert_eq!(desk.cases().len(), 0, "nothing of it counts before a person has looked");
    let waiting = house.admin("GET", "/v1/quarantine?cause=revoked_device", &json!({})).ok();
    let entries = waiting["items"].as_array().expect("a list").clone();
    assert_eq!(entries.len(), 2, "{waiting}");
    for entry in &entries {
        let at = format!(
            "/v1/quarantine/{}/{}",
            entry["op_id"].as_str().expect("an id"),
            entry["hash"].as_str().expect("a hash")
        );
        let whole = house.admin("GET", &at, &json!({})).ok();
        assert!(whole["body"].as_str().is_some_and(|b| b.contains("op_id")), "{whole}");
        let replayed = house.admin("POST", &format!("{at}/replay"), &json!({"vouched": true})).ok();
        assert_eq!(replayed["verdict"], "applied", "{replayed}");
    }
    assert_eq!((desk.cases().len(), desk.pictures()), (1, 1), "with its picture");
    // A desk of another role, and nobody at all, see none of it.
    let cookie = house.desk("clerk", "unit_clerk").1;
    let url = format!("{}/v1/quarantine", house.base);
    send_json("GET", &url, &[("cookie", cookie.as_str())], &json!({})).problem("no_rights");
    send_json("GET", &url, &[], &json!({})).problem("sign_in");
}
