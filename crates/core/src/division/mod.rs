//! Divisions 区划, cells 单元网格, duty grids 责任网格 and sites 点位, all effective-dated, and the index that
//! places a point among them.
//!
//! Must not know where the data is stored or which map drew it.

mod check;
mod code;
pub mod import;
mod model;
mod places;

pub use check::{SequenceProblem, check_sequence};
pub use code::{CellCode, CodeError, CommitteeCode, GridId, TownCode};
pub use model::{Cell, Division, DutyGrid, GridCell, Site, Span};
pub use places::{Located, Places, PlacesError};
