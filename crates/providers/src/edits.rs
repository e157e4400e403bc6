//! Splices into a request body. Owns the rule that every byte the caller wrote stays where it was, apart from the
//! values it replaces; a missing member goes right behind the opening brace.

use bytes::Bytes;

use crate::cursor::Cursor;
use crate::regions::{Mark, Regions};
use crate::scan::{Field, RequestFacts};

/// The changes to one body, collected and then applied at once.
pub struct Edits<'a> {
    body: Bytes,
    facts: &'a RequestFacts,
    splices: Vec<Splice>,
    /// Members to add behind the opening brace, joined by commas.
    added: Vec<u8>,
}

struct Splice {
    start: usize,
    end: usize,
    text: Bytes,
}

const USAGE_ON: &[u8] = br#""include_usage":true"#;

impl<'a> Edits<'a> {
    /// `facts` must come from a scan of the same `body`.
    #[must_use]
    pub const fn new(body: Bytes, facts: &'a RequestFacts) -> Self {
        Self { body, facts, splices: Vec::new(), added: Vec::new() }
    }

    /// Sets the model's name, wherever it occurs; nothing changes where it is that already.
    pub fn model(&mut self, name: &str) -> &mut Self {
        let mut there = self.facts.spots.iter().filter(|spot| spot.field == Field::Model).peekable();
        if there.peek().is_some() && there.all(|spot| is_plain(spot.value.of(&self.body), name)) {
            return self;
        }
        let text = json_string(name);
        self.set(Field::Model, text)
    }

    /// Sets the bound on output tokens under the given field's name.
    pub fn cap(&mut self, field_name: &str, tokens: u32) -> &mut Self {
        let text = Bytes::copy_from_slice(itoa::Buffer::new().format(tokens).as_bytes());
        match [Field::MaxTokens, Field::MaxCompletionTokens, Field::MaxOutputTokens]
            .into_iter()
            .find(|field| field.name() == field_name)
        {
            Some(field) => self.set(field, text),
            None => self.add(field_name, &text),
        }
    }

    /// Asks for the usage event of a stream.
    pub fn include_usage(&mut self) -> &mut Self {
        let mut found = false;
        for spot in &self.facts.spots {
            if spot.field == Field::StreamOptions {
                found = true;
                ask_usage(&mut self.splices, &self.body, spot.value.start, spot.value.end);
            }
        }
        if found { self } else { self.add("stream_options", br#"{"include_usage":true}"#) }
    }

    /// Asks for a stream.
    pub fn stream_on(&mut self) -> &mut Self {
        self.set(Field::Stream, Bytes::from_static(b"true"))
    }

    /// Sets an engine's priority where the caller set none.
    pub fn priority(&mut self, priority: i64) -> &mut Self {
        let text = Bytes::copy_from_slice(itoa::Buffer::new().format(priority).as_bytes());
        self.set_if_absent(Field::Priority, text);
        self
    }

    /// Names the cache in which OpenAI looks for the prompt's prefix; false where the caller named one.
    pub fn prompt_cache_key(&mut self, key: &str) -> bool {
        self.set_if_absent(Field::PromptCacheKey, json_string(key))
    }

    /// Marks the end of the stable prefix for Anthropic's prompt cache; false where the caller marked any place itself,
    /// or there is nothing to mark.
    pub fn mark_prefix(&mut self, regions: &Regions) -> bool {
        let Some(mark) = regions.mark else { return false };
        let text = |text: &'static [u8]| Bytes::from_static(text);
        match mark {
            Mark::Text(span) => {
                let before = text(br#"[{"type":"text","text":"#);
                self.splices.push(Splice { start: span.start, end: span.start, text: before });
                let behind = text(br#","cache_control":{"type":"ephemeral"}}]"#);
                self.splices.push(Splice { start: span.end, end: span.end, text: behind });
            }
            Mark::BlockEnd(at) => {
                let text = text(br#","cache_control":{"type":"ephemeral"}"#);
                self.splices.push(Splice { start: at, end: at, text });
            }
        }
        true
    }

    /// The new body in pieces: slices of the original and the inserted texts. One piece, the original, if nothing
    /// changed.
    #[must_use]
    pub fn into_parts(mut self) -> Vec<Bytes> {
        if !self.added.is_empty() {
            if !self.facts.empty {
                self.added.push(b',');
            }
            let at = self.facts.open + 1;
            self.splices.push(Splice { start: at, end: at, text: Bytes::from(self.added) });
        }
        if self.splices.is_empty() {
            return vec![self.body];
        }
        self.splices.sort_by_key(|splice| splice.start);
        let mut parts = Vec::with_capacity(2 * self.splices.len() + 1);
        let mut at = 0;
        for splice in self.splices {
            parts.push(self.body.slice(at..splice.start));
            parts.push(splice.text);
            at = splice.end;
        }
        parts.push(self.body.slice(at..));
        parts.retain(|part| !part.is_empty());
        parts
    }

    fn set(&mut self, field: Field, text: Bytes) -> &mut Self {
        let mut found = false;
        for spot in self.facts.spots.iter().filter(|spot| spot.field == field) {
            found = true;
            if spot.value.of(&self.body) != text {
                self.splices.push(Splice { start: spot.value.start, end: spot.value.end, text: text.clone() });
            }
        }
        if found { self } else { self.add(field.name(), &text) }
    }

    /// Sets a field that is absent or null; false where it is set.
    fn set_if_absent(&mut self, field: Field, text: Bytes) -> bool {
        let absent = self.facts.value(field, &self.body).is_none();
        if absent {
            self.set(field, text);
        }
        absent
    }

    /// `name` is one of ours: letters and underscores, which need no escapes.
    fn add(&mut self, name: &str, value: &[u8]) -> &mut Self {
        let comma: &[u8] = if self.added.is_empty() { b"" } else { b"," };
        // One more, for the comma before the caller's first member.
        self.added.reserve(name.len() + value.len() + 5);
        for part in [comma, b"\"", name.as_bytes(), b"\":", value] {
            self.added.extend_from_slice(part);
        }
        self
    }
}

/// Turns `include_usage` on inside one `stream_options` value.
fn ask_usage(splices: &mut Vec<Splice>, body: &[u8], start: usize, end: usize) {
    let mut put = |start, end, text| splices.push(Splice { start, end, text });
    if body.get(start) != Some(&b'{') {
        return put(start, end, Bytes::from_static(br#"{"include_usage":true}"#));
    }
    let (mut empty, mut found) = (true, false);
    // The scan has checked this text, so the walk cannot fail.
    let _ = Cursor::from(body, start).members(|cursor, key| {
        empty = false;
        let value = cursor.skip()?;
        if key == b"include_usage" {
            found = true;
            if value.of(body) != b"true" {
                put(value.start, value.end, Bytes::from_static(b"true"));
            }
        }
        Ok(())
    });
    if !found {
        let comma: &[u8] = if empty { b"" } else { b"," };
        put(start + 1, start + 1, Bytes::from([USAGE_ON, comma].concat()));
    }
}

/// True for `name` as JSON without escapes.
fn is_plain(value: &[u8], name: &str) -> bool {
    let text = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    text == Some(name.as_bytes()) && !name.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))
}

fn json_string(text: &str) -> Bytes {
    // Writing a string to memory cannot fail.
    Bytes::from(serde_json::to_vec(text).unwrap_or_default())
}
