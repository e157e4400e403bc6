//! Anthropic messages: events and the whole answer. Usage is cumulative: `message_start` has the input, `message_delta`
//! input and output.

use super::{Form, named_event, quoted};
use crate::script::{End, Kind, Script};

/// Which content block is open, and how many there were.
#[derive(Default)]
pub struct Stream {
    open: Option<Kind>,
    blocks: u32,
}

impl Stream {
    fn start(&mut self, script: &Script, kind: Kind, out: &mut Vec<u8>) -> u32 {
        let index = self.blocks;
        let block = match kind {
            Kind::Text => r#"{"type":"text","text":""}"#.to_owned(),
            Kind::Reasoning => r#"{"type":"thinking","thinking":"","signature":""}"#.to_owned(),
            Kind::Arguments => tool_block(script, "{}"),
        };
        let data = format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#);
        named_event(out, "content_block_start", &data);
        self.open = Some(kind);
        self.blocks += 1;
        1
    }

    fn stop(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let Some(kind) = self.open.take() else { return 0 };
        let index = self.blocks - 1;
        let mut events = 1;
        if kind == Kind::Reasoning {
            let data = format!(
                r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"signature_delta","signature":"{}"}}}}"#,
                signature(script)
            );
            named_event(out, "content_block_delta", &data);
            events += 1;
        }
        named_event(out, "content_block_stop", &format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
        events
    }

    fn delta(&self, kind: Kind, text: &[u8], out: &mut Vec<u8>) {
        let field: &[u8] = match kind {
            Kind::Text => b"\"text_delta\",\"text\":\"",
            Kind::Reasoning => b"\"thinking_delta\",\"thinking\":\"",
            Kind::Arguments => b"\"input_json_delta\",\"partial_json\":\"",
        };
        out.extend_from_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.blocks - 1).as_bytes());
        out.extend_from_slice(b",\"delta\":{\"type\":");
        out.extend_from_slice(field);
        out.extend_from_slice(text);
        out.extend_from_slice(b"\"}}\n\n");
    }
}

impl Form for Stream {
    fn open(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let data = format!(r#"{{"type":"message_start","message":{}}}"#, message(script, "", "null", Some(1)));
        named_event(out, "message_start", &data);
        let (kind, _) = script.kind(0);
        let mut events = 2 + self.start(script, kind, out);
        named_event(out, "ping", r#"{"type": "ping"}"#);
        if kind == Kind::Arguments {
            self.delta(kind, b"", out);
            events += 1;
        }
        events
    }

    fn tokens(&mut self, script: &Script, from: u32, to: u32, out: &mut Vec<u8>) -> u32 {
        let (kind, _) = script.kind(from);
        let mut events = 1;
        if self.open != Some(kind) {
            events += self.stop(script, out) + self.start(script, kind, out);
            if kind == Kind::Arguments {
                self.delta(kind, b"", out);
                events += 1;
            }
        }
        let mut text = Vec::with_capacity(8 * (to - from) as usize);
        script.text(0, from, to, &mut text);
        self.delta(kind, &text, out);
        events
    }

    fn close(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let mut events = self.stop(script, out);
        let usage = if script.no_usage {
            String::new()
        } else {
            format!(r#","usage":{}"#, usage(script, script.output_tokens(script.total()), false))
        };
        let data = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":{},"stop_sequence":null}}{usage}}}"#,
            stop_reason(script)
        );
        let begun = out.len();
        named_event(out, "message_delta", &data);
        events += 1 + super::chat::double(script, begun, out);
        if !script.no_terminal {
            named_event(out, "message_stop", r#"{"type":"message_stop"}"#);
            events += 1;
        }
        events
    }

    fn error(&mut self, _: &Script, out: &mut Vec<u8>) -> u32 {
        let data = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        named_event(out, "error", data);
        1
    }
}

/// The answer as one body.
#[must_use]
pub fn whole(script: &Script) -> Vec<u8> {
    let mut blocks = Vec::new();
    if script.reasoning_tokens > 0 {
        let thinking = script.string(0, 0, script.reasoning_tokens);
        blocks.push(format!(r#"{{"type":"thinking","thinking":"{thinking}","signature":"{}"}}"#, signature(script)));
    }
    if let Some((_, arguments)) = &script.tool {
        // An answer cut in its arguments is not JSON; the provider then gives what it could read: nothing.
        let sound = serde_json::from_slice::<serde_json::Map<_, _>>(arguments).is_ok();
        blocks.push(tool_block(script, if sound { std::str::from_utf8(arguments).unwrap_or("{}") } else { "{}" }));
    } else if script.body_tokens > 0 {
        let text = script.string(0, script.reasoning_tokens, script.total());
        blocks.push(format!(r#"{{"type":"text","text":"{text}"}}"#));
    }
    let output = (!script.no_usage).then(|| script.total());
    message(script, &blocks.join(","), stop_reason(script), output).into_bytes()
}

fn message(script: &Script, content: &str, stop_reason: &str, output: Option<u32>) -> String {
    let usage = match output {
        Some(output) if !script.no_usage => {
            let times = 1 + usize::from(script.usage_doubled && stop_reason != "null");
            format!(r#","usage":{}"#, usage(script, output, true)).repeat(times)
        }
        _ => String::new(),
    };
    format!(
        r#"{{"model":{},"id":"msg_{}","type":"message","role":"assistant","content":[{content}],"stop_reason":{stop_reason},"stop_sequence":null{usage}}}"#,
        quoted(&script.model),
        script.id
    )
}

fn usage(script: &Script, output: u32, whole: bool) -> String {
    let input = script.prompt_tokens.saturating_sub(script.cached_tokens).saturating_sub(script.cache_write_tokens);
    let written = script.cache_write_tokens;
    let creation = if whole {
        format!(r#""cache_creation":{{"ephemeral_5m_input_tokens":{written},"ephemeral_1h_input_tokens":0}},"#)
    } else {
        String::new()
    };
    let details = match script.reasoning_tokens {
        tokens if tokens == 0 || output < script.total() => String::new(),
        tokens => format!(r#","output_tokens_details":{{"thinking_tokens":{tokens}}}"#),
    };
    let tier = if whole { r#","service_tier":"standard""# } else { "" };
    format!(
        r#"{{"input_tokens":{input},"cache_creation_input_tokens":{written},"cache_read_input_tokens":{},{creation}"output_tokens":{output}{details}{tier}}}"#,
        script.cached_tokens
    )
}

fn tool_block(script: &Script, input: &str) -> String {
    let name = script.tool.as_ref().map_or("", |(name, _)| name);
    format!(r#"{{"type":"tool_use","id":"toolu_{}","name":{},"input":{input}}}"#, script.id, quoted(name))
}

/// Stands for the signature of a thinking block.
fn signature(script: &Script) -> String {
    format!("c2ln{}", script.id)
}

const fn stop_reason(script: &Script) -> &'static str {
    match script.end {
        End::Stop => "\"end_turn\"",
        End::Length => "\"max_tokens\"",
        End::ToolCalls => "\"tool_use\"",
        End::Filtered => "\"refusal\"",
    }
}
