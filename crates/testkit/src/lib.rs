//! What integration tests of the Rust side share: a simulated provider on a free port, HTTP/1 clients that show bytes
//! and instants as they came and may leave at any of them, a whole gateway (feature `gateway`) whose records can be
//! read, a count of what a process must give back, and waiting for a condition. For tests only: everything in here
//! panics when it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;
mod client;
#[cfg(feature = "gateway")]
mod gateway;
mod held;
#[cfg(feature = "gateway")]
mod records;
mod upstream;
mod wait;

pub use caller::{End, Heard, Leave, call};
pub use client::{Answer, Connection, Event, get, post, request};
#[cfg(feature = "gateway")]
pub use gateway::TestGateway;
pub use held::Held;
#[cfg(feature = "gateway")]
pub use records::Records;
pub use upstream::SimProvider;
pub use wait::until;
