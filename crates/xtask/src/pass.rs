//! Chores that only hand their arguments on: the simulator of the tests package, hidden subcommands of the binary.
//! Must not know what those arguments mean.

use crate::shell;
use std::path::Path;
use std::process::Command;

/// A program of the tests, built for speed because seeds a second is what the simulator is judged by.
pub(crate) fn tests_command(root: &Path, program: &str, args: &[String]) -> Command {
    let mut command = shell::cargo(root);
    command.args(["run", "--quiet", "--profile", "sim", "-p", "blindspot-tests", "--bin", program, "--"]);
    command.args(args);
    command
}

/// `cargo run` of the product's binary with a subcommand.
pub(crate) fn blindspot_command(root: &Path, args: &[String]) -> Command {
    let mut command = shell::cargo(root);
    command.args(["run", "--quiet", "-p", "blindspot-cli", "--"]).args(args);
    command
}

/// `cargo xtask sim ..`
pub(crate) fn sim(root: &Path, args: &[String]) -> bool {
    shell::inherit(&mut tests_command(root, "blindspot-sim", args))
}

/// `cargo xtask mutants ..`
pub(crate) fn mutants(root: &Path, args: &[String]) -> bool {
    shell::inherit(&mut tests_command(root, "blindspot-mutants", args))
}

/// `cargo xtask faults ..`, in the build that the tests use: the fault, not the speed, is what it is about.
pub(crate) fn faults(root: &Path, args: &[String]) -> bool {
    let mut build = shell::cargo(root);
    build.args(["build", "--quiet", "-p", "blindspot-cli", "-p", "blindspot-tests", "--bins"]);
    let mut run = shell::cargo(root);
    run.args(["run", "--quiet", "-p", "blindspot-tests", "--bin", "blindspot-faults", "--"]).args(args);
    shell::inherit(&mut build) && shell::inherit(&mut run)
}

/// `cargo xtask vectors|docs|openapi|routes ..`
pub(crate) fn hidden(root: &Path, chore: &str, args: &[String]) -> bool {
    let mut all = vec![chore.to_owned()];
    all.extend_from_slice(args);
    shell::inherit(&mut blindspot_command(root, &all))
}
