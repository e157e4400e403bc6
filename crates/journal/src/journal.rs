//! The journal a gateway writes: begin, finish, status. `begin` and `finish` make no system call, except where a
//! segment ends and the keeper has not laid out the next one yet.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use paceline_types::UsageRecord;

use crate::JournalError;
use crate::directory::Directory;
use crate::in_flight::{InFlight, Slot};
use crate::keeper::Keeper;
use crate::recovery::{Recovered, settle};
use crate::shared::{Put, Shared};

/// Bounds of a journal.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size of one segment file; brought between 16 slots and a quarter of `bytes_max`.
    pub segment_bytes: u64,
    /// Disk bound over all segment files. One segment is always allowed.
    pub bytes_max: u64,
    /// Requests in flight that the table has room for; the rest are served but not found after a kill.
    pub in_flight_max: u32,
    /// A power cut loses at most this much.
    pub sync: Duration,
}

/// Counters since the journal was opened, and its state now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Segment files on disk, as last looked at, and their bytes.
    pub segments: u64,
    pub bytes: u64,
    pub bytes_max: u64,
    pub appended: u64,
    /// Records that found no room on disk.
    pub dropped: u64,
    /// Slots taken in the table of requests in flight.
    pub in_flight: u32,
    /// Requests that found that table full.
    pub unlisted: u64,
    /// Lost requests of the last run that wait for room on disk.
    pub pending: u64,
    /// See `Journal::is_full`.
    pub full: bool,
    /// Times that data could not be synced, or a segment not be made.
    pub faults: u64,
}

/// An open journal. Shared between threads by reference; dropping it syncs and ends its thread.
pub struct Journal {
    pub(crate) shared: Arc<Shared>,
    keeper: Keeper,
}

impl Journal {
    /// Locks the directory, recovers what the last run left, and starts a new segment.
    ///
    /// # Errors
    /// When another gateway holds the directory, its files are of another format, or the disk refuses.
    pub fn open(directory: &Path, options: Options) -> Result<(Self, Recovered), JournalError> {
        let directory = Directory::open(directory)?;
        let mut table = InFlight::open(&directory.table(), options.in_flight_max)?;
        let survey = settle(&directory.path, &table)?;
        if survey.unanswered.is_empty() && table.capacity != options.in_flight_max {
            table = InFlight::create(&directory.table(), options.in_flight_max, survey.sequence)?;
        }
        let shared = Arc::new(Shared::new(directory, table, &options, survey.sequence, survey.unanswered));
        shared.start()?;
        let keeper = Keeper::start(Arc::clone(&shared)).map_err(JournalError::io(&shared.directory.path))?;
        Ok((Self { shared, keeper }, survey.recovered))
    }

    /// Enters a request that is about to be served. `None` when the table is full, which is counted.
    pub fn begin(&self, record: &UsageRecord) -> Option<Slot> {
        self.shared.begin(record)
    }

    /// Appends the request's final record and gives its slot back. When this returns true, a kill cannot take the
    /// record; false means that there was no room on disk, which is counted.
    pub fn finish(&self, slot: Option<Slot>, record: &UsageRecord) -> bool {
        let wake = self.shared.put(slot, record);
        if wake == Put::HalfFull {
            self.keeper.wake();
        }
        wake != Put::Dropped
    }

    /// True while there is no room for a further segment and the last one is nearly used up: what is left is kept
    /// for requests in flight. A gateway whose policy is to refuse when full asks this before it takes a request.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Takes over the bounds of a new plan that can change while running.
    pub fn configure(&self, bytes_max: u64, sync: Duration) {
        self.shared.configure(bytes_max, sync);
        self.keeper.wake();
    }

    /// The journal's identity in the ledger.
    #[must_use]
    pub fn gateway(&self) -> [u8; 16] {
        self.shared.directory.gateway
    }

    /// Ends the keeper's thread and syncs everything. Nothing is sealed: the next start does that.
    pub fn close(self) {
        drop(self);
    }
}

#[cfg(test)]
mod tests;
