//! What happens before a new run may write: settle every old segment, then decide for each request that was in
//! flight whether it had been answered.
//!
//! A taken slot whose noted position is committed was answered. So was one whose noted segment is gone, since only
//! wholly folded segments are ever deleted. Any other was not: it becomes a record with the outcome `Lost`, which is
//! put like any other record (note, commit, clear), so a kill in the middle of recovery is recovered from too.

use std::fs::{self, OpenOptions};
use std::path::Path;

use paceline_types::{Outcome, RequestId, TokenSource, UNDEFINED, UsageRecord};
use rustc_hash::FxHashMap;

use crate::directory::segments;
use crate::in_flight::{InFlight, Slot};
use crate::layout::{
    COUNT_AT, HEADER_BYTES, Header, Position, SLOT_BYTES, STATE_AT, SlotKind, State, kind, slot_at, void,
};
use crate::map::Map;
use crate::{JournalError, directory::SegmentFile};

/// What the last run left behind.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Requests that were in flight when the process was killed, as they are now recorded.
    pub lost: Vec<UsageRecord>,
    /// Slots that were reserved and never committed.
    pub holes: u64,
    /// Slots and entries a power cut or a damaged disk made unreadable.
    pub damaged: u64,
}

/// A request that was lost and has still to be recorded.
pub(crate) struct Unanswered {
    pub(crate) slot: Slot,
    pub(crate) record: UsageRecord,
}

/// What recovery learned, before anything new was written.
pub(crate) struct Survey {
    pub(crate) unanswered: Vec<Unanswered>,
    pub(crate) recovered: Recovered,
    /// The highest sequence found on disk.
    pub(crate) sequence: u64,
}

/// Settles the old segments and the table.
pub(crate) fn settle(directory: &Path, table: &InFlight) -> Result<Survey, JournalError> {
    let files = segments(directory)?;
    let mut left = table.left();
    let mut known: FxHashMap<RequestId, bool> =
        left.iter().filter_map(|one| one.record.as_ref()).map(|record| (record.id, false)).collect();
    let mut recovered = Recovered::default();
    let mut old = FxHashMap::default();
    for file in &files {
        old.insert(file.sequence, Old::settle(file, &mut known, &mut recovered)?);
    }
    left.retain(|one| {
        let answered = one.noted.is_some_and(|at| old.get(&at.segment).is_none_or(|segment| segment.committed(at)));
        let recorded = one.record.as_ref().is_some_and(|record| known.get(&record.id) == Some(&true));
        recovered.damaged += u64::from(!answered && one.record.is_none());
        let unanswered = !answered && !recorded && one.record.is_some();
        if unanswered {
            table.reset_note(&one.slot)
        } else {
            table.clear(&one.slot)
        }
        unanswered
    });
    let unanswered: Vec<_> = left
        .into_iter()
        .filter_map(|one| one.record.map(|record| Unanswered { slot: one.slot, record: lost(record) }))
        .collect();
    recovered.lost = unanswered.iter().map(|one| one.record.clone()).collect();
    for (file, segment) in files.iter().filter_map(|file| Some((file, old.get(&file.sequence)?))) {
        segment.close(&file.path)?;
        if segment.count == 0 {
            fs::remove_file(&file.path).map_err(JournalError::io(&file.path))?;
        }
    }
    let sequence = files.last().map_or(0, |file| file.sequence).max(table.sequence());
    Ok(Survey { unanswered, recovered, sequence })
}

/// The record of a request that was in flight at a kill: no end, input tokens estimated at four bytes each.
fn lost(mut record: UsageRecord) -> UsageRecord {
    record.outcome = Outcome::Lost;
    record.end_us = UNDEFINED;
    record.total_us = UNDEFINED;
    record.token_source = TokenSource::Estimated;
    record.tokens.input = record.tokens.input.max(record.request_bytes / 4);
    record
}

/// A segment of an earlier run, mapped.
struct Old {
    map: Map,
    count: u32,
    checked: bool,
}

impl Old {
    fn settle(
        file: &SegmentFile,
        known: &mut FxHashMap<RequestId, bool>,
        recovered: &mut Recovered,
    ) -> Result<Self, JournalError> {
        let path = &file.path;
        let handle = OpenOptions::new().read(true).write(true).open(path).map_err(JournalError::io(path))?;
        let map = Map::new(&handle).map_err(JournalError::io(path))?;
        let format = |what| JournalError::Format { path: path.clone(), what };
        if map.len() < HEADER_BYTES {
            return Err(format("it is shorter than its header"));
        }
        let mut bytes = [0; HEADER_BYTES];
        map.read(0, &mut bytes);
        let header = Header::decode(&bytes).map_err(format)?;
        if map.len() < slot_at(header.capacity) {
            return Err(format("it is shorter than its header says"));
        }
        let mut old = Self { map, count: header.count, checked: true };
        if header.state != State::Checked {
            old.count = old.fill_holes(&header, recovered);
            old.mark_recorded(known);
            old.checked = false;
        }
        Ok(old)
    }

    /// States that the segment is settled; only once the table is, so that a kill in between repeats both.
    fn close(&self, path: &Path) -> Result<(), JournalError> {
        if self.checked {
            return Ok(());
        }
        self.map.publish32(COUNT_AT, self.count);
        self.map.publish32(STATE_AT, State::Checked as u32);
        self.map.flush().map_err(JournalError::io(path))
    }

    /// Marks every slot before the last committed one that holds no record, and says how many slots are in use.
    fn fill_holes(&self, header: &Header, recovered: &mut Recovered) -> u32 {
        let count =
            (0..header.capacity).rev().find(|&slot| self.kind(slot) != SlotKind::Empty).map_or(0, |slot| slot + 1);
        for slot in 0..count {
            match self.kind(slot) {
                SlotKind::Record | SlotKind::Void => continue,
                SlotKind::Empty => recovered.holes += 1,
                SlotKind::Damaged => recovered.damaged += 1,
            }
            let marker = void();
            self.map.write(slot_at(slot) + 4, &marker[4..]);
            self.map.publish32(slot_at(slot), u32::from_le_bytes([marker[0], marker[1], marker[2], marker[3]]));
        }
        count
    }

    /// Notes which of the requests left in the table have a record here. After a power cut the table may be older
    /// than the segments; after a kill this finds nothing that the notes do not say.
    fn mark_recorded(&self, known: &mut FxHashMap<RequestId, bool>) {
        for slot in 0..if known.is_empty() { 0 } else { self.count } {
            let mut bytes = [0; SLOT_BYTES];
            self.map.read(slot_at(slot), &mut bytes);
            if let SlotKind::Record = kind(&bytes)
                && let Ok(record) = UsageRecord::decode(&bytes)
                && let Some(recorded) = known.get_mut(&record.id)
            {
                *recorded = true;
            }
        }
    }

    fn kind(&self, slot: u32) -> SlotKind {
        let mut bytes = [0; SLOT_BYTES];
        self.map.read(slot_at(slot), &mut bytes);
        kind(&bytes)
    }

    fn committed(&self, position: Position) -> bool {
        position.slot < self.count && self.kind(position.slot) == SlotKind::Record
    }
}

#[cfg(test)]
mod tests;
