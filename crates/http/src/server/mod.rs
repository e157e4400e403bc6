//! The server edge: listeners, connections, requests in, responses out. hyper frames; this module bounds.

mod body;
mod connection;
mod crowd;
mod drain;
mod handover;
mod head_check;
mod link;
mod listen;
mod refusal;
mod request;
mod serve;
mod socket;
mod upload;

pub use body::{Abort, AbortWithReset, Body, Chunks};
pub use drain::Drain;
pub use handover::{receive_listener, send_listener};
pub use listen::{Listen, bind_tcp, bind_unix};
pub use request::{BodyError, Request};
pub use serve::{Handler, ServeStats, ServerOptions, serve};
pub use upload::BodyStream;

/// What a handler answers.
pub type Response = http::Response<Body>;
