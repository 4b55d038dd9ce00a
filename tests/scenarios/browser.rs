//! A browser on another host, made of a network namespace: a trial TLS server, a service worker that stays, and what
//! the page says over plain http. Needs root and programs that `cargo xtask ci` installs; without them it fails.

use crate::killed::blindspot;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Programs that have to be there, and the Debian package of each.
const PROGRAMS: [(&str, &str); 4] =
    [("ip", "iproute2"), ("chromium", "chromium"), ("certutil", "libnss3-tools"), ("node", "nodejs")];

fn ip(words: &str) {
    let out = Command::new("ip").args(words.split(' ')).output().expect("ip runs");
    assert!(out.status.success(), "ip {words}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Two hosts with one cable between them; gone with the test, whatever became of it.
struct Hosts {
    server: String,
    phone: String,
    link: String,
    net: String,
    children: Vec<Child>,
}

impl Hosts {
    fn new() -> Self {
        let id = std::process::id() % 60_000;
        let hosts = Self {
            server: format!("bs-server-{id}"),
            phone: format!("bs-phone-{id}"),
            link: format!("bsp{id}"),
            net: format!("10.77.{}", id % 250),
            children: Vec::new(),
        };
        let Self { server, phone, link, net, .. } = &hosts;
        ip(&format!("netns add {server}"));
        ip(&format!("netns add {phone}"));
        ip(&format!("link add {link} netns {phone} type veth peer name bss{id} netns {server}"));
        ip(&format!("-n {server} addr add {net}.1/24 dev bss{id}"));
        ip(&format!("-n {phone} addr add {net}.2/24 dev {link}"));
        for (host, device) in [(server, "lo"), (phone, "lo"), (server, &*format!("bss{id}")), (phone, link)] {
            ip(&format!("-n {host} link set {device} up"));
        }
        hosts
    }

    /// A server on the other host, once it listens.
    fn serve(&mut self, data: &Path, listen: &str, more: &[&str]) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server]).arg(blindspot()).arg("serve").arg("--data").arg(data);
        command.args(["--listen", listen]).args(more).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the server starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        self.children.push(child);
        let said = out.lines().map_while(Result::ok).any(|line| line.contains("Ctrl-C"));
        assert!(said, "the server on {listen} ended before it listened");
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        for host in [&self.server, &self.phone] {
            let _ = Command::new("ip").args(["netns", "del", host]).status();
        }
    }
}

#[test]
fn shown_platform_browser() {
    for (program, package) in PROGRAMS {
        let there =
            Command::new("sh").args(["-c", &format!("command -v {program}")]).output().expect("sh runs");
        assert!(there.status.success(), "{program} is missing: apt-get install {package}");
    }
    let dir = tempfile::tempdir().expect("a folder");
    let mut hosts = Hosts::new();
    let net = hosts.net.clone();
    hosts.serve(&dir.path().join("trial"), &format!("{net}.1:8443"), &["--tls-trial"]);
    // In front of this one a proxy would end TLS; the phone goes past it.
    hosts.serve(
        &dir.path().join("plain"),
        &format!("{net}.1:8080"),
        &["--trusted-proxy", &format!("{net}.9/32")],
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/start.mjs");
    let out = Command::new("ip")
        .args(["netns", "exec", &hosts.phone, "node"])
        .arg(script)
        .args([
            format!("https://{net}.1:8443"),
            format!("http://{net}.1:8444"),
            format!("http://{net}.1:8080"),
        ])
        .arg(&hosts.link)
        .arg(dir.path())
        .output()
        .expect("node runs");
    let (text, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{text}\n{error}");
    let said: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    examine(&said);
}

fn examine(said: &Value) {
    assert_eq!(said["untrusted"], "ERR_CERT_AUTHORITY_INVALID", "{said}");
    for visit in ["opened", "reloaded", "opened_offline", "opened_http"] {
        assert_eq!(said[visit], "opened", "{visit}: {said}");
    }
    assert_eq!(said["ca_type"], "application/x-x509-ca-cert");
    assert_eq!(said["fingerprint_shown"], true);
    for visit in ["first", "second", "offline"] {
        for check in ["browser", "secure", "storage", "offline", "position"] {
            assert_eq!(said[visit][check], "good", "{visit} {check}: {said}");
        }
    }
    assert_eq!(said["first"]["clock"], "good", "{said}");
    assert!(said["controlled"].as_str().is_some_and(|url| url.ends_with("/start/sw.js")), "{said}");
    assert!(said["offline_title"].as_str().is_some_and(|t| t.contains("净格")), "{said}");
    assert_eq!(said["offline_reached"], false, "the link was not down");
    for check in ["secure", "storage", "camera", "position", "offline"] {
        assert_eq!(said["http"][check], "bad", "{check}: {said}");
    }
    let words = said["http_words"].as_str().expect("words");
    assert!(words.contains("https") && words.contains("不能用"), "{words}");
    assert_eq!((&said["http_private"], &said["http_private_code"]), (&json!(403), &json!("https_required")));
    assert_eq!(said["violations"], json!([]));
}
