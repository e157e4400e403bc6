//! What is counted and measured of each record: the counters and measures of a minute row, as tables. Pure.
//! An answer from the exact cache counts as answered, with its times; its tokens and its cost were another request's.

use paceline_types::{Api, Flags, Outcome, TokenSource, Tokens, UNDEFINED, UsageRecord};

/// A counter's name and what one record adds to it.
pub type Counter = (&'static str, fn(&UsageRecord) -> i64);

/// The counters of a minute row, in the order of its columns.
pub const COUNTERS: [Counter; 34] = [
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
    ("n_tokens", |record| i64::from(is_token_counted(record))),
    ("n_tokens_estimated", |record| i64::from(counted_as(record) == TokenSource::Estimated)),
    ("tokens_input", |record| i64::from(tokens(record).input)),
    ("tokens_cached", |record| i64::from(tokens(record).cached)),
    ("tokens_cache_write", |record| i64::from(tokens(record).cache_write)),
    ("tokens_output", |record| i64::from(tokens(record).output)),
    ("tokens_reasoning", |record| i64::from(tokens(record).reasoning)),
    ("n_cost_due", |record| i64::from(is_cost_due(record))),
    ("n_cost", |record| i64::from(is_cost_due(record) && record.cost_nanousd >= 0)),
    ("cost_nanousd", |record| record.cost_nanousd.max(0)),
    ("n_compared", |record| i64::from(is_compared(record))),
    ("compared_nanousd", |record| if is_compared(record) { record.cost_nanousd } else { 0 }),
    ("default_nanousd", |record| if is_compared(record) { record.default_cost_nanousd } else { 0 }),
    ("request_bytes", |record| i64::from(record.request_bytes)),
    ("response_bytes", |record| i64::from(record.response_bytes)),
    ("other_nanousd", |record| record.other_cost_nanousd.max(0)),
];

/// A figure kept as a sketch.
#[derive(Clone, Copy)]
pub struct Measure {
    pub name: &'static str,
    pub(crate) value: fn(&UsageRecord) -> Option<f64>,
    /// True when the request should have had the figure but failed: it counts as infinite.
    pub(crate) missed: fn(&UsageRecord) -> bool,
}

/// The measures of a minute, in the order of `Minute::cells`. Milliseconds, US dollars, microseconds, as the names say.
pub const MEASURES: [Measure; 11] = [
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
    Measure { name: "queue_ms", value: |record| defined(record.queue_us, 1e3), missed: never },
    Measure { name: "output_tokens", value: output_tokens, missed: never },
];

/// What one request has spent: the attempt that answered, and the others.
#[must_use]
pub fn spent_nanousd(record: &UsageRecord) -> i64 {
    record.cost_nanousd.max(0).saturating_add(record.other_cost_nanousd.max(0))
}

pub(crate) fn ended(record: &UsageRecord, outcome: Outcome) -> i64 {
    i64::from(record.outcome == outcome)
}

pub(crate) fn flagged(record: &UsageRecord, flag: u32) -> i64 {
    i64::from(record.flags.has(flag))
}

/// True when the provider charged for it: an answer with tokens, whole or not.
pub(crate) fn is_cost_due(record: &UsageRecord) -> bool {
    let priced = record.api.generates() || record.api == Api::Embeddings;
    let cut = matches!(
        record.outcome,
        Outcome::Cancelled | Outcome::Truncated | Outcome::TimeoutStall | Outcome::TimeoutTotal
    );
    priced && !record.cache.is_served() && (record.outcome == Outcome::Ok || cut && record.tokens.output > 0)
}

/// The tokens a provider counted for this very request.
pub(crate) fn tokens(record: &UsageRecord) -> Tokens {
    if record.cache.is_served() { Tokens::default() } else { record.tokens }
}

fn counted_as(record: &UsageRecord) -> TokenSource {
    if record.cache.is_served() { TokenSource::None } else { record.token_source }
}

/// True when somebody counted or estimated the tokens of this very request.
pub(crate) fn is_token_counted(record: &UsageRecord) -> bool {
    counted_as(record) != TokenSource::None
}

pub(crate) fn counted_as_by_provider(record: &UsageRecord) -> bool {
    counted_as(record) == TokenSource::Provider
}

/// Lengths that caps are learned from: whole answers, as the provider counted them.
fn output_tokens(record: &UsageRecord) -> Option<f64> {
    let whole = record.outcome == Outcome::Ok && record.api.generates() && counted_as_by_provider(record);
    (whole && record.tokens.output > 0).then(|| f64::from(record.tokens.output))
}

fn is_compared(record: &UsageRecord) -> bool {
    !record.cache.is_served() && record.cost_nanousd >= 0 && record.default_cost_nanousd >= 0
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
