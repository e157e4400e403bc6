//! Reads what the gateway acts on out of a request body: one pass over the top level, everything else only checked for
//! structure. Owns the list of known fields per API; holds no text of the body beyond the model's name.

use paceline_types::Api;

use crate::cursor::{Cursor, Flaw, Span};
use crate::text::whole;

/// Occurrences of known fields kept; more is no request anybody means.
const SPOTS_MAX: usize = 64;

/// What a request asks for. Where a field occurs twice the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// `None` when absent or null.
    pub model: Option<String>,
    pub stream: bool,
    /// The caller's bound on output tokens; `None` too where it is no whole number.
    pub cap: Option<u64>,
    /// True when the caller set a bound of any value but null.
    pub cap_set: bool,
    pub include_usage: Option<bool>,
    /// Answers asked for (`n`), at least 1.
    pub choices: u32,
    /// The body's length in bytes, for estimates.
    pub text_bytes: usize,
    /// Index of the opening brace.
    pub(crate) open: usize,
    /// True for `{}`.
    pub(crate) empty: bool,
    /// There is a field that neither means something here nor is known to change nothing but the text of an answer.
    unknown: bool,
    pub(crate) spots: Vec<Spot>,
}

/// One occurrence of a known field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) field: Field,
    pub(crate) value: Span,
}

/// The top-level fields that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Model,
    Stream,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    StreamOptions,
    Choices,
    Temperature,
    Tools,
    System,
    Messages,
    Instructions,
    Input,
    Priority,
    PromptCacheKey,
    /// A feature whose stream is not proven to carry what the whole answer holds.
    Particular,
}

impl Field {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::StreamOptions => "stream_options",
            Self::Choices => "n",
            Self::Temperature => "temperature",
            Self::Tools => "tools",
            Self::System => "system",
            Self::Messages => "messages",
            Self::Instructions => "instructions",
            Self::Input => "input",
            Self::Priority => "priority",
            Self::PromptCacheKey => "prompt_cache_key",
            Self::Particular => "",
        }
    }

    fn known(api: Api, key: &[u8]) -> Option<Self> {
        let chunked = matches!(api, Api::Chat | Api::Completions);
        Some(match key {
            b"model" => Self::Model,
            b"stream" if api.generates() => Self::Stream,
            b"max_tokens" if chunked || api == Api::Messages => Self::MaxTokens,
            b"max_completion_tokens" if api == Api::Chat => Self::MaxCompletionTokens,
            b"max_output_tokens" if api == Api::Responses => Self::MaxOutputTokens,
            b"stream_options" if chunked => Self::StreamOptions,
            b"n" if chunked => Self::Choices,
            b"temperature" => Self::Temperature,
            b"tools" | b"functions" => Self::Tools,
            b"system" if api == Api::Messages => Self::System,
            b"messages" => Self::Messages,
            b"instructions" if api == Api::Responses => Self::Instructions,
            b"input" => Self::Input,
            b"priority" => Self::Priority,
            b"prompt_cache_key" => Self::PromptCacheKey,
            b"logprobs"
            | b"top_logprobs"
            | b"modalities"
            | b"audio"
            | b"store"
            | b"background"
            | b"best_of"
            | b"echo"
            | b"previous_response_id"
            | b"conversation"
            | b"include"
            | b"web_search_options" => Self::Particular,
            _ => return None,
        })
    }
}

/// True for fields that change what is said, not in which form it comes.
fn is_plain(key: &[u8]) -> bool {
    matches!(
        key,
        b"prompt"
            | b"suffix"
            | b"top_p"
            | b"top_k"
            | b"min_p"
            | b"stop"
            | b"stop_sequences"
            | b"seed"
            | b"presence_penalty"
            | b"frequency_penalty"
            | b"repetition_penalty"
            | b"logit_bias"
            | b"tool_choice"
            | b"function_call"
            | b"parallel_tool_calls"
            | b"response_format"
            | b"text"
            | b"verbosity"
            | b"reasoning"
            | b"reasoning_effort"
            | b"thinking"
            | b"output_config"
            | b"chat_template_kwargs"
            | b"max_tool_calls"
            | b"truncation"
            | b"metadata"
            | b"user"
            | b"safety_identifier"
            | b"service_tier"
            | b"prompt_cache_retention"
            | b"max_tokens"
            | b"max_completion_tokens"
            | b"max_output_tokens"
            | b"stream_options"
            | b"system"
            | b"instructions"
            | b"n"
            | b"encoding_format"
            | b"dimensions"
    )
}

/// Why a body was refused. Never quotes the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    #[error("the body is empty")]
    Empty,
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the body is not sound JSON at byte {at}")]
    Malformed { at: usize },
    #[error("the body is not a JSON object")]
    NotObject,
    #[error("`{field}` must be {wanted}")]
    WrongType { field: &'static str, wanted: &'static str },
    #[error("the body nests deeper than 128 levels")]
    TooDeep,
}

impl From<Flaw> for ScanError {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Malformed(at) => Self::Malformed { at },
            Flaw::TooDeep => Self::TooDeep,
        }
    }
}

