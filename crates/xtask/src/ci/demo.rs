//! The demo as a check: run it as a newcomer would, in a folder with spaces and Chinese, and judge its last object.
//! Must not know how the demo works.

use super::{Outcome, stages};
use crate::shell;
use serde_json::Value;
use std::path::Path;

/// Summed over all processes of the demo.
const RSS_MB_MAX: f64 = 400.0;
/// A slow machine may take longer; it is said, not failed.
const SECONDS_EXPECTED: f64 = 60.0;

/// Runs `blindspot demo --exit --json` on an empty folder, then holds what was planted in it against what is answered.
pub(crate) fn run(root: &Path) -> Outcome {
    let data = root.join("target/ci-demo/净格 demo data");
    if let Err(error) = std::fs::remove_dir_all(&data)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        println!("cannot empty {}: {error}", data.display());
        return Outcome::of(false);
    }
    let mut args = ["demo", "--exit", "--json", "--data"].map(str::to_owned).to_vec();
    args.push(data.to_string_lossy().into_owned());
    let ran = match shell::tee(&mut stages::built(root, "blindspot", &args)) {
        Ok(ran) => ran,
        Err(error) => {
            println!("{error}");
            return Outcome::of(false);
        }
    };
    let mut faults =
        last_object(&ran.stdout).map_or_else(|| vec!["no JSON object at the end".to_owned()], |o| judge(&o));
    if !ran.ok {
        faults.push("ended with a failing status".to_owned());
    }
    let mut verify = ["verify", "demo", "--data"].map(str::to_owned).to_vec();
    verify.push(data.to_string_lossy().into_owned());
    if !shell::inherit(&mut stages::built(root, "blindspot", &verify)) {
        faults.push("what was planted in the month before is not what is answered".to_owned());
    }
    faults.iter().for_each(|fault| println!("demo: {fault}"));
    Outcome::of(faults.is_empty())
}

/// What is wrong with the demo's last object, in words.
fn judge(result: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let number = |key: &str| result[key].as_f64();
    for key in ["lost", "duplicates"] {
        if number(key) != Some(0.0) {
            faults.push(format!("{key} is {}, must be 0", result[key]));
        }
    }
    if number("acknowledged").is_none_or(|n| n <= 0.0) {
        faults.push(format!("acknowledged is {}, must be above 0", result["acknowledged"]));
    }
    if result["digests_equal"] != true {
        faults.push("the digests of server and phones differ".to_owned());
    }
    let (verified, total) = (number("photos_verified"), number("photos_total"));
    if verified.is_none() || verified != total {
        faults.push(format!("{} of {} photos verified", result["photos_verified"], result["photos_total"]));
    }
    if number("peak_rss_mb").is_none_or(|mb| mb > RSS_MB_MAX) {
        faults.push(format!("peak memory {} MB, must stay under {RSS_MB_MAX}", result["peak_rss_mb"]));
    }
    if number("seconds").is_some_and(|s| s > SECONDS_EXPECTED) {
        println!("note: the demo took {} s, expected under {SECONDS_EXPECTED} s", result["seconds"]);
    }
    faults
}

/// The last JSON object in the output that begins a line, on one line or on several.
pub(crate) fn last_object(output: &str) -> Option<Value> {
    let lines: Vec<&str> = output.lines().collect();
    let starts = (0..lines.len()).rev().filter(|&i| lines[i].starts_with('{'));
    starts.filter_map(|i| serde_json::from_str(&lines[i..].join("\n")).ok()).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sound() -> Value {
        json!({ "acknowledged": 520, "lost": 0, "duplicates": 0, "photos_verified": 500, "photos_total": 500,
                "digests_equal": true, "seconds": 31.5, "peak_rss_mb": 310 })
    }

    #[test]
    fn a_sound_demo_has_no_fault() {
        assert!(judge(&sound()).is_empty());
    }

    #[test]
    fn every_broken_promise_is_a_fault() {
        let broken = [
            ("lost", json!(1)),
            ("duplicates", json!(2)),
            ("acknowledged", json!(0)),
            ("digests_equal", json!(false)),
            ("photos_verified", json!(499)),
            ("peak_rss_mb", json!(401)),
        ];
        for (key, value) in broken {
            let mut result = sound();
            result[key] = value;
            assert_eq!(judge(&result).len(), 1, "{key}");
            result[key] = Value::Null;
            assert_eq!(judge(&result).len(), 1, "{key} missing");
        }
    }

    #[test]
    fn the_last_object_is_found_on_one_line_or_more() {
        assert_eq!(last_object("{\"a\":1}\nwords\n{\"a\":2}\n"), Some(json!({"a": 2})));
        assert_eq!(last_object("words\n{\n  \"a\": {\n    \"b\": 1\n  }\n}\n"), Some(json!({"a": {"b": 1}})));
        assert_eq!(last_object("words\n"), None);
    }
}
