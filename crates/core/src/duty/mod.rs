//! Duty 责任: who answers for what. The owner matrix 权责清单 (problem x place -> one lead, named assists), the holders of
//! areas, and rulings that became rules; all effective-dated, so that an old case keeps the unit it had (field.md U15, U35;
//! domain 2.1, 6B).
//!
//! Pure; knows no storage and nobody's rights.

mod gaps;
mod model;
mod of_case;
mod over_time;
mod owner;

pub use gaps::{DoubleClaim, Gap, GapMap, gap_map};
pub use model::{Duty, Holder, HolderKind, OwnerRule, Precedent};
pub use of_case::OfCase;
pub use over_time::Responsible;
pub use owner::{Asked, Proposal, ProposedBy};
