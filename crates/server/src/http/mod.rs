//! The axum shell: a file an endpoint; decides nothing.
