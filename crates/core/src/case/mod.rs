//! Cases 案件: their rows, their states, the table of moves. Knows no storage and no clock.

mod erasure;
mod file;
mod rows;
mod state;
mod transition;

pub use erasure::{ERASED_TEXT, Erased, ErasureRow, ErasureState, WORDS};
pub use file::{CaseFile, PhotoArrival};
pub use rows::{
    Case, CheckRef, ClosedBy, Closing, CommentRow, ConflictRow, FeedBackRef, HandedOn, Hanging, Media,
    MoreAsked, Part, PersonRow, PhotoRow, Place, PlacedBy, ReturnAsked, RulingRef, ShortNo, Supervised,
    VerifyRef,
};
pub use state::CaseState;
pub use transition::{Move, Refused, Round, TABLE, find_move, legal_moves};
