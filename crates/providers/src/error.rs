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

/// An error event for a stream that has begun, as whole server-sent event; `number` is its place in a stream whose events
/// are numbered.
#[must_use]
pub fn error_event(api: Api, failure: &Failure, number: u32) -> Bytes {
    let (head, data) = match api {
        Api::Messages | Api::CountTokens => (&b"event: error\ndata: "[..], body(Dialect::Anthropic, failure, None)),
        Api::Responses => (&b"event: error\ndata: "[..], responses_event(failure, number)),
        _ => (&b"data: "[..], body(Dialect::OpenAi, failure, None)),
    };
    Bytes::from([head, &data, b"\n\n"].concat())
}

fn responses_event(failure: &Failure, number: u32) -> Vec<u8> {
    let row = failure.code.row();
    json(&ResponsesEvent {
        kind: "error",
        code: row.name,
        message: &failure.message(),
        param: None,
        sequence_number: number,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use paceline_types::{CODES, Code};
    use serde_json::{Value, json};

    use super::*;

    fn failure() -> Failure {
        Failure::new(Code::KeyMissing, "no key: \"a\\b\"\n\u{1}\u{e9}").hint("Ask")
    }

    const MESSAGE: &str = "no key: \"a\\b\"\n\u{1}\u{e9}. Ask [paceline G101: run `paceline explain G101`]";

    #[test]
    fn bodies_have_each_dialects_shape() {
        let openai = error_body(Dialect::OpenAi, &failure(), "0192");
        assert!(openai.starts_with(br#"{"error":{"message":"no key: \"a\\b\"\n\u0001"#));
        assert_eq!(
            serde_json::from_slice::<Value>(&openai).unwrap(),
            json!({"error": {
                "message": MESSAGE, "type": "invalid_request_error", "param": null, "code": "key_missing",
                "paceline_code": "G101", "request_id": "0192",
            }})
        );
        assert_eq!(
            serde_json::from_slice::<Value>(&error_body(Dialect::Anthropic, &failure(), "0192")).unwrap(),
            json!({
                "type": "error",
                "error": {
                    "type": "authentication_error", "message": MESSAGE,
                    "code": "key_missing", "paceline_code": "G101",
                },
                "request_id": "0192",
            })
        );
    }

    #[test]
    fn events_are_whole_and_are_taken_for_errors_by_the_watch() {
        for api in Api::ALL.into_iter().filter(|api| api.generates()) {
            let event = error_event(api, &Failure::new(Code::ProviderCut, "cut\r\n\nhere"), 3);
            let text = std::str::from_utf8(&event).unwrap();
            assert!(text.ends_with("}\n\n") && text.matches('\n').count() <= 3 && !text.contains('\r'));
            let mut watch = crate::StreamWatch::new(api, true);
            assert_eq!(watch.push(event.clone(), 1), event);
            assert!(watch.facts().provider_error && !watch.facts().terminal);
        }
        let event = error_event(Api::Responses, &failure(), 7);
        let data = event.strip_prefix(b"event: error\ndata: ").unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(data).unwrap(),
            json!({
                "type": "error", "code": "key_missing", "message": MESSAGE, "param": null, "sequence_number": 7,
                "paceline_code": "G101",
            })
        );
    }

    #[test]
    fn every_code_has_a_type_in_both_dialects() {
        let mut rows = String::new();
        for (_, row) in CODES {
            let (openai, anthropic) =
                (error_type(Dialect::OpenAi, row.status), error_type(Dialect::Anthropic, row.status));
            rows.push_str(&format!("{} {} {openai} {anthropic}\n", row.code, row.status));
        }
        insta::assert_snapshot!(rows);
    }
}
