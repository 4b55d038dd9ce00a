//! What the server tells those who watch it. Counts only; no name, no position, no secret.

pub mod connections;

pub use connections::ConnectionCounts;
