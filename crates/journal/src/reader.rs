//! Reading one segment file in order, by `pread`, a bounded piece at a time. Safe beside a gateway that is writing:
//! it stops at the first slot that is not committed yet, unless recovery has settled the segment.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use paceline_types::{RecordError, UsageRecord};

use crate::JournalError;
use crate::layout::{HEADER_BYTES, Header, SLOT_BYTES, SlotKind, State, kind, slot_at};

/// Slots read at once: 256 KiB.
const PIECE: u32 = 512;

/// What one settled slot holds.
#[derive(Debug)]
pub enum Entry {
    Record(Box<UsageRecord>),
    /// Reserved by a process that was killed before it could commit; its request shows up as lost.
    Void,
    /// Bytes that are no record: torn by a power cut, or damaged on disk. Passed over and counted.
    Damaged,
}

/// A position in one segment.
pub struct Reader {
    path: PathBuf,
    file: File,
    header: Header,
    next: u32,
    end: u32,
    piece: Vec<u8>,
    piece_from: u32,
}

impl Reader {
    /// Opens a segment at a slot.
    ///
    /// # Errors
    /// When the file cannot be read or is not a segment.
    pub fn open(path: &Path, slot: u32) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(JournalError::io(path))?;
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(JournalError::io(path))?;
        let header = Header::decode(&bytes).map_err(|what| JournalError::Format { path: path.to_owned(), what })?;
        let length = file.metadata().map_err(JournalError::io(path))?.len();
        let in_file = length.saturating_sub(HEADER_BYTES as u64) / SLOT_BYTES as u64;
        let stated = if header.state == State::Open { header.capacity } else { header.count };
        let end = stated.min(u32::try_from(in_file).unwrap_or(u32::MAX));
        Ok(Self { path: path.to_owned(), file, header, next: slot.min(end), end, piece: Vec::new(), piece_from: 0 })
    }

    #[must_use]
    pub fn gateway(&self) -> [u8; 16] {
        self.header.gateway
    }

    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.header.sequence
    }

    /// Wall clock when the segment was made, microseconds since 1970.
    #[must_use]
    pub fn created_unix_us(&self) -> u64 {
        self.header.created_unix_us
    }

    /// No more slots will be reserved in it.
    #[must_use]
    pub fn sealed(&self) -> bool {
        self.header.state != State::Open
    }

    /// The slot that comes next: every one before it is settled.
    #[must_use]
    pub fn next_slot(&self) -> u32 {
        self.next
    }

    /// Sealed and read to its end: the file will never hold anything further.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.sealed() && self.next == self.end
    }

    /// The next settled slot; `None` at the end, or where a record is still being written.
    ///
    /// # Errors
    /// When the file cannot be read, or a record comes from a newer format.
    pub fn advance(&mut self) -> Result<Option<Entry>, JournalError> {
        if self.next >= self.end {
            return Ok(None);
        }
        let bytes = self.slot(self.next)?;
        let entry = match kind(&bytes) {
            SlotKind::Record => match UsageRecord::decode(&bytes) {
                Ok(record) => Entry::Record(Box::new(record)),
                Err(source @ RecordError::Version(_)) => {
                    return Err(JournalError::Newer { path: self.path.clone(), slot: self.next, source });
                }
                Err(_) => Entry::Damaged,
            },
            SlotKind::Void => Entry::Void,
            SlotKind::Empty | SlotKind::Damaged if self.header.state == State::Checked => Entry::Damaged,
            SlotKind::Empty | SlotKind::Damaged => return Ok(None),
        };
        self.next += 1;
        Ok(Some(entry))
    }

    fn slot(&mut self, slot: u32) -> Result<[u8; SLOT_BYTES], JournalError> {
        let in_piece =
            slot >= self.piece_from && ((slot - self.piece_from) as usize + 1) * SLOT_BYTES <= self.piece.len();
        if !in_piece {
            let slots = PIECE.min(self.end - slot);
            self.piece.resize(slots as usize * SLOT_BYTES, 0);
            self.file.read_exact_at(&mut self.piece, slot_at(slot) as u64).map_err(JournalError::io(&self.path))?;
            self.piece_from = slot;
        }
        let at = (slot - self.piece_from) as usize * SLOT_BYTES;
        let mut bytes = [0; SLOT_BYTES];
        bytes.copy_from_slice(&self.piece[at..at + SLOT_BYTES]);
        Ok(bytes)
    }
}
