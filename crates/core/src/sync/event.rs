//! What goes into the sync machine and comes out of it.

use super::reply::ReplyClass;

/// Channels that never wait for each other (protocol 1). `Auth` holds up the others only while no
/// access token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Token refresh.
    Auth,
    /// Ops up.
    Push,
    /// Rows down.
    Pull,
    /// Photo bytes up.
    Photo,
}

impl Lane {
    /// Every lane, in the order in which they are offered.
    pub const ALL: [Lane; 4] = [Lane::Auth, Lane::Push, Lane::Pull, Lane::Photo];
}

/// What the machine wants sent; the client fills it from its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// A token refresh.
    Refresh,
    /// A push of at most so many ops.
    Push {
        /// Most ops.
        ops_max: usize,
        /// Most bytes of op bodies.
        bytes_max: usize,
    },
    /// A page of a pull.
    Pull {
        /// Seconds to wait for news.
        wait_s: u32,
    },
    /// The next step of the next photo.
    Photo,
}

impl Want {
    /// The lane it travels on.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Want::Refresh => Lane::Auth,
            Want::Push { .. } => Lane::Push,
            Want::Pull { .. } => Lane::Pull,
            Want::Photo => Lane::Photo,
        }
    }
}

/// Why the machine will wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Work is due on a lane.
    Due(Lane),
    /// A lane backs off after a failure.
    Backoff(Lane),
}

/// What a screen or log may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request on a lane failed.
    Failed {
        /// Which lane.
        lane: Lane,
        /// What kind of failure; `None` when nothing answered.
        class: Option<ReplyClass>,
    },
    /// Everything captured has been acknowledged.
    OutboxEmpty,
    /// The mirror has caught up with the server.
    CaughtUp,
    /// The person must sign in again; nothing is lost.
    SignInAgain,
    /// One op is refused alone: it goes to the tray as unsendable.
    Unsendable,
}
