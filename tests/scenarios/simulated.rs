//! A few seeds of the simulation inside the ordinary test run; `cargo xtask sim` runs many.

use blindspot_testkit::{Scenario, replay, run};

#[test]
fn every_scenario_keeps_its_promises_on_a_few_seeds() {
    for (word, scenario) in Scenario::ALL {
        let seeds = if *scenario == Scenario::F2 { 9_001..9_002 } else { 9_001..9_004 };
        for seed in seeds {
            let report = run(*scenario, seed, false);
            assert!(report.wrong.is_empty(), "{word}, seed {seed}: {:#?}", report.wrong);
            assert!(report.ops > 40, "{word}, seed {seed} did something: {} ops", report.ops);
        }
    }
}

/// A scenario is its bytes: kept, they replay to the same end even when the generator changed.
#[test]
fn kept_bytes_replay_a_scenario() {
    let first = run(Scenario::F1, 9_010, false);
    let again = replay(Scenario::F1, 9_010, first.bytes.clone());
    assert_eq!(
        (first.ops, first.answered, first.healed_in_ms),
        (again.ops, again.answered, again.healed_in_ms)
    );
}
