//! What one answer says, decided before it starts: how many tokens of which kind, their text, and how it ends. The wire
//! forms turn a script into bytes; the timing decides when. Text is made of four-byte words, one token each.

use paceline_types::Api;

use crate::ask::Ask;
use crate::params::AnswerLength;
use crate::seed::{Seed, hash_bytes, mix};

/// Words of three letters and a space; no JSON string needs to escape them.
const WORDS: [&[u8; 4]; 64] = [
    b"the ", b"and ", b"for ", b"are ", b"but ", b"not ", b"you ", b"all ", b"any ", b"can ", b"had ", b"her ",
    b"was ", b"one ", b"our ", b"out ", b"day ", b"get ", b"has ", b"him ", b"his ", b"how ", b"man ", b"new ",
    b"now ", b"old ", b"see ", b"two ", b"way ", b"who ", b"boy ", b"did ", b"its ", b"let ", b"put ", b"say ",
    b"she ", b"too ", b"use ", b"big ", b"end ", b"far ", b"few ", b"got ", b"own ", b"run ", b"set ", b"sun ",
    b"top ", b"try ", b"ask ", b"men ", b"red ", b"saw ", b"ten ", b"yes ", b"yet ", b"six ", b"sea ", b"air ",
    b"low ", b"key ", b"map ", b"row ",
];

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Stop,
    Length,
    ToolCalls,
    /// A content filter stopped it.
    Filtered,
}

/// What the caller asked of the simulator itself, by header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `x-sim-output-tokens`: all output, reasoning included.
    pub output_tokens: Option<u32>,
    /// `x-sim-reasoning`: how many of them are reasoning.
    pub reasoning_tokens: u32,
    /// `x-sim-tools`: answer with a tool call.
    pub tools: bool,
    /// `x-sim-cached-tokens`: report so many prompt tokens as cached, whatever the engine held.
    pub cached_tokens: Option<u32>,
    /// `x-sim-tokens-per-event`: as speculative decoding does.
    pub tokens_per_event: u32,
    /// `x-sim-seed`: the same request with the same seed gets the same bytes, ids and times included.
    pub seed: Option<u64>,
}

impl Wishes {
    /// What of it the API can express: plain completions know neither tools nor reasoning.
    #[must_use]
    pub fn within(self, api: Api) -> Self {
        if api == Api::Completions { Self { tools: false, reasoning_tokens: 0, ..self } } else { self }
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Script {
    /// What ids are made of; unique for each request.
    pub id: String,
    pub model: String,
    pub created: u64,
    pub seed: u64,
    pub prompt_tokens: u32,
    pub cached_tokens: u32,
    pub cache_write_tokens: u32,
    pub reasoning_tokens: u32,
    /// Tokens after the reasoning: text, or the arguments of a tool call.
    pub body_tokens: u32,
    /// The tool called and its arguments, cut to `body_tokens`.
    pub tool: Option<(String, Vec<u8>)>,
    pub choices: u32,
    pub end: End,
    pub include_usage: bool,
    pub usage_every_chunk: bool,
    pub no_usage: bool,
    /// Counts are told twice.
    pub usage_doubled: bool,
    pub no_terminal: bool,
    /// It can be asked for again.
    pub store: bool,
}

/// What a range of tokens is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Reasoning,
    Text,
    Arguments,
}

impl Script {
    /// Decides an answer. Ids, times and usage switches are filled in by the caller.
    #[must_use]
    pub fn decide(seed: u64, ask: &Ask, wishes: &Wishes, length: AnswerLength) -> Self {
        let model = ask.model.clone().unwrap_or_default();
        let seed =
            mix(hash_bytes(seed, model.as_bytes()) ^ u64::from(ask.prompt_tokens) ^ ask.chain.last().unwrap_or(&0));
        let wanted =
            wishes.output_tokens.unwrap_or_else(|| drawn(seed, length).saturating_add(wishes.reasoning_tokens));
        let wanted = wanted.clamp(1, 1_000_000);
        let total = ask.cap.map_or(wanted, |cap| wanted.min(u32::try_from(cap).unwrap_or(u32::MAX)));
        let reasoning_tokens = wishes.reasoning_tokens.min(total);
        let body_tokens = total - reasoning_tokens;
        let calls = wishes.tools || (ask.tool_required && ask.tool.is_some());
        let tool = calls.then(|| {
            let mut arguments = arguments(seed, wanted.saturating_sub(reasoning_tokens).max(1));
            arguments.truncate(body_tokens as usize * 4);
            (ask.tool.clone().unwrap_or_else(|| "lookup".into()), arguments)
        });
        let end = match (total < wanted, calls) {
            (true, _) => End::Length,
            (false, true) => End::ToolCalls,
            (false, false) => End::Stop,
        };
        Self {
            id: String::new(),
            model,
            created: 0,
            seed,
            prompt_tokens: ask.prompt_tokens,
            cached_tokens: 0,
            cache_write_tokens: 0,
            reasoning_tokens,
            body_tokens,
            tool,
            choices: ask.choices.max(1),
            end,
            include_usage: ask.include_usage,
            usage_every_chunk: ask.usage_every_chunk,
            no_usage: false,
            usage_doubled: false,
            no_terminal: false,
            store: ask.store.unwrap_or(true),
        }
    }

    /// Tokens of one choice.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.reasoning_tokens + self.body_tokens
    }

    /// Output tokens of all choices after `sent` steps, as usage reports them.
    #[must_use]
    pub const fn output_tokens(&self, sent: u32) -> u32 {
        sent.saturating_mul(self.choices)
    }

