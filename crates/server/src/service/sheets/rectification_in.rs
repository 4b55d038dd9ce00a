//! 整改清单 back in: changed cells become ops of the importing person, conflicts are listed, nothing is silently
//! overwritten. The same file again changes nothing.

use super::gather::Gather;
use super::made::note;
use super::read::{self, Sheet};
use super::report::{Cell, RectificationReport, Told};
use super::send::{Op, Sending};
use super::{base, findings_in};
use crate::service::ServiceError;
use crate::service::cases::can_read_case;
use blindspot_core::case::CaseFile;
use blindspot_core::error::SHEET_UNREADABLE;
use blindspot_core::sheet::{
    Base, CellPlan, Change, Column, Line, Why, combine, line_of, op_id_of, plan_cell, tidy, unguard,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

/// Lines above the header that a title may take.
const ABOVE_MAX: usize = 10;
/// Columns by which a header is known.
const KNOWN_MIN: usize = 8;

/// A line that came in.
struct Came {
    sheet: String,
    row: u32,
    /// By place of the column; `None` for a column that the file no longer has.
    cells: Vec<Option<String>>,
}

impl Came {
    fn text(&self, column: Column) -> &str {
        self.cells.get(column.at()).and_then(Option::as_deref).unwrap_or("")
    }
}

/// An op that a cell asks for, and where the cell is.
struct Planned {
    cell: Cell,
    op: Op,
    overtaken: bool,
}

/// How a file is taken in.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Say what would become of it, change nothing.
    pub dry_run: bool,
    /// Lines without a number become reports.
    pub new_rows: bool,
}

/// Takes in a 整改清单 that went out from here.
///
/// # Errors
/// `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`; `SHEET_BASE` when what it went out from is missing or changed; `BUSY`.
pub fn rectification(
    to: Sending<'_>,
    file: impl Read + Seek,
    how: How,
) -> Result<RectificationReport, ServiceError> {
    let sheets = read::workbook(file)?;
    let hidden: Vec<Vec<String>> = sheets
        .iter()
        .filter(|s| s.name == base::SHEET)
        .flat_map(|s| s.lines.iter().map(|(_, cells)| cells.clone()))
        .collect();
    let out = base::open(to.house, &hidden)?;
    let (known, fresh) = lines_of(&sheets)?;
    let mut told = Told::default();
    let mut planned = vec![];
    let gather = Gather::open(to.house, to.who, to.now_ms)?;
    let lines = match_lines(&out.lines, known, &mut told);
    let mut unchanged = 0;
    for (base, came) in &lines {
        let changed = changes_of(base, came, &mut told);
        if changed.is_empty() {
            unchanged += 1;
            continue;
        }
        let Some(file) = can_read_case(to.house, to.who, base.case_id, to.now_ms)? else {
            changed.iter().for_each(|(cell, _)| told.left(cell, Why::NotThere));
            continue;
        };
        plan_line((&out.export, out.at_ms), base, changed, &gather, &file, &mut planned, &mut told);
    }
    drop_known(to, &mut planned, &mut told)?;
    if how.dry_run {
        planned.iter().for_each(|p| told.planned(&p.cell, p.op.op_id, p.overtaken));
    } else {
        let ops: Vec<Op> = planned.iter().map(|p| p.op.clone()).collect();
        for (p, answer) in planned.iter().zip(to.send(&ops)?) {
            told.answered(&p.cell, p.op.op_id, p.overtaken, answer);
        }
    }
    take_fresh(to, &fresh, how, &mut told)?;
    let report = told.finish(out.export, lines.len(), unchanged, how.dry_run);
    if !how.dry_run {
        let detail = json!({"export": report.export, "lines": report.lines, "results": report.results});
        note(to.house, to.who, "import_rectification", "cases", &detail, to.now_ms)?;
    }
    Ok(report)
}

/// Lines by spoken number, and those that are new.
type Lines = (BTreeMap<String, Vec<Came>>, Vec<Came>);

/// The lines of all visible sheets: those with a number by it, and new ones.
fn lines_of(sheets: &[Sheet]) -> Result<Lines, ServiceError> {
    let (mut known, mut fresh): (BTreeMap<String, Vec<Came>>, _) = (BTreeMap::new(), vec![]);
    let mut headed = false;
    for sheet in sheets.iter().filter(|s| s.name != base::SHEET) {
        let Some((at, columns)) = header_of(sheet) else { continue };
        headed = true;
        for (row, cells) in &sheet.lines[at + 1..] {
            let of = |column: &Column| columns.iter().position(|c| c.as_ref() == Some(column));
            let text = |at: usize| cells.get(at).map(|t| tidy(unguard(t))).unwrap_or_default();
            let cells: Vec<Option<String>> = Column::ALL.iter().map(|c| of(c).map(text)).collect();
            let came = Came { sheet: sheet.name.clone(), row: *row, cells };
            let short = came.text(Column::Short).to_owned();
            if !short.is_empty() {
                known.entry(short).or_default().push(came);
            } else if [Column::Place, Column::Description, Column::Item]
                .iter()
                .any(|c| !came.text(*c).is_empty())
            {
                fresh.push(came);
            }
        }
    }
    if headed {
        return Ok((known, fresh));
    }
    Err(ServiceError::because(
        &SHEET_UNREADABLE,
        "没有找到整改清单的表头 / no header of a rectification list",
    ))
}

