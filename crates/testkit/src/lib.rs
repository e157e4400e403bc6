//! What integration tests of the Rust side share.
