//! What a provider sends when nobody is in between: the same request, the same seed, asked directly. The gateway's
//! answers are compared with it byte for byte. References are asked for once and kept.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use paceline_testkit::request as ask;
use paceline_types::Api;
use parking_lot::Mutex;
use serde_json::Value;

use crate::case::{Case, Shape};
use crate::request;
use crate::wrong::Wrong;

/// Stands where a provider's error body repeats the request's id.
const ID: &str = "00000000000000000000000000000000";

/// One answer as it should be.
#[derive(Debug)]
pub struct Reference {
    pub status: u16,
    /// What the provider sends.
    pub sent: Vec<u8>,
    /// What of it is due to the caller: not the usage event that only the gateway asked for.
    pub due: Vec<u8>,
}

#[derive(PartialEq, Eq, Hash)]
struct Question {
    api: Api,
    shape: Shape,
    content: Wrong,
    model: String,
    seed: u64,
}

/// The references of one stage.
#[derive(Default)]
pub struct References {
    known: Mutex<HashMap<Question, Arc<Reference>>>,
}

impl References {
    /// The answer of `model` at a provider to this case's request.
    pub async fn of(&self, case: &Case, wrong: Wrong, provider: SocketAddr, model: &str) -> Arc<Reference> {
        let (content, seed) = (wrong.content(), request::seed(case));
        let question = Question { api: case.api, shape: case.shape, content, model: model.to_owned(), seed };
        if let Some(known) = self.known.lock().get(&question) {
            return Arc::clone(known);
        }
        let found = Arc::new(fetch(case, content, provider, model).await);
        self.known.lock().insert(question, Arc::clone(&found));
        found
    }
}

async fn fetch(case: &Case, content: Wrong, provider: SocketAddr, model: &str) -> Reference {
    let (tokens, seed) = (request::output_tokens(model).to_string(), request::seed(case).to_string());
    let fault = content.fault(case.shape);
    let mut headers = vec![("x-sim-output-tokens", &*tokens), ("x-sim-seed", &*seed), ("x-paceline-request-id", ID)];
    if !fault.is_empty() {
        headers.push(("x-sim-fault", &*fault));
    }
    let path = format!("/v1{}", case.api.provider_path());
    let body = request::body(case.api, case.shape, model, true).to_string();
    let answer = ask(provider, "POST", &path, &headers, &body).await.expect("the reference");
    assert!(answer.complete, "a reference is whole");
    let withheld = case.shape == Shape::Stream && content != Wrong::Gzip;
    let due = if withheld { without_usage_events(&answer.body) } else { answer.body.clone() };
    Reference { status: answer.status, sent: answer.body, due }
}

impl Reference {
    /// What is due to the caller of a request of this id.
    #[must_use]
    pub fn due(&self, request_id: &str) -> Vec<u8> {
        match std::str::from_utf8(&self.due) {
            Ok(text) if self.status != 200 => text.replace(ID, request_id).into_bytes(),
            _ => self.due.clone(),
        }
    }
}

/// Drops chunks that hold usage and no choice.
fn without_usage_events(stream: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(stream) else { return stream.to_vec() };
    let is_usage = |event: &&str| {
        let data = event.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok());
        data.is_some_and(|data| data["usage"].is_object() && data["choices"].as_array().is_some_and(Vec::is_empty))
    };
    text.split_inclusive("\n\n").filter(|event| !is_usage(event)).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_extra_event_is_withheld() {
        let kept = "data: {\"choices\":[{}],\"usage\":{}}\n\ndata: {\"choices\":[],\"usage\":null}\n\ndata: [DONE]\n\n";
        let stream = kept.replace("data: [DONE]", "data: {\"choices\":[],\"usage\":{\"a\":1}}\n\ndata: [DONE]");
        assert_eq!(without_usage_events(stream.as_bytes()), kept.as_bytes());
    }
}
