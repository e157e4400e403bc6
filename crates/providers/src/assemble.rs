//! Puts a stream together into the answer the provider would have given without one. Owns the rule that every field a
//! stream carries ends up where the whole answer has it; what is not proven to do so is not assembled.

mod chat;
mod messages;

use bytes::Bytes;
use paceline_types::Api;
use serde_json::{Map, Value};

use crate::cursor::Cursor;
use crate::scan::RequestFacts;
use crate::sse::{EVENT_BYTES_MAX, Event, Framer};

use self::chat::Chunks;
use self::messages::Events;

/// Why there is no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    #[error("the stream ended before its terminal event")]
    Cut,
    #[error("the provider reported a failure inside the stream")]
    Failed,
    #[error("the stream holds what cannot be put together")]
    Unknown,
}

/// True where the stream is proven to carry all that the whole answer holds. `facts` must come from a scan of the same
/// body.
#[must_use]
pub fn assemblable(api: Api, facts: &RequestFacts, body: &[u8]) -> bool {
    api.generates() && !facts.is_particular(body) && !facts.has_unknown_field()
}

/// Puts one stream together.
pub struct Assembler {
    framer: Framer,
    parts: Parts,
    fault: Option<NotWhole>,
    terminal: bool,
}

enum Parts {
    Chunks(Chunks),
    Events(Events),
    /// The response object of the terminal event, as it came.
    Response(Bytes),
}

impl Assembler {
    #[must_use]
    pub fn new(api: Api) -> Self {
        let parts = match api {
            Api::Messages => Parts::Events(Events::default()),
            Api::Responses => Parts::Response(Bytes::new()),
            _ => Parts::Chunks(Chunks::new(api == Api::Completions)),
        };
        Self { framer: Framer::new(EVENT_BYTES_MAX), parts, fault: None, terminal: false }
    }

    /// Takes bytes of the stream, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut at = self.framer.resume(bytes);
        while let Some(event) = self.framer.next(bytes, at) {
            at = event.end;
            if let Err(fault) = note(&mut self.parts, &mut self.terminal, &event) {
                self.fault.get_or_insert(fault);
            }
        }
    }

    /// The whole answer as JSON.
    ///
    /// # Errors
    /// When the stream was cut, told of a failure, or holds what cannot be put together.
    pub fn finish(mut self) -> Result<Bytes, NotWhole> {
        if let Some(event) = self.framer.finish() {
            note(&mut self.parts, &mut self.terminal, &event)?;
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if !self.terminal {
            return Err(NotWhole::Cut);
        }
        let whole = match self.parts {
            Parts::Response(bytes) => return Ok(bytes),
            Parts::Chunks(chunks) => chunks.whole(),
            Parts::Events(events) => events.whole(),
        };
        let whole = whole.ok_or(NotWhole::Unknown)?;
        serde_json::to_vec(&whole).map(Bytes::from).map_err(|_| NotWhole::Unknown)
    }
}

fn note(parts: &mut Parts, terminal: &mut bool, event: &Event<'_>) -> Result<(), NotWhole> {
    if event.named_error {
        return Err(NotWhole::Failed);
    }
    let Some(data) = event.data else { return Ok(()) };
    if data.trim_ascii() == b"[DONE]" {
        *terminal = true;
        return Ok(());
    }
    match parts {
        Parts::Chunks(chunks) => chunks.note(object(data)?),
        Parts::Events(events) => events.note(object(data)?, terminal),
        Parts::Response(bytes) => response(data, bytes, terminal),
    }
}

fn object(data: &[u8]) -> Result<Map<String, Value>, NotWhole> {
    serde_json::from_slice(data).map_err(|_| NotWhole::Unknown)
}

/// Responses end with an event that holds the whole answer.
fn response(data: &[u8], whole: &mut Bytes, terminal: &mut bool) -> Result<(), NotWhole> {
    let (mut kind, mut span) = (Vec::new(), None);
    Cursor::new(data)
        .members(|cursor, key| {
            if key == b"type" {
                kind = cursor.text()?.map(|text| text.raw.to_vec()).unwrap_or_default();
            } else {
                let value = cursor.skip()?;
                span = if key == b"response" { Some(value) } else { span };
            }
            Ok(())
        })
        .map_err(|_| NotWhole::Unknown)?;
    match kind.as_slice() {
        b"error" => Err(NotWhole::Failed),
        b"response.completed" | b"response.incomplete" | b"response.failed" => {
            *terminal = true;
            *whole = Bytes::copy_from_slice(span.ok_or(NotWhole::Unknown)?.of(data));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Lays `later` over `so_far`: texts of the named fields are joined, everything else is replaced unless null.
fn lay_over(so_far: &mut Map<String, Value>, later: Map<String, Value>, joined: impl Fn(&str) -> bool) {
    for (key, value) in later {
        match (so_far.get_mut(&key), value) {
            (Some(Value::String(text)), Value::String(more)) if joined(&key) => text.push_str(&more),
            (Some(_), Value::Null) => {}
            (_, value) => {
                so_far.insert(key, value);
            }
        }
    }
}
