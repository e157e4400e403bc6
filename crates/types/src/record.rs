//! The usage record: what one request cost and how long each part took. Never its text.
//!
//! Stored form, little-endian, 512 bytes: `[0..4]` checksum (written last by the journal; 0 = not committed),
//! `[4]` format version, then the fixed fields in the order of `encode`, then the names from `TEXT_AT`, each with
//! one length byte. Names that do not fit are cut, the least important last in line.

use crate::{Api, CacheUse, Lane, LimitMask, Outcome, PrefixUse, RequestId};

/// Size of one stored record.
pub const RECORD_BYTES: usize = 512;
/// "No value" in every 32-bit time and in `tpot_ns`.
pub const UNDEFINED: u32 = u32::MAX;

const VERSION: u8 = 2;
const TEXT_AT: usize = 200;
const TIMES: usize = 17;
const NAMES: usize = 10;

/// How strictly standards apply to a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Mode {
    #[default]
    Observe = 0,
    Warn = 1,
    Enforce = 2,
}

impl Mode {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

/// Where token counts came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TokenSource {
    /// Nothing was generated or counted.
    #[default]
    None = 0,
    /// The provider's usage object.
    Provider = 1,
    /// Bytes over the model's bytes-per-token ratio, since usage never came.
    Estimated = 2,
}

impl TokenSource {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Provider => "provider",
            Self::Estimated => "estimated",
        }
    }
}

/// Token counts of one request. `input` includes `cached` and `cache_write`; `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: u32,
    pub cached: u32,
    pub cache_write: u32,
    pub output: u32,
    pub reasoning: u32,
}

/// Facts that are true or false of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    pub const STREAMED: u32 = 1;
    /// The gateway spliced the use case's output cap in.
    pub const CAP_ADDED: u32 = 1 << 1;
    /// The answer ended because of its length.
    pub const ENDED_BY_LENGTH: u32 = 1 << 2;
    /// The gateway asked for usage and withheld the extra event.
    pub const USAGE_ADDED: u32 = 1 << 3;
    /// The model asked for is not in the standards for this use case.
    pub const OFF_STANDARD: u32 = 1 << 4;
    /// No valid use-case tag came with the request.
    pub const UNTAGGED: u32 = 1 << 5;
    /// The tag named a service that the key may not act for.
    pub const TAG_REFUSED: u32 = 1 << 6;
    /// A request was repeated on a fresh connection, before the first byte.
    pub const RECONNECTED: u32 = 1 << 7;
    /// The caller had set an output cap itself.
    pub const CAP_BY_CALLER: u32 = 1 << 8;
    /// The answer stopped because of a content filter.
    pub const FILTERED: u32 = 1 << 9;
    /// Another deployment than the first choice answered.
    pub const FALLBACK: u32 = 1 << 10;
    /// A second copy was sent because the first token was late.
    pub const HEDGED: u32 = 1 << 11;
    /// The second copy was the one that answered.
    pub const HEDGE_WON: u32 = 1 << 12;
    /// The provider streamed, the caller got the answer whole.
    pub const ASSEMBLED: u32 = 1 << 13;
    /// The gateway asked for the provider's prompt cache.
    pub const PROMPT_CACHE_ADDED: u32 = 1 << 14;
    /// The cap added was learned.
    pub const CAP_LEARNED: u32 = 1 << 15;
    /// A money limit applied although the price is unknown.
    pub const UNPRICED_UNDER_LIMIT: u32 = 1 << 16;
    /// A limit's use was past the share at which it warns.
    pub const LIMIT_NEAR: u32 = 1 << 17;
    /// The provider refused the prompt as too long for its context.
    pub const CONTEXT_TOO_LONG: u32 = 1 << 18;

    pub const fn set(&mut self, flag: u32) {
        self.0 |= flag;
    }

    #[must_use]
    pub const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// Everything the ledger learns of one request. Times are microseconds since `start_unix_us` unless the name says
/// otherwise; `UNDEFINED` means "did not happen" or "has no meaning here".
#[derive(Clone, Debug, PartialEq)]
pub struct UsageRecord {
    pub id: RequestId,
    /// Wall clock when the request's head was read.
    pub start_unix_us: u64,
    /// First eight bytes of the plan's hash: which limits and prices were in force.
    pub plan: u64,
    pub api: Api,
    pub outcome: Outcome,
    pub mode: Mode,
    pub token_source: TokenSource,
    pub flags: Flags,
    /// `Code` number; 0 for none.
    pub code: u16,
    /// Status sent to the caller; 0 if none was.
    pub status: u16,
    /// Status the provider answered; 0 if none.
    pub provider_status: u16,
    /// Times the request was sent to a provider: retries, hedges and repetitions on a fresh connection included.
    pub attempts: u8,
    pub lane: Lane,
    pub cache: CacheUse,
    pub prefix: PrefixUse,

