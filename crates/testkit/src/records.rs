//! The usage records of a gateway that is running, in the order they were committed. A reader goes on where it stopped.

use std::collections::HashMap;
use std::path::PathBuf;

use paceline_journal::{Entry, Reader, segments};
use paceline_types::UsageRecord;

/// A position in a journal's directory.
#[derive(Debug)]
pub struct Records {
    directory: PathBuf,
    /// By sequence number, the slot to go on at.
    read: HashMap<u64, u32>,
}

impl Records {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, read: HashMap::new() }
    }

    /// The records committed since the last call.
    ///
    /// # Panics
    /// When the journal cannot be read, or a slot holds no record.
    pub fn more(&mut self) -> Vec<UsageRecord> {
        let mut found = Vec::new();
        for segment in segments(&self.directory).expect("a journal") {
            let slot = self.read.entry(segment.sequence).or_default();
            let mut reader = Reader::open(&segment.path, *slot).expect("a segment");
            while let Some(entry) = reader.advance().expect("a readable slot") {
                match entry {
                    Entry::Record(record) => found.push(*record),
                    other => panic!("a running gateway's journal holds {other:?}"),
                }
            }
            *slot = reader.next_slot();
        }
        found
    }
}
