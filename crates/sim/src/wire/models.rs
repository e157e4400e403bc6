//! The lists of models in both dialects, and Anthropic's token count.

use super::quoted;
use paceline_types::Dialect;

/// The release date every simulated model claims: 2026-01-01.
const CREATED: u64 = 1_767_225_600;

/// `GET /v1/models`.
#[must_use]
pub fn list(dialect: Dialect, names: &[&str]) -> Vec<u8> {
    let rows: Vec<String> = names.iter().map(|name| row(dialect, name)).collect();
    let rows = rows.join(",");
    match dialect {
        Dialect::OpenAi => format!(r#"{{"object":"list","data":[{rows}]}}"#),
        Dialect::Anthropic => format!(
            r#"{{"data":[{rows}],"has_more":false,"first_id":{},"last_id":{}}}"#,
            names.first().map_or_else(|| "null".into(), |name| quoted(name)),
            names.last().map_or_else(|| "null".into(), |name| quoted(name))
        ),
    }
    .into_bytes()
}

/// `GET /v1/models/{name}`.
#[must_use]
pub fn row(dialect: Dialect, name: &str) -> String {
    let id = quoted(name);
    match dialect {
        Dialect::OpenAi => {
            format!(r#"{{"id":{id},"object":"model","created":{CREATED},"owned_by":"paceline-sim"}}"#)
        }
        Dialect::Anthropic => format!(
            r#"{{"type":"model","id":{id},"display_name":{id},"created_at":"2026-01-01T00:00:00Z","lifecycle":"active","max_input_tokens":200000,"max_tokens":64000}}"#
        ),
    }
}

/// `POST /v1/messages/count_tokens`.
#[must_use]
pub fn count(tokens: u32) -> Vec<u8> {
    format!(r#"{{"input_tokens":{tokens}}}"#).into_bytes()
}
