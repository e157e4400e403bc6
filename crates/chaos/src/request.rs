//! The bytes a caller sends for a case, and those that the provider gets of it when nobody is in between.

use paceline_types::Api;
use serde_json::{Value, json};

use crate::case::{Case, Shape, Traffic};

/// Answers of the model that hurries, and of the one that takes its time (see `stage`).
const FAST_TOKENS: u32 = 5;
const SLOW_TOKENS: u32 = 40;
/// Seeds in use; the fewer, the fewer references.
const SEEDS: u64 = 4;

/// The seed of a case's answer.
#[must_use]
pub fn seed(case: &Case) -> u64 {
    case.number() % SEEDS
}

#[must_use]
pub fn output_tokens(model: &str) -> u32 {
    if model.ends_with("fast") { FAST_TOKENS } else { SLOW_TOKENS }
}

/// The body for a model. `usage` asks for the usage event where the API has one.
#[must_use]
pub fn body(api: Api, shape: Shape, model: &str, usage: bool) -> Value {
    let text = "Good morning, dear machine";
    let mut body = json!({"model": model});
    match api {
        Api::Completions => body["prompt"] = text.into(),
        Api::Responses => body["input"] = text.into(),
        Api::Embeddings => {
            body["input"] = json!([text, "and good night"]);
            body["dimensions"] = 8.into();
        }
        _ => body["messages"] = json!([{"role": "user", "content": text}]),
    }
    if api == Api::Messages {
        body["max_tokens"] = 200.into();
    }
    if shape.is_streamed() {
        body["stream"] = true.into();
        if usage && matches!(api, Api::Chat | Api::Completions) {
            body["stream_options"] = json!({"include_usage": true});
        }
    }
    body
}

/// What tells one request from another.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Its name everywhere: in the usage record, and in the provider's truth.
    pub tag: &'a str,
    /// Stands in the body, where the cache is on.
    pub unique: &'a str,
    /// Of its answer.
    pub seed: u64,
}

/// The request to the gateway.
#[must_use]
pub fn bytes(case: &Case, names: &Names<'_>, key: &str, first_model: &str) -> Vec<u8> {
    let Names { tag, unique, seed } = *names;
    let mut body = body(case.api, case.shape, case.model(), case.shape == Shape::StreamUsage);
    if case.traffic == Traffic::Cache {
        // No two cases' requests are the same.
        body["case"] = unique.into();
    }
    let body = body.to_string();
    let mut head = format!(
        "POST /v1{} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        case.api.provider_path(),
        body.len()
    );
    let fault = fault(case, first_model);
    let fields = [
        ("x-paceline-session", tag.to_owned()),
        ("x-sim-tag", tag.to_owned()),
        ("x-sim-seed", seed.to_string()),
        ("x-sim-output-tokens", output_tokens(case.model()).to_string()),
        ("x-sim-fault", fault),
    ];
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// The header that makes the provider do wrong.
fn fault(case: &Case, first_model: &str) -> String {
    use crate::case::Reach;
    let mut fault = case.wrong.fault(case.upstream_shape());
    if matches!(case.traffic, Traffic::Fallback | Traffic::Hedge) {
        // A deployment that asks for a pause gets it from everybody; here the others' cases go on.
        fault = fault.replace("retry-after=1", "retry-after=0");
    }
    match case.reach {
        _ if fault.is_empty() => fault,
        Reach::Always => fault,
        Reach::Once => format!("{fault};times=1;at={first_model}"),
        Reach::First => format!("{fault};at={first_model}"),
    }
}
