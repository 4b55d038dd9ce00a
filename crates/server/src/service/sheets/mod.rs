//! Lists out and in (field.md U16): 整改清单 with its way back, findings, case lists, dossiers. Which column is what, and
//! what becomes of an edited cell, is core's; here tables are written and read, with bounds. Knows no HTTP.

mod base;
mod book;
pub mod cases_out;
pub mod dossier;
pub mod file_photos;
pub mod findings_file;
pub mod findings_in;
mod gather;
mod guard;
pub mod made;
pub mod month_out;
pub(in crate::service) mod pictures;
mod read;
pub mod rectification_in;
pub mod rectification_out;
pub mod report;
mod send;
#[cfg(test)]
mod tests;

pub use made::Made;
pub use send::Sending;
