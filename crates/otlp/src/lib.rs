//! Traces and metrics of requests as OpenTelemetry (OTLP), exported beside the request path. Off unless the plan says so.
//! A request meets `Telemetry` twice, at its beginning and at its end, and `Trace` at each attempt; none of them waits.
//! Batches leave from a thread of their own (`worker`). What figures are called is one table (`names`). No text of a
//! request or an answer leaves without a capture policy whose end has not come (`content`).

mod attributes;
mod content;
mod context;
mod exporter;
mod messages;
mod names;
mod places;
mod series;
mod span;
mod spread;
mod trace;
mod wire;
mod worker;

pub use context::{Context, Traceparent};
pub use exporter::{Counts, ExportStatus, Exporter, StartError, Surroundings, Telemetry};
pub use trace::Trace;
