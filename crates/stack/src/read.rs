//! Read: the caller's key, the body once and with a bound, and the few facts acted upon.

use std::time::Duration;

use bytes::Bytes;
use paceline_http::{BodyError, HeaderMap, Request};
use paceline_plan::Plan;
use paceline_providers::{RequestFacts, ScanError, models_body, scan};
use paceline_types::{Api, Code, Dialect, Failure, Flags};

use crate::life::Life;

/// The caller's key, from whichever header its SDK uses.
pub(crate) fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get("authorization").and_then(|value| {
        let value = value.as_bytes();
        let (scheme, key) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    let plain =
        || headers.get("x-api-key").or_else(|| headers.get("api-key")).map(paceline_http::HeaderValue::as_bytes);
    bearer.or_else(plain).map(<[u8]>::trim_ascii)
}

/// Reads the whole body.
pub(crate) async fn body(plan: &Plan, life: &mut Life, request: &mut Request) -> Result<Bytes, Failure> {
    if let Some(encoding) = request.headers.get("content-encoding")
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

#[cfg(test)]
mod tests {
    use paceline_http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn every_sdk_s_way_of_sending_a_key_is_understood() {
        for (name, value) in [
            ("authorization", "Bearer pk-1"),
            ("authorization", "bearer  pk-1 "),
            ("x-api-key", "pk-1"),
            ("api-key", "pk-1"),
        ] {
            let headers: HeaderMap =
                [(HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(key(&headers), Some(&b"pk-1"[..]), "{name}: {value}");
        }
        assert_eq!(key(&HeaderMap::new()), None);
        let basic = [(HeaderName::from_static("authorization"), HeaderValue::from_static("Basic pk-1"))];
        assert_eq!(key(&basic.into_iter().collect()), None);
    }
}
