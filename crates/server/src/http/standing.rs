//! Whether a caller still stands while a request lasts: long polls, event streams, uploads and downloads end
//! within seconds of a revocation. Decides nothing: asks the gate.
//!
//! A counter in the database moves with every change of who may do what, also by the command line beside this
//! server. One thread reads it once a second; only when it has moved do waiting requests ask the gate again.

use crate::auth::gate::Proof;
use crate::error::Fault;
use crate::http::now_ms;
use crate::state::App;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use blindspot_core::error::SIGN_IN;
use std::sync::Arc;
use tokio::sync::watch;

/// A caller's proof, and what tells that it is to be looked at again. Stands behind `Caller` in a handler's
/// arguments, which leaves it in the request.
#[derive(Clone)]
pub struct Standing {
    proof: Proof,
    changes: watch::Receiver<i64>,
}

impl Standing {
    pub(crate) fn new(proof: Proof, changes: watch::Receiver<i64>) -> Self {
        Self { proof, changes }
    }

    /// Whether the caller is a revoked device that hands in its work.
    pub(crate) fn hands_in(&self) -> bool {
        matches!(self.proof, Proof::HandIn { .. })
    }

    /// What moves when anybody's rights change.
    pub(crate) fn changes(&self) -> watch::Receiver<i64> {
        self.changes.clone()
    }

    /// Ends only when the caller may no longer go on, with the refusal.
    pub(crate) async fn lost(mut self, app: Arc<App>) -> Fault {
        while self.changes.changed().await.is_ok() {
            let (app, proof) = (app.clone(), self.proof);
            let asked = tokio::task::spawn_blocking(move || app.gate.stands(app.house(), proof, now_ms()));
            // A database that fails for a moment is no revocation.
            if let Ok(Err(refused @ crate::service::ServiceError::Refused(..))) = asked.await {
                return refused.into();
            }
        }
        // The sender lives as long as the server.
        std::future::pending().await
    }
}

impl FromRequestParts<Arc<App>> for Standing {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Fault> {
        parts.extensions.get::<Standing>().cloned().ok_or_else(|| Fault::of(&SIGN_IN, None))
    }
}
