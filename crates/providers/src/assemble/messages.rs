//! Anthropic messages: typed events into the message they describe.

use serde_json::{Map, Value};

use super::{NotWhole, lay_over};

/// The message so far.
#[derive(Default)]
pub(super) struct Events {
    message: Option<Map<String, Value>>,
    blocks: Vec<Block>,
}

struct Block {
    fields: Map<String, Value>,
    /// A call's arguments, in pieces.
    json: String,
}

impl Events {
    pub(super) fn note(&mut self, mut event: Map<String, Value>, terminal: &mut bool) -> Result<(), NotWhole> {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "message_start" => {
                let Some(Value::Object(message)) = event.remove("message") else { return Err(NotWhole::Unknown) };
                self.message = Some(message);
            }
            "content_block_start" => {
                let Some(Value::Object(fields)) = event.remove("content_block") else { return Err(NotWhole::Unknown) };
                if index(&event)? != self.blocks.len() {
                    return Err(NotWhole::Unknown);
                }
                self.blocks.push(Block { fields, json: String::new() });
            }
            "content_block_delta" => {
                let block = self.blocks.get_mut(index(&event)?).ok_or(NotWhole::Unknown)?;
                let Some(Value::Object(delta)) = event.remove("delta") else { return Err(NotWhole::Unknown) };
                block.note(delta)?;
            }
            "content_block_stop" => self.blocks.get_mut(index(&event)?).ok_or(NotWhole::Unknown)?.stop()?,
            "message_delta" => {
                let message = self.message.as_mut().ok_or(NotWhole::Unknown)?;
                if let Some(Value::Object(usage)) = event.remove("usage") {
                    let so_far = message.entry("usage").or_insert_with(|| Value::Object(Map::new()));
                    let Value::Object(so_far) = so_far else { return Err(NotWhole::Unknown) };
                    lay_over(so_far, usage, |_| false);
                }
                if let Some(Value::Object(delta)) = event.remove("delta") {
                    lay_over(message, delta, |_| false);
                }
                event.remove("type");
                lay_over(message, event, |_| false);
            }
            "message_stop" => *terminal = true,
            "error" => return Err(NotWhole::Failed),
            // `ping`, and kinds to come, which clients are told to ignore.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn whole(self) -> Option<Value> {
        let mut message = self.message?;
        message.insert("content".into(), self.blocks.into_iter().map(|block| Value::Object(block.fields)).collect());
        Some(Value::Object(message))
    }
}

fn index(event: &Map<String, Value>) -> Result<usize, NotWhole> {
    let index = event.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
    index.ok_or(NotWhole::Unknown)
}

impl Block {
    fn note(&mut self, mut delta: Map<String, Value>) -> Result<(), NotWhole> {
        match delta.get("type").and_then(Value::as_str).unwrap_or_default() {
            "text_delta" => self.join("text", &delta),
            "thinking_delta" => self.join("thinking", &delta),
            "signature_delta" => self.join("signature", &delta),
            "input_json_delta" => {
                let piece = delta.get("partial_json").and_then(Value::as_str).ok_or(NotWhole::Unknown)?;
                self.json.push_str(piece);
                Ok(())
            }
            "citations_delta" => {
                let citation = delta.remove("citation").ok_or(NotWhole::Unknown)?;
                match self.fields.entry("citations").or_insert(Value::Null) {
                    Value::Array(citations) => citations.push(citation),
                    other => *other = Value::Array(vec![citation]),
                }
                Ok(())
            }
            _ => Err(NotWhole::Unknown),
        }
    }

    fn join(&mut self, field: &str, delta: &Map<String, Value>) -> Result<(), NotWhole> {
        let more = delta.get(field).and_then(Value::as_str).ok_or(NotWhole::Unknown)?;
        match self.fields.entry(field).or_insert_with(|| Value::String(String::new())) {
            Value::String(text) => text.push_str(more),
            _ => return Err(NotWhole::Unknown),
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<(), NotWhole> {
        if self.json.is_empty() {
            return Ok(());
        }
        let input: Value = serde_json::from_str(&self.json).map_err(|_| NotWhole::Unknown)?;
        self.fields.insert("input".into(), input);
        Ok(())
    }
}
