//! Token counts as providers write them, and what they mean in our words. Owns the field names of every dialect.

use paceline_types::Tokens;

use crate::cursor::{Cursor, Flaw};

/// A usage object's fields, under the names of whichever dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    input: Option<u32>,
    output: Option<u32>,
    total: Option<u32>,
    cached: Option<u32>,
    cache_write: Option<u32>,
    reasoning: Option<u32>,
}

impl Usage {
    /// Reads the value at the cursor; `None` unless it is an object with a count in it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, Flaw> {
        let mut usage = Self::default();
        cursor.members_if_object(|cursor, key| {
            match key {
                b"prompt_tokens" | b"input_tokens" => usage.input = cursor.count()?,
                b"completion_tokens" | b"output_tokens" => usage.output = cursor.count()?,
                b"total_tokens" => usage.total = cursor.count()?,
                b"cache_read_input_tokens" => usage.cached = cursor.count()?.or(usage.cached),
                // DeepSeek's own name, beside the details in newer answers.
                b"prompt_cache_hit_tokens" => usage.cached = usage.cached.or(cursor.count()?),
                b"cache_creation_input_tokens" => usage.cache_write = cursor.count()?.or(usage.cache_write),
                b"prompt_tokens_details" | b"input_tokens_details" => usage.read_prompt_details(cursor)?,
                b"completion_tokens_details" | b"output_tokens_details" => usage.read_output_details(cursor)?,
                _ => drop(cursor.skip()?),
            }
            Ok(())
        })?;
        Ok((usage.input.is_some() || usage.output.is_some()).then_some(usage))
    }

    fn read_prompt_details(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
        cursor.members_if_object(|cursor, key| {
            match key {
                b"cached_tokens" => self.cached = cursor.count()?.or(self.cached),
                b"cache_write_tokens" | b"cache_creation_tokens" => {
                    self.cache_write = cursor.count()?.or(self.cache_write);
                }
                _ => drop(cursor.skip()?),
            }
            Ok(())
        })
    }

    fn read_output_details(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Flaw> {
        cursor.members_if_object(|cursor, key| {
            match key {
                b"reasoning_tokens" | b"thinking_tokens" => self.reasoning = cursor.count()?.or(self.reasoning),
                _ => drop(cursor.skip()?),
            }
            Ok(())
        })
    }

    /// OpenAI's counts: the prompt includes what was cached. Some engines leave reasoning out of the completion; their
    /// total gives them away.
    pub(crate) fn openai(&self) -> Tokens {
        let input = self.input.unwrap_or(0);
        let reasoning = self.reasoning.unwrap_or(0);
        let mut output = self.output.unwrap_or(0);
        let apart = u64::from(input) + u64::from(output) + u64::from(reasoning);
        if reasoning > 0 && self.total.map(u64::from) == Some(apart) {
            output = output.saturating_add(reasoning);
        }
        Tokens {
            input,
            cached: self.cached.unwrap_or(0),
            cache_write: self.cache_write.unwrap_or(0),
            output,
            reasoning,
        }
    }

    /// Anthropic's counts: what was read from or written to the cache comes on top of the input.
    pub(crate) fn anthropic(&self) -> Tokens {
        let (cached, cache_write) = (self.cached.unwrap_or(0), self.cache_write.unwrap_or(0));
        Tokens {
            input: self.input.unwrap_or(0).saturating_add(cached).saturating_add(cache_write),
            cached,
            cache_write,
            output: self.output.unwrap_or(0),
            reasoning: self.reasoning.unwrap_or(0),
        }
    }

    /// Takes over a later report of the same answer. Counts are cumulative, so the larger one is the truth; a field
    /// that is missing or zero in one report may stand in the other.
    pub(crate) fn merge(&mut self, later: &Self) {
        self.input = self.input.max(later.input);
        self.output = self.output.max(later.output);
        self.total = self.total.max(later.total);
        self.cached = self.cached.max(later.cached);
        self.cache_write = self.cache_write.max(later.cache_write);
        self.reasoning = self.reasoning.max(later.reasoning);
    }

    pub(crate) const fn output_count(&self) -> Option<u32> {
        self.output
    }
}