    /// The caller's last byte in.
    pub body_us: u32,
    /// First byte out to the provider.
    pub sent_us: u32,
    /// The provider's response head.
    pub headers_us: u32,
    /// First event with a generated token (content, reasoning, tool-call argument); streamed only.
    pub first_us: u32,
    /// First event with text or a tool call a user can see; streamed only.
    pub visible_us: u32,
    /// Last token-bearing event; streamed only.
    pub last_us: u32,
    /// Stream closed, or last byte of the answer.
    pub end_us: u32,

    pub ttft_us: u32,
    pub ttfv_us: u32,
    /// Nanoseconds per output token after the first event.
    pub tpot_ns: u32,
    pub stall_us: u32,
    pub total_us: u32,
    /// Our own time on the way in: caller's last byte to first byte out, connecting excluded.
    pub overhead_in_ns: u32,
    /// Our own time on the way back: the sum, over reads, from bytes in to bytes handed to the caller's socket, for
    /// the first read.
    pub overhead_back_ns: u32,
    /// Opening a connection to the provider (0 when one was waiting).
    pub connect_us: u32,
    /// Waiting in the queue of the deployment that answered.
    pub queue_us: u32,
    /// From the first attempt's start to the start of the one that answered; undefined when it was the first.
    pub retry_us: u32,
    /// Token-bearing events.
    pub events: u32,

    pub tokens: Tokens,
    /// Billionths of a US dollar; -1 when the price or the tokens are unknown.
    pub cost_nanousd: i64,
    /// What the use case's default model would have cost for the same tokens, or what an answer from the cache cost the
    /// first time; -1 when neither is asked, or unknown.
    pub default_cost_nanousd: i64,
    /// Estimated cost of attempts beside the one that answered (hedges that lost, attempts given up after they were
    /// sent); not in `cost_nanousd`.
    pub other_cost_nanousd: i64,
    pub request_bytes: u32,
    pub response_bytes: u32,
    /// The output cap that was in force for this request; 0 for none.
    pub cap_tokens: u32,

    /// Limits that applied to this request and whose metric was defined for it (or which it failed).
    pub judged: LimitMask,
    /// Of those, the exceeded ones.
    pub over: LimitMask,

    pub service: String,
    pub use_case: String,
    /// `PROVIDER/MODEL`; empty if it never got that far.
    pub deployment: String,
    /// The standards' model name that was resolved; empty if none.
    pub model: String,
    /// The model as the caller wrote it, cut to 64 bytes.
    pub model_asked: String,
    /// Key identifier, never the key.
    pub key: String,
    pub session: String,
    pub reason: String,
    /// Version the provider says it served.
    pub model_served: String,
    /// Provider's own request identifier.
    pub provider_request: String,
}

/// Why stored bytes are not a record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    #[error("record format {0} is newer than this build understands")]
    Version(u8),
    #[error("record field {0} holds a number without meaning")]
    Field(&'static str),
    #[error("record text is not UTF-8 or runs past the record")]
    Text,
}

impl UsageRecord {
    /// A record of a request that has just begun: nothing happened yet.
    #[must_use]
    pub fn begin(id: RequestId, start_unix_us: u64, api: Api) -> Self {
        Self {
            id,
            start_unix_us,
            plan: 0,
            api,
            outcome: Outcome::InFlight,
            mode: Mode::Observe,
            token_source: TokenSource::None,
            flags: Flags(0),
            code: 0,
            status: 0,
            provider_status: 0,
            attempts: 0,
            lane: Lane::Standard,
            cache: CacheUse::None,
            prefix: PrefixUse::None,
            body_us: UNDEFINED,
            sent_us: UNDEFINED,
            headers_us: UNDEFINED,
            first_us: UNDEFINED,
            visible_us: UNDEFINED,
            last_us: UNDEFINED,
            end_us: UNDEFINED,
            ttft_us: UNDEFINED,
            ttfv_us: UNDEFINED,
            tpot_ns: UNDEFINED,
            stall_us: UNDEFINED,
            total_us: UNDEFINED,
            overhead_in_ns: UNDEFINED,
            overhead_back_ns: UNDEFINED,
            connect_us: UNDEFINED,
            queue_us: UNDEFINED,
            retry_us: UNDEFINED,
            events: 0,
            tokens: Tokens::default(),
            cost_nanousd: -1,
            default_cost_nanousd: -1,
            other_cost_nanousd: 0,
            request_bytes: 0,
            response_bytes: 0,
            cap_tokens: 0,
            judged: LimitMask(0),
            over: LimitMask(0),
            service: String::new(),
            use_case: String::new(),
            deployment: String::new(),
            model: String::new(),
            model_asked: String::new(),
            key: String::new(),
            session: String::new(),
            reason: String::new(),
            model_served: String::new(),
            provider_request: String::new(),
        }
    }

