//! What may not be named where: clocks, files and threads at the heart, unordered maps, the runtime in use-cases.

use super::Finding;
use super::paths::paths;
use super::source::Source;

struct Ban {
    rule: &'static str,
    /// Path prefixes where it holds.
    within: &'static [&'static str],
    /// Path prefixes inside those where it does not.
    except: &'static [&'static str],
    names: &'static [&'static str],
    /// Whether test code is held to it as well.
    tests_too: bool,
    why: &'static str,
}

const PURE: &[&str] = &["crates/core/src", "crates/photo/src", "crates/client/src"];
const CLOCKS: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "time::Instant",
    "time::SystemTime",
    "Instant::now",
    "SystemTime::now",
];

const BANS: &[Ban] = &[
    Ban {
        rule: "clock",
        within: PURE,
        except: &[],
        names: CLOCKS,
        tests_too: false,
        why: "core, photo and client take the time as data; pass `now_ms` in",
    },
    Ban {
        rule: "thread",
        within: PURE,
        except: &[],
        names: &["std::thread", "thread::spawn", "thread::sleep"],
        tests_too: false,
        why: "the host owns threads; a browser has none",
    },
    Ban {
        rule: "fs",
        within: PURE,
        except: &["crates/client/src/native"],
        names: &["std::fs", "fs::read", "fs::write", "fs::File", "File::open", "File::create"],
        tests_too: false,
        why: "take bytes or the PhotoFiles trait; files belong to client/src/native*.rs behind feature `native`",
    },
    Ban {
        rule: "unordered",
        within: &["crates/core/", "crates/client/"],
        except: &[],
        names: &["HashMap", "HashSet"],
        tests_too: true,
        why: "its order differs from run to run; use BTreeMap or BTreeSet",
    },
    Ban {
        rule: "use-case-runtime",
        within: &["crates/server/src/service", "crates/server/src/auth"],
        except: &[],
        names: &["axum", "tokio", "tower", "tower_http", "hyper"],
        tests_too: false,
        why: "use-cases are synchronous functions that a simulation calls; keep the runtime in server/src/http",
    },
    Ban {
        rule: "use-case-input",
        within: &["crates/server/src/service", "crates/server/src/auth"],
        except: &[],
        names: &["Instant::now", "SystemTime::now", "getrandom", "Uuid::now_v7", "Uuid::new_v4"],
        tests_too: false,
        why: "a use-case is handed `now` and its random source, so that a simulation can own them",
    },
];

/// One finding for each line that names a banned thing.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let under = |prefixes: &[&str]| prefixes.iter().any(|p| source.path.starts_with(p));
    let bans: Vec<&Ban> = BANS.iter().filter(|b| under(b.within) && !under(b.except)).collect();
    if bans.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in paths(&source.toks) {
        for ban in bans.iter().filter(|b| b.tests_too || !path.test) {
            if let Some(name) = ban.names.iter().find(|name| path.holds(name)) {
                found.push(Finding::new(&source.path, path.line, ban.rule, format!("`{name}`: {}", ban.why)));
            }
        }
    }
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        check(&Source::parse(path, text).expect("sound source")).iter().map(|f| f.rule).collect()
    }

    #[test]
    fn every_ban_fires_where_it_holds() {
        for ban in BANS {
            let path = format!("{}/x.rs", ban.within[0].trim_end_matches('/'));
            for name in ban.names {
                let found = rules(&path, &format!("//! x\nfn f() {{ {name}(); }}\n"));
                assert!(found.contains(&ban.rule), "{name} passes in {path}: {found:?}");
            }
        }
    }

    #[test]
    fn grouped_imports_are_seen() {
        assert_eq!(
            rules("crates/core/src/x.rs", "use std::{collections::{BTreeMap, HashMap}, fmt};"),
            ["unordered"]
        );
        assert_eq!(rules("crates/photo/src/x.rs", "use std::{io, fs};"), ["fs"]);
    }

    #[test]
    fn what_is_allowed_passes() {
        assert_eq!(rules("crates/client/src/native.rs", "use std::fs;"), [""; 0]);
        assert_eq!(rules("crates/client/src/native/files.rs", "use std::fs::File;"), [""; 0]);
        assert_eq!(
            rules("crates/server/src/http/push.rs", "use axum::Json; use tokio::sync::Notify;"),
            [""; 0]
        );
        assert_eq!(rules("crates/core/src/x.rs", "use std::time::Duration; // SystemTime::now\n"), [""; 0]);
        assert_eq!(rules("crates/client/src/x.rs", "#[cfg(test)] mod t { use std::fs; }"), [""; 0]);
    }

    #[test]
    fn tests_are_held_to_order_as_well() {
        assert_eq!(
            rules("crates/core/src/x.rs", "#[cfg(test)] mod t { use std::collections::HashSet; }"),
            ["unordered"]
        );
    }
}
