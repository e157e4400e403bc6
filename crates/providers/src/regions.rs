//! The regions of a prompt, hashed: tools, system, messages. Tells what changed between two prompts and where the stable
//! prefix ends, without keeping a word of it.

use std::hash::Hasher;

use memchr::memmem;
use paceline_types::Api;
use rustc_hash::FxHasher;

use crate::cursor::{Cursor, Flaw, Span};
use crate::scan::{Field, RequestFacts};

/// Message ends remembered, the last ones.
const HISTORIES_MAX: usize = 256;

/// Hashes of a prompt's regions; zero for one that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    pub tools: u64,
    /// Anthropic's `system`, Responses' `instructions`, the leading system and developer messages of a chat.
    pub system: u64,
    /// What a conversation begins with.
    pub first_message: u64,
    /// Of the messages up to each one's end, oldest first; the last 256.
    pub histories: Vec<u64>,
    /// Bytes of tools and system together.
    pub prefix_bytes: usize,
    /// Where a cache mark may go; none where the caller set its own.
    pub(crate) mark: Option<Mark>,
}

/// Where Anthropic's mark of a prefix's end is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A system prompt that is a string: becomes a block of that string.
    Text(Span),
    /// Before the closing brace of the last block.
    BlockEnd(usize),
}

/// Hashes the regions of a prompt. `facts` must come from a scan of the same body.
#[must_use]
pub fn regions(api: Api, body: &[u8], facts: &RequestFacts) -> Option<Regions> {
    let mut regions = Regions::default();
    let tools = facts.span(Field::Tools);
    if let Some(span) = tools {
        regions.tools = hash(0, span.of(body));
        regions.prefix_bytes += span.end - span.start;
    }
    let system = match api {
        Api::Messages => facts.span(Field::System),
        Api::Responses => facts.span(Field::Instructions),
        Api::Chat => None,
        _ => return None,
    };
    if let Some(span) = system {
        regions.system = hash(0, span.of(body));
        regions.prefix_bytes += span.end - span.start;
    }
    let turns = facts.span(if api == Api::Responses { Field::Input } else { Field::Messages })?;
    regions.read_turns(api, body, turns).ok()?;
    if api == Api::Messages && memmem::find(body, b"\"cache_control\"").is_none() {
        regions.mark = system.and_then(|span| mark(body, span)).or_else(|| mark(body, tools?));
    }
    Some(regions)
}

impl Regions {
    fn read_turns(&mut self, api: Api, body: &[u8], turns: Span) -> Result<(), Flaw> {
        let mut cursor = Cursor::from(body, turns.start);
        if cursor.peek() != Some(b'[') {
            // The input of Responses may be one string.
            self.turn(turns.of(body));
            return Ok(());
        }
        let mut leading = api == Api::Chat;
        cursor.items(|cursor| {
            let text = cursor.skip()?.of(body);
            leading = leading && is_system(text)?;
            if leading {
                self.system = hash(self.system, text);
                self.prefix_bytes += text.len();
            } else {
                self.turn(text);
            }
            Ok(())
        })
    }

    fn turn(&mut self, text: &[u8]) {
        let next = hash(self.histories.last().copied().unwrap_or_default(), text);
        if self.histories.is_empty() {
            self.first_message = next;
        } else if self.histories.len() == HISTORIES_MAX {
            self.histories.remove(0);
        }
        self.histories.push(next);
    }
}

/// True for a message that speaks for the system.
fn is_system(message: &[u8]) -> Result<bool, Flaw> {
    let mut system = false;
    Cursor::new(message).members_if_object(|cursor, key| {
        let text = cursor.text()?;
        if key == b"role" {
            system = text.is_some_and(|role| matches!(role.raw, b"system" | b"developer"));
        }
        Ok(())
    })?;
    Ok(system)
}

