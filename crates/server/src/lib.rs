//! The sync server: auth, use-cases, blobs, and a thin axum shell over them.
//!
//! `service` and `auth` are synchronous and know no axum and no tokio, so that a simulation can call
//! them directly; `http` is a shell that decides nothing.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod auth;
pub mod backup;
pub mod blob;
pub mod config;
pub mod database;
pub mod error;
pub mod hints;
pub mod http;
pub mod jobs;
pub mod listen;
mod nodes;
pub mod openapi;
pub mod policy;
pub mod problems;
pub mod router;
pub mod running;
pub mod server;
pub mod service;
pub mod state;
pub mod telemetry;
pub mod tls;

pub use config::ServeConfig;
pub use running::{Running, Server};
pub use server::serve;
