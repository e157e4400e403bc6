//! From one segment file and a start slot to what the ledger stores: the records, and per series and minute the exact
//! counters, the metrics' sketches and the limits' counters. Reads only; knows no SQL.

use std::path::Path;

use paceline_types::{
    Api, Flags, Metric, Outcome, PERCENTILES, Percentile, Sketch, TokenSource, UNDEFINED, UsageRecord,
};
use rustc_hash::FxHashMap;

use crate::{Entry, JournalError, Reader};

/// A counter's name and what one record adds to it.
pub type Counter = (&'static str, fn(&UsageRecord) -> i64);

/// The counters of a minute row, in the order of its columns.
pub const COUNTERS: [Counter; 33] = [
    ("n", |_| 1),
    ("n_ok", |record| ended(record, Outcome::Ok)),
    ("n_refused", |record| ended(record, Outcome::Refused)),
    ("n_caller_error", |record| ended(record, Outcome::CallerError)),
    ("n_provider_error", |record| ended(record, Outcome::ProviderError)),
    ("n_gateway_error", |record| ended(record, Outcome::GatewayError)),
    ("n_cancelled", |record| ended(record, Outcome::Cancelled)),
    ("n_truncated", |record| ended(record, Outcome::Truncated)),
    ("n_timeout_connect", |record| ended(record, Outcome::TimeoutConnect)),
    ("n_timeout_first_token", |record| ended(record, Outcome::TimeoutFirstToken)),
    ("n_timeout_stall", |record| ended(record, Outcome::TimeoutStall)),
    ("n_timeout_total", |record| ended(record, Outcome::TimeoutTotal)),
    ("n_lost", |record| ended(record, Outcome::Lost)),
    ("n_streamed", |record| flagged(record, Flags::STREAMED)),
    ("n_off_standard", |record| flagged(record, Flags::OFF_STANDARD)),
    ("n_untagged", |record| flagged(record, Flags::UNTAGGED)),
    ("n_cap_added", |record| flagged(record, Flags::CAP_ADDED)),
    ("n_ended_by_length", |record| flagged(record, Flags::ENDED_BY_LENGTH)),
    ("n_tokens", |record| i64::from(record.token_source != TokenSource::None)),
    ("n_tokens_estimated", |record| i64::from(record.token_source == TokenSource::Estimated)),
    ("tokens_input", |record| i64::from(record.tokens.input)),
    ("tokens_cached", |record| i64::from(record.tokens.cached)),
    ("tokens_cache_write", |record| i64::from(record.tokens.cache_write)),
    ("tokens_output", |record| i64::from(record.tokens.output)),
    ("tokens_reasoning", |record| i64::from(record.tokens.reasoning)),
    ("n_cost_due", |record| i64::from(is_cost_due(record))),
    ("n_cost", |record| i64::from(is_cost_due(record) && record.cost_nanousd >= 0)),
    ("cost_nanousd", |record| record.cost_nanousd.max(0)),
    ("n_compared", |record| i64::from(is_compared(record))),
    ("compared_nanousd", |record| if is_compared(record) { record.cost_nanousd } else { 0 }),
    ("default_nanousd", |record| if is_compared(record) { record.default_cost_nanousd } else { 0 }),
    ("request_bytes", |record| i64::from(record.request_bytes)),
    ("response_bytes", |record| i64::from(record.response_bytes)),
];

/// A figure kept as a sketch.
pub struct Measure {
    pub name: &'static str,
    value: fn(&UsageRecord) -> Option<f64>,
    /// True when the request should have had the figure but failed: it counts as infinite.
    missed: fn(&UsageRecord) -> bool,
}

/// The measures of a minute, in the order of `Minute::cells`. Milliseconds, US dollars, microseconds, as the names say.
pub const MEASURES: [Measure; 9] = [
    Measure { name: "ttft_ms", value: |record| offered(record, record.ttft_us, 1e3), missed: stream_missed },
    Measure { name: "ttfv_ms", value: |record| offered(record, record.ttfv_us, 1e3), missed: stream_missed },
    Measure { name: "tpot_ms", value: |record| offered(record, record.tpot_ns, 1e6), missed: stream_missed },
    Measure { name: "stall_ms", value: |record| offered(record, record.stall_us, 1e3), missed: stream_missed },
    Measure {
        name: "total_ms",
        value: |record| offered(record, record.total_us, 1e3),
        missed: |record| record.outcome.is_failure(),
    },
    Measure { name: "cost_usd", value: cost_usd, missed: never },
    Measure { name: "overhead_in_us", value: |record| defined(record.overhead_in_ns, 1e3), missed: never },
    Measure { name: "overhead_back_us", value: |record| defined(record.overhead_back_ns, 1e3), missed: never },
    Measure { name: "overhead_us", value: overhead_us, missed: never },
];

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
                tally.add(&record);
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
    })
}

