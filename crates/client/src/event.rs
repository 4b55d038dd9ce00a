//! What a screen or log may want to know. Knows no screen.

use blindspot_core::feed::Feed;
use blindspot_core::sync::{Event, Lane, ReplyClass};
use blindspot_core::{OpId, PhotoId};

/// Something happened in a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// A request on a lane failed.
    Failed {
        /// Which lane.
        lane: Lane,
        /// What kind of failure; nothing when our server did not answer.
        class: Option<ReplyClass>,
    },
    /// Everything sealed has been acknowledged.
    OutboxEmpty,
    /// The mirror has caught up.
    CaughtUp,
    /// The person must enrol again; nothing is lost.
    SignInAgain,
    /// One op is refused alone and lies in the tray.
    Unsendable {
        /// Which.
        op_id: OpId,
        /// Why, as the server put it.
        why: String,
    },
    /// A feed's digest differs from the server's.
    DigestMismatch {
        /// Which feed.
        feed: Feed,
        /// Whether it is read again; if not, that was done within the hour already.
        reread: bool,
    },
    /// The scope changed.
    ScopeChanged {
        /// Feeds new here.
        added: Vec<Feed>,
        /// Feeds gone.
        removed: Vec<Feed>,
    },
    /// The server has the bytes of a form and has verified them.
    FormVerified {
        /// Which photo.
        photo_id: PhotoId,
        /// Which form.
        form: String,
    },
    /// The server refuses a photo; it is kept and tried again later.
    PhotoRefused {
        /// Which photo.
        photo_id: PhotoId,
        /// The server's code.
        code: String,
    },
    /// A photo's bytes are gone or damaged here.
    PhotoLost {
        /// Which photo.
        photo_id: PhotoId,
        /// Why.
        reason: String,
    },
    /// The server asks for a newer app; pushing goes on.
    UpgradeRequired,
    /// The server has lost its past; acknowledged work is offered again.
    NewEpoch {
        /// The new epoch.
        epoch: i64,
    },
}

impl ClientEvent {
    /// From the machine; the tray is told of by the client itself, with the op's name.
    pub(crate) fn from_machine(event: Event) -> Option<Self> {
        Some(match event {
            Event::Failed { lane, class } => Self::Failed { lane, class },
            Event::OutboxEmpty => Self::OutboxEmpty,
            Event::CaughtUp => Self::CaughtUp,
            Event::SignInAgain => Self::SignInAgain,
            Event::Unsendable => return None,
        })
    }
}
