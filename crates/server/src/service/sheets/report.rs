//! What became of a 整改清单 that came in, cell by cell.

use super::findings_in::FindingsReport;
use crate::service::ServiceError;
use blindspot_core::limits::SHEET_TOLD_MAX;
use blindspot_core::sheet::{Column, Why};
use blindspot_core::verdict::{Verdict, Why as Noted};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, OpId};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a cell is, and what stands in it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) sheet: String,
    pub(super) row: u32,
    pub(super) short: String,
    pub(super) case_id: Option<CaseId>,
    pub(super) column: Column,
    pub(super) value: String,
}

/// What became of one edited cell.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CellResult {
    /// The sheet.
    pub sheet: String,
    /// The line, as the program numbers it.
    pub row: u32,
    /// 短号
    pub short: String,
    /// The case, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_id: Option<CaseId>,
    /// The column's title.
    pub column: String,
    /// What stands in the cell now.
    pub value: String,
    /// `applied`, `planned` (of a dry run), `conflict` (somebody else changed it since: both values stand, a person
    /// chooses), `both_kept` (words of both), `proposal` (after filing, without the right), `noted`, `waiting`,
    /// `already`, `seen_before`, `failed`; else why it was not taken: `read_only`, `emptied`, `too_long`, `no_such_item`,
    /// `two_values`, `unknown_line`, `doubtful_line`, `not_there`, `new_line`.
    pub result: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// The op.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<OpId>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What became of a file.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RectificationReport {
    /// The export it went out as.
    pub export: String,
    /// Whether nothing was changed because that was asked.
    pub dry_run: bool,
    /// Lines that were found again.
    pub lines: usize,
    /// Lines that are as they went out.
    pub unchanged: usize,
    /// How many cells by result.
    pub results: BTreeMap<String, usize>,
    /// Cell by cell, at most 2,000.
    pub cells: Vec<CellResult>,
    /// There are more than are listed.
    pub truncated: bool,
    /// What became of new lines, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_lines: Option<FindingsReport>,
}

/// Gathers it.
#[derive(Default)]
pub(super) struct Told {
    results: BTreeMap<String, usize>,
    cells: Vec<CellResult>,
    truncated: bool,
    new_lines: Option<FindingsReport>,
}

impl Told {
    fn tell(
        &mut self,
        cell: &Cell,
        result: &str,
        (zh, en): (&str, &str),
        op: Option<(OpId, Option<Verdict>)>,
    ) {
        *self.results.entry(result.to_owned()).or_default() += 1;
        if self.cells.len() >= SHEET_TOLD_MAX {
            self.truncated = true;
            return;
        }
        let (op_id, verdict) = op.unzip();
        self.cells.push(CellResult {
            sheet: cell.sheet.clone(),
            row: cell.row,
            short: cell.short.clone(),
            case_id: cell.case_id,
            column: cell.column.title().to_owned(),
            value: cell.value.clone(),
            result: result.to_owned(),
            zh: zh.to_owned(),
            en: en.to_owned(),
            op_id,
            verdict: verdict.flatten(),
        });
    }

    pub(super) fn left(&mut self, cell: &Cell, why: Why) {
        let word = serde_json::to_value(why).ok();
        let word = word.as_ref().and_then(|w| w.as_str()).unwrap_or("left");
        self.tell(cell, word, why.text(), None);
    }

    pub(super) fn already(&mut self, cell: &Cell) {
        self.tell(cell, "already", ("已经是这样了", "it stands like this already"), None);
    }

    pub(super) fn seen_before(&mut self, cell: &Cell, op: OpId) {
        let text = ("这份文件的这处改动以前导入过", "this file brought this change before");
        self.tell(cell, "seen_before", text, Some((op, None)));
    }

    pub(super) fn planned(&mut self, cell: &Cell, op: OpId, overtaken: bool) {
        let (word, text) = match (overtaken, is_words(cell.column)) {
            (false, _) => ("planned", ("可以导入", "it can be taken")),
            (true, true) => ("both_kept", BOTH_KEPT),
            (true, false) => ("conflict", CONFLICT),
        };
        self.tell(cell, word, text, Some((op, None)));
    }

    pub(super) fn answered(
        &mut self,
        cell: &Cell,
        op: OpId,
        overtaken: bool,
        answer: Result<VerdictEntry, ServiceError>,
    ) {
        let verdict = match answer {
            Ok(entry) => entry.verdict,
            Err(error) => {
                tracing::warn!(%error, "an op of an import failed");
                let text =
                    ("没有存下，请把同一份文件再导入一次", "it was not stored: import the same file again");
                return self.tell(cell, "failed", text, Some((op, None)));
            }
        };
        let (word, text) = match &verdict {
            Verdict::Merged { .. } => ("conflict", CONFLICT),
            Verdict::Applied if overtaken && is_words(cell.column) => ("both_kept", BOTH_KEPT),
            Verdict::Applied => ("applied", ("已导入", "taken")),
            Verdict::Noted { why: Noted::Proposal } => (
                "proposal",
                ("已作为修改建议，由受理席决定", "kept as a proposal, for the filing desk to decide"),
            ),
            Verdict::Noted { .. } => ("noted", ("已记入案件备注", "kept as a note of the case")),
            _ => ("waiting", ("待人工处理", "it waits for a person")),
        };
        self.tell(cell, word, text, Some((op, Some(verdict))));
    }

    pub(super) fn findings(&mut self, found: FindingsReport) {
        self.new_lines = Some(found);
    }

    pub(super) fn finish(
        self,
        export: String,
        lines: usize,
        unchanged: usize,
        dry_run: bool,
    ) -> RectificationReport {
        let Self { results, cells, truncated, new_lines } = self;
        RectificationReport { export, dry_run, lines, unchanged, results, cells, truncated, new_lines }
    }
}

const CONFLICT: (&str, &str) = (
    "导出后别人改过：两个值都留着，请人选",
    "somebody changed it since: both values stand, a person chooses",
);
const BOTH_KEPT: (&str, &str) = ("导出后别人也写过：两条都保留", "somebody wrote there since: both are kept");

fn is_words(column: Column) -> bool {
    matches!(column.becomes(), blindspot_core::sheet::Becomes::Comment)
}
