//! Reads the requests of both dialects: the fields the simulator acts on, and the prompt's text as a count and as names
//! of its 64-token blocks. One token is 4 bytes of text, rounded up, over all message texts in document order. Never
//! keeps the text.

use std::borrow::Cow;
use std::fmt;

use paceline_types::Api;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::prompt::{Prompt, Text};

/// Texts of an embeddings request that are answered.
const INPUTS_MAX: u32 = 2048;
const CHOICES_MAX: u32 = 16;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    pub model: Option<String>,
    pub stream: bool,
    pub include_usage: bool,
    pub usage_every_chunk: bool,
    pub cap: Option<u64>,
    pub choices: u32,
    /// Name of the first tool offered.
    pub tool: Option<String>,
    /// The caller wants a tool to be called.
    pub tool_required: bool,
    /// Some part of the prompt is marked for caching.
    pub cache_marked: bool,
    pub prompt_tokens: u32,
    /// Names of the prompt's whole blocks; empty unless asked for.
    pub chain: Vec<u64>,
    /// Texts to embed.
    pub inputs: u32,
    pub base64: bool,
    pub dimensions: Option<u32>,
    /// The answer shall be there to be asked for again.
    pub store: Option<bool>,
    /// The field that holds the prompt was there.
    pub has_prompt: bool,
}

impl Ask {
    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }
}

/// Why a request is refused, in a provider's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadAsk {
    pub message: String,
    pub param: Option<&'static str>,
}

/// Reads one body. `chain` asks for the block names, which cost a pass over the text.
///
/// # Errors
/// When the body is not JSON, a field has a wrong type, or a required one is missing.
pub fn read(api: Api, body: &[u8], chain: bool) -> Result<Ask, BadAsk> {
    let mut text = Text::new(chain);
    let mut document = serde_json::Deserializer::from_slice(body);
    let mut ask = Fields { api, text: &mut text }
        .deserialize(&mut document)
        .and_then(|ask| document.end().map(|()| ask))
        .map_err(|error| BadAsk { message: format!("could not read the JSON body: {error}"), param: None })?;
    require(api, &ask)?;
    let choices_max = if matches!(api, Api::Chat | Api::Completions) { CHOICES_MAX } else { 1 };
    ask.choices = ask.choices.clamp(1, choices_max);
    ask.inputs = ask.inputs.clamp(1, INPUTS_MAX);
    ask.prompt_tokens = text.tokens();
    ask.cache_marked = text.marked;
    ask.chain = text.into_chain();
    Ok(ask)
}

fn require(api: Api, ask: &Ask) -> Result<(), BadAsk> {
    let prompt = match api {
        Api::Chat | Api::Messages | Api::CountTokens => "messages",
        Api::Completions => "prompt",
        Api::Embeddings | Api::Responses => "input",
        Api::Models | Api::Passthrough => return Ok(()),
    };
    let missing = |param| {
        let message = match api {
            Api::Messages | Api::CountTokens => format!("{param}: Field required"),
            _ => format!("Missing required parameter: '{param}'."),
        };
        Err(BadAsk { message, param: Some(param) })
    };
    if ask.model.is_none() {
        return missing("model");
    }
    if !ask.has_prompt {
        return missing(prompt);
    }
    if api == Api::Messages && ask.cap.is_none() {
        return missing("max_tokens");
    }
    if ask.cap == Some(0) {
        return Err(BadAsk {
            message: "the maximum of output tokens must be at least 1".into(),
            param: Some("max_tokens"),
        });
    }
    Ok(())
}

/// The top level of a request.
struct Fields<'a> {
    api: Api,
    text: &'a mut Text,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Ask;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Ask, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Ask;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Ask, A::Error> {
        let mut ask = Ask::default();
        while let Some(field) = map.next_key::<Cow<'de, str>>()? {
            self.field(&mut ask, &field, &mut map)?;
        }
        Ok(ask)
    }
}

