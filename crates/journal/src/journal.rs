//! The journal a gateway writes: begin, finish, status. `begin` and `finish` make no system call, except where a
//! segment ends and the keeper has not laid out the next one yet.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use paceline_types::{Outcome, UsageRecord};
use parking_lot::{Mutex, RwLock};

use crate::JournalError;
use crate::directory::{Directory, segments};
use crate::in_flight::{InFlight, Slot};
use crate::keeper::Keeper;
use crate::layout::{HEADER_BYTES, Position, SLOT_BYTES, SLOTS_MAX, SLOTS_MIN};
use crate::recovery::{Recovered, Unanswered, settle};
use crate::segment::{Segment, file_bytes};

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
        let capacity = slots_of(&options);
        let mut table = InFlight::open(&directory.table(), options.in_flight_max)?;
        let survey = settle(&directory.path, &table)?;
        if survey.unanswered.is_empty() && table.capacity != options.in_flight_max {
            table = InFlight::create(&directory.table(), options.in_flight_max, survey.sequence)?;
        }
        let shared = Arc::new(Shared {
            directory,
            table,
            capacity,
            // A reserve that lets the requests in flight be recorded once `is_full` has turned others away.
            reserve: options.in_flight_max.min(capacity / 4),
            bytes_max: AtomicU64::new(options.bytes_max),
            sync_ms: AtomicU64::new(0),
            current: RwLock::new(None),
            roll: Mutex::new(Roll { sequence: survey.sequence, spare: None, retired: Vec::new() }),
            pending: Mutex::new(survey.unanswered),
            no_spare: AtomicBool::new(false),
            counters: Counters::default(),
        });
        shared.set_sync(options.sync);
        match shared.roll_from(None) {
            Ok(()) | Err(JournalError::Full { .. }) => {}
            Err(error) => return Err(error),
        }
        shared.record_pending();
        let keeper = Keeper::start(Arc::clone(&shared)).map_err(JournalError::io(&shared.directory.path))?;
        Ok((Self { shared, keeper }, survey.recovered))
    }

    /// Enters a request that is about to be served. `None` when the table is full, which is counted.
    pub fn begin(&self, record: &UsageRecord) -> Option<Slot> {
        let slot = self.shared.table.begin(record);
        if slot.is_none() {
            self.shared.counters.unlisted.fetch_add(1, Ordering::Relaxed);
        }
        slot
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
        let shared = &self.shared;
        let counters = &shared.counters;
        Status {
            segments: counters.segments.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
            bytes_max: shared.bytes_max.load(Ordering::Relaxed),
            appended: counters.appended.load(Ordering::Relaxed),
            dropped: counters.dropped.load(Ordering::Relaxed),
            in_flight: shared.table.taken(),
            unlisted: counters.unlisted.load(Ordering::Relaxed),
            pending: shared.pending.lock().len() as u64,
            full: shared.is_full(),
            faults: counters.faults.load(Ordering::Relaxed),
        }
    }

    /// Takes over the bounds of a new plan that can change while running.
    pub fn configure(&self, bytes_max: u64, sync: Duration) {
        self.shared.bytes_max.store(bytes_max, Ordering::Relaxed);
        self.shared.set_sync(sync);
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

/// What the threads share.
pub(crate) struct Shared {
    directory: Directory,
    pub(crate) table: InFlight,
    /// Slots in a new segment.
    capacity: u32,
    reserve: u32,
    bytes_max: AtomicU64,
    sync_ms: AtomicU64,
    current: RwLock<Option<Arc<Segment>>>,
    roll: Mutex<Roll>,
    pending: Mutex<Vec<Unanswered>>,
    /// The last attempt to lay out a spare segment failed.
    no_spare: AtomicBool,
    pub(crate) counters: Counters,
}

/// What only the thread that changes segments touches.
struct Roll {
    /// The last sequence used.
    sequence: u64,
    spare: Option<Segment>,
    /// Segments that are used up but not synced since.
    retired: Vec<Arc<Segment>>,
}

#[derive(Default)]
pub(crate) struct Counters {
    appended: AtomicU64,
    dropped: AtomicU64,
    unlisted: AtomicU64,
    segments: AtomicU64,
    bytes: AtomicU64,
    pub(crate) faults: AtomicU64,
}

/// How an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    /// Done, and it is time to lay out the next segment.
    HalfFull,
    Dropped,
}

impl Shared {
    /// Reserve, note, write, commit, clear.
    fn put(&self, slot: Option<Slot>, record: &UsageRecord) -> Put {
        let refused_when_full = record.outcome == Outcome::Refused && self.is_full();
        let place = if refused_when_full { None } else { self.reserve() };
        let put = match place {
            Some((segment, at)) => {
                if let Some(slot) = &slot {
                    self.table.put_note(slot, Position { segment: segment.sequence, slot: at });
                }
                segment.commit(at, record);
                self.counters.appended.fetch_add(1, Ordering::Relaxed);
                if at == segment.capacity / 2 { Put::HalfFull } else { Put::Done }
            }
            None => {
                self.counters.dropped.fetch_add(1, Ordering::Relaxed);
                Put::Dropped
            }
        };
        if let Some(slot) = &slot {
            self.table.clear(slot);
        }
        put
    }

    pub(crate) fn reserve(&self) -> Option<(Arc<Segment>, u32)> {
        loop {
            let current = self.current.read().clone();
            if let Some(segment) = &current
                && let Some(slot) = segment.reserve()
            {
                return current.map(|segment| (segment, slot));
            }
            if current.is_none() && self.no_spare.load(Ordering::Relaxed) {
                return None;
            }
            if self.roll_from(current.map(|segment| segment.sequence)).is_err() {
                return None;
            }
        }
    }

