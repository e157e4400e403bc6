//! Read: the body once and with a bound, and the few facts acted upon.

use std::time::Duration;

use bytes::Bytes;
use paceline_http::header::CONTENT_ENCODING;
use paceline_http::{BodyError, Request};
use paceline_plan::Plan;
use paceline_providers::{RequestFacts, ScanError, models_body, scan};
use paceline_types::{Api, Code, Dialect, Failure, Flags};

use crate::life::Life;

/// Reads the whole body.
pub(crate) async fn body(plan: &Plan, life: &mut Life, request: &mut Request) -> Result<Bytes, Failure> {
    if let Some(encoding) = request.headers.get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Failure::new(Code::EncodingUnsupported, "The request's body is compressed"));
    }
    let most = usize::try_from(plan.gateway.body_bytes_max).unwrap_or(usize::MAX);
    let within = Duration::from_millis(plan.gateway.body_read_ms);
    let (body, last_byte) = request.read_body(most, within).await.map_err(|error| match error {
        BodyError::TooLarge => Failure::new(Code::BodyTooLarge, format!("The body is over the bound of {most} bytes")),
        BodyError::Timeout => Failure::new(Code::BodyTimeout, "The body did not arrive in time"),
        BodyError::Cut => Failure::new(Code::BodyCut, "The body ended early"),
        _ => Failure::new(Code::BodyMalformed, "The body's framing is invalid"),
    })?;
    life.scene.body_at = Some(last_byte);
    life.record.body_us = life.micros(last_byte);
    life.record.request_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
    Ok(body)
}

/// Scans the body for the fields the gateway acts on.
pub(crate) fn facts(life: &mut Life, api: Api, body: &[u8]) -> Result<RequestFacts, Failure> {
    let facts = scan(api, body).map_err(|error| {
        let code = match error {
            ScanError::Empty => Code::BodyEmpty,
            ScanError::WrongType { .. } => Code::FieldWrongType,
            _ => Code::BodyMalformed,
        };
        Failure::new(code, error.to_string())
    })?;
    if facts.stream && api.generates() {
        life.record.flags.set(Flags::STREAMED);
    }
    if facts.cap_set {
        life.record.flags.set(Flags::CAP_BY_CALLER);
        life.record.cap_tokens = facts.cap.and_then(|cap| u32::try_from(cap).ok()).unwrap_or(u32::MAX);
    }
    Ok(facts)
}

/// The list of models and tasks a caller may name, in the dialect its SDK speaks.
pub(crate) fn models(plan: &Plan, request: &Request) -> Bytes {
    let anthropic = request.headers.contains_key("anthropic-version");
    let dialect = if anthropic { Dialect::Anthropic } else { Dialect::OpenAi };
    let tasks: Vec<String> = plan.tasks.iter().map(|task| format!("task:{}", task.name)).collect();
    let names: Vec<&str> = std::iter::once("auto")
        .chain(plan.models.iter().map(|model| &*model.name))
        .chain(tasks.iter().map(|task| &**task))
        .collect();
    models_body(dialect, &names)
}
