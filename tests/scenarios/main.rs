//! Scenarios that cross crates: HTTP contract, photos, faults of real processes, golden wire.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod backup;
mod browser;
mod faults;
mod golden;
mod house;
mod killed;
mod photos;
mod platform_files;
mod platform_limits;
mod platform_matrix;
mod platform_pages;
mod platform_people;
mod platform_refresh;
mod platform_revoked;
mod platform_schemathesis;
mod platform_shared;
mod platform_tokens;
mod platform_voice;
mod platform_walkthrough;
mod quiet_log;
mod raw;
mod sandbox;
mod shared_phone;
mod simulated;
mod sync;
mod trust_cases;
mod trust_erased;
mod trust_hand_in;
mod trust_phones;
mod trust_time;
mod trust_town;
mod upgrade;
mod upgrade_made;
mod wrong_input;
