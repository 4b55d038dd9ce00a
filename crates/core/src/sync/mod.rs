//! The sync machine: what to send next and when, as a state machine without IO (architecture, "The sync machine").

mod backoff;
pub mod event;
pub mod machine;
pub mod reply;

pub use backoff::backoff_ms;
pub use event::{Event, Lane, Reason, Want};
pub use machine::SyncMachine;
pub use reply::{ReplyClass, classify};
