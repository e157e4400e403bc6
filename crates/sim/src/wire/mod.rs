//! The wire forms: a script becomes the bytes that a provider of that API would send, whole or as server-sent events.
//! No timing, no faults of the transport, no sockets.

pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod media;
pub mod messages;
pub mod models;
pub mod refusal;
pub mod responses;
pub mod stored;

use paceline_types::Api;

use crate::script::Script;

/// The streamed form of one answer. Each method appends whole events and says how many.
pub trait Form: Send {
    /// What comes before any token.
    fn open(&mut self, script: &Script, out: &mut Vec<u8>) -> u32;
    /// Tokens `from..to`, all of one kind, one event for each choice.
    fn tokens(&mut self, script: &Script, from: u32, to: u32, out: &mut Vec<u8>) -> u32;
    /// What comes after the last token.
    fn close(&mut self, script: &Script, out: &mut Vec<u8>) -> u32;
    /// An error in the middle of the stream, which ends it.
    fn error(&mut self, script: &Script, out: &mut Vec<u8>) -> u32;
}

/// The streamed form of an API that generates text.
#[must_use]
pub fn streamed(api: Api, script: &Script) -> Box<dyn Form> {
    match api {
        Api::Completions => Box::new(completions::Stream::new(script)),
        Api::Responses => Box::new(responses::Stream::new(script)),
        Api::Messages => Box::new(messages::Stream::default()),
        _ => Box::new(chat::Stream::new(script)),
    }
}

/// The answer as one body.
#[must_use]
pub fn whole(api: Api, script: &Script) -> Vec<u8> {
    match api {
        Api::Completions => completions::whole(script),
        Api::Responses => responses::whole(script),
        Api::Messages => messages::whole(script),
        _ => chat::whole(script),
    }
}

/// A JSON string with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Appends an event with a name, as Anthropic and the Responses API send them.
pub(crate) fn named_event(out: &mut Vec<u8>, name: &str, data: &str) {
    for part in ["event: ", name, "\ndata: ", data, "\n\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
