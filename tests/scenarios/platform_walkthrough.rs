//! The walk-through for phone developers, executed as they would paste it, against a real sandbox.

use crate::sandbox::Sandbox;
use std::process::Command;

const DOCUMENT: &str = include_str!("../../docs/phone-developer.md");
/// Its address in the document.
const ADDRESS: &str = "http://127.0.0.1:8080";
const END: &str = "@@ end of block";

/// A block of commands, and lines of which each must be printed by it, in this order.
#[derive(Debug)]
struct Step {
    line: usize,
    commands: String,
    expected: Vec<String>,
}

fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![];
    let mut lines = document.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().map(|(_, l)| l).take_while(|l| *l != "```").collect();
        match kind {
            "sh" => steps.push(Step { line: at + 1, commands: body.join("\n"), expected: vec![] }),
            "text" => {
                let step = steps.last_mut().expect("output follows commands");
                assert!(step.expected.is_empty(), "line {}: output twice", at + 1);
                step.expected = body.iter().map(|l| (*l).to_owned()).collect();
            }
            _ => {}
        }
    }
    steps
}

/// The first expected line that is not printed after the one before it.
fn missing<'s>(step: &'s Step, printed: &str) -> Option<&'s str> {
    let mut rest = printed;
    for line in &step.expected {
        match rest.find(line.as_str()) {
            Some(at) => rest = &rest[at + line.len()..],
            None => return Some(line),
        }
    }
    None
}

#[test]
fn shown_platform_walkthrough() {
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("a folder");
    let steps = steps(DOCUMENT);
    assert!(steps.len() > 12, "the document lost its steps");
    let mut script = String::from("set -u\n");
    for step in &steps {
        let commands = step.commands.replace(ADDRESS, &sandbox.base);
        script += &format!("{commands}\necho '{END}'\n");
    }
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/protocol/v1");
    let ran = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env("FIXTURES", fixtures)
        .output()
        .expect("bash runs");
    let printed = String::from_utf8_lossy(&ran.stdout);
    let blocks: Vec<&str> = printed.split(END).collect();
    println!("{printed}");
    assert_eq!(blocks.len(), steps.len() + 1, "the script stopped early");
    for (step, printed) in steps.iter().zip(blocks) {
        if let Some(line) = missing(step, printed) {
            panic!(
                "docs/phone-developer.md:{}: `{line}` was not printed by\n{}\nbut\n{printed}",
                step.line, step.commands
            );
        }
    }
    println!(
        "{} blocks, {} lines compared",
        steps.len(),
        steps.iter().map(|s| s.expected.len()).sum::<usize>()
    );
}

#[test]
fn a_line_that_is_not_printed_or_not_in_order_is_found() {
    let found = steps("```sh\necho b a\n```\ntext\n```text\na\nb\n```\n");
    assert_eq!(found.len(), 1);
    assert_eq!(missing(&found[0], "b a\n"), Some("b"));
    assert_eq!(missing(&found[0], "a b\n"), None);
}
