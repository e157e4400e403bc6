//! Error bodies in each dialect, with the types and codes that the real providers use for a status.

use super::quoted;
use paceline_types::{Api, Dialect};

/// What is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    pub param: Option<&'static str>,
    pub code: Option<&'static str>,
    /// What a provider's error object holds beyond the usual, as JSON with its comma.
    pub more: &'static str,
}

impl Refusal {
    #[must_use]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: openai_type(status).1, more: "" }
    }

    /// The words for a status that was asked for as a fault.
    #[must_use]
    pub fn for_status(status: u16) -> Self {
        let message = match status {
            302 => "Found.",
            400 => "The request was invalid.",
            401 => "Incorrect API key provided.",
            403 => "You do not have access to this resource.",
            404 => "The model does not exist or you do not have access to it.",
            413 => "The request is too large.",
            429 => "Rate limit reached. Please try again later.",
            500 => "The server had an error while processing your request. Sorry about that!",
            503 | 529 => "The engine is currently overloaded, please try again later.",
            504 => "The request timed out.",
            _ => "The request failed.",
        };
        Self::new(status, message)
    }

    /// A prompt that does not fit, in the provider's own words.
    #[must_use]
    pub fn context_too_long(api: Api, tokens: u32) -> Self {
        let (message, param) = match api {
            Api::Messages | Api::CountTokens => {
                return Self::new(400, format!("prompt is too long: {} tokens > 200000 maximum", 200_000 + tokens));
            }
            Api::Responses => (
                "Your input exceeds the context window of this model. Please adjust your input and try again.".into(),
                "input",
            ),
            Api::Embeddings => (
                format!(
                    "This model's maximum context length is 8192 tokens, however you requested {} tokens ({0} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
                    8192 + tokens
                ),
                "input",
            ),
            _ => (
                format!(
                    "This model's maximum context length is 128000 tokens. However, your messages resulted in {} tokens. Please reduce the length of the messages.",
                    128_000 + tokens
                ),
                "messages",
            ),
        };
        Self { param: Some(param), code: Some("context_length_exceeded"), ..Self::new(400, message) }
    }

    /// A prompt that a content filter stopped: Azure's form of OpenAI's dialect, which is the one that names it, and
    /// Anthropic's.
    #[must_use]
    pub fn content_filtered(api: Api) -> Self {
        if api.dialect() == Dialect::Anthropic {
            return Self::new(400, "Output blocked by content filtering policy");
        }
        let message = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.";
        Self {
            param: Some("prompt"),
            code: Some("content_filter"),
            more: r#","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"medium"}}}"#,
            ..Self::new(400, message)
        }
    }

    /// The body in a dialect.
    #[must_use]
    pub fn body(&self, dialect: Dialect, request_id: &str) -> Vec<u8> {
        let message = quoted(&self.message);
        let text = |value: Option<&str>| value.map_or_else(|| "null".into(), quoted);
        match dialect {
            Dialect::OpenAi => format!(
                r#"{{"error":{{"message":{message},"type":"{}","param":{},"code":{}{}}}}}"#,
                openai_type(self.status).0,
                text(self.param),
                text(self.code),
                self.more
            ),
            Dialect::Anthropic => format!(
                r#"{{"type":"error","error":{{"type":"{}","message":{message}}},"request_id":{}}}"#,
                anthropic_type(self.status),
                quoted(request_id)
            ),
        }
        .into_bytes()
    }
}

const fn openai_type(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        503 | 529 => ("server_error", Some("overloaded")),
        400..=499 => ("invalid_request_error", None),
        _ => ("server_error", None),
    }
}

const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
