//! The one place where problems meet HTTP statuses.
