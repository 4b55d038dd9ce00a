//! `blindspot workflow`: the life of a case as the program runs it, states and moves, to be read by people and programs.

use crate::out::Done;
use crate::table;
use blindspot_core::access::{Class, policy};
use blindspot_core::case::{CaseState, Move, Round, TABLE, op_kind};
use serde_json::{Value, json};

/// Prints states and moves.
pub(crate) fn run(as_json: bool) -> Done {
    if as_json {
        println!("{}", whole());
        return Ok(());
    }
    let rows: Vec<Vec<String>> = TABLE
        .iter()
        .map(|m| {
            let from: Vec<&str> = m.from.iter().map(CaseState::zh).collect();
            vec![
                format!("{} {}", name(m), m.kind),
                from.join("、"),
                m.to.zh().to_owned(),
                who(m).join("、"),
                if m.round == Round::Raise { "+1" } else { "" }.to_owned(),
                if m.offline { "可 yes" } else { "" }.to_owned(),
            ]
        })
        .collect();
    let header = ["流转 move", "从 from", "到 to", "谁 who", "轮次 round", "离线 offline"];
    print!("{}", table::text(&header, &rows));
    Ok(())
}

/// The Chinese name of a move.
pub(crate) fn name(m: &Move) -> &'static str {
    policy(op_kind(m.kind)).map_or("", |p| p.zh)
}

/// The roles that may make it; for evidence without any, whoever it is about.
pub(crate) fn who(m: &Move) -> Vec<&'static str> {
    match policy(op_kind(m.kind)) {
        Some(p) if !p.roles.is_empty() => p.roles.iter().map(|r| r.zh()).collect(),
        _ => vec!["上报人"],
    }
}

fn whole() -> Value {
    let states: Vec<Value> =
        CaseState::KNOWN.iter().map(|s| json!({"state": s, "zh": s.zh(), "open": s.is_open()})).collect();
    let moves: Vec<Value> = TABLE
        .iter()
        .map(|m| {
            let line = policy(op_kind(m.kind));
            let class = line.map(|p| if p.class == Class::Evidence { "evidence" } else { "power" });
            json!({
                "kind": op_kind(m.kind), "outcome": m.kind.split_once(':').map(|(_, outcome)| outcome), "zh": name(m),
                "from": m.from, "to": m.to, "round_raised": m.round == Round::Raise, "offline": m.offline,
                "class": class, "roles": line.map(|p| p.roles),
            })
        })
        .collect();
    json!({"states": states, "moves": moves})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_has_a_name_and_somebody_who_may_make_it() {
        for m in TABLE {
            assert!(!name(m).is_empty() && !who(m).is_empty(), "{}", m.kind);
        }
        let whole = whole();
        assert_eq!(whole["moves"].as_array().map(Vec::len), Some(TABLE.len()));
        assert_eq!(whole["states"][0]["zh"], "已上报");
    }
}
