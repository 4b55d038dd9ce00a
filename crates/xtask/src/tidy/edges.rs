//! Which crate may know which, and which outside crates core and client never name. Read from `cargo metadata`.

use super::Finding;
use serde_json::Value;

/// (package folder, workspace packages it may depend on). A package that is not here fails: add its row on purpose.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("photo", &[]),
    ("client", &["core", "photo"]),
    ("store", &["core"]),
    ("sample", &["core", "photo"]),
    ("port-temp", &[]),
    ("pg-temp", &["port-temp"]),
    ("s3-temp", &["port-temp"]),
    ("server", &["core", "photo", "store", "s3-temp"]),
    ("cli", &["client", "core", "pg-temp", "photo", "s3-temp", "sample", "server", "store"]),
    ("bench", &["client", "core", "pg-temp", "s3-temp", "sample", "server", "store"]),
    ("testkit", &["client", "core", "pg-temp", "photo", "sample", "server", "store"]),
    ("faulty-vfs", &[]),
    (
        "tests",
        &[
            "client",
            "core",
            "faulty-vfs",
            "pg-temp",
            "photo",
            "port-temp",
            "s3-temp",
            "sample",
            "server",
            "store",
            "testkit",
        ],
    ),
    ("xtask", &[]),
];

/// (package folder, outside crates it must not name in any kind of dependency, why).
const BANNED: &[(&str, &[&str], &str)] = &[
    (
        "core",
        &["tokio", "rusqlite", "axum", "rand", "getrandom", "chrono", "reqwest", "ureq"],
        "core decides and does nothing; randomness, time, storage and network come in as data",
    ),
    (
        "photo",
        &["tokio", "rusqlite", "axum", "rayon", "getrandom"],
        "photo is bytes in, bytes out, on the caller's thread",
    ),
    (
        "client",
        &["tokio", "axum", "ureq", "reqwest", "hyper", "rand", "getrandom"],
        "the host owns network, threads and random bytes",
    ),
    ("store", &["axum", "tokio", "hyper"], "the store is synchronous and speaks no HTTP"),
    ("sample", &["tokio", "axum", "rusqlite"], "the sample city is a pure recipe plus a small proxy"),
];

/// Judges the output of `cargo metadata --no-deps`. `Err` = it is not what cargo writes.
pub(crate) fn check(metadata: &str) -> Result<Vec<Finding>, String> {
    let parsed: Value =
        serde_json::from_str(metadata).map_err(|e| format!("Cargo.toml:0 edge: cargo metadata: {e}"))?;
    let packages =
        parsed["packages"].as_array().ok_or("Cargo.toml:0 edge: cargo metadata names no packages")?;
    Ok(packages.iter().flat_map(judge).collect())
}

fn judge(package: &Value) -> Vec<Finding> {
    let folder = folder(package["name"].as_str().unwrap_or(""));
    let manifest =
        if folder == "tests" { "tests/Cargo.toml".to_owned() } else { format!("crates/{folder}/Cargo.toml") };
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == folder) else {
        let why = format!("no row for `{folder}` in the table of allowed edges; decide what it may know");
        return vec![Finding::new(&manifest, 1, "edge", why)];
    };
    let mut found = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let name = dependency["name"].as_str().unwrap_or("");
        let dev = dependency["kind"].as_str() == Some("dev");
        if let Some(other) = name.strip_prefix("blindspot-") {
            let for_tests =
                dev && (other == folder || (["sample", "pg-temp"].contains(&other) && folder != "core"));
            if !allowed.contains(&other) && !for_tests {
                let why = format!("{folder} must not know {other}; move the shared part down or pass it in");
                found.push(Finding::new(&manifest, 1, "edge", why));
            }
        }
        if let Some((_, _, why)) = BANNED.iter().find(|(of, names, _)| *of == folder && names.contains(&name))
        {
            found.push(Finding::new(&manifest, 1, "banned", format!("`{name}`: {why}")));
        }
    }
    found
}

fn folder(package: &str) -> &str {
    package.strip_prefix("blindspot-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(package: &str, dependency: &str, kind: Option<&str>) -> Vec<&'static str> {
        let dependencies = json!([{ "name": dependency, "kind": kind }]);
        let metadata = json!({ "packages": [{ "name": package, "dependencies": dependencies }] }).to_string();
        check(&metadata).expect("sound metadata").iter().map(|f| f.rule).collect()
    }

    #[test]
    fn forbidden_edges_fail_in_both_directions() {
        for (from, to) in [
            ("client", "server"),
            ("client", "store"),
            ("store", "client"),
            ("server", "client"),
            ("server", "testkit"),
        ] {
            for kind in [None, Some("dev")] {
                let (from, to) = (format!("blindspot-{from}"), format!("blindspot-{to}"));
                assert_eq!(rules(&from, &to, kind), ["edge"], "{from} -> {to} {kind:?}");
            }
        }
        assert_eq!(rules("blindspot-cli", "blindspot-testkit", None), ["edge"]);
        assert_eq!(rules("blindspot-xtask", "blindspot-core", None), ["edge"]);
        assert_eq!(rules("blindspot-core", "blindspot-sample", Some("dev")), ["edge"]);
    }

    #[test]
    fn every_outside_ban_fires() {
        for (folder, names, _) in BANNED {
            for name in *names {
                assert_eq!(
                    rules(&format!("blindspot-{folder}"), name, None),
                    ["banned"],
                    "{folder} -> {name}"
                );
            }
        }
    }

    #[test]
    fn allowed_edges_pass_and_new_packages_need_a_row() {
        assert_eq!(rules("blindspot-server", "blindspot-store", None), [""; 0]);
        assert_eq!(rules("blindspot-core", "blindspot-core", Some("dev")), [""; 0]);
        assert_eq!(rules("blindspot-store", "blindspot-sample", Some("dev")), [""; 0]);
        assert_eq!(rules("blindspot-store", "blindspot-sample", None), ["edge"]);
        assert_eq!(rules("blindspot-new", "serde", None), ["edge"]);
    }
}
