//! Strata: requests of one series that are alike in length, by ten minutes. Owns the bounds of the lengths, and what is
//! counted and measured of each. Comparing like with like is what tells a slower provider from longer prompts.

use paceline_types::{Flags, Metric, Outcome, PERCENTILES, Percentile, Sketch, UsageRecord};

use super::LimitCount;
use crate::events::retried;
use crate::measures::{
    Counter, MEASURES, Measure, counted_as_by_provider, ended, flagged, is_cost_due, is_token_counted, tokens,
};

/// Length of a stratum row, minutes.
pub const STRATUM_MINUTES: u64 = 10;

/// Input tokens from which the second and each further bucket begins: 0-1k, 1k-4k, 4k-16k, 16k-64k, 64k+.
pub const INPUT_BOUNDS: [u32; 4] = [1_000, 4_000, 16_000, 64_000];

/// Output tokens from which the second and each further bucket begins: 0-64, 64-256, 256-1k, 1k+.
pub const OUTPUT_BOUNDS: [u32; 3] = [64, 256, 1_000];

/// Bytes of a request that count as one token where nobody counted its tokens, which is so when it failed.
const BYTES_PER_TOKEN: u32 = 4;

/// The counters of a stratum row, in the order of its columns.
pub const STRATUM_COUNTERS: [Counter; 23] = [
    ("n", |_| 1),
    ("n_ok", |record| ended(record, Outcome::Ok)),
    ("n_failed", |record| i64::from(record.outcome.is_failure())),
    ("n_refused", |record| ended(record, Outcome::Refused)),
    ("n_caller_error", |record| ended(record, Outcome::CallerError)),
    ("n_cancelled", |record| ended(record, Outcome::Cancelled)),
    ("n_streamed", |record| flagged(record, Flags::STREAMED)),
    ("n_ended_by_length", |record| flagged(record, Flags::ENDED_BY_LENGTH)),
    ("n_cut_by_cap", |record| flagged(record, Flags::CAP_ADDED) & flagged(record, Flags::ENDED_BY_LENGTH)),
    ("n_retried", |record| i64::from(retried(record).is_some())),
    ("n_fallback", |record| flagged(record, Flags::FALLBACK)),
    ("n_hedged", |record| flagged(record, Flags::HEDGED)),
    ("n_cache_hit", |record| i64::from(record.cache.is_served())),
    ("n_tokens", |record| i64::from(is_token_counted(record))),
    ("tokens_input", |record| i64::from(tokens(record).input)),
    ("tokens_cached", |record| i64::from(tokens(record).cached)),
    ("tokens_cache_write", |record| i64::from(tokens(record).cache_write)),
    ("tokens_output", |record| i64::from(tokens(record).output)),
    ("tokens_reasoning", |record| i64::from(tokens(record).reasoning)),
    ("n_cost_due", |record| i64::from(is_cost_due(record))),
    ("n_cost", |record| i64::from(is_cost_due(record) && record.cost_nanousd >= 0)),
    ("cost_nanousd", |record| record.cost_nanousd.max(0)),
    ("other_nanousd", |record| record.other_cost_nanousd.max(0)),
];

/// The measures of a stratum with the whole units in which their sums are kept (microseconds, nanoseconds, billionths
/// of a US dollar, tokens). Stored by number: never renumber, only append.
pub const STRATUM_MEASURES: [(Measure, f64); 8] = [
    (MEASURES[0], 1e3),
    (MEASURES[1], 1e3),
    (MEASURES[2], 1e6),
    (MEASURES[3], 1e3),
    (MEASURES[4], 1e3),
    (MEASURES[5], 1e9),
    (MEASURES[10], 1.0),
    (Measure { name: "input_tokens", value: input_tokens, missed: |_| false }, 1.0),
];

