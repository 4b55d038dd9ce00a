//! What two people erase is gone: from the server's whole folder, from both phones, from the backups' photos; and an old
//! backup put back, with phones that offer their work again, does not bring it back. Real processes, real files.

use crate::killed::{Site, blindspot, kill, now_ms};
use crate::photos::{create_of, metadata_of, patch};
use crate::raw::{RawPhone, new_case_id, new_op_id, new_photo_id, send_json};
use blindspot_core::access::{Area, Role};
use blindspot_core::id::Sha256;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::state::DataFolder;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const WORDS: &str = "the woman on the third floor";
const PASSWORD: &str = "typed by the admin";

/// Files under a folder that hold some bytes.
fn holders(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(holders(&path, needle));
        } else if std::fs::read(&path).is_ok_and(|all| all.windows(needle.len()).any(|w| w == needle)) {
            out.push(path);
        }
    }
    out
}

/// Waits until no file holds any of this: a reader may hold the write-ahead log for a moment.
fn nowhere(folder: &Path, needles: &[Vec<u8>]) {
    let began = Instant::now();
    loop {
        let left: Vec<_> = needles.iter().flat_map(|n| holders(folder, n)).collect();
        if left.is_empty() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

struct Town {
    site: Site,
    base: String,
    second_home: PathBuf,
    worker: RawPhone,
}

fn phone(home: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(blindspot());
    command.args(["phone", "--home", home.to_str().expect("a path"), "--json"]).args(words);
    let out = command.output().expect("the phone runs");
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_str(String::from_utf8_lossy(&out.stdout).lines().last().expect("a line")).expect("JSON")
}

/// A server with a worker's phone, an inspector's phone and two supervisors.
fn lay_out() -> (Town, std::process::Child) {
    let (site, code) = crate::killed::set_up();
    let base = format!("http://{}", site.listen);
    let folder = DataFolder::open(&site.data, None, now_ms()).expect("a folder");
    let house = &folder.house;
    let person = |login: &str, role: Role| {
        let password = (role == Role::Supervisor).then(|| PASSWORD.to_owned());
        let new = NewPerson { login: login.into(), name: login.into(), password };
        let id = people::create_person(house, Actor::Cli, &new, now_ms()).expect("a person").person_id;
        let grant = NewGrant { role, area: Area::City, from_ms: None, to_ms: None };
        people::grant(house, Actor::Cli, id, &grant, now_ms()).expect("a grant");
        people::create_enrol_code(house, Actor::Cli, id, &base, now_ms()).expect("a code").code
    };
    let inspector = person("li", Role::Inspector);
    let raw = person("wang", Role::Collector);
    person("chief", Role::Supervisor);
    person("deputy", Role::Supervisor);
    folder.close().expect("closed in order");
    drop(folder);
    let server = site.serve();
    let second_home = site.data.with_file_name("second");
    site.phone_ok(&["enrol", "--server", &base, "--code", &code]);
    phone(&second_home, &["enrol", "--server", &base, "--code", &inspector]);
    let worker = RawPhone::enrol(&base, &raw);
    (Town { site, base, second_home, worker }, server)
}

struct Desk {
    base: String,
    cookie: String,
}

impl Desk {
    fn of(base: &str, login: &str) -> Self {
        let sign_in = |password: &str| {
            let body = json!({"login": login, "password": password});
            let signed = send_json("POST", &format!("{base}/v1/sessions"), &[], &body);
            signed.ok();
            signed.header("set-cookie").and_then(|c| c.split(';').next()).expect("a cookie").to_owned()
        };
        let cookie = sign_in(PASSWORD);
        let change = json!({"old": PASSWORD, "new": "my own password"});
        let headers = [("cookie", cookie.as_str()), ("origin", base)];
        send_json("POST", &format!("{base}/v1/me/password"), &headers, &change).ok();
        Self { base: base.to_owned(), cookie: sign_in("my own password") }
    }
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("cookie", self.cookie.as_str()), ("origin", self.base.as_str())];
        send_json(method, &format!("{}{path}", self.base), &headers, body).ok()
    }
    fn act(&self, case: &str, kind: &str, payload: &Value) -> Value {
        let op = json!({"op_id": new_op_id(), "kind": kind, "payload": payload});
        self.call("POST", &format!("/v1/cases/{case}/ops"), &op)
    }
}

fn erase(first: &Desk, second: &Desk, case: &str, mut what: Value) {
    what["reason"] = json!("bystander");
    let asked = first.act(case, "erase", &what);
    assert_eq!(asked["verdict"], "applied", "{asked}");
    let alone = first.act(case, "confirm_erase", &json!({"erase": asked["op_id"]}));
    assert_eq!((&alone["verdict"], &alone["why"]), (&json!("noted"), &json!("same_person")));
    let done = second.act(case, "confirm_erase", &json!({"erase": asked["op_id"]}));
    assert_eq!(done["verdict"], "applied", "{done}");
}

