//! The inspection catalogue 检查目录, a city's data file `inspection-catalogue/1`: sections, items, problems.
//!
//! Knows the format and its rules, not any city's contents; reads text, never files.

mod load;
mod mapping;
mod model;

pub use load::{CatalogueProblem, load};
pub use mapping::VersionMapping;
pub use model::{
    Catalogue, Deadline, Department, EvidenceRule, Item, Problem, Section, Severity, Threshold, Tile,
};
