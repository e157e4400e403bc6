//! One segment being written: reserve a slot, fill it, commit it by its checksum. Lock-free; makes system calls only
//! when it is created and when it is synced.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use paceline_types::UsageRecord;

use crate::JournalError;
use crate::directory::sync_directory;
use crate::layout::{COUNT_AT, HEADER_BYTES, Header, SLOT_BYTES, STATE_AT, State, checksum, segment_name, slot_at};
use crate::map::Map;
use crate::os;

pub(crate) struct Segment {
    pub(crate) sequence: u64,
    pub(crate) capacity: u32,
    map: Map,
    /// Slots reserved so far; runs past `capacity` when the segment is full.
    reserved: AtomicU64,
}

impl Segment {
    /// Makes the file whole under another name first, so that readers never see half a header.
    pub(crate) fn create(
        directory: &Path,
        gateway: [u8; 16],
        sequence: u64,
        capacity: u32,
    ) -> Result<Self, JournalError> {
        let path = directory.join(segment_name(sequence));
        let unfinished = directory.join(format!("{}.tmp", segment_name(sequence)));
        let map = fill(&unfinished, gateway, sequence, capacity).inspect_err(|_| {
            let _ = fs::remove_file(&unfinished);
        })?;
        fs::rename(&unfinished, &path).map_err(JournalError::io(&path))?;
        sync_directory(directory)?;
        Ok(Self { sequence, capacity, map, reserved: AtomicU64::new(0) })
    }

    /// A slot that is the caller's alone, or `None` when all are taken.
    pub(crate) fn reserve(&self) -> Option<u32> {
        let slot = self.reserved.fetch_add(1, Ordering::Relaxed);
        if slot < u64::from(self.capacity) { u32::try_from(slot).ok() } else { None }
    }

    /// Slots not reserved yet.
    pub(crate) fn room(&self) -> u32 {
        let reserved = self.reserved.load(Ordering::Relaxed);
        u32::try_from(u64::from(self.capacity).saturating_sub(reserved)).unwrap_or(0)
    }

    /// Writes and commits a record in a reserved slot. When this returns, a kill cannot take the record back.
    pub(crate) fn commit(&self, slot: u32, record: &UsageRecord) {
        let mut bytes = [0; SLOT_BYTES];
        record.encode(&mut bytes);
        let at = slot_at(slot);
        self.map.write(at + 4, &bytes[4..]);
        self.map.publish32(at, checksum(&bytes));
    }

    /// States that every slot is reserved.
    pub(crate) fn seal(&self) {
        self.map.publish32(COUNT_AT, self.capacity);
        self.map.publish32(STATE_AT, State::Sealed as u32);
    }

    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.map.flush()
    }
}

/// Bytes of a segment file with so many slots.
pub(crate) const fn file_bytes(capacity: u32) -> u64 {
    HEADER_BYTES as u64 + capacity as u64 * SLOT_BYTES as u64
}

fn fill(path: &Path, gateway: [u8; 16], sequence: u64, capacity: u32) -> Result<Map, JournalError> {
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(JournalError::io(path))?;
    os::allocate(&file, file_bytes(capacity)).map_err(JournalError::io(path))?;
    let map = Map::new(&file).map_err(JournalError::io(path))?;
    let header = Header { gateway, sequence, created_unix_us: unix_us(), capacity, state: State::Open, count: 0 };
    map.write(0, &header.encode());
    map.flush().map_err(JournalError::io(path))?;
    Ok(map)
}

fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
