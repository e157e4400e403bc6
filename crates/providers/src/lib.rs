//! Provider dialects: request scan and splice, stream watch, usage, error shapes. Pure functions on bytes: no I/O, no
//! clock (times are nanoseconds handed in), and nothing re-serialised that a caller or provider wrote.

mod answer;
mod anthropic_messages;
mod assemble;
mod canonical;
mod cursor;
mod edits;
mod error;
mod error_kind;
mod inflate;
mod models;
mod notice;
mod openai_chat;
mod openai_embeddings;
mod openai_responses;
mod passthrough;
mod quote;
mod rate_headers;
mod reader;
mod regions;
mod scan;
mod sse;
mod text;
mod usage;
mod watch;

pub use answer::{AnswerFacts, read_answer};
pub use assemble::{Assembler, NotWhole, assemblable};
pub use canonical::canonical;
pub use edits::Edits;
pub use error::{error_body, error_event, error_type};
pub use error_kind::{ErrorKind, error_kind};
pub use inflate::{Inflate, InflateFault};
pub use models::models_body;
pub use notice::Finish;
pub use passthrough::passthrough_usage;
pub use rate_headers::{RATE_HEADERS, Rate, RateView, rate_values};
pub use reader::StreamFacts;
pub use regions::{Regions, regions};
pub use scan::{RequestFacts, ScanError, scan};
pub use watch::StreamWatch;
