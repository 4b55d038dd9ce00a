//! The made-up city: divisions, cells, people, scenes drawn as JPEG with EXIF, and a cutting proxy.
//!
//! For demos, benchmarks and tests. Knows no client, store or server: it hands out core's plain records,
//! bytes of pictures and bytes on sockets. The same seed gives the same city and the same picture.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod city;
mod dice;
pub mod month;
pub mod proxy;
pub mod scene;

pub use city::{City, Grant, Person, RosterEntry, Unit, city};
