//! The plan as it crosses the boundary: canonical JSON written by `paceline.standards`, read here, nothing defaulted.
//! Every key is required and unknown keys are refused, so that a plan from another version never half-applies.
//! Secrets are references (`env:NAME`, `file:PATH`), never values; the gateway resolves them from its own surroundings.

use paceline_types::{Api, CapField, Dialect, Metric, Mode, Percentile};
use serde::{Deserialize, Serialize};

pub use crate::telemetry::*;
pub use crate::traffic::*;

/// Format this build reads and writes.
pub const FORMAT: u32 = 3;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub format: u32,
    /// Hex SHA-256 of the document's canonical JSON (sorted keys, no spaces, UTF-8 unescaped) without this field.
    pub hash: String,
    pub organisation: String,
    pub gateway: Gateway,
    pub traffic: Traffic,
    pub telemetry: Telemetry,
    pub providers: Vec<Provider>,
    pub deployments: Vec<Deployment>,
    pub models: Vec<Model>,
    pub tasks: Vec<Task>,
    pub use_cases: Vec<UseCase>,
    pub teams: Vec<Team>,
    pub services: Vec<Service>,
    pub keys: Vec<Key>,
}

/// Bounds of the gateway process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    pub body_bytes_max: u64,
    pub head_bytes_max: u64,
    pub headers_max: u32,
    /// Time for a caller to send its whole head, and its whole body after that.
    pub head_read_ms: u64,
    pub body_read_ms: u64,
    pub connections_max: u32,
    /// Callers' connections from one address; 0 for no bound of its own.
    pub connections_per_address_max: u32,
    pub requests_in_flight_max: u32,
    pub idle_connections_per_provider_max: u32,
    /// Idle time after which a pooled connection is closed; keep it below the providers' own.
    pub idle_connection_ms: u64,
    /// Age after which a pooled connection is not used again, so that a name that moved is followed.
    pub connection_age_max_ms: u64,
    pub drain_ms: u64,
    /// Distinct (service, use case, model, deployment) label sets in the metrics text; the rest count as `other`.
    pub label_sets_max: u32,
    /// Bound on answers scanned for usage without a stream; longer answers are estimated.
    pub answer_scan_bytes_max: u64,
    pub tls: Option<Tls>,
    pub journal: Journal,
}

impl Default for Gateway {
    /// What a gateway runs with until its first plan comes; the same values as `paceline.standards` fills in.
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            head_bytes_max: 64 << 10,
            headers_max: 100,
            head_read_ms: 10_000,
            body_read_ms: 60_000,
            connections_max: 10_000,
            connections_per_address_max: 0,
            requests_in_flight_max: 4096,
            idle_connections_per_provider_max: 256,
            idle_connection_ms: 50_000,
            connection_age_max_ms: 300_000,
            drain_ms: 30_000,
            label_sets_max: 1000,
            answer_scan_bytes_max: 8 << 20,
            tls: None,
            journal: Journal { segment_bytes: 8 << 20, bytes_max: 1 << 30, sync_ms: 1000, when_full: WhenFull::Serve },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Paths of PEM files.
    pub certificate: String,
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    pub segment_bytes: u64,
    /// Disk bound over all segments.
    pub bytes_max: u64,
    /// At most this much is lost when the machine loses power.
    pub sync_ms: u64,
    pub when_full: WhenFull,
}

/// What a gateway does when the journal has reached its disk bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// Serve on and count the records dropped.
    Serve,
    /// Refuse new requests until ingest has caught up.
    Refuse,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub name: String,
    pub dialect: Dialect,
    /// Scheme, host, port and path prefix, no trailing slash: `https://api.openai.com/v1`.
    pub base_url: String,
    /// `env:NAME`, `file:PATH`, or null for a provider that wants no key.
    pub key: Option<String>,
    pub apis: Vec<Api>,
    /// Fixed request headers, such as `anthropic-version`; sent unless the caller set them.
    pub headers: Vec<(String, String)>,
    /// Callers' headers that pass beyond the usual ones, lower case.
    pub forward_headers: Vec<String>,
    /// Paths below the base URL that are relayed as they come: `/images`, `/audio`.
    pub passthrough: Vec<String>,
    /// Addresses or networks it may be at although they are refused otherwise (link-local, metadata).
    pub addresses_allowed: Vec<String>,
    /// Open connections at most; 0 for no bound.
    pub connections_max: u32,
    /// Speak HTTP/2 to it.
    pub http2: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// `PROVIDER/MODEL`, unique.
    pub name: String,
    pub provider: String,
    /// The provider's own model id.
    pub model: String,
    /// The cap's field for chat requests; other APIs have one field each.
    pub chat_cap_field: CapField,
    pub price: Option<Price>,
    /// For estimates where usage never came.
    pub bytes_per_token: f64,
    /// `requests_in_flight` here fills the queue, it does not refuse.
    pub rates: Rates,
    pub queue: Queue,
    pub priority: PriorityOrder,
    pub prompt_cache: PromptCache,
    /// Prefixes shorter than this are not cached by the provider.
    pub prompt_cache_tokens_min: u32,
}

/// US dollars per million tokens, with where it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cached: f64,
    pub cache_write: f64,
    /// `genai-prices 0.2.3`, `standards file`.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub name: String,
    /// Deployment names in order of preference.
    pub deployments: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    pub name: String,
    pub model: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseCase {
    pub name: String,
    pub class: String,
    /// The default: what `auto` means.
    pub model: String,
    /// Model names the standards allow for this use case, the default among them.
    pub models: Vec<String>,
    /// Spliced in when the caller sets no cap; null for none.
    pub max_output_tokens: Option<u32>,
    /// The cap was learned from the use case's own answers.
    pub cap_learned: bool,
    pub deadlines: Deadlines,
    pub limits: Vec<Limit>,
    pub lane: Lane,
    pub rates: Rates,
    pub fallback: Fallback,
    pub hedge: Option<Hedge>,
    pub cache: Option<CacheRule>,
    /// Ask for the provider's prompt cache where callers did not.
    pub prompt_cache: bool,
    /// Stream from the provider also for callers who did not ask for a stream.
    pub stream_upstream: bool,
    /// Leave to export text; null for none.
    pub capture: Option<Capture>,
}

/// Milliseconds; zero means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    pub connect_ms: u64,
    /// From sending to the first token of a stream, or to the response head otherwise (`total_ms` there).
    pub first_token_ms: u64,
    /// Between two reads of a stream.
    pub stall_ms: u64,
    /// From receipt to the end.
    pub total_ms: u64,
}

/// `metric` at `percentile` must not exceed `value` (milliseconds, US dollars, or a share, by the metric's unit).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub metric: Metric,
    pub percentile: Percentile,
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    pub name: String,
    pub rates: Rates,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    /// Team; null only outside `enforce`.
    pub owner: Option<String>,
    pub mode: Mode,
    pub use_cases: Vec<String>,
    /// Use case of untagged requests; null when the service has several and none is marked.
    pub default_use_case: Option<String>,
    pub rates: Rates,
}

/// A virtual key: only its hash is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub id: String,
    /// Hex SHA-256 of the whole key text, `pk-` included.
    pub sha256: String,
    /// The service it acts for when no tag says otherwise; null for a key that may act for any (`services` empty too).
    pub service: Option<String>,
    /// Further services it may act for.
    pub services: Vec<String>,
    pub any_service: bool,
    /// Use case of untagged requests made with this key.
    pub use_case: Option<String>,
    pub rates: Rates,
}