/// One measure of one stratum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StratumCell {
    /// Requests that failed and count as infinite, beside the values in the sketch.
    pub n_failed: u64,
    /// Sum of the values in whole units; exact, so that any order of adding up gives the same.
    pub total: i64,
    pub sketch: Sketch,
}

/// The measures of a stratum, in the order of `STRATUM_MEASURES`.
pub type StratumCells = [StratumCell; STRATUM_MEASURES.len()];

/// The limits that judged a request of a stratum.
pub type StratumLimits = Vec<(Metric, Percentile, LimitCount)>;

/// What tells strata of one series apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StratumKey {
    /// Index into `Folded::series`.
    pub series: usize,
    /// Whole minutes since 1970 at which its ten minutes begin.
    pub minute: u64,
    /// Index of the bucket of input tokens, from 0.
    pub input_bucket: u8,
    /// Index of the bucket of output tokens, from 0.
    pub output_bucket: u8,
}

/// One stratum of one series in ten minutes of the requests' starts.
#[derive(Clone, Debug)]
pub struct Stratum {
    pub key: StratumKey,
    pub counters: [i64; STRATUM_COUNTERS.len()],
    pub cells: StratumCells,
    pub limits: StratumLimits,
}

impl StratumKey {
    /// The stratum that a record of this series belongs to.
    #[must_use]
    pub fn of(series: usize, record: &UsageRecord) -> Self {
        let minute = record.start_unix_us / 60_000_000;
        let input = match record.tokens.input {
            0 => record.request_bytes / BYTES_PER_TOKEN,
            counted => counted,
        };
        Self {
            series,
            minute: minute - minute % STRATUM_MINUTES,
            input_bucket: bucket(input, &INPUT_BOUNDS),
            output_bucket: bucket(record.tokens.output, &OUTPUT_BOUNDS),
        }
    }
}

impl Stratum {
    pub(super) fn new(key: StratumKey) -> Self {
        Self {
            key,
            counters: [0; STRATUM_COUNTERS.len()],
            cells: std::array::from_fn(|_| StratumCell::default()),
            limits: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, record: &UsageRecord) {
        for (sum, (_, count)) in self.counters.iter_mut().zip(&STRATUM_COUNTERS) {
            *sum = sum.saturating_add(count(record));
        }
        for (cell, (measure, units)) in self.cells.iter_mut().zip(&STRATUM_MEASURES) {
            if let Some(value) = (measure.value)(record) {
                cell.total = cell.total.saturating_add(whole(value * units));
                cell.sketch.add(value);
            } else if (measure.missed)(record) {
                cell.n_failed += 1;
            }
        }
        add_limits(&mut self.limits, record);
    }
}

/// Counts a record against the limits that judged it.
pub(super) fn add_limits(limits: &mut StratumLimits, record: &UsageRecord) {
    if record.judged.0 == 0 {
        return;
    }
    for metric in Metric::ALL {
        for percentile in PERCENTILES {
            if record.judged.contains(metric, percentile) {
                let over = u64::from(record.over.contains(metric, percentile));
                count_limit(limits, metric, percentile, LimitCount { n: 1, over });
            }
        }
    }
}

/// Adds to one limit's counters.
pub(super) fn count_limit(limits: &mut StratumLimits, metric: Metric, percentile: Percentile, more: LimitCount) {
    match limits.iter_mut().find(|row| (row.0, row.1) == (metric, percentile)) {
        Some((_, _, known)) => {
            known.n += more.n;
            known.over += more.over;
        }
        None => limits.push((metric, percentile, more)),
    }
}

fn bucket(tokens: u32, bounds: &[u32]) -> u8 {
    bounds.iter().map(|&bound| u8::from(tokens >= bound)).sum()
}

#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// Lengths of prompts that were answered, as the provider counted them.
fn input_tokens(record: &UsageRecord) -> Option<f64> {
    let known = record.outcome == Outcome::Ok && counted_as_by_provider(record) && record.tokens.input > 0;
    known.then(|| f64::from(record.tokens.input))
}
