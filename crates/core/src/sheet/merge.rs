//! What becomes of an edited cell: what went out, what came back, what stands now (protocol 7).

use super::column::{Becomes, Column, SAYS};
use super::line::{Line, of_text};
use super::{cell, item};
use crate::catalogue::Catalogue;
use crate::command::{Command, Comment, Edit, FieldChange};
use crate::id::{CaseId, OpId, Sha256};
use crate::limits::{OP_BYTES_MAX, TEXT_CHARS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the frame of an op takes beside its payload.
const FRAME_BYTES: usize = 1_024;

/// A line as it went out; it travels with the file, authenticated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// The case.
    pub case_id: CaseId,
    /// The text of each column.
    pub cells: Vec<String>,
    /// By field: the value that stood, when it was not the text of its cell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, Value>,
}

impl Base {
    /// Of a line.
    #[must_use]
    pub fn of(case_id: CaseId, line: &Line) -> Self {
        Self { case_id, cells: line.cells.clone(), raw: line.raw.clone() }
    }

    /// The text of a column.
    #[must_use]
    pub fn text(&self, column: Column) -> &str {
        self.cells.get(column.at()).map_or("", String::as_str)
    }

    fn value(&self, field: &str, column: Column) -> Value {
        self.raw.get(field).cloned().unwrap_or_else(|| of_text(self.text(column)))
    }
}

/// Why an edited cell was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Why {
    /// The column cannot be edited in a file.
    ReadOnly,
    /// It is empty now: what is gone from a cell is not taken for a wish.
    Emptied,
    /// It is longer than a text may be.
    TooLong,
    /// No item of the catalogue has this code or title.
    NoSuchItem,
    /// Two sheets of the file say two different things.
    TwoValues,
    /// The line's number is of no line that went out in this file.
    UnknownLine,
    /// Several lines that went out have this number.
    DoubtfulLine,
    /// The case is not there, or not the importing person's.
    NotThere,
    /// A new line, and new ones were not asked for.
    NewLine,
}

impl Why {
    /// Chinese, English.
    #[must_use]
    pub fn text(self) -> (&'static str, &'static str) {
        match self {
            Why::ReadOnly => ("这一列不能在表里改，请在系统里办理", "this column is not edited in a file"),
            Why::Emptied => {
                ("单元格被清空，没有采用；确要清空请在系统里改", "the cell was emptied; not taken")
            }
            Why::TooLong => ("文字太长", "the text is too long"),
            Why::NoSuchItem => (
                "目录里没有这个小项，请写编号或完整名称",
                "no item of the catalogue; write its code or whole title",
            ),
            Why::TwoValues => {
                ("汇总和镇街表里的改动不一致，请改成一样再导入", "two sheets say two things; make them agree")
            }
            Why::UnknownLine => ("短号不在这份导出里", "this number did not go out in this file"),
            Why::DoubtfulLine => {
                ("导出里有两行用这个短号，分不清是哪一件", "two lines that went out have this number")
            }
            Why::NotThere => ("没有这件案件，或不归你管", "no such case, or not yours to see"),
            Why::NewLine => {
                ("新增的行没有导入；要导入请加 new_rows=true", "a new line; ask for new_rows=true to take it")
            }
        }
    }
}

/// An op that an edited cell asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The column.
    pub column: Column,
    /// What is to be done.
    pub command: Command,
    /// Somebody else has changed it since it went out: with an edit both values stay to be chosen from, with words both
    /// are kept.
    pub overtaken: bool,
}

/// What becomes of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum CellPlan {
    /// As it went out.
    Unchanged,
    /// Changed to what stands by now anyway.
    Already,
    /// To be done.
    Do(Box<Change>),
    /// Not taken.
    Left(Why),
}

/// One value out of those that the sheets of a file have for a cell: those that are as it went out do not count.
///
/// # Errors
/// `TwoValues`.
pub fn combine<'t>(base: &str, found: impl IntoIterator<Item = &'t str>) -> Result<String, Why> {
    let mut changed: Option<String> = None;
    for text in found {
        let text = cell::tidy(cell::unguard(text));
        if text == base {
            continue;
        }
        match &changed {
            Some(other) if *other != text => return Err(Why::TwoValues),
            _ => changed = Some(text),
        }
    }
    Ok(changed.unwrap_or_else(|| base.to_owned()))
}

