//! What a provider's refusal means, told from its error body where the status alone does not tell. Owns the codes,
//! types and phrases of the vendors and engines; anything unknown is `Other`.

use paceline_types::Dialect;
use serde_json::Value;

/// What a refusal means for whether to ask again, and whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The prompt, or prompt and cap together, do not fit the model's context.
    ContextTooLong,
    /// A content filter refused the prompt.
    ContentFiltered,
    RateLimited,
    Overloaded,
    /// The account is empty or over its quota: no pause helps.
    QuotaExhausted,
    ModelMissing,
    Other,
}

/// Longer bodies are not read.
const READ_MAX: usize = 64 * 1024;

/// Reads an error answer.
#[must_use]
pub fn error_kind(dialect: Dialect, status: u16, body: &[u8]) -> ErrorKind {
    let told = body.get(..body.len().min(READ_MAX)).and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let told = told.as_ref().map_or(ErrorKind::Other, |body| match dialect {
        Dialect::OpenAi => openai(body),
        Dialect::Anthropic => anthropic(body),
    });
    match (told, status) {
        (ErrorKind::Other, 429) => ErrorKind::RateLimited,
        (ErrorKind::Other, 503 | 529) => ErrorKind::Overloaded,
        (ErrorKind::Other, 402) => ErrorKind::QuotaExhausted,
        (told, _) => told,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// OpenAI, Azure (`innererror`), vLLM and SGLang (the error object itself may be the body), llama.cpp.
fn openai(body: &Value) -> ErrorKind {
    let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
    let inner = error.get("innererror").map(|inner| text(inner, "code")).unwrap_or_default();
    match (text(error, "code"), text(error, "type")) {
        ("context_length_exceeded" | "string_above_max_length", _) | (_, "exceed_context_size_error") => {
            return ErrorKind::ContextTooLong;
        }
        ("content_filter" | "content_policy_violation", _) => return ErrorKind::ContentFiltered,
        ("insufficient_quota" | "billing_hard_limit_reached" | "account_deactivated", _)
        | (_, "insufficient_quota" | "billing_error") => return ErrorKind::QuotaExhausted,
        ("model_not_found" | "DeploymentNotFound", _) => return ErrorKind::ModelMissing,
        ("rate_limit_exceeded", _) | (_, "tokens" | "requests" | "rate_limit_error" | "rate_limit_exceeded") => {
            return ErrorKind::RateLimited;
        }
        _ if inner == "ResponsibleAIPolicyViolation" => return ErrorKind::ContentFiltered,
        _ => {}
    }
    by_phrase(text(error, "message"))
}

fn anthropic(body: &Value) -> ErrorKind {
    let error = body.get("error").unwrap_or(body);
    match text(error, "type") {
        "overloaded_error" => ErrorKind::Overloaded,
        "rate_limit_error" => ErrorKind::RateLimited,
        "billing_error" => ErrorKind::QuotaExhausted,
        "not_found_error" => ErrorKind::ModelMissing,
        _ => by_phrase(text(error, "message")),
    }
}

/// Words that engines and vendors use where they give no code of their own.
fn by_phrase(message: &str) -> ErrorKind {
    let message = message.to_ascii_lowercase();
    let holds = |any: &[&str]| any.iter().any(|phrase| message.contains(phrase));
    let too_long = [
        "maximum context length",
        "prompt is too long",
        "context length exceeded",
        "context window",
        "longer than the model's context length",
        "exceeds the available context size",
        "input is too long",
        "exceed context limit",
    ];
    if holds(&too_long) {
        ErrorKind::ContextTooLong
    } else if holds(&["content filtering policy", "content management policy", "blocked by content filter"]) {
        ErrorKind::ContentFiltered
    } else if holds(&["credit balance is too low", "exceeded your current quota"]) {
        ErrorKind::QuotaExhausted
    } else {
        ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(dialect: Dialect, status: u16, body: &str) -> ErrorKind {
        error_kind(dialect, status, body.as_bytes())
    }

    #[test]
    fn vendors_and_engines_are_understood() {
        use Dialect::{Anthropic, OpenAi};
        use ErrorKind::{
            ContentFiltered, ContextTooLong, ModelMissing, Other, Overloaded, QuotaExhausted, RateLimited,
        };
        for (dialect, status, body, wanted) in [
            (
                OpenAi,
                400,
                r#"{"error":{"message":"…","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
                ContextTooLong,
            ),
            (
                OpenAi,
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
                ContextTooLong,
            ),
            (
                OpenAi,
                400,
                r#"{"error":{"message":"The input (9 tokens) is longer than the model's context length (4 tokens).","code":400}}"#,
                ContextTooLong,
            ),
            (
                OpenAi,
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
                ContextTooLong,
            ),
            (
                OpenAi,
                400,
                r#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
                ContentFiltered,
            ),
            (OpenAi, 429, r#"{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}"#, QuotaExhausted),
            (OpenAi, 429, r#"{"error":{"code":"rate_limit_exceeded","type":"tokens"}}"#, RateLimited),
            (OpenAi, 404, r#"{"error":{"code":"model_not_found"}}"#, ModelMissing),
            (OpenAi, 429, "Too many", RateLimited),
            (OpenAi, 503, "", Overloaded),
            (OpenAi, 400, r#"{"error":"nope"}"#, Other),
            (
                Anthropic,
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                ContextTooLong,
            ),
            (
                Anthropic,
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
                ContentFiltered,
            ),
            (
                Anthropic,
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API"}}"#,
                QuotaExhausted,
            ),
            (
                Anthropic,
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Overloaded,
            ),
            (Anthropic, 429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"…"}}"#, RateLimited),
        ] {
            assert_eq!(kind(dialect, status, body), wanted, "{body}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_other(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(error_kind(Dialect::OpenAi, 418, &body), ErrorKind::Other);
        }
    }
}
