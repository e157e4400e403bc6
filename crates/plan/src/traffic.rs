//! The part of the plan's document that governs traffic: limits, queues, retries, breakers, hedges, caches. Owns the
//! form and the values a gateway without a plan starts with; `check` refuses what cannot be run, `policy` decides by it.

pub use paceline_types::Lane;
use serde::{Deserialize, Serialize};

/// The most a key, service, use case, team or deployment may do; null is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub requests_per_minute: Option<u32>,
    /// Input and output tokens together.
    pub tokens_per_minute: Option<u64>,
    /// At once. For a deployment: more than this wait in its queue.
    pub requests_in_flight: Option<u32>,
    /// Calendar days and months are those of UTC.
    pub usd_per_day: Option<f64>,
    pub usd_per_month: Option<f64>,
}

/// What holds for all traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Share of a limit from which its use is recorded as an event: 0.8.
    pub warn_share: f64,
    pub unknown_price: UnknownPrice,
    pub retry: Retry,
    pub breaker: Breaker,
    pub outlier: Outlier,
    pub cache: CacheStore,
}

/// A call whose price is unknown, while a money limit applies to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPrice {
    Allow,
    Refuse,
}

/// Further attempts before the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Times a request is sent at most, the first included.
    pub attempts_max: u32,
    /// Retries at a deployment as a share of the requests it had in the window: 0.1.
    pub share: f64,
    pub window_ms: u64,
    /// Retries a window that are allowed however little traffic there was.
    pub floor: u32,
    /// First pause before the same deployment is asked again; doubles, with full jitter.
    pub backoff_ms: u64,
    pub backoff_max_ms: u64,
    /// A provider that asks for a longer pause than this is not waited for.
    pub retry_after_max_ms: u64,
}

/// When a deployment is left alone because its requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    pub window_ms: u64,
    /// Requests in the window below which nothing is concluded.
    pub requests_min: u32,
    /// Share of failed requests at which it opens.
    pub failed_share: f64,
    /// How long it stays open at first; doubles with each failed probe.
    pub open_ms: u64,
    pub open_max_ms: u64,
    /// Successes in half-open that close it.
    pub probes: u32,
}

/// When a deployment is passed over because its peers do better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlier {
    pub window_ms: u64,
    pub requests_min: u32,
    /// Error share above the peers' median by this much.
    pub failed_share_above: f64,
    /// Median first-token latency over the peers' median by this factor.
    pub slower_factor: f64,
    pub eject_ms: u64,
}

/// Where answers are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheStore {
    /// Memory for cached answers; 0 turns every cache off.
    pub bytes_max: u64,
    pub entry_bytes_max: u64,
    /// A Valkey or Redis shared by gateways: `env:NAME` or `file:PATH` of its URL.
    pub url: Option<String>,
    /// Longest wait for that server; past it the lookup counts as a miss.
    pub wait_ms: u64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            warn_share: 0.8,
            unknown_price: UnknownPrice::Allow,
            retry: Retry {
                attempts_max: 3,
                share: 0.1,
                window_ms: 60_000,
                floor: 5,
                backoff_ms: 50,
                backoff_max_ms: 2000,
                retry_after_max_ms: 5000,
            },
            breaker: Breaker {
                window_ms: 10_000,
                requests_min: 10,
                failed_share: 0.5,
                open_ms: 5000,
                open_max_ms: 60_000,
                probes: 2,
            },
            outlier: Outlier {
                window_ms: 60_000,
                requests_min: 20,
                failed_share_above: 0.2,
                slower_factor: 3.0,
                eject_ms: 30_000,
            },
            cache: CacheStore { bytes_max: 64 << 20, entry_bytes_max: 1 << 20, url: None, wait_ms: 5 },
        }
    }
}

/// The queue in front of a deployment that has a bound on requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Requests that may wait.
    pub requests_max: u32,
    /// Share of starts that the standard and the batch lane get at least while they have requests waiting.
    pub standard_floor: f64,
    pub batch_floor: f64,
}

impl Default for Queue {
    fn default() -> Self {
        Self { requests_max: 256, standard_floor: 0.2, batch_floor: 0.05 }
    }
}

/// Which way an engine's `priority` field runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorityOrder {
    /// It takes none.
    #[default]
    None,
    /// vLLM.
    LowerFirst,
    /// SGLang.
    HigherFirst,
}

/// How a model's prompt cache is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptCache {
    /// Not at all, or it works by itself.
    #[default]
    None,
    /// `cache_control` on the last block of the stable prefix.
    Markers,
    /// `prompt_cache_key`.
    Key,
}

/// Which deployments may answer when the first cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// Any of the model's.
    #[default]
    Any,
    /// Those that serve the provider's model the first one serves.
    SameModel,
    None,
}

/// A second copy of a request whose first token is late.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hedge {
    /// Bounds of the learned delay.
    pub floor_ms: u64,
    pub ceiling_ms: u64,
    /// Hedges as a share of the use case's requests, and of its cost.
    pub requests_share: f64,
    pub cost_share: f64,
}

/// Whose answers may serve whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    #[default]
    Service,
    Organisation,
}

/// The exact cache of a use case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheRule {
    pub ttl_ms: u64,
    /// For so long after that an answer may still stand in where every attempt failed; 0 for never.
    #[serde(default)]
    pub stale_if_error_ms: u64,
    pub scope: CacheScope,
    /// Only requests with `temperature: 0` (embeddings always count as such).
    pub temperature_zero: bool,
    /// Answers that call tools too.
    pub tool_calls: bool,
}
