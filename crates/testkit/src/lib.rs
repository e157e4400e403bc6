//! What integration tests of the Rust side share: a simulated provider on a free port, a plain HTTP/1 client that shows
//! bytes and instants as they came, and waiting for a condition. For tests only: everything in here panics when it
//! fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod upstream;
mod wait;

pub use client::{Answer, Connection, Event, get, post, request};
pub use upstream::SimProvider;
pub use wait::until;