/// The header of a sheet: which line, and which column each of its cells is.
fn header_of(sheet: &Sheet) -> Option<(usize, Vec<Option<Column>>)> {
    let mut lines = sheet.lines.iter().take(ABOVE_MAX).enumerate();
    lines.find_map(|(at, (_, cells))| {
        let columns: Vec<_> = cells.iter().map(|c| Column::of_title(c)).collect();
        let known: BTreeSet<Column> = columns.iter().flatten().copied().collect();
        (known.len() >= KNOWN_MIN && known.contains(&Column::Short)).then_some((at, columns))
    })
}

/// Brings together what went out and what came back, by the spoken number, then by the list's own.
fn match_lines<'b>(
    bases: &'b [Base],
    mut known: BTreeMap<String, Vec<Came>>,
    told: &mut Told,
) -> Vec<(&'b Base, Vec<Came>)> {
    let mut by_short: BTreeMap<&str, Vec<&Base>> = BTreeMap::new();
    for base in bases {
        by_short.entry(base.text(Column::Short)).or_default().push(base);
    }
    let mut out: BTreeMap<usize, (&Base, Vec<Came>)> = BTreeMap::new();
    let place: BTreeMap<_, usize> = bases.iter().enumerate().map(|(n, b)| (b.case_id, n)).collect();
    for (short, all) in std::mem::take(&mut known) {
        let candidates = by_short.get(short.as_str()).map_or(&[][..], Vec::as_slice);
        for came in all {
            let no = came.text(Column::No).to_owned();
            let found = match candidates {
                [] => Err(Why::UnknownLine),
                [one] => Ok(*one),
                many => {
                    let mut same = many.iter().filter(|b| b.text(Column::No) == no);
                    same.next().copied().filter(|_| same.next().is_none()).ok_or(Why::DoubtfulLine)
                }
            };
            match found {
                Ok(base) => {
                    let n = place.get(&base.case_id).copied().unwrap_or(usize::MAX);
                    out.entry(n).or_insert((base, vec![])).1.push(came);
                }
                Err(why) => told.left(&cell_of(&came, None, Column::Short, &short), why),
            }
        }
    }
    out.into_values().collect()
}

fn cell_of(came: &Came, base: Option<&Base>, column: Column, value: &str) -> Cell {
    Cell {
        sheet: came.sheet.clone(),
        row: came.row,
        short: came.text(Column::Short).to_owned(),
        case_id: base.map(|b| b.case_id),
        column,
        value: value.to_owned(),
    }
}

/// The cells of a line that are not as they went out, each with the place where it is so.
fn changes_of(base: &Base, came: &[Came], told: &mut Told) -> Vec<(Cell, Column)> {
    let mut out = vec![];
    for column in Column::ALL.into_iter().filter(|c| !matches!(c, Column::Short)) {
        let there = || came.iter().filter(|c| c.cells[column.at()].is_some());
        let was = base.text(column);
        let at = |value: &str| there().find(|c| c.text(column) == value).or_else(|| there().next());
        match combine(was, there().map(|c| c.text(column))) {
            // Sorting a list anew gives it new numbers: nothing is lost with the old ones.
            Ok(value) if value == was || column == Column::No => {}
            Ok(value) => out.extend(at(&value).map(|c| (cell_of(c, Some(base), column, &value), column))),
            Err(why) => {
                let differs = there().find(|c| c.text(column) != was);
                differs
                    .into_iter()
                    .for_each(|c| told.left(&cell_of(c, Some(base), column, c.text(column)), why));
            }
        }
    }
    out
}

fn plan_line(
    (export, at_ms): (&str, i64),
    base: &Base,
    changed: Vec<(Cell, Column)>,
    gather: &Gather<'_>,
    file: &CaseFile,
    planned: &mut Vec<Planned>,
    told: &mut Told,
) {
    let now: Line = line_of(file, 0, gather.lookup());
    for (cell, column) in changed {
        match plan_cell(column, base, &cell.value, &now, gather.lookup().catalogue) {
            CellPlan::Unchanged => {}
            CellPlan::Already => told.already(&cell),
            CellPlan::Left(why) => told.left(&cell, why),
            CellPlan::Do(change) => {
                let Change { command, overtaken, .. } = *change;
                let op_id = op_id_of(export, at_ms, base.case_id, column, &cell.value);
                planned.push(Planned { op: Op { op_id, case: base.case_id, command }, cell, overtaken });
            }
        }
    }
}

/// What this very file has brought before is not sent again, whoever brings it now.
fn drop_known(to: Sending<'_>, planned: &mut Vec<Planned>, told: &mut Told) -> Result<(), ServiceError> {
    let ids: BTreeSet<_> = planned.iter().map(|p| p.op.op_id).collect();
    let known = to.known(&ids)?;
    planned.retain(|p| {
        let here = known.contains(&p.op.op_id);
        if here {
            told.seen_before(&p.cell, p.op.op_id);
        }
        !here
    });
    Ok(())
}

/// New lines: reports when they are asked for, else they are listed.
fn take_fresh(to: Sending<'_>, fresh: &[Came], how: How, told: &mut Told) -> Result<(), ServiceError> {
    if !how.new_rows {
        for came in fresh {
            told.left(
                &cell_of(came, None, Column::Description, came.text(Column::Description)),
                Why::NewLine,
            );
        }
        return Ok(());
    }
    let titles: Vec<String> = Column::ALL.iter().map(|c| c.title().to_owned()).collect();
    let lines: Vec<(u32, Vec<String>)> = fresh
        .iter()
        .map(|came| {
            let text = |c: &Column| match c {
                // Counts of photos are no names of files.
                Column::Before | Column::After => String::new(),
                c => came.text(*c).to_owned(),
            };
            (came.row, Column::ALL.iter().map(text).collect())
        })
        .collect();
    let found = findings_in::take_lines(to, &titles, &lines, how.dry_run)?;
    told.findings(found);
    Ok(())
}
