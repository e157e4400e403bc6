//! What the tests of this crate share: small journals, numbered records, and reading everything back.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use paceline_types::{Api, Outcome, RequestId, UsageRecord};

use crate::fold::fold;
use crate::{Journal, Options, Recovered, segments};

/// Segments of sixteen slots, room for a hundred of them.
pub(crate) const SMALL: Options =
    Options { segment_bytes: 1, bytes_max: 100 * 17 * 512, in_flight_max: 8, sync: Duration::from_secs(3600) };

pub(crate) fn open(directory: &Path) -> (Journal, Recovered) {
    Journal::open(directory, SMALL).unwrap()
}

/// A request that has begun; its number is its identifier.
pub(crate) fn begun(number: u64) -> UsageRecord {
    let mut record = UsageRecord::begin(RequestId::new(number, 0), number * 1000, Api::Chat);
    record.request_bytes = 400;
    record
}

pub(crate) fn ended(number: u64) -> UsageRecord {
    let mut record = begun(number);
    record.outcome = Outcome::Ok;
    record
}

/// Number and outcome of every settled record, in order; what ingest would see.
pub(crate) fn all(directory: &Path) -> Vec<(u64, Outcome)> {
    let mut seen = Vec::new();
    for file in segments(directory).unwrap() {
        let folded = fold(&file.path, 0, u32::MAX).unwrap();
        seen.extend(folded.records.iter().map(|record| (number(record), record.outcome)));
    }
    seen
}

pub(crate) fn number(record: &UsageRecord) -> u64 {
    record.start_unix_us / 1000
}