    /// Replaces the used-up segment, unless another thread has done so already.
    fn roll_from(&self, used_up: Option<u64>) -> Result<(), JournalError> {
        let mut roll = self.roll.lock();
        if self.current.read().as_ref().map(|segment| segment.sequence) != used_up {
            return Ok(());
        }
        if roll.spare.is_none() && !(used_up.is_some() && self.no_spare.load(Ordering::Relaxed)) {
            self.lay_out(&mut roll)?;
        }
        let Some(spare) = roll.spare.take() else {
            return Err(JournalError::Full { bytes_max: self.bytes_max.load(Ordering::Relaxed) });
        };
        let old = self.current.write().replace(Arc::new(spare));
        if let Some(old) = old {
            old.seal();
            roll.retired.push(old);
        }
        Ok(())
    }

    /// Makes the spare segment if the disk bound allows it.
    fn lay_out(&self, roll: &mut Roll) -> Result<(), JournalError> {
        let made = self.try_lay_out(roll);
        self.no_spare.store(made.is_err(), Ordering::Relaxed);
        if made.as_ref().is_err_and(|error| !matches!(error, JournalError::Full { .. })) {
            self.counters.faults.fetch_add(1, Ordering::Relaxed);
        }
        made
    }

    fn try_lay_out(&self, roll: &mut Roll) -> Result<(), JournalError> {
        let (count, bytes) = self.look()?;
        let bytes_max = self.bytes_max.load(Ordering::Relaxed);
        if count > 0 && bytes + file_bytes(self.capacity) > bytes_max {
            return Err(JournalError::Full { bytes_max });
        }
        let sequence = roll.sequence + 1;
        self.table.put_sequence(sequence).map_err(JournalError::io(&self.directory.table()))?;
        roll.sequence = sequence;
        roll.spare = Some(Segment::create(&self.directory.path, self.directory.gateway, sequence, self.capacity)?);
        self.look().map(|_| ())
    }

    /// Counts the files on disk: ingest deletes them from another process.
    fn look(&self) -> Result<(u64, u64), JournalError> {
        let files = segments(&self.directory.path)?;
        let bytes = files.iter().map(|file| file.bytes).sum();
        self.counters.segments.store(files.len() as u64, Ordering::Relaxed);
        self.counters.bytes.store(bytes, Ordering::Relaxed);
        Ok((files.len() as u64, bytes))
    }

    fn is_full(&self) -> bool {
        self.no_spare.load(Ordering::Relaxed)
            && self.current.read().as_ref().is_none_or(|segment| segment.room() <= self.reserve)
    }

    /// Lays out the next segment once half of this one is used, and takes the first one when there was no room before.
    pub(crate) fn prepare(&self) {
        let current = self.current.read().clone();
        let half_full = current.as_ref().is_none_or(|segment| segment.room() <= segment.capacity / 2);
        let exhausted = current.as_ref().is_none_or(|segment| segment.room() == 0);
        let mut roll = self.roll.lock();
        let looked = self.look();
        if looked.is_ok() && roll.spare.is_none() && half_full {
            let _ = self.lay_out(&mut roll);
        }
        let ready = roll.spare.is_some();
        drop(roll);
        if ready && exhausted {
            let _ = self.roll_from(current.map(|segment| segment.sequence));
        }
        self.record_pending();
    }

    /// Appends the lost requests of the last run while there is room; what finds none waits.
    fn record_pending(&self) {
        let mut pending = self.pending.lock();
        while let Some(Unanswered { slot, record }) = pending.pop() {
            let Some((segment, at)) = self.reserve() else {
                pending.push(Unanswered { slot, record });
                return;
            };
            self.table.put_note(&slot, Position { segment: segment.sequence, slot: at });
            segment.commit(at, &record);
            self.counters.appended.fetch_add(1, Ordering::Relaxed);
            self.table.clear(&slot);
        }
    }

    /// Brings everything written so far to disk.
    pub(crate) fn sync(&self) {
        let retired = std::mem::take(&mut self.roll.lock().retired);
        let current = self.current.read().clone();
        let mut kept = Vec::new();
        let mut sound = self.table.sync().is_ok();
        for segment in retired {
            // A writer may still hold a slot in it; then it is synced once more the next time.
            let busy = Arc::strong_count(&segment) > 1;
            let synced = segment.sync().is_ok();
            sound &= synced;
            if busy || !synced {
                kept.push(segment);
            }
        }
        self.roll.lock().retired.append(&mut kept);
        if let Some(segment) = current {
            sound &= segment.sync().is_ok();
        }
        if !sound {
            self.counters.faults.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn set_sync(&self, sync: Duration) {
        let ms = u64::try_from(sync.as_millis()).unwrap_or(u64::MAX);
        self.sync_ms.store(ms.clamp(1, 3_600_000), Ordering::Relaxed);
    }

    pub(crate) fn sync_every(&self) -> Duration {
        Duration::from_millis(self.sync_ms.load(Ordering::Relaxed))
    }
}

fn slots_of(options: &Options) -> u32 {
    let bytes = options.segment_bytes.min(options.bytes_max / 4);
    let slots = bytes.saturating_sub(HEADER_BYTES as u64) / SLOT_BYTES as u64;
    u32::try_from(slots.clamp(SLOTS_MIN, SLOTS_MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
