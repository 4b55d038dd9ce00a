//! Evidence: looks, comments, edits and corrected places, and the choice between two values.

use super::{Step, place};
use crate::case::{CaseFile, CommentRow, ConflictRow, PlacedBy, WORDS};
use crate::command::{Edit, Fix, Look, Relocate, ResolveConflict};
use crate::division::GridId;
use crate::geo::Point;
use crate::limits::LOOK_GAP_MS;
use crate::merge::register::{Merged, three_way};
use crate::verdict::{Verdict, Why};
use crate::world::{Freshness, LookFact, Outcome};
use serde_json::{Value, json};

/// Fields that an edit may name; others are kept on the case as they come, so that a later version's
/// field survives an older server.
const URGENT: &str = "urgent_danger";

/// A look counts with a position in (or within its accuracy of) the duty grid, once in two hours (U20).
pub(super) fn look(step: &Step<'_>, look: &Look) -> Outcome {
    let ctx = step.ctx;
    let at_ms = ctx.time.at_ms;
    let located = look.position.as_ref().and_then(Fix::wgs84).map(|p| ctx.places.locate(p, at_ms));
    let (cell, stood, town) = match located {
        Some(l) => (l.cell, l.grid, l.town),
        None => (None, None, None),
    };
    let grid = look.grid.clone().or_else(|| stood.clone());
    let why = why_not(step, look, stood.is_some() || cell.is_some(), &grid, stood == grid);
    let counted = why.is_none() && !step.unsure;
    let freshness = cell.as_ref().filter(|_| counted).map(|cell| {
        let was = step.world.freshness.get(cell);
        Freshness {
            cell: cell.clone(),
            grid: grid.clone(),
            town: town.clone(),
            last_ms: was.map_or(at_ms, |w| w.last_ms.max(at_ms)),
            looks: was.map_or(0, |w| w.looks) + 1,
        }
    });
    let verdict = match why {
        Some(why) => Verdict::Noted { why },
        None if step.unsure => Verdict::Noted { why: Why::RightsUnsure },
        None => Verdict::Applied,
    };
    let fact = LookFact {
        person: ctx.author.person,
        grid,
        cell,
        town,
        site_id: look.site_id.clone(),
        at_ms,
        counted,
        freshness,
    };
    Outcome { look: Some(fact), ..Outcome::of(verdict) }
}

fn why_not(
    step: &Step<'_>,
    look: &Look,
    located: bool,
    grid: &Option<GridId>,
    same_grid: bool,
) -> Option<Why> {
    let Some(fix) = &look.position else { return Some(Why::LookWithoutPosition) };
    let Some(point) = fix.wgs84() else { return Some(Why::LookWithoutPosition) };
    let Some(grid) = grid else { return Some(Why::LookOutsideGrid) };
    if !(located && same_grid) {
        // Within accuracy of the grid is near enough; 50 m is the least a phone in a lane can promise.
        let reach_m = fix.accuracy_m.unwrap_or(0.0).clamp(50.0, 200.0);
        if !near_grid(step, grid, point, reach_m) {
            return Some(Why::LookOutsideGrid);
        }
    }
    let counted = step.world.counted_looks.get(&(step.ctx.author.person, grid.clone()))?;
    let at_ms = step.ctx.time.at_ms;
    let near = (at_ms.saturating_sub(LOOK_GAP_MS) + 1)..at_ms.saturating_add(LOOK_GAP_MS);
    counted.range(near).next().map(|_| Why::LookTooSoon)
}

/// Whether any of eight points `reach_m` around lies in the grid: near enough for a phone's fix.
fn near_grid(step: &Step<'_>, grid: &GridId, point: Point, reach_m: f64) -> bool {
    let lat_deg = reach_m / crate::geo::metres_per_degree();
    let lon_deg = lat_deg / point.lat.to_radians().cos().max(0.01);
    let steps = [-1.0, 0.0, 1.0];
    steps.iter().flat_map(|a| steps.iter().map(move |b| (a, b))).any(|(a, b)| {
        let p = Point { lat: point.lat + a * lat_deg, lon: point.lon + b * lon_deg };
        step.ctx.places.locate(p, step.ctx.time.at_ms).grid.as_ref() == Some(grid)
    })
}

/// Words are grow-only.
pub(super) fn comment(step: &Step<'_>, mut file: CaseFile, text: String) -> Outcome {
    let row = comment_row(step, &file, Some(text), None, vec![]);
    file.comments.insert(row.op_id, row);
    step.done(file)
}

/// Late honest work is never lost: its words and photos become a note with the reason.
pub(super) fn kept_as_note(
    step: &Step<'_>,
    mut file: CaseFile,
    text: Option<String>,
    why: Why,
    photos: Vec<crate::PhotoId>,
) -> Outcome {
    let row = comment_row(step, &file, text.filter(|t| !t.is_empty()), Some(why.clone()), photos);
    file.comments.insert(row.op_id, row);
    step.with(file, Verdict::Noted { why })
}

/// What was said and shown with a move, as a note of the case; nothing when nothing was.
pub(super) fn say(step: &Step<'_>, file: &mut CaseFile, text: String, photos: Vec<crate::PhotoId>) {
    if text.is_empty() && photos.is_empty() {
        return;
    }
    let row = comment_row(step, file, Some(text).filter(|t| !t.is_empty()), None, photos);
    file.comments.insert(row.op_id, row);
}

