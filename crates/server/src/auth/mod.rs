//! Who is asking: passwords, sessions, enrolment, tokens. Synchronous; knows no axum and no tokio.

pub mod device_key;
pub mod enrol;
pub mod gate;
pub mod hand_in;
pub mod keys;
pub mod lockout;
pub mod password;
pub mod refresh;
pub mod sealed;
pub mod secret;
pub mod sessions;
pub mod token;
pub mod used;

pub use gate::Gate;
