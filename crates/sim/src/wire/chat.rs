//! OpenAI chat completions: chunks and the whole answer. Reasoning goes out as `reasoning_content`, the form of the
//! open engines.

use super::{Form, quoted};
use crate::script::{End, Kind, Script};

/// Chunks share all but their delta, so both ends are made once.
pub struct Stream {
    head: Vec<u8>,
}

impl Stream {
    #[must_use]
    pub fn new(script: &Script) -> Self {
        let head = format!(
            r#"data: {{"id":"chatcmpl-{}","object":"chat.completion.chunk","created":{},"model":{},"service_tier":"default","system_fingerprint":"fp_sim","choices":["#,
            script.id,
            script.created,
            quoted(&script.model)
        );
        Self { head: head.into_bytes() }
    }

    /// One chunk; `delta` is what stands between the braces, `finish` a JSON value.
    fn chunk(&self, script: &Script, sent: u32, choice: u32, delta: &[&[u8]], finish: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":");
        out.extend_from_slice(itoa::Buffer::new().format(choice).as_bytes());
        out.extend_from_slice(b",\"delta\":{");
        for part in delta {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
        out.extend_from_slice(finish.as_bytes());
        out.extend_from_slice(b"}]");
        if script.usage_every_chunk && !script.no_usage {
            out.extend_from_slice(b",\"usage\":");
            out.extend_from_slice(usage(script, sent).as_bytes());
        } else if script.include_usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }
}

impl Form for Stream {
    fn open(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let content: &[u8] = if script.tool.is_some() { b"null" } else { b"\"\"" };
        for choice in 0..script.choices {
            let delta = [&b"\"role\":\"assistant\",\"content\":"[..], content, b",\"refusal\":null"];
            self.chunk(script, 0, choice, &delta, "null", out);
        }
        script.choices
    }

    fn tokens(&mut self, script: &Script, from: u32, to: u32, out: &mut Vec<u8>) -> u32 {
        let (kind, _) = script.kind(from);
        let mut events = script.choices;
        let mut text = Vec::with_capacity(8 * (to - from) as usize);
        for choice in 0..script.choices {
            text.clear();
            script.text(choice, from, to, &mut text);
            let (before, after): (&[u8], &[u8]) = match kind {
                Kind::Text => (b"\"content\":\"", b"\""),
                Kind::Reasoning => (b"\"reasoning_content\":\"", b"\""),
                Kind::Arguments => (b"\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"", b"\"}}]"),
            };
            if kind == Kind::Arguments && from == script.reasoning_tokens {
                let call = format!(r#""tool_calls":[{}]"#, call(script, choice, r#""index":0,"#, ""));
                self.chunk(script, from, choice, &[call.as_bytes()], "null", out);
                events += 1;
            }
            self.chunk(script, to, choice, &[before, &text, after], "null", out);
        }
        events
    }

    fn close(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let mut events = script.choices;
        for choice in 0..script.choices {
            self.chunk(script, script.total(), choice, &[], finish(script), out);
        }
        if script.include_usage && !script.no_usage {
            let begun = out.len();
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            out.extend_from_slice(usage(script, script.total()).as_bytes());
            out.extend_from_slice(b"}\n\n");
            events += 1 + double(script, begun, out);
        }
        events + done(script, out)
    }

    fn error(&mut self, _: &Script, out: &mut Vec<u8>) -> u32 {
        error_event(out)
    }
}

/// The answer as one body.
#[must_use]
pub fn whole(script: &Script) -> Vec<u8> {
    let choices: Vec<String> = (0..script.choices).map(|choice| whole_choice(script, choice)).collect();
    let usage = whole_usage(script);
    format!(
        r#"{{"id":"chatcmpl-{}","object":"chat.completion","created":{},"model":{},"choices":[{}]{usage},"service_tier":"default","system_fingerprint":"fp_sim"}}"#,
        script.id,
        script.created,
        quoted(&script.model),
        choices.join(",")
    )
    .into_bytes()
}

fn whole_choice(script: &Script, choice: u32) -> String {
    let reasoning = match script.reasoning_tokens {
        0 => String::new(),
        tokens => format!(r#","reasoning_content":"{}""#, script.string(choice, 0, tokens)),
    };
    let body = script.string(choice, script.reasoning_tokens, script.total());
    let body = match script.tool {
        Some(_) => format!(r#""content":null{reasoning},"tool_calls":[{}]"#, call(script, choice, "", &body)),
        None => format!(r#""content":"{body}"{reasoning}"#),
    };
    format!(
        r#"{{"index":{choice},"message":{{"role":"assistant",{body},"refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":{}}}"#,
        finish(script)
    )
}

/// One tool call with these (escaped) arguments.
fn call(script: &Script, choice: u32, index: &str, arguments: &str) -> String {
    let name = script.tool.as_ref().map_or("", |(name, _)| name);
    format!(
        r#"{{{index}"id":"call_{}{choice}","type":"function","function":{{"name":{},"arguments":"{arguments}"}}}}"#,
        script.id,
        quoted(name)
    )
}

const fn finish(script: &Script) -> &'static str {
    match script.end {
        End::Stop => "\"stop\"",
        End::Length => "\"length\"",
        End::ToolCalls => "\"tool_calls\"",
        End::Filtered => "\"content_filter\"",
    }
}

/// The usage object after `sent` tokens of each choice.
pub(crate) fn usage(script: &Script, sent: u32) -> String {
    let output = script.output_tokens(sent);
    format!(
        r#"{{"prompt_tokens":{},"completion_tokens":{output},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
        script.prompt_tokens,
        script.prompt_tokens.saturating_add(output),
        script.cached_tokens,
        script.output_tokens(script.reasoning_tokens.min(sent)),
    )
}

/// The usage of a whole answer, with its comma.
pub(crate) fn whole_usage(script: &Script) -> String {
    let usage = format!(r#","usage":{}"#, usage(script, script.total()));
    if script.no_usage { String::new() } else { usage.repeat(1 + usize::from(script.usage_doubled)) }
}

/// Sends the event that begins at `begun` once more, where counts are told twice.
pub(crate) fn double(script: &Script, begun: usize, out: &mut Vec<u8>) -> u32 {
    if script.usage_doubled {
        out.extend_from_within(begun..);
    }
    u32::from(script.usage_doubled)
}

/// The last event of a stream.
pub(crate) fn done(script: &Script, out: &mut Vec<u8>) -> u32 {
    if script.no_terminal {
        return 0;
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
    1
}

/// An error in the middle of a stream.
pub(crate) fn error_event(out: &mut Vec<u8>) -> u32 {
    out.extend_from_slice(
        br#"data: {"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}"#,
    );
    out.extend_from_slice(b"\n\n");
    1
}
