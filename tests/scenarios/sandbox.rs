//! `blindspot serve --sandbox` as a process of its own, and what it must never do.

use crate::raw::send;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The binary that was built beside this test.
pub(crate) fn blindspot() -> PathBuf {
    let me = std::env::current_exe().expect("a path");
    let folder = me.parent().and_then(Path::parent).expect("a target folder");
    let path = folder.join("blindspot");
    assert!(path.exists(), "the binary is not built: run `cargo build -p blindspot-cli` first");
    path
}

/// A sandbox that runs.
pub(crate) struct Sandbox {
    pub(crate) base: String,
    child: Child,
    dir: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"))
    }

    fn start_in(dir: tempfile::TempDir) -> Self {
        let data = dir.path().join("sandbox");
        let mut child = Command::new(blindspot())
            .args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let base = lines.find_map(|line| {
            let line = line.expect("text");
            line.split_whitespace().find(|w| w.starts_with("http://")).map(str::to_owned)
        });
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { base: base.expect("it says where it listens"), child, dir }
    }

    /// Ends it as a crash would; the folder stays.
    fn kill(mut self) -> tempfile::TempDir {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        std::mem::replace(&mut self.dir, tempfile::tempdir().expect("a folder"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who is there; then adds somebody.
fn people(base: &str, add: &str) -> Vec<Value> {
    let login =
        serde_json::json!({"login": "administrator-1", "password": "sandbox administrator-1"}).to_string();
    let json = [("content-type", "application/json")];
    let signed = send("POST", &format!("{base}/v1/sessions"), &json, login.as_bytes());
    signed.ok();
    let cookie = signed.header("set-cookie").and_then(|c| c.split(';').next()).expect("a cookie").to_owned();
    let list = send("GET", &format!("{base}/v1/people"), &[("cookie", &cookie)], b"").ok();
    let one = serde_json::json!({"login": add, "name": "x"}).to_string();
    let cookie = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    send("POST", &format!("{base}/v1/people"), &cookie, one.as_bytes()).ok();
    list["items"].as_array().expect("people").clone()
}

#[test]
fn a_sandbox_is_put_back_says_so_and_survives_a_crash() {
    let sandbox = Sandbox::start();
    let first = people(&sandbox.base, "left-over");
    for _ in 0..3 {
        let reset = send("POST", &format!("{}/v1/sandbox/reset", sandbox.base), &[], b"");
        assert_eq!((reset.status, reset.header("blindspot-sandbox")), (202, Some("1")));
        // The next request waits for the city to be back; somebody was added in the round before.
        assert_eq!(people(&sandbox.base, "left-over"), first);
    }
    let dir = sandbox.kill();
    let again = Sandbox::start_in(dir);
    assert_eq!(people(&again.base, "another").len(), first.len() + 1, "a start alone puts nothing back");
}

fn refused(words: &[&str], data: &Path) -> String {
    let out =
        Command::new(blindspot()).arg("serve").args(words).arg("--data").arg(data).output().expect("it runs");
    assert!(!out.status.success(), "{words:?}");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn real_data_is_never_a_sandbox_and_a_sandbox_never_real() {
    let dir = tempfile::tempdir().expect("a folder");
    let real = dir.path().join("real");
    std::fs::create_dir_all(&real).expect("made");
    std::fs::write(real.join("blindspot.db"), b"").expect("written");
    assert!(refused(&["--sandbox", "--listen", "127.0.0.1:0"], &real).contains("no sandbox folder"));
    assert_eq!(std::fs::read_dir(&real).expect("listed").count(), 1, "it was left alone");
    let sandbox = Sandbox::start().kill();
    let data = sandbox.path().join("sandbox");
    assert!(refused(&["--listen", "127.0.0.1:0"], &data).contains("--sandbox"));
    assert!(
        refused(&["--sandbox", "--listen", "0.0.0.0:0", "--tls-trial"], &data).contains("--sandbox-open")
    );
}

#[test]
fn no_other_server_knows_the_address() {
    let house = crate::house::TestHouse::start();
    let answer = house.admin("POST", "/v1/sandbox/reset", &serde_json::json!({}));
    assert_eq!(answer.status, 404);
    answer.problem("not_found");
    assert_eq!(answer.header("blindspot-sandbox"), None);
}
