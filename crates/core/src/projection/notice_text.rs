//! What goes out of the system about a case: one line, and nothing in it that a person wrote (field.md U10).
//!
//! Spoken number, words of the catalogue, name of the duty grid, deadline, link. Descriptions, landmarks, names of people
//! and teams are not read here, so that they cannot leak.

use super::notices::{NoticeKind, running};
use crate::case::Case;
use crate::catalogue::Catalogue;
use crate::division::Places;
use crate::local::shown;
use serde_json::Value;

/// Most spoken numbers that a digest names.
const NAMED_MAX: usize = 10;

/// The word for what is wrong: the catalogue's.
fn problem<'c>(case: &Case, catalogue: Option<&'c Catalogue>) -> Option<&'c str> {
    let category = case.fields.get("category")?;
    let text = |key: &str| category.get(key).and_then(Value::as_str);
    let named = text("problem").and_then(|code| catalogue?.problem(code)).map(|p| p.zh.as_str());
    named.or_else(|| text("item").and_then(|code| catalogue?.item(code)).map(|i| i.title_zh.as_str()))
}

/// The line of a case, without its link: `【新派遣】稠江 03127｜暴露垃圾｜兴业社区第3网格｜12-01 16:00前`.
#[must_use]
pub fn line(kind: &NoticeKind, case: &Case, catalogue: Option<&Catalogue>, places: &Places) -> String {
    let urgent = if case.urgent_danger { "紧急·" } else { "" };
    let mut out = format!("【{urgent}{}】", kind.zh());
    let short = case.short_no.as_ref().map_or_else(|| "编号待定".to_owned(), crate::case::ShortNo::text);
    let grid = case.place.grid.as_ref().and_then(|id| places.grid(id)).map(|g| g.name_zh.as_str());
    let mut parts = vec![short];
    parts.extend(problem(case, catalogue).filter(|word| !word.is_empty()).map(str::to_owned));
    parts.extend(grid.filter(|name| !name.is_empty()).map(str::to_owned));
    parts.extend(running(case).map(|due| format!("{}前", shown(due.due_ms))));
    out.push_str(&parts.join("｜"));
    out
}

/// The line of a unit in the daily digest of what is overdue. `cases` are those of the unit, the one due longest ago first.
#[must_use]
pub fn digest(unit: &str, cases: &[&Case]) -> String {
    let named: Vec<String> = cases
        .iter()
        .filter_map(|c| c.short_no.as_ref())
        .take(NAMED_MAX)
        .map(crate::case::ShortNo::text)
        .collect();
    let more = if cases.len() > named.len() { " 等" } else { "" };
    format!("【{}】{unit}｜{} 件｜{}{more}", NoticeKind::Digest.zh(), cases.len(), named.join("、"))
}
