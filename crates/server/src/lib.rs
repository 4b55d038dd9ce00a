//! The sync server: auth, use-cases, blobs, and a thin axum shell over them.
