//! Simulation runner.
fn main() {}
