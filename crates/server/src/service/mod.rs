//! Use-cases: synchronous functions over the house (store, blobs, keys), with `now` and randomness handed in.

pub mod error;
pub mod house;

pub use error::ServiceError;
pub use house::{Credential, House, Random, Reference};
