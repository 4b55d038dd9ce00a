//! Lists that go out as tables and come back (field.md U16): which column is which field, cell text to value, and the
//! three-way comparison of what went out, what came back and what stands now. Knows no file format and no storage.

mod cell;
mod column;
mod findings;
mod item;
mod line;
mod merge;

pub use cell::{guard, tidy, unguard};
pub use column::{Becomes, Column, Pictures, SAYS};

pub use findings::{
    FINDING_FIELDS, FindingField, FindingPlace, Mapping, RowProblem, map_header, read_finding,
};
pub use item::{item_text, parse_item, source_text, source_word};
pub use line::{Line, Lookup, line_of, photos_of};
pub use merge::{Base, CellPlan, Change, Why, combine, op_id_of, plan_cell};
