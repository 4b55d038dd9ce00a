//! A replica on a device: mirror, outbox, view, photo queue, stepped by its host. Knows no server, store or HTTP library.
//!
//! One person, one SQLite file, one photo folder. The host hands in time, random bytes, files and keys, sends the
//! requests of [`Replica::poll_request`] and brings back the answers.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod advice;
mod auth;
mod capture;
mod carry;
mod enrol;
mod erased;
mod error;
mod event;
mod export;
mod hand_in;
mod host;
mod http;
mod identity;
mod keep;
#[cfg(feature = "native")]
mod native;
#[cfg(feature = "native")]
mod native_phone;
#[cfg(feature = "native")]
mod native_pin;
#[cfg(feature = "native")]
mod native_recover;
#[cfg(feature = "native")]
mod native_shared;
mod offer;
mod overlay;
mod photo_step;
mod pull;
mod pull_apply;
mod push;
mod replica;
#[cfg_attr(
    not(feature = "native"),
    allow(dead_code, reason = "a host without folders reads no damaged file yet")
)]
mod rescue;
mod seal;
mod shot;
mod status;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod upload;
mod view;

pub use blindspot_core::sync::{Lane, Reason, ReplyClass};
pub use blindspot_photo::OriginalPolicy;
pub use capture::{RawPhoto, ReportDraft, ReportKind, Saved};
pub use carry::Carried;
pub use enrol::Enrolled;
pub use error::ClientError;
pub use event::ClientEvent;
pub use export::Exported;
pub use host::{FileProblem, KeyStore, NetworkKind, Now, PhotoFiles, Random};
pub use http::{HttpRequest, HttpResponse};
pub use identity::Identity;
pub use keep::Freed;
#[cfg(feature = "native")]
pub use native::{NativeFiles, NativeKeys, check_room_at, open_native};
#[cfg(feature = "native")]
pub use native_phone::{Phone, PhonePerson};
#[cfg(feature = "native")]
pub use native_shared::{Courier, Locked};
pub use replica::Replica;
pub use rescue::Recovered;
pub use seal::SealStep;
pub use status::{CaptureView, PhotoView, Status, Unsent, UploadView};
pub use store::outbox::{OpState, OutboxEntry};
pub use view::{CaseFilter, CaseView};