/// Scans a request body.
///
/// # Errors
/// When the body is not one JSON object in UTF-8, or a field the gateway acts on has the wrong type.
pub fn scan(api: Api, body: &[u8]) -> Result<RequestFacts, ScanError> {
    let mut cursor = Cursor::new(body);
    match cursor.peek() {
        None => return Err(ScanError::Empty),
        Some(_) if std::str::from_utf8(body).is_err() => return Err(ScanError::NotUtf8),
        Some(b'{') => {}
        Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => return Err(ScanError::NotObject),
        Some(_) => return Err(ScanError::Malformed { at: cursor.at() }),
    }
    let mut facts =
        RequestFacts { choices: 1, text_bytes: body.len(), open: cursor.at(), empty: true, ..Default::default() };
    cursor.members(|cursor, key| {
        facts.empty = false;
        let field = Field::known(api, key);
        let value = cursor.skip()?;
        facts.unknown |= field.is_none() && !is_plain(key);
        if let Some(field) = field {
            if facts.spots.len() == SPOTS_MAX {
                return Err(Flaw::Malformed(value.start));
            }
            facts.spots.push(Spot { field, value });
        }
        Ok(())
    })?;
    if cursor.peek().is_some() {
        return Err(ScanError::Malformed { at: cursor.at() });
    }
    facts.read(body)?;
    Ok(facts)
}

impl RequestFacts {
    /// The last value of a field, unless it is null.
    pub(crate) fn value<'a>(&self, field: Field, body: &'a [u8]) -> Option<&'a [u8]> {
        self.span(field).map(|span| span.of(body)).filter(|&value| value != b"null")
    }

    /// Where the last value of a field lies.
    pub(crate) fn span(&self, field: Field) -> Option<Span> {
        self.spots.iter().rev().find(|spot| spot.field == field).map(|spot| spot.value)
    }

    /// True when the caller asks for `temperature: 0` in any spelling.
    #[must_use]
    pub fn is_temperature_zero(&self, body: &[u8]) -> bool {
        let value = self.value(Field::Temperature, body).and_then(|value| std::str::from_utf8(value).ok());
        value.and_then(|text| text.parse().ok()).is_some_and(|temperature: f64| temperature == 0.0)
    }

    /// True when the caller offers tools.
    #[must_use]
    pub fn has_tools(&self, body: &[u8]) -> bool {
        self.value(Field::Tools, body).is_some_and(|tools| tools != b"[]")
    }

    /// True when a feature is asked for whose stream is not proven to carry what the whole answer holds: several
    /// answers, log probabilities, sound, answers stored or made in the background.
    #[must_use]
    pub fn is_particular(&self, body: &[u8]) -> bool {
        let set = |spot: &Spot| {
            spot.field == Field::Particular && !matches!(spot.value.of(body), b"null" | b"false" | b"[]" | b"0")
        };
        self.choices > 1 || self.spots.iter().any(set)
    }

    /// True when the caller uses a field nobody here knows.
    #[must_use]
    pub fn has_unknown_field(&self) -> bool {
        self.unknown
    }

    /// Interprets the last occurrence of each known field.
    fn read(&mut self, body: &[u8]) -> Result<(), ScanError> {
        let Self { spots, .. } = self;
        let last = |field| {
            let spot = spots.iter().rev().find(|spot| spot.field == field)?;
            Some(spot.value.of(body)).filter(|&value| value != b"null")
        };
        self.model = last(Field::Model).map(model).transpose()?;
        self.stream = last(Field::Stream).map(|value| flag(value, "stream")).transpose()?.unwrap_or(false);
        for field in [Field::MaxTokens, Field::MaxOutputTokens, Field::MaxCompletionTokens] {
            if let Some(value) = last(field) {
                self.cap = cap(value, field)?;
                self.cap_set = true;
            }
        }
        self.include_usage = last(Field::StreamOptions).map(include_usage).transpose()?.flatten();
        let choices = last(Field::Choices).and_then(whole).unwrap_or(1).max(1);
        self.choices = u32::try_from(choices).unwrap_or(u32::MAX);
        Ok(())
    }
}

fn model(value: &[u8]) -> Result<String, ScanError> {
    let wrong = ScanError::WrongType { field: "model", wanted: "a string" };
    Cursor::new(value).text()?.map(|text| text.to_text()).ok_or(wrong)
}

fn flag(value: &[u8], field: &'static str) -> Result<bool, ScanError> {
    match value {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(ScanError::WrongType { field, wanted: "true or false" }),
    }
}

fn cap(value: &[u8], field: Field) -> Result<Option<u64>, ScanError> {
    match value.first() {
        Some(b'-' | b'0'..=b'9') => Ok(whole(value)),
        _ => Err(ScanError::WrongType { field: field.name(), wanted: "a whole number" }),
    }
}

fn include_usage(value: &[u8]) -> Result<Option<bool>, ScanError> {
    if value.first() != Some(&b'{') {
        return Err(ScanError::WrongType { field: "stream_options", wanted: "an object" });
    }
    let mut last = None;
    Cursor::new(value).members(|cursor, key| {
        let span = cursor.skip()?;
        if key == b"include_usage" {
            last = Some(span.of(value)).filter(|&value| value != b"null");
        }
        Ok(())
    })?;
    last.map(|value| flag(value, "stream_options.include_usage")).transpose()
}
