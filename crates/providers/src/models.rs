//! The list of models a caller may ask for, in each dialect's shape. Dates are not known and stand at the epoch, which
//! both dialects allow.

use bytes::Bytes;
use paceline_types::Dialect;
use serde::Serialize;

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'static str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: &'static str,
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// The body of `GET /v1/models`.
#[must_use]
pub fn models_body<N: AsRef<str>>(dialect: Dialect, names: &[N]) -> Bytes {
    let names = || names.iter().map(AsRef::as_ref);
    let body = match dialect {
        Dialect::OpenAi => serde_json::to_vec(&OpenAiList {
            object: "list",
            data: names().map(|id| OpenAiModel { id, object: "model", created: 0, owned_by: "paceline" }).collect(),
        }),
        Dialect::Anthropic => serde_json::to_vec(&AnthropicList {
            data: names()
                .map(|id| AnthropicModel { kind: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" })
                .collect(),
            has_more: false,
            first_id: names().next(),
            last_id: names().last(),
        }),
    };
    // Strings and numbers only: writing to memory cannot fail.
    Bytes::from(body.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_each_dialects_shape() {
        assert_eq!(
            models_body(Dialect::OpenAi, &["small", "a\"b"]),
            concat!(
                r#"{"object":"list","data":[{"id":"small","object":"model","created":0,"owned_by":"paceline"},"#,
                r#"{"id":"a\"b","object":"model","created":0,"owned_by":"paceline"}]}"#
            )
        );
        assert_eq!(
            models_body(Dialect::Anthropic, &["small".to_owned()]),
            concat!(
                r#"{"data":[{"type":"model","id":"small","display_name":"small","created_at":"1970-01-01T00:00:00Z"}],"#,
                r#""has_more":false,"first_id":"small","last_id":"small"}"#
            )
        );
        let none: [&str; 0] = [];
        assert_eq!(models_body(Dialect::OpenAi, &none), r#"{"object":"list","data":[]}"#);
        assert!(models_body(Dialect::Anthropic, &none).ends_with(br#""first_id":null,"last_id":null}"#));
    }
}