    /// The kind of the token at `index`, and where its kind ends.
    #[must_use]
    pub const fn kind(&self, index: u32) -> (Kind, u32) {
        if index < self.reasoning_tokens {
            (Kind::Reasoning, self.reasoning_tokens)
        } else if self.tool.is_some() {
            (Kind::Arguments, self.total())
        } else {
            (Kind::Text, self.total())
        }
    }

    /// Appends the text of tokens `from..to` of one choice, ready to stand in a JSON string except for arguments,
    /// whose quotes are escaped here.
    pub fn text(&self, choice: u32, from: u32, to: u32, out: &mut Vec<u8>) {
        match (&self.tool, from >= self.reasoning_tokens) {
            (Some((_, arguments)), true) => {
                let offset = |token: u32| (token - self.reasoning_tokens) as usize * 4;
                for &byte in arguments.get(offset(from)..offset(to)).unwrap_or_default() {
                    if byte == b'"' {
                        out.push(b'\\');
                    }
                    out.push(byte);
                }
            }
            _ => {
                let seed = self.seed.wrapping_add(u64::from(choice) << 32);
                for token in from..to {
                    out.extend_from_slice(WORDS[(mix(seed.wrapping_add(u64::from(token))) & 63) as usize]);
                }
            }
        }
    }

    /// So many words of a seed, as a text of their own.
    #[must_use]
    pub fn words(seed: u64, count: u32) -> String {
        let word = |token: u32| WORDS[(mix(seed.wrapping_add(u64::from(token))) & 63) as usize];
        (0..count).flat_map(word).map(|&byte| char::from(byte)).collect()
    }

    /// The same as a string.
    #[must_use]
    pub fn string(&self, choice: u32, from: u32, to: u32) -> String {
        let mut out = Vec::with_capacity((to.saturating_sub(from)) as usize * 4);
        self.text(choice, from, to, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn drawn(seed: u64, length: AnswerLength) -> u32 {
    Seed::new(seed).log_normal(length.median_tokens, length.sigma).clamp(1.0, 100_000.0) as u32
}

/// A JSON object of exactly `tokens` times four bytes.
fn arguments(seed: u64, tokens: u32) -> Vec<u8> {
    if tokens < 2 {
        return b"{  }".to_vec();
    }
    let mut out = b"{\"q\":\"".to_vec();
    for token in 2..tokens {
        out.extend_from_slice(WORDS[(mix(seed.wrapping_add(u64::from(token))) & 63) as usize]);
    }
    out.extend_from_slice(b"\"}");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LENGTH: AnswerLength = AnswerLength { median_tokens: 50.0, sigma: 0.5 };

    fn script(ask: &Ask, wishes: &Wishes) -> Script {
        Script::decide(1, ask, wishes, LENGTH)
    }

    fn wishes(output: u32) -> Wishes {
        Wishes { output_tokens: Some(output), ..Wishes::default() }
    }

    #[test]
    fn lengths_follow_the_header_then_the_cap() {
        let ask = Ask { cap: Some(10), ..Ask::default() };
        assert_eq!((script(&ask, &wishes(10)).total(), script(&ask, &wishes(10)).end), (10, End::Stop));
        assert_eq!((script(&ask, &wishes(11)).total(), script(&ask, &wishes(11)).end), (10, End::Length));
        let drawn: Vec<_> = (0..50)
            .map(|prompt_tokens| script(&Ask { prompt_tokens, ..Ask::default() }, &Wishes::default()).total())
            .collect();
        assert!(drawn.iter().all(|&total| total > 5 && total < 500));
        assert!(drawn.iter().max() > drawn.iter().min());
    }

    #[test]
    fn every_token_is_four_bytes_and_reproducible() {
        let one = script(&Ask::default(), &wishes(100));
        assert_eq!(one.string(0, 0, 100).len(), 400);
        assert_eq!(one.string(0, 0, 100), script(&Ask::default(), &wishes(100)).string(0, 0, 100));
        assert_ne!(one.string(0, 0, 100), one.string(1, 0, 100));
        assert_eq!(one.string(0, 3, 4), one.string(0, 0, 100)[12..16]);
    }

    #[test]
    fn arguments_are_json_of_the_length_asked_and_are_cut_by_a_cap() {
        for tokens in 1..40 {
            let (name, text) = script(&Ask::default(), &Wishes { tools: true, ..wishes(tokens) }).tool.unwrap();
            assert_eq!((name.as_str(), text.len()), ("lookup", tokens as usize * 4));
            assert!(serde_json::from_slice::<serde_json::Value>(&text).unwrap().is_object());
        }
        let ask = Ask { cap: Some(3), tool: Some("find".into()), tool_required: true, ..Ask::default() };
        let cut = script(&ask, &wishes(9));
        assert_eq!((cut.tool.unwrap().1.len(), cut.end), (12, End::Length));
    }

    #[test]
    fn reasoning_is_part_of_the_output() {
        let got = script(&Ask::default(), &Wishes { reasoning_tokens: 4, ..wishes(10) });
        assert_eq!((got.reasoning_tokens, got.body_tokens), (4, 6));
        assert_eq!((got.kind(3), got.kind(4)), ((Kind::Reasoning, 4), (Kind::Text, 10)));
        let capped = script(&Ask { cap: Some(3), ..Ask::default() }, &Wishes { reasoning_tokens: 4, ..wishes(10) });
        assert_eq!((capped.reasoning_tokens, capped.body_tokens), (3, 0));
    }
}
