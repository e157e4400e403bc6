//! From one segment file and a start slot to what the ledger stores: the records; per series and minute the exact
//! counters, the metrics' sketches, the limits' counters and the events; the same by stratum and ten minutes; per day
//! the money spent. Reads only; knows no SQL.

pub mod packed;
pub mod strata;
mod tally;

use std::path::Path;

use paceline_types::{Api, Metric, Percentile, Sketch, UsageRecord};

use self::strata::Stratum;
use self::tally::Tally;
pub use crate::events::{EVENTS, Event};
pub use crate::measures::{COUNTERS, Counter, MEASURES, Measure, spent_nanousd};
use crate::{Entry, JournalError, Reader};

/// What minute rows are kept apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    pub service: String,
    pub use_case: String,
    pub model: String,
    pub deployment: String,
    /// First eight bytes of the plan's hash.
    pub plan: u64,
}

/// One measure in one minute.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Requests that have a value, all of them in the sketch.
    pub n: u64,
    /// Requests that failed and count as infinite.
    pub n_failed: u64,
    pub sum: f64,
    pub sketch: Sketch,
}

/// One published limit in one minute, counted exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitCount {
    pub n: u64,
    pub over: u64,
}

/// One event in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCount {
    pub n: u64,
    pub nanousd: i64,
}

/// Money spent on one UTC day by requests that share all of these names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spent {
    /// Whole days since 1970, by the request's start.
    pub day: u64,
    pub key: String,
    pub service: String,
    pub use_case: String,
    pub deployment: String,
    /// First eight bytes of the hash of the plan in force, which tells the service's owner.
    pub plan: u64,
    pub nanousd: i64,
}

/// One series in one minute.
#[derive(Clone, Debug)]
pub struct Minute {
    /// Index into `Folded::series`.
    pub series: usize,
    /// Whole minutes since 1970.
    pub minute: u64,
    pub counters: [i64; COUNTERS.len()],
    pub cells: [Cell; MEASURES.len()],
    /// By metric and percentile; only limits that judged a request.
    pub limits: Vec<(Metric, Percentile, LimitCount)>,
    /// By index into `EVENTS`; only events that happened.
    pub events: Vec<(usize, EventCount)>,
}

/// A piece of one segment.
#[derive(Debug)]
pub struct Folded {
    pub gateway: [u8; 16],
    pub segment: u64,
    /// When the segment was made, microseconds since 1970. With gateway and sequence it names the segment even where a
    /// journal was brought back from an old copy and counts its sequences a second time.
    pub created_unix_us: u64,
    /// Where the next fold goes on.
    pub next_slot: u32,
    pub sealed: bool,
    /// Sealed and read to its end: once this is stored, the file may be deleted.
    pub complete: bool,
    /// Slots without a record that were passed over: reserved at a kill, and damaged.
    pub voids: u64,
    pub damaged: u64,
    pub records: Vec<UsageRecord>,
    pub series: Vec<Series>,
    pub minutes: Vec<Minute>,
    pub strata: Vec<Stratum>,
    pub spent: Vec<Spent>,
}

/// Folds the settled slots from `slot` on, at most `slots_max` of them.
///
/// # Errors
/// When the file cannot be read, is not a segment, or holds records of a newer format.
pub fn fold(path: &Path, slot: u32, slots_max: u32) -> Result<Folded, JournalError> {
    let mut reader = Reader::open(path, slot)?;
    let mut tally = Tally::default();
    let mut records = Vec::new();
    let (mut voids, mut damaged) = (0, 0);
    let end = slot.saturating_add(slots_max);
    while reader.next_slot() < end {
        match reader.advance()? {
            Some(Entry::Record(record)) => {
                // A list of models is no model call: it has a row, and no part in anyone's budget.
                if record.api != Api::Models {
                    tally.add(&record);
                }
                tally.spend(&record);
                records.push(*record);
            }
            Some(Entry::Void) => voids += 1,
            Some(Entry::Damaged) => damaged += 1,
            None => break,
        }
    }
    Ok(Folded {
        gateway: reader.gateway(),
        segment: reader.sequence(),
        created_unix_us: reader.created_unix_us(),
        next_slot: reader.next_slot(),
        sealed: reader.sealed(),
        complete: reader.complete(),
        voids,
        damaged,
        records,
        series: tally.series,
        minutes: tally.minutes,
        strata: tally.strata,
        spent: tally.spent,
    })
}

/// Counts records into strata, as `fold` does; for records that were folded before there were any.
pub fn strata_of(records: impl IntoIterator<Item = UsageRecord>) -> (Vec<Series>, Vec<Stratum>) {
    let mut tally = Tally::default();
    records.into_iter().filter(|record| record.api != Api::Models).for_each(|record| tally.add(&record));
    (tally.series, tally.strata)
}
