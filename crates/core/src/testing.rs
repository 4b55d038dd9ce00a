//! Builders and strategies for tests of other crates. Never in a shipped binary.