fn comment_row(
    step: &Step<'_>,
    file: &CaseFile,
    text: Option<String>,
    why: Option<Why>,
    photos: Vec<crate::PhotoId>,
) -> CommentRow {
    CommentRow {
        op_id: step.op.env.op_id,
        case_id: file.id(),
        named: step.named(file),
        kind: step.op.env.kind.clone(),
        text,
        why,
        photos,
        captured: step.ctx.time.clone(),
        redacted: None,
        erased: None,
    }
}

/// Field by field: disjoint fields merge, the same field with another value keeps the loser visible.
/// After filing, an edit without desk power is a proposal.
pub(super) fn edit(step: &Step<'_>, mut file: CaseFile, edit: &Edit) -> Outcome {
    let proposal = !file.case.state.before_filing() && !step.power("edit", &file);
    let (mut superseded, mut erased) = (Vec::new(), false);
    for (field, change) in &edit.changes {
        let current = field_value(&file, field);
        let merged = three_way(&current, &change.from, &change.to);
        if is_erased(&file, field) && current != change.from {
            // Its author saw words that had to go: they do not come back by this door.
            erased = true;
            continue;
        }
        if merged == Merged::Same {
            continue;
        }
        if proposal {
            add_conflict(step, &mut file, field, current, change.to.clone(), true);
            continue;
        }
        set_field(step, &mut file, field, change.to.clone());
        if let Merged::Clash { lost } = merged {
            add_conflict(step, &mut file, field, change.to.clone(), lost, false);
            superseded.push(field.clone());
        }
    }
    if erased {
        return step.with(file, Verdict::Noted { why: Why::Erased });
    }
    if proposal {
        return step.with(file, Verdict::Noted { why: Why::Proposal });
    }
    if superseded.is_empty() || step.unsure {
        return step.done(file);
    }
    step.with(file, Verdict::Merged { superseded })
}

fn is_erased(file: &CaseFile, field: &str) -> bool {
    file.case.erased.is_some() && WORDS.contains(&field)
}

fn field_value(file: &CaseFile, field: &str) -> Value {
    if field == URGENT {
        return json!(file.case.urgent_danger);
    }
    file.case.fields.get(field).cloned().unwrap_or(Value::Null)
}

fn set_field(step: &Step<'_>, file: &mut CaseFile, field: &str, value: Value) {
    if field == URGENT {
        file.case.urgent_danger = value.as_bool().unwrap_or(file.case.urgent_danger);
        return;
    }
    if field == "category"
        && let Some(code) = value.get("problem").or_else(|| value.get("item")).and_then(Value::as_str)
        && let Some(severity) = step.ctx.catalogue.and_then(|c| c.severity_of(code))
    {
        file.case.fields.insert("severity".into(), json!(severity));
    }
    if value.is_null() {
        file.case.fields.remove(field);
    } else {
        file.case.fields.insert(field.to_owned(), value);
    }
}

fn add_conflict(step: &Step<'_>, file: &mut CaseFile, field: &str, kept: Value, lost: Value, proposal: bool) {
    let id = format!("{}:{field}", step.op.env.op_id);
    let row = ConflictRow {
        id: id.clone(),
        case_id: file.id(),
        field: field.to_owned(),
        kept,
        lost,
        proposal,
        resolved: None,
        at_ms: step.ctx.now_ms,
    };
    file.conflicts.insert(id, row);
}

/// A person chooses a value.
pub(super) fn resolve(step: &Step<'_>, mut file: CaseFile, choice: ResolveConflict) -> Outcome {
    if !step.power("resolve_conflict", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let Some(conflict) = file.conflicts.get_mut(&choice.conflict) else {
        return step.noted(&file, Why::NoSuchTarget);
    };
    let field = conflict.field.clone();
    let about_erased = |mark: &crate::case::Erased| conflict.at_ms <= mark.at_ms;
    if WORDS.contains(&field.as_str()) && file.case.erased.as_ref().is_some_and(about_erased) {
        return step.noted(&file, Why::Erased);
    }
    conflict.resolved = Some(choice.take.clone());
    set_field(step, &mut file, &field, choice.take);
    step.done(file)
}

/// A corrected place. Before filing anybody's; after it, without desk power, a proposal.
pub(super) fn relocate(step: &Step<'_>, mut file: CaseFile, to: Relocate) -> Outcome {
    if !file.case.state.before_filing() && !step.power("relocate", &file) {
        let (kept, lost) = (json!(file.case.place), json!(to));
        add_conflict(step, &mut file, "place", kept, lost, true);
        return step.with(file, Verdict::Noted { why: Why::Proposal });
    }
    if to.position.is_some() || to.grid.is_some() {
        // The corrected place is looked up in the divisions of the capture time: old cases keep their unit.
        let at_ms = file.case.captured.at_ms;
        file.case.place =
            place::find(step.ctx.places, to.position.as_ref(), to.grid.as_ref(), PlacedBy::Relocated, at_ms);
    }
    if let Some(landmark) = to.landmark {
        file.case.fields.insert("landmark".into(), json!(landmark));
    }
    step.done(file)
}
