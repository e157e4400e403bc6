//! OpenAI completions (the older API that autocomplete still uses): chunks and the whole answer.

use super::{Form, chat, quoted};
use crate::script::{End, Script};

/// Chunks share their head and tail, so both are made once.
pub struct Stream {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Stream {
    #[must_use]
    pub fn new(script: &Script) -> Self {
        let head = format!(
            r#"data: {{"id":"cmpl-{}","object":"text_completion","created":{},"choices":["#,
            script.id, script.created
        );
        let tail = format!(r#"],"model":{},"system_fingerprint":"fp_sim""#, quoted(&script.model));
        Self { head: head.into_bytes(), tail: tail.into_bytes() }
    }

    fn chunk(&self, script: &Script, sent: u32, choice: u32, text: &[u8], finish: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"text\":\"");
        out.extend_from_slice(text);
        out.extend_from_slice(b"\",\"index\":");
        out.extend_from_slice(itoa::Buffer::new().format(choice).as_bytes());
        out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":");
        out.extend_from_slice(finish.as_bytes());
        out.extend_from_slice(b"}");
        out.extend_from_slice(&self.tail);
        if script.usage_every_chunk && !script.no_usage {
            out.extend_from_slice(b",\"usage\":");
            out.extend_from_slice(chat::usage(script, sent).as_bytes());
        } else if script.include_usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }
}

impl Form for Stream {
    fn open(&mut self, _: &Script, _: &mut Vec<u8>) -> u32 {
        0
    }

    fn tokens(&mut self, script: &Script, from: u32, to: u32, out: &mut Vec<u8>) -> u32 {
        let mut text = Vec::with_capacity(4 * (to - from) as usize);
        for choice in 0..script.choices {
            text.clear();
            script.text(choice, from, to, &mut text);
            self.chunk(script, to, choice, &text, "null", out);
        }
        script.choices
    }

    fn close(&mut self, script: &Script, out: &mut Vec<u8>) -> u32 {
        let mut events = script.choices;
        for choice in 0..script.choices {
            self.chunk(script, script.total(), choice, b"", finish(script), out);
        }
        if script.include_usage && !script.no_usage {
            let begun = out.len();
            out.extend_from_slice(&self.head);
            out.extend_from_slice(&self.tail);
            out.extend_from_slice(b",\"usage\":");
            out.extend_from_slice(chat::usage(script, script.total()).as_bytes());
            out.extend_from_slice(b"}\n\n");
            events += 1 + chat::double(script, begun, out);
        }
        events + chat::done(script, out)
    }

    fn error(&mut self, _: &Script, out: &mut Vec<u8>) -> u32 {
        chat::error_event(out)
    }
}

/// The answer as one body.
#[must_use]
pub fn whole(script: &Script) -> Vec<u8> {
    let choices: Vec<String> = (0..script.choices)
        .map(|choice| {
            format!(
                r#"{{"text":"{}","index":{choice},"logprobs":null,"finish_reason":{}}}"#,
                script.string(choice, 0, script.total()),
                finish(script)
            )
        })
        .collect();
    let usage = chat::whole_usage(script);
    format!(
        r#"{{"id":"cmpl-{}","object":"text_completion","created":{},"model":{},"choices":[{}]{usage},"system_fingerprint":"fp_sim"}}"#,
        script.id,
        script.created,
        quoted(&script.model),
        choices.join(",")
    )
    .into_bytes()
}

const fn finish(script: &Script) -> &'static str {
    match script.end {
        End::Length => "\"length\"",
        End::Filtered => "\"content_filter\"",
        _ => "\"stop\"",
    }
}
