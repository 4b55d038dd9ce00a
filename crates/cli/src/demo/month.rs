//! The month before the demo's day: played through the very rules, op by op at its own time, before the server starts. What is
//! planted in it is written into `truth.json`, for `blindspot verify demo`.

use super::plan::Cast;
use crate::out::{Done, Tried as _};
use crate::progress::Bars;
use blindspot_core::access::{Area, Role};
use blindspot_core::verdict::Verdict;
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use blindspot_core::{CaseId, OpId, PhotoId};
use blindspot_sample::City;
use blindspot_sample::month::{Act, Truth, month};
use blindspot_server::auth::sessions::seat;
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::{Credential, House, WriteJob, ingest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;

/// The file beside the demo's data.
pub(crate) const TRUTH: &str = "truth.json";
/// Ops of one transaction.
const AT_ONCE: usize = 200;

/// What was planted, with the ids of the cases by number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Planted {
    /// What must be found.
    pub(crate) truth: Truth,
    /// Case n is the n-th.
    pub(crate) ids: Vec<CaseId>,
    /// When it was played: what is overdue then is overdue for good, and more becomes so with every day.
    pub(crate) at_ms: i64,
}

/// Plays the month that ends now.
pub(crate) fn play(
    house: &House,
    city: &City,
    cast: &Cast,
    data: &Path,
    seed: u64,
    now_ms: i64,
    bars: &Bars,
) -> Done<Planted> {
    let busy: Vec<String> = cast.phones.iter().flatten().map(|part| part.person.key.clone()).collect();
    let month = month(city, seed, now_ms, &busy);
    let from_ms = month.acts.first().map_or(now_ms, |act| act.at_ms);
    let people = enlist(house, city, &month.people, from_ms)?;
    let bar = bars.bar("上个月 the month before", month.acts.len() as u64);
    let ids: Vec<CaseId> =
        (1..=month.truth.cases).map(|n| CaseId::from_parts(from_ms, tail(seed, 1, n))).collect();
    let mut last_back: BTreeMap<usize, OpId> = BTreeMap::new();
    for (n, acts) in month.acts.chunks(AT_ONCE).enumerate() {
        let (send, answers) = mpsc::channel();
        let mut jobs = Vec::with_capacity(acts.len());
        for (k, act) in acts.iter().enumerate() {
            let op_id = OpId::from_parts(act.at_ms, tail(seed, 2, n * AT_ONCE + k));
            let payload = filled(act, &ids, &last_back, seed);
            if let (Some(case), "feed_back") = (act.case, act.kind) {
                last_back.insert(case, op_id);
            }
            let op = DeskOp {
                op_id,
                kind: act.kind.to_owned(),
                payload: RawValue::from_string(payload).tried("演示写不出", "the demo cannot be written")?,
                expected_state: None,
                round: None,
            };
            let send = send.clone();
            jobs.push(WriteJob::Desk {
                credential: people[&act.who],
                case_id: act.case.and_then(|case| ids.get(case - 1)).copied(),
                op,
                received_ms: act.at_ms,
                done: Box::new(move |answer| {
                    let _ = send.send(answer);
                }),
            });
        }
        drop(send);
        ingest::step(house, jobs);
        for (act, answer) in acts.iter().zip(answers.iter()) {
            judge(act, &answer.tried("上个月没有演完", "the month was not played to its end")?)?;
        }
        bar.inc(acts.len() as u64);
    }
    bar.finish_with_message(format!("{} 件案件 cases", month.truth.cases));
    let planted = Planted { truth: month.truth, ids, at_ms: now_ms };
    let text = serde_json::to_string_pretty(&planted).tried("答案写不出", "the truth cannot be written")?;
    std::fs::write(data.join(TRUTH), text).tried("答案写不出", "the truth cannot be written")?;
    Ok(planted)
}

/// Whatever is planted must have landed: a plan that the rules refuse plants nothing.
fn judge(act: &Act, entry: &VerdictEntry) -> Done {
    if entry.verdict == Verdict::Applied {
        return Ok(());
    }
    let said = format!("{} {} {:?} -> {:?}", act.who, act.kind, act.case, entry.verdict);
    Err(crate::out::Failure::new(
        format!("上个月的一步没有办成：{said}"),
        format!("a step of the month: {said}"),
    ))
}

fn tail(seed: u64, what: u8, n: usize) -> [u8; 10] {
    let mut bytes = [what; 10];
    bytes[1] = seed.to_be_bytes()[7];
    bytes[2..].copy_from_slice(&(n as u64).to_be_bytes());
    bytes
}

/// The payload with ids in the place of their names.
fn filled(act: &Act, ids: &[CaseId], last_back: &BTreeMap<usize, OpId>, seed: u64) -> String {
    let mut payload = act.payload.clone();
    walk(&mut payload, &mut |text| {
        let number = |prefix: &str| text.strip_prefix(prefix)?.parse::<usize>().ok();
        if text == "$BACK" {
            return act.case.and_then(|case| last_back.get(&case)).map(ToString::to_string);
        }
        if let Some(n) = number("$CASE:") {
            return ids.get(n - 1).map(ToString::to_string);
        }
        number("$PHOTO:").map(|n| PhotoId::from_parts(1, tail(seed, 3, n)).to_string())
    });
    payload.to_string()
}

fn walk(value: &mut Value, name: &mut dyn FnMut(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(id) = name(text) {
                *text = id;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|v| walk(v, name)),
        Value::Object(map) => map.values_mut().for_each(|v| walk(v, name)),
        _ => {}
    }
}

/// Adds everybody who acts, with their rights and a seat at a desk.
fn enlist(house: &House, city: &City, keys: &[String], from_ms: i64) -> Done<BTreeMap<String, Credential>> {
    let mut out = BTreeMap::new();
    for key in keys {
        let Some(person) = city.people.iter().find(|p| p.key == *key) else { continue };
        let new = NewPerson { login: key.clone(), name: person.name_zh.clone(), password: None };
        let id = people::create_person(house, Actor::Cli, &new, from_ms)
            .tried("没有加上人员", "not added")?
            .person_id;
        for grant in &person.grants {
            let (role, area) = (Role::from_word(&grant.role), Area::from_text(&grant.area));
            let new = NewGrant { role, area, from_ms: Some(0), to_ms: None };
            people::grant(house, Actor::Cli, id, &new, from_ms).tried("授权失败", "not granted")?;
        }
        out.insert(key.clone(), seat(house, id, from_ms).tried("没有座席", "no seat")?);
    }
    Ok(out)
}
