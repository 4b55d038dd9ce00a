//! Photo bytes by content hash.
