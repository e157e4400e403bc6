//! The JSON of what can be asked for again: files, batches, lists of them, and what a provider says of a deletion.

use paceline_types::Dialect;

use super::quoted;

/// A file.
#[must_use]
pub fn file(id: &str, created: u64, name: &str, purpose: &str, bytes: usize) -> String {
    format!(
        r#"{{"id":"{id}","object":"file","bytes":{bytes},"created_at":{created},"expires_at":null,"filename":{},"purpose":{},"status":"processed","status_details":null}}"#,
        quoted(name),
        quoted(purpose)
    )
}

/// A batch of OpenAI's.
#[must_use]
pub fn batch(id: &str, created: u64, endpoint: &str, file: &str, status: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"batch","endpoint":{},"errors":null,"input_file_id":{},"completion_window":"24h","status":"{status}","output_file_id":null,"error_file_id":null,"created_at":{created},"in_progress_at":null,"expires_at":{},"request_counts":{{"total":0,"completed":0,"failed":0}},"metadata":null}}"#,
        quoted(endpoint),
        quoted(file),
        created + 86_400
    )
}

/// A batch of messages.
#[must_use]
pub fn message_batch(id: &str, requests: usize, status: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"message_batch","processing_status":"{status}","request_counts":{{"processing":{requests},"succeeded":0,"errored":0,"canceled":0,"expired":0}},"ended_at":null,"created_at":"2026-01-01T00:00:00Z","expires_at":"2026-01-02T00:00:00Z","archived_at":null,"cancel_initiated_at":null,"results_url":null}}"#
    )
}

/// A list of any of them.
#[must_use]
pub fn list(dialect: Dialect, rows: &[(String, String)]) -> String {
    let data: Vec<&str> = rows.iter().map(|(_, json)| &**json).collect();
    let end = |row: Option<&(String, String)>| row.map_or_else(|| "null".into(), |(id, _)| quoted(id));
    let object = if dialect == Dialect::OpenAi { r#""object":"list","# } else { "" };
    format!(
        r#"{{{object}"data":[{}],"has_more":false,"first_id":{},"last_id":{}}}"#,
        data.join(","),
        end(rows.first()),
        end(rows.last())
    )
}

/// What was deleted.
#[must_use]
pub fn deleted(id: &str, object: &str) -> String {
    match object {
        "message_batch" => format!(r#"{{"id":"{id}","type":"message_batch_deleted"}}"#),
        _ => format!(r#"{{"id":"{id}","object":"{object}","deleted":true}}"#),
    }
}
