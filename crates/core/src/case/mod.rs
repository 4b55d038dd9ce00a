//! Cases 案件: their rows, their states, the table of moves. Knows no storage and no clock.

mod children;
mod erasure;
mod file;
mod marks;
mod rows;
mod state;
mod transition;

pub use children::{CommentRow, ConflictRow, Part, PersonRow, PhotoRow};
pub use erasure::{ERASED_TEXT, Erased, ErasureRow, ErasureState, WORDS};
pub use file::{CaseFile, PhotoArrival};
pub use marks::{
    AppealState, CheckRef, Drawn, ExtensionAsked, HandedOn, Hanging, MoreAsked, RelapseOf, ReturnAsked,
    RulingRef, SpotCheckRef, Supervised,
};
pub use rows::{Case, ClosedBy, Closing, FeedBackRef, Media, Place, PlacedBy, ShortNo, VerifyRef};
pub use state::CaseState;
pub use transition::{Move, Refused, Round, TABLE, find_move, legal_moves, op_kind};
