//! The table of requests in flight: who had begun when the process was killed. Mapped, of fixed size, no system call
//! per request. A slot's note says: 0 free, `BEGUN` begun, anything else the position its record is being put at.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use paceline_types::UsageRecord;
use parking_lot::Mutex;

use crate::layout::{HEADER_BYTES, Position, SLOT_BYTES, SlotKind, TABLE_MAGIC, checksum, kind, u32_at};
use crate::map::Map;
use crate::{JournalError, os};

const ENTRY_BYTES: usize = 64 + SLOT_BYTES;
const BEGUN: u64 = u64::MAX;
/// Offset in the header of the highest segment sequence ever used.
const SEQUENCE_AT: usize = 16;

/// A request's place in the table. Give it back with `Journal::finish`; one that is dropped instead stays taken
/// until the next start, where it counts as lost.
#[derive(Debug)]
#[must_use]
pub struct Slot(pub(crate) u32);

/// What a kill left in one slot.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) slot: Slot,
    /// Where its final record was being put; `None` when it had not come so far.
    pub(crate) noted: Option<Position>,
    /// `None` when a power cut tore it.
    pub(crate) record: Option<UsageRecord>,
}

pub(crate) struct InFlight {
    map: Map,
    pub(crate) capacity: u32,
    free: Mutex<Vec<u32>>,
}

impl InFlight {
    /// Opens the table, or makes an empty one. Taken slots stay taken until recovery clears them.
    pub(crate) fn open(path: &Path, capacity: u32) -> Result<Self, JournalError> {
        if !path.exists() {
            return Self::create(path, capacity, 0);
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(JournalError::io(path))?;
        let map = Map::new(&file).map_err(JournalError::io(path))?;
        let mut header = [0; 16];
        if map.len() < HEADER_BYTES {
            return Err(JournalError::Format { path: path.to_owned(), what: "it is shorter than its header" });
        }
        map.read(0, &mut header);
        let slots = u32_at(&header, 8);
        if &header[..8] != TABLE_MAGIC || map.len() != HEADER_BYTES + slots as usize * ENTRY_BYTES {
            return Err(JournalError::Format { path: path.to_owned(), what: "its header does not fit it" });
        }
        let table = Self { map, capacity: slots, free: Mutex::new(Vec::with_capacity(slots as usize)) };
        table.free.lock().extend((0..slots).rev().filter(|&slot| table.note(slot) == 0));
        Ok(table)
    }

    /// A new, empty table in place of any other.
    pub(crate) fn create(path: &Path, capacity: u32, sequence: u64) -> Result<Self, JournalError> {
        let unfinished = path.with_extension("tmp");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(JournalError::io(&unfinished))?;
        os::allocate(&file, (HEADER_BYTES + capacity as usize * ENTRY_BYTES) as u64)
            .map_err(JournalError::io(&unfinished))?;
        let map = Map::new(&file).map_err(JournalError::io(&unfinished))?;
        map.write(0, TABLE_MAGIC);
        map.write(8, &capacity.to_le_bytes());
        map.write(SEQUENCE_AT, &sequence.to_le_bytes());
        map.flush().map_err(JournalError::io(&unfinished))?;
        fs::rename(&unfinished, path).map_err(JournalError::io(path))?;
        Ok(Self { map, capacity, free: Mutex::new((0..capacity).rev().collect()) })
    }

    /// Enters a request; `None` when every slot is taken.
    pub(crate) fn begin(&self, record: &UsageRecord) -> Option<Slot> {
        let slot = self.free.lock().pop()?;
        let mut bytes = [0; SLOT_BYTES];
        record.encode(&mut bytes);
        let checksum = checksum(&bytes);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        self.map.write(entry_at(slot) + 64, &bytes);
        self.map.word64(entry_at(slot)).store(BEGUN.to_le(), Ordering::Release);
        Some(Slot(slot))
    }

    /// Says where the request's final record is about to be put.
    pub(crate) fn put_note(&self, slot: &Slot, position: Position) {
        self.map.word64(entry_at(slot.0)).store(position.pack().to_le(), Ordering::Release);
    }

    /// Forgets the note, because nothing was committed there: the segment may go away while the request still waits.
    pub(crate) fn reset_note(&self, slot: &Slot) {
        self.map.word64(entry_at(slot.0)).store(BEGUN.to_le(), Ordering::Release);
    }

    /// The request has ended and its record is committed (or was dropped, and counted).
    pub(crate) fn clear(&self, slot: &Slot) {
        self.map.word64(entry_at(slot.0)).store(0, Ordering::Release);
        self.free.lock().push(slot.0);
    }

    /// Slots taken now.
    pub(crate) fn taken(&self) -> u32 {
        self.capacity - u32::try_from(self.free.lock().len()).unwrap_or(0)
    }

    /// What the last run left; only before this run's first `begin`.
    pub(crate) fn left(&self) -> Vec<Left> {
        (0..self.capacity).filter_map(|slot| self.left_in(slot)).collect()
    }

    fn left_in(&self, slot: u32) -> Option<Left> {
        let noted = match self.note(slot) {
            0 => return None,
            BEGUN => None,
            packed => Some(Position::unpack(packed)),
        };
        let mut bytes = [0; SLOT_BYTES];
        self.map.read(entry_at(slot) + 64, &mut bytes);
        let whole = kind(&bytes) == SlotKind::Record;
        let record = if whole { UsageRecord::decode(&bytes).ok() } else { None };
        Some(Left { slot: Slot(slot), noted, record })
    }

    fn note(&self, slot: u32) -> u64 {
        u64::from_le(self.map.word64(entry_at(slot)).load(Ordering::Acquire))
    }

    /// The highest segment sequence this directory has ever used.
    pub(crate) fn sequence(&self) -> u64 {
        u64::from_le(self.map.word64(SEQUENCE_AT).load(Ordering::Acquire))
    }

    /// Must be on disk before the segment of that sequence is used, so it is synced here.
    pub(crate) fn put_sequence(&self, sequence: u64) -> std::io::Result<()> {
        self.map.word64(SEQUENCE_AT).store(sequence.to_le(), Ordering::Release);
        self.map.flush()
    }

    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.map.flush()
    }
}

const fn entry_at(slot: u32) -> usize {
    HEADER_BYTES + slot as usize * ENTRY_BYTES
}