/// Minute rows being added up.
#[derive(Default)]
struct Tally {
    series: Vec<Series>,
    minutes: Vec<Minute>,
    series_index: FxHashMap<Series, usize>,
    minute_index: FxHashMap<(usize, u64), usize>,
}

impl Tally {
    fn add(&mut self, record: &UsageRecord) {
        let series = self.series_of(record);
        let minute = record.start_unix_us / 60_000_000;
        let at = *self.minute_index.entry((series, minute)).or_insert_with(|| {
            self.minutes.push(Minute {
                series,
                minute,
                counters: [0; COUNTERS.len()],
                cells: std::array::from_fn(|_| Cell::default()),
                limits: Vec::new(),
            });
            self.minutes.len() - 1
        });
        self.minutes[at].add(record);
    }

    fn series_of(&mut self, record: &UsageRecord) -> usize {
        // Records of one series mostly follow each other; comparing is cheaper than hashing five strings.
        if let Some(at) = self.series.iter().take(8).position(|series| series.is_of(record)) {
            return at;
        }
        let series = Series {
            service: record.service.clone(),
            use_case: record.use_case.clone(),
            model: record.model.clone(),
            deployment: record.deployment.clone(),
            plan: record.plan,
        };
        *self.series_index.entry(series).or_insert_with_key(|series| {
            self.series.push(series.clone());
            self.series.len() - 1
        })
    }
}

impl Series {
    fn is_of(&self, record: &UsageRecord) -> bool {
        self.plan == record.plan
            && self.use_case == record.use_case
            && self.service == record.service
            && self.model == record.model
            && self.deployment == record.deployment
    }
}

impl Minute {
    fn add(&mut self, record: &UsageRecord) {
        for (sum, (_, count)) in self.counters.iter_mut().zip(&COUNTERS) {
            *sum = sum.saturating_add(count(record));
        }
        for (cell, measure) in self.cells.iter_mut().zip(&MEASURES) {
            if let Some(value) = (measure.value)(record) {
                cell.n += 1;
                cell.sum += value;
                cell.sketch.add(value);
            } else if (measure.missed)(record) {
                cell.n_failed += 1;
            }
        }
        if record.judged.0 != 0 {
            self.add_limits(record);
        }
    }

    fn add_limits(&mut self, record: &UsageRecord) {
        for metric in Metric::ALL {
            for percentile in PERCENTILES {
                if !record.judged.contains(metric, percentile) {
                    continue;
                }
                let known = self.limits.iter().position(|row| (row.0, row.1) == (metric, percentile));
                let at = known.unwrap_or_else(|| {
                    self.limits.push((metric, percentile, LimitCount::default()));
                    self.limits.len() - 1
                });
                self.limits[at].2.n += 1;
                self.limits[at].2.over += u64::from(record.over.contains(metric, percentile));
            }
        }
    }
}

fn ended(record: &UsageRecord, outcome: Outcome) -> i64 {
    i64::from(record.outcome == outcome)
}

fn flagged(record: &UsageRecord, flag: u32) -> i64 {
    i64::from(record.flags.has(flag))
}

/// True when the provider charged for it: an answer with tokens, whole or not.
fn is_cost_due(record: &UsageRecord) -> bool {
    let priced = record.api.generates() || record.api == Api::Embeddings;
    let cut = matches!(
        record.outcome,
        Outcome::Cancelled | Outcome::Truncated | Outcome::TimeoutStall | Outcome::TimeoutTotal
    );
    priced && (record.outcome == Outcome::Ok || cut && record.tokens.output > 0)
}

fn is_compared(record: &UsageRecord) -> bool {
    record.cost_nanousd >= 0 && record.default_cost_nanousd >= 0
}

fn defined(value: u32, per_unit: f64) -> Option<f64> {
    (value != UNDEFINED).then(|| f64::from(value) / per_unit)
}

/// Budgets are judged on requests that were answered; failed ones count as infinite, the rest not at all.
fn offered(record: &UsageRecord, value: u32, per_unit: f64) -> Option<f64> {
    if record.outcome == Outcome::Ok { defined(value, per_unit) } else { None }
}

fn stream_missed(record: &UsageRecord) -> bool {
    record.outcome.is_failure() && record.flags.has(Flags::STREAMED)
}

fn never(_: &UsageRecord) -> bool {
    false
}

#[allow(clippy::cast_precision_loss)]
fn cost_usd(record: &UsageRecord) -> Option<f64> {
    (record.outcome.is_offered() && record.cost_nanousd >= 0).then(|| record.cost_nanousd as f64 / 1e9)
}

fn overhead_us(record: &UsageRecord) -> Option<f64> {
    Some(defined(record.overhead_in_ns, 1e3)? + defined(record.overhead_back_ns, 1e3)?)
}
