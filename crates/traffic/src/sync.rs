//! What many threads share is made of these; `tests/loom.rs` puts loom's in their place and plays every order of events.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