/// Decides a cell. `came` is what `combine` gave.
#[must_use]
pub fn plan_cell(
    column: Column,
    base: &Base,
    came: &str,
    now: &Line,
    catalogue: Option<&Catalogue>,
) -> CellPlan {
    let was = base.text(column);
    if came == was {
        return CellPlan::Unchanged;
    }
    let becomes = column.becomes();
    if becomes == Becomes::Nothing {
        return CellPlan::Left(Why::ReadOnly);
    }
    if came.is_empty() {
        return CellPlan::Left(Why::Emptied);
    }
    if came.chars().count() > TEXT_CHARS_MAX {
        return CellPlan::Left(Why::TooLong);
    }
    if came == now.text(column) {
        return CellPlan::Already;
    }
    let Becomes::Field(field) = becomes else {
        let text = format!("{}{SAYS}{came}", column.title());
        let overtaken = now.value(column.title(), column) != base.value(column.title(), column);
        return CellPlan::Do(Box::new(Change {
            column,
            command: Command::Comment(Comment { text }),
            overtaken,
        }));
    };
    let to = if column == Column::Item {
        match catalogue.and_then(|c| item::parse_item(came, c)) {
            Some(category) => json!(category),
            None => return CellPlan::Left(Why::NoSuchItem),
        }
    } else {
        json!(came)
    };
    let (from, stands) = (base.value(field, column), now.value(field, column));
    if to == stands {
        return CellPlan::Already;
    }
    let overtaken = stands != from;
    let changes = BTreeMap::from([(field.to_owned(), FieldChange { from, to })]);
    let command = Command::Edit(Edit { changes });
    // What was there and what is wanted stand in one op.
    if command.to_payload().map_or(usize::MAX, |p| p.get().len()) > OP_BYTES_MAX - FRAME_BYTES {
        return CellPlan::Left(Why::TooLong);
    }
    CellPlan::Do(Box::new(Change { column, command, overtaken }))
}

/// The id of the op of a cell: the same file gives the same ops however often it comes.
#[must_use]
pub fn op_id_of(export: &str, at_ms: i64, case: CaseId, column: Column, came: &str) -> OpId {
    let hash = Sha256::of(format!("{export}\n{case}\n{}\n{came}", column.title()).as_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&hash.0[..10]);
    OpId::from_parts(at_ms, random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::line::Line;

    fn line(texts: &[(Column, &str)]) -> Line {
        let mut cells = vec![String::new(); Column::ALL.len()];
        for (column, text) in texts {
            cells[column.at()] = (*text).to_owned();
        }
        Line { cells, raw: BTreeMap::new(), town: Default::default() }
    }
    fn case() -> CaseId {
        CaseId::from_parts(1, [1; 10])
    }

    #[test]
    fn three_sides_decide_a_cell() {
        let column = Column::Description;
        let base = Base::of(case(), &line(&[(column, "旧")]));
        let plan = |came: &str, now: &str| plan_cell(column, &base, came, &line(&[(column, now)]), None);
        assert_eq!(plan("旧", "旧"), CellPlan::Unchanged);
        assert_eq!(plan("旧", "别人改的"), CellPlan::Unchanged, "what a file did not change wins nothing");
        assert_eq!(plan("新", "新"), CellPlan::Already);
        assert_eq!(plan("", "旧"), CellPlan::Left(Why::Emptied));
        assert_eq!(plan(&"字".repeat(4_001), "旧"), CellPlan::Left(Why::TooLong));
        for (now, overtaken) in [("旧", false), ("别人改的", true)] {
            let CellPlan::Do(change) = plan("新", now) else { panic!("an edit") };
            assert_eq!(change.overtaken, overtaken);
            let Command::Edit(edit) = change.command else { panic!("an edit") };
            assert_eq!(edit.changes["description"], FieldChange { from: json!("旧"), to: json!("新") });
        }
    }

    #[test]
    fn an_edit_is_from_the_value_that_stood_and_not_from_what_the_cell_showed_instead() {
        let column = Column::Place;
        let mut shown = line(&[(column, "兴业社区第3网格")]);
        shown.raw.insert("landmark".into(), Value::Null);
        let base = Base::of(case(), &shown);
        let CellPlan::Do(change) = plan_cell(column, &base, "北门", &shown, None) else {
            panic!("an edit")
        };
        assert!(!change.overtaken);
        let Command::Edit(edit) = change.command else { panic!("an edit") };
        assert_eq!(edit.changes["landmark"].from, Value::Null);
    }

    #[test]
    fn words_become_a_comment_and_other_columns_nothing() {
        let before = line(&[(Column::Progress, "已派遣")]);
        let mut base = Base::of(case(), &before);
        base.raw.insert(Column::Progress.title().into(), Value::Null);
        let mut now = line(&[(Column::Progress, "已签收")]);
        now.raw.insert(Column::Progress.title().into(), Value::Null);
        let CellPlan::Do(change) = plan_cell(Column::Progress, &base, "已清理", &now, None) else {
            panic!("a comment")
        };
        assert!(!change.overtaken, "nobody has said anything");
        assert_eq!(change.command, Command::Comment(Comment { text: "整改进展：已清理".into() }));
        let left = plan_cell(Column::Unit, &base, "环卫", &now, None);
        assert_eq!(left, CellPlan::Left(Why::ReadOnly));
    }

    #[test]
    fn of_two_sheets_the_changed_cell_counts_and_two_changes_are_told_of() {
        assert_eq!(combine("旧", ["旧", "新"]), Ok("新".into()));
        assert_eq!(combine("旧", ["旧 ", "旧"]), Ok("旧".into()));
        assert_eq!(combine("旧", ["新", "新"]), Ok("新".into()));
        assert_eq!(combine("旧", ["新", "另"]), Err(Why::TwoValues));
        assert_eq!(combine("=1", ["'=1"]), Ok("=1".into()));
        let id = |came| op_id_of("e", 5, case(), Column::Place, came);
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
    }
}
