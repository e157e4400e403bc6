//! Words every crate shares. Owns the glossary in code: dialects and APIs, outcomes, codes, metrics, the usage
//! record with its 512-byte form, and the latency sketch. Does no I/O and knows no HTTP library.

mod code;
mod dialect;
mod failure;
mod id;
mod metric;
mod outcome;
mod record;
mod share;
mod sketch;

pub use code::{CODES, Code, CodeRow};
pub use dialect::{Api, CapField, Dialect};
pub use failure::{Failure, Fault};
pub use id::RequestId;
pub use metric::{LimitMask, Metric, PERCENTILES, Percentile};
pub use outcome::Outcome;
pub use record::{Flags, Mode, RECORD_BYTES, RecordError, TokenSource, Tokens, UNDEFINED, UsageRecord};
pub use share::{CacheUse, Lane, PrefixUse};
pub use sketch::{Sketch, SketchError};
