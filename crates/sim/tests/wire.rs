//! The wire forms, byte for byte, against stored snapshots. What an SDK accepts is tested with the SDKs themselves.
#![allow(clippy::unwrap_used)]

use paceline_sim::ask::{self, Ask};
use paceline_sim::params::AnswerLength;
use paceline_sim::script::{Script, Wishes};
use paceline_sim::wire::{self, embeddings, models, refusal::Refusal};
use paceline_types::{Api, Dialect};

fn script(body: &str, api: Api, wishes: Wishes) -> Script {
    let ask: Ask = ask::read(api, body.as_bytes(), true).unwrap();
    let mut script = Script::decide(1, &ask, &wishes, AnswerLength { median_tokens: 5.0, sigma: 0.1 });
    script.id = "0123456789abcdef01234567".into();
    script.created = 1_800_000_000;
    script.cached_tokens = 2;
    script
}

fn stream(api: Api, script: &Script, tokens_per_event: u32) -> String {
    let mut form = wire::streamed(api, script);
    let mut out = Vec::new();
    let mut events = form.open(script, &mut out);
    let mut at = 0;
    while at < script.total() {
        let to = (at + tokens_per_event).min(script.kind(at).1);
        events += form.tokens(script, at, to, &mut out);
        at = to;
    }
    events += form.close(script, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("\n\n").count(), events as usize, "every event is counted");
    for line in text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]") {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    text
}

fn whole(api: Api, script: &Script) -> String {
    let text = String::from_utf8(wire::whole(api, script)).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

fn wishes(output: u32, reasoning_tokens: u32, tools: bool) -> Wishes {
    Wishes { output_tokens: Some(output), reasoning_tokens, tools, ..Wishes::default() }
}

const CHAT: &str = r#"{"model":"gpt-\"x\"","messages":[{"role":"user","content":"Good morning"}],"tools":[{"type":"function","function":{"name":"find"}}]}"#;
const MESSAGES: &str = r#"{"model":"claude-x","max_tokens":50,"messages":[{"role":"user","content":"Good morning"}],"tools":[{"name":"find"}]}"#;
const RESPONSES: &str = r#"{"model":"gpt-x","input":"Good morning"}"#;
const COMPLETIONS: &str = r#"{"model":"code-x","prompt":"def f","n":2,"max_tokens":2}"#;

#[test]
fn chat() {
    let mut plain = script(CHAT, Api::Chat, wishes(3, 0, false));
    insta::assert_snapshot!("chat_stream", stream(Api::Chat, &plain, 1));
    insta::assert_snapshot!("chat_whole", whole(Api::Chat, &plain));
    plain.include_usage = true;
    insta::assert_snapshot!("chat_stream_usage", stream(Api::Chat, &plain, 1));
    plain.include_usage = false;
    plain.usage_every_chunk = true;
    plain.no_terminal = true;
    insta::assert_snapshot!("chat_stream_usage_every_chunk_no_terminal", stream(Api::Chat, &plain, 2));
    plain.no_usage = true;
    assert!(!stream(Api::Chat, &plain, 1).contains("\"usage\""));
    assert!(!whole(Api::Chat, &plain).contains("\"usage\""));
    let tool = script(CHAT, Api::Chat, wishes(6, 2, true));
    insta::assert_snapshot!("chat_stream_reasoning_tool", stream(Api::Chat, &tool, 1));
    insta::assert_snapshot!("chat_whole_reasoning_tool", whole(Api::Chat, &tool));
}

#[test]
fn completions() {
    let mut cut = script(COMPLETIONS, Api::Completions, wishes(9, 0, false));
    cut.include_usage = true;
    insta::assert_snapshot!("completions_stream", stream(Api::Completions, &cut, 1));
    insta::assert_snapshot!("completions_whole", whole(Api::Completions, &cut));
}

#[test]
fn messages() {
    let plain = script(MESSAGES, Api::Messages, wishes(2, 0, false));
    insta::assert_snapshot!("messages_stream", stream(Api::Messages, &plain, 1));
    insta::assert_snapshot!("messages_whole", whole(Api::Messages, &plain));
    let tool = script(MESSAGES, Api::Messages, wishes(6, 2, true));
    insta::assert_snapshot!("messages_stream_thinking_tool", stream(Api::Messages, &tool, 1));
    insta::assert_snapshot!("messages_whole_thinking_tool", whole(Api::Messages, &tool));
    let cut = script(MESSAGES, Api::Messages, wishes(60, 50, false));
    assert!(stream(Api::Messages, &cut, 1).contains(r#""stop_reason":"max_tokens""#));
    let bare = Script { no_usage: true, no_terminal: true, ..plain };
    let text = stream(Api::Messages, &bare, 1);
    assert!(!text.contains("usage") && !text.contains("message_stop"), "{text}");
}

#[test]
fn responses() {
    let plain = script(RESPONSES, Api::Responses, wishes(2, 0, false));
    insta::assert_snapshot!("responses_stream", stream(Api::Responses, &plain, 1));
    insta::assert_snapshot!("responses_whole", whole(Api::Responses, &plain));
    let tool = script(RESPONSES, Api::Responses, wishes(6, 2, true));
    insta::assert_snapshot!("responses_stream_reasoning_tool", stream(Api::Responses, &tool, 1));
    let capped = r#"{"model":"gpt-x","input":"Good morning","max_output_tokens":2}"#;
    let cut = stream(Api::Responses, &script(capped, Api::Responses, wishes(9, 0, false)), 1);
    assert!(cut.contains("event: response.incomplete") && cut.contains(r#"{"reason":"max_output_tokens"}"#));
}

#[test]
fn errors_lists_and_counts() {
    let mut out = String::new();
    for status in [400, 401, 404, 429, 500, 529] {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            out.push_str(&String::from_utf8(Refusal::for_status(status).body(dialect, "req_1")).unwrap());
            out.push('\n');
        }
    }
    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        out.push_str(&String::from_utf8(models::list(dialect, &["a", "b"])).unwrap());
        out.push('\n');
    }
    let ask = Ask { model: Some("e".into()), inputs: 1, dimensions: Some(2), prompt_tokens: 3, ..Ask::default() };
    out.push_str(&String::from_utf8(embeddings::whole(1, &ask, 1)).unwrap());
    insta::assert_snapshot!("errors_lists_and_counts", out);
}

#[test]
fn errors_in_the_middle_of_a_stream() {
    let mut out = Vec::new();
    for (api, body) in [(Api::Chat, CHAT), (Api::Messages, MESSAGES), (Api::Responses, RESPONSES)] {
        let script = script(body, api, wishes(3, 0, false));
        wire::streamed(api, &script).error(&script, &mut out);
    }
    insta::assert_snapshot!("error_events", String::from_utf8(out).unwrap());
}
