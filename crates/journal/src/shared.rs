//! What the journal's threads share: the segment in use and how it is replaced, the disk bound, the requests that wait
//! to be recorded. Everything a request needs is lock-free or a lock held for a copy; whatever makes system calls holds
//! `roll` and runs on the keeper's thread where it can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use paceline_types::{Outcome, UsageRecord};
use parking_lot::{Mutex, RwLock};

use crate::directory::{Directory, segments};
use crate::in_flight::{InFlight, Slot};
use crate::layout::{HEADER_BYTES, Position, SLOT_BYTES, SLOTS_MAX, SLOTS_MIN};
use crate::recovery::Unanswered;
use crate::segment::{Segment, file_bytes};
use crate::{JournalError, Options, Status};

/// What the threads share.
pub(crate) struct Shared {
    pub(crate) directory: Directory,
    pub(crate) table: InFlight,
    /// Slots in a new segment.
    capacity: u32,
    /// Slots kept, once there is no further segment, for requests that are in flight.
    reserve: u32,
    bytes_max: AtomicU64,
    sync_ms: AtomicU64,
    current: RwLock<Option<Arc<Segment>>>,
    roll: Mutex<Roll>,
    pending: Mutex<Vec<Unanswered>>,
    /// The last attempt to lay out a spare segment failed.
    no_spare: AtomicBool,
    counters: Counters,
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
struct Counters {
    appended: AtomicU64,
    dropped: AtomicU64,
    unlisted: AtomicU64,
    segments: AtomicU64,
    bytes: AtomicU64,
    faults: AtomicU64,
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
    pub(crate) fn new(
        directory: Directory,
        table: InFlight,
        options: &Options,
        sequence: u64,
        unanswered: Vec<Unanswered>,
    ) -> Self {
        let capacity = slots_of(options);
        Self {
            directory,
            table,
            capacity,
            reserve: options.in_flight_max.min(capacity / 4),
            bytes_max: AtomicU64::new(options.bytes_max),
            sync_ms: AtomicU64::new(milliseconds(options.sync)),
            current: RwLock::new(None),
            roll: Mutex::new(Roll { sequence, spare: None, retired: Vec::new() }),
            pending: Mutex::new(unanswered),
            no_spare: AtomicBool::new(false),
            counters: Counters::default(),
        }
    }

    /// Takes the first segment into use and records what the last run lost. No room is no error: the journal starts
    /// full, and the keeper tries again.
    pub(crate) fn start(&self) -> Result<(), JournalError> {
        match self.roll_from(None) {
            Err(error) if !error.is_for_want_of_room() => Err(error),
            _ => {
                self.record_pending();
                Ok(())
            }
        }
    }

    pub(crate) fn status(&self) -> Status {
        let counters = &self.counters;
        Status {
            segments: counters.segments.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
            bytes_max: self.bytes_max.load(Ordering::Relaxed),
            appended: counters.appended.load(Ordering::Relaxed),
            dropped: counters.dropped.load(Ordering::Relaxed),
            in_flight: self.table.taken(),
            unlisted: counters.unlisted.load(Ordering::Relaxed),
            pending: self.pending.lock().len() as u64,
            full: self.is_full(),
            faults: counters.faults.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn configure(&self, bytes_max: u64, sync: Duration) {
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
        self.sync_ms.store(milliseconds(sync), Ordering::Relaxed);
    }

    pub(crate) fn begin(&self, record: &UsageRecord) -> Option<Slot> {
        let slot = self.table.begin(record);
        if slot.is_none() {
            self.counters.unlisted.fetch_add(1, Ordering::Relaxed);
        }
        slot
    }

    /// Reserve, note, write, commit, clear.
    pub(crate) fn put(&self, slot: Option<Slot>, record: &UsageRecord) -> Put {
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

    pub(crate) fn is_full(&self) -> bool {
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

    pub(crate) fn sync_every(&self) -> Duration {
        Duration::from_millis(self.sync_ms.load(Ordering::Relaxed))
    }
}

fn milliseconds(interval: Duration) -> u64 {
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).clamp(1, 3_600_000)
}

fn slots_of(options: &Options) -> u32 {
    let bytes = options.segment_bytes.min(options.bytes_max / 4);
    let slots = bytes.saturating_sub(HEADER_BYTES as u64) / SLOT_BYTES as u64;
    u32::try_from(slots.clamp(SLOTS_MIN, SLOTS_MAX)).unwrap_or(u32::MAX)
}