fn run(words: &[&str]) -> Value {
    let out = Command::new(blindspot()).args(words).arg("--json").output().expect("runs");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{words:?}: {said} {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_str(said.lines().last().expect("a line")).expect("JSON")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn shown_trust_erased() {
    let (mut town, server) = lay_out();
    let (site_data, home) = (town.site.data.clone(), town.site.phone.clone());
    let picture = site_data.with_file_name("a.jpg");
    std::fs::write(&picture, crate::photos::picture(3)).expect("a file");
    let said = town.site.phone_ok(&["report", "--photo", text(&picture), "--text", WORDS]);
    let case = said["case_id"].as_str().expect("a case").to_owned();
    town.site.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    // The other one keeps what it sent, and will be offline when it happens.
    let (raw_case, raw_photo, raw_bytes) = (new_case_id(), new_photo_id(), crate::photos::picture(9));
    let form = json!({"sha256": Sha256::of(&raw_bytes).to_hex(), "bytes": raw_bytes.len()});
    let payload = json!({"photo_id": raw_photo, "forms": {"working": form}});
    let kept = [
        town.worker.op("report", Some(raw_case), &json!({})),
        town.worker.op("comment", Some(raw_case), &json!({"text": WORDS})),
        town.worker.op("photo", Some(raw_case), &payload),
    ];
    town.worker.push(&kept);
    let location = create_of(&town.worker, raw_photo, "working", &raw_bytes);
    patch(&town.worker, &location, 0, &raw_bytes).ok();
    phone(&town.second_home, &["sync", "--for", "60", "--until-empty"]);

    let files: Vec<PathBuf> = holders(&home, &[0xFF, 0xD8, 0xFF]);
    let mut gone: Vec<Vec<u8>> = files
        .iter()
        .filter(|f| f.extension().is_none_or(|e| e != "db" && e != "db-wal"))
        .map(|f| std::fs::read(f).expect("a file"))
        .filter(|bytes| bytes.starts_with(&[0xFF, 0xD8]))
        .collect();
    assert!(!gone.is_empty(), "the phone keeps what it delivered: {files:?}");
    gone.push(raw_bytes.clone());
    gone.push(WORDS.as_bytes().to_vec());
    let to = site_data.with_file_name("backups");
    run(&["backup", "--data", text(&site_data), "--to", text(&to)]);
    for folder in [&site_data, &home, &town.second_home, &to] {
        assert!(!holders(folder, WORDS.as_bytes()).is_empty(), "{folder:?}: else this test sees nothing");
    }

    let (chief, deputy) = (Desk::of(&town.base, "chief"), Desk::of(&town.base, "deputy"));
    let photo = |case: &str| {
        let detail = chief.call("GET", &format!("/v1/cases/{case}"), &Value::Null);
        let rows = detail["rows"].as_array().expect("rows").clone();
        rows.into_iter().find(|r| r["kind"] == "photo").expect("a photo")["id"].clone()
    };
    let comment: Value = serde_json::from_str(&kept[1]).expect("an op");
    let raw_case = raw_case.to_string();
    erase(&chief, &deputy, &case, json!({"photo_id": photo(&case)}));
    erase(&deputy, &chief, &case, json!({"report": true}));
    erase(&chief, &deputy, &raw_case, json!({"op": comment["op_id"]}));
    erase(&chief, &deputy, &raw_case, json!({"photo_id": raw_photo}));
    nowhere(&site_data, &gone);
    let photos = &gone[..gone.len() - 1];
    nowhere(&to.join("blobs"), photos);

    town.site.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    phone(&town.second_home, &["sync", "--for", "60", "--until-empty"]);
    town.site.phone_ok(&["sync", "--for", "10", "--until-empty"]);
    nowhere(&home, &gone);
    nowhere(&town.second_home, &gone);
    assert!(std::fs::read_to_string(to.join("erased.jsonl")).expect("a list").lines().count() >= 6);
    run(&["verify", "blobs", "--data", text(&site_data)]);
    kill(server);
    put_back(town, &kept, raw_photo, &raw_bytes, &gone, &to);
}

/// The backup of before it all, and everybody comes again.
fn put_back(
    town: Town,
    kept: &[String],
    photo: blindspot_core::PhotoId,
    bytes: &[u8],
    gone: &[Vec<u8>],
    to: &Path,
) {
    let Town { site, second_home, worker, .. } = town;
    let back = Site { data: site.data.with_file_name("back"), ..site };
    let backup = std::fs::read_dir(to).expect("a folder").map(|e| e.expect("an entry").path());
    let backup = backup.filter(|p| p.join("manifest.json").is_file()).max().expect("a backup");
    let restored = run(&["restore", "--from", text(&backup), "--data", text(&back.data)]);
    assert!(restored["erased"].as_u64().is_some_and(|n| n >= 6), "{restored}");
    nowhere(&back.data, gone);
    let server = back.serve();
    let reply = worker.push(kept);
    let verdicts = reply["verdicts"].as_array().expect("verdicts");
    assert_eq!(verdicts[0].get("erased"), None);
    for verdict in &verdicts[1..] {
        assert_eq!(
            (&verdict["verdict"], &verdict["erased"]["reason"]),
            (&json!("applied"), &json!("bystander"))
        );
    }
    for photo in [photo, new_photo_id()] {
        let (length, meta) = (bytes.len().to_string(), metadata_of(photo, "working", bytes));
        let headers =
            [crate::photos::TUS, ("upload-length", length.as_str()), ("upload-metadata", meta.as_str())];
        worker.send("POST", "/v1/photos", &headers, b"").problem("erased");
    }
    for _ in 0..2 {
        back.phone_ok(&["sync", "--for", "60", "--until-empty"]);
        phone(&second_home, &["sync", "--for", "60", "--until-empty"]);
    }
    nowhere(&back.data, gone);
    nowhere(&back.phone, gone);
    nowhere(&second_home, gone);
    kill(server);
    for what in ["audit", "blobs", "digests"] {
        run(&["verify", what, "--data", text(&back.data)]);
    }
}
