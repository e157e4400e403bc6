//! Chat and completions: one choice's deltas into one message.

use serde_json::{Map, Value};

use super::{NotWhole, lay_over};

/// The chunks of one stream so far.
pub(super) struct Chunks {
    completions: bool,
    /// Fields beside the choices: the first chunk's, and later what was not there.
    top: Map<String, Value>,
    choice: Map<String, Value>,
    message: Map<String, Value>,
    calls: Vec<Map<String, Value>>,
    seen: bool,
}

impl Chunks {
    pub(super) fn new(completions: bool) -> Self {
        Self { completions, top: Map::new(), choice: Map::new(), message: Map::new(), calls: Vec::new(), seen: false }
    }

    pub(super) fn note(&mut self, mut chunk: Map<String, Value>) -> Result<(), NotWhole> {
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(NotWhole::Failed);
        }
        // Padding against traffic analysis belongs to the stream alone.
        chunk.remove("obfuscation");
        let choices = chunk.remove("choices");
        lay_over(&mut self.top, chunk, |_| false);
        let Some(Value::Array(choices)) = choices else { return Ok(()) };
        for choice in choices {
            let Value::Object(choice) = choice else { return Err(NotWhole::Unknown) };
            if choice.get("index").is_some_and(|index| index.as_u64() != Some(0)) {
                return Err(NotWhole::Unknown);
            }
            self.seen = true;
            self.note_choice(choice)?;
        }
        Ok(())
    }

    fn note_choice(&mut self, mut choice: Map<String, Value>) -> Result<(), NotWhole> {
        let delta = choice.remove("delta");
        lay_over(&mut self.choice, choice, |key| key == "text");
        let Some(Value::Object(mut delta)) = delta else { return Ok(()) };
        if let Some(Value::Array(calls)) = delta.remove("tool_calls") {
            calls.into_iter().try_for_each(|call| self.note_call(call))?;
        }
        if delta.get("audio").is_some_and(|audio| !audio.is_null()) {
            return Err(NotWhole::Unknown);
        }
        if let Some(Value::Object(function)) = delta.remove("function_call") {
            let so_far = self.message.entry("function_call").or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(so_far) = so_far else { return Err(NotWhole::Unknown) };
            lay_over(so_far, function, |key| key == "arguments");
        }
        lay_over(&mut self.message, delta, |key| !matches!(key, "role" | "name"));
        Ok(())
    }

    fn note_call(&mut self, call: Value) -> Result<(), NotWhole> {
        let Value::Object(mut call) = call else { return Err(NotWhole::Unknown) };
        let index = match call.remove("index") {
            Some(index) => index.as_u64().and_then(|index| usize::try_from(index).ok()).ok_or(NotWhole::Unknown)?,
            None => self.calls.len(),
        };
        if index > self.calls.len() {
            return Err(NotWhole::Unknown);
        }
        if index == self.calls.len() {
            self.calls.push(Map::new());
        }
        let so_far = &mut self.calls[index];
        for part in ["function", "custom"] {
            if let Some(Value::Object(more)) = call.remove(part) {
                let inner = so_far.entry(part).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(inner) = inner else { return Err(NotWhole::Unknown) };
                lay_over(inner, more, |key| matches!(key, "arguments" | "input"));
            }
        }
        lay_over(so_far, call, |_| false);
        Ok(())
    }

    pub(super) fn whole(mut self) -> Option<Value> {
        if !self.seen {
            return None;
        }
        let object = if self.completions { "text_completion" } else { "chat.completion" };
        self.top.insert("object".into(), object.into());
        let mut choice = self.choice;
        if !self.completions {
            let mut message = self.message;
            if !self.calls.is_empty() {
                message.insert("tool_calls".into(), self.calls.into_iter().map(Value::Object).collect());
                // A stream of calls may begin with an empty text; the whole answer has none.
                if message.get("content").and_then(Value::as_str) == Some("") {
                    message.insert("content".into(), Value::Null);
                }
            }
            message.entry("content").or_insert(Value::Null);
            message.entry("role").or_insert_with(|| "assistant".into());
            choice.insert("message".into(), Value::Object(message));
        }
        choice.entry("index").or_insert_with(|| 0.into());
        choice.entry("logprobs").or_insert(Value::Null);
        self.top.insert("choices".into(), Value::Array(vec![Value::Object(choice)]));
        Some(Value::Object(self.top))
    }
}