    /// Writes the stored form; the first four bytes stay zero for the journal's checksum.
    pub fn encode(&self, out: &mut [u8; RECORD_BYTES]) {
        let mut pen = Pen { out, at: 0 };
        pen.u32(0);
        pen.bytes(&[VERSION, self.api as u8, self.outcome as u8, self.mode as u8]);
        pen.bytes(&[self.token_source as u8, self.attempts]);
        pen.bytes(&self.code.to_le_bytes());
        pen.bytes(&self.status.to_le_bytes());
        pen.bytes(&self.provider_status.to_le_bytes());
        pen.bytes(&self.id.0);
        pen.u64(self.start_unix_us);
        pen.u64(self.plan);
        pen.u32(self.flags.0);
        pen.bytes(&[self.lane as u8, self.cache as u8, self.prefix as u8, 0]);
        for time in self.times() {
            pen.u32(time);
        }
        for count in self.counts() {
            pen.u32(count);
        }
        pen.u64(self.cost_nanousd.cast_unsigned());
        pen.u64(self.default_cost_nanousd.cast_unsigned());
        pen.u64(self.other_cost_nanousd.cast_unsigned());
        pen.u64(self.judged.0);
        pen.u64(self.over.0);
        debug_assert!(pen.at <= TEXT_AT);
        pen.at = TEXT_AT;
        for name in self.names() {
            pen.name(name);
        }
        let at = pen.at;
        out[at..].fill(0);
    }

    /// Reads the stored form back; the journal has checked the checksum.
    ///
    /// # Errors
    /// When the bytes come from a newer format or hold numbers without meaning.
    pub fn decode(bytes: &[u8; RECORD_BYTES]) -> Result<Self, RecordError> {
        let mut eye = Eye { bytes, at: 4 };
        let [version, api, outcome, mode] = eye.array();
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let [token_source, attempts] = eye.array();
        let mut record = Self::begin(RequestId::default(), 0, Api::from_number(api).ok_or(RecordError::Field("api"))?);
        record.outcome = Outcome::from_number(outcome).ok_or(RecordError::Field("outcome"))?;
        record.mode = match mode {
            0 => Mode::Observe,
            1 => Mode::Warn,
            2 => Mode::Enforce,
            _ => return Err(RecordError::Field("mode")),
        };
        record.token_source = match token_source {
            0 => TokenSource::None,
            1 => TokenSource::Provider,
            2 => TokenSource::Estimated,
            _ => return Err(RecordError::Field("token_source")),
        };
        record.attempts = attempts;
        record.code = u16::from_le_bytes(eye.array());
        record.status = u16::from_le_bytes(eye.array());
        record.provider_status = u16::from_le_bytes(eye.array());
        record.id = RequestId(eye.array());
        record.start_unix_us = eye.u64();
        record.plan = eye.u64();
        record.flags = Flags(eye.u32());
        let [lane, cache, prefix, _] = eye.array();
        record.lane = Lane::from_number(lane).ok_or(RecordError::Field("lane"))?;
        record.cache = CacheUse::from_number(cache).ok_or(RecordError::Field("cache"))?;
        record.prefix = PrefixUse::from_number(prefix).ok_or(RecordError::Field("prefix"))?;
        for time in record.times_mut() {
            *time = eye.u32();
        }
        for count in record.counts_mut() {
            *count = eye.u32();
        }
        record.cost_nanousd = eye.u64().cast_signed();
        record.default_cost_nanousd = eye.u64().cast_signed();
        record.other_cost_nanousd = eye.u64().cast_signed();
        record.judged = LimitMask(eye.u64());
        record.over = LimitMask(eye.u64());
        eye.at = TEXT_AT;
        for name in record.names_mut() {
            *name = eye.name()?;
        }
        Ok(record)
    }

    fn times(&self) -> [u32; TIMES] {
        let mut copy = self.clone_fixed();
        copy.times_mut().map(|time| *time)
    }

    fn counts(&self) -> [u32; 9] {
        let mut copy = self.clone_fixed();
        copy.counts_mut().map(|count| *count)
    }

    /// Everything but the names, so that one list of fields serves both directions.
    fn clone_fixed(&self) -> Self {
        Self {
            service: String::new(),
            use_case: String::new(),
            deployment: String::new(),
            model: String::new(),
            model_asked: String::new(),
            key: String::new(),
            session: String::new(),
            reason: String::new(),
            model_served: String::new(),
            provider_request: String::new(),
            ..*self
        }
    }

