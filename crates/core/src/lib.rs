//! Blindspot core: the rules of the house, run alike by server, phone and browser.
//!
//! Pure: everything it needs comes in as data. It must not know clocks, randomness, threads, async,
//! SQL, HTTP or files; `cargo xtask tidy` holds it to that.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod apply;
pub mod case;
pub mod catalogue;
pub mod check;
pub mod clock;
pub mod command;
pub mod deadline;
pub mod division;
pub mod duty;
pub mod epoch;
pub mod error;
pub mod feed;
pub mod geo;
pub mod id;
pub mod letter;
pub mod limits;
pub mod local;
pub mod merge;
pub mod mutant;
pub mod op;
pub mod open_enum;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod projection;
pub mod row;
pub mod sheet;
pub mod sync;
#[cfg(feature = "testing")]
pub mod testing;
pub mod verdict;
pub mod wire;
pub mod witness;
pub mod world;

pub use id::{CaseId, DeviceId, OpId, PersonId, PhotoId};
