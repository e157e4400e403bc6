//! The life of a request, from the caller's first byte to the usage record: the only place that composes.
//! Each step is a file; `gateway::Gateway::steps` is their order. Decisions live in `policy`, wire formats in
//! `providers`, sockets in `http`; nothing here parses JSON or decides by itself.

mod account;
mod attempt;
mod cache;
mod clock;
mod edit;
mod gateway;
mod headers;
mod hedge;
mod ident;
mod life;
mod limits;
mod own;
mod passthrough;
mod prefix;
mod prepare;
mod read;
mod refuse;
mod relay;
mod route;
mod running;
mod send;

pub use gateway::{DeploymentStatus, Edge, Gateway, Status};
pub use paceline_cache::CacheStatus;
pub use paceline_otlp::ExportStatus;
pub use paceline_traffic::LimitStatus;
pub use running::{ApplyError, Running};
