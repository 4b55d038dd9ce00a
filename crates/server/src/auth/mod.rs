//! Who is asking: passwords, sessions, enrolment, tokens. Synchronous; knows no axum and no tokio.

pub mod keys;
