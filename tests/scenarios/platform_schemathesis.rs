//! schemathesis over the whole description of the interface, against a real sandbox: no answer of 500 and above, and
//! none that the description does not know. `BLINDSPOT_SCHEMATHESIS_EXAMPLES` says how many requests at least
//! (2,000), `BLINDSPOT_SCHEMATHESIS_SEED` where to begin (printed).

use crate::sandbox::Sandbox;
use blindspot_server::service::sandbox;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,\
                      allow_header_conformance";
/// The first would end the run, the second is a stream without an end.
const LEFT_OUT: [&str; 2] = ["/v1/sandbox/reset", "/v1/events"];
/// About how many operations there are to share the examples.
const OPERATIONS: u64 = 40;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |v| v.parse().expect("a whole number"))
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run(base: &str, description: &str, examples: u64, seed: u64, folder: &Path) -> (Output, Value) {
    let program = here("../target/ci-tools/schemathesis/bin/st");
    assert!(program.exists(), "schemathesis is not installed: run `cargo xtask setup` first");
    let summary = folder.join("summary.json");
    let codes = json!({"collector-001": sandbox::code("collector-001")}).to_string();
    let mut command = Command::new(program);
    command.args([
        "run",
        description,
        "--url",
        base,
        "--phases",
        "examples,coverage,fuzzing",
        "--mode",
        "all",
    ]);
    command.args(["--max-examples", &examples.to_string(), "--seed", &seed.to_string(), "--workers", "1"]);
    command.args(["--checks", CHECKS, "--continue-on-failure", "--no-color", "--request-timeout", "60"]);
    for path in LEFT_OUT {
        command.args(["--exclude-path", path]);
    }
    let ran = command
        .current_dir(folder)
        .env("SCHEMATHESIS_HOOKS", here("schemathesis/hooks.py"))
        .env("BLINDSPOT_BASE", base)
        .env("BLINDSPOT_SEED", seed.to_string())
        .env("BLINDSPOT_SUMMARY", &summary)
        .env("BLINDSPOT_VECTORS", here("../fixtures/protocol/v1/ops.json"))
        .env("BLINDSPOT_CODES", codes)
        .output()
        .expect("schemathesis runs");
    let text = std::fs::read_to_string(&summary).unwrap_or_default();
    (ran, serde_json::from_str(&text).unwrap_or_default())
}

fn share(part: &Value, whole: u64) -> f64 {
    part.as_u64().unwrap_or(0) as f64 / whole.max(1) as f64
}

#[test]
fn shown_platform_schemathesis() {
    let wanted = number("BLINDSPOT_SCHEMATHESIS_EXAMPLES", 2_000);
    let mut seed = number("BLINDSPOT_SCHEMATHESIS_SEED", 1);
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a folder");
    let description = format!("{}/openapi.json", sandbox.base);
    let mut calls = 0;
    while calls < wanted {
        let examples = (wanted / OPERATIONS).clamp(10, 250);
        let (ran, summary) = run(&sandbox.base, &description, examples, seed, folder.path());
        println!("seed {seed}: {summary}");
        let output = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "seed {seed}\n{output}\n{}", String::from_utf8_lossy(&ran.stderr));
        let made = summary["calls"].as_u64().expect("a sum of calls");
        // Otherwise it only knocked at the door.
        let (inside, outside) = (summary["reached"]["yes"].as_u64().unwrap_or(0), &summary["reached"]["no"]);
        assert!(inside > made / 2 && share(outside, inside) < 0.1, "callers were turned away: {summary}");
        assert!(share(&summary["statuses"]["200"], made) > 0.1, "hardly anything succeeded: {summary}");
        calls += made;
        seed += 1;
    }
    println!("{calls} requests, 0 answers of 500 and above, 0 undocumented");
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut document = blindspot_server::openapi::document();
    let paths = document["paths"].as_object_mut().expect("paths");
    paths.retain(|path, _| path == "/v1/people/{id}/grants");
    let responses = &mut document["paths"]["/v1/people/{id}/grants"]["post"]["responses"];
    assert!(responses.as_object_mut().expect("responses").remove("400").is_some());
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).expect("written");
    let (ran, _) = run(&sandbox.base, file.to_str().expect("a path"), 30, 1, folder.path());
    let output = String::from_utf8_lossy(&ran.stdout);
    assert!(!ran.status.success() && output.contains("Undocumented status code"), "{output}");
}
