//! Cases 案件: their rows, their states, the table of moves. Knows no storage and no clock.

mod erasure;
mod file;
mod marks;
mod rows;
mod state;
mod transition;

pub use erasure::{ERASED_TEXT, Erased, ErasureRow, ErasureState, WORDS};
pub use file::{CaseFile, PhotoArrival};
pub use marks::{CheckRef, HandedOn, Hanging, MoreAsked, ReturnAsked, RulingRef, Supervised};
pub use rows::{
    Case, ClosedBy, Closing, CommentRow, ConflictRow, FeedBackRef, Media, Part, PersonRow, PhotoRow, Place,
    PlacedBy, ShortNo, VerifyRef,
};
pub use state::CaseState;
pub use transition::{Move, Refused, Round, TABLE, find_move, legal_moves};
