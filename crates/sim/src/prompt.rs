//! The prompt of a request in any of its forms: a string, strings, parts, messages, token numbers. Gathers the text as a
//! count and as names of its 64-token blocks, and lets the text itself go.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::prefix::BLOCK_TOKENS;
use crate::seed::hash_bytes;

/// Bytes of text that make one token.
const TOKEN_BYTES: usize = 4;
const BLOCK_BYTES: usize = BLOCK_TOKENS as usize * TOKEN_BYTES;
/// Keys of one object; a message has a handful.
const KEYS_MAX: usize = 10_000;

/// What the prompt's texts add up to.
#[derive(Debug, Default)]
pub(crate) struct Text {
    bytes: usize,
    chain: Option<Vec<u64>>,
    tail: Vec<u8>,
    last: u64,
    /// Some part is marked for caching.
    pub(crate) marked: bool,
}

impl Text {
    /// Nothing yet; `chain` asks for the block names.
    pub(crate) fn new(chain: bool) -> Self {
        Self { chain: chain.then(Vec::new), ..Self::default() }
    }

    /// Tokens so far, rounded up.
    pub(crate) fn tokens(&self) -> u32 {
        u32::try_from(self.bytes.div_ceil(TOKEN_BYTES)).unwrap_or(u32::MAX)
    }

    /// Names of the whole blocks.
    pub(crate) fn into_chain(self) -> Vec<u64> {
        self.chain.unwrap_or_default()
    }

    fn add(&mut self, mut text: &[u8]) {
        self.bytes += text.len();
        let Some(chain) = &mut self.chain else { return };
        if !self.tail.is_empty() {
            let (now, later) = text.split_at(text.len().min(BLOCK_BYTES - self.tail.len()));
            self.tail.extend_from_slice(now);
            text = later;
            if self.tail.len() == BLOCK_BYTES {
                self.last = hash_bytes(self.last, &self.tail);
                chain.push(self.last);
                self.tail.clear();
            }
        }
        let whole = text.chunks_exact(BLOCK_BYTES);
        self.tail.extend_from_slice(whole.remainder());
        for block in whole {
            self.last = hash_bytes(self.last, block);
            chain.push(self.last);
        }
    }
}

/// Reads one field of a request. Gives how many texts its outermost list holds.
pub(crate) struct Prompt<'a> {
    pub(crate) text: &'a mut Text,
    /// Only a list will do.
    pub(crate) list: bool,
}

impl<'de> DeserializeSeed<'de> for Prompt<'_> {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        if self.list { deserializer.deserialize_seq(self) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Prompt<'_> {
    type Value = u32;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.list { "a list" } else { "text, or a list of it" })
    }

    fn visit_str<E>(self, text: &str) -> Result<u32, E> {
        self.text.add(text.as_bytes());
        Ok(1)
    }

    fn visit_u64<E>(self, token: u64) -> Result<u32, E> {
        self.text.add(&token.to_le_bytes()[..TOKEN_BYTES]);
        Ok(0)
    }

    fn visit_i64<E>(self, _: i64) -> Result<u32, E> {
        Ok(0)
    }

    fn visit_f64<E>(self, _: f64) -> Result<u32, E> {
        Ok(0)
    }

    fn visit_bool<E>(self, _: bool) -> Result<u32, E> {
        Ok(0)
    }

    fn visit_unit<E>(self) -> Result<u32, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u32, A::Error> {
        let mut texts = 0_u32;
        let mut numbers = false;
        while let Some(inner) = list.next_element_seed(Prompt { text: self.text, list: false })? {
            texts = texts.saturating_add(inner.min(1));
            numbers |= inner == 0;
        }
        Ok(if texts == 0 && numbers { 1 } else { texts })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u32, A::Error> {
        let mut keys = 0_usize;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            keys += 1;
            if keys > KEYS_MAX {
                return Err(A::Error::custom("too many keys"));
            }
            match key.as_ref() {
                "content" | "text" | "thinking" | "arguments" | "output" | "tool_calls" | "function" | "summary" => {
                    map.next_value_seed(Prompt { text: self.text, list: false })?;
                }
                "cache_control" => {
                    self.text.marked = true;
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(1)
    }
}
