//! The usage journal: mapped segments, requests in flight, recovery, and the fold.
//!
//! Owns the directory `DATA/journal`. The gateway appends one 512-byte usage record per request without a system
//! call; the control process folds segments into ledger rows and deletes those that are wholly folded. What a kill
//! of the process cannot take: every record whose `finish` has returned, and the knowledge of every request that
//! had begun. What a power cut can take: at most the last `Options::sync` of both.
//! Knows nothing of HTTP, SQL or Python.

mod directory;
mod error;
mod events;
pub mod fold;
mod in_flight;
mod journal;
mod keeper;
mod layout;
mod map;
mod measures;
mod os;
mod reader;
mod recovery;
mod segment;
mod shared;
#[cfg(test)]
mod testing;

pub use directory::{SegmentFile, segments};
pub use error::JournalError;
pub use in_flight::Slot;
pub use journal::{Journal, Options, Status};
pub use layout::Position;
pub use reader::{Entry, Reader};
pub use recovery::Recovered;
