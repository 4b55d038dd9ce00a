//! What a write costs where there are few cases, and where there are many: the same ops in turns, each in a commit of its own
//! and twenty in one. Knows no list.

use super::fill::{Dice, text, unit};
use crate::Failed;
use crate::report::quantile;
use blindspot_core::geo::Point;
use blindspot_core::wire::v1::DeskOp;
use blindspot_core::{CaseId, OpId};
use blindspot_server::service::{Credential, House, WriteJob, ingest};
use serde_json::{Value, json};
use std::sync::mpsc;
use std::time::Instant;

/// Rounds that are measured; the first ones warm up.
const ROUNDS: usize = 40;
const WARM: usize = 5;
/// Cases of a round, and ops of a commit.
const CASES: usize = 20;

/// Milliseconds an op: in a commit of its own, twenty in one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) alone: f64,
    pub(crate) together: f64,
}

/// A house under measurement.
pub(crate) struct Bench<'a> {
    pub(crate) house: &'a House,
    pub(crate) desk: Credential,
    pub(crate) at: &'a [Point],
}

/// Measures in turns; the medians of each.
pub(crate) fn compare(
    small: &Bench<'_>,
    large: &Bench<'_>,
    seed: u64,
    now_ms: i64,
) -> Result<(Cost, Cost), Failed> {
    let mut times = [(vec![], vec![]), (vec![], vec![])];
    let mut dice = Dice::new(seed ^ 0xc057);
    for round in 0..ROUNDS + WARM {
        for (bench, (alone, together)) in [small, large].into_iter().zip(&mut times) {
            let now_ms = now_ms + i64::try_from(round)? * 1_000;
            let jobs = story(bench, &mut dice, now_ms)?;
            let single = story(bench, &mut dice, now_ms)?;
            let ops = (jobs.len() * CASES) as f64;
            let begun = Instant::now();
            for step in jobs {
                run(bench, step, now_ms)?;
            }
            let of_twenty = begun.elapsed().as_secs_f64() * 1e3 / ops;
            let begun = Instant::now();
            for step in single {
                for one in step.into_iter().take(3) {
                    run(bench, vec![one], now_ms)?;
                }
            }
            let of_one = begun.elapsed().as_secs_f64() * 1e3 / 12.0;
            if round >= WARM {
                together.push(of_twenty);
                alone.push(of_one);
            }
        }
    }
    let [small, large] = times.map(|(mut alone, mut together)| {
        alone.sort_by(f64::total_cmp);
        together.sort_by(f64::total_cmp);
        Cost { alone: quantile(&alone, 0.5), together: quantile(&together, 0.5) }
    });
    Ok((small, large))
}

type Step = Vec<(CaseId, DeskOp)>;

/// Twenty cases from report to dispatch, step by step: reported with words, filed, commented, dispatched.
fn story(bench: &Bench<'_>, dice: &mut Dice, now_ms: i64) -> Result<Vec<Step>, Failed> {
    let bytes = |dice: &mut Dice| {
        let mut id = [0; 10];
        id[..8].copy_from_slice(&dice.below(u64::MAX).to_be_bytes());
        id[8..].copy_from_slice(&u16::try_from(dice.below(65_536)).unwrap_or(0).to_be_bytes());
        id
    };
    let cases: Vec<CaseId> = (0..CASES).map(|_| CaseId::from_parts(now_ms, bytes(dice))).collect();
    let mut steps = Vec::new();
    for kind in ["report", "file", "comment", "dispatch"] {
        let mut step = Step::new();
        for case in &cases {
            let payload: Value = match kind {
                "report" => {
                    let at = dice.one(bench.at);
                    let position = json!({"lat": at.lat, "lon": at.lon, "accuracy_m": 8.0});
                    json!({"description": text(dice), "position": position})
                }
                "file" => json!({"reason": "属实"}),
                "comment" => json!({"text": "已电话联系承办单位"}),
                _ => json!({"lead": unit(dice.below(super::fill::UNITS))}),
            };
            let op = DeskOp {
                op_id: OpId::from_parts(now_ms, bytes(dice)),
                kind: kind.into(),
                payload: serde_json::value::to_raw_value(&payload)?,
                expected_state: None,
                round: None,
            };
            step.push((*case, op));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn run(bench: &Bench<'_>, step: Step, now_ms: i64) -> Result<(), Failed> {
    let (send, receive) = mpsc::channel();
    let jobs = step.into_iter().map(|(case, op)| {
        let send = send.clone();
        WriteJob::Desk {
            credential: bench.desk,
            case_id: Some(case),
            op,
            received_ms: now_ms,
            done: Box::new(move |entry| drop(send.send(entry))),
        }
    });
    ingest::step(bench.house, jobs.collect());
    drop(send);
    for entry in receive {
        let entry = entry?;
        if entry.verdict.word() != "applied" {
            return Err(format!("an op of the measurement was not applied: {:?}", entry.verdict).into());
        }
    }
    Ok(())
}
