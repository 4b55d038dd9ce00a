//! Merge rules (protocol 7): what happens when two people change one thing.

pub mod register;
