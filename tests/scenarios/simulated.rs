//! A few seeds of the simulation inside the ordinary test run; `cargo xtask sim` runs many.

#[test]
fn f1_keeps_its_promises_on_a_few_seeds() {
    for seed in 9_001..9_005 {
        let report = blindspot_testkit::run_f1(seed, false);
        assert!(report.wrong.is_empty(), "seed {seed}: {:#?}", report.wrong);
        assert!(report.ops > 40, "seed {seed} did something: {} ops", report.ops);
    }
}

/// A scenario is its bytes: kept, they replay to the same end even when the generator changed.
#[test]
fn kept_bytes_replay_a_scenario() {
    let first = blindspot_testkit::run_f1(9_010, false);
    let again = blindspot_testkit::scenario::replay_f1(9_010, first.bytes.clone());
    assert_eq!(
        (first.ops, first.answered, first.healed_in_ms),
        (again.ops, again.answered, again.healed_in_ms)
    );
}
