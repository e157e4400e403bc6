//! Failures in the shape each dialect's clients expect. Owns the error types' names by status.

use bytes::Bytes;
use paceline_types::{Api, Dialect, Failure};
use serde::Serialize;

/// The dialect's name for the kind of error behind a status.
#[must_use]
pub const fn error_type(dialect: Dialect, status: u16) -> &'static str {
    match (dialect, status) {
        (Dialect::OpenAi, 429) => "rate_limit_error",
        (Dialect::OpenAi, 400..=499) => "invalid_request_error",
        (Dialect::OpenAi, _) => "server_error",
        (Dialect::Anthropic, 401) => "authentication_error",
        (Dialect::Anthropic, 403) => "permission_error",
        (Dialect::Anthropic, 404) => "not_found_error",
        (Dialect::Anthropic, 413) => "request_too_large",
        (Dialect::Anthropic, 429) => "rate_limit_error",
        (Dialect::Anthropic, 400..=499) => "invalid_request_error",
        (Dialect::Anthropic, 503 | 529) => "overloaded_error",
        (Dialect::Anthropic, 504) => "timeout_error",
        (Dialect::Anthropic, _) => "api_error",
    }
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: &'static str,
    paceline_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    code: &'static str,
    paceline_code: &'static str,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ResponsesEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'static str,
    message: &'a str,
    param: Option<&'static str>,
    sequence_number: u32,
    paceline_code: &'static str,
}

/// The body of an error answer.
#[must_use]
pub fn error_body(dialect: Dialect, failure: &Failure, request_id: &str) -> Bytes {
    Bytes::from(body(dialect, failure, Some(request_id)))
}

/// An error event for a stream that has begun, as whole server-sent event.
#[must_use]
pub fn error_event(api: Api, failure: &Failure) -> Bytes {
    let (head, data) = match api {
        Api::Messages | Api::CountTokens => (&b"event: error\ndata: "[..], body(Dialect::Anthropic, failure, None)),
        Api::Responses => (&b"event: error\ndata: "[..], responses_event(failure)),
        _ => (&b"data: "[..], body(Dialect::OpenAi, failure, None)),
    };
    Bytes::from([head, &data, b"\n\n"].concat())
}

fn responses_event(failure: &Failure) -> Vec<u8> {
    let row = failure.code.row();
    json(&ResponsesEvent {
        kind: "error",
        code: row.name,
        message: &failure.message(),
        param: None,
        sequence_number: 0,
        paceline_code: row.code,
    })
}

fn body(dialect: Dialect, failure: &Failure, request_id: Option<&str>) -> Vec<u8> {
    let row = failure.code.row();
    let kind = error_type(dialect, row.status);
    let message = &failure.message();
    let (code, paceline_code) = (row.name, row.code);
    match dialect {
        Dialect::OpenAi => {
            json(&OpenAiBody { error: OpenAiError { message, kind, param: None, code, paceline_code, request_id } })
        }
        Dialect::Anthropic => {
            let error = AnthropicError { kind, message, code, paceline_code };
            json(&AnthropicBody { kind: "error", error, request_id })
        }
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // These types hold only strings and numbers; writing them to memory cannot fail.
    serde_json::to_vec(value).unwrap_or_default()
}
