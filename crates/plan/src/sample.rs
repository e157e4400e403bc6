//! A small sound plan for tests of this and other crates. Nothing in the product reads it.

use paceline_types::{Api, CapField, Dialect, Metric, Mode, Percentile};
use sha2::{Digest, Sha256};

use crate::document::{
    Capture, Deadlines, Deployment, Document, FORMAT, Fallback, Gateway, Histograms, Key, Lane, Limit, Model, Names,
    Otlp, Price, PriorityOrder, PromptCache, Protocol, Provider, Queue, Rates, Service, Task, Team, Telemetry,
    Temporality, Traffic, UseCase,
};
use crate::hash;

/// The text of the key that `document` knows for a service, or for any service (`any`).
#[must_use]
pub fn key_text(service: &str) -> String {
    format!("pk-sample-{service}")
}

/// One service a mode: `watcher` (observe), `helpdesk` (warn), `builder` (enforce), and `ownerless` (enforce, no owner).
#[must_use]
pub fn document(base_url: &str) -> Document {
    let mut document = Document {
        format: FORMAT,
        hash: String::new(),
        organisation: "Sample".into(),
        gateway: Gateway::default(),
        traffic: Traffic::default(),
        telemetry: Telemetry::default(),
        providers: vec![
            provider("openai", Dialect::OpenAi, base_url),
            provider("anthropic", Dialect::Anthropic, base_url),
        ],
        deployments: vec![
            deployment("openai", "gpt-5.4-mini", 0.25),
            deployment("anthropic", "claude-haiku-4-5", 1.0),
            deployment("openai", "gpt-5.4", 1.25),
        ],
        models: vec![
            model("small", "openai/gpt-5.4-mini"),
            model("claude", "anthropic/claude-haiku-4-5"),
            model("large", "openai/gpt-5.4"),
        ],
        tasks: vec![
            Task { name: "chat".into(), model: "small".into() },
            Task { name: "reason".into(), model: "claude".into() },
        ],
        use_cases: vec![
            use_case("support-chat", "small"),
            use_case("repo-agent", "claude"),
            use_case("triage", "small"),
        ],
        teams: vec![Team { name: "support".into(), rates: Rates::default() }],
        services: vec![
            service("watcher", Mode::Observe, &["support-chat"]),
            service("helpdesk", Mode::Warn, &["support-chat", "triage"]),
            service("builder", Mode::Enforce, &["repo-agent", "support-chat"]),
            Service { owner: None, ..service("ownerless", Mode::Enforce, &["triage"]) },
        ],
        keys: ["watcher", "helpdesk", "builder", "ownerless"].map(|name| key(name, Some(name))).to_vec(),
    };
    document.keys.push(Key { any_service: true, ..key("any", None) });
    document
}

/// Canonical bytes with the hash filled in.
#[must_use]
pub fn bytes(document: &Document) -> Vec<u8> {
    // serde_json's map sorts its keys, so a value written out is canonical.
    let Ok(mut value) = serde_json::to_value(document) else { return Vec::new() };
    let Some(object) = value.as_object_mut() else { return Vec::new() };
    object.remove("hash");
    let hash = hash::compute(serde_json::Value::Object(object.clone()).to_string().as_bytes());
    object.insert("hash".into(), hash.into());
    value.to_string().into_bytes()
}

/// Export of everything to a collector.
#[must_use]
pub fn otlp(endpoint: &str) -> Otlp {
    Otlp {
        endpoint: endpoint.into(),
        protocol: Protocol::Http,
        headers: Vec::new(),
        gzip: false,
        names: Names::V1_41,
        traces: true,
        metrics: true,
        sample_share: 1.0,
        interval_ms: 1000,
        temporality: Temporality::Cumulative,
        histograms: Histograms::Exponential,
        timeout_ms: 1000,
        queue_max: 64,
        attributes: Vec::new(),
    }
}

/// Leave to capture text until then.
#[must_use]
pub fn capture(until_unix_s: u64) -> Capture {
    Capture {
        until_unix_s,
        bytes_max: 4096,
        reason: "a defect is looked for".into(),
        requester: "dana".into(),
        approver: "lee".into(),
    }
}

fn provider(name: &str, dialect: Dialect, base_url: &str) -> Provider {
    let apis = match dialect {
        Dialect::OpenAi => vec![Api::Chat, Api::Completions, Api::Embeddings, Api::Responses],
        Dialect::Anthropic => vec![Api::Messages, Api::CountTokens],
    };
    Provider {
        name: name.into(),
        dialect,
        base_url: base_url.into(),
        key: None,
        apis,
        headers: Vec::new(),
        forward_headers: vec!["x-sim-*".into()],
        passthrough: Vec::new(),
        addresses_allowed: Vec::new(),
        connections_max: 0,
        http2: false,
    }
}

fn deployment(provider: &str, model: &str, input: f64) -> Deployment {
    let price = Price { input, output: input * 8.0, cached: input / 10.0, cache_write: input, source: "sample".into() };
    let anthropic = provider == "anthropic";
    Deployment {
        name: format!("{provider}/{model}"),
        provider: provider.into(),
        model: model.into(),
        chat_cap_field: if anthropic { CapField::MaxTokens } else { CapField::MaxCompletionTokens },
        price: Some(price),
        bytes_per_token: 4.0,
        rates: Rates::default(),
        queue: Queue::default(),
        priority: PriorityOrder::None,
        prompt_cache: PromptCache::None,
        prompt_cache_tokens_min: 0,
    }
}

fn model(name: &str, deployment: &str) -> Model {
    Model { name: name.into(), deployments: vec![deployment.into()] }
}

fn use_case(name: &str, model: &str) -> UseCase {
    let limit = |metric, percentile, value| Limit { metric, percentile, value };
    UseCase {
        name: name.into(),
        class: "chat".into(),
        model: model.into(),
        models: vec![model.into()],
        max_output_tokens: Some(300),
        cap_learned: false,
        lane: Lane::Interactive,
        rates: Rates::default(),
        fallback: Fallback::Any,
        hedge: None,
        cache: None,
        prompt_cache: false,
        stream_upstream: false,
        capture: None,
        deadlines: Deadlines { connect_ms: 1000, first_token_ms: 10_000, stall_ms: 10_000, total_ms: 60_000 },
        limits: vec![
            limit(Metric::TtftMs, Percentile::P95, 1000.0),
            limit(Metric::TotalMs, Percentile::P95, 30_000.0),
            limit(Metric::ErrorShare, Percentile::Mean, 0.005),
        ],
    }
}

fn service(name: &str, mode: Mode, use_cases: &[&str]) -> Service {
    Service {
        name: name.into(),
        owner: Some("support".into()),
        mode,
        use_cases: use_cases.iter().map(|&name| name.into()).collect(),
        default_use_case: (use_cases.len() == 1).then(|| use_cases[0].into()),
        rates: Rates::default(),
    }
}

fn key(name: &str, service: Option<&str>) -> Key {
    let digest = Sha256::digest(key_text(name).as_bytes());
    Key {
        id: format!("k_{name}"),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        service: service.map(Into::into),
        services: Vec::new(),
        any_service: false,
        use_case: None,
        rates: Rates::default(),
    }
}
