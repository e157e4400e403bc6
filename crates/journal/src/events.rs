//! What the traffic rules did to a record, as named events of a minute: caches, attempts, limits, caps. Kept apart from
//! the counters because most minutes have few of them: a row is stored only for an event that happened. Pure.

use paceline_types::{CacheUse, Code, Flags, PrefixUse, UNDEFINED, UsageRecord};

/// An event's name, and for a record that has it the money it stands for (0 for none), billionths of a US dollar.
pub type Event = (&'static str, fn(&UsageRecord) -> Option<i64>);

/// Every event. The names are stored: never reuse one.
pub const EVENTS: [Event; 34] = [
    ("cache_hit", |record| served(record, CacheUse::Hit)),
    ("cache_shared", |record| served(record, CacheUse::Shared)),
    ("cache_stale", |record| served(record, CacheUse::Stale)),
    ("cache_miss", |record| when(record.cache == CacheUse::Miss)),
    ("cache_bypassed", |record| when(record.cache == CacheUse::Bypassed)),
    ("prefix_hit", |record| prefix(record, PrefixUse::Hit)),
    ("prefix_first", |record| prefix(record, PrefixUse::First)),
    ("prefix_expired", |record| prefix(record, PrefixUse::Expired)),
    ("prefix_tools", |record| prefix(record, PrefixUse::Tools)),
    ("prefix_system", |record| prefix(record, PrefixUse::System)),
    ("prefix_history", |record| prefix(record, PrefixUse::History)),
    ("prefix_provider", |record| prefix(record, PrefixUse::Provider)),
    ("prompt_cache_added", |record| flagged(record, Flags::PROMPT_CACHE_ADDED)),
    ("retried", retried),
    ("fallback", |record| flagged(record, Flags::FALLBACK)),
    ("hedged", |record| cost_when(record, record.flags.has(Flags::HEDGED))),
    ("hedge_won", |record| flagged(record, Flags::HEDGE_WON)),
    ("queued", |record| when(record.queue_us != UNDEFINED && record.queue_us > 0)),
    ("assembled", |record| flagged(record, Flags::ASSEMBLED)),
    ("cap_learned", |record| flagged(record, Flags::CAP_LEARNED)),
    ("cut_by_cap", |record| when(record.flags.has(Flags::CAP_ADDED) && record.flags.has(Flags::ENDED_BY_LENGTH))),
    ("context_too_long", |record| flagged(record, Flags::CONTEXT_TOO_LONG)),
    ("content_filtered", |record| flagged(record, Flags::FILTERED)),
    ("limit_near", |record| flagged(record, Flags::LIMIT_NEAR)),
    ("unpriced_under_limit", |record| flagged(record, Flags::UNPRICED_UNDER_LIMIT)),
    ("refused_requests_per_minute", |record| refused(record, Code::RequestsPerMinute)),
    ("refused_tokens_per_minute", |record| refused(record, Code::TokensPerMinute)),
    ("refused_requests_in_flight", |record| refused(record, Code::RequestsInFlight)),
    ("refused_usd_per_day", |record| refused(record, Code::UsdPerDay)),
    ("refused_usd_per_month", |record| refused(record, Code::UsdPerMonth)),
    ("refused_price_unknown", |record| refused(record, Code::PriceUnknown)),
    ("refused_queue_full", |record| refused(record, Code::QueueFull)),
    ("refused_queue_too_late", |record| refused(record, Code::QueueTooLate)),
    ("refused_deployments_unavailable", |record| refused(record, Code::DeploymentsUnavailable)),
];

fn when(happened: bool) -> Option<i64> {
    happened.then_some(0)
}

fn cost_when(record: &UsageRecord, happened: bool) -> Option<i64> {
    happened.then(|| record.other_cost_nanousd.max(0))
}

fn flagged(record: &UsageRecord, flag: u32) -> Option<i64> {
    when(record.flags.has(flag))
}

/// What the cache saved is what the provider would have charged: `default_cost_nanousd` holds it for such records.
fn served(record: &UsageRecord, how: CacheUse) -> Option<i64> {
    (record.cache == how).then(|| record.default_cost_nanousd.max(0))
}

fn prefix(record: &UsageRecord, how: PrefixUse) -> Option<i64> {
    when(record.prefix == how)
}

fn refused(record: &UsageRecord, code: Code) -> Option<i64> {
    when(record.code == code as u16)
}

/// Sent again after a failure; the second copy of a hedge is none. Where there was one, the cost is the hedge's.
pub(crate) fn retried(record: &UsageRecord) -> Option<i64> {
    let hedged = record.flags.has(Flags::HEDGED);
    let again = record.attempts > 1 + u8::from(hedged);
    again.then(|| if hedged { 0 } else { record.other_cost_nanousd.max(0) })
}
