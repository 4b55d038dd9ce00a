//! A city whose photos move into a bucket and back: nobody notices, and every command finds them.

use crate::killed::{Site, blindspot, kill, set_up};
use blindspot_s3_temp::{ACCESS_KEY, SECRET_KEY, TempS3};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Whether it ended well, what it answered, and what it complained of.
fn run(words: &[&str]) -> (bool, Value, String) {
    let out = Command::new(blindspot()).args(words).arg("--json").output().expect("runs");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let value = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    (out.status.success(), value, String::from_utf8_lossy(&out.stderr).into_owned())
}

fn run_ok(words: &[&str]) -> Value {
    let (ok, value, error) = run(words);
    assert!(ok, "{words:?}: {value} {error}");
    value
}

fn report(site: &Site, n: u32) {
    let picture = site.data.with_file_name(format!("{n}.jpg"));
    std::fs::write(&picture, crate::photos::picture(n)).expect("a file");
    site.phone_ok(&["report", "--photo", text(&picture), "--text", "一处"]);
}

fn files_under(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|e| e.expect("an entry").path());
    paths.map(|path| if path.is_dir() { files_under(&path) } else { 1 }).sum()
}

#[test]
fn photos_move_into_a_bucket_and_back_and_every_command_finds_them() {
    let (site, code) = set_up();
    let mut s3 = TempS3::start().expect("a store");
    let keys = site.data.with_file_name("keys");
    std::fs::write(&keys, format!("{ACCESS_KEY}\n{SECRET_KEY}\n")).expect("written");
    let place = format!("{}&keys={}", s3.url("yiwu", None), keys.display());
    let data = text(&site.data).to_owned();
    let server = site.serve();
    site.phone_ok(&["enrol", "--server", &format!("http://{}", site.listen), "--code", &code]);
    report(&site, 1);
    site.phone_ok(&["sync", "--for", "60", "--until-empty"]);
    let into = ["blobs", "move", "--data", &data, "--to", &place, "--remove-old"];
    let beside = run_ok(&into);
    assert_eq!(beside["switched"], false, "not under a running server");
    let photos = beside["moved"]["copied"].as_u64().expect("a number");
    assert!(photos >= 2, "{beside}");
    kill(server);
    let switched = run_ok(&into);
    assert_eq!(
        (&switched["switched"], &switched["moved"]["copied"]),
        (&true.into(), &0.into()),
        "{switched}"
    );
    assert_eq!(switched["moved"]["there"].as_u64(), Some(photos), "it went on where it was");
    assert_eq!(files_under(&site.data.join("blobs")), 0);
    assert_eq!(run_ok(&["blobs", "place", "--data", &data])["place"], place.as_str());
    let mut elsewhere = Command::new(blindspot());
    elsewhere.args(["serve", "--data", &data, "--listen", &site.listen.to_string(), "--blobs", "disk"]);
    let refused = elsewhere.output().expect("runs");
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("blobs move"), "no second collection: {error}");
    // It starts while the store is down, and photos go through when it is back.
    s3.kill();
    let server = site.serve();
    report(&site, 2);
    site.phone_ok(&["sync", "--for", "5"]);
    s3.resurrect().expect("it comes back");
    site.phone_ok(&["sync", "--for", "120", "--until-empty"]);
    let checked = run_ok(&["verify", "blobs", "--data", &data]);
    assert!(checked["blobs"].as_u64() > Some(photos) && checked["strays"] == 0, "{checked}");
    let (_, findings, _) = run(&["doctor", "--data", &data, "--listen", "127.0.0.1:0"]);
    let photo = findings.as_array().and_then(|all| all.iter().find(|f| f["what"] == "photos"));
    assert_eq!(photo.map(|f| f["weight"].as_str()), Some(Some("good")), "{findings}");
    let (to, back) = (site.data.with_file_name("backups"), site.data.with_file_name("back"));
    let made = run_ok(&["backup", "--data", &data, "--to", text(&to), "--verify-blobs"]);
    assert_eq!(made["new_blobs"], checked["blobs"]);
    kill(server);
    run_ok(&["restore", "--from", made["folder"].as_str().expect("a folder"), "--data", text(&back)]);
    assert_eq!(run_ok(&["verify", "blobs", "--data", text(&back)])["blobs"], checked["blobs"]);
    let home = run_ok(&["blobs", "move", "--data", &data, "--to", "disk"]);
    assert_eq!(home["switched"], true, "{home}");
    s3.kill();
    assert_eq!(run_ok(&["verify", "blobs", "--data", &data])["blobs"], checked["blobs"]);
}
