//! Real processes, killed with SIGKILL in mid-sync: phone and server in turn. Nothing acknowledged, and
//! nothing that a phone said it had saved, may be lost or doubled.

use blindspot_core::access::{Area, Role};
use blindspot_core::row::RowKind;
use blindspot_port_temp::Port;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::state::DataFolder;
use blindspot_store::rows;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a small number")
}

/// The binary that was built beside this test.
pub(crate) fn blindspot() -> PathBuf {
    let me = std::env::current_exe().expect("a path");
    let folder = me.parent().and_then(Path::parent).expect("a target folder");
    let path = folder.join("blindspot");
    assert!(path.exists(), "the binary is not built: run `cargo build -p blindspot-cli` first");
    path
}

pub(crate) struct Site {
    pub(crate) data: PathBuf,
    pub(crate) phone: PathBuf,
    pub(crate) listen: Port,
    pub(crate) _dir: tempfile::TempDir,
}

impl Site {
    pub(crate) fn serve(&self) -> Child {
        let mut child = Command::new(blindspot())
            .args([
                "serve",
                "--data",
                self.data.to_str().expect("a path"),
                "--listen",
                &self.listen.to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.listen.number())).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the server comes up");
            assert!(child.try_wait().expect("a child").is_none(), "the server stays up");
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    fn phone(&self, words: &[&str]) -> Command {
        let mut command = Command::new(blindspot());
        command.args(["phone", "--home", self.phone.to_str().expect("a path"), "--json"]).args(words);
        command.stderr(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    pub(crate) fn phone_ok(&self, words: &[&str]) -> Value {
        let out = self.phone(words).output().expect("the phone runs");
        assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8_lossy(&out.stdout);
        let last = text.lines().last().expect("a line of JSON");
        serde_json::from_str(last).expect("JSON")
    }
}

/// A data folder with one worker; gives the enrolment code.
pub(crate) fn set_up() -> (Site, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let listen = Port::take().expect("a port");
    // Spaces and Chinese in the path, as on a clerk's desktop.
    let data = dir.path().join("数据 data");
    let folder = DataFolder::open(&data, Some(("yiwu", "义乌市")), now_ms()).expect("a folder");
    let house = &folder.house;
    let new = NewPerson { login: "zhang".into(), name: "张".into(), password: None };
    let person = people::create_person(house, Actor::Cli, &new, now_ms()).expect("a person").person_id;
    let grant = NewGrant { role: Role::Collector, area: Area::City, from_ms: None, to_ms: None };
    people::grant(house, Actor::Cli, person, &grant, now_ms()).expect("a grant");
    let base = format!("http://{listen}");
    let code = people::create_enrol_code(house, Actor::Cli, person, &base, now_ms()).expect("a code").code;
    folder.close().expect("closed in order");
    drop(folder);
    (Site { data, phone: dir.path().join("手机"), listen, _dir: dir }, code)
}

pub(crate) fn kill(mut child: Child) {
    // `Child::kill` is SIGKILL on Unix: no handler runs, nothing is flushed.
    child.kill().expect("killed");
    child.wait().expect("reaped");
}

const REPORTS: usize = 12;

#[test]
fn shown_main_killed() {
    let (site, code) = set_up();
    let mut server = Some(site.serve());
    site.phone_ok(&["enrol", "--server", &format!("http://{}", site.listen), "--code", &code]);
    let pictures = tempfile::tempdir().expect("a folder");
    let mut saved = BTreeSet::new();
    for n in 0..REPORTS {
        let picture = pictures.path().join(format!("{n}.jpg"));
        std::fs::write(&picture, crate::photos::picture(u32::try_from(n).expect("small") + 1))
            .expect("a file");
        let said = site.phone_ok(&[
            "report",
            "--photo",
            picture.to_str().expect("a path"),
            "--text",
            &n.to_string(),
        ]);
        saved.insert(said["case_id"].as_str().expect("a case").to_owned());
    }
    let mut late = 20;
    for round in 0..8 {
        let mut phone =
            site.phone(&["sync", "--for", "30", "--until-empty"]).spawn().expect("the phone runs");
        std::thread::sleep(Duration::from_millis(late));
        late = (late * 7) % 389 + 20;
        if round % 2 == 0 {
            kill(phone);
        } else {
            kill(server.take().expect("it runs"));
            std::thread::sleep(Duration::from_millis(50));
            server = Some(site.serve());
            let ended = phone.wait().expect("the phone ends");
            assert!(ended.success(), "the phone gets through once the server is back");
        }
    }
    site.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    kill(server.take().expect("it runs"));
    examine(&site, &saved);
}

fn examine(site: &Site, saved: &BTreeSet<String>) {
    let data = site.data.to_str().expect("a path");
    for what in ["digests", "blobs", "audit"] {
        let out = Command::new(blindspot())
            .args(["verify", what, "--data", data, "--json"])
            .output()
            .expect("runs");
        assert!(out.status.success(), "verify {what}: {}", String::from_utf8_lossy(&out.stdout));
    }
    let folder = DataFolder::open(&site.data, None, now_ms()).expect("a folder");
    let house = &folder.house;
    let (mut cases, mut photos) = (BTreeSet::new(), 0);
    house
        .store
        .read(|tx| {
            rows::each_of_kind(tx, &house.city, &RowKind::Case, |row| {
                cases.insert(row.key.id.clone());
                Ok(())
            })?;
            rows::each_of_kind(tx, &house.city, &RowKind::Photo, |row| {
                let photo: Value = serde_json::from_str(&row.body)?;
                let verified = photo["verified"].as_array().map_or(0, Vec::len);
                assert_eq!(verified, 3, "every form arrived: {photo}");
                photos += 1;
                Ok(())
            })
        })
        .expect("rows");
    assert_eq!(&cases, saved, "every saved report, each once");
    assert_eq!(photos, saved.len());
}
