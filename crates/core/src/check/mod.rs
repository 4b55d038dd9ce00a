//! Checks 核查 that resist staging: who can be drawn, the draw itself, and what evidence is worth (field.md U13, U14; domain 6E).
//!
//! Pure: seeds, rosters and matches come in as data.

mod draw;
mod grade;
mod roster;

pub use draw::{Lot, commitment, desk_checks, draw_lot, is_sampled};
pub use grade::{Grade, GradeReason, Graded, Seen, grade};
pub use roster::{Eligible, Shift, eligible};