impl Fields<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, ask: &mut Ask, field: &str, map: &mut A) -> Result<(), A::Error> {
        match field {
            "model" => ask.model = Some(map.next_value()?),
            "stream" => ask.stream = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "stream_options" => {
                let options = map.next_value::<Option<StreamOptions>>()?.unwrap_or_default();
                ask.include_usage = options.include_usage;
                ask.usage_every_chunk = options.continuous_usage_stats;
            }
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                ask.cap = map.next_value::<Option<u64>>()?.or(ask.cap);
            }
            "n" => ask.choices = map.next_value::<Option<u32>>()?.unwrap_or(1),
            "tools" if self.api != Api::Completions => {
                ask.tool = map.next_value::<Option<Vec<Tool>>>()?.and_then(first_name)
            }
            "tool_choice" => ask.tool_required = requires_tool(&map.next_value::<serde_json::Value>()?),
            "messages" if matches!(self.api, Api::Chat | Api::Messages | Api::CountTokens) => {
                ask.has_prompt = true;
                map.next_value_seed(Prompt { text: self.text, list: true })?;
            }
            "prompt" if self.api == Api::Completions => self.prompt(ask, map)?,
            "input" if matches!(self.api, Api::Responses | Api::Embeddings) => self.prompt(ask, map)?,
            "system" if self.api.dialect() == paceline_types::Dialect::Anthropic => {
                map.next_value_seed(Prompt { text: self.text, list: false })?;
            }
            "instructions" if self.api == Api::Responses => {
                map.next_value_seed(Prompt { text: self.text, list: false })?;
            }
            "encoding_format" => ask.base64 = map.next_value::<Option<String>>()?.as_deref() == Some("base64"),
            "store" => ask.store = map.next_value()?,
            "dimensions" => ask.dimensions = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn prompt<'de, A: MapAccess<'de>>(&mut self, ask: &mut Ask, map: &mut A) -> Result<(), A::Error> {
        ask.has_prompt = true;
        ask.inputs = map.next_value_seed(Prompt { text: self.text, list: false })?;
        Ok(())
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: bool,
    continuous_usage_stats: bool,
}

#[derive(serde::Deserialize)]
struct Tool {
    name: Option<String>,
    function: Option<Function>,
}

#[derive(serde::Deserialize)]
struct Function {
    name: String,
}

fn first_name(tools: Vec<Tool>) -> Option<String> {
    tools.into_iter().find_map(|tool| tool.name.or(tool.function.map(|function| function.name)))
}

fn requires_tool(choice: &serde_json::Value) -> bool {
    match choice {
        serde_json::Value::String(choice) => choice == "required",
        serde_json::Value::Object(choice) => matches!(
            choice.get("type").and_then(serde_json::Value::as_str),
            Some("function" | "any" | "tool" | "allowed_tools")
        ),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ask(api: Api, body: &str) -> Ask {
        read(api, body.as_bytes(), true).unwrap()
    }

    fn fault(api: Api, body: &str) -> String {
        read(api, body.as_bytes(), true).unwrap_err().message
    }

    #[test]
    fn a_chat_request_is_read_whole() {
        let got = ask(
            Api::Chat,
            r#"{"model":"m","messages":[{"role":"system","content":"abcd"},{"role":"user","content":[{"type":"text","text":"efg\n"},
            {"type":"image_url","image_url":{"url":"data:xxxx"}}]}],"stream":true,"stream_options":{"include_usage":true},"n":2,
            "max_completion_tokens":9,"tools":[{"type":"function","function":{"name":"find"}}],"tool_choice":"required","unknown":[{}]}"#,
        );
        assert_eq!((got.prompt_tokens, got.choices, got.cap), (2, 2, Some(9)));
        assert_eq!((got.model.as_deref(), got.tool.as_deref()), (Some("m"), Some("find")));
        assert!(got.stream && got.include_usage && got.tool_required && !got.cache_marked);
    }

    #[test]
    fn tokens_are_rounded_up_over_all_texts_and_not_for_each() {
        let body = r#"{"model":"m","max_tokens":5,"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}],
            "messages":[{"role":"user","content":"bcdef"}]}"#;
        let got = ask(Api::Messages, body);
        assert_eq!(got.prompt_tokens, 2);
        assert!(got.cache_marked);
    }

    #[test]
    fn inputs_are_counted_and_token_numbers_are_tokens() {
        assert_eq!(ask(Api::Embeddings, r#"{"model":"m","input":["a","b","c"],"encoding_format":"base64"}"#).inputs, 3);
        let numbers = ask(Api::Embeddings, r#"{"model":"m","input":[1,2,3,4,5]}"#);
        assert_eq!((numbers.inputs, numbers.prompt_tokens), (1, 5));
        assert_eq!(ask(Api::Embeddings, r#"{"model":"m","input":[[1,2],[3]]}"#).inputs, 2);
        assert_eq!(ask(Api::Responses, r#"{"model":"m","input":"abcdef","instructions":"ab"}"#).prompt_tokens, 2);
    }

    #[test]
    fn equal_prefixes_have_equal_block_names_however_they_are_cut() {
        let long = "x".repeat(600);
        let one = ask(Api::Chat, &format!(r#"{{"model":"m","messages":[{{"content":"{long}"}}]}}"#));
        let (head, tail) = long.split_at(77);
        let two = ask(
            Api::Chat,
            &format!(r#"{{"model":"m","messages":[{{"content":"{head}"}},{{"content":"{tail}yyyy"}}]}}"#),
        );
        assert_eq!(one.chain.len(), 2);
        assert_eq!(one.chain, two.chain);
        let other = ask(Api::Chat, &format!(r#"{{"model":"m","messages":[{{"content":"y{long}"}}]}}"#));
        assert_ne!(one.chain[1], other.chain[1]);
    }

    #[test]
    fn faults_say_what_is_wrong() {
        assert!(fault(Api::Chat, "{").starts_with("could not read the JSON body"));
        assert!(fault(Api::Chat, r#"{"model":"m","messages":[]} x"#).contains("trailing"));
        assert_eq!(fault(Api::Chat, r#"{"messages":[]}"#), "Missing required parameter: 'model'.");
        assert_eq!(fault(Api::Messages, r#"{"model":"m","messages":[]}"#), "max_tokens: Field required");
        assert!(fault(Api::Chat, r#"{"model":"m","messages":"hi"}"#).contains("expected a list"));
        assert!(fault(Api::Chat, r#"{"model":1,"messages":[]}"#).contains("expected a string"));
        assert!(fault(Api::Completions, r#"{"model":"m","prompt":"a","max_tokens":0}"#).contains("at least 1"));
    }
}
