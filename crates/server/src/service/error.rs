//! What a use-case may answer besides its result.

use blindspot_core::error::ProblemText;
use blindspot_store::StoreError;

/// A refusal with a stable code, or a failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Refused, with the problem's text and what exactly was wrong.
    #[error("{}: {}", .0.code, .1.as_deref().unwrap_or(""))]
    Refused(&'static ProblemText, Option<String>),
    /// Refused for now, with the seconds to wait.
    #[error("{}: again in {} s", .0.code, .1)]
    Later(&'static ProblemText, u32),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store failed.
    #[error("blobs: {0}")]
    Blob(#[from] std::io::Error),
}

impl ServiceError {
    /// A refusal with no more to say.
    #[must_use]
    pub fn refused(text: &'static ProblemText) -> Self {
        Self::Refused(text, None)
    }
    /// A refusal with a detail.
    #[must_use]
    pub fn because(text: &'static ProblemText, detail: impl Into<String>) -> Self {
        Self::Refused(text, Some(detail.into()))
    }
}

impl From<serde_json::Error> for ServiceError {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(StoreError::Json(error))
    }
}
