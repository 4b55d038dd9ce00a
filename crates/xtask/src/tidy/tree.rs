//! What really ends up in a package, through any number of steps. Read from `cargo tree` with features, one
//! `name vX` or `name feature "x"` a line.

use super::Finding;

type Judge = fn(&str) -> Vec<Finding>;

/// (package, `--target` or empty for this machine's, judge of its tree).
pub(crate) const QUESTIONS: &[(&str, &str, Judge)] =
    &[("blindspot-core", "all", core), ("blindspot-client", "all", client), ("blindspot-cli", "", shipped)];

/// Core stays without randomness, threads, storage and network however deep. A crate may name `rand` without a source of
/// entropy (it takes the caller's generator), so the sources are what is watched: getrandom and std's thread_rng.
fn core(tree: &str) -> Vec<Finding> {
    let banned = ["tokio", "rusqlite", "axum", "getrandom", "rayon", "rayon-core", "mio", "hyper"];
    let features = [
        ("uuid", "v7"),
        ("uuid", "v4"),
        ("uuid", "rng"),
        ("geo", "default"),
        ("rand", "thread_rng"),
        ("rand", "sys_rng"),
    ];
    judge(
        tree,
        "crates/core/Cargo.toml",
        &banned,
        &features,
        "core brings no randomness, threads, storage or network",
    )
}

fn client(tree: &str) -> Vec<Finding> {
    let banned =
        ["tokio", "axum", "hyper", "ureq", "getrandom", "rayon", "blindspot-server", "blindspot-store"];
    judge(
        tree,
        "crates/client/Cargo.toml",
        &banned,
        &[],
        "the host of a replica owns network, threads and random bytes",
    )
}

/// The binary holds no test helper and no planted bug.
fn shipped(tree: &str) -> Vec<Finding> {
    let banned =
        ["blindspot-testkit", "blindspot-faulty-vfs", "blindspot-tests", "blindspot-xtask", "proptest"];
    let ours = ["core", "photo", "client", "store", "server", "sample", "cli"]
        .map(|name| format!("blindspot-{name}"));
    let not_ours = ["testing", "planted", "mutants", "faults"];
    let features: Vec<(&str, &str)> =
        ours.iter().flat_map(|name| not_ours.map(|feature| (name.as_str(), feature))).collect();
    judge(
        tree,
        "crates/cli/Cargo.toml",
        &banned,
        &features,
        "the shipped binary holds no test code and no planted bug",
    )
}

fn judge(tree: &str, manifest: &str, banned: &[&str], features: &[(&str, &str)], why: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or("");
        let feature = (words.next() == Some("feature")).then(|| words.next().unwrap_or("").trim_matches('"'));
        if banned.contains(&name) {
            found.push(Finding::new(
                manifest,
                1,
                "reach",
                format!("`{name}` is reached: {why}; see `cargo tree -i {name}`"),
            ));
        }
        if let Some((package, feature)) = features.iter().find(|(p, f)| *p == name && feature == Some(f)) {
            let why = format!("feature `{feature}` of `{package}` is reached: {why}");
            found.push(Finding::new(manifest, 1, "reach", why));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_dependencies_are_seen() {
        assert_eq!(core("blindspot-core v0.1.0\ngeo v0.33.1\ngetrandom v0.4.3\ngetrandom v0.4.3\n").len(), 1);
        assert_eq!(core("blindspot-core v0.1.0\nuuid feature \"v7\"\n").len(), 1);
        assert_eq!(core("geo feature \"default\" (command-line)\n").len(), 1);
        assert_eq!(client("blindspot-client v0.1.0\nblindspot-store v0.1.0 (/x)\n").len(), 1);
        assert!(core("geo v0.33.1\nrand v0.10.4\nrand feature \"alloc\"\nuuid feature \"std\"\n").is_empty());
    }

    #[test]
    fn test_code_in_the_binary_is_seen() {
        for line in [
            "blindspot-testkit v0.1.0 (/x)",
            "blindspot-core feature \"testing\"",
            "blindspot-server feature \"planted\"",
            "proptest v1",
        ] {
            assert_eq!(shipped(line).len(), 1, "{line}");
        }
        assert!(shipped("blindspot-client feature \"native\"\nblindspot-core v0.1.0\n").is_empty());
    }
}
