//! Bodies that tell their connection's pulse what they wait for.

use super::pulse::Pulse;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A request's body: says while somebody waits for its next piece.
pub(crate) struct Asked {
    inner: Incoming,
    pulse: Arc<Pulse>,
}

impl Asked {
    /// Watches a body.
    pub(crate) fn new(inner: Incoming, pulse: Arc<Pulse>) -> Self {
        Self { inner, pulse }
    }
}

impl Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        self.pulse.awaiting_body(poll.is_pending());
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.pulse.awaiting_body(false);
    }
}

/// A request that is being answered, until this is dropped.
pub(crate) struct Turn(Arc<Pulse>);

impl Turn {
    /// Begins one.
    pub(crate) fn begin(pulse: Arc<Pulse>) -> Self {
        pulse.request();
        Self(pulse)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// An answer's body: its request is answered when this is sent or given up.
pub(crate) struct Answering {
    inner: axum::body::Body,
    _turn: Turn,
}

impl Answering {
    /// Holds the turn until the body is gone.
    pub(crate) fn new(inner: axum::body::Body, turn: Turn) -> Self {
        Self { inner, _turn: turn }
    }
}

impl Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
