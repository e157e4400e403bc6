//! The wire dialects a caller or a provider speaks, and the APIs within them.

use serde::{Deserialize, Serialize};

/// Whose wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Dialect {
    OpenAi = 0,
    Anthropic = 1,
}

impl Dialect {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// One endpoint family. The number is stored in usage records: never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Api {
    Chat = 0,
    Completions = 1,
    Embeddings = 2,
    Responses = 3,
    Messages = 4,
    CountTokens = 5,
    Models = 6,
    /// Any other path of a provider, relayed as it comes; has no address of its own.
    Passthrough = 7,
}

impl Api {
    /// Those with an address of their own.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::CountTokens,
        Self::Models,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Models => "models",
            Self::Passthrough => "passthrough",
        }
    }

    /// The dialect this API belongs to.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
            _ => Dialect::OpenAi,
        }
    }

    /// The path at the provider, below its base URL (which ends in `/v1` for both dialects).
    #[must_use]
    pub const fn provider_path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Responses => "/responses",
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
            Self::Models => "/models",
            Self::Passthrough => "",
        }
    }

    /// True when the answer is generated text, so that caps, first tokens and streams mean something.
    #[must_use]
    pub const fn generates(self) -> bool {
        matches!(self, Self::Chat | Self::Completions | Self::Responses | Self::Messages)
    }

    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Chat,
            1 => Self::Completions,
            2 => Self::Embeddings,
            3 => Self::Responses,
            4 => Self::Messages,
            5 => Self::CountTokens,
            6 => Self::Models,
            7 => Self::Passthrough,
            _ => return None,
        })
    }
}

/// The name of the field that caps output tokens; it differs by API and by model family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapField {
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
}

impl CapField {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
        }
    }
}
