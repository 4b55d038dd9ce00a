//! What travels between phone and server (protocol 5, 9). Knows no transport.

pub mod account;
pub mod hand_in;
pub mod v1;
