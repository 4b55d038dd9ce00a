//! A few seeds of the simulation inside the ordinary test run; `cargo xtask sim` runs many.

use blindspot_testkit::{LIFE, Run, Scenario, kept, of_seed, play, run};

#[test]
fn every_scenario_keeps_its_promises_on_a_few_seeds() {
    for (word, scenario) in Scenario::ALL {
        let seeds = if *scenario == Scenario::F2 { 9_001..9_002 } else { 9_001..9_004 };
        for seed in seeds {
            let report = run(&of_seed(*scenario, seed));
            assert!(report.wrong.is_empty(), "{word}, seed {seed}: {:#?}", report.wrong);
            assert!(report.ops > 40, "{word}, seed {seed} did something: {} ops", report.ops);
        }
    }
}

/// The moves of the whole life of a case, on phones and at desks, among all the troubles of the others.
#[test]
fn the_life_of_a_case_keeps_the_promises_too() {
    for seed in 9_020..9_032 {
        let report = run(&Run { rules: LIFE, ..of_seed(Scenario::F1, seed) });
        assert!(report.wrong.is_empty(), "seed {seed}: {:#?}", report.wrong);
    }
}

/// A scenario is its bytes: kept, they replay to the same end even when the generator changed.
#[test]
fn kept_bytes_replay_a_scenario() {
    let first = run(&of_seed(Scenario::F1, 9_011));
    let file = kept::to_file(&Run { bytes: first.bytes.clone(), ..of_seed(Scenario::F1, 9_011) });
    let again = play(&kept::from_file(&file).expect("a kept run"));
    assert_eq!(
        (first.ops, first.answered, first.healed_in_ms),
        (again.ops, again.answered, again.healed_in_ms)
    );
}

/// Runs that once found something, one of each scenario, and runs by former rules: all keep their promises now.
#[test]
fn kept_scenarios_keep_their_promises() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/sim");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).expect("fixtures/sim") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "scenario") {
            continue;
        }
        let run = kept::from_file(&std::fs::read(&path).expect("a file")).expect("a kept run");
        let wrong = kept::outcome_of(&run).map_or_else(|panic| vec![panic], |report| report.wrong);
        assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
        played += 1;
    }
    assert!(played >= 10, "{played} kept runs");
}
