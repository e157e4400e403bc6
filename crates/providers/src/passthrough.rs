//! Usage in answers of APIs the gateway only relays: images, audio, moderations, rerank. Reads what carries counts and
//! nothing else.

use paceline_types::Tokens;
use serde_json::Value;

/// Counts in a JSON answer, or in the last event of a stream that has any; none where it tells none.
#[must_use]
pub fn passthrough_usage(body: &[u8]) -> Option<Tokens> {
    match serde_json::from_slice::<Value>(body) {
        Ok(answer) => usage_of(&answer),
        Err(_) => body.rsplit(|&byte| byte == b'\n').find_map(|line| {
            let data = line.strip_prefix(b"data:").filter(|data| memchr::memmem::find(data, b"\"usage\"").is_some())?;
            let event: Value = serde_json::from_slice(data).ok()?;
            usage_of(&event).or_else(|| usage_of(event.get("response")?))
        }),
    }
}

fn usage_of(answer: &Value) -> Option<Tokens> {
    let count = |value: &Value, names: &[&str]| {
        names.iter().find_map(|name| value.get(name)?.as_u64()).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    };
    let usage = answer.get("usage").filter(|usage| usage.is_object());
    // Cohere's rerank and embed bill under `meta`.
    let usage = usage.or_else(|| answer.get("meta")?.get("billed_units"))?;
    let output = count(usage, &["output_tokens", "completion_tokens"]);
    let input = count(usage, &["input_tokens", "prompt_tokens"])
        .or_else(|| count(usage, &["total_tokens"]).map(|total| total.saturating_sub(output.unwrap_or(0))));
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(Tokens { input: input.unwrap_or(0), output: output.unwrap_or(0), ..Tokens::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_where_they_are_told() {
        let tokens = |input, output| Some(Tokens { input, output, ..Tokens::default() });
        for (body, wanted) in [
            (r#"{"data":[],"usage":{"input_tokens":50,"output_tokens":1000,"total_tokens":1050}}"#, tokens(50, 1000)),
            (r#"{"text":"…","usage":{"type":"tokens","input_tokens":14,"output_tokens":45}}"#, tokens(14, 45)),
            (r#"{"text":"…","usage":{"type":"duration","seconds":3}}"#, None),
            (r#"{"results":[],"meta":{"billed_units":{"input_tokens":7}}}"#, tokens(7, 0)),
            (r#"{"results":[],"usage":{"total_tokens":9}}"#, tokens(9, 0)),
            (r#"{"results":[]}"#, None),
            ("not JSON", None),
            (
                "event: a\ndata: {\"usage\":{\"input_tokens\":1}}\n\nevent: done\r\ndata:{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}\r\n\r\ndata: [DONE]\n\n",
                tokens(3, 4),
            ),
            ("data: {\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n", tokens(3, 4)),
            ("data: {\"usage\":null}\n\ndata: {\"usage\":{\"input_to", None),
        ] {
            assert_eq!(passthrough_usage(body.as_bytes()), wanted, "{body}");
        }
    }
}
