//! What one event or one answer says, in the words of no dialect. The readers fill it; watch and answer take it over.

use crate::cursor::{Cursor, Flaw};
use crate::text::Text;
use crate::usage::Usage;

/// Why the model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Finish {
    /// It did not say.
    #[default]
    None,
    Stop,
    /// The output cap or the context's end.
    Length,
    /// A content filter or a refusal.
    Filtered,
    ToolCalls,
    Other,
}

impl Finish {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Filtered => "filtered",
            Self::ToolCalls => "tool_calls",
            Self::Other => "other",
        }
    }

    /// With several choices the end that matters most for a budget wins, then the later one.
    pub(crate) fn merge(&mut self, later: Self) {
        let keep = later == Self::None || *self == Self::Length || (*self == Self::Filtered && later != Self::Length);
        if !keep {
            *self = later;
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Notice {
    /// Set by the asker: read the model's name too.
    pub(crate) want_model: bool,
    /// Holds generated text: content, reasoning or tool-call arguments, not empty.
    pub(crate) token: bool,
    /// Holds text or arguments a user can see.
    pub(crate) visible: bool,
    pub(crate) text_bytes: u64,
    pub(crate) finish: Finish,
    pub(crate) usage: Option<Usage>,
    /// The usage is the start of a report whose output is still to come.
    pub(crate) usage_open: bool,
    pub(crate) model: Option<String>,
    /// The provider reports a failure.
    pub(crate) error: bool,
    pub(crate) terminal: bool,
    /// The event's own number in its stream (Responses).
    pub(crate) sequence_number: Option<u32>,
    /// `choices` was there and empty.
    pub(crate) no_choices: bool,
}

impl Notice {
    /// Takes a piece of generated text.
    pub(crate) fn generated(&mut self, bytes: u64, visible: bool) {
        if bytes > 0 {
            self.token = true;
            self.visible |= visible;
            self.text_bytes += bytes;
        }
    }

    pub(crate) fn generated_text(&mut self, text: Option<Text<'_>>, visible: bool) {
        if let Some(text) = text {
            self.generated(text.bytes(), visible);
        }
    }

    /// Consumes the value of a `model` field.
    pub(crate) fn read_model(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
        if !self.want_model {
            return cursor.skip().map(drop);
        }
        let name = cursor.text()?.filter(|text| !text.raw.is_empty());
        if let Some(name) = name {
            self.model = Some(name.to_text());
        }
        Ok(())
    }

    /// Consumes the value of an `error` field: anything but null is a failure.
    pub(crate) fn read_error(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
        self.error |= cursor.present()?;
        Ok(())
    }

    pub(crate) fn read_usage(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
        self.usage = Usage::read(cursor)?.or(self.usage);
        Ok(())
    }
}
