//! OpenAI responses: the event sequence with its running number, and the whole answer. Output items in order: reasoning
//! (when there is any), then a message or a function call.

use super::{Form, named_event, quoted};
use crate::script::{End, Kind, Script};

/// The sequence number, and the item that is open.
pub struct Stream {
    sequence: u64,
    open: Option<Kind>,
    index: u32,
    begun: u32,
}

impl Stream {
    #[must_use]
    pub const fn new(_: &Script) -> Self {
        Self { sequence: 0, open: None, index: 0, begun: 0 }
    }

    fn event(&mut self, name: &str, rest: &str, out: &mut Vec<u8>) -> u32 {
        let data = format!(r#"{{"type":"{name}","sequence_number":{},{rest}}}"#, self.sequence);
        named_event(out, name, &data);
        self.sequence += 1;
        1
    }

    fn place(&self, script: &Script, kind: Kind) -> String {
        let part = match kind {
            Kind::Reasoning => r#","summary_index":0"#,
            Kind::Text => r#","content_index":0"#,
            Kind::Arguments => "",
        };
        format!(r#""item_id":"{}","output_index":{}{part}"#, item_id(script, kind), self.index)
    }

    fn start(&mut self, script: &Script, kind: Kind, from: u32, out: &mut Vec<u8>) -> u32 {
        (self.open, self.begun) = (Some(kind), from);
        let item = item(script, kind, None, "in_progress");
        let index = self.index;
        let events = self.event("response.output_item.added", &format!(r#""output_index":{index},"item":{item}"#), out);
        let place = self.place(script, kind);
        events
            + match kind {
                Kind::Reasoning => {
                    let part = format!(r#"{place},"part":{{"type":"summary_text","text":""}}"#);
                    self.event("response.reasoning_summary_part.added", &part, out)
                }
                Kind::Text => {
                    let part = format!(r#"{place},"part":{}"#, text_part(""));
                    self.event("response.content_part.added", &part, out)
                }
                Kind::Arguments => 0,
            }
    }

    fn stop(&mut self, script: &Script, upto: u32, out: &mut Vec<u8>) -> u32 {
        let Some(kind) = self.open.take() else { return 0 };
        let text = script.string(0, self.begun, upto);
        let place = self.place(script, kind);
        let mut events = match kind {
            Kind::Reasoning => {
                let part = format!(r#"{place},"part":{{"type":"summary_text","text":"{text}"}}"#);
                self.event("response.reasoning_summary_text.done", &format!(r#"{place},"text":"{text}""#), out)
                    + self.event("response.reasoning_summary_part.done", &part, out)
            }
            Kind::Text => {
                let done = format!(r#"{place},"text":"{text}","logprobs":[]"#);
                self.event("response.output_text.done", &done, out)
                    + self.event("response.content_part.done", &format!(r#"{place},"part":{}"#, text_part(&text)), out)
            }
            Kind::Arguments => {
                let name = quoted(tool_name(script));
                let done = format!(r#"{place},"name":{name},"arguments":"{text}""#);
                self.event("response.function_call_arguments.done", &done, out)
            }
        };
        let item = item(script, kind, Some(&text), item_status(script, upto));
        let index = self.index;
        events += self.event("response.output_item.done", &format!(r#""output_index":{index},"item":{item}"#), out);
        self.index += 1;
        events
    }
}

impl Form for Stream {
    fn open(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let response = format!(r#""response":{}"#, object(script, "in_progress", "", false));
        self.event("response.created", &response, out) + self.event("response.in_progress", &response, out)
    }

    fn tokens(&mut self, script: &Script, from: u32, to: u32, out: &mut Vec<u8>) -> u32 {
        let (kind, _) = script.kind(from);
        let mut events = 1;
        if self.open != Some(kind) {
            events += self.stop(script, from, out) + self.start(script, kind, from, out);
        }
        let (name, part, rest): (&[u8], &[u8], &[u8]) = match kind {
            Kind::Reasoning => (b"response.reasoning_summary_text.delta", b",\"summary_index\":0", b"}\n\n"),
            Kind::Text => (b"response.output_text.delta", b",\"content_index\":0", b",\"logprobs\":[]}\n\n"),
            Kind::Arguments => (b"response.function_call_arguments.delta", b"", b"}\n\n"),
        };
        let mut number = itoa::Buffer::new();
        for part in [b"event: ", name, b"\ndata: {\"type\":\"", name, b"\",\"sequence_number\":"] {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(number.format(self.sequence).as_bytes());
        out.extend_from_slice(b",\"item_id\":\"");
        out.extend_from_slice(prefix(kind).as_bytes());
        out.extend_from_slice(script.id.as_bytes());
        out.extend_from_slice(b"\",\"output_index\":");
        out.extend_from_slice(number.format(self.index).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b",\"delta\":\"");
        script.text(0, from, to, out);
        out.extend_from_slice(b"\"");
        out.extend_from_slice(rest);
        self.sequence += 1;
        events
    }

    fn close(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let mut events = self.stop(script, script.total(), out);
        if script.no_terminal {
            return events;
        }
        if script.usage_doubled {
            let told = format!(r#""response":{}"#, object(script, "in_progress", "", true));
            events += self.event("response.in_progress", &told, out);
        }
        let status = status(script);
        let response = format!(r#""response":{}"#, object(script, status, &items(script), true));
        events + self.event(&format!("response.{status}"), &response, out)
    }

    fn error(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let response = format!(r#""response":{}"#, object(script, "failed", "", false));
        self.event("response.failed", &response, out)
    }
}

/// The answer as one body.
#[must_use]
pub fn whole(script: &Script) -> Vec<u8> {
    let mut answer = object(script, status(script), &items(script), true);
    if script.usage_doubled && !script.no_usage {
        answer.truncate(answer.len() - 1);
        answer.push_str(&format!(r#","usage":{}}}"#, usage(script)));
    }
    answer.into_bytes()
}

fn items(script: &Script) -> String {
    let mut items = Vec::new();
    let mut from = 0;
    while from < script.total() {
        let (kind, end) = script.kind(from);
        items.push(item(script, kind, Some(&script.string(0, from, end)), item_status(script, end)));
        from = end;
    }
    items.join(",")
}

fn item(script: &Script, kind: Kind, text: Option<&str>, status: &str) -> String {
    let id = item_id(script, kind);
    match kind {
        Kind::Reasoning => {
            let summary = text.map(|text| format!(r#"{{"type":"summary_text","text":"{text}"}}"#)).unwrap_or_default();
            format!(r#"{{"id":"{id}","type":"reasoning","summary":[{summary}]}}"#)
        }
        Kind::Text => format!(
            r#"{{"id":"{id}","type":"message","status":"{status}","content":[{}],"role":"assistant"}}"#,
            text.map(text_part).unwrap_or_default()
        ),
        Kind::Arguments => format!(
            r#"{{"id":"{id}","type":"function_call","status":"{status}","arguments":"{}","call_id":"call_{}","name":{}}}"#,
            text.unwrap_or_default(),
            script.id,
            quoted(tool_name(script))
        ),
    }
}

fn text_part(text: &str) -> String {
    format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
}

/// The response object; `ended` adds usage and the reason it is incomplete.
fn object(script: &Script, status: &str, output: &str, ended: bool) -> String {
    let usage = if ended && !script.no_usage { usage(script) } else { "null".into() };
    let details = match (status, script.end) {
        ("incomplete", End::Filtered) => r#"{"reason":"content_filter"}"#,
        ("incomplete", _) => r#"{"reason":"max_output_tokens"}"#,
        _ => "null",
    };
    let error = match status {
        "failed" => r#"{"code":"server_error","message":"The server had an error while processing your request."}"#,
        _ => "null",
    };
    format!(
        r#"{{"id":"resp_{}","object":"response","created_at":{},"status":"{status}","background":false,"error":{error},"incomplete_details":{details},"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":{},"output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{{"effort":null,"summary":null}},"safety_identifier":null,"service_tier":"default","store":{},"temperature":1.0,"text":{{"format":{{"type":"text"}},"verbosity":"medium"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#,
        script.id,
        script.created,
        quoted(&script.model),
        script.store
    )
}

fn usage(script: &Script) -> String {
    let output = script.total();
    format!(
        r#"{{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{},"cache_write_tokens":0}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}}"#,
        script.prompt_tokens,
        script.cached_tokens,
        script.reasoning_tokens,
        script.prompt_tokens.saturating_add(output)
    )
}

fn item_id(script: &Script, kind: Kind) -> String {
    format!("{}{}", prefix(kind), script.id)
}

const fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Reasoning => "rs_",
        Kind::Text => "msg_",
        Kind::Arguments => "fc_",
    }
}

fn tool_name(script: &Script) -> &str {
    script.tool.as_ref().map_or("", |(name, _)| name)
}

const fn status(script: &Script) -> &'static str {
    match script.end {
        End::Length | End::Filtered => "incomplete",
        _ => "completed",
    }
}

/// Only the item in which the cap struck is incomplete.
const fn item_status(script: &Script, upto: u32) -> &'static str {
    if upto == script.total() { status(script) } else { "completed" }
}