    const fn times_mut(&mut self) -> [&mut u32; TIMES] {
        [
            &mut self.body_us,
            &mut self.sent_us,
            &mut self.headers_us,
            &mut self.first_us,
            &mut self.visible_us,
            &mut self.last_us,
            &mut self.end_us,
            &mut self.ttft_us,
            &mut self.ttfv_us,
            &mut self.tpot_ns,
            &mut self.stall_us,
            &mut self.total_us,
            &mut self.overhead_in_ns,
            &mut self.overhead_back_ns,
            &mut self.connect_us,
            &mut self.queue_us,
            &mut self.retry_us,
        ]
    }

    const fn counts_mut(&mut self) -> [&mut u32; 9] {
        [
            &mut self.events,
            &mut self.tokens.input,
            &mut self.tokens.cached,
            &mut self.tokens.cache_write,
            &mut self.tokens.output,
            &mut self.tokens.reasoning,
            &mut self.request_bytes,
            &mut self.response_bytes,
            &mut self.cap_tokens,
        ]
    }

    fn names(&self) -> [&str; NAMES] {
        [
            &self.service,
            &self.use_case,
            &self.deployment,
            &self.model,
            &self.key,
            &self.model_asked,
            &self.session,
            &self.reason,
            &self.model_served,
            &self.provider_request,
        ]
    }

    const fn names_mut(&mut self) -> [&mut String; NAMES] {
        [
            &mut self.service,
            &mut self.use_case,
            &mut self.deployment,
            &mut self.model,
            &mut self.key,
            &mut self.model_asked,
            &mut self.session,
            &mut self.reason,
            &mut self.model_served,
            &mut self.provider_request,
        ]
    }
}

struct Pen<'a> {
    out: &'a mut [u8; RECORD_BYTES],
    at: usize,
}

impl Pen<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        let room = (RECORD_BYTES - self.at).saturating_sub(1).min(64);
        let mut end = name.len().min(room);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        if self.at < RECORD_BYTES {
            self.bytes(&[u8::try_from(end).unwrap_or(0)]);
            self.bytes(&name.as_bytes()[..end]);
        }
    }
}

struct Eye<'a> {
    bytes: &'a [u8; RECORD_BYTES],
    at: usize,
}

impl Eye<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&self.bytes[self.at..self.at + N]);
        self.at += N;
        out
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn name(&mut self) -> Result<String, RecordError> {
        let Some(&length) = self.bytes.get(self.at) else { return Ok(String::new()) };
        let end = self.at + 1 + usize::from(length);
        let name = self.bytes.get(self.at + 1..end).ok_or(RecordError::Text)?;
        self.at = end;
        String::from_utf8(name.to_vec()).map_err(|_| RecordError::Text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stored_form_reads_back(
            times in proptest::array::uniform17(any::<u32>()),
            counts in proptest::array::uniform9(any::<u32>()),
            cost in any::<i64>(),
            name in "\\PC{0,20}",
            outcome in 0_u8..13,
        ) {
            let mut record = UsageRecord::begin(RequestId::new(7, 9), 3, Api::Messages);
            record.times_mut().into_iter().zip(times).for_each(|(slot, value)| *slot = value);
            record.counts_mut().into_iter().zip(counts).for_each(|(slot, value)| *slot = value);
            record.cost_nanousd = cost;
            record.other_cost_nanousd = cost;
            record.cache = CacheUse::Shared;
            record.prefix = PrefixUse::Tools;
            record.lane = Lane::Batch;
            record.outcome = Outcome::from_number(outcome).unwrap();
            record.service.clone_from(&name);
            record.use_case = name;
            let mut bytes = [0xff; RECORD_BYTES];
            record.encode(&mut bytes);
            prop_assert_eq!(UsageRecord::decode(&bytes).unwrap(), record);
        }

        #[test]
        fn long_names_are_cut_and_any_bytes_decode_without_a_panic(
            name in "\\PC{0,200}", mut noise in proptest::collection::vec(any::<u8>(), RECORD_BYTES)
        ) {
            let mut record = UsageRecord::begin(RequestId::new(7, 9), 3, Api::Chat);
            for slot in record.names_mut() { slot.clone_from(&name); }
            let mut bytes = [0; RECORD_BYTES];
            record.encode(&mut bytes);
            let back = UsageRecord::decode(&bytes).unwrap();
            prop_assert!(name.starts_with(&back.service) && back.service.len() <= 64);
            noise[4] = VERSION;
            let _ = UsageRecord::decode(&noise.try_into().unwrap());
        }
    }
}
