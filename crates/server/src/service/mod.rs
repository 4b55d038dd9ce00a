//! Use-cases: synchronous functions over the house (store, blobs, keys), with `now` and randomness handed in.

pub mod after_restore;
pub mod audit_log;
pub mod bulk;
pub mod calendars;
pub mod case_counts;
mod case_files;
mod case_list;
pub mod cases;
#[cfg(test)]
mod cases_tests;
pub mod error;
pub mod house;
pub mod ingest;
pub mod pull;
mod pull_answer;
mod pull_page;
#[cfg(test)]
mod pull_tests;
pub mod reference;
pub mod start;
#[cfg(test)]
pub(crate) mod testing;
pub mod writer;

pub mod advice;
pub mod clockwork;
#[cfg(test)]
mod clockwork_tests;
pub mod clusters;
pub mod desk_leases;
pub mod devices;
pub mod download;
pub mod drawing;
pub mod duty;
pub mod epoch;
pub mod erasure;
#[cfg(test)]
mod fickle;
pub mod freshness;
pub mod hand_in;
pub mod health;
pub mod hotline;
#[cfg(test)]
mod hotline_tests;
pub mod ledger;
pub mod letters;
pub mod limits;
pub mod linked;
pub mod listing;
pub mod looks;
pub mod month;
pub mod moving;
pub mod notices;
pub mod offered;
pub mod once;
pub mod orphans;
pub mod page;
pub mod passwords;
pub mod pauses;
pub mod people;
#[cfg(test)]
mod places_tests;
pub mod quarantine_desk;
mod refill;
pub mod renditions;
pub mod replays;
pub mod sandbox;
pub mod seen;
pub mod setup;
pub mod sheets;
pub mod site_history;
pub mod spot_checks;
pub mod stray;
pub mod system;
mod twins;
mod upload_request;
pub mod uploads;
pub mod work_links;
pub use error::ServiceError;
pub use house::{Credential, House, Random, Reference};
pub use writer::{Done, WriteJob, Writer};
