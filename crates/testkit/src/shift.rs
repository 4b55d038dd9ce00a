//! The same decisions under other clocks (P8): what the server holds in the end must not depend on them.
//!
//! Ids carry the clock of the phone that made them, and what a phone claimed is kept as claimed: of an id only the
//! random part is compared, of a claim nothing.

use crate::dice::Dice;
use crate::scenario::{Report, Run, World, play};
use blindspot_core::row::RowKind;
use blindspot_store::{StoreError, rows};
use serde_json::Value;
use uuid::Uuid;

/// Plays a run twice, the second time with every phone's clock off by up to twenty years more.
#[must_use]
pub fn compare(run: &Run) -> Report {
    let mut first = play(&Run { outcome: true, ..run.clone() });
    if !first.wrong.is_empty() {
        return first;
    }
    let mut dice = Dice::from_seed(!run.seed, 1_024);
    let years = |dice: &mut Dice| i64::try_from(dice.below(20 * 365 * 86_400)).unwrap_or(0) * 1_000;
    let shifts = (0..run.scenario.phones()).map(|_| years(&mut dice) - 365 * 86_400_000).collect();
    let second = play(&Run { outcome: true, shifts, ..run.clone() });
    first.wrong.extend(second.wrong.iter().map(|w| format!("under shifted clocks: {w}")));
    if first.wrong.is_empty() && first.outcome != second.outcome {
        let differs = |own: &[String], other: &[String]| -> Vec<String> {
            own.iter().filter(|line| !other.contains(line)).take(3).cloned().collect()
        };
        first.wrong.push(format!(
            "P8: other clocks, another outcome:\n once  {:#?}\n twice {:#?}",
            differs(&first.outcome, &second.outcome),
            differs(&second.outcome, &first.outcome)
        ));
    }
    first
}

/// All rows of cases, and all verdicts, as text without clocks.
pub(crate) fn outcome(world: &mut World) -> Vec<String> {
    let house = world.sim.server.house();
    let kinds = [
        RowKind::Case,
        RowKind::Person,
        RowKind::Photo,
        RowKind::Comment,
        RowKind::Conflict,
        RowKind::Freshness,
        RowKind::Verdict,
    ];
    let mut lines = vec![];
    house
        .store
        .read(|tx| {
            for kind in &kinds {
                rows::each_of_kind(tx, &house.city, kind, |row| {
                    let body: Value = serde_json::from_str(&row.body)?;
                    lines.push(format!("{} {}", kind.as_str(), clockless(body)));
                    Ok(())
                })?;
            }
            Ok::<_, StoreError>(())
        })
        .expect("rows are read");
    lines.sort();
    lines
}

fn clockless(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_ids(&text)),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(clockless).collect();
            // Sets are written in the order of ids.
            if items.iter().all(Value::is_string) {
                items.sort_by_key(ToString::to_string);
            }
            Value::Array(items)
        }
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(name, _)| name != "claimed_ms")
                .map(|(name, value)| (without_ids(&name), clockless(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Each id in a text becomes its random part.
fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let id = rest.get(..36).filter(|part| Uuid::parse_str(part).is_ok());
        let (kept, taken) = match id {
            Some(id) => (&id[14..], 36),
            None => (&rest[..first.len_utf8()], first.len_utf8()),
        };
        out.push_str(kept);
        rest = &rest[taken..];
    }
    out
}