/// The end of the last block of a value: a string, or a list of objects that are not empty.
fn mark(body: &[u8], span: Span) -> Option<Mark> {
    let mut cursor = Cursor::from(body, span.start);
    if cursor.peek() == Some(b'"') {
        return (span.end - span.start > 2).then_some(Mark::Text(span));
    }
    let mut last = None;
    cursor
        .items_if_array(|cursor| {
            let item = cursor.skip()?;
            let inside = item.of(body).get(1..).unwrap_or_default().trim_ascii_start();
            let object = body.get(item.start) == Some(&b'{') && inside != b"}";
            last = object.then(|| Mark::BlockEnd(item.end - 1));
            Ok(())
        })
        .ok()?;
    last
}

fn hash(before: u64, bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u64(before);
    hasher.write(bytes);
    // Zero stands for a region that is not there.
    hasher.finish() | 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use serde_json::Value;

    use super::*;
    use crate::{Edits, scan};

    fn of(api: Api, body: &str) -> Regions {
        regions(api, body.as_bytes(), &scan(api, body.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn each_region_has_its_own_hash_and_a_conversation_continues_its_past() {
        let first = of(
            Api::Chat,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}],"tools":[{}]}"#,
        );
        let next = of(
            Api::Chat,
            r#"{"tools":[{}],"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}"#,
        );
        assert_eq!((first.tools, first.system, first.first_message), (next.tools, next.system, next.first_message));
        assert!(next.histories.contains(first.histories.last().unwrap()) && next.histories.len() == 3);
        let other = of(Api::Chat, r#"{"messages":[{"role":"developer","content":"t"},{"role":"user","content":"a"}]}"#);
        assert!(other.system != first.system && other.tools == 0 && other.first_message == first.first_message);
    }

    #[test]
    fn responses_and_messages_keep_their_system_apart() {
        let messages = of(Api::Messages, r#"{"system":"s","messages":[{"role":"user","content":"a"}]}"#);
        assert!(messages.system != 0 && messages.prefix_bytes == 3);
        let responses = of(Api::Responses, r#"{"instructions":"s","input":"hello"}"#);
        assert!(responses.system == messages.system && responses.histories.len() == 1);
        assert_eq!(regions(Api::Embeddings, b"{}", &scan(Api::Embeddings, b"{}").unwrap()), None);
    }

    fn marked(body: &str) -> Option<Value> {
        let facts = scan(Api::Messages, body.as_bytes()).unwrap();
        let mut edits = Edits::new(Bytes::copy_from_slice(body.as_bytes()), &facts);
        let marked = edits.mark_prefix(&regions(Api::Messages, body.as_bytes(), &facts).unwrap());
        marked.then(|| serde_json::from_slice(&edits.into_parts().concat()).unwrap())
    }

    #[test]
    fn the_mark_goes_behind_the_stable_prefix() {
        let ephemeral = serde_json::json!({"type": "ephemeral"});
        let text = marked(r#"{"system":"be \"kind\"","messages":[]}"#).unwrap();
        assert_eq!(text["system"], serde_json::json!([{"type":"text","text":"be \"kind\"","cache_control":ephemeral}]));
        let blocks =
            marked(r#"{"system":[{"type":"text","text":"a"},{"type":"text","text":"b"} ],"messages":[]}"#).unwrap();
        assert_eq!(
            (&blocks["system"][0]["cache_control"], &blocks["system"][1]["cache_control"]),
            (&Value::Null, &ephemeral)
        );
        let tools = marked(r#"{"tools":[{"name":"a"},{"name":"b"}],"messages":[]}"#).unwrap();
        assert_eq!(tools["tools"][1]["cache_control"], ephemeral);
    }

    #[test]
    fn what_the_caller_marked_is_left_alone_and_nothing_is_not_marked() {
        assert_eq!(
            marked(r#"{"system":"s","messages":[{"role":"user","content":[{"type":"text","cache_control":{}}]}]}"#),
            None
        );
        for body in [
            r#"{"messages":[]}"#,
            r#"{"system":"","messages":[]}"#,
            r#"{"system":[],"messages":[]}"#,
            r#"{"tools":[{}],"messages":[]}"#,
        ] {
            assert_eq!(marked(body), None, "{body}");
        }
    }
}
